"""What vendors and standards call an excursion, each as a rule set of ours, worked through on a history."""

from itertools import chain
from typing import Any

import pytest
from judging import BOX, DAWN, MINUTE, at, track

from coldchain.domain.finding import Condition, Findings, Severity, Subject, SubjectKind
from coldchain.domain.profile import ProductProfile
from coldchain.domain.profile_format import profile_from_toml
from coldchain.errors import InvalidValue
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span

HOUR = 60

GOODS = """
id = "goods"
storage_class = "refrigerated"
[label_range]
low_c = 2
high_c = 8
[alarm_profile]
id = "vendor"
hysteresis_c = 0
clear_hold_min = 0
"""

# WHO/PQS TR07, shipping indicators: a limit counts from equality on.
TR07_TYPE_1 = """
[[alarm_profile.rules]]
id = "hot"
kind = "consecutive"
direction = "high"
limit_c = 45
inclusive = true
hold_h = 1
severity = "critical"
[[alarm_profile.rules]]
id = "warm"
kind = "cumulative"
direction = "high"
limit_c = 30
inclusive = true
hold_h = 10
severity = "major"
[[alarm_profile.rules]]
id = "freezing"
kind = "consecutive"
direction = "low"
limit_c = -0.5
inclusive = true
hold_h = 1
severity = "critical"
"""
TR07_TYPE_2 = """
[[alarm_profile.rules]]
id = "hot"
kind = "consecutive"
direction = "high"
limit_c = 45
inclusive = true
hold_h = 1
severity = "critical"
[[alarm_profile.rules]]
id = "warm"
kind = "cumulative"
direction = "high"
limit_c = 30
inclusive = true
hold_h = 10
severity = "major"
[[alarm_profile.rules]]
id = "mild"
kind = "cumulative"
direction = "high"
limit_c = 10
inclusive = true
hold_h = 20
severity = "minor"
"""
E006 = """
[[alarm_profile.rules]]
id = "warm"
kind = "consecutive"
direction = "high"
limit_c = 8
hold_h = 10
severity = "major"
[[alarm_profile.rules]]
id = "freezing"
kind = "consecutive"
direction = "low"
limit_c = -0.5
inclusive = true
hold_min = 60
severity = "critical"
"""
LOGTAG = """
[[alarm_profile.rules]]
id = "instant"
kind = "instant"
direction = "high"
limit_c = 30
inclusive = true
severity = "minor"
[[alarm_profile.rules]]
id = "consecutive"
kind = "consecutive"
direction = "high"
limit_c = 30
inclusive = true
hold_min = 40
severity = "minor"
[[alarm_profile.rules]]
id = "accumulative"
kind = "cumulative"
direction = "high"
limit_c = 30
inclusive = true
hold_min = 60
severity = "minor"
"""
Q_TAG = """
[[alarm_profile.rules]]
id = "single"
kind = "cumulative"
direction = "high"
limit_c = 8
hold_min = 60
reset = "on_return"
severity = "major"
[[alarm_profile.rules]]
id = "sum"
kind = "cumulative"
direction = "high"
limit_c = 8
hold_min = 120
severity = "major"
"""
FRIDGE_TAG = """
[[alarm_profile.rules]]
id = "alarm"
kind = "consecutive"
direction = "high"
limit_c = 8
hold_h = 10
severity = "major"
[[alarm_profile.rules]]
id = "daily"
kind = "cumulative"
direction = "high"
limit_c = 8
hold_min = 1
severity = "info"
reset = "window"
window = { kind = "calendar", zone = "site" }
"""
CONTROLANT = "ignore_start_min = 10\nignore_end_min = 10\n" + "".join(
    f"""
[[alarm_profile.rules]]
id = "{direction}-{number}"
kind = "cumulative"
direction = "{direction}"
limit_c = {limit}
hold_min = {delay}
reset = "never"
severity = "{severity}"
"""
    for number, (direction, limit, delay, severity) in enumerate(
        [
            ("high", 8, 48010, "info"), ("high", 10, 600, "minor"), ("high", 15, 120, "minor"),
            ("high", 20, 60, "major"), ("high", 25, 30, "major"), ("high", 30, 10, "critical"),
            ("low", 2, 48010, "info"), ("low", 1, 600, "minor"), ("low", 0, 120, "minor"),
            ("low", "-0.5", 60, "major"), ("low", -5, 30, "major"), ("low", -10, 10, "critical"),
        ]
    )
)  # fmt: skip
TIVE = """
[[alarm_profile.rules]]
id = "in-transit"
kind = "consecutive"
direction = "high"
limit_c = 8
hold_min = 30
stages = ["in_transit"]
severity = "major"
[[alarm_profile.rules]]
id = "at-destination"
kind = "consecutive"
direction = "high"
limit_c = 25
hold_d = 14
stages = ["arrived"]
severity = "minor"
"""
TEMPSEN = """
[[alarm_profile.rules]]
id = "single"
kind = "consecutive"
direction = "high"
limit_c = 8
hold_min = 40
counts = "readings"
severity = "major"
[[alarm_profile.rules]]
id = "cumulative"
kind = "cumulative"
direction = "high"
limit_c = 8
hold_min = 60
counts = "readings"
severity = "major"
"""
COPELAND = """
[[alarm_profile.rules]]
id = "201-high"
kind = "instant"
direction = "high"
limit_c = 12
severity = "critical"
[[alarm_profile.rules]]
id = "201-low"
kind = "instant"
direction = "low"
limit_c = 0
severity = "critical"
"""
OPEN_MSUPPLY = """
[[alarm_profile.rules]]
id = "excursion"
kind = "instant"
direction = "high"
limit_c = 8
severity = "minor"
[[alarm_profile.rules]]
id = "hot-consecutive"
kind = "consecutive"
direction = "high"
limit_c = 8
hold_min = 60
severity = "major"
[[alarm_profile.rules]]
id = "hot-cumulative"
kind = "cumulative"
direction = "high"
limit_c = 8
hold_min = 120
severity = "major"
[[alarm_profile.rules]]
id = "cold-consecutive"
kind = "consecutive"
direction = "low"
limit_c = 2
hold_min = 60
severity = "major"
[[alarm_profile.rules]]
id = "cold-cumulative"
kind = "cumulative"
direction = "low"
limit_c = 2
hold_min = 120
severity = "major"
"""

Samples = list[tuple[float, float]]


def every(step: float, *runs: tuple[int, float]) -> Samples:
    """Samples `step` minutes apart: (how many, degrees) one run after another."""
    values = chain.from_iterable([celsius] * count for count, celsius in runs)
    return [(step * k, celsius) for k, celsius in enumerate(values)]


def judge(rules: str, samples: Samples, step: float = 10, **more: Any) -> Findings:
    made = track(*samples)
    end = more.pop("end", None)
    bound = Bound(made, (Span(at(samples[0][0]), end),), interval_ms=round(step * MINUTE))
    goods: ProductProfile = profile_from_toml(GOODS + rules)
    now = int(made.time_ms[-1]) + more.pop("later", 0)
    return findings(Inputs(more.pop("subject", BOX), goods, (bound,), silence=False, **more), now)


def fired(found: Findings) -> list[tuple[str, float]]:
    """(rule, minutes after dawn) in order of time."""
    return [(item.rule, (item.fired_ms - DAWN) / MINUTE) for item in found.breaches]


def test_who_tr07_type_1() -> None:
    assert fired(judge(TR07_TYPE_1, every(10, (7, 45.0), (2, 5.0)))) == [("hot", 60)]
    assert fired(judge(TR07_TYPE_1, every(10, (6, 45.0), (2, 5.0)))) == [("hot", 60)]  # out until the next reading
    assert fired(judge(TR07_TYPE_1, every(10, (5, 45.0), (2, 5.0)))) == []
    ten_hours_in_two = every(10, (30, 30.0), (60, 5.0), (31, 30.0), (2, 5.0))
    assert fired(judge(TR07_TYPE_1, ten_hours_in_two)) == [("warm", 1200)]
    assert fired(judge(TR07_TYPE_1, every(10, (70, 29.9), (2, 5.0)))) == []
    assert fired(judge(TR07_TYPE_1, every(10, (2, 5.0), (7, -0.5), (2, 5.0)))) == [("freezing", 80)]
    assert fired(judge(TR07_TYPE_1, every(10, (2, 5.0), (5, -0.5), (2, 5.0), (5, -0.5), (2, 5.0)))) == []


def test_who_tr07_type_2_has_no_freezing_indicator_and_a_milder_sum() -> None:
    assert fired(judge(TR07_TYPE_2, every(10, (121, 10.0), (2, 5.0)))) == [("mild", 1200)]
    hotter = every(10, (61, 31.0), (60, 10.0), (2, 5.0))
    assert fired(judge(TR07_TYPE_2, hotter)) == [("warm", 600), ("mild", 1200)]
    assert fired(judge(TR07_TYPE_2, every(10, (30, -5.0), (2, 5.0)))) == []


def test_who_e006_thirty_day_recorder() -> None:
    assert fired(judge(E006, every(10, (1, 5.0), (61, 8.1), (2, 5.0)))) == [("warm", 610)]
    assert fired(judge(E006, every(10, (1, 5.0), (80, 8.0), (2, 5.0)))) == []  # above, not at
    broken = every(10, (1, 5.0), (59, 9.0), (1, 8.0), (59, 9.0), (2, 5.0))
    assert fired(judge(E006, broken)) == []
    assert fired(judge(E006, every(10, (1, 5.0), (6, -0.5), (2, 5.0)))) == [("freezing", 70)]


def test_logtag_counts_from_equality_on() -> None:
    assert fired(judge(LOGTAG, every(10, (9, 29.9), (2, 5.0)))) == []
    found = fired(judge(LOGTAG, every(10, (1, 5.0), (3, 30.0), (1, 29.9), (4, 30.0), (2, 5.0))))
    assert found == [("instant", 10), ("accumulative", 80), ("consecutive", 90)]


def test_q_tag_forgets_a_single_event_on_return_and_sums_beside_it() -> None:
    dips = every(10, (1, 5.0), (5, 9.0), (1, 7.9), (5, 9.0), (1, 7.9), (5, 9.0), (2, 5.0))
    assert fired(judge(Q_TAG, dips)) == [("sum", 150)]
    assert fired(judge(Q_TAG, every(10, (1, 5.0), (3, 9.0), (1, 5.0), (7, 9.0), (2, 5.0)))) == [("single", 110)]


def test_fridge_tag_shows_daily_sums_and_alarms_on_single_events_only() -> None:
    dips = [(10.0 * k, 9.0 if k % 10 < 5 else 5.0) for k in range(42)]  # 3.5 h in short dips
    found = judge(FRIDGE_TAG, dips)
    assert {rule for rule, _ in fired(found)} == {"daily"}
    assert {item.severity for item in found.conditions} == {Severity.INFO}  # recorded, and nobody is told


def test_controlant_accumulates_over_the_shipment_and_never_resets() -> None:
    dips = every(10, (2, 5.0), *[(2, 12.0), (3, 5.0)] * 31, (4, 5.0))
    assert fired(judge(CONTROLANT, dips))[0] == ("high-1", 20 + 29 * 50 + 20)
    assert len(profile_from_toml(GOODS + CONTROLANT).rules) == 12


def test_controlant_records_but_does_not_alarm_in_its_ignore_periods() -> None:
    short = CONTROLANT.replace("hold_min = 10\n", "hold_min = 2\n")
    hot_at_start = judge(short, every(5, (2, 35.0), (10, 5.0)), step=5)
    assert (fired(hot_at_start), len(hot_at_start.excursions)) == ([], 1)
    one_more = every(5, (3, 35.0), (10, 5.0))
    assert fired(judge(short, one_more, step=5)) == [("high-5", 12)]
    hot_at_end = every(5, (10, 5.0), (3, 35.0))
    assert fired(judge(short, hot_at_end, step=5)) == [("high-5", 52)]  # nobody knows yet that this is the end
    ended = judge(short, hot_at_end, step=5, end=at(61))
    assert (fired(ended), len(ended.excursions)) == ([], 1)
    assert fired(judge(short, hot_at_end, step=5, ended_ms=at(90))) == [("high-5", 52)]


def test_a_store_has_no_start_to_ignore_where_its_history_is_only_cut() -> None:
    short = CONTROLANT.replace("hold_min = 10\n", "hold_min = 2\n")
    fridge = Subject(SubjectKind.STORE, "fridge")
    hot = every(5, (2, 35.0), (10, 5.0))
    assert fired(judge(short, hot, step=5, subject=fridge)) == []
    assert fired(judge(short, hot, step=5, subject=fridge, since_ms=at(0))) == [("high-5", 2)]


def test_the_boundaries_of_controlant_may_not_cross() -> None:
    crossed = CONTROLANT.replace("limit_c = 10\n", "limit_c = 1\n")
    with pytest.raises(InvalidValue, match=r"'high-1' and 'low-7' are crossed.*move one of the limits"):
        profile_from_toml(GOODS + crossed)


def test_tive_switches_each_trigger_by_stage() -> None:
    hot = every(10, (12, 9.0), (1, 5.0))
    for stage, expected in (("loading", []), ("in_transit", [("in-transit", 30)]), ("arrived", [])):
        assert fired(judge(TIVE, hot, stages=((stage, Span(DAWN, None)),))) == expected
    [reason] = judge(TIVE, every(10, (6, 9.0), (4, 5.0)), stages=(("in_transit", Span(DAWN, None)),)).conditions
    assert reason.condition is Condition.RETURNED  # created, latest and closed are states of one alarm


def test_tempsen_counts_readings_times_the_interval() -> None:
    assert fired(judge(TEMPSEN, every(10, (1, 5.0), (4, 9.0), (2, 5.0)))) == [("single", 40)]
    assert fired(judge(TEMPSEN, every(10, (1, 5.0), (3, 9.0), (2, 5.0)))) == []
    apart = every(10, (1, 5.0), (3, 9.0), (2, 5.0), (3, 9.0), (2, 5.0))
    assert fired(judge(TEMPSEN, apart)) == [("cumulative", 80)]
    silent = [(0.0, 5.0), (10.0, 9.0), (20.0, 9.0)]
    found = judge(TEMPSEN, silent, later=10 * HOUR * MINUTE)
    assert (fired(found), found.next_due_ms) == ([], None)  # silence has no readings to count


def test_copeland_alerts_on_each_side_at_once() -> None:
    found = fired(judge(COPELAND, every(10, (1, 5.0), (1, 12.1), (1, 5.0), (1, -0.1), (2, 5.0))))
    assert found == [("201-high", 10), ("201-low", 30)]


def test_open_msupply_says_excursion_before_it_says_breach() -> None:
    found = judge(OPEN_MSUPPLY, every(10, (1, 5.0), (13, 9.0), (2, 5.0), (7, 1.0), (2, 5.0)))
    assert fired(found) == [
        ("excursion", 10), ("hot-consecutive", 70), ("hot-cumulative", 130), ("cold-consecutive", 220),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-15", 24)]
)  # fmt: skip
def test_a_daily_sum_follows_the_sites_clock_through_23_and_25_hours(day: str, hours: int) -> None:
    """Outside all the time, a sum of more than `hours` can never be reached within that day, one less can."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    start = (midnight.timestamp() * 1000 - DAWN) / MINUTE
    samples = [(start + 30.0 * k, 9.0) for k in range(2 * hours)] + [(start + 60.0 * hours, 5.0)]
    for hold, reached in ((hours, True), (hours + 0.25, False)):
        daily = f"""
[[alarm_profile.rules]]
id = "daily"
kind = "cumulative"
direction = "high"
hold_min = {60 * hold:g}
severity = "major"
window = {{ kind = "calendar", zone = "site" }}
"""
        if hold > 24:
            with pytest.raises(InvalidValue, match="longer than its window"):
                judge(daily, samples, step=30, zone="Europe/Berlin")
            continue
        found = fired(judge(daily, samples, step=30, zone="Europe/Berlin"))
        assert found == ([("daily", start + 60 * hold)] if reached else [])
