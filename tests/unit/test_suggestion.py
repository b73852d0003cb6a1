"""What the three tiers rest on where bands have holes, where several bands of one side count, where a reading is alone.

Each is compared with the decimal twin as well, which weighs the same by its own code.
"""

from typing import Any

import pytest
from judging import BOX, MINUTE, profile, track

from coldchain.domain.profile import ProductProfile
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_profile
from compliance.twin import differences


def suggested(goods: ProductProfile, *samples: tuple[float, float]) -> dict[str, Any]:
    """The suggestion on a closed stretch of readings every ten minutes, after the twin agreed with it."""
    made = track(*samples)
    end = int(made.time_ms[-1])
    bound = Bound(made, (Span(int(made.time_ms[0]), end + 1),), interval_ms=10 * MINUTE)
    inputs = Inputs(BOX, goods, (bound,), silence=False)
    document = findings(inputs, end).document
    assert differences(inputs, document) == []
    said: dict[str, Any] = document["suggestion"]  # type: ignore[assignment]
    return said


def warm(celsius: float, readings: int) -> list[tuple[float, float]]:
    """A day at 5 °C with some readings at another temperature."""
    return [(10.0 * k, celsius if 20 <= k < 20 + readings else 5.0) for k in range(144)]


def banded(*bands: tuple[float, float, float]) -> ProductProfile:
    """Goods of 2 … 8 °C with (low, high, allowed minutes) bands."""
    return profile(stability_budget=[{"low_c": a, "high_c": b, "allowed_min": m} for a, b, m in bands])


def test_a_reading_outside_that_stands_alone_is_not_said_to_lie_inside() -> None:
    said = suggested(shipped_profile("cct-2-8"), (0, 9.0))
    assert said["tier"] == 2
    assert any("not known" in reason for reason in said["reasons"])
    assert not any("every reading lay inside" in reason for reason in said["reasons"])


def test_an_excursion_of_less_than_a_millisecond_is_one() -> None:
    made = [(0, 5.0), (1 / MINUTE, 8.001), (2 / MINUTE, 5.0)]
    assert not any(
        "every reading lay inside" in reason for reason in suggested(shipped_profile("cct-2-8"), *made)["reasons"]
    )


@pytest.mark.parametrize("celsius", [9.0, 12.0])
def test_what_lies_between_the_label_and_the_mildest_band_is_allowed_by_none(celsius: float) -> None:
    said = suggested(banded((15, 25, 600)), *warm(celsius, 6))
    assert (said["tier"], "allows no time there" in said["reasons"][0]) == (3, True)


@pytest.mark.parametrize(("celsius", "tier"), [(12.0, 1), (18.0, 3), (22.0, 3)])
def test_a_band_behind_a_hole_is_out_of_reach(celsius: float, tier: int) -> None:
    assert suggested(banded((8, 15, 600), (20, 25, 600)), *warm(celsius, 6))["tier"] == tier


def test_a_mild_band_that_is_overdrawn_counts_though_a_colder_one_is_untouched() -> None:
    goods = banded((0, 2, 30), (-5, 0, 30))
    assert suggested(goods, *warm(1.0, 2))["tier"] == 1
    said = suggested(goods, *warm(1.0, 12))
    assert (said["tier"], "more than the 30.0 min allowed" in said["reasons"][0]) == (2, True)


def test_a_cold_band_with_a_hole_above_it_allows_nothing() -> None:
    assert suggested(banded((-5, 0, 600)), *warm(1.0, 2))["tier"] == 3
    assert suggested(banded((-5, 0, 600)), *warm(-1.0, 2))["tier"] == 3
