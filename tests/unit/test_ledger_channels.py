"""The ledger over several channels: goods have one past, so a moment counts once, by whichever channel shows it."""

import random
from typing import Any

import pytest
from judging import MINUTE, at, profile

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from coldchain.domain.track import Track
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.ledger import Ledger, Part, ledger
from compliance.ledger_document import ledger_json
from compliance.ledger_twin import ledger_differences

BANDS = [{"low_c": 8, "high_c": 15, "allowed_h": 24}, {"low_c": 15, "high_c": 25, "allowed_h": 1}]
GOODS = profile(stability_budget=BANDS)
Samples = list[tuple[int, float]]


def bound(name: str, samples: Samples, end: int | None = None) -> Bound:
    """A logger that measured every ten minutes, and counts from its first reading on, until `end`."""
    rows = [
        Reading(name, "internal", at(minute), at(minute), "device", temperature_mc=round(1000 * celsius))
        for minute, celsius in samples
    ]
    span = Span(at(samples[0][0]), None if end is None else at(end))
    return Bound(Track.of(name, "internal", rows), (span,), interval_ms=10 * MINUTE)


def kept(*bounds: Bound, now: int, live: bool = False) -> tuple[Ledger, dict[str, Any]]:
    """The ledger of one shipment, and its document, after the twin agreed with it."""
    inputs = Inputs(Subject(SubjectKind.SHIPMENT, "box"), GOODS, bounds, silence=False)
    last = {
        f"{one.logger}/internal": {
            "event_time": iso(int(one.track.time_ms[-1])), "temperature_c": int(one.track.temperature_mc[-1]) / 1000,
        }
        for one in bounds
    }  # fmt: skip
    part = Part("shipment", "box", "BOX", findings(inputs, at(now)).document, live=live, last=last)
    found = ledger([part], GOODS, at(now))
    document = ledger_json(found)
    assert ledger_differences([inputs], document) == []
    return found, document


def flat(celsius: float, *warm: int, start: int = 0, until: int = 600, at_c: float = 9.0) -> Samples:
    """Readings at one temperature, and at another from the first to the second of `warm`."""
    return [(m, at_c if warm and warm[0] <= m < warm[1] else celsius) for m in range(start, until + 1, 10)]


def used(found: Ledger) -> list[int]:
    return [band.used_ms for band in found.bands]


def test_the_channel_that_was_warm_for_longest_counts_though_another_was_warmer() -> None:
    brief, long = bound("L1", flat(5.0, 100, 110, at_c=12.0)), bound("L2", flat(5.0, 200, 500))
    alone = used(kept(long, now=600)[0])[0]
    found, document = kept(brief, long, now=600)
    assert document["parts"][0]["logger"] == "L1"  # it governs: it strayed furthest
    assert used(found)[0] == used(kept(brief, now=600)[0])[0] + alone
    assert {line["logger"] for line in document["ledger"]} == {"L1", "L2"}
    assert document["parts"][0]["bands"][0]["used_s"] == used(found)[0] / 1000


def test_what_two_channels_show_at_the_same_time_is_charged_once() -> None:
    one, other = bound("L1", flat(5.0, 100, 200, at_c=12.0)), bound("L2", flat(5.0, 100, 200, at_c=12.0))
    assert used(kept(one, other, now=600)[0]) == used(kept(one, now=600)[0])


def test_a_logger_that_was_replaced_has_charged_what_it_saw() -> None:
    before, after = bound("L1", flat(5.0, 200, 400, until=300), 300), bound("L2", flat(5.0, 300, 400, start=300))
    found, document = kept(before, after, now=600)
    assert used(found)[0] == used(kept(before, now=600)[0])[0] + used(kept(after, now=600)[0])[0]
    assert [line["logger"] for line in document["ledger"]] == ["L1", "L2"]


def test_a_shipments_document_notes_what_two_loggers_used_up_together_though_neither_did_alone() -> None:
    most = 16 * 60  # minutes of the 24 h that are allowed
    before = bound("L1", flat(5.0, 100, 100 + most, until=200 + most), 200 + most)
    after = bound("L2", flat(5.0, 200 + most, 200 + 2 * most, start=200 + most, until=400 + 2 * most))
    for some, said in (((before,), 0), ((before, after), 1)):
        inputs = Inputs(Subject(SubjectKind.SHIPMENT, "box"), GOODS, some, silence=False)
        document = findings(inputs, at(500 + 2 * most)).document
        assert not any("more than the" in reason for reason in document["suggestion"]["reasons"])
        assert len([note for note in document["notes"] if note.startswith("the channels together charged")]) == said


def test_what_one_channel_missed_and_another_charged_is_charged() -> None:
    holed = bound("L1", [one for one in flat(5.0, 100, 300, at_c=12.0) if not 150 < one[0] < 250])
    found, document = kept(holed, bound("L2", flat(5.0, 100, 300)), now=600)
    assert used(found)[0] >= 200 * MINUTE
    assert document["parts"][0]["unknown_s"] == 100 * 60


def test_the_logger_that_was_taken_off_does_not_say_how_warm_the_goods_are_now() -> None:
    before, after = bound("L1", flat(5.0, 200, 400, until=300, at_c=14.0), 300), bound("L2", flat(5.0, start=300))
    found, document = kept(before, after, now=600, live=True)
    assert document["parts"][0]["logger"] == "L1"
    assert (document["newest"]["logger"], document["newest"]["temperature_c"]) == ("L2", 5.0)
    assert found.left is None


def test_of_channels_that_report_the_one_counts_by_which_the_budget_ends_first() -> None:
    cold, warm = bound("L1", flat(5.0, 100, 110, at_c=12.0)), bound("L2", flat(5.0, 500, 700))
    found, document = kept(cold, warm, now=600, live=True)
    assert document["newest"]["logger"] == "L2"
    assert found.left is not None


@pytest.mark.parametrize("seed", range(12))
def test_the_sum_is_what_counting_every_second_gives(seed: int) -> None:
    chance = random.Random(seed)
    bounds = []
    for number in range(chance.choice((2, 3))):
        minute, samples = chance.choice((0, 100)), []
        while minute < 400:
            samples.append((minute, chance.choice((5.0, 7.0, 9.0, 11.0, 17.0))))
            minute += chance.choice((10, 10, 10, 20, 40))
        bounds.append(bound(f"L{number}", samples))
    found, _ = kept(*bounds, now=500)
    for band, limit in zip(found.bands, (8000, 15_000), strict=True):
        seconds = sum(any(_beyond(one, at(0) + 1000 * k, limit) for one in bounds) for k in range(400 * 60))
        assert abs(band.used_ms - 1000 * seconds) <= 1000 * 2 * len(found.lines) + 1000


def _beyond(one: Bound, moment: int, limit: int) -> bool:
    """Whether the straight line of a channel lies beyond a limit at a moment that it knows."""
    times, values = one.track.time_ms, one.track.temperature_mc
    place = int(times.searchsorted(moment, side="right")) - 1
    if place < 0 or place + 1 >= len(times) or times[place + 1] - times[place] > 20 * MINUTE:
        return False
    part = (moment - int(times[place])) / int(times[place + 1] - times[place])
    return float(values[place]) + part * float(values[place + 1] - values[place]) > limit
