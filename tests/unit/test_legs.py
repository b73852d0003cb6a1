"""Legs and custody from milestones, and the figures of each leg by the engine's own rules."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from judging import BOX, MINUTE, at, profile, track

from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.journey import holders_of, legs_of
from compliance.legs import Leg, leg_figures
from compliance.twin_windows import window_differences


def milestone(kind: str, name: str, minute: float, custodian: str | None = None) -> Any:
    return SimpleNamespace(kind=kind, name=name, happened_ms=at(minute), custodian=custodian)


WAY = (
    milestone("departure", "Departed Munich", 0, "Arctos"),
    milestone("stop", "Driver's break", 20, "Arctos"),
    milestone("handover", "Munich cargo", 40, "Blue Lane"),
    milestone("leg", "Took off", 60, "Blue Lane"),
    milestone("arrival", "Arrived Lisbon", 120, "Lisbon Hospital"),
)


def test_a_leg_lasts_from_its_start_until_the_next_one_or_the_arrival() -> None:
    assert legs_of(WAY) == (("Departed Munich", Span(at(0), at(60))), ("Took off", Span(at(60), at(120))))


def test_whoever_is_named_holds_the_goods_until_somebody_else_is_named() -> None:
    assert holders_of(WAY) == (
        ("Arctos", Span(at(0), at(40))), ("Blue Lane", Span(at(40), at(120))), ("Lisbon Hospital", Span(at(120), None)),
    )  # fmt: skip


def test_of_two_milestones_at_one_moment_the_later_word_counts() -> None:
    both = (milestone("departure", "a", 0, "A"), milestone("leg", "b", 0, "B"), milestone("leg", "c", 9, "B"))
    assert legs_of(both) == (("b", Span(at(0), at(9))), ("c", Span(at(9), None)))
    assert holders_of(both) == (("B", Span(at(0), None)),)


def shipment(samples: Sequence[tuple[float, Any]]) -> Inputs:
    bound = Bound(track(*samples), (Span(at(0), None),), interval_ms=10 * MINUTE)
    return Inputs(BOX, profile(), (bound,), silence=False, legs=legs_of(WAY), holders=holders_of(WAY))


def said(leg: Leg) -> dict[str, Any]:
    """The figures of a leg that has some."""
    assert leg.document is not None
    return leg.document


def test_each_leg_has_its_own_figures_and_the_twin_agrees_with_all_of_them() -> None:
    samples = [(10 * k, 10.0 if 70 <= 10 * k <= 90 else 5.0) for k in range(13)]
    road, air = leg_figures(shipment(samples), at(120))
    assert (road.custodians, air.custodians) == (("Arctos", "Blue Lane"), ("Blue Lane",))
    assert said(road)["excursions"] == []
    assert [item["duration_s"] for item in said(air)["excursions"]] == [20 * 60 + 2 * 240.0]
    assert said(air)["temperature"]["max_c"] == 10.0
    assert said(road)["temperature"]["max_c"] == 5.0
    assert said(road)["mkt"]["value_c"] == 5.0
    assert said(air)["mkt"]["value_c"] > 6
    for leg in (road, air):
        assert window_differences(leg.inputs, leg.windows) == []
        assert leg.as_json()["temperature"] == said(leg)["temperature"]


def test_the_times_of_the_legs_add_up_to_the_shipments_wherever_they_change() -> None:
    way = (milestone("departure", "a", 0), milestone("leg", "b", 47), milestone("leg", "c", 78),
           milestone("arrival", "end", 120))  # fmt: skip
    samples = [(10 * k, 11.0 if 4 <= k < 8 else 5.0) for k in range(13)]
    inputs = replace(shipment(samples), legs=legs_of(way))
    document: dict[str, Any] = findings(inputs, at(120)).document
    whole = document["temperature"]
    legs = [said(leg)["temperature"] for leg in leg_figures(inputs, at(120))]
    for name in ("time_in_range_s", "time_above_s", "time_below_s", "time_unknown_s"):
        assert sum(leg[name] for leg in legs) == pytest.approx(whole[name], abs=0.002), name


def test_a_leg_without_loggers_has_no_figures() -> None:
    inputs = shipment([(10 * k, 5.0) for k in range(4)])
    bare, _ = leg_figures(replace(inputs, bounds=()), at(30))
    assert (bare.document, bare.as_json()["temperature"], bare.as_json()["logger"]) == (None, None, None)


def test_a_leg_without_readings_is_unknown_and_never_in_range() -> None:
    _, air = leg_figures(shipment([(10 * k, 5.0) for k in range(5)]), at(120))
    assert said(air)["temperature"]["time_unknown_s"] == 3600
    assert said(air)["temperature"]["time_in_range_s"] == 0
    assert said(air)["mkt"]["value_c"] is None
