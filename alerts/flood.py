"""More alarms than anybody can look at: that is trouble of its own, said once."""

from sqlalchemy import Connection, func, select

from coldchain.domain.finding import Condition
from coldchain.registry import signals
from coldchain.registry.schema import alarm, signal

MOST = 10  # announced within `WITHIN_MS`, by EEMUA 191
WITHIN_MS = 10 * 60_000
KIND = "alarm_flood"
_CALM = 5  # at or below this the flood is over


def watch(connection: Connection, now_ms: int) -> None:
    """Report a flood when more than `MOST` alarms were announced within ten minutes, and clear it when it is over."""
    flooded = signal.c.kind == KIND, signal.c.cleared_ms.is_(None)
    standing = connection.execute(select(signal.c.id).where(*flooded).limit(1)).first() is not None
    raised = (
        alarm.c.raised_ms > now_ms - WITHIN_MS,
        alarm.c.raised_ms <= now_ms,
        alarm.c.condition.in_(tuple(Condition)),
    )
    # The condition is there for the index: every alarm has one.
    query = (
        select(func.count()).select_from(alarm).where(*raised, alarm.c.occasion > 0, alarm.c.subject_id.is_not(None))
    )
    count = connection.execute(query).scalar_one()
    if count > MOST and not standing:
        detail = f"more than {MOST} alarms were announced within ten minutes; they are told together from now on"
        signals.report(connection, role="notifier", kind=KIND, detail=detail, now_ms=now_ms)
    elif standing and count <= _CALM:
        signals.clear(connection, kind=KIND, now_ms=now_ms)
