"""An excursion's severity: the worst of the rules, of the matrix of peak and time, and of a freeze event."""

from typing import Any

import pytest
from judging import BOX, MINUTE, at, judged, profile, rule, track

from coldchain.domain.finding import Excursion, Findings, Severity, Subject, SubjectKind
from coldchain.domain.profile import FreezeEvent
from coldchain.errors import InvalidValue
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.twin import differences

MATRIX = {
    "bands": [
        {"direction": "high", "peak_c": 8, "minor_min": 10, "major_min": 60, "critical_h": 4},
        {"direction": "high", "peak_c": 15, "critical_min": 10},
        {"direction": "low", "peak_c": 2, "minor_min": 10},
    ]
}


def severities(found: Findings) -> list[Severity]:
    return [item.severity for item in found.excursions]


def stretch(minutes: int, celsius: float, step: int = 5) -> list[tuple[float, float]]:
    """Inside, then outside for so many minutes between its first and last sample, then inside."""
    inside = [(-2.0 * step, 5.0), (-1.0 * step, 5.0)]
    outside = [(float(k), celsius) for k in range(0, minutes + 1, step)]
    return [*inside, *outside, (minutes + step, 5.0), (minutes + 2 * step, 5.0)]


@pytest.mark.parametrize(
    ("minutes", "celsius", "severity"),
    [
        (0, 8.1, Severity.INFO),
        (15, 9.0, Severity.MINOR),
        (70, 9.0, Severity.MAJOR),
        (250, 9.0, Severity.CRITICAL),
        (15, 14.9, Severity.MINOR),
        (15, 15.0, Severity.CRITICAL),
        (15, 1.0, Severity.MINOR),
        (250, 1.0, Severity.MINOR),
    ],
)
def test_peak_and_time_outside_say_how_bad(minutes: int, celsius: float, severity: Severity) -> None:
    found = judged(*stretch(minutes, celsius), by=profile(severity_matrix=MATRIX), interval_min=5)
    assert severities(found) == [severity]
    assert found.breaches == found.conditions == ()  # an alarm takes a rule


def test_time_adds_up_over_the_excursions_of_a_shipment_and_not_over_those_of_a_store() -> None:
    samples = [(5.0 * k, 9.0 if k % 10 < 5 else 5.0) for k in range(60)]
    made = track(*samples)
    bound = Bound(made, (Span(at(0), None),), interval_ms=5 * MINUTE)
    by = profile(severity_matrix=MATRIX)
    for subject, expected in (
        (BOX, {Severity.MINOR, Severity.MAJOR}),
        (Subject(SubjectKind.STORE, "s"), {Severity.MINOR}),
    ):
        inputs = Inputs(subject, by, (bound,), silence=False)
        found = findings(inputs, int(made.time_ms[-1]))
        assert set(severities(found)) == expected
        assert differences(inputs, found.document) == []


def test_the_worst_of_rules_and_matrix_counts_and_both_are_told() -> None:
    by = profile(rule("instant", limit_c=9, severity="critical"), severity_matrix=MATRIX)
    found = judged(*stretch(15, 10.0), by=by, interval_min=5)
    assert severities(found) == [Severity.CRITICAL]
    [told] = found.document["excursions"]  # type: ignore[misc]
    assert told["severity_basis"] == {
        "rules": "critical", "matrix": "minor", "freeze": None, "cumulative_s": 19 * 60,
    }  # fmt: skip


def frozen_by(*samples: tuple[float, float], sensitive: bool = True, as_of_min: float | None = None) -> list[Severity]:
    by = profile(freeze_sensitive=sensitive)
    return severities(judged((-20, 5.0), (-10, 5.0), *samples, by=by, as_of_min=as_of_min))


def test_one_reading_at_the_freezing_limit_is_critical_once_a_second_confirms_it() -> None:
    assert frozen_by((0, -0.5), (10, 1.0), (20, 5.0)) == [Severity.INFO]
    assert frozen_by((0, -0.5), (10, -0.5), (20, 5.0)) == [Severity.CRITICAL]
    assert frozen_by((0, -0.4), (10, -0.4), (20, -0.4), (30, 5.0)) == [Severity.INFO]
    assert frozen_by((0, -0.5), (10, -0.5), (20, 5.0), sensitive=False) == [Severity.INFO]


def test_one_reading_at_the_freezing_limit_is_critical_after_an_hour_of_silence() -> None:
    assert frozen_by((0, -0.5), as_of_min=59) == [Severity.INFO]
    assert frozen_by((0, -0.5), as_of_min=60) == [Severity.CRITICAL]
    waiting = judged((-10, 5.0), (0, -0.5), by=profile(freeze_sensitive=True), as_of_min=30)
    assert waiting.next_due_ms == at(60)


def test_only_the_excursion_that_froze_is_critical() -> None:
    samples = [(0, -1.0), (10, -1.0), (20, 5.0), (30, 5.0), (40, 5.0), (50, 1.0), (60, 1.0), (70, 5.0)]
    assert frozen_by(*samples) == [Severity.CRITICAL, Severity.INFO]


def test_what_counts_as_frozen_is_data() -> None:
    by = profile(
        freeze_sensitive=True, severity_matrix={"freeze_c": 0, "freeze_confirm_readings": 3, "freeze_hold_min": 30}
    )
    assert by.freeze == FreezeEvent(0, 3, 30 * MINUTE)
    assert profile().freeze is None


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        ({"bands": [{"direction": "high", "peak_c": -7, "minor_min": 1}]}, ["peak_c", "-7", "other side", "2 … 8"]),
        ({"bands": [{"direction": "low", "peak_c": 8, "minor_min": 1}]}, ["peak_c", "8", "other side", "2 … 8"]),
        ({"bands": [{"direction": "high", "peak": 9, "minor_min": 1}]}, ["bands[0].peak", "9", "no unit", "peak_c"]),
        ({"bands": [{"direction": "high", "peak_c": 8}]}, ["bands[0]", "minor_min"]),
        ({"bands": [{"direction": "high", "peak_c": 8, "minor": 10}]}, ["minor", "10", "minor_min"]),
        ({"bands": [{"direction": "high", "peak_c": 8, "minor_h": 2, "major_min": 60}]}, ["major", "before minor"]),
        ({"bands": [{"direction": "up", "peak_c": 8, "minor_min": 1}]}, ["direction", "up", "high"]),
        ({"bands": [MATRIX["bands"][0], MATRIX["bands"][0]]}, ["bands[1].peak_c", "8", "twice"]),
        ({"freeze_c": -1}, ["freeze_c", "freeze_sensitive"]),
        ({"band": []}, ["severity_matrix.band", "not a known key"]),
    ],
)  # fmt: skip
def test_a_wrong_matrix_is_refused_with_field_value_and_remedy(matrix: dict[str, Any], says: list[str]) -> None:
    with pytest.raises(InvalidValue) as refused:
        profile(severity_matrix=matrix)
    assert all(word in str(refused.value) for word in says), refused.value


def test_a_row_without_a_peak_follows_the_label_range() -> None:
    row = {"bands": [{"direction": "high", "minor_min": 0}]}
    for high_c in (8, 9):
        [band] = profile(severity_matrix=row, label_range={"low_c": 2, "high_c": high_c}).severity_matrix
        assert band.peak_mc == high_c * 1000
    [inside] = profile(severity_matrix={"bands": [{**row["bands"][0], "peak_c": 7}]}).severity_matrix
    assert inside.peak_mc == 7000  # every excursion reaches it: allowed, so that a label range can be widened alone


def test_a_matrix_for_a_side_without_a_limit_is_refused() -> None:
    with pytest.raises(InvalidValue, match="no limit"):
        profile(label_range={"high_c": 8}, severity_matrix={"bands": [{"direction": "low", "peak_c": 0, "minor_s": 1}]})


def only(found: Findings) -> Excursion:
    [item] = found.excursions
    return item


def test_the_mean_outside_is_over_the_known_time_outside() -> None:
    flat = only(judged(*stretch(60, 10.0), by=profile(), interval_min=5))
    # 2 °C beyond for an hour, and two ramps of which the last 2 minutes lie beyond with 1 °C on average.
    assert flat.mean_c == pytest.approx(8 + (60 * 2 + 4 * 1) / 64, abs=1e-9)
    spike = only(judged((0, 5.0), (10, 10.0), (20, 5.0), by=profile()))
    assert spike.mean_c == 9.0
    alone = only(judged((0, 5.0), (100, 10.0), (200, 5.0), by=profile()))
    assert (alone.mean_c, alone.duration_ms) == (10.0, 0)
    cold = only(judged((0, 5.0), (10, 0.0), (20, 5.0), by=profile()))
    assert cold.mean_c == 1.0


def test_coverage_within_an_excursion_leaves_its_gaps_out() -> None:
    holed = only(judged((0, 9.0), (10, 9.0), (40, 9.0), (50, 9.0), by=profile()))
    assert holed.coverage_pct == pytest.approx(40)
    assert only(judged(*stretch(20, 9.0), by=profile(), interval_min=5)).coverage_pct == 100


def test_custodian_and_leg_are_those_at_the_onset() -> None:
    made = track(*stretch(20, 9.0))
    bound = Bound(made, (Span(int(made.time_ms[0]), None),), interval_ms=5 * MINUTE)
    holders = (("Alpha", Span(at(-60), at(10))), ("Beta", Span(at(10), None)))
    inputs = Inputs(BOX, profile(), (bound,), silence=False, holders=holders, legs=(("to port", Span(at(5), None)),))
    found = only(findings(inputs, int(made.time_ms[-1])))
    assert (found.custodian, found.leg) == ("Alpha", None)
