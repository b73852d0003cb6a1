"""Sums of Arrhenius factors are exact however they are taken, and a figure from fewer digits is the same float64."""

from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import MINUTE, trace

from compliance import mkt
from compliance.arrhenius import EXACT_WEIGHT, HIGH_MC, LOW_MC, STEP_MC, factor, factors
from compliance.mkt import Weighted
from compliance.mkt_sums import Cumulated

RATIOS = (Decimal(10_000), Decimal("83.144") / Decimal("0.008314"), Decimal(250) / Decimal("0.0083144"), Decimal(120))
temperatures = st.integers(LOW_MC, HIGH_MC)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(temperatures, st.integers(0, 10**7)), min_size=1, max_size=40), st.sampled_from(RATIOS))
def test_a_sum_by_parts_is_the_plain_sum(pairs: list[tuple[int, int]], ratio: Decimal) -> None:
    values, weights = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    assert factors(ratio).weighted(values, weights) == sum(factor(ratio, mc) * weight for mc, weight in pairs)


@pytest.mark.parametrize("weight", [EXACT_WEIGHT - 1, EXACT_WEIGHT, EXACT_WEIGHT + 1, 1 << 50])
def test_weights_of_years_are_summed_exactly_too(weight: int) -> None:
    values, weights = np.array([HIGH_MC, 5_000]), np.array([weight - 1, 1])
    expected = factor(RATIOS[0], HIGH_MC) * (weight - 1) + factor(RATIOS[0], 5_000)
    assert factors(RATIOS[0]).weighted(values, weights) == expected


@settings(max_examples=100, deadline=None)
@given(temperatures, temperatures)
def test_a_rise_is_the_trapezoid_over_the_tenths_between_its_ends(one: int, other: int) -> None:
    low, high = sorted((one, other))
    if low == high:
        return
    nodes = [low, *range((low // STEP_MC + 1) * STEP_MC, high, STEP_MC), high]
    at = [factor(RATIOS[0], node) for node in nodes]
    plain = sum((b - a) * (fa + fb) for a, b, fa, fb in zip(nodes, nodes[1:], at, at[1:], strict=False))
    assert factors(RATIOS[0]).rise(low, high) == plain


@settings(max_examples=200, deadline=None)
@given(temperatures, temperatures, st.integers(1, 10**12), st.integers(0, 10**12), st.sampled_from(RATIOS))
def test_a_figure_from_28_digits_is_the_one_from_60(a: int, b: int, much: int, more: int, ratio: Decimal) -> None:
    mean = Weighted(factor(ratio, a) * much + factor(ratio, b) * more, much + more)
    assert mkt.celsius(ratio, mean) == float(mkt._celsius(mkt._DECIMALS, ratio, mean))


def test_the_first_sums_and_those_from_the_cumulated_ones_are_equal() -> None:
    chance = Random(7)
    made = trace(*[(5 * k + (k > 60) * 90, chance.choice((4.0, 6.5, 8.25, 12.0))) for k in range(120)])
    spans = [sorted(chance.sample(range(-200, 900), 2)) for _ in range(100)]
    start = int(made.time_ms[0])
    asked = [(start + a * MINUTE // 2, start + b * MINUTE) for a, b in spans]
    one = Cumulated(RATIOS[0], made)
    again = [Cumulated(RATIOS[0], made).between(*pair) for pair in asked]  # each is the first of its own
    assert [one.between(*pair) for pair in asked] == again
