"""The mean kinetic temperature of every window that covers an excursion: the worst one, and the trailing one.

All windows are weighed in floating point with a bound on its error. Those that may be the hottest within that bound are
compared exactly, so what is found is what exact arithmetic on every window would find.
"""

from typing import NamedTuple

import numpy as np

from coldchain.domain.track import Column
from compliance.arrhenius import Floats
from compliance.mkt import Weighted
from compliance.mkt_summits import summits
from compliance.mkt_sums import Cumulated


class WindowMean(NamedTuple):
    """One window (from, to) and the weighted factors of its known time; `weight` 0 means nothing known."""

    start_ms: int
    end_ms: int
    mean: Weighted


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

        Candidates begin or end at a sample or at an edge of the excursion, or lie between such where the factor runs
        down at one end as it runs up at the other. An excursion longer than the window is covered by no window; then
        those that lie in it count.
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
        best = self._best if self._best is not None and self._best >= earliest else None
        starts = self._starts(earliest, latest)
        # Up to the newest of last time all are compared with the best, and need not be compared again.
        after = 0 if best is None else max(int(starts.searchsorted(self._latest, side="right")) - 1, 0)
        starts = np.sort(np.concatenate((starts, summits(self._sums, starts[after:], self._length_ms))))
        least, most = self._bounds(starts)
        floor = least.max(initial=-np.inf)
        near = most >= floor if floor > -np.inf else np.zeros(len(starts), dtype=bool)
        if best is not None:
            near &= starts > self._latest
        for start in starts[near].tolist():
            if best is None or self._at(start).mean.hotter_than(self._at(best).mean):
                best = start
        self._best, self._latest = best, latest
        return () if best is None else (self._at(best),)

    def _starts(self, earliest: int, latest: int) -> Column:
        """When the windows begin that begin or end at a sample, and the first and the last of all."""
        times, length_ms = self._sums.moments(), self._length_ms
        found = [
            times[times.searchsorted(earliest + shift) : times.searchsorted(latest + shift, side="right")] - shift
            for shift in (0, length_ms)
        ]
        starts = np.sort(np.concatenate(([earliest], *found, [latest])), kind="stable")
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
