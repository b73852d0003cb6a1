"""What people do to an alarm: acknowledge, comment, hand over, reset. The condition axis is never touched.

Each act is one transaction: the alarm's row (compare-and-set), its timeline, the audit trail and the revision.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from alerts.held import held_of
from alerts.subjects import visible_to
from alerts.timers import next_timer_ms
from coldchain.domain.finding import Condition
from coldchain.errors import InvalidValue, Stale
from coldchain.registry import alarm_rows, contacts
from coldchain.registry.changes import changed
from coldchain.registry.schema import alarm as alarm_table
from coldchain.registry.viewer import PERMISSIONS, Permission

LONGEST_COMMENT = 2000
VIAS = ("browser", "link", "sms", "api")


class Act(StrEnum):
    """What became of what somebody asked for."""

    ACKNOWLEDGED = "acknowledged"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    COMMENTED = "commented"
    SHELF_ASKED = "shelf_asked"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    ASSIGNED = "assigned"
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
    """Record that somebody has the alarm in hand: stops its repeats for a time, never the record.

    While the alarm stays active the answer covers it for an hour (critical: half an hour) after the newest comment.

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
    text = checked_words(comment)
    row = current(connection, alarm_id)
    if row.acknowledged_ms is not None:
        # Two answers to one alarm are no conflict: the first stands, whatever version the second one saw.
        return Done(Act.ALREADY_ACKNOWLEDGED, row.id, row.version)
    unchanged(row, version)
    held = replace(held_of(connection, row), acknowledged=True, answered_ms=now_ms)
    timer = next_timer_ms(row, alarm_rows.condition_of(row), held, now_ms, asked_ms=None)
    values = {"acknowledged_ms": now_ms, "acknowledged_by": who, "acknowledged_via": via, "next_timer_ms": timer}
    if text:
        values["comment"] = text
    new = alarm_rows.change(connection, row, **values)
    body = {"via": via, "comment": text, "occasion": occasion or row.occasion}
    record(connection, row, Act.ACKNOWLEDGED, who=who, now_ms=now_ms, body=body, reason=text or None)
    return Done(Act.ACKNOWLEDGED, row.id, new)


def comment(connection: Connection, alarm_id: str, *, who: str, text: str, now_ms: int) -> Done:
    """Add a remark to the alarm's timeline; while it is acknowledged that answers for it anew.

    Raises:
        NotFound: no such alarm.
        InvalidValue: the remark is empty or too long.
    """
    said = checked_words(text)
    if not said:
        raise InvalidValue("comment: is empty; say something or leave it")
    row = current(connection, alarm_id)
    new = alarm_rows.change(connection, row, comment=said)
    record(connection, row, Act.COMMENTED, who=who, now_ms=now_ms, body={"comment": said}, reason=said)
    return Done(Act.COMMENTED, row.id, new)


def reset(
    connection: Connection, alarm_id: str, *, who: str, reason: str, now_ms: int, version: int | None = None
) -> Done:
    """Take a returned and acknowledged alarm off the board; the caller has checked role and password.

    Raises:
        NotFound, Stale: as `acknowledge`.
        InvalidValue: no reason, or the alarm is still active or unacknowledged.
    """
    why = checked_words(reason)
    if not why:
        raise InvalidValue("reason: is empty; say what the assessment came to")
    row = current(connection, alarm_id)
    unchanged(row, version)
    if row.condition != Condition.RETURNED or row.acknowledged_ms is None:
        raise InvalidValue("condition: only a returned and acknowledged alarm can be reset")
    # What rests keeps its timer, so that the rest ends also for an alarm that is off the board.
    timer = None if row.suppression == "none" else row.next_timer_ms
    new = alarm_rows.change(connection, row, reset_ms=now_ms, next_timer_ms=timer)
    record(connection, row, Act.RESET, who=who, now_ms=now_ms, body={"reason": why}, reason=why)
    return Done(Act.RESET, row.id, new)


def assign(connection: Connection, alarm_id: str, *, who: str, to: str, now_ms: int) -> Done:
    """Say who sees to the alarm: a name on the board, which acknowledges nothing.

    Raises:
        NotFound: no such alarm.
        InvalidValue: `to` is nobody who may acknowledge alarms and know of this one.
    """
    row = current(connection, alarm_id)
    found = contacts.contacts(connection, {to}, now_ms)
    may = found and Permission.ACKNOWLEDGE in PERMISSIONS.get(found[0].role, frozenset())
    if not may or not visible_to(connection, alarm_rows.condition_of(row).subject, found[0]):
        raise InvalidValue("to: is nobody who may see and acknowledge this alarm")
    new = alarm_rows.change(connection, row, assigned=to)
    record(connection, row, Act.ASSIGNED, who=who, now_ms=now_ms, body={"person": to}, reason=None)
    return Done(Act.ASSIGNED, row.id, new)


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


def unchanged(row: Row[Any], version: int | None) -> None:
    """Nothing, if the alarm still is as it was shown.

    Raises:
        Stale: it is not.
    """
    if version is not None and version != row.version:
        raise Stale("this alarm has changed since it was shown; look at it again")


def checked_words(text: str) -> str:
    """What somebody wrote, fit for the record.

    Raises:
        InvalidValue: it is too long, or has control characters.
    """
    plain = text.replace("\r\n", "\n").strip()  # browsers end a form's lines with both
    if len(plain) > LONGEST_COMMENT:
        raise InvalidValue(f"comment: has {len(plain)} characters; {LONGEST_COMMENT} are allowed")
    if any(ord(c) < 32 and c not in "\n\t" for c in plain):
        raise InvalidValue("comment: has control characters; send it without them")
    return plain


def record(
    connection: Connection, row: Row[Any], act: Act, *, who: str, now_ms: int, body: dict[str, Any], reason: str | None
) -> None:
    """Write an act into the alarm's timeline, the audit trail and the revision."""
    alarm_rows.note(connection, row.id, at_ms=now_ms, kind=act.value, who=who, body=body)
    changed(
        connection, who=who, now_ms=now_ms, action=f"alarm {act.value}", kind=alarm_table.name, id=row.id,
        old={"condition": row.condition, "acknowledged_by": row.acknowledged_by, "suppression": row.suppression},
        new=body, reason=reason,
    )  # fmt: skip
