"""The decimal twin against the engine, on histories with stretches that are not judged and with missing readings."""

import random

import pytest
from judging import BOX, MINUTE, at, track

from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_profile
from compliance.twin import differences, printed

JUDGED = (Span(at(-60), at(300)), Span(at(400), None))


def inputs(seed: int, profile: str) -> tuple[Inputs, int]:
    """Two hundred samples at five or sixty minutes; a hundred minutes in the middle are not judged."""
    chance = random.Random(seed)
    minute, level, samples = 0, 5.0, []
    for _ in range(200):
        level = max(-5.0, min(20.0, level + chance.choice((-1, -0.3, 0, 0.3, 1))))
        samples.append((minute, round(level, 3)))
        minute += chance.choice((5, 5, 5, 5, 60))
    bound = Bound(track(*samples), JUDGED, interval_ms=5 * MINUTE)
    return Inputs(BOX, shipped_profile(profile), (bound,)), at(minute + 100)


@pytest.mark.parametrize("profile", ["cct-2-8", "crt-20-25"])
@pytest.mark.parametrize("seed", range(6))
def test_both_print_the_same_figures(seed: int, profile: str) -> None:
    given, now = inputs(seed, profile)
    assert differences(given, findings(given, now).document) == []


def test_printing_is_half_even_and_knows_no_negative_zero() -> None:
    assert [printed(value) for value in (0.125, 0.375, 8.005, -0.001, None, 3)] == [
        "0.12", "0.38", "8.00", "0.00", "None", "3.00",
    ]  # fmt: skip


def test_an_area_on_the_edge_between_two_printed_digits_is_told_alike_by_both() -> None:
    """300,000.5 milli-degrees × ms: on record half-even as 300,000, and so 0.005 °C · min, which is printed as 0.00."""
    bound = Bound(track((0, 8.001), (600_001 / MINUTE, 8.0)), (Span(at(0), None),), interval_ms=10 * MINUTE)
    given = Inputs(BOX, shipped_profile("cct-2-8"), (bound,), silence=False)
    found = findings(given, at(11))
    assert [one.area_mc_ms for one in found.excursions] == [300_000]
    assert differences(given, found.document) == []


def lonely() -> Inputs:
    """An excursion of one reading that stands alone for days, and later one among readings."""
    cold = [(60 * k, 5.0) for k in range(6)]
    later = [(60 * (80 + k), 9.0 if 3 <= k < 6 else 5.0) for k in range(30)]
    bound = Bound(track(*cold, (2400, 9.0), *later), (Span(at(0), None),), interval_ms=60 * MINUTE)
    return Inputs(BOX, shipped_profile("cct-2-8"), (bound,), silence=False)


def test_an_excursion_around_which_nothing_is_known_has_no_window_and_moves_no_other() -> None:
    document = findings(lonely(), at(7000)).document
    assert len(document["excursions"]) == 2
    assert [one["excursion"] for one in document["mkt"]["windows"]] == [document["excursions"][1]["id"]]  # type: ignore[index]
    assert differences(lonely(), document) == []


def test_a_window_that_is_missing_is_seen() -> None:
    document = findings(lonely(), at(7000)).document
    for block in (document, *document["channels"]):  # type: ignore[misc]
        block["mkt"]["windows"].clear()  # type: ignore[index]
    found = differences(lonely(), document)
    assert [one.split(":")[0].split()[-1] for one in found] == ["worst", "trailing"], found
