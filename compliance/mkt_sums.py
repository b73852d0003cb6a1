"""Sums of Arrhenius factors over known time: exact between any two moments, and as floats with bounded error."""

from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.track import Column
from compliance.arrhenius import PART_BITS, Floats, factor, factors, joined
from compliance.mkt import Weighted
from compliance.trace import Trace

_EXACT_WEIGHT = 1 << (62 - PART_BITS)  # below this sum of weights sums of parts fit into 64 bits
_FEW = 32  # sums that are taken one by one; for more of them all are cumulated first


class Cumulated:
    """Twice the integral of the factor over known time from the first sample to any moment, exact to 10⁻⁴⁰."""

    def __init__(self, ratio: Decimal, trace: Trace) -> None:
        self._ratio, self._time, self._value = ratio, trace.time_ms, trace.value
        self._held = trace.held_ms
        self._weight: Column = np.concatenate(([0], np.cumsum(2 * self._held)))
        self._factor = factors(ratio).floats(trace.value)
        spans = (self._factor[:-1] + self._factor[1:]) * self._held
        self._floats: Floats = np.concatenate(([0.0], np.cumsum(spans)))
        self.slack = (len(trace) + 64) * 2.0**-52  # a bound on the relative error of a cumulated sum in floats
        self._asked = 0

    @cached_property
    def _total(self) -> NDArray[Any]:
        """The parts of the sums over whole spans up to each sample."""
        parts = factors(self._ratio).parts(self._value)
        whole = parts.astype(np.int64 if int(self._weight[-1]) < _EXACT_WEIGHT else object)
        total = np.zeros_like(whole)
        np.cumsum((whole[:, :-1] + whole[:, 1:]) * self._held, axis=1, out=total[:, 1:])
        return total

    def between(self, start_ms: int, end_ms: int) -> Weighted:
        """The sums over known time from `start_ms` to `end_ms`."""
        (first, total_a, weight_a), (last, total_b, weight_b) = self._part(start_ms), self._part(end_ms)
        weight = int(self._weight[last]) - int(self._weight[first])
        return Weighted(self._whole(first, last) + total_b - total_a, weight + weight_b - weight_a)

    def _part(self, moment: int) -> tuple[int, int, int]:
        """The last sample up to a moment, the first before there is one, and the sums from that sample on."""
        position = int(self._time.searchsorted(moment, side="right")) - 1
        if position < 0 or position + 1 == len(self._time) or not self._held[position]:
            return max(position, 0), 0, 0
        # The factor runs straight between samples: the part of a trapezoid up to `moment`.
        (here, there), (low, high) = (column[position : position + 2].tolist() for column in (self._time, self._value))
        span, part = there - here, moment - here
        a, b = factor(self._ratio, low), factor(self._ratio, high)
        return position, part * (2 * a * span + (b - a) * part) // span, 2 * part

    def _whole(self, first: int, last: int) -> int:
        """The sum over the spans from one sample to another."""
        self._asked += 1
        if self._asked > _FEW:
            return joined(self._total[:, last].tolist()) - joined(self._total[:, first].tolist())
        if last < first:
            return -self._whole(last, first)
        weights = np.zeros(last - first + 1, dtype=np.int64)
        weights[:-1] = self._held[first:last]
        weights[1:] += self._held[first:last]
        return factors(self._ratio).weighted(self._value[first : last + 1], weights)

    def until(self, moments: Column) -> tuple[Floats, Column]:
        """The sums from the first sample to each moment: totals within `slack` of themselves, weights exact."""
        place = self._time.searchsorted(moments, side="right") - 1
        here, after = np.maximum(place, 0), np.minimum(np.maximum(place, 0) + 1, len(self._time) - 1)
        inside = (place >= 0) & (self._weight[after] > self._weight[here])
        span = np.where(inside, self._time[after] - self._time[here], 1)
        part = np.where(inside, moments - self._time[here], 0)
        a, b = self._factor[here], self._factor[after]
        totals = np.where(place < 0, 0.0, self._floats[here]) + part * (2 * a + (b - a) * (part / span))
        return totals, self._weight[here] * (place >= 0) + 2 * part

    def lines(self, moments: Column) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """From each moment on: the factor, its rise for each millisecond, and whether it is known there."""
        here = self._time.searchsorted(moments, side="right") - 1
        known = (here >= 0) & (here < len(self._time) - 1)
        here = np.where(known, here, 0)
        after = np.minimum(here + 1, len(self._time) - 1)
        known &= self._weight[after] > self._weight[here]
        span = np.where(known, self._time[after] - self._time[here], 1)
        rise = np.where(known, (self._factor[after] - self._factor[here]) / span, 0.0)
        return self._factor[here] + rise * (moments - self._time[here]), rise, known

    def factors_at(self, places: NDArray[np.intp]) -> Floats:
        """The factors of samples by their positions, within `slack` of themselves."""
        return self._factor[places]

    def moments(self) -> Column:
        """The times of the samples."""
        return self._time
