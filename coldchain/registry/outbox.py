"""The outbox: what must reach somebody, who holds it while it is sent, and every attempt.

A row's way: queued → sending → accepted → delivered, or failed_temporary and unknown (both due again), or
failed_permanent. `sending` is committed before a byte leaves; a row found in it afterwards may have been sent.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from coldchain.registry.schema import delivery_attempt, outbox
from coldchain.registry.store import bump_revision, new_id

LEASE = "notifier"
DIGEST_MS = 3600_000
DUE_STATES = ("queued", "failed_temporary", "unknown")
WAITING_STATES = (*DUE_STATES, "sending")
LONGEST_WAIT_MS = 3600_000  # of a message between two attempts
DAILY_STEP = -1  # of a daily digest, which waits for its reader's time
_LONGEST_DAILY_MS = 9 * 86_400_000
_IN_ONE_STATEMENT = 400
_UNDER_WAY = ("sending", "unknown", "accepted")


class Member(NamedTuple):
    """A row whose news another row's message carries."""

    id: str
    alarm: str
    occasion: int
    content: dict[str, Any]
    created_ms: int


class Claimed(NamedTuple):
    """One message in the hands of one sender; `fence` proves that the hands are still the right ones."""

    id: str
    alarm: str
    occasion: int
    recipient: str
    channel: str
    address: str
    content: dict[str, Any]
    attempts: int  # this one included
    possible_repeat: bool
    created_ms: int
    fence: int
    attempt: int  # its row in delivery_attempt
    members: tuple[Member, ...] = ()  # the other rows that leave with it
    code: str | None = None  # what an answer by SMS quotes
    recipient_kind: str = "person"

    @property
    def rows(self) -> list[str]:
        """Every row that this message stands for."""
        return [self.id, *(member.id for member in self.members)]

    @property
    def alarms(self) -> set[str]:
        """Every alarm that it speaks of."""
        return {self.alarm, *(member.alarm for member in self.members)}


class Outcome(NamedTuple):
    """What an attempt led to, ready to be written down."""

    state: str
    code: str
    detail: str
    next_due_ms: int | None = None
    provider_id: str | None = None
    possible_repeat: bool = False


def queue(connection: Connection, row: dict[str, Any]) -> str | None:
    """Add a row in state `queued`; None if its (alarm, occasion, step, recipient, channel) is there already."""
    values = {"id": new_id(), "state": "queued", **row}
    id_: str | None = connection.execute(_queueing(connection.dialect.name), values).scalar_one_or_none()
    return id_


@cache
def _queueing(dialect: str) -> Any:
    """The statement, made once: a storm queues thousands of rows in one transaction."""
    insert = (sqlite if dialect == "sqlite" else postgresql).insert
    # The row itself answers: drivers count what was not inserted in different ways.
    return insert(outbox).on_conflict_do_nothing().returning(outbox.c.id)


def told(connection: Connection, alarm: str) -> set[tuple[str, str]]:
    """(recipient, channel) of everybody who was or is being told of this alarm; refused messages told nobody."""
    query = select(outbox.c.recipient, outbox.c.channel).distinct()
    query = query.where(outbox.c.alarm == alarm, outbox.c.state != "failed_permanent")
    return {(row.recipient, row.channel) for row in connection.execute(query)}


def waiting(connection: Connection, alarm: str) -> set[tuple[str, str]]:
    """(recipient, channel) for which an earlier message of this alarm has not left yet."""
    query = select(outbox.c.recipient, outbox.c.channel).distinct()
    query = query.where(outbox.c.alarm == alarm, outbox.c.state.in_(WAITING_STATES))
    return {(row.recipient, row.channel) for row in connection.execute(query)}


def open_digest(connection: Connection, recipient: str, now_ms: int) -> Row[Any] | None:
    """The digest that is still being collected for this person; none collects for longer than `DIGEST_MS`."""
    query = select(outbox).where(outbox.c.recipient == recipient, outbox.c.state == "queued", outbox.c.attempts == 0)
    query = query.where(
        outbox.c.step != DAILY_STEP,
        outbox.c.content["digest"].as_boolean().is_(True),
        outbox.c.created_ms > now_ms - DIGEST_MS,
    )
    return connection.execute(query.order_by(outbox.c.created_ms).limit(1)).one_or_none()


def open_daily(connection: Connection, recipient: str) -> Row[Any] | None:
    """The daily digest that waits for this person's time."""
    query = select(outbox).where(outbox.c.recipient == recipient, outbox.c.state == "queued", outbox.c.attempts == 0)
    return connection.execute(query.where(outbox.c.step == DAILY_STEP).limit(1)).one_or_none()


def rewrite(connection: Connection, id: str, content: dict[str, Any]) -> None:  # noqa: A002
    """Replace the content of a row that nobody has begun to send."""
    connection.execute(update(outbox).where(outbox.c.id == id, outbox.c.state == "queued").values(content=content))


def recover(connection: Connection, fence: int, now_ms: int) -> int:
    """Make due again, marked as a possible repeat, what an earlier holder of the lease left in `sending`.

    So is a row of this holder whose time is up: its outcome could not be written down.
    """
    abandoned = or_(outbox.c.fence != fence, outbox.c.lease_until_ms < now_ms)
    left = select(outbox.c.id).where(outbox.c.state == "sending", abandoned)
    ids = [row.id for row in connection.execute(left)]
    if not ids:
        return 0
    again = {"state": "unknown", "possible_repeat": True, "next_due_ms": now_ms, "lease_holder": None}
    detail = "the sender ended before the outcome was known"
    for part in parts(ids):
        connection.execute(update(outbox).where(outbox.c.id.in_(part)).values(**again, lease_until_ms=None))
        cut = update(delivery_attempt).where(delivery_attempt.c.outbox.in_(part))
        cut = cut.where(delivery_attempt.c.finished_ms.is_(None))
        connection.execute(cut.values(finished_ms=now_ms, outcome="unknown", code="interrupted", detail=detail))
    bump_revision(connection)
    return len(ids)


def finish(connection: Connection, claimed: Claimed, outcome: Outcome, message_id: str | None, now_ms: int) -> bool:
    """Write down what an attempt led to; False if the row has been taken over or confirmed meanwhile.

    A receipt may overtake the answer that it belongs to; then only what is still unknown is added.
    """
    result = {"outcome": outcome.state, "code": outcome.code[:60], "detail": outcome.detail[:300]}
    connection.execute(_ending(), {"attempt_id": claimed.attempt, "finished_ms": now_ms, **result})
    accepted = {"accepted_ms": now_ms, "provider_id": outcome.provider_id, "message_id": message_id}
    values: dict[str, Any] = {"state": outcome.state, "next_due_ms": outcome.next_due_ms, "message_id": message_id}
    values |= {"lease_holder": None, "lease_until_ms": None}
    if outcome.possible_repeat:
        values["possible_repeat"] = True
    if outcome.state == "accepted":
        values |= accepted
    kept = 0
    for part in parts(claimed.rows):
        mine = {"ids": part, "held": claimed.fence}
        sent = connection.execute(_settling("sending", tuple(values)), {**mine, **values}).rowcount
        if outcome.state == "accepted" and sent < len(part):
            connection.execute(_settling("delivered", tuple(accepted)), {**mine, **accepted})
        kept += sent
    bump_revision(connection)
    return kept > 0


# Statements are made once: to make one costs more than to run it, and a storm runs each thousands of times.


@cache
def _ending() -> Update:
    values: dict[str, Any] = {name: bindparam(name) for name in ("finished_ms", "outcome", "code", "detail")}
    return update(delivery_attempt).where(delivery_attempt.c.id == bindparam("attempt_id")).values(values)


@cache
def _settling(state: str, names: tuple[str, ...]) -> Update:
    """What was sent under one fencing number and is in `state`; of what a receipt overtook only what is unknown."""
    mine = (outbox.c.id.in_(bindparam("ids", expanding=True)), outbox.c.fence == bindparam("held"))
    overtaken = (outbox.c.accepted_ms.is_(None),) if state == "delivered" else ()
    found = update(outbox).where(*mine, outbox.c.state == state, *overtaken)
    return found.values({name: bindparam(name) for name in names})


def parts(ids: Sequence[str]) -> list[Sequence[str]]:
    """The ids in portions that one statement can name."""
    return [ids[n : n + _IN_ONE_STATEMENT] for n in range(0, len(ids), _IN_ONE_STATEMENT)]


def channels_due(connection: Connection, now_ms: int) -> dict[str, int]:
    """How many messages of each channel are due and not yet accepted."""
    return {row[0]: row[1] for row in connection.execute(_channels_due(), {"now_ms": now_ms})}


@cache
def _channels_due() -> Select[Any]:
    query = select(outbox.c.channel, func.count()).where(outbox.c.state.in_(DUE_STATES), due_condition())
    return query.group_by(outbox.c.channel)


def due_condition() -> ColumnElement[bool]:
    """Due at the time that the parameter `now_ms` gives, or put off for longer than anything is."""
    return or_(*due_ways())


def due_ways() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Due at `now_ms`; put off for longer than anything is, so the clock was put back since. Each by an index."""
    now_ms = bindparam("now_ms", type_=BigInteger)
    ahead = outbox.c.next_due_ms > now_ms + LONGEST_WAIT_MS
    daily = or_(outbox.c.step != DAILY_STEP, outbox.c.next_due_ms > now_ms + _LONGEST_DAILY_MS)
    return outbox.c.next_due_ms <= now_ms, and_(ahead, daily)


def undecided(connection: Connection) -> int:
    """How many messages are neither accepted nor refused for good."""
    query = select(func.count()).select_from(outbox).where(outbox.c.state.in_(WAITING_STATES))
    return int(connection.execute(query).scalar_one())


def next_due(connection: Connection) -> int | None:
    """When the next message is due, past or future."""
    query = select(func.min(outbox.c.next_due_ms)).where(outbox.c.state.in_(DUE_STATES))
    due: int | None = connection.execute(query).scalar_one()
    return due


def receipt(
    connection: Connection,
    id: str,  # noqa: A002
    *,
    state: str,
    provider_id: str,
    code: str,
    detail: str,
    now_ms: int,
) -> list[Row[Any]]:
    """Apply a provider's final word on a message; the rows that it changes, empty if it changes nothing.

    Delivered is evidence and wins over everything; undelivered counts only for the sending that it names and only
    while nothing better is known. So order, repetition and delay of receipts do not matter. What is true of a message
    is true of every row that it carried.
    """
    query = select(outbox).where(or_(outbox.c.id == id, outbox.c.lead == id))
    changed = [row for row in connection.execute(query) if _believed(row, id, state, provider_id)]
    if not changed:
        return []
    values: dict[str, Any] = {"state": state, "next_due_ms": None, "lease_holder": None, "lease_until_ms": None}
    if state == "delivered":
        values |= {"delivered_ms": now_ms, "provider_id": provider_id}
    for part in parts([row.id for row in changed]):
        connection.execute(update(outbox).where(outbox.c.id.in_(part)).values(**values))
    said = {"outbox": id, "started_ms": now_ms, "finished_ms": now_ms, "outcome": state}
    connection.execute(delivery_attempt.insert().values(**said, code=code[:60], detail=detail[:300]))
    bump_revision(connection)
    return changed


def _believed(row: Row[Any], id_: str, state: str, provider_id: str) -> bool:
    if row.state in ("delivered", state):
        return False
    if state != "delivered":
        return bool(row.provider_id == provider_id and row.state == "accepted")
    # A row that was carried once and failed goes its own way since: this receipt is not about it.
    return row.id == id_ or row.state in _UNDER_WAY
