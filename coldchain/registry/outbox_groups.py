"""Rows of the outbox that could leave together: what waits for one address, what reached it lately, and taking both."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
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
    union_all,
    update,
)

from coldchain.registry.outbox import (
    DUE_STATES,
    LEASE,
    LONGEST_WAIT_MS,
    Claimed,
    Member,
    due_condition,
    due_ways,
    parts,
)
from coldchain.registry.schema import alarm, delivery_attempt, lease, outbox, person

MOST_ROWS = 1_000  # of one message
MOST_ABREAST = 4  # messages to one recipient over one channel at a time
ALONE = "alone"  # in a row's content: it joins no other, because the message of all was refused
_ARRIVED = ("accepted", "delivered", "failed_permanent")  # the last: a receipt took the acceptance back


class Mailbox(NamedTuple):
    """One recipient on one channel at one address."""

    recipient: str
    channel: str
    address: str


def holds(connection: Connection, holder: str, fence: int) -> bool:
    """Whether this dispatcher still is the one that works."""
    return connection.execute(_HELD, {"holder": holder, "fence": fence}).first() is not None


def first_due(
    connection: Connection, channel: str, now_ms: int, *, abreast: int = MOST_ABREAST, since_ms: int = 0
) -> Mailbox | None:
    """Who has waited longest for a message over this channel.

    Not whoever has `abreast` messages under way already that were claimed with a lease beyond `since_ms`: a hostile
    recipient of a storm must not take every place there is.
    """
    asked = {"channel": channel, "now_ms": now_ms, "abreast": abreast, "since_ms": since_ms}
    row = connection.execute(_first_due(), asked).one_or_none()
    return None if row is None else Mailbox(row.recipient, row.channel, row.address)


def pending(connection: Connection, box: Mailbox, now_ms: int) -> list[Row[Any]]:
    """What is due for this address, and what was due before and waits; each with `due`, the oldest first.

    What its planner wants told later (a digest that collects, quiet hours) has never been looked at and stays out.
    """
    return list(connection.execute(_pending(), {**box._asdict(), "now_ms": now_ms}))


def under_way(connection: Connection, box: Mailbox, alarm: str, since_ms: int) -> bool:
    """Whether a message about this alarm is being sent to this address, claimed with a lease beyond `since_ms`."""
    sent = (outbox.c.recipient == box.recipient, outbox.c.channel == box.channel, outbox.c.state == "sending")
    query = select(outbox.c.id).where(*sent, outbox.c.alarm == alarm, outbox.c.lease_until_ms > since_ms)
    return connection.execute(query.limit(1)).first() is not None


def lately(connection: Connection, box: Mailbox, since_ms: int, now_ms: int) -> list[tuple[int, list[Any]]]:
    """(time, groups) of each message that reached the recipient since then, or may have; members are not counted."""
    whose = {"recipient": box.recipient, "channel": box.channel, "since_ms": since_ms}
    rows = connection.execute(_lately(), whose)
    # A time ahead of now is of a clock that has been put back since: it must not silence anybody for hours.
    return [(row.at_ms, row.groups or []) for row in rows if row.at_ms and since_ms < row.at_ms <= now_ms + 1_000]


def postpone(connection: Connection, ids: Sequence[str], until_ms: int, fence: int, patience_ms: int) -> None:
    """Look at these rows again at `until_ms`; they have been seen, and a fail-over waits as much longer."""
    for part in parts(ids):
        these = outbox.c.id.in_(part)
        connection.execute(update(outbox).where(these).values(next_due_ms=until_ms, fence=fence))
        later = and_(these, outbox.c.fallback_ms < until_ms + patience_ms)
        connection.execute(update(outbox).where(later).values(fallback_ms=until_ms + patience_ms))


def take(
    connection: Connection,
    rows: Sequence[Row[Any]],
    *,
    holder: str,
    fence: int,
    now_ms: int,
    lease_ms: int,
    groups: list[list[Any]],
    code: str | None,
) -> Claimed:
    """Put rows into `sending` as one message named after the first, and open its attempt."""
    lead, members = rows[0], rows[1:]
    taken = {"fence": fence, "lease_holder": holder, "lease_until_ms": now_ms + lease_ms, "code": code}
    content = {**lead.content, "groups": groups}
    connection.execute(_taking(lead=True), {**taken, "ids": [lead.id], "lead": None, "content": content})
    for part in parts([row.id for row in members]):
        connection.execute(_taking(lead=False), {**taken, "ids": part, "lead": lead.id})
    begun = connection.execute(_BEGINNING, {"outbox": lead.id, "started_ms": now_ms}).inserted_primary_key
    return Claimed(
        lead.id, lead.alarm, lead.occasion, lead.recipient, lead.channel, lead.address, content, lead.attempts + 1,
        any(row.possible_repeat for row in rows), min(row.created_ms for row in rows), fence,
        int(begun[0]) if begun else 0,
        tuple(Member(row.id, row.alarm, row.occasion, row.content, row.created_ms) for row in members),
        code, lead.recipient_kind,
    )  # fmt: skip


def part(connection: Connection, claimed: Claimed) -> None:
    """Let the rows of a message leave one by one from now on."""
    for id_, content in [(claimed.id, claimed.content), *((one.id, one.content) for one in claimed.members)]:
        mine = (outbox.c.id == id_, outbox.c.fence == claimed.fence, outbox.c.state == "failed_temporary")
        connection.execute(update(outbox).where(*mine).values(content={**content, ALONE: True}))


def any_overdue(connection: Connection, now_ms: int) -> bool:
    """Whether a message should have been accepted or confirmed by now and has another channel to go by."""
    late = or_(outbox.c.fallback_ms <= now_ms, outbox.c.fallback_ms > now_ms + LONGEST_WAIT_MS)
    return connection.execute(select(outbox.c.id).where(late).limit(1)).first() is not None


def unanswered(connection: Connection, alarms: set[str]) -> bool:
    """Whether any of these alarms has not been acknowledged."""
    for part in parts(sorted(alarms)):
        query = select(alarm.c.id).where(alarm.c.id.in_(part), alarm.c.acknowledged_ms.is_(None)).limit(1)
        if connection.execute(query).first() is not None:
            return True
    return False


def codes_in_use(connection: Connection, recipient: str, number: str, since_ms: int) -> set[str]:
    """The codes that answers of this recipient, or of anybody else who shares the phone, may still quote."""
    sharing = select(person.c.id).where(person.c.phone == number)
    asked = (outbox.c.channel == "sms", outbox.c.code.is_not(None), outbox.c.created_ms > since_ms)
    theirs = or_(outbox.c.recipient == recipient, outbox.c.recipient.in_(sharing))
    query = select(outbox.c.code).distinct().where(theirs)
    return set(connection.execute(query.where(*asked)).scalars())


def by_short_id(connection: Connection, beginning: str) -> str | None:
    """The message whose id begins so; None for none, or for a beginning too short to mean one."""
    if len(beginning) < 8 or not set(beginning) <= set("0123456789abcdef-"):
        return None
    query = select(outbox.c.id).where(outbox.c.id.startswith(beginning, autoescape=True)).limit(2)
    found = list(connection.execute(query).scalars())
    return found[0] if len(found) == 1 else None


def carried(connection: Connection, lead: str) -> list[Row[Any]]:
    """Every row that the message of `lead` stood for, itself first."""
    query = select(outbox).where(or_(outbox.c.id == lead, outbox.c.lead == lead))
    return sorted(connection.execute(query), key=lambda row: (row.id != lead, row.created_ms, row.id))


# Statements are made once: to make one costs more than to run it, and a storm runs each thousands of times.

_HELD = select(lease.c.fence).where(
    lease.c.name == LEASE, lease.c.holder == bindparam("holder"), lease.c.fence == bindparam("fence")
)
_BEGINNING = delivery_attempt.insert()


@cache
def _first_due() -> Select[Any]:
    """Of each state the row that has waited longest, found by an index however many wait; of these the first."""
    found = []
    other = outbox.alias()
    same = (other.c.recipient == outbox.c.recipient, other.c.channel == outbox.c.channel, other.c.state == "sending")
    abreast = select(func.count()).select_from(other).where(*same, other.c.lead.is_(None))
    room = abreast.where(other.c.lease_until_ms > bindparam("since_ms")).scalar_subquery() < bindparam("abreast")
    for state in DUE_STATES:
        for due in due_ways():
            query = select(outbox.c.recipient, outbox.c.channel, outbox.c.address, outbox.c.next_due_ms)
            query = query.where(outbox.c.channel == bindparam("channel"), outbox.c.state == state, due, room)
            found.append(query.order_by(outbox.c.next_due_ms).limit(1).subquery())
    first = union_all(*(select(one) for one in found)).subquery()
    return select(first).order_by(first.c.next_due_ms).limit(1)


@cache
def _pending() -> Select[Any]:
    due = due_condition()
    query = select(outbox, due.label("due")).where(*_of_box(), outbox.c.state.in_(DUE_STATES))
    query = query.where(outbox.c.address == bindparam("address"), or_(due, outbox.c.fence > 0))
    return query.order_by(outbox.c.created_ms, outbox.c.id).limit(MOST_ROWS)


@cache
def _lately() -> Select[Any]:
    began = select(func.max(delivery_attempt.c.started_ms)).where(delivery_attempt.c.outbox == outbox.c.id)
    at = func.coalesce(outbox.c.accepted_ms, began.scalar_subquery())
    arrived = and_(outbox.c.state.in_(_ARRIVED), outbox.c.accepted_ms > bindparam("since_ms"))
    doubtful = and_(outbox.c.state.in_(("sending", "unknown")), outbox.c.attempts > 0)
    query = select(at.label("at_ms"), outbox.c.content["groups"].label("groups"))
    return query.where(*_of_box(), outbox.c.lead.is_(None), or_(arrived, doubtful))


@cache
def _taking(*, lead: bool) -> Update:
    names = ("fence", "lease_holder", "lease_until_ms", "code", "lead", *(("content",) if lead else ()))
    values = {"state": "sending", "attempts": outbox.c.attempts + 1, **{name: bindparam(name) for name in names}}
    return update(outbox).where(outbox.c.id.in_(bindparam("ids", expanding=True))).values(values)


def _of_box() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return outbox.c.recipient == bindparam("recipient"), outbox.c.channel == bindparam("channel")
