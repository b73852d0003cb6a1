"""The mean kinetic temperature of every window that covers an excursion: the worst one, and the trailing one.

All windows are weighed in floating point with a bound on its error. Those that may be the hottest within that bound are
compared exactly, so what is found is what exact arithmetic on every window would find.
"""

from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.track import Column
from compliance.arrhenius import PART_BITS, Floats, factor, factors, joined
from compliance.mkt import Weighted
from compliance.trace import Trace

_EXACT_WEIGHT = 1 << (62 - PART_BITS)  # below this sum of weights sums of parts fit into 64 bits
_FEW = 32  # sums that are taken one by one; for more of them all are cumulated first


class WindowMean(NamedTuple):
    """One window (from, to) and the weighted factors of its known time; `weight` 0 means nothing known."""

    start_ms: int
    end_ms: int
    mean: Weighted


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

    def factors_at(self, places: NDArray[np.intp]) -> Floats:
        """The factors of samples by their positions, within `slack` of themselves."""
        return self._factor[places]

    def moments(self) -> Column:
        """The times of the samples."""
        return self._time


class Windows:
    """All windows of one length, asked for one excursion after another in order of time."""

    def __init__(self, sums: Cumulated, length_ms: int) -> None:
        self._sums = sums
        self._length_ms = length_ms
        self._best: int | None = None  # when the hottest of the windows that were asked for last begins
        self._latest = 0  # when the last of them begins
        self._exact: dict[int, WindowMean] = {}

    def worst_and_trailing(self, onset_ms: int, end_ms: int) -> tuple[WindowMean, WindowMean]:
        """Of all windows that cover (onset, end): the hottest, and the one that ends with the excursion.

        Candidates begin or end at a sample or at an edge of the excursion. An excursion longer than the window is
        covered by no window; then those that lie in it count.
        """
        times, length_ms = self._sums.moments(), self._length_ms
        trailing = _window(self._sums, end_ms - length_ms, length_ms)
        earliest, latest = sorted((end_ms - length_ms, onset_ms))
        # A window that reaches beyond the readings would be judged by fewer of them; one fits unless they are shorter.
        first, last = int(times[0]), max(int(times[0]), int(times[-1]) - length_ms)
        earliest, latest = min(max(earliest, first), last), max(min(latest, last), first)
        edges = [_window(self._sums, start, length_ms) for start in (earliest, latest)]
        worst = trailing
        for candidate in (edges[0], *self._shared(earliest, latest), edges[1]):
            if candidate.mean.weight and (not worst.mean.weight or candidate.mean.hotter_than(worst.mean)):
                worst = candidate
        return worst, trailing

    def _shared(self, earliest: int, latest: int) -> tuple[WindowMean, ...]:
        """The hottest window that begins within these moments; neither may move back from call to call."""
        starts = self._starts(earliest, latest)
        least, most = self._bounds(starts)
        floor = least.max(initial=-np.inf)
        near = most >= floor if floor > -np.inf else np.zeros(len(starts), dtype=bool)
        best = self._best if self._best is not None and self._best >= earliest else None
        if best is not None:
            near &= starts > self._latest  # whatever was compared with it last time need not be compared again
        for start in starts[near].tolist():
            if best is None or self._at(start).mean.hotter_than(self._at(best).mean):
                best = start
        self._best, self._latest = best, latest
        return () if best is None else (self._at(best),)

    def _starts(self, earliest: int, latest: int) -> Column:
        """When the windows begin that begin or end at a sample: a mean is extreme in one of them."""
        times, length_ms = self._sums.moments(), self._length_ms
        found = [
            times[times.searchsorted(earliest + shift) : times.searchsorted(latest + shift, side="right")] - shift
            for shift in (0, length_ms)
        ]
        starts = np.sort(np.concatenate(found), kind="stable")
        different: Column = starts[np.append(starts[:-1] != starts[1:], [True])[: len(starts)]]
        return different

    def _bounds(self, starts: Column) -> tuple[Floats, Floats]:
        """Two numbers between which the mean factor of each window lies; without known time it is as low as can be."""
        totals, weights = self._sums.until(np.concatenate((starts, starts + self._length_ms)))
        number = len(starts)
        weight, until = weights[number:] - weights[:number], totals[number:]
        known, some = weight > 0, np.maximum(weight, 1)
        mean, error = (until - totals[:number]) / some, 4 * self._sums.slack * until / some
        return np.where(known, mean - error, -np.inf), np.where(known, mean + error, -np.inf)

    def _at(self, start_ms: int) -> WindowMean:
        if start_ms not in self._exact:
            self._exact[start_ms] = _window(self._sums, start_ms, self._length_ms)
        return self._exact[start_ms]


def _window(sums: Cumulated, start_ms: int, length_ms: int) -> WindowMean:
    return WindowMean(start_ms, start_ms + length_ms, sums.between(start_ms, start_ms + length_ms))
