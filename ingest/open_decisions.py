"""Decisions to decode again of which something may be left: written down with the act, ended when nothing can come."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select

from coldchain.domain.shipment import FactKind
from coldchain.registry import facts
from coldchain.registry.schema import setting
from coldchain.registry.store import Registry, bump_revision, upsert

EVER_MS = 1 << 60

_PENDING = "decode-again:"
_OPEN_MS = 5_000  # after a decision: until then another process may still read messages with older profiles


class Request(NamedTuple):
    """Which messages: those of a logger that arrived in [from_ms, to_ms)."""

    logger: str
    from_ms: int = 0
    to_ms: int = EVER_MS


class Pending(NamedTuple):
    """A decision that something may be left of."""

    decision: str
    request: Request
    decided_ms: int
    first_ms: int  # of the readings that it changes
    profiles: tuple[str, ...]  # by which it decodes; none: whatever counts today
    told: bool = False  # the engine knows of it


def pending(registry: Registry) -> list[Pending]:
    """Every decision that is open.

    Raises:
        TransientError: the registry cannot be read.
    """
    query = select(setting.c.name, setting.c.value).where(setting.c.name.startswith(_PENDING))
    with registry.read() as connection:
        rows = connection.execute(query).all()
    return [_from_row(row.name.removeprefix(_PENDING), row.value) for row in rows]


def _from_row(decision: str, value: Any) -> Pending:
    if isinstance(value, list):  # as earlier versions wrote it
        return Pending(decision, Request(*value), 0, 0, ())
    profiles = tuple(value["profiles"])
    return Pending(
        decision, Request(*value["request"]), value["decided_ms"], value["first_ms"], profiles, value["told"]
    )


def write(connection: Connection, pending: Pending) -> None:
    """Write an open decision down, in a writing transaction."""
    value = {name: part for name, part in pending._asdict().items() if name != "decision"}
    upsert(connection, setting, {"name": f"{_PENDING}{pending.decision}"}, {"value": value})


def tell(registry: Registry, pending: Pending, now_ms: int) -> None:
    """The journal has it: the engine judges again what it may have judged in between."""
    with registry.write() as connection:
        for subject, _ in facts.bound_subjects(connection, pending.request.logger):
            facts.mark_dirty(connection, subject, pending.first_ms, FactKind.INTERPRETATION.value, now_ms)
        write(connection, pending._replace(told=True))
        bump_revision(connection)


def end(registry: Registry, pending: Pending, now_ms: int) -> None:
    """Close a decision once no process can have missed it."""
    if now_ms - pending.decided_ms > _OPEN_MS:
        with registry.write() as connection:
            connection.execute(delete(setting).where(setting.c.name == f"{_PENDING}{pending.decision}"))
