"""The ledger of a batch: lines that add up, whatever the order; what is left; how long it lasts."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from judging import MINUTE, at, profile, track

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.ledger import Ledger, Part, ledger
from compliance.ledger_document import ledger_json
from compliance.ledger_twin import ledger_differences
from compliance.twin import differences

BANDS = [{"low_c": 0, "high_c": 2}, {"low_c": 8, "high_c": 15, "allowed_h": 2},
         {"low_c": 15, "high_c": 25, "allowed_h": 1}]  # fmt: skip
GOODS = profile(stability_budget=BANDS)
Samples = list[tuple[float, Any]]


def inputs_of(samples: Samples, name: str = "box") -> Inputs:
    made = track(*samples)
    bound = Bound(made, (Span(int(made.time_ms[0]), None),), interval_ms=10 * MINUTE)
    return Inputs(Subject(SubjectKind.SHIPMENT, name), GOODS, (bound,), silence=False)


def part(samples: Samples, name: str = "box", as_of_min: float | None = None, **more: Any) -> Part:
    inputs = inputs_of(samples, name)
    last = samples[-1][0] if as_of_min is None else as_of_min
    found = findings(inputs, at(last))
    assert differences(inputs, found.document) == []
    newest = {"LG-1/internal": {"event_time": iso(at(samples[-1][0])), "temperature_c": samples[-1][1]}}
    return Part("shipment", name, name.upper(), found.document, last=newest, **more)


def used(found: Ledger) -> dict[str, int]:
    return {band.range.text(): band.used_ms // MINUTE for band in found.bands}


def warm(start: int, celsius: float, readings: int, after: int = 12) -> Samples:
    """Cold, then `readings` readings at a temperature, then cold again; ten minutes apart."""
    return [(10 * k, celsius if start <= k < start + readings else 5.0) for k in range(start + readings + after)]


def test_a_charge_is_a_line_with_the_band_the_logger_and_the_profile_that_judged() -> None:
    found = ledger([part(warm(3, 11.0, 4))], GOODS, at(180))
    [line] = ledger_json(found)["ledger"]
    assert (line["from"], line["to"]) == (iso(at(25)), iso(at(65)))
    assert line["range"] == {"low_c": 8.0, "high_c": 15.0}
    assert (line["used_s"], line["unknown_s"], line["running"]) == (2400.0, 0.0, False)
    assert (line["logger"], line["channel"], line["profile"]) == ("LG-1", "internal", {"id": "test", "version": 1})
    assert used(found) == {"8 … 15 °C": 40, "15 … 25 °C": 0, "0 … 2 °C": 0}


def test_time_in_a_hotter_band_charges_the_milder_one_too() -> None:
    found = ledger([part(warm(3, 18.0, 3))], GOODS, at(180))
    assert used(found)["8 … 15 °C"] > used(found)["15 … 25 °C"] > 0


def test_a_batch_over_two_shipments_has_used_what_both_have_used() -> None:
    first, second = warm(3, 11.0, 4), [(minute + 1000, celsius) for minute, celsius in warm(5, 12.0, 3)]
    parts = [part(first, "a"), part(second, "b")]
    found = ledger(parts, GOODS, at(1400))
    assert used(found)["8 … 15 °C"] == sum(used(ledger([one], GOODS, 0))["8 … 15 °C"] for one in parts)
    assert [line.part.name for line in found.lines] == ["A", "B"]
    assert found.notes == ()


def test_shipments_that_carry_it_at_the_same_time_are_named_because_no_unit_was_in_both() -> None:
    parts = [part(warm(3, 11.0, 4), "a"), part(warm(5, 11.0, 4), "b")]
    assert "A and B carried the batch at the same time" in ledger(parts, GOODS, at(200)).notes[0]


def test_a_line_is_cut_where_the_goods_change_hands_or_begin_another_leg_and_the_parts_add_up() -> None:
    samples = warm(3, 11.0, 3) + [(120 + 10 * k, 11.0 if k < 3 else 5.0) for k in range(20)]
    samples = [(minute, celsius) for minute, celsius in samples if not 60 <= minute < 120]
    samples = sorted(dict(samples).items())
    holders = (("Arctos", Span(at(0), at(40))), ("Blue Lane", Span(at(40), None)))
    legs = (("by road", Span(at(0), at(90))), ("by air", Span(at(90), None)))
    cut = ledger([part(samples, holders=holders, legs=legs)], GOODS, at(400))
    whole = ledger([part(samples)], GOODS, at(400))
    assert [(line.leg, line.custodian) for line in cut.lines] == [
        ("by road", "Arctos"), ("by road", "Blue Lane"), ("by air", "Blue Lane"),
    ]  # fmt: skip
    assert used(cut) == used(whole)
    assert sum(line.gap_ms for line in cut.lines) == sum(line.gap_ms for line in whole.lines) == 70 * MINUTE


def test_while_a_band_is_charged_it_is_said_how_long_what_is_left_will_last() -> None:
    samples = [(10 * k, 5.0 if k < 3 else 11.0) for k in range(7)]
    found = ledger([part(samples, live=True)], GOODS, at(60))
    [cold, mild, hot] = found.bands
    assert (mild.charging, hot.charging, cold.charging) == (True, False, False)
    assert mild.left == found.left
    assert (found.left.lower_ms, found.left.upper_ms) == (85 * MINUTE, 85 * MINUTE) if found.left else False


def test_time_that_nobody_measured_makes_what_is_left_an_interval() -> None:
    samples = [(0, 5.0), (10, 5.0), (60, 11.0), (70, 11.0)]
    found = ledger([part(samples, live=True)], GOODS, at(75))
    assert found.left is not None
    assert (found.left.lower_ms // MINUTE, found.left.upper_ms // MINUTE) == (120 - 10 - 50 - 5, 120 - 10)
    assert found.bands[1].upper_ms == 60 * MINUTE


def test_silence_after_the_newest_reading_is_counted_once_whether_or_not_it_is_a_gap_already() -> None:
    samples = [(0, 5.0), (10, 5.0), (20, 11.0), (30, 11.0)]
    for judged, told in ((30, 90), (90, 90), (80, 90)):
        found = ledger([part(samples, as_of_min=judged, live=True)], GOODS, at(told))
        assert found.left is not None
        assert found.left.lower_ms == found.left.upper_ms - 60 * MINUTE


def test_of_several_shipments_under_way_the_one_counts_in_which_the_budget_is_used_up_first() -> None:
    cold = [(10 * k, 5.0) for k in range(9)]
    mild, hot = ([(10 * k, 5.0 if k < 3 else celsius) for k in range(8)] for celsius in (11.0, 18.0))
    parts = [part(way, name, live=True) for way, name in ((cold, "cold"), (mild, "mild"), (hot, "hot"))]
    for some in (parts, parts[::-1]):
        found = ledger(some, GOODS, at(80))
        assert found.newest is not None
        assert found.newest.part.id == "hot"
        assert found.left is not None
        assert found.left.lower_ms < found.left.upper_ms == min(b.left.upper_ms for b in found.bands if b.left)
    alone = ledger([parts[0]], GOODS, at(80))
    assert (alone.newest and alone.newest.part.id, alone.left) == ("cold", None)


def test_in_range_nothing_is_running_out() -> None:
    found = ledger([part(warm(3, 11.0, 4), live=True)], GOODS, at(200))
    assert found.left is None
    assert ledger_json(found)["time_left"] is None


def test_goods_that_have_arrived_have_no_present_temperature() -> None:
    assert ledger([part([(0, 5.0), (10, 11.0), (20, 11.0)])], GOODS, at(30)).newest is None


def test_an_overdrawn_band_has_less_than_nothing_left_and_no_time() -> None:
    samples = [(10 * k, 11.0) for k in range(20)]
    found = ledger([part(samples, live=True)], GOODS, at(190))
    assert found.bands[1].remaining_ms == (120 - 190) * MINUTE
    assert found.left is not None
    assert found.left.upper_ms == 0


def test_a_temperature_that_no_band_allows_is_said() -> None:
    found = ledger([part([(0, 5.0), (10, 30.0)], live=True)], GOODS, at(10))
    assert found.notes == ("no band of the budget allows 30 °C",)


def test_an_unjudged_shipment_is_named_instead_of_counted_as_harmless() -> None:
    found = ledger([Part("shipment", "c", "C", None)], GOODS, at(0))
    assert found.notes == ("C was not judged yet: its use is not known",)


histories = st.lists(st.tuples(st.integers(1, 45), st.integers(-5_000, 30_000)), min_size=1, max_size=25)


@settings(deadline=None)
@given(st.lists(histories, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_ledger_adds_up_to_the_shipments_in_whatever_order_they_are_given(
    ways: list[list[tuple[int, int]]], luck: random.Random
) -> None:
    parts, inputs, start = [], [], 0
    for number, way in enumerate(ways):
        samples: Samples = []
        for wait, milli in way:
            start += wait
            samples.append((start, milli / 1000))
        cuts = sorted(luck.sample(range(start + 50), 2))
        legs = (("one", Span(at(0), at(cuts[0]))), ("two", Span(at(cuts[0]), at(cuts[1]))))
        parts.append(part(samples, f"s{number}", legs=legs))
        inputs.append(inputs_of(samples, f"s{number}"))
    found = ledger(parts, GOODS, at(start))
    documents = [one.document or {} for one in parts]
    for place, band in enumerate(found.bands):
        from_documents = sum(round(1000 * d["stability_budget"]["bands"][place]["used_s"]) for d in documents)
        assert band.used_ms == from_documents
        assert band.used_ms == sum(line.used_ms for line in found.lines if line.range == band.range)
    shuffled = luck.sample(parts, len(parts))
    assert ledger_json(ledger(shuffled, GOODS, at(start))) == ledger_json(found)
    assert ledger_differences(inputs, ledger_json(found)) == []


def test_the_twin_finds_a_ledger_that_was_tampered_with() -> None:
    samples = warm(3, 11.0, 4)
    figures = ledger_json(ledger([part(samples)], GOODS, at(180)))
    assert ledger_differences([inputs_of(samples)], figures) == []
    figures["bands"][0]["used_s"] += 60
    figures["ledger"][0]["used_s"] -= 60
    assert len(ledger_differences([inputs_of(samples)], figures)) == 2
