"""What is known of the canary: which roads it must take how often, and when it last came through each to the end."""

from typing import NamedTuple

from sqlalchemy import Connection, select

from coldchain.domain.canary import BROKER, CHANNEL, LISTENER, recipient
from coldchain.registry.schema import outbox, setting
from coldchain.registry.store import upsert

_SETTING = "canary"


class Expected(NamedTuple):
    """Over which roads a canary is sent, how often, and since when that is so."""

    roads: tuple[str, ...]
    every_s: float
    since_ms: int


def expect(connection: Connection, roads: tuple[str, ...], every_s: float, now_ms: int) -> None:
    """Say, inside a writing transaction, which canaries are sent from now on."""
    value = {"roads": list(roads), "every_s": every_s, "since_ms": now_ms}
    upsert(connection, setting, {"name": _SETTING}, {"value": value})


def expected(connection: Connection) -> Expected | None:
    """Which canaries are sent; None where none ever was."""
    said = connection.execute(select(setting.c.value).where(setting.c.name == _SETTING)).scalar_one_or_none()
    return None if said is None else Expected(tuple(said["roads"]), float(said["every_s"]), int(said["since_ms"]))


def passages(connection: Connection) -> dict[str, int]:
    """When (ms) the newest canary of each road came out at the end of the outbox."""
    query = select(outbox.c.recipient, outbox.c.accepted_ms).where(outbox.c.channel == CHANNEL)
    query = query.where(outbox.c.accepted_ms.is_not(None)).order_by(outbox.c.occasion)
    newest = {row.recipient: int(row.accepted_ms) for row in connection.execute(query)}
    named = {road: newest.get(recipient(road)) for road in (LISTENER, BROKER)}
    return {road: at_ms for road, at_ms in named.items() if at_ms is not None}
