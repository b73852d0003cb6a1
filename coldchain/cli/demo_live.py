"""How far the demo has lived, and what its people do while somebody watches."""

import time
from collections.abc import Sequence

import structlog
from sqlalchemy import Connection, select

from coldchain.cli.demo_world import Deed
from coldchain.clock import Clock
from coldchain.errors import ColdchainError
from coldchain.registry import schema
from coldchain.registry.store import Registry, upsert

_SETTING = "demo"
_REMEMBER_EVERY_S = 10.0
_log = structlog.get_logger()


def known(registry: Registry) -> dict[str, int] | None:
    """The end of the demo's history and how far it has lived; None where no demo lives."""
    query = select(schema.setting.c.value).where(schema.setting.c.name == _SETTING)
    with registry.read() as connection:
        found: dict[str, int] | None = connection.execute(query).scalar_one_or_none()
    return found


def remember(connection: Connection, *, end_ms: int, lived_until_ms: int) -> None:
    """Record inside a writing transaction how far the demo has lived: everything before has happened."""
    values = {"end_ms": end_ms, "lived_until_ms": lived_until_ms}
    upsert(connection, schema.setting, {"name": _SETTING}, {"value": values})


def perform(connection: Connection, deed: Deed) -> None:
    """Do what somebody did; where a visitor of the demo was there first (closed the shipment, say), leave it."""
    try:
        with connection.begin_nested():
            deed.do(connection, deed.at_ms)
    except ColdchainError as error:
        _log.info("deed left undone", reason=str(error))


class LivePeople:
    """Lets the deeds that lie ahead happen at their time; asked again and again by the supervisor."""

    def __init__(self, registry: Registry, deeds: Sequence[Deed], clock: Clock, end_ms: int) -> None:
        """`deeds` are those that have not happened yet; `end_ms` is the end of the demo's history."""
        self._registry, self._clock, self._end_ms = registry, clock, end_ms
        self._ahead = sorted(deeds, key=lambda deed: deed.at_ms)
        self._remembered_s = time.monotonic()

    def tick(self) -> None:
        """Do what is due, and remember now and then how far it is."""
        now_ms = self._clock.now_ms()
        due = [deed for deed in self._ahead if deed.at_ms <= now_ms]
        if not due and time.monotonic() - self._remembered_s < _REMEMBER_EVERY_S:
            return
        with self._registry.write() as connection:
            for deed in due:
                perform(connection, deed)
            # In the same transaction: after a power cut nothing is done twice.
            remember(connection, end_ms=self._end_ms, lived_until_ms=now_ms + 1)
        self._ahead = self._ahead[len(due) :]
        self._remembered_s = time.monotonic()
