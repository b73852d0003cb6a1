"""The mean kinetic temperature of every window that covers an excursion: the worst one, and the trailing one."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from compliance.mkt import Weighted, factor
from compliance.trace import KNOWN, Trace


class WindowMean(NamedTuple):
    """One window (from, to) and the weighted factors of its known time; `weight` 0 means nothing known."""

    start_ms: int
    end_ms: int
    mean: Weighted


class Cumulated:
    """Twice the integral of the factor over known time from the first sample to any moment, exact to 10⁻⁴⁰."""

    def __init__(self, ratio: Decimal, trace: Trace) -> None:
        self._time: list[int] = trace.time_ms.tolist()
        self._factor = [factor(ratio, mc) for mc in trace.value.tolist()]
        held = np.where(trace.kind == KNOWN, trace.spans_ms, 0).tolist()
        pairs = zip(held, self._factor, self._factor[1:], strict=False)
        self._total = list(accumulate((span * (a + b) for span, a, b in pairs), initial=0))
        self._weight = list(accumulate((2 * span for span in held), initial=0))

    def between(self, start_ms: int, end_ms: int) -> Weighted:
        """The sums over known time from `start_ms` to `end_ms`."""
        (total_a, weight_a), (total_b, weight_b) = self._until(start_ms), self._until(end_ms)
        return Weighted(total_b - total_a, weight_b - weight_a)

    def _until(self, moment: int) -> tuple[int, int]:
        position = bisect_right(self._time, moment) - 1
        if position < 0:
            return 0, 0
        total, weight = self._total[position], self._weight[position]
        if position + 1 == len(self._time) or self._weight[position + 1] == weight:
            return total, weight
        # The factor runs straight between samples: the part of a trapezoid up to `moment`.
        span, part = self._time[position + 1] - self._time[position], moment - self._time[position]
        a, b = self._factor[position], self._factor[position + 1]
        return total + part * (2 * a * span + (b - a) * part) // span, weight + 2 * part

    def moments(self) -> Sequence[int]:
        """The times of the samples."""
        return self._time


class Windows:
    """All windows of one length, asked for one excursion after another in order of time.

    A window that is the hottest for one excursion is a candidate for its neighbours too, so each is summed once.
    """

    def __init__(self, sums: Cumulated, length_ms: int) -> None:
        self._sums = sums
        self._length_ms = length_ms
        times = sums.moments()
        # A mean is extreme where a window begins or ends at a sample.
        self._starts = sorted({*times, *(moment - length_ms for moment in times)})
        self._next = 0
        self._hottest: deque[WindowMean] = deque()  # each cooler than, or as hot as, the one before it

    def worst_and_trailing(self, onset_ms: int, end_ms: int) -> tuple[WindowMean, WindowMean]:
        """Of all windows that cover (onset, end): the hottest, and the one that ends with the excursion.

        Candidates begin or end at a sample or at an edge of the excursion. An excursion longer than the window is
        covered by no window; then those that lie in it count.
        """
        times, length_ms = self._sums.moments(), self._length_ms
        trailing = _window(self._sums, end_ms - length_ms, length_ms)
        earliest, latest = sorted((end_ms - length_ms, onset_ms))
        # A window that reaches beyond the readings would be judged by fewer of them; one fits unless they are shorter.
        first, last = times[0], max(times[0], times[-1] - length_ms)
        earliest, latest = min(max(earliest, first), last), max(min(latest, last), first)
        edges = [_window(self._sums, start, length_ms) for start in (earliest, latest)]
        worst = trailing
        for candidate in (edges[0], *self._shared(earliest, latest), edges[1]):
            if candidate.mean.weight and (not worst.mean.weight or candidate.mean.hotter_than(worst.mean)):
                worst = candidate
        return worst, trailing

    def _shared(self, earliest: int, latest: int) -> tuple[WindowMean, ...]:
        """The hottest window that begins within these moments; neither may move back from call to call."""
        self._next = max(self._next, bisect_left(self._starts, earliest))
        while self._next < len(self._starts) and self._starts[self._next] <= latest:
            new = _window(self._sums, self._starts[self._next], self._length_ms)
            self._next += 1
            if new.mean.weight:
                while self._hottest and new.mean.hotter_than(self._hottest[-1].mean):
                    self._hottest.pop()
                self._hottest.append(new)
        while self._hottest and self._hottest[0].start_ms < earliest:
            self._hottest.popleft()
        return (self._hottest[0],) if self._hottest else ()


def _window(sums: Cumulated, start_ms: int, length_ms: int) -> WindowMean:
    return WindowMean(start_ms, start_ms + length_ms, sums.between(start_ms, start_ms + length_ms))
