"""Alarms about the product itself: signals that any role raises, folded into one alarm per (kind, role)."""

from sqlalchemy import Connection, or_, select

from coldchain.domain.finding import AlarmCondition, Condition, Findings, Severity, Subject, SubjectKind
from coldchain.registry import recorded
from coldchain.registry.schema import signal

SYSTEM = Subject(SubjectKind.SYSTEM, "")

# How bad each kind is. Critical: readings are not stored or judged, or nobody can be told. Minor: on the board and in
# the record, and worth nobody's sleep. What is not named here is major.
SEVERITIES = {
    "ingest_stalled": Severity.CRITICAL,
    "storage": Severity.CRITICAL,
    "no_channel": Severity.CRITICAL,
    "nobody_on_call": Severity.CRITICAL,
    "audit_chain": Severity.CRITICAL,
    "canary": Severity.CRITICAL,
    "contact_unverified": Severity.MINOR,
    "heartbeat": Severity.MINOR,
    "alarm_flood": Severity.MINOR,
}

_REMEMBERED_MS = 86_400_000  # a signal cleared longer ago has been folded in, or the engine was down for a day


def system_findings(connection: Connection, now_ms: int) -> Findings:
    """The alarm conditions of all recent signals."""
    recent = or_(signal.c.cleared_ms.is_(None), signal.c.cleared_ms >= now_ms - _REMEMBERED_MS)
    rows = connection.execute(select(signal).where(recent).order_by(signal.c.raised_ms, signal.c.id))
    conditions: dict[tuple[str, str], list[AlarmCondition]] = {}
    for row in rows:
        said = _condition(row.kind, row.role, row.detail, row.raised_ms, row.cleared_ms)
        episodes = conditions.setdefault((row.kind, row.role), [])
        if episodes and (episodes[-1].end_ms is None or said.onset_ms <= episodes[-1].end_ms):
            episodes[-1] = _together(episodes[-1], said)
        else:
            episodes.append(said)
    return Findings(SYSTEM, now_ms, conditions=tuple(item for episodes in conditions.values() for item in episodes))


def _condition(kind: str, role: str, detail: str, raised_ms: int, cleared_ms: int | None) -> AlarmCondition:
    if cleared_ms is not None:
        cleared_ms = max(cleared_ms, raised_ms)  # a clock that was put back in between makes no end before a beginning
    state = Condition.ACTIVE if cleared_ms is None else Condition.RETURNED
    changed = raised_ms if cleared_ms is None else cleared_ms
    return AlarmCondition(
        SYSTEM,
        "",
        role,
        kind,
        state,
        SEVERITIES.get(kind, Severity.MAJOR),
        raised_ms,
        changed,
        cleared_ms,
        rules=(detail,),
        evident_ms=raised_ms,
    )


def _together(first: AlarmCondition, then: AlarmCondition) -> AlarmCondition:
    ends = (first.end_ms, then.end_ms)
    open_ = None in ends
    end = None if open_ else max(item for item in ends if item is not None)
    state = Condition.ACTIVE if open_ else Condition.RETURNED
    return AlarmCondition(
        SYSTEM, "", first.channel, first.cause, state, first.severity, first.onset_ms,
        first.onset_ms if end is None else end, end, rules=tuple(dict.fromkeys((*then.rules, *first.rules)))[:5],
        evident_ms=first.evident_ms,
    )  # fmt: skip


def moved(connection: Connection, system: Findings) -> bool:
    """Whether the signals say anything that their alarms do not yet say."""
    if not system.conditions:
        return False
    known = {_essence(item.condition) for item in recorded.on_record(connection, [SYSTEM])[SYSTEM].alarms}
    return any(_essence(item) not in known for item in system.conditions)


def _essence(said: AlarmCondition) -> tuple[object, ...]:
    return said.cause, said.channel, said.condition, said.onset_ms, said.end_ms, said.rules
