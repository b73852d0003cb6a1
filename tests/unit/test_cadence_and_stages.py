"""An interval that is set anew on the way, and rules that watch in some stages only."""

from typing import Any

import numpy as np
import pytest
from judging import BOX, MINUTE, at, profile, rule, track

from coldchain.domain.finding import Findings
from compliance.cadence import Cadence
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.twin import differences

SET_ANEW = ((0, 10 * MINUTE), (at(100), MINUTE))


def judged(samples: list[tuple[float, Any]], as_of_min: float, *rules: dict[str, Any], **more: Any) -> Findings:
    made = track(*samples)
    cadence = more.pop("cadence", ())
    interval = cadence[-1][1] if cadence else 10 * MINUTE
    bound = Bound(made, (Span(at(0), None),), interval_ms=interval, cadence=cadence)
    inputs = Inputs(BOX, profile(*rules), (bound,), **{"silence": False, **more})
    found = findings(inputs, at(as_of_min))
    assert differences(inputs, found.document) == []
    return found


def test_the_interval_at_a_moment_is_the_newest_that_holds_and_between_two_readings_the_longer_one() -> None:
    cadence = Cadence.of(SET_ANEW)
    assert [cadence.at(at(minute)) for minute in (-5, 99, 100, 500)] == [600_000, 600_000, 60_000, 60_000]
    assert cadence.between(np.array([at(80), at(90), at(100), at(101)])).tolist() == [600_000, 600_000, 60_000]


def test_a_shorter_interval_makes_no_gaps_of_what_was_measured_before() -> None:
    samples = [(10 * k, 5.0) for k in range(10)] + [(100 + k, 5.0) for k in range(20)]
    found = judged(samples, 119, cadence=SET_ANEW)
    assert found.document["gaps"] == []
    assert found.document["coverage_pct"] == 100
    whole = judged(samples, 119, cadence=((0, MINUTE),))
    assert whole.document["coverage_pct"] < 20


def test_after_the_change_the_new_interval_says_what_is_a_gap_and_what_is_silence() -> None:
    samples = [(10 * k, 5.0) for k in range(11)] + [(110, 5.0)]
    silent = rule("no_data", factor=3)
    found = judged(samples, 114, silent, cadence=SET_ANEW, silence=True)
    assert [(gap["from"][11:16], gap["to"][11:16]) for gap in found.document["gaps"]] == [
        ("01:40", "01:50"), ("01:50", "01:54"),
    ]  # fmt: skip
    assert [breach.fired_ms for breach in found.breaches] == [at(103), at(113)]


def test_a_rule_of_some_stages_sleeps_in_the_others_and_its_excursion_is_recorded_all_the_same() -> None:
    samples = [(10 * k, 9.0 if 3 <= k <= 6 else 5.0) for k in range(12)]
    stages = (("loading", Span(at(0), at(70))), ("in_transit", Span(at(70), None)))
    watching = rule("instant", limit_c=8, stages=["in_transit"])
    found = judged(samples, 110, watching, stages=stages)
    assert found.breaches == ()
    assert [item.severity.word for item in found.excursions] == ["info"]
    awake = judged(samples, 110, rule("instant", limit_c=8, stages=["loading"]), stages=stages)
    assert [breach.fired_ms for breach in awake.breaches] == [at(30)]


def test_a_rule_watches_where_nobody_recorded_the_stage() -> None:
    samples = [(10 * k, 9.0 if 3 <= k <= 6 else 5.0) for k in range(12)]
    found = judged(samples, 110, rule("instant", limit_c=8, stages=["in_transit"]))
    assert len(found.breaches) == 1


def test_what_a_rule_held_ends_with_its_stage() -> None:
    samples = [(10 * k, 9.0) for k in range(3, 12)]
    stages = (("loading", Span(at(0), at(60))), ("in_transit", Span(at(60), None)))
    found = judged(samples, 110, rule("instant", limit_c=8, stages=["loading"]), stages=stages)
    [alarm] = found.conditions
    assert (alarm.condition.value, alarm.monitoring_ended) == ("returned", True)
    assert found.excursions[0].end_ms is None


@pytest.mark.parametrize(("stages", "told"), [(["in_transit"], [at(113)]), (["loading"], [at(43)]), ([], [at(43)])])
def test_silence_counts_in_the_stages_of_its_rule(stages: list[str], told: list[int]) -> None:
    samples = [(k, 5.0) for k in range(41)]
    spans = (("loading", Span(at(0), at(110))), ("in_transit", Span(at(110), None)))
    silent = rule("no_data", factor=3, **({"stages": stages} if stages else {}))
    found = judged(samples, 140, silent, cadence=((0, MINUTE), (1, MINUTE)), silence=True, stages=spans)
    assert [breach.fired_ms for breach in found.breaches] == told
