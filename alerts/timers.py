"""When an alarm must be looked at again: every state that is not final has a timer.

Deadlines are kept as times of day, so that they outlive the process. A clock that was put back would put them off; what
lies further ahead than it can have been set is due at once.
"""

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, or_

from alerts.decisions import MINUTE_MS, REPEAT_RETURNED_MS, Held, answer_ends_ms, answer_lasts_ms, doubles_ms
from alerts.decisions import repeat_after_ms as repeat_after
from alerts.policy import LONGEST_GAP_MIN
from coldchain.domain.finding import AlarmCondition, Condition, Severity
from coldchain.registry.schema import alarm

DAY_MS = 24 * 60 * MINUTE_MS
LONGEST_SHELF_MS = {Severity.CRITICAL: 60 * MINUTE_MS}


def longest_shelf_ms(severity: Severity) -> int:
    """For how long an alarm of this severity may be set aside."""
    return LONGEST_SHELF_MS.get(severity, DAY_MS)


def next_timer_ms(row: Row[Any], now: AlarmCondition, held: Held, now_ms: int, *, asked_ms: int | None) -> int | None:
    """When the alarm must be looked at again, or None where only news or a person can change anything.

    Args:
        row: the alarm's row with its present suppression.
        now: its condition.
        held: its other axes and what was last said.
        now_ms: the time.
        asked_ms: keeps a repeat that is due already from being put off.
    """
    if row.suppression != "none":
        # Once a day at least, because what it rests on may have ended before its time.
        return min(row.suppressed_until_ms or now_ms, now_ms + DAY_MS)
    if held.acknowledged:
        return _answer(now, held, now_ms)
    after = repeat_after(now, held) if held.told is not None else None
    if after is None:
        return None
    return now_ms + after if asked_ms is None else min(asked_ms, now_ms + after)


def _answer(now: AlarmCondition, held: Held, now_ms: int) -> int | None:
    ends = answer_ends_ms(now, held)
    if ends is None:
        return None
    doubles = doubles_ms(now, held)
    latest = min(ends, now_ms + answer_lasts_ms(now.severity))
    return latest if doubles is None else min(latest, max(doubles, now_ms))


def too_far_ahead(now_ms: int) -> ColumnElement[bool]:
    """The condition on alarms whose timer can only have been set by a clock that has been put back since."""
    critical = alarm.c.severity == int(Severity.CRITICAL)
    over = alarm.c.condition == Condition.RETURNED.value
    # A shelf may have been set before the alarm grew critical, and then ends with that; so a day is its longest here.
    longest = case(
        (alarm.c.suppression != "none", DAY_MS),
        (and_(critical, over), REPEAT_RETURNED_MS[Severity.CRITICAL]),
        (over, REPEAT_RETURNED_MS[Severity.MAJOR]),
        (and_(alarm.c.policy.is_not(None), alarm.c.acknowledged_ms.is_(None)), LONGEST_GAP_MIN * MINUTE_MS),
        (critical, answer_lasts_ms(Severity.CRITICAL)),
        else_=answer_lasts_ms(Severity.MAJOR),
    )
    climbs = and_(alarm.c.next_timer_ms.is_not(None), alarm.c.climb_ms > now_ms)
    return or_(alarm.c.next_timer_ms - longest > now_ms, climbs)
