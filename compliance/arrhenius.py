"""Arrhenius factors exp(ΔH/R·(1/T₀ − 1/T)), T₀ = 273.15 K, as whole numbers; exact sums at the speed of floats.

A factor is taken from 50-digit decimals and kept to 40 digits behind the point. For sums over many samples it is cut
into parts of 16 bits that are held as float64: as long as the weights add up to less than 2³⁷, every partial sum is a
whole number below 2⁵³, so floating point makes no error, in whatever order it adds.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.track import Column

LOW_MC, HIGH_MC = -50_000, 100_000
STEP_MC = 100  # rises are integrated by trapezoid between whole tenths of a degree
DIGITS = 40
PART_BITS = 16
EXACT_WEIGHT = 1 << (53 - PART_BITS)  # below this sum of weights every sum of parts is exact
_DECIMALS = Context(prec=60, rounding=ROUND_HALF_EVEN)
_KELVIN_MC = 273_150
Floats = NDArray[np.float64]


@lru_cache(maxsize=400_000)
def factor(ratio: Decimal, mc: int) -> int:
    """The Arrhenius factor of a temperature in milli-degrees, × 10⁴⁰."""
    d = _DECIMALS
    kelvin = d.divide(Decimal(_KELVIN_MC + mc), Decimal(1000))
    reference = d.divide(Decimal(_KELVIN_MC), Decimal(1000))
    exponent = d.multiply(ratio, d.subtract(d.divide(Decimal(1), reference), d.divide(Decimal(1), kelvin)))
    return int(d.scaleb(d.exp(exponent), DIGITS).to_integral_value(ROUND_HALF_EVEN))


class Factors:
    """The factors of one ratio between `LOW_MC` and `HIGH_MC`, each computed when it is first asked for."""

    def __init__(self, ratio: Decimal) -> None:
        self.ratio = ratio
        parts = -(-factor(ratio, HIGH_MC).bit_length() // PART_BITS)
        self._parts = np.zeros((parts, HIGH_MC - LOW_MC + 1))
        self._floats = np.zeros(HIGH_MC - LOW_MC + 1)
        self._known = np.zeros(HIGH_MC - LOW_MC + 1, dtype=bool)
        self._up, self._down = [0], [0]
        self._growing = Lock()

    def weighted(self, values: Column, weights: Column) -> int:
        """Σ factor × weight, exact; weights are whole numbers from 0 on."""
        if len(values) == 0:
            return 0
        if int(weights.sum()) >= EXACT_WEIGHT:
            pairs = zip(values.tolist(), weights.tolist(), strict=True)
            return sum(factor(self.ratio, value) * weight for value, weight in pairs)
        low = int(values.min())
        heavy = np.bincount(values - low, weights)
        first, after = low - LOW_MC, low - LOW_MC + len(heavy)
        self._fill(first, heavy != 0)
        return joined((self._parts[:, first:after] @ heavy).tolist())

    def floats(self, values: Column) -> Floats:
        """The factor of each value as the nearest float64."""
        places = self._places(values)
        return self._floats[places]

    def parts(self, values: Column) -> Floats:
        """The parts of the factor of each value, the least worth in the first row."""
        return np.take(self._parts, self._places(values), axis=1)

    def _places(self, values: Column) -> Column:
        places = values - LOW_MC
        low, high = int(places.min()), int(places.max())
        asked = np.zeros(high - low + 1, dtype=bool)
        asked[places - low] = True
        self._fill(low, asked)
        return places

    def _fill(self, first: int, asked: NDArray[np.bool_]) -> None:
        """Compute what is asked for of the places from `first` on, where that was not done before."""
        new = asked & ~self._known[first : first + len(asked)]
        for place in (first + np.flatnonzero(new)).tolist() if new.any() else ():
            rest = factor(self.ratio, place + LOW_MC)
            self._floats[place] = rest
            for row in range(len(self._parts)):
                self._parts[row, place] = rest & ((1 << PART_BITS) - 1)
                rest >>= PART_BITS
            self._known[place] = True  # last, so that another thread never sees a half one

    def rise(self, low: int, high: int) -> int:
        """Σ (b − a)·(f(a) + f(b)) from `low` to `high` > `low`, over the whole tenths of a degree that lie between."""
        first, last = low // STEP_MC + 1, -(-high // STEP_MC) - 1
        f_low, f_high = factor(self.ratio, low), factor(self.ratio, high)
        if first > last:
            return (high - low) * (f_low + f_high)
        start, end = first * STEP_MC, last * STEP_MC
        ends = (start - low) * (f_low + factor(self.ratio, start)) + (high - end) * (f_high + factor(self.ratio, end))
        return ends + STEP_MC * (self._from_zero(last) - self._from_zero(first))

    def _from_zero(self, tenth: int) -> int:
        """Σ (f(a) + f(b)) over the steps between 0 °C and a whole tenth of a degree; negative below 0 °C."""
        side, sign = (self._up, 1) if tenth >= 0 else (self._down, -1)
        if len(side) <= abs(tenth):
            with self._growing:
                while len(side) <= abs(tenth):
                    near = sign * STEP_MC * (len(side) - 1)
                    step = factor(self.ratio, near) + factor(self.ratio, near + sign * STEP_MC)
                    side.append(side[-1] + sign * step)
        return side[abs(tenth)]


@lru_cache(maxsize=16)
def factors(ratio: Decimal) -> Factors:
    """The factors of a ratio; those of the ratios in use are kept."""
    return Factors(ratio)


def joined(parts: Sequence[float]) -> int:
    """The whole number that sums of parts stand for, the least worth first."""
    total = 0
    for part in reversed(parts):
        total = (total << PART_BITS) + int(part)
    return total
