"""Whether somebody must be told: pure functions of an alarm's condition, its other axes and what was last said of it.

Each answer is a named reason that feeds the alarm's timeline, the outbox and the log alike. A decision compares with
what was *announced*, not with the engine's step before: so a crash, a shelf or a lost step cannot swallow news.
"""

from dataclasses import dataclass
from enum import StrEnum

from coldchain.domain.finding import AlarmCondition, Condition, Severity

MINUTE_MS = 60_000
WORSE_MC = 2_000  # a peak this much further out is news even of an acknowledged alarm
_AMENDED_MC = 500
_AMENDED_MS = 10 * MINUTE_MS
# How often an unacknowledged alarm is said again. What is over disturbs less, but somebody has to look at it too.
REPEAT_MS = {Severity.CRITICAL: 10 * MINUTE_MS, Severity.MAJOR: 60 * MINUTE_MS}
REPEAT_RETURNED_MS = {Severity.CRITICAL: 60 * MINUTE_MS, Severity.MAJOR: 24 * 60 * MINUTE_MS}
# For how long an answer covers an alarm that stays active: then it is asked for again.
ANSWER_MS = {Severity.CRITICAL: 30 * MINUTE_MS}
_ANSWER_MS = 60 * MINUTE_MS
_LONG_MS = 30 * MINUTE_MS  # an alarm that has lasted for less than this is not news for having lasted twice as long
ANNOUNCED_FROM = Severity.MAJOR


class Reason(StrEnum):
    """Why a message is written, or why none is."""

    RAISED = "raised"
    WORSENED = "worsened"
    RETURNED = "returned"
    AMENDED = "amended"
    REPEAT = "repeat"
    SHELF_ENDED = "shelf_ended"
    ACK_TIMEOUT = "ack_timeout"
    # silent:
    PENDING = "pending"  # no rule has fired yet
    RECORDED_ONLY = "recorded_only"  # too small to wake anybody
    SUPPRESSED = "suppressed"  # shelved or out of service: said when that ends
    MERGED = "merged"  # another alarm speaks for this one
    NOTHING_NEW = "nothing_new"
    ACKNOWLEDGED = "acknowledged"  # somebody has it in hand

    @property
    def announces(self) -> bool:
        """Whether people are told."""
        return self in _ANNOUNCING


_ANNOUNCING = frozenset(
    {
        Reason.RAISED, Reason.WORSENED, Reason.RETURNED, Reason.AMENDED, Reason.REPEAT, Reason.SHELF_ENDED,
        Reason.ACK_TIMEOUT,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What the last announcement said of an alarm."""

    severity: Severity
    condition: Condition
    onset_ms: int
    end_ms: int | None
    peak_mc: int | None
    refuted: bool = False
    at_ms: int | None = None  # when it was said


@dataclass(frozen=True, slots=True)
class Held:
    """The axes that people and time move, as the alarm's row has them."""

    told: Told | None = None
    acknowledged: bool = False
    suppressed: bool = False
    merged: bool = False
    answered_ms: int | None = None  # the newest acknowledgement or comment


def decide(now: AlarmCondition, held: Held) -> Reason:
    """What the alarm's condition `now` asks for."""
    if held.merged:
        return Reason.MERGED
    if now.condition is Condition.PENDING:
        return Reason.PENDING
    if held.told is None and (now.severity < ANNOUNCED_FROM or not now.rules):
        return Reason.RECORDED_ONLY
    if held.suppressed:
        return Reason.SUPPRESSED
    return Reason.RAISED if held.told is None else _news(now, held.told)


def _news(now: AlarmCondition, told: Told) -> Reason:
    over, was_over = now.condition is Condition.RETURNED, told.condition is Condition.RETURNED
    if not now.rules:
        return Reason.NOTHING_NEW if told.refuted else Reason.AMENDED
    if over and not was_over:
        return Reason.RETURNED
    if was_over and (not over or told.refuted):
        return Reason.AMENDED  # the end, or the correction, that people were told does not hold
    if now.severity > told.severity or _further_out(now, told) >= WORSE_MC:
        return Reason.AMENDED if over else Reason.WORSENED
    return Reason.AMENDED if over and _differs(now, told) else Reason.NOTHING_NEW


def _further_out(now: AlarmCondition, told: Told) -> int:
    if now.peak_mc is None or told.peak_mc is None:
        return 0
    return told.peak_mc - now.peak_mc if now.cause == "low" else now.peak_mc - told.peak_mc


def _differs(now: AlarmCondition, told: Told) -> bool:
    """Whether what was said of a finished alarm was wrong by more than a reader would shrug at."""
    moved = max(abs(now.onset_ms - told.onset_ms), abs((now.end_ms or 0) - (told.end_ms or 0)))
    return now.severity != told.severity or abs(_further_out(now, told)) >= _AMENDED_MC or moved >= _AMENDED_MS


def reopens(reason: Reason, now: AlarmCondition, told: Told | None) -> bool:
    """Whether an earlier acknowledgement no longer covers what is now true: it got worse, or was not over after all."""
    if reason in (Reason.ACK_TIMEOUT, Reason.SHELF_ENDED, Reason.RAISED):
        return True  # raised: what was acknowledged was too small to be told of
    if told is None or reason not in (Reason.WORSENED, Reason.AMENDED, Reason.RETURNED):
        return False
    again = told.condition is Condition.RETURNED and now.condition is not Condition.RETURNED
    return bool(now.rules) and (now.severity > told.severity or again)


def repeat_after_ms(now: AlarmCondition, held: Held) -> int | None:
    """After how long an alarm that stays as it is must be said again; None when it need not."""
    if held.acknowledged or held.merged or not now.rules or now.digest:
        return None
    table = REPEAT_RETURNED_MS if now.condition is Condition.RETURNED else REPEAT_MS
    return table.get(now.severity)


def answer_ends_ms(now: AlarmCondition, held: Held) -> int | None:
    """Until when the newest answer covers an alarm that is still active; None where no answer can run out."""
    watched = now.condition in (Condition.ACTIVE, Condition.RETURNING) and now.rules and not now.digest
    if not held.acknowledged or held.merged or held.told is None or held.answered_ms is None or not watched:
        return None
    return held.answered_ms + answer_lasts_ms(now.severity)


def answer_lasts_ms(severity: Severity) -> int:
    """For how long an answer covers an active alarm of this severity."""
    return ANSWER_MS.get(severity, _ANSWER_MS)


def doubles_ms(now: AlarmCondition, held: Held) -> int | None:
    """When an answered alarm will have lasted twice as long as when it was last told or answered; that is news."""
    if answer_ends_ms(now, held) is None or held.told is None or held.told.at_ms is None or held.answered_ms is None:
        return None
    lasted = max(held.told.at_ms, held.answered_ms) - now.onset_ms
    return None if lasted < 0 else now.onset_ms + 2 * max(lasted, _LONG_MS)


def decide_due(now: AlarmCondition, held: Held, *, shelf_ended: bool, now_ms: int | None = None) -> Reason:
    """What the alarm's expired timer asks for; the shelf, if there was one, has been taken away already.

    An answer from the future is none: a clock that was put back may not make it last longer.
    """
    if shelf_ended:
        reason = decide(now, held)
        still = now.condition in (Condition.ACTIVE, Condition.RETURNING) and held.told is not None
        return Reason.SHELF_ENDED if reason is Reason.NOTHING_NEW and still else reason
    if held.suppressed:
        return Reason.SUPPRESSED
    if held.acknowledged:
        return _answered(now, held, now_ms)
    if repeat_after_ms(now, held) is None or held.told is None:
        return Reason.NOTHING_NEW
    return Reason.REPEAT


def _answered(now: AlarmCondition, held: Held, now_ms: int | None) -> Reason:
    ends = answer_ends_ms(now, held)
    if ends is None or now_ms is None or held.answered_ms is None:
        return Reason.ACKNOWLEDGED
    if now_ms >= ends or now_ms < held.answered_ms:
        return Reason.ACK_TIMEOUT
    doubles = doubles_ms(now, held)
    return Reason.WORSENED if doubles is not None and now_ms >= doubles else Reason.ACKNOWLEDGED
