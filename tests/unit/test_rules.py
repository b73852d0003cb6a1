"""Rules: when each kind fires, what the vendors' semantics look like as data, and what it takes to return."""

import pytest
from judging import BOX, at, judged, profile, rule

from coldchain.domain.finding import Condition, Findings, Severity
from coldchain.domain.track import Track
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span


def fired(found: Findings) -> list[float]:
    """Minutes after dawn at which the rule fired."""
    return [(breach.fired_ms - at(0)) / 60_000 for breach in found.breaches if breach.rule == "rule"]


def series(*values: float, step: float = 10) -> list[tuple[float, float]]:
    """Samples `step` minutes apart."""
    return [(k * step, value) for k, value in enumerate(values)]


def test_an_instant_rule_fires_at_the_first_reading_or_at_the_confirming_one() -> None:
    samples = series(7, 9, 7, 9, 9, 7)
    assert fired(judged(*samples, by=profile(rule("instant")))) == [10]
    assert fired(judged(*samples, by=profile(rule("instant", confirm_readings=2)))) == [40]


def test_an_inclusive_limit_fires_at_equality_and_an_exclusive_one_does_not() -> None:
    """LogTag: 30.0 fires, 29.9 does not."""
    for samples, inclusive, times in (([30.0], True, [0]), ([29.9], True, []), ([30.0], False, [])):
        by = profile(rule("instant", limit_c=30, inclusive=inclusive))
        assert fired(judged(*series(*samples, 5), by=by)) == times


def test_a_hold_counts_from_the_first_sample_outside() -> None:
    by = profile(rule(hold_min=30))
    assert fired(judged(*series(7, 9, 9, 9, 9, 7), by=by)) == [40]
    assert fired(judged(*series(7, 9, 9, 7, 9, 9, 7), by=by)) == []


def test_a_short_return_restarts_a_single_event() -> None:
    """Q-tag: back in range resets the counter of a single event."""
    by = profile(rule(hold_min=30))
    assert fired(judged(*series(9, 9, 7, 9, 9, 9, 9, 7), by=by)) == [60]
    assert fired(judged(*series(9, 9, 7, 9, 9, 7, 9, 9, 7), by=by)) == []


def test_cumulative_time_never_resets() -> None:
    """Controlant: it accumulates over the whole shipment."""
    by = profile(rule("cumulative", hold_min=50))
    assert fired(judged(*series(9, 9, 7, 7, 9, 9, 7, 7, 9, 9, 7), by=by)) == [90]


def test_cumulative_time_that_resets_on_return_is_a_single_event() -> None:
    by = profile(rule("cumulative", hold_min=50, reset="on_return"))
    assert fired(judged(*series(9, 9, 7, 7, 9, 9, 7, 7, 9, 9, 7), by=by)) == []


def test_dips_of_three_and_a_half_hours_stay_silent_under_a_single_event_rule() -> None:
    """Fridge-tag sums per day but alarms on single events only."""
    samples = [(10 * k, 9.0 if k % 10 < 5 else 5.0) for k in range(42)]
    assert fired(judged(*samples, by=profile(rule(hold_min=60)))) == []
    daily = profile(rule("cumulative", hold_min=210, window={"kind": "calendar", "zone": "UTC"}))
    assert len(fired(judged(*samples, by=daily))) == 1


def test_a_calendar_day_starts_at_local_midnight() -> None:
    samples = [(10 * k, 9.0 if 22 * 60 <= 10 * k < 26 * 60 else 5.0) for k in range(200)]
    for zone, times in (("UTC", []), ("Asia/Tokyo", [22 * 60 + 180])):
        by = profile(rule("cumulative", hold_min=180, window={"kind": "calendar", "zone": zone}))
        assert fired(judged(*samples, by=by)) == times


def test_a_rolling_window_forgets_what_is_older() -> None:
    by = profile(rule("cumulative", hold_min=30, window={"length_h": 2}))
    early = series(9, 9, 7, *[7] * 11, 9, 7)  # 20 min, then 10 min more than two hours later
    assert fired(judged(*early, by=by)) == []
    assert fired(judged(*series(9, 9, 7, 7, 9, 7), by=by)) == [50]


def test_the_who_shipping_indicator_as_rules() -> None:
    """Type 1: ≥ 45 °C 1 h, ≥ 30 °C 10 h cumulative, ≤ −0.5 °C 1 h."""
    by = profile(
        rule(id="hot", hold_h=1, limit_c=45, inclusive=True),
        rule("cumulative", id="warm", hold_h=10, limit_c=30, inclusive=True),
        rule(id="cold", hold_h=1, limit_c=-0.5, inclusive=True, direction="low"),
    )
    warm = [(10 * k, 30.0 if k < 61 else 5.0) for k in range(80)]
    assert {breach.rule for breach in judged(*warm, by=by).breaches} == {"warm"}
    cold = [(10 * k, -0.5 if k < 7 else 5.0) for k in range(20)]
    assert {breach.rule for breach in judged(*cold, by=by).breaches} == {"cold"}


def test_a_rate_rule_sees_a_steep_rise_and_not_a_slow_one() -> None:
    by = profile(rule("rate", limit_c_per_h=6, window={"length_min": 30}))
    steep = judged(*series(2, 2, 2, 3, 4, 5, 6, 6, 6, 6, 6), by=by)
    assert [breach.cause for breach in steep.breaches if breach.rule == "rule"] == []
    steeper = judged(*series(2, 2, 2, 4, 6, 8, 8, 8, 8, 8, 8), by=by)
    assert [breach.cause for breach in steeper.breaches if breach.rule == "rule"] == ["rate"]


def test_a_hold_shorter_than_three_intervals_is_raised_and_says_so() -> None:
    found = judged(*series(7, 9, 9, 9, 9, 7), by=profile(rule(hold_min=10)), interval_min=10)
    assert fired(found) == [40]
    [note] = found.document["notes"]  # type: ignore[misc]
    assert "rule" in note
    assert "30 min" in note


def test_a_clock_runs_on_through_silence_and_fires_without_a_reading() -> None:
    by = profile(rule(hold_min=30))
    waiting = judged(*series(7, 9), by=by, as_of_min=39)
    assert [condition.condition for condition in waiting.conditions] == [Condition.PENDING]
    assert waiting.next_due_ms == at(40)
    assert fired(judged(*series(7, 9), by=by, as_of_min=40)) == [40]


def test_an_alarm_returns_after_two_good_readings_over_the_clear_hold_and_not_before() -> None:
    by = profile(rule("instant"))
    states = [
        judged(*series(9, 7, 7, step=6)[:count], by=by, interval_min=6).conditions[0].condition for count in (1, 2, 3)
    ]
    assert states == [Condition.ACTIVE, Condition.RETURNING, Condition.RETURNING]
    [returned] = judged(*series(9, 7, 7, 7, step=6), by=by, interval_min=6).conditions
    assert (returned.condition, returned.end_ms, returned.changed_ms) == (Condition.RETURNED, at(6), at(18))


def test_inside_the_hysteresis_is_not_yet_good() -> None:
    by = profile(rule("instant"))
    [held] = judged(*series(9, 7.6, 7.6, 7.6), by=by).conditions
    assert held.condition is Condition.ACTIVE
    [good] = judged(*series(9, 7.5, 7.5, 7.5), by=by).conditions
    assert good.condition is Condition.RETURNED


def test_missing_data_never_clears() -> None:
    by = profile(rule("instant"))
    [held] = judged((0, 9.0), (10, 7.0), by=by, as_of_min=3000).conditions
    assert held.condition is Condition.RETURNING
    [again] = judged((0, 9.0), (10, 7.0), (300, 7.0), by=by).conditions
    assert (again.condition, again.end_ms) == (Condition.RETURNING, at(300))


def test_a_reading_outside_while_returning_is_the_same_alarm() -> None:
    [alarm] = judged(*series(9, 7, 9, 7, 7, 7), by=profile(rule("instant"))).conditions
    assert (alarm.onset_ms, alarm.end_ms) == (at(0), at(30))
    assert len(alarm.excursions) == 2


def test_a_worse_rule_joins_the_alarm_and_sets_its_severity() -> None:
    by = profile(
        rule(id="long", hold_min=30, severity="minor"), rule("instant", id="hot", limit_c=15, severity="critical")
    )
    [alarm] = judged(*series(9, 9, 9, 9, 16, 16, 7, 7, 7), by=by).conditions
    assert (alarm.severity, alarm.rules, alarm.peak_mc, alarm.limit_mc) == (
        Severity.CRITICAL,
        ("hot", "long"),
        16_000,
        8000,
    )


@pytest.mark.parametrize(("minutes", "rules"), [(20, set()), (21, {"two"}), (31, {"two", "three"})])
def test_silence_is_judged_by_the_clock_against_the_interval(minutes: int, rules: set[str]) -> None:
    by = profile(
        rule("no_data", id="two", factor=2, severity="info"), rule("no_data", id="three", factor=3, severity="major")
    )
    found = judged((0, 5.0), (10, 5.0), by=by, as_of_min=10 + minutes, silence=True)
    assert {breach.rule for breach in found.breaches} == rules


def test_a_logger_that_was_never_heard_is_silent_from_its_binding_on() -> None:
    by = profile(rule("no_data", factor=3))
    bound = Bound(Track.of("LG-1", "internal", []), (Span(at(0), None),), interval_ms=600_000)
    [said] = findings(Inputs(BOX, by, (bound,)), at(31)).conditions
    assert (said.cause, said.condition, said.onset_ms) == ("silence", Condition.ACTIVE, at(0))


def test_two_faulty_rows_are_a_sensor_fault_and_two_good_ones_end_it() -> None:
    found = judged((0, 5.0), (10, None), (20, None), (30, 5.0), (40, 5.0))
    [said] = found.conditions
    assert (said.cause, said.condition, said.onset_ms) == ("sensor_fault", Condition.RETURNED, at(10))


def test_a_budget_rule_fires_when_little_is_left() -> None:
    by = profile(
        rule("budget_below", id="rule", below_pct=25),
        stability_budget=[{"low_c": 8, "high_c": 15, "allowed_h": 4}],
    )
    samples = [(10 * k, 9.0 if k < 30 else 5.0) for k in range(40)]
    assert fired(judged(*samples, by=by)) == [180]


def test_headroom_runs_out_before_the_window_passes_its_limit() -> None:
    """18 h at 5 °C and 6 h at 15 °C pass 8 °C; 4.52 h do not: two hours before that the rule speaks."""
    by = profile(
        rule("mkt_headroom_below", below_h=2),
        storage_class="cct",
        mkt_windows=[{"id": "24h", "length_h": 24, "limit_c": 8}],
    )
    samples = [(10 * k, 15.0 if k >= 144 else 5.0) for k in range(180)]
    [minute] = fired(judged(*samples, by=by))
    assert 1440 + 60 * (4.52 - 2) - 15 <= minute <= 1440 + 60 * (4.52 - 2) + 15
