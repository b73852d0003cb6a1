"""Mean kinetic temperature by trapezoid over time, exact: factors as scaled integers, one rounding at the end.

T_mkt = (ΔH/R) / (ΔH/R/T₀ − ln(Σ wᵢ·fᵢ / Σ wᵢ)) − 273.15 with fᵢ = exp(ΔH/R·(1/T₀ − 1/Tᵢ)), T₀ = 273.15 K (USP <1160>;
the trapezoid after Tong & Lock 2015). A factor is taken from 50-digit decimals and kept to 40 digits behind the point.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from compliance.trace import GAP, KNOWN, Trace

METHOD_ID = "mkt.trapezoid/1"
LOW_MC, HIGH_MC = -50_000, 100_000
STEP_MC = 100  # the tent over a gap is integrated by trapezoid over whole tenths of a degree
DIGITS = 40
_DECIMALS = Context(prec=60, rounding=ROUND_HALF_EVEN)
_KELVIN_MC = 273_150
_MS_PER_MIN = 60_000


class Weighted(NamedTuple):
    """Σ weight × factor and Σ weight; weights are twice milliseconds, times a common multiple."""

    total: int
    weight: int

    def plus(self, other: "Weighted") -> "Weighted":
        """Both together; the multiples must be the same."""
        return Weighted(self.total + other.total, self.weight + other.weight)

    def times(self, multiple: int) -> "Weighted":
        """The same mean with weights `multiple` times as large."""
        return Weighted(self.total * multiple, self.weight * multiple)

    def hotter_than(self, other: "Weighted") -> bool:
        """Whether this mean is the higher one, compared exactly."""
        return self.total * other.weight > other.total * self.weight


@lru_cache(maxsize=400_000)
def factor(ratio: Decimal, mc: int) -> int:
    """The Arrhenius factor of a temperature in milli-degrees, × 10⁴⁰."""
    d = _DECIMALS
    kelvin = d.divide(Decimal(_KELVIN_MC + mc), Decimal(1000))
    reference = d.divide(Decimal(_KELVIN_MC), Decimal(1000))
    exponent = d.multiply(ratio, d.subtract(d.divide(Decimal(1), reference), d.divide(Decimal(1), kelvin)))
    return int(d.scaleb(d.exp(exponent), DIGITS).to_integral_value(ROUND_HALF_EVEN))


def celsius(ratio: Decimal, mean: Weighted) -> float:
    """The mean kinetic temperature of weighted factors, as the nearest float64 of the decimal result."""
    d = _DECIMALS
    quotient = d.divide(d.scaleb(Decimal(mean.total), -DIGITS), Decimal(mean.weight))
    reference = d.divide(Decimal(_KELVIN_MC), Decimal(1000))
    inverse = d.subtract(d.divide(ratio, reference), d.ln(quotient))
    return float(d.subtract(d.divide(ratio, inverse), reference))


def of_weights(ratio: Decimal, weights: Iterable[tuple[int, int]]) -> Weighted:
    """The sums over (milli-degrees, weight) pairs."""
    pairs = list(weights)
    return Weighted(sum(factor(ratio, mc) * weight for mc, weight in pairs), sum(weight for _, weight in pairs))


def in_domain(trace: Trace) -> bool:
    """Whether every sample lies where factors are defined."""
    return len(trace) > 0 and int(trace.value.min()) >= LOW_MC and int(trace.value.max()) <= HIGH_MC


def known(ratio: Decimal, trace: Trace) -> Weighted:
    """The trapezoid over all known time: each sample weighs the known time on both its sides."""
    held = np.where(trace.kind == KNOWN, trace.spans_ms, 0)
    weight = np.concatenate((held, [0])) + np.concatenate(([0], held))
    order = np.argsort(trace.value, kind="stable")
    values = trace.value[order]
    first = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    sums = np.add.reduceat(weight[order], first)
    return of_weights(ratio, zip(values[first].tolist(), sums.tolist(), strict=True))


def bounds(
    ratio: Decimal,
    trace: Trace,
    inside: Weighted,
    warming_mc_per_min: int,
    cap_mc: int = HIGH_MC,
    beside: Trace | None = None,
) -> tuple[Weighted, Weighted]:
    """The mean over known time and gaps: held at the colder end, and under a tent that rises from both ends.

    `inside` is the mean over known time. An end of a gap is all that was measured within one length of the gap beside
    it (of `beside`, where `trace` is only a part): goods that swing may be colder between two readings than at both.

    Unknown time at the ends of a stretch has one end only; it is held there, or rises from there.
    """
    around = trace if beside is None else beside
    lower = upper = inside.times(warming_mc_per_min)
    for i in np.flatnonzero(trace.kind == GAP).tolist():
        left, right = int(trace.value[i]), int(trace.value[i + 1])
        length = int(trace.time_ms[i + 1] - trace.time_ms[i])
        coldest = coldest_beside(around, int(trace.time_ms[i]), int(trace.time_ms[i + 1]))
        lower = lower.plus(of_weights(ratio, [(coldest, 2 * length * warming_mc_per_min)]))
        upper = upper.plus(_tent(ratio, left, right, length, warming_mc_per_min, cap_mc))
    for start, end in trace.edges:
        near = min(int(np.searchsorted(trace.time_ms, start, side="left")), len(trace) - 1)
        value = int(trace.value[near])
        coldest = min(value, coldest_beside(around, start, end))
        lower = lower.plus(of_weights(ratio, [(coldest, 2 * (end - start) * warming_mc_per_min)]))
        # With one end only it may rise all the way: half of a tent of twice the length.
        both = _tent(ratio, value, value, 2 * (end - start), warming_mc_per_min, cap_mc)
        upper = upper.plus(Weighted(both.total // 2, both.weight // 2))
    return lower, upper


def coldest_beside(trace: Trace, start_ms: int, end_ms: int) -> int:
    """The coldest value within one length of an unknown stretch on either side of it; the hottest there is without."""
    length = end_ms - start_ms
    first = int(np.searchsorted(trace.time_ms, start_ms - length, side="left"))
    last = int(np.searchsorted(trace.time_ms, end_ms + length, side="right"))
    return int(trace.value[first:last].min()) if last > first else HIGH_MC


def _tent(ratio: Decimal, left: int, right: int, length: int, warming: int, cap_mc: int) -> Weighted:
    """Twice the integral under the tent, weights × `warming`.

    Where the ends differ by more than the goods could warm, it is the straight line between them.
    """
    cap = max(cap_mc, left, right)
    rise = length * warming  # in milli-degrees × ms per minute
    if abs(right - left) * _MS_PER_MIN >= rise:
        return _ramp(ratio, min(left, right), max(left, right), length * warming)
    peak = min(cap, (left + right + rise // _MS_PER_MIN) // 2)
    parts = [_ramp(ratio, end, peak, (peak - end) * _MS_PER_MIN) for end in (left, right) if peak > end]
    flat = rise - sum((peak - end) * _MS_PER_MIN for end in (left, right))
    total = of_weights(ratio, [(peak, 2 * flat)])
    for part in parts:
        total = total.plus(part)
    return total


def _ramp(ratio: Decimal, low: int, high: int, duration: int) -> Weighted:
    """Twice the integral along a straight rise from `low` to `high`, by trapezoid between whole tenths of a degree."""
    if high == low:
        return of_weights(ratio, [(low, 2 * duration)])
    nodes = [low, *range((low // STEP_MC + 1) * STEP_MC, high, STEP_MC), high]
    factors = [factor(ratio, mc) for mc in nodes]
    area = sum((b - a) * (fa + fb) for a, b, fa, fb in zip(nodes, nodes[1:], factors, factors[1:], strict=False))
    # Each milli-degree takes duration / (high - low); the division is exact for a tent and rounded for a steep line.
    return Weighted(area * duration // (high - low), 2 * duration)
