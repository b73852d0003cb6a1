"""An alarm's row and its timeline, as who plans messages and who acknowledges change them: always compare-and-set."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from coldchain.domain.finding import AlarmCondition, Condition, Severity, Subject, SubjectKind
from coldchain.errors import NotFound, Stale
from coldchain.registry.schema import alarm, alarm_event


def row_of(connection: Connection, alarm_id: str) -> Row[Any]:
    """The alarm's row.

    Raises:
        NotFound: there is no such alarm.
    """
    row = connection.execute(select(alarm).where(alarm.c.id == alarm_id)).one_or_none()
    if row is None:
        raise NotFound(f"no alarm {alarm_id}")
    return row


def condition_of(row: Row[Any]) -> AlarmCondition:
    """The condition axis as the engine wrote it; a system alarm is its own subject."""
    subject = Subject(SubjectKind(row.subject_kind), row.subject_id) if row.subject_kind else _SYSTEM
    return AlarmCondition(
        subject=subject,
        logger=row.logger or "",
        channel=row.channel or "",
        cause=row.cause,
        condition=Condition(row.condition),
        severity=Severity(row.severity),
        onset_ms=row.onset_ms,
        changed_ms=row.changed_ms,
        end_ms=row.end_ms,
        peak_mc=row.peak_mc,
        value_mc=row.value_mc,
        limit_mc=row.limit_mc,
        rules=tuple(row.rules),
        excursions=tuple(row.excursions),
        late=row.late,
        digest=row.digest,
        monitoring_ended=row.monitoring_ended,
    )


_SYSTEM = Subject(SubjectKind.SYSTEM, "")


def change(connection: Connection, row: Row[Any], **values: Any) -> int:
    """Set `values` on the alarm if its version is still that of `row`; return the new version.

    Raises:
        Stale: somebody changed it in between.
    """
    version: int = row.version + 1
    same = update(alarm).where(alarm.c.id == row.id, alarm.c.version == row.version)
    if connection.execute(same.values(version=version, **values)).rowcount != 1:
        raise Stale(f"alarm {row.id} was changed by somebody else; read it again")
    return version


def note(connection: Connection, alarm_id: str, *, at_ms: int, kind: str, who: str | None, body: dict[str, Any]) -> int:
    """Append one entry to the alarm's timeline; return its number."""
    row = {"alarm": alarm_id, "at_ms": at_ms, "kind": kind, "who": who, "body": body}
    inserted = connection.execute(alarm_event.insert().values(**row)).inserted_primary_key
    return int(inserted[0]) if inserted else 0


def last_note(connection: Connection, alarm_id: str, kinds: tuple[str, ...]) -> Row[Any] | None:
    """The newest entry of one of these kinds."""
    query = select(alarm_event).where(alarm_event.c.alarm == alarm_id, alarm_event.c.kind.in_(kinds))
    return connection.execute(query.order_by(alarm_event.c.id.desc()).limit(1)).one_or_none()


def timers_due(connection: Connection, now_ms: int, limit: int) -> list[Row[Any]]:
    """Alarms whose timer has run out, the most overdue first."""
    query = select(alarm).where(alarm.c.next_timer_ms <= now_ms, alarm.c.merged_into.is_(None))
    return list(connection.execute(query.order_by(alarm.c.next_timer_ms, alarm.c.id).limit(limit)))


def next_timer(connection: Connection) -> int | None:
    """When the next timer of any alarm runs out."""
    query = select(alarm.c.next_timer_ms).where(alarm.c.next_timer_ms.is_not(None), alarm.c.merged_into.is_(None))
    return connection.execute(query.order_by(alarm.c.next_timer_ms).limit(1)).scalar_one_or_none()
