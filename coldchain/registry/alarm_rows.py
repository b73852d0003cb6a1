"""An alarm's row and its timeline, as who plans messages and who acknowledges change them: always compare-and-set."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select, update

from coldchain.domain.finding import AlarmCondition, Condition, Severity, Subject, SubjectKind
from coldchain.errors import NotFound, Stale
from coldchain.registry.schema import alarm, alarm_event, setting

ROUNDS_MS = 3_600_000
_ROUNDS = "alert_rounds"


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


def timers_due(
    connection: Connection, now_ms: int, limit: int, doubtful: ColumnElement[bool] | None = None
) -> list[Row[Any]]:
    """Alarms whose timer has run out or is `doubtful`, the most overdue first."""
    over = alarm.c.next_timer_ms <= now_ms
    query = select(alarm).where(over if doubtful is None else or_(over, doubtful), alarm.c.merged_into.is_(None))
    return list(connection.execute(query.order_by(alarm.c.next_timer_ms, alarm.c.id).limit(limit)))


def any_due(connection: Connection, now_ms: int, doubtful: ColumnElement[bool] | None = None) -> bool:
    """Whether there is a timer to look at, or it is time for the rounds."""
    return rounds_due(connection, now_ms) or bool(timers_due(connection, now_ms, 1, doubtful))


def rounds_due(connection: Connection, now_ms: int) -> bool:
    """Whether the rules were last looked over more than `ROUNDS_MS` ago, or by a clock that has been put back."""
    last = connection.execute(select(setting.c.value).where(setting.c.name == _ROUNDS)).scalar_one_or_none()
    return last is None or not now_ms - ROUNDS_MS < int(last) <= now_ms


def note_rounds(connection: Connection, now_ms: int) -> None:
    """Write down that the rules have been looked over."""
    if connection.execute(update(setting).where(setting.c.name == _ROUNDS).values(value=now_ms)).rowcount == 0:
        connection.execute(setting.insert().values(name=_ROUNDS, value=now_ms))


def wake(connection: Connection, suppression: str, now_ms: int) -> int:
    """Have every alarm that rests in this way looked at again now; how many these are."""
    resting = update(alarm).where(alarm.c.suppression == suppression, alarm.c.merged_into.is_(None))
    return connection.execute(resting.values(next_timer_ms=now_ms, version=alarm.c.version + 1)).rowcount


def answered_ms(connection: Connection, row: Row[Any]) -> int | None:
    """When somebody last said that the alarm is in hand: by acknowledging it, or by a comment since."""
    if row.acknowledged_ms is None:
        return None
    said = last_note(connection, row.id, ("commented",))
    # In the order of the record, not of the clock: the newest word counts, also after a clock was put back.
    acknowledged = last_note(connection, row.id, ("acknowledged",))
    later = said is not None and (acknowledged is None or said.id > acknowledged.id)
    return int(said.at_ms) if said is not None and later else int(row.acknowledged_ms)
