"""Findings as the engine records them: versions of excursions, breaches, the condition axis of alarms, subject states.

Only the engine writes here, inside its one transaction. Nothing is edited but an alarm's condition: a change of an
excursion is a new version that supersedes the old one.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from coldchain.domain.finding import AlarmCondition, Breach, Condition, Excursion, Severity, Subject, SubjectKind
from coldchain.registry import shipment_figures
from coldchain.registry.schema import alarm, breach, cursor, dirty, excursion, subject_state
from coldchain.registry.store import upsert

AHEAD_MS = 2000  # so far may two machines' clocks be apart, or one be put back, and be waited for


@dataclass(frozen=True, slots=True)
class StoredExcursion:
    """The current version of an excursion."""

    excursion: Excursion
    version: int


@dataclass(frozen=True, slots=True)
class StoredAlarm:
    """An alarm as it stands; `version` is for compare-and-set."""

    id: str
    condition: AlarmCondition
    version: int


@dataclass(frozen=True, slots=True)
class SubjectState:
    """What lists and the live view know of a subject."""

    subject: Subject
    as_of_ms: int
    journal_offset: int
    next_due_ms: int | None
    status: str
    document: dict[str, Any]
    last: dict[str, Any]
    revision: int


@dataclass(slots=True)
class OnRecord:
    """What stands on record about one subject: current rows only, in order of onset."""

    excursions: list[StoredExcursion] = field(default_factory=list)
    alarms: list[StoredAlarm] = field(default_factory=list)  # past ones included
    breaches: dict[int, tuple[Breach, str | None]] = field(default_factory=dict)  # row number: (breach, its alarm)
    state: SubjectState | None = None


def on_record(connection: Connection, subjects: Collection[Subject]) -> dict[Subject, OnRecord]:
    """What stands on record about each of `subjects`; one query per table, however many they are."""
    found = {subject: OnRecord() for subject in subjects}
    current = (~excursion.c.superseded, ~excursion.c.withdrawn, excursion.c.merged_into.is_(None))
    for subject, row in _rows(connection, excursion, subjects, *current, order=excursion.c.onset_ms):
        found[subject].excursions.append(StoredExcursion(excursion_from(row), row.version))
    for subject, row in _rows(connection, alarm, subjects, alarm.c.merged_into.is_(None), order=alarm.c.onset_ms):
        found[subject].alarms.append(StoredAlarm(row.id, condition_from(row), row.version))
    for subject, row in _rows(connection, breach, subjects, ~breach.c.superseded, order=breach.c.fired_ms):
        fired = Breach(
            row.rule, Severity(row.severity), row.fired_ms, row.logger, row.channel, row.cause, row.excursion
        )
        found[subject].breaches[row.id] = (fired, row.alarm)
    for subject, state in states(connection, subjects).items():
        found[subject].state = state
    return found


def states(connection: Connection, subjects: Collection[Subject]) -> dict[Subject, SubjectState]:
    """The newest judgement of each of `subjects` that was judged."""
    rows = _rows(connection, subject_state, subjects, order=subject_state.c.subject_id)
    return {subject: state_from(row) for subject, row in rows}


def _rows(
    connection: Connection, table: Table, subjects: Collection[Subject], *conditions: Any, order: Any
) -> Iterator[tuple[Subject, Row[Any]]]:
    named = [subject.id for subject in subjects if subject.kind is not SubjectKind.SYSTEM]
    of: ColumnElement[bool] = table.c.subject_id.in_(named)
    if len(named) < len(subjects):
        of = or_(of, table.c.subject_kind.is_(None))
    wanted = set(subjects)
    for row in connection.execute(select(table).where(of, *conditions).order_by(order, *table.primary_key)):
        kind = SubjectKind.SYSTEM if row.subject_kind is None else SubjectKind(row.subject_kind)
        subject = Subject(kind, row.subject_id or "")
        if subject in wanted:
            yield subject, row


def _of(table: Any, subject: Subject) -> Any:
    return (table.c.subject_kind == subject.kind.value) & (table.c.subject_id == subject.id)


def _keys(subject: Subject) -> dict[str, str | None]:
    if subject.kind is SubjectKind.SYSTEM:
        return {"subject_kind": None, "subject_id": None}
    return {"subject_kind": subject.kind.value, "subject_id": subject.id}


# --- excursions ----------------------------------------------------------------------------------------------------


def excursion_from(row: Any) -> Excursion:
    """The excursion in a row."""
    return Excursion(
        row.id, row.logger, row.channel, row.direction, row.onset_ms, row.onset_sample_ms, row.end_ms,
        row.duration_ms, row.duration_upper_ms, row.peak_mc, row.peak_ms, int(row.area_mc_ms), row.limit_mc,
        Severity(row.severity), row.late, row.amends, row.latitude_e7, row.longitude_e7, row.peak_latitude_e7,
        row.peak_longitude_e7, row.monitoring_ended, custodian=row.custodian, leg=row.leg, mean_c=row.mean_c,
        coverage_pct=row.coverage_pct,
    )  # fmt: skip


def write_excursion(
    connection: Connection,
    subject: Subject,
    found: Excursion,
    version: int,
    now_ms: int,
    *,
    merged_into: str | None = None,
    withdrawn: bool = False,
) -> None:
    """Write a version; the one before it is superseded."""
    older = (excursion.c.id == found.id, excursion.c.version == version - 1)
    connection.execute(update(excursion).where(*older).values(superseded=True))
    connection.execute(
        excursion.insert().values(
            id=found.id, version=version, **_keys(subject), logger=found.logger, channel=found.channel,
            direction=found.direction, onset_ms=found.onset_ms, onset_sample_ms=found.onset_sample_ms,
            end_ms=found.end_ms, duration_ms=found.duration_ms, duration_upper_ms=found.duration_upper_ms,
            peak_mc=found.peak_mc, peak_ms=found.peak_ms, area_mc_ms=str(found.area_mc_ms), limit_mc=found.limit_mc,
            severity=int(found.severity), late=found.late, amends=found.amends, merged_into=merged_into,
            latitude_e7=found.latitude_e7, longitude_e7=found.longitude_e7, peak_latitude_e7=found.peak_latitude_e7,
            peak_longitude_e7=found.peak_longitude_e7, recorded_ms=now_ms, superseded=False, withdrawn=withdrawn,
            monitoring_ended=found.monitoring_ended, custodian=found.custodian, leg=found.leg, mean_c=found.mean_c,
            coverage_pct=found.coverage_pct,
        )
    )  # fmt: skip


# --- breaches ------------------------------------------------------------------------------------------------------


def supersede_breaches(connection: Connection, numbers: list[int]) -> None:
    """Mark breaches that are no longer found, or are found otherwise now."""
    connection.execute(update(breach).where(breach.c.id.in_(numbers)).values(superseded=True))


def write_breach(connection: Connection, subject: Subject, found: Breach, alarm_id: str | None, now_ms: int) -> None:
    """Record one breach."""
    connection.execute(
        breach.insert().values(
            **_keys(subject), logger=found.logger, channel=found.channel, cause=found.cause, rule=found.rule,
            severity=int(found.severity), fired_ms=found.fired_ms, excursion=found.excursion, alarm=alarm_id,
            recorded_ms=now_ms, superseded=False,
        )
    )  # fmt: skip


# --- the condition axis of alarms ----------------------------------------------------------------------------------


def condition_from(row: Any) -> AlarmCondition:
    """The condition axis in an alarm's row."""
    kind = SubjectKind.SYSTEM if row.subject_kind is None else SubjectKind(row.subject_kind)
    return AlarmCondition(
        Subject(kind, row.subject_id or ""), row.logger or "", row.channel or "", row.cause, Condition(row.condition),
        Severity(row.severity), row.onset_ms, row.changed_ms, row.end_ms, row.peak_mc, row.value_mc, row.limit_mc,
        tuple(row.rules), tuple(row.excursions), row.late, row.digest, row.monitoring_ended,
    )  # fmt: skip


def _columns(said: AlarmCondition) -> dict[str, Any]:
    return {
        **_keys(said.subject), "logger": said.logger or None, "channel": said.channel or None, "cause": said.cause,
        "condition": said.condition.value, "severity": int(said.severity), "onset_ms": said.onset_ms,
        "changed_ms": said.changed_ms, "end_ms": said.end_ms, "peak_mc": said.peak_mc, "value_mc": said.value_mc,
        "limit_mc": said.limit_mc, "rules": list(said.rules), "excursions": list(said.excursions),
        "late": said.late, "digest": said.digest, "monitoring_ended": said.monitoring_ended,
    }  # fmt: skip


def insert_alarm(connection: Connection, alarm_id: str, said: AlarmCondition, now_ms: int) -> None:
    """A new alarm; the axes that belong to people begin at their defaults."""
    connection.execute(
        alarm.insert().values(
            id=alarm_id, **_columns(said), occasion=0, raised_ms=now_ms, suppression="none", quality="good", version=1
        )
    )


def update_alarm(
    connection: Connection, alarm_id: str, said: AlarmCondition, *, counts: bool, merged_into: str | None = None
) -> None:
    """Set the condition axis; `counts` raises the version: somebody who looked at the alarm must look again."""
    values = {**_columns(said), "merged_into": merged_into}
    if counts:
        values["version"] = alarm.c.version + 1
    connection.execute(update(alarm).where(alarm.c.id == alarm_id).values(values))


# --- states, queue, cursor -----------------------------------------------------------------------------------------


def state_from(row: Any) -> SubjectState:
    """The state in a row."""
    return SubjectState(
        Subject(SubjectKind(row.subject_kind), row.subject_id), row.as_of_ms, row.journal_offset, row.next_due_ms,
        row.status, row.document, row.last, row.revision,
    )  # fmt: skip


def write_states(connection: Connection, states: Sequence[SubjectState]) -> None:
    """Replace subjects' states: a cache of their findings, made again at will."""
    if not states:
        return
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(subject_state)
    columns = (
        "as_of_ms", "journal_offset", "next_due_ms", "status", "document", "last", "revision",
    )  # fmt: skip
    statement = insert.on_conflict_do_update(
        index_elements=["subject_kind", "subject_id"], set_={name: insert.excluded[name] for name in columns}
    )
    rows = [{**_keys(state.subject), **{name: getattr(state, name) for name in columns}} for state in states]
    connection.execute(statement, rows)
    shipment_figures.write(
        connection,
        [(s.subject.id, s.as_of_ms, s.document) for s in states if s.subject.kind is SubjectKind.SHIPMENT],
    )


def due_subjects(connection: Connection, now_ms: int, *, ahead: bool = False) -> list[Subject]:
    """Subjects whose findings time alone may have changed.

    With `ahead` also those that were judged in the future, by a clock that has been put back since.
    """
    due = subject_state.c.next_due_ms <= now_ms
    if ahead:
        due = or_(due, subject_state.c.as_of_ms > now_ms + AHEAD_MS)
    query = select(subject_state.c.subject_kind, subject_state.c.subject_id).where(due)
    return [Subject(SubjectKind(kind), name) for kind, name in connection.execute(query)]


def next_due_ms(connection: Connection) -> int | None:
    """The earliest moment at which time alone may change any findings."""
    found: int | None = connection.execute(select(func.min(subject_state.c.next_due_ms))).scalar_one()
    return found


def dirty_subjects(connection: Connection) -> dict[Subject, list[int]]:
    """Subjects to be judged again, oldest wish first, with the row numbers of the wishes."""
    found: dict[Subject, list[int]] = {}
    rows = connection.execute(select(dirty.c.id, dirty.c.subject_kind, dirty.c.subject_id).order_by(dirty.c.id))
    for number, kind, name in rows:
        found.setdefault(Subject(SubjectKind(kind), name), []).append(number)
    return found


def forget_dirty(connection: Connection, numbers: list[int]) -> None:
    """Remove wishes that were fulfilled."""
    if numbers:
        connection.execute(dirty.delete().where(dirty.c.id.in_(numbers)))


def position(connection: Connection, name: str) -> tuple[int, int]:
    """How far a consumer has come: (journal offset, notice offset)."""
    row = connection.execute(select(cursor).where(cursor.c.name == name)).one_or_none()
    return (0, 0) if row is None else (row.journal_offset, row.notice_offset)


def move(connection: Connection, name: str, journal_offset: int, notice_offset: int, now_ms: int) -> None:
    """Record how far a consumer has come."""
    values = {"journal_offset": journal_offset, "notice_offset": notice_offset, "moved_ms": now_ms}
    upsert(connection, cursor, {"name": name}, values)


def moved_ms(connection: Connection, name: str) -> int | None:
    """When a consumer last recorded how far it has come; None where it never did."""
    found: int | None = connection.execute(select(cursor.c.moved_ms).where(cursor.c.name == name)).scalar_one_or_none()
    return found


def forget_due(connection: Connection, subjects: set[Subject]) -> None:
    """Subjects without a profile: time does not change them."""
    for subject in subjects:
        connection.execute(update(subject_state).where(_of(subject_state, subject)).values(next_due_ms=None))
