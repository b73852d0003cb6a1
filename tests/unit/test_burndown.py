"""What the charts draw: what is left of a budget over time, and the stretches that are not judged."""

import pytest
from judging import MINUTE, at, profile, track

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.ledger import Ledger, Part, ledger
from dashboard.figures.burndown import burndown, courses
from dashboard.figures.series import Interval, Series, chart
from dashboard.parts.budget_blocks import band_figure, left_words, now_words

GOODS = profile(stability_budget=[{"low_c": 8, "high_c": 15, "allowed_h": 2}, {"low_c": 15, "high_c": 25}])
WARM = [(0, 5.0), (10, 5.0), (20, 11.0), (30, 11.0), (100, 11.0), (110, 11.0)]


def of(samples: list[tuple[float, float]], as_of_min: float) -> Ledger:
    made = track(*samples)
    bound = Bound(made, (Span(at(0), None),), interval_ms=10 * MINUTE)
    document = findings(
        Inputs(Subject(SubjectKind.SHIPMENT, "s"), GOODS, (bound,), silence=False), at(as_of_min)
    ).document
    last = {"LG-1/internal": {"event_time": iso(at(samples[-1][0])), "temperature_c": samples[-1][1]}}
    return ledger([Part("shipment", "s", "S", document, live=True, last=last)], GOODS, at(as_of_min))


def test_a_band_with_an_allowance_starts_at_it_and_ends_at_what_the_ledger_says_is_left() -> None:
    found = of(WARM, 110)
    [course] = courses(found)
    band = found.bands[0]
    assert course.left_h[0] == 2.0
    assert course.left_h[-1] == pytest.approx((band.remaining_ms or 0) / 3_600_000)
    assert course.lowest_h[-1] == pytest.approx(((band.remaining_ms or 0) - band.unknown_ms) / 3_600_000)
    assert all(low <= left for low, left in zip(course.lowest_h, course.left_h, strict=True))
    assert course.left_h == sorted(course.left_h, reverse=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chart_has_a_line_and_a_lowest_line_for_each_limited_band(scheme: str) -> None:
    figure = burndown(of(WARM, 110), scheme=scheme, zone="Europe/Berlin")
    assert [trace["name"] for trace in figure["data"]] == ["8 … 15 °C, at the least", "8 … 15 °C"]
    assert "Berlin" in figure["layout"]["xaxis"]["title"]["text"]


def said(parts: object) -> str:
    return "".join(parts) if isinstance(parts, list) else str(parts)


def test_words_say_what_is_left_and_for_how_long() -> None:
    found = of(WARM, 110)
    assert found.left is not None
    assert left_words(found.left) == "between 25 min and 1 h 35 min"
    assert "at most 1 h 35 min with unknown time" in said(band_figure(found.bands[0]).sub)
    assert "no limit of its own" in said(band_figure(found.bands[1]).sub)
    assert band_figure(found.bands[0], hidden=True).value == "–"
    overdrawn = of([(10 * k, 11.0) for k in range(20)], 190)
    assert (band_figure(overdrawn.bands[0]).value, overdrawn.left and left_words(overdrawn.left)) == (
        "overdrawn by 1 h 10 min", "none, it is used up",
    )  # fmt: skip
    assert "no band is running down" in str(now_words(of([(0, 5.0), (10, 5.0)], 10)))


def test_what_is_not_judged_is_veiled_and_named_in_the_chart() -> None:
    made = track(*((10 * k, 5.0) for k in range(12)))
    series = Series((made,), 2000, 8000, 10 * MINUTE, excluded=(Interval(at(-60), at(30)), Interval(at(90), None)))
    layout = chart(series).figure["layout"]
    assert [note["text"] for note in layout["annotations"]].count("excluded") == 2
    veils = [shape for shape in layout["shapes"] if shape.get("xref") == "x"]
    assert [veil["x1"] for veil in veils] == [at(30), layout["xaxis"]["range"][1]]
