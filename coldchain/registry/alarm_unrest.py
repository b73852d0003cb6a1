"""Alarms that wear people out: those that come and go (chattering), and too many at a time for one person (flood).

Figures after ISA-18.2 and EEMUA 191. They only show; nothing is ever switched off for them.
"""

from collections.abc import Iterable
from itertools import pairwise

from sqlalchemy import Connection, func, select

from coldchain.domain.finding import Condition
from coldchain.registry.loggers import declared_intervals
from coldchain.registry.schema import alarm, alarm_event, outbox

MINUTE_MS = 60_000
STALE_MS = 24 * 60 * MINUTE_MS  # active for longer: nobody does anything about it
CHATTERING = 3  # transitions within a minute, or within as many readings as a minute would take at the least
REMEMBERED_MS = 24 * 60 * MINUTE_MS
FLOOD = 10  # alarms told to one person within ten minutes; more than that nobody can follow
FLOOD_MS = 10 * MINUTE_MS
_OUT = (Condition.ACTIVE.value, Condition.RETURNING.value, Condition.RETURNED.value)


def chattering(connection: Connection, now_ms: int) -> set[str]:
    """Alarms that within the last day came and went too often, for how often their logger reports."""
    since = now_ms - REMEMBERED_MS
    body = alarm_event.c.body
    query = (
        select(alarm_event.c.alarm, alarm_event.c.at_ms, body["condition"].as_string(), alarm.c.logger)
        .join(alarm, alarm.c.id == alarm_event.c.alarm)
        .where(alarm_event.c.at_ms >= since, alarm.c.changed_ms >= since, body["condition"].as_string().in_(_OUT))
        .order_by(alarm_event.c.id)
    )
    steps: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for id_, at_ms, condition, logger in connection.execute(query):
        steps.setdefault((id_, logger or ""), []).append((at_ms, condition))
    busy = {key: taken for key, taken in steps.items() if len(taken) > CHATTERING}
    intervals = declared_intervals(connection, [logger for _, logger in busy if logger]) if busy else {}
    return {id_ for (id_, logger), taken in busy.items() if restless(taken, intervals.get(logger, 0))}


def restless(steps: Iterable[tuple[int, str]], interval_ms: int) -> bool:
    """Whether (time, condition) pairs hold as many transitions as chattering takes, within the time that it gives.

    A minute has room for three transitions when readings come every 20 s or sooner; for a logger that reports less
    often it is stretched to three of its intervals.
    """
    moved = [after[0] for before, after in pairwise(steps) if before[1] != after[1]]
    within = max(MINUTE_MS, CHATTERING * interval_ms)
    return any(last - first <= within for first, last in zip(moved, moved[CHATTERING - 1 :], strict=False))


def flooded(connection: Connection, now_ms: int) -> dict[str, int]:
    """People who were told of more alarms within the last ten minutes than anybody can follow, with how many."""
    count = func.count(outbox.c.alarm.distinct())
    query = select(outbox.c.recipient, count).where(outbox.c.created_ms > now_ms - FLOOD_MS)
    query = query.where(outbox.c.reason != "returned").group_by(outbox.c.recipient).having(count > FLOOD)
    return {recipient: int(number) for recipient, number in connection.execute(query)}
