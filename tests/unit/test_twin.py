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
