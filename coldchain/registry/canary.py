"""What is known of the canary: which roads it must take how often, and when it last came through each to the end."""

from typing import NamedTuple

from sqlalchemy import Connection, select

from coldchain.domain.canary import BROKER, CHANNEL, LISTENER, recipient
from coldchain.domain.quantity import iso
from coldchain.registry.schema import outbox, setting
from coldchain.registry.store import upsert

_SETTING = "canary"
_AHEAD_MS = 2000


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


def missing(connection: Connection, now_ms: int, within_s: float) -> str | None:
    """One sentence if any road's canary has not come through for `within_s` seconds, else None.

    A road that has just been put to use is given as long for its first one.
    """
    wanted = expected(connection)
    if wanted is None:
        return None
    arrived = passages(connection)
    late = []
    for road in wanted.roads:
        since_ms = arrived.get(road, wanted.since_ms)
        # After a clock was put back an old passage would look fresh for long: it is none.
        silent_s = (now_ms - since_ms) / 1000 if since_ms <= now_ms + _AHEAD_MS else float("inf")
        if silent_s > within_s:
            late.append(f"{road} (since {iso(since_ms)})")
    if not late:
        return None
    return f"the test message that passes the whole chain every {wanted.every_s:g} s is missing: {', '.join(late)}"
