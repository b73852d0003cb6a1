"""Mean kinetic temperature by trapezoid over time, exact: factors as scaled integers, one rounding at the end.

T_mkt = (ΔH/R) / (ΔH/R/T₀ − ln(Σ wᵢ·fᵢ / Σ wᵢ)) − 273.15 with fᵢ = exp(ΔH/R·(1/T₀ − 1/Tᵢ)), T₀ = 273.15 K (USP <1160>;
the trapezoid after Tong & Lock 2015).
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import log
from typing import NamedTuple

import numpy as np

from compliance.arrhenius import DIGITS, HIGH_MC, LOW_MC, factor, factors
from compliance.trace import GAP, Trace

METHOD_ID = "mkt.trapezoid/1"
_DECIMALS = Context(prec=60, rounding=ROUND_HALF_EVEN)
_QUICK = Context(prec=28, rounding=ROUND_HALF_EVEN)
_ERROR = Decimal("1e-20")  # of a figure by `_QUICK`, in degrees; it is in fact below 1e-23
_REFERENCE = Decimal("273.15")
_ONE, _TWO = Decimal(1), Decimal(2)
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


def celsius(ratio: Decimal, mean: Weighted) -> float:
    """The mean kinetic temperature of weighted factors, as the nearest float64 of the decimal result.

    28 digits are enough to say which float64 is the nearest, but for a figure that lies within their error of the
    middle between two; that one is computed with 60.
    """
    near = _celsius(_QUICK, ratio, mean)
    low, high = float(near - _ERROR), float(near + _ERROR)
    return low if low == high else float(_celsius(_DECIMALS, ratio, mean))


def _celsius(d: Context, ratio: Decimal, mean: Weighted) -> Decimal:
    quotient = d.divide(d.scaleb(Decimal(mean.total), -DIGITS), Decimal(mean.weight))
    inverse = d.subtract(d.divide(ratio, _REFERENCE), _ln(quotient) if d is _QUICK else d.ln(quotient))
    return d.subtract(d.divide(ratio, inverse), _REFERENCE)


def _ln(number: Decimal) -> Decimal:
    """The logarithm to 28 digits, in half the time that it takes in decimals.

    A float64 is within 10⁻¹⁴ of it; what is left, x = number / exp(float) − 1, is so small that x − x²/2 is exact.
    """
    d = _QUICK
    near = d.create_decimal_from_float(log(number))
    rest = d.subtract(d.multiply(number, d.exp(d.minus(near))), _ONE)
    return d.add(near, d.subtract(rest, d.divide(d.multiply(rest, rest), _TWO)))


def of_weights(ratio: Decimal, weights: Iterable[tuple[int, int]]) -> Weighted:
    """The sums over (milli-degrees, weight) pairs."""
    pairs = list(weights)
    return Weighted(sum(factor(ratio, mc) * weight for mc, weight in pairs), sum(weight for _, weight in pairs))


def in_domain(trace: Trace) -> bool:
    """Whether every sample lies where factors are defined."""
    return len(trace) > 0 and trace.lowest >= LOW_MC and trace.highest <= HIGH_MC


def known(ratio: Decimal, trace: Trace) -> Weighted:
    """The trapezoid over all known time: each sample weighs the known time on both its sides."""
    return Weighted(factors(ratio).weighted(trace.value, trace.weights), 2 * trace.known_ms)


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
    # Each milli-degree takes duration / (high - low); the division is exact for a tent and rounded for a steep line.
    return Weighted(factors(ratio).rise(low, high) * duration // (high - low), 2 * duration)
