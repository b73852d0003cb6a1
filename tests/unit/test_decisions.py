"""When people are told, and when silence is right."""

from dataclasses import replace

import pytest
from alert_cast import HIGH, MINUTE, RETURNED

from alerts.decisions import Held, Reason, Told, decide, decide_due, reopens, repeat_after_ms
from coldchain.domain.finding import AlarmCondition, Condition, Severity


def told(condition: AlarmCondition) -> Told:
    return Told(
        condition.severity, condition.condition, condition.onset_ms, condition.end_ms, condition.peak_mc,
        refuted=not condition.rules,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "held", "reason"),
    [
        (HIGH, Held(), Reason.RAISED),
        (RETURNED, Held(), Reason.RAISED),
        (replace(HIGH, severity=Severity.MAJOR), Held(), Reason.RAISED),
        (replace(HIGH, severity=Severity.MINOR), Held(), Reason.RECORDED_ONLY),
        (replace(HIGH, severity=Severity.INFO), Held(), Reason.RECORDED_ONLY),
        (replace(HIGH, rules=()), Held(), Reason.RECORDED_ONLY),
        (replace(HIGH, condition=Condition.PENDING), Held(), Reason.PENDING),
        (HIGH, Held(suppressed=True), Reason.SUPPRESSED),
        (HIGH, Held(merged=True), Reason.MERGED),
        (HIGH, Held(told(HIGH)), Reason.NOTHING_NEW),
        (replace(HIGH, condition=Condition.RETURNING), Held(told(HIGH)), Reason.NOTHING_NEW),
        (HIGH, Held(told(replace(HIGH, severity=Severity.MAJOR))), Reason.WORSENED),
        (replace(HIGH, peak_mc=14_799), Held(told(HIGH)), Reason.NOTHING_NEW),
        (replace(HIGH, peak_mc=14_800), Held(told(HIGH)), Reason.WORSENED),
        (RETURNED, Held(told(HIGH)), Reason.RETURNED),
        (RETURNED, Held(told(HIGH), acknowledged=True), Reason.RETURNED),
        (RETURNED, Held(told(RETURNED)), Reason.NOTHING_NEW),
        (HIGH, Held(told(RETURNED)), Reason.AMENDED),
        (replace(RETURNED, peak_mc=13_300), Held(told(RETURNED)), Reason.AMENDED),
        (replace(RETURNED, end_ms=RETURNED.end_ms + 10 * MINUTE), Held(told(RETURNED)), Reason.AMENDED),
        (replace(RETURNED, end_ms=RETURNED.end_ms + 9 * MINUTE), Held(told(RETURNED)), Reason.NOTHING_NEW),
        (replace(RETURNED, rules=()), Held(told(RETURNED)), Reason.AMENDED),
        (replace(RETURNED, rules=()), Held(told(replace(RETURNED, rules=()))), Reason.NOTHING_NEW),
        (RETURNED, Held(told(replace(RETURNED, rules=()))), Reason.AMENDED),
    ],
)
def test_each_change_has_one_named_answer(now: AlarmCondition, held: Held, reason: Reason) -> None:
    assert decide(now, held) is reason


def test_a_cold_alarm_worsens_downwards() -> None:
    cold = replace(HIGH, cause="low", limit_mc=2_000, peak_mc=500)
    assert decide(replace(cold, peak_mc=-1_500), Held(told(cold))) is Reason.WORSENED
    assert decide(replace(cold, peak_mc=2_600), Held(told(cold))) is Reason.NOTHING_NEW


def test_an_acknowledgement_ends_when_the_alarm_grows_more_severe_or_was_not_over() -> None:
    major = told(replace(HIGH, severity=Severity.MAJOR))
    assert reopens(Reason.WORSENED, HIGH, major)
    assert reopens(Reason.AMENDED, HIGH, told(RETURNED))
    assert not reopens(Reason.WORSENED, replace(HIGH, peak_mc=15_000), told(HIGH))
    assert not reopens(Reason.RETURNED, RETURNED, told(HIGH))
    assert not reopens(Reason.AMENDED, replace(RETURNED, rules=()), told(RETURNED))


@pytest.mark.parametrize(
    ("now", "held", "minutes"),
    [
        (HIGH, Held(told(HIGH)), 10),
        (replace(HIGH, severity=Severity.MAJOR), Held(told(HIGH)), 60),
        (RETURNED, Held(told(RETURNED)), 60),
        (replace(RETURNED, severity=Severity.MAJOR), Held(told(RETURNED)), 24 * 60),
        (replace(RETURNED, severity=Severity.MINOR), Held(told(RETURNED)), None),
        (HIGH, Held(told(HIGH), acknowledged=True), None),
        (HIGH, Held(told(HIGH), merged=True), None),
        (replace(HIGH, digest=True), Held(told(HIGH)), None),
        (replace(HIGH, rules=()), Held(told(HIGH)), None),
    ],
)
def test_what_nobody_answers_is_said_again(now: AlarmCondition, held: Held, minutes: int | None) -> None:
    assert repeat_after_ms(now, held) == (None if minutes is None else minutes * MINUTE)


@pytest.mark.parametrize(
    ("now", "held", "shelf_ended", "reason"),
    [
        (HIGH, Held(told(HIGH)), False, Reason.REPEAT),
        (HIGH, Held(told(HIGH), acknowledged=True), False, Reason.ACKNOWLEDGED),
        (HIGH, Held(told(HIGH)), True, Reason.SHELF_ENDED),
        (HIGH, Held(), True, Reason.RAISED),
        (RETURNED, Held(told(HIGH)), True, Reason.RETURNED),
        (RETURNED, Held(told(RETURNED)), True, Reason.NOTHING_NEW),
        (replace(HIGH, severity=Severity.MINOR), Held(), False, Reason.NOTHING_NEW),
    ],
)
def test_an_expired_timer_has_one_named_answer(
    now: AlarmCondition, held: Held, shelf_ended: bool, reason: Reason
) -> None:
    assert decide_due(now, held, shelf_ended=shelf_ended) is reason
