"""Mean kinetic temperature: published and computed vectors to their printed digit, exactness, bounds and windows."""

import math
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import judged, profile, trace

from compliance import mkt
from compliance.mkt import of_weights

RATIO = Decimal(10_000)


def weighted(*pairs: tuple[float, float], ratio: Decimal = RATIO) -> float:
    """The mean kinetic temperature of (hours, degrees) pairs."""
    return mkt.celsius(ratio, of_weights(ratio, [(round(c * 1000), round(h * 1000)) for h, c in pairs]))


@pytest.mark.parametrize(
    ("pairs", "expected", "digits"),
    [
        ([(2, 20), (4, 2), (1, 25)], 15.6775813, 7),
        ([(1, t) for t in (19.8, 20.2, 20.6, 21, 21.3, 21.5)], 20.752780387897, 12),
        ([(1, t) for t in (2, 2, 5, 8, 8, 8, 8)], 6.2502648, 7),
        ([(1, 2), (1, 25)], 19.4659466055, 10),
        ([(1, t) for t in (28, 24, 32, 33, 23, 88, 19, 20, 20, 77, 66, 27, 25, 24, 26)], 61.157961, 6),
        ([(1, 2), (1, 8)], 5.536424509, 9),
        ([(4, 4), (1, 16)], 8.108857215, 9),
        ([(22, 5), (2, 14)], 6.245462146, 9),
        ([(21, 5), (3, 15)], 7.106623056, 9),
        ([(18, 5), (6, 15)], 8.785926208, 9),
    ],
)
def test_the_vectors_come_out_to_their_printed_digit(
    pairs: list[tuple[float, float]], expected: float, digits: int
) -> None:
    assert round(weighted(*pairs), digits) == expected


def test_the_shortcut_by_harmonic_means_would_give_another_figure() -> None:
    assert round(weighted((18, 5), (6, 15)), 2) != 7.43


def test_activation_energy_moves_the_figure_as_vendors_quote_it() -> None:
    pairs = [(18, 5), (6, 15)]
    by_energy = [
        round(weighted(*pairs, ratio=Decimal(energy) / Decimal("0.0083144")), 3) for energy in ("60", "83.144", "100")
    ]
    assert by_energy == [8.377, 8.786, 9.090]


@pytest.mark.parametrize("celsius", [-50, -18.5, 0, 4.999, 25, 100])
def test_a_constant_series_has_itself_as_its_mean(celsius: float) -> None:
    assert weighted((1, celsius), (3, celsius)) == pytest.approx(celsius, abs=1e-12)


def test_irregular_samples_are_weighted_by_time_and_never_equally() -> None:
    irregular = trace((0, 5.0), (10, 6.0), (40, 12.0), (60, 5.0), interval_min=20)
    assert round(mkt.celsius(RATIO, mkt.known(RATIO, irregular)), 9) == 8.862624885


def test_a_freezing_hour_hides_in_the_mean_which_is_why_it_never_excuses_one() -> None:
    assert round(weighted((23, 5), (1, -5)), 3) == 4.758
    frozen = judged(*[(10 * k, -5.0 if 6 <= k < 12 else 5.0) for k in range(144)])
    assert frozen.document["mkt"]["value_c"] < 8  # type: ignore[index]
    assert frozen.document["suggestion"]["tier"] == 3  # type: ignore[index]


def test_frozen_goods_get_a_reason_and_no_number() -> None:
    goods = profile(storage_class="freezer", label_range={"low_c": -25, "high_c": -15})
    said = judged((0, -20.0), (10, -19.0), by=goods).document["mkt"]
    assert said["value_c"] is None  # type: ignore[index]
    assert "frozen" in said["reason"]  # type: ignore[index]


def test_a_reading_colder_than_the_table_makes_the_figure_not_applicable() -> None:
    said = judged((0, 5.0), (10, "-50.001"), (20, 5.0)).document["mkt"]
    assert said["value_c"] is None  # type: ignore[index]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-50_000, 100_000), min_size=2, max_size=12))
def test_the_exact_figure_stays_within_a_billionth_of_the_float_formula(values: list[int]) -> None:
    made = trace(*[(10 * k, f"{value / 1000:.3f}") for k, value in enumerate(values)])
    weights = [1.0, *[2.0] * (len(values) - 2), 1.0]
    top = max(values) / 1000 + 273.15
    speeds = [math.exp(10_000 / top - 10_000 / (value / 1000 + 273.15)) for value in values]
    total = math.fsum(weight * speed for weight, speed in zip(weights, speeds, strict=True))
    by_floats = 10_000 / (10_000 / top - math.log(total / sum(weights))) - 273.15
    assert mkt.celsius(RATIO, mkt.known(RATIO, made)) == pytest.approx(by_floats, abs=1e-9)


def test_a_gap_is_bounded_by_its_colder_end_and_by_a_tent() -> None:
    said = judged((0, 5.0), (10, 5.0), (40, 5.0), (50, 5.0)).document["mkt"]
    # Half an hour at 0.5 °C/min: up to 12.5 °C and down again, 15 min each; the rest stays at 5 °C.
    climb = [5 + k / 10 for k in range(76)]
    speed = [math.exp(10_000 / 278.15 - 10_000 / (c + 273.15)) for c in climb]
    tent = 2 * sum((a + b) / 2 * 0.2 for a, b in pairwise(speed))
    upper = 10_000 / (10_000 / 278.15 - math.log((tent + 20) / 50)) - 273.15
    assert said["value_c"] == pytest.approx(5)  # type: ignore[index]
    assert said["lower_c"] == pytest.approx(5)  # type: ignore[index]
    assert said["upper_c"] == pytest.approx(upper, abs=1e-9)  # type: ignore[index]


def test_every_window_that_covers_the_excursion_is_asked_and_the_worst_reported() -> None:
    goods = profile(storage_class="cct", mkt_windows=[{"id": "24h", "length_h": 24, "limit_c": 8}])
    day = [(10 * k, 14.0 if 144 <= k < 156 else 5.0) for k in range(432)]
    [said] = judged(*day, by=goods).document["mkt"]["windows"]  # type: ignore[index]
    assert said["worst"]["value_c"] >= said["trailing"]["value_c"]
    assert said["worst"]["value_c"] == pytest.approx(6.2, abs=0.1)  # 22 h at 5 °C and 2 h at 14 °C
    assert judged(*day, by=goods).document["mkt"]["value_c"] < said["worst"]["value_c"]  # type: ignore[index]
