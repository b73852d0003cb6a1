"""Messages that wait while their recipient moves or leaves: they follow the new number, or leave to nobody."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select, update

from coldchain.registry.outbox import DUE_STATES, parts
from coldchain.registry.schema import delivery_attempt, outbox
from coldchain.registry.store import bump_revision

_OWN = ("proof", "drill", "notice")  # forms that speak of the very address that they go to


def readdress(connection: Connection, person: str, channel: str, address: str | None, now_ms: int) -> None:
    """Let what waits for a person go to a new address, inside a writing transaction; None: there is none any more."""
    mine = (outbox.c.recipient == person, outbox.c.recipient_kind == "person", outbox.c.channel == channel)
    waits = (*mine, outbox.c.state.in_(DUE_STATES))
    over = select(outbox.c.id).where(*waits) if address is None else _of_the_old(waits)
    _end(connection, list(connection.execute(over).scalars()), "the address was taken away", now_ms)
    if address is not None:
        connection.execute(update(outbox).where(*waits).values(address=address))


def withdraw(connection: Connection, people: Collection[str], now_ms: int) -> list[str]:
    """Send nothing more to these people, inside a writing transaction; the rows that waited for them."""
    found: list[str] = []
    for part in parts(sorted(people)):
        mine = (outbox.c.recipient.in_(part), outbox.c.recipient_kind == "person")
        found += connection.execute(select(outbox.c.id).where(*mine, outbox.c.state.in_(DUE_STATES))).scalars()
    _end(connection, found, "the recipient's access has ended", now_ms)
    for part in parts(found):
        connection.execute(update(outbox).where(outbox.c.id.in_(part)).values(fallback_ms=None))
    return found


def _of_the_old(waits: Collection[Any]) -> Any:
    """What asks whether the old address works: no question for the new one."""
    return select(outbox.c.id).where(*waits, outbox.c.reason.in_(_OWN))


def _end(connection: Connection, ids: list[str], why: str, now_ms: int) -> None:
    ended = {"state": "failed_permanent", "next_due_ms": None, "lead": None}
    tried = {"started_ms": now_ms, "finished_ms": now_ms, "outcome": "failed_permanent", "code": "withdrawn"}
    for part in parts(ids):
        connection.execute(update(outbox).where(outbox.c.id.in_(part)).values(**ended))
        connection.execute(delivery_attempt.insert(), [{**tried, "outbox": id_, "detail": why} for id_ in part])
    if ids:
        bump_revision(connection)
