"""What rests without anybody having shelved it: out of service, or spoken for by another alarm. Computed from rows.

Only annunciation rests, evaluation and record go on, and every rest ends: that of a maintenance at its time, that by
design as soon as the other alarm is over; it is looked at again hourly in any case. An excursion never rests by design.
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from alerts.decisions import MINUTE_MS
from alerts.held import shelf_over
from coldchain.domain.finding import AlarmChange, AlarmCondition, Condition, SubjectKind
from coldchain.registry import gateways, maintenance
from coldchain.registry.schema import alarm

AGAIN_MS = 60 * MINUTE_MS
# Gives the gateway that sent what a logger had measured at a moment (ms); None where there was none, or nobody knows.
SentBy = Callable[[str, int], str | None]
_SILENCE = "silence"
_OPEN = (Condition.ACTIVE.value, Condition.RETURNING.value)


class Resting(NamedTuple):
    """Why an alarm is not announced, until when at the latest, and what its timeline says of it."""

    suppression: str  # out_of_service | by_design
    until_ms: int
    said: dict[str, Any]


def unknown(_logger: str, _at_ms: int) -> str | None:
    """Of what came by which way nothing is known."""
    return None


def resting(
    connection: Connection, row: Row[Any], now: AlarmCondition, now_ms: int, sent_by: SentBy = unknown
) -> Resting | None:
    """Why an alarm rests now, None if it does not."""
    if now.subject.kind is SubjectKind.SYSTEM or not now.subject.id:
        return None
    stretch = maintenance.covering(connection, now.subject, now.logger, now.channel, now_ms)
    if stretch is not None:
        said = {"work_order": stretch.work_order, "reason": stretch.reason, "maintenance": stretch.id}
        return Resting("out_of_service", stretch.until_ms, said)
    speaker = _speaker(connection, row, now, sent_by)
    if speaker is None:
        return None
    return Resting("by_design", now_ms + AGAIN_MS, {"alarm": speaker.id, "gateway": speaker.logger})


def still_resting(
    connection: Connection, row: Row[Any], now: AlarmCondition, now_ms: int, sent_by: SentBy = unknown
) -> int | None:
    """Until when an alarm that is not announced goes on resting; None when it is over."""
    if row.suppression == "shelved":
        return None if shelf_over(connection, row, now_ms) else int(row.suppressed_until_ms)
    why = resting(connection, row, now, now_ms, sent_by)
    return None if why is None or why.suppression != row.suppression else why.until_ms


def rests_on(connection: Connection, change: AlarmChange) -> bool:
    """Whether other alarms may rest on this one: a gateway that speaks for others and is silent itself, or was."""
    if change.after.cause != _SILENCE:
        return False
    speaks_for = gateways.known(connection).get(change.after.logger, frozenset())
    return speaks_for is None or bool(speaks_for)


def spoken_for(connection: Connection, now: AlarmCondition, sent_by: SentBy = unknown) -> list[Row[Any]]:
    """The silences that a silent gateway explains, as they stand in the rows."""
    speaks_for = gateways.known(connection).get(now.logger, frozenset()) if now.cause == _SILENCE else frozenset()
    if speaks_for is not None and not speaks_for:
        return []
    lesser = (alarm.c.severity <= int(now.severity), alarm.c.logger != now.logger)
    query = select(alarm).where(*_silent(speaks_for), *lesser).order_by(alarm.c.logger, alarm.c.channel)
    found = list(connection.execute(query))
    return [row for row in found if speaks_for is not None or sent_by(row.logger, row.onset_ms) == now.logger]


def _speaker(connection: Connection, row: Row[Any], now: AlarmCondition, sent_by: SentBy) -> Row[Any] | None:
    """The alarm of a silent gateway through which the logger of a silence alarm is heard.

    That is a gateway which names it, or one for any logger that sent what it had measured last.
    """
    if now.cause != _SILENCE or now.condition.value not in _OPEN:
        return None
    known = gateways.known(connection)
    through = {
        id_ for id_, loggers in known.items() if (loggers is None or now.logger in loggers) and id_ != now.logger
    }
    if not through:
        return None
    query = select(alarm).where(*_silent(through), alarm.c.severity >= int(now.severity), alarm.c.id != row.id)
    for one in connection.execute(query.order_by(alarm.c.raised_ms, alarm.c.id)):
        if known[one.logger] is not None or sent_by(now.logger, now.onset_ms) == one.logger:
            return one
    return None


def _silent(loggers: Collection[str] | None) -> tuple[Any, ...]:
    """Of silences that last, of these loggers or of any."""
    whose = alarm.c.logger.is_not(None) if loggers is None else alarm.c.logger.in_(loggers)
    return (
        whose, alarm.c.cause == _SILENCE, alarm.c.condition.in_(_OPEN),
        alarm.c.merged_into.is_(None), alarm.c.subject_id.is_not(None),
    )  # fmt: skip
