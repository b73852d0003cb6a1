"""Excursions: where they begin and end, how long, how far, and what a gap does to them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from judging import at, judged, profile, trace

from compliance.excursions import outside


def test_the_limit_itself_is_inside_and_a_thousandth_more_is_not() -> None:
    assert judged((0, "7.000"), (10, "8.000"), (20, "7.000")).excursions == ()
    [found] = judged((0, "7.000"), (10, "8.001"), (20, "7.000")).excursions
    assert found.peak_mc == 8001


def test_edges_lie_where_the_line_between_samples_crosses_the_limit() -> None:
    [found] = outside(trace((0, 7.0), (10, 8.2), (20, 7.0)), 8000, high=True)
    assert (found.onset_ms, found.onset_sample_ms, found.end_ms) == (at(10) - 100_000, at(10), at(10) + 100_000)
    assert found.duration_ms == 200_000  # 3.33 min, where samples × interval would say 10
    assert found.area == 200 * 100_000  # a triangle, 0.2 °C high


def test_a_low_excursion_is_the_mirror_of_a_high_one() -> None:
    [high] = outside(trace((0, 7.0), (10, 9.0), (20, 8.5), (30, 6.0)), 8000, high=True)
    [low] = outside(trace((0, 3.0), (10, 1.0), (20, 1.5), (30, 4.0)), 2000, high=False)
    for name in ("onset_ms", "end_ms", "duration_ms", "area"):
        assert getattr(low, name) == getattr(high, name)
    assert (high.peak, low.peak) == (9000, 1000)


def test_one_fall_through_the_whole_range_ends_one_excursion_and_begins_another() -> None:
    high, low = judged((0, 9.0), (10, 1.0), (20, 5.0)).excursions
    assert (high.direction, low.direction) == ("high", "low")
    assert (high.end_ms, low.onset_ms) == (at(1.25), at(8.75))


def test_an_excursion_at_the_end_of_the_readings_is_open() -> None:
    [found] = judged((0, 7.0), (10, 9.0), (20, 9.5)).excursions
    assert found.end_ms is None
    assert found.duration_ms == 15 * 60_000


def test_a_gap_between_two_readings_outside_is_one_excursion_that_leaves_the_gap_out() -> None:
    [found] = judged((0, 9.0), (10, 9.0), (70, 9.0), (80, 9.0)).excursions
    assert (found.duration_ms, found.duration_upper_ms) == (20 * 60_000, 80 * 60_000)
    assert found.area_mc_ms == 1000 * 20 * 60_000


def test_a_gap_beside_an_excursion_counts_in_its_upper_duration_only() -> None:
    [found] = judged((0, 5.0), (10, 5.0), (70, 9.0), (80, 9.0), (90, 7.0)).excursions
    assert found.onset_ms == found.onset_sample_ms == at(70)
    assert (found.duration_ms, found.duration_upper_ms) == (15 * 60_000, 75 * 60_000)


def test_time_in_range_above_below_and_unknown_add_up_to_the_period() -> None:
    said = judged((0, 5.0), (10, 9.0), (20, 5.0), (60, 5.0), (70, 1.0), (80, 5.0)).document["temperature"]
    parts = [said[f"time_{name}_s"] for name in ("in_range", "above", "below", "unknown")]  # type: ignore[index]
    assert parts == [80 * 60 - 300 - 300 - 2400, 300, 300, 2400]
    assert said["time_above_upper_s"] == 300 + 2400  # type: ignore[index]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 12_000), min_size=2, max_size=40), st.lists(st.integers(1, 60), min_size=40, max_size=40)
)
def test_times_add_up_exactly_whatever_is_measured_whenever(values: list[int], steps: list[int]) -> None:
    minutes = [sum(steps[:k]) for k in range(len(values))]
    found = judged(*[(m, f"{v / 1000:.3f}") for m, v in zip(minutes, values, strict=True)])
    said = found.document["temperature"]
    parts = [round(said[f"time_{name}_s"] * 1000) for name in ("in_range", "above", "below", "unknown")]  # type: ignore[index]
    assert sum(parts) == (minutes[-1] - minutes[0]) * 60_000
    assert min(parts) >= 0
    above = sum(item.duration_ms for item in found.excursions if item.direction == "high")
    assert parts[1] == above


def test_numbers_beyond_64_bits_stay_exact() -> None:
    days = 365 * 400
    made = trace((0, "0"), (1440 * days, "100000"), (2880 * days, "0"), interval_min=1440 * days)
    [found] = outside(made, 0, high=True)
    assert found.area == 100_000_000 * days * 86_400_000


def test_a_range_without_a_lower_limit_knows_no_cold() -> None:
    goods = profile(label_range={"high_c": 25})
    assert [item.direction for item in judged((0, -30.0), (10, 26.0), (20, -30.0), by=goods).excursions] == ["high"]
