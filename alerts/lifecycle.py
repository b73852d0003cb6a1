"""What people do to an alarm: acknowledge, comment, set aside for a while, reset. The condition axis is never touched.

Each act is one transaction: the alarm's row (compare-and-set), its timeline, the audit trail and the revision.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from alerts.decisions import MINUTE_MS
from coldchain.domain.finding import Condition, Severity
from coldchain.errors import InvalidValue, Stale
from coldchain.registry import alarm_rows
from coldchain.registry.changes import changed
from coldchain.registry.schema import alarm as alarm_table

LONGEST_COMMENT = 2000
LONGEST_SHELF_MS = {Severity.CRITICAL: 60 * MINUTE_MS}
_SHELF_MS = 24 * 60 * MINUTE_MS
VIAS = ("browser", "link", "sms", "api")


class Act(StrEnum):
    """What became of what somebody asked for."""

    ACKNOWLEDGED = "acknowledged"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    COMMENTED = "commented"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    RESET = "reset"


class Done(NamedTuple):
    """An act, and the alarm's version after it."""

    act: Act
    alarm: str
    version: int


class State(StrEnum):
    """An alarm as ISA-18.2 displays it; excursions latch until somebody resets them."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "active_unacknowledged"
    ACKNOWLEDGED = "active_acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    RETURNED_ACKNOWLEDGED = "returned_acknowledged"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed_by_design"
    OUT_OF_SERVICE = "out_of_service"


_SUPPRESSED = {"shelved": State.SHELVED, "by_design": State.SUPPRESSED, "out_of_service": State.OUT_OF_SERVICE}


def state(condition: str, suppression: str, *, acknowledged: bool, reset: bool) -> State:
    """The one word for an alarm's five axes; the axes themselves stay apart in the record."""
    if suppression in _SUPPRESSED:
        return _SUPPRESSED[suppression]
    if reset or condition == Condition.PENDING:
        return State.NORMAL
    if condition == Condition.RETURNED:
        return State.RETURNED_ACKNOWLEDGED if acknowledged else State.RETURNED_UNACKNOWLEDGED
    return State.ACKNOWLEDGED if acknowledged else State.UNACKNOWLEDGED


def acknowledge(
    connection: Connection,
    alarm_id: str,
    *,
    who: str,
    via: str,
    comment: str,
    now_ms: int,
    version: int | None = None,
    occasion: int | None = None,
) -> Done:
    """Record that somebody has the alarm in hand: stops its repeats, never the record.

    Args:
        connection: a writing transaction; the caller has checked that `who` may see and acknowledge the alarm.
        alarm_id: the alarm; a merged one stands for the one that it was merged into.
        who: the person's or key's id.
        via: browser, link, sms or api.
        comment: may be empty; kept in the alarm's timeline and in the audit trail.
        now_ms: the time.
        version: that of the alarm as it was shown, or None to acknowledge whatever is true now.
        occasion: of the message that is answered, for the record.

    Raises:
        NotFound: no such alarm.
        Stale: it has changed since `version`.
        InvalidValue: an unknown `via` or too long a comment.
    """
    if via not in VIAS:
        raise InvalidValue(f"via: {via[:20]!r} is not one of {', '.join(VIAS)}")
    text = _comment(comment)
    row = current(connection, alarm_id)
    if row.acknowledged_ms is not None:
        # Two answers to one alarm are no conflict: the first stands, whatever version the second one saw.
        return Done(Act.ALREADY_ACKNOWLEDGED, row.id, row.version)
    _unchanged(row, version)
    # A shelf keeps its timer: it must end by itself even after an acknowledgement.
    timer = row.suppressed_until_ms if row.suppression != "none" else None
    values = {"acknowledged_ms": now_ms, "acknowledged_by": who, "acknowledged_via": via, "next_timer_ms": timer}
    if text:
        values["comment"] = text
    new = alarm_rows.change(connection, row, **values)
    body = {"via": via, "comment": text, "occasion": occasion or row.occasion}
    _record(connection, row, Act.ACKNOWLEDGED, who=who, now_ms=now_ms, body=body, reason=text or None)
    return Done(Act.ACKNOWLEDGED, row.id, new)


def comment(connection: Connection, alarm_id: str, *, who: str, text: str, now_ms: int) -> Done:
    """Add a remark to the alarm's timeline.

    Raises:
        NotFound: no such alarm.
        InvalidValue: the remark is empty or too long.
    """
    said = _comment(text)
    if not said:
        raise InvalidValue("comment: is empty; say something or leave it")
    row = current(connection, alarm_id)
    new = alarm_rows.change(connection, row, comment=said)
    _record(connection, row, Act.COMMENTED, who=who, now_ms=now_ms, body={"comment": said}, reason=said)
    return Done(Act.COMMENTED, row.id, new)


def shelve(
    connection: Connection,
    alarm_id: str,
    *,
    who: str,
    until_ms: int,
    reason: str,
    now_ms: int,
    version: int | None = None,
) -> Done:
    """Say nothing of this alarm until `until_ms`; evaluation and record go on, and it always ends.

    Raises:
        NotFound, Stale: as `acknowledge`.
        InvalidValue: no reason, an end in the past, or one further away than 24 h (1 h for a critical alarm).
    """
    why = _comment(reason)
    if not why:
        raise InvalidValue("reason: is empty; say why this alarm may be set aside")
    row = current(connection, alarm_id)
    _unchanged(row, version)
    longest = LONGEST_SHELF_MS.get(Severity(row.severity), _SHELF_MS)
    if not now_ms < until_ms <= now_ms + longest:
        hours = longest // (60 * MINUTE_MS)
        raise InvalidValue(f"until: must lie within the next {hours} h for an alarm of this severity")
    new = alarm_rows.change(
        connection, row, suppression="shelved", suppressed_until_ms=until_ms, next_timer_ms=until_ms
    )
    body = {"until_ms": until_ms, "reason": why}
    _record(connection, row, Act.SHELVED, who=who, now_ms=now_ms, body=body, reason=why)
    return Done(Act.SHELVED, row.id, new)


def unshelve(connection: Connection, alarm_id: str, *, who: str, now_ms: int, reason: str = "") -> Done:
    """End a shelf now: the planner's next look announces what is active.

    Raises:
        NotFound: no such alarm.
        InvalidValue: it is not shelved.
    """
    row = current(connection, alarm_id)
    if row.suppression != "shelved":
        raise InvalidValue("suppression: this alarm is not shelved")
    new = alarm_rows.change(connection, row, suppressed_until_ms=now_ms, next_timer_ms=now_ms)
    _record(connection, row, Act.UNSHELVED, who=who, now_ms=now_ms, body={"reason": reason}, reason=reason or None)
    return Done(Act.UNSHELVED, row.id, new)


def reset(
    connection: Connection, alarm_id: str, *, who: str, reason: str, now_ms: int, version: int | None = None
) -> Done:
    """Take a returned and acknowledged alarm off the board; the caller has checked role and password.

    Raises:
        NotFound, Stale: as `acknowledge`.
        InvalidValue: no reason, or the alarm is still active or unacknowledged.
    """
    why = _comment(reason)
    if not why:
        raise InvalidValue("reason: is empty; say what the assessment came to")
    row = current(connection, alarm_id)
    _unchanged(row, version)
    if row.condition != Condition.RETURNED or row.acknowledged_ms is None:
        raise InvalidValue("condition: only a returned and acknowledged alarm can be reset")
    new = alarm_rows.change(connection, row, reset_ms=now_ms, next_timer_ms=None)
    _record(connection, row, Act.RESET, who=who, now_ms=now_ms, body={"reason": why}, reason=why)
    return Done(Act.RESET, row.id, new)


def current(connection: Connection, alarm_id: str) -> Row[Any]:
    """The alarm, or the one that it was merged into.

    Raises:
        NotFound: no such alarm.
    """
    row, seen = alarm_rows.row_of(connection, alarm_id), {alarm_id}
    while row.merged_into is not None and row.merged_into not in seen:
        seen.add(row.merged_into)
        row = alarm_rows.row_of(connection, row.merged_into)
    return row


def _unchanged(row: Row[Any], version: int | None) -> None:
    if version is not None and version != row.version:
        raise Stale("this alarm has changed since it was shown; look at it again")


def _comment(text: str) -> str:
    plain = text.replace("\r\n", "\n").strip()  # browsers end a form's lines with both
    if len(plain) > LONGEST_COMMENT:
        raise InvalidValue(f"comment: has {len(plain)} characters; {LONGEST_COMMENT} are allowed")
    if any(ord(c) < 32 and c not in "\n\t" for c in plain):
        raise InvalidValue("comment: has control characters; send it without them")
    return plain


def _record(
    connection: Connection, row: Row[Any], act: Act, *, who: str, now_ms: int, body: dict[str, Any], reason: str | None
) -> None:
    alarm_rows.note(connection, row.id, at_ms=now_ms, kind=act.value, who=who, body=body)
    changed(
        connection, who=who, now_ms=now_ms, action=f"alarm {act.value}", kind=alarm_table.name, id=row.id,
        old={"condition": row.condition, "acknowledged_by": row.acknowledged_by, "suppression": row.suppression},
        new=body, reason=reason,
    )  # fmt: skip
