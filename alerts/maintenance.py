"""Out of service: while something is worked on, its alarms are recorded and not announced; it always ends.

Whatever is still active then is announced. Until then a reminder comes daily, and every view carries the badge.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.registry import alarm_rows, maintenance, signals
from coldchain.registry.schema import alarm

DAY_MS = 86_400_000
KIND = "out_of_service"  # of the reminder


def take_out(
    connection: Connection, *, subject: Subject | None = None, logger: str | None = None, channel: str | None = None,
    work_order: str, reason: str, until_ms: int, who: str, now_ms: int, from_ms: int | None = None,
) -> Row[Any]:  # fmt: skip
    """Take something out of service until a moment; its alarms fall silent at their next look.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    id_ = maintenance.begin(
        connection, subject=subject, logger=logger, channel=channel, work_order=work_order, reason=reason,
        from_ms=now_ms if from_ms is None else from_ms, until_ms=until_ms, who=who, now_ms=now_ms,
    )  # fmt: skip
    row = maintenance.get(connection, id_)
    if row.from_ms <= now_ms:
        said = {"until_ms": row.until_ms, "work_order": row.work_order, "reason": row.reason, "maintenance": row.id}
        for one in _alarms(connection, row):
            if one.suppression != "none":
                continue
            look_ms = min(row.until_ms, now_ms + DAY_MS)
            values = {"suppression": KIND, "suppressed_until_ms": row.until_ms, "next_timer_ms": look_ms}
            alarm_rows.change(connection, one, **values)
            alarm_rows.note(connection, one.id, at_ms=now_ms, kind=KIND, who=who, body=said)
    return row


def put_back(connection: Connection, id_: str, *, who: str, reason: str | None, now_ms: int) -> Row[Any]:
    """End it before its time: the planner's next look announces what is active.

    Raises:
        NotFound, InvalidValue: there is none, or it has ended.
    """
    row = maintenance.end(connection, id_, who=who, reason=reason, now_ms=now_ms)
    for one in _alarms(connection, row):
        if one.suppression == KIND:
            alarm_rows.change(connection, one, next_timer_ms=now_ms)
    return row


def remind(connection: Connection, now_ms: int) -> int:
    """Say once a day that something is still out of service; how many reminders that made."""
    found = maintenance.to_remind(connection, now_ms, DAY_MS)
    for row in found:
        what = row.logger or f"{row.subject_kind} {row.subject_id}"
        detail = f"{what} is out of service until {iso(row.until_ms)}: {row.work_order}, {row.reason}"
        signals.report_event(connection, role="rules", kind=KIND, detail=detail[:300], now_ms=now_ms)
    return len(found)


def badge(row: Row[Any]) -> dict[str, Any]:
    """What views and exports show beside whatever is out of service."""
    subject = None if row.subject_id is None else {"kind": row.subject_kind, "id": row.subject_id}
    return {
        "id": row.id, "subject": subject, "logger": row.logger, "channel": row.channel, "work_order": row.work_order,
        "reason": row.reason, "from": iso(row.from_ms), "until": iso(row.until_ms), "who": row.who,
        "ended": None if row.ended_ms is None else iso(row.ended_ms),
    }  # fmt: skip


def _alarms(connection: Connection, row: Row[Any]) -> list[Row[Any]]:
    """The alarms that a stretch of work concerns and that nobody has taken off the board."""
    mine: ColumnElement[bool] = and_(alarm.c.subject_kind == row.subject_kind, alarm.c.subject_id == row.subject_id)
    if row.logger is not None:
        mine = alarm.c.logger == row.logger
        if row.channel is not None:
            mine = and_(mine, alarm.c.channel == row.channel)
    known = (alarm.c.subject_kind != SubjectKind.SYSTEM.value, alarm.c.subject_id.is_not(None))
    live = (alarm.c.merged_into.is_(None), alarm.c.reset_ms.is_(None))
    return list(connection.execute(select(alarm).where(mine, *known, *live)))
