"""Excursions: stretches outside one limit, with interpolated edges, peak and area, and unknown time kept apart."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from compliance.trace import CUT, GAP, KNOWN, Trace, exact


class Outside(NamedTuple):
    """One stretch beyond a limit. `first` and `last` are the positions of its samples in the trace.

    `onset_ms` and `end_ms` are where the straight line crosses the limit, rounded to the millisecond; next to a gap
    they are the outermost sample. `end_ms` is None when no reading has shown the way back so far. `area` is the
    integral beyond the limit over known time, rounded half-even; `mean` the mean of the values over that time, exact,
    with edges that are not rounded.
    """

    first: int
    last: int
    onset_ms: int
    onset_sample_ms: int
    end_ms: int | None
    duration_ms: int
    duration_upper_ms: int
    peak: int
    peak_ms: int
    area: int
    mean: Fraction
    gap_ms: int = 0  # unknown time between two readings outside
    unseen: bool = False  # the judged time ended while it was still outside: `end_ms` is the last sample

    @property
    def coverage_pct(self) -> float:
        """How much of the time from its first to its last moment outside is backed by readings, in per cent."""
        whole = self.duration_ms + self.gap_ms
        return 100 * self.duration_ms / whole if whole else 100.0


def outside(trace: Trace, limit: int, *, high: bool) -> list[Outside]:
    """Every stretch of the trace beyond `limit`, in order; the limit itself is inside."""
    if len(trace) == 0 or (trace.highest <= limit if high else trace.lowest >= limit):
        return []
    beyond = trace.value - limit if high else limit - trace.value
    places = np.flatnonzero(beyond > 0)
    # A stretch goes on as long as positions follow each other without a cut between them.
    joined = (places[1:] == places[:-1] + 1) & (trace.kind[places[:-1]] != CUT)
    breaks = np.flatnonzero(~joined)
    first, last = np.concatenate(([0], breaks + 1)), np.concatenate((breaks, [len(places) - 1]))
    return _stretches(trace, beyond, places, joined, (first, last), 1 if high else -1)


def _stretches(
    trace: Trace,
    beyond: np.ndarray,
    places: np.ndarray,
    joined: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray],
    side: int,
) -> list[Outside]:
    """The stretches over the positions `places`, of which `ends` are the first and last ones in that list."""
    inner = places[:-1]  # what follows a position that is not `joined` belongs to no stretch
    spans, kinds = trace.spans_ms[inner], trace.kind[inner]
    gap_ms = _cumulated(np.where(joined & (kinds == GAP), spans, 0))
    depth = exact(beyond, trace.time_ms)[places]
    twice_area = _cumulated(np.where(joined & (kinds == KNOWN), (depth[:-1] + depth[1:]) * spans, 0))
    found = []
    for a, b in zip(*(edge.tolist() for edge in ends), strict=True):
        first, last = int(places[a]), int(places[b])
        peak = first + int(np.argmax(beyond[first : last + 1]))
        unknown, twice = int(gap_ms[b] - gap_ms[a]), int(twice_area[b] - twice_area[a])
        found.append(_stretch(trace, beyond, (first, last, peak), unknown, twice, side))
    return found


def _cumulated(values: np.ndarray) -> np.ndarray:
    return np.concatenate(([0], np.cumsum(values)))


def _stretch(
    trace: Trace, beyond: np.ndarray, places: tuple[int, int, int], gap_ms: int, twice_area: int, side: int
) -> Outside:
    a, b, peak = places
    onset, before, into = _way(trace, beyond, a, a - 1)
    end, after, away = _way(trace, beyond, b, b + 1)
    unseen = end is None and trace.over
    first, last = int(trace.time_ms[a]), int(trace.time_ms[b])
    finish = last if end is None else end
    start = first if onset is None else onset
    duration = finish - start - gap_ms
    # Everything over one denominator, so that nothing is rounded and only the mean is reduced.
    whole = into.over * away.over
    doubled = twice_area * whole + into.ms * away.over * int(beyond[a]) + away.ms * into.over * int(beyond[b])
    known = (last - first - gap_ms) * whole + into.ms * away.over + away.ms * into.over
    depth, value = int(beyond[peak]), int(trace.value[peak])
    # One reading between two gaps has no known time around it: it is all that is known.
    limit = value - side * depth
    return Outside(
        a,
        b,
        start,
        first,
        finish if unseen else end,
        duration,
        duration + gap_ms + before + after,
        value,
        int(trace.time_ms[peak]),
        _rounded(doubled, 2 * whole),
        Fraction(2 * limit * known + side * doubled, 2 * known) if known else Fraction(value),
        gap_ms,
        unseen,
    )


class _Reach(NamedTuple):
    """How far a stretch reaches beyond its outermost sample: `ms` / `over`."""

    ms: int = 0
    over: int = 1


def _way(trace: Trace, beyond: np.ndarray, edge: int, neighbour: int) -> tuple[int | None, int, _Reach]:
    """Where the line from `edge` (outside) to `neighbour` (inside) crosses; adjoining unknown time; the way to it."""
    here = int(trace.time_ms[edge])
    missing = trace.unknown_before(here) if neighbour < edge else trace.unknown_after(here)
    if neighbour < 0:
        return here, missing, _Reach()
    if neighbour >= len(trace):
        return None, missing, _Reach()
    kind = trace.kind[min(edge, neighbour)]
    span = int(trace.time_ms[neighbour]) - here
    if kind == GAP:
        return here, abs(span), _Reach()
    if kind == CUT:
        return here, missing, _Reach()
    depth, inside = int(beyond[edge]), -int(beyond[neighbour])
    over = depth + inside
    return _rounded(here * over + depth * span, over), 0, _Reach(depth * abs(span), over)


def _rounded(number: int, by: int) -> int:
    """`number` / `by` (above 0) as a whole number, ties to even."""
    whole, rest = divmod(number, by)
    return whole + (2 * rest > by or (2 * rest == by and whole % 2 == 1))
