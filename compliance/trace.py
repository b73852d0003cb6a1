"""A trace: the judged samples of one channel, and what is known of the time between them.

The time between two samples is known (straight line), a gap (more than two intervals: unknown), or cut (a stretch that
is not judged lies between). Sums of milli-degrees × milliseconds stay in 64 bits only below a bound that is checked;
beyond it the columns become Python integers.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.track import ABSENT, Column, Track
from compliance.cadence import Cadence
from compliance.inputs import DEFAULT_INTERVAL_MS, Bound, Span

KNOWN, GAP, CUT = 0, 1, 2
Kinds = NDArray[np.int8]
_NEVER = int(np.iinfo(np.int64).max)
_FIRST = 12  # differences that an interval is estimated from


@dataclass(frozen=True, eq=False)
class Trace:
    """Samples in order of time; `kind[i]` says what lies between samples i and i+1.

    `edges` are the unknown stretches at the ends of judged stretches, where readings are missing altogether. Nothing of
    it changes, so what several ask for is worked out once.
    """

    time_ms: Column
    value: Column
    kind: Kinds
    edges: tuple[tuple[int, int], ...]
    clock_ms: int  # alarm clocks run until here: the judgement's moment, or the end of the judged time
    running: bool  # whether more readings are expected after the last sample
    ends_ms: int | None = None  # after this nothing more is expected: the judged time and two intervals of grace
    over: bool = False  # whether that moment has passed

    def __len__(self) -> int:
        return len(self.time_ms)

    @cached_property
    def spans_ms(self) -> Column:
        """Milliseconds between neighbours."""
        return self.time_ms[1:] - self.time_ms[:-1]

    @cached_property
    def whole(self) -> bool:
        """Whether all time between samples is known."""
        return not self.kind.any()

    @cached_property
    def held_ms(self) -> Column:
        """Known time between neighbours."""
        return self.spans_ms if self.whole else np.where(self.kind == KNOWN, self.spans_ms, 0)

    @cached_property
    def weights(self) -> Column:
        """Of each sample the known time on both its sides, so their sum is twice the known time."""
        weights = np.zeros(len(self), dtype=np.int64)
        weights[:-1] = self.held_ms
        weights[1:] += self.held_ms
        return weights

    @cached_property
    def known_ms(self) -> int:
        """Time backed by readings on both sides."""
        return int(self.weights.sum()) // 2

    @cached_property
    def lowest(self) -> int:
        """The smallest value; there must be one."""
        return int(self.value.min())

    @cached_property
    def highest(self) -> int:
        """The largest value; there must be one."""
        return int(self.value.max())

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What was worked out of the trace, by what it was worked out for."""
        return {}

    def unknown_before(self, time_ms: int) -> int:
        """Unknown time between the beginning of a judged stretch and its first sample, if that is at `time_ms`."""
        return sum(end - start for start, end in self.edges if end == time_ms)

    def unknown_after(self, time_ms: int) -> int:
        """Unknown time between the last sample of a judged stretch, if that is at `time_ms`, and its end."""
        return sum(end - start for start, end in self.edges if start == time_ms)

    def gaps(self) -> list[tuple[int, int]]:
        """Every unknown stretch (from, to), in order."""
        return list(self._gaps)

    @cached_property
    def _gaps(self) -> tuple[tuple[int, int], ...]:
        inside = np.flatnonzero(self.kind == GAP)
        found = list(zip(self.time_ms[inside].tolist(), self.time_ms[inside + 1].tolist(), strict=True))
        return tuple(sorted([*found, *self.edges]))


def estimated_interval(track: Track) -> int:
    """The median of the first 12 differences of event time that are not zero; ten minutes without any."""
    differences = np.diff(track.time_ms)
    first = np.sort(differences[differences > 0][:_FIRST])
    if len(first) == 0:
        return DEFAULT_INTERVAL_MS
    return median(first)


def median(ordered: Column) -> int:
    """The median of sorted whole numbers; of an even count the mean of the middle two, rounded down."""
    return int(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def trace_of(
    track: Track, values: Column, judged: tuple[Span, ...], cadence: Cadence, as_of_ms: int, ended_ms: int | None
) -> Trace:
    """The judged samples of `values`, a column of `track`; absent ones are left out."""
    return _traced(_Judged(track, judged, as_of_ms, ended_ms), values, cadence, as_of_ms)


class Traces(NamedTuple):
    """What one channel measured, in the stretches that count: temperatures, humidities, and that it sent anything."""

    temperature: Trace
    humidity: Trace
    rows: Trace


def traces_of(bound: Bound, judged: tuple[Span, ...], cadence: Cadence, as_of_ms: int, ended_ms: int | None) -> Traces:
    """The traces of a channel over `judged`."""
    track, part = bound.track, _Judged(bound.track, judged, as_of_ms, ended_ms)
    columns = (track.temperature_mc, track.humidity_mpct, track.offset)
    return Traces(*(_traced(part, values, cadence, as_of_ms) for values in columns))


class _Judged:
    """The rows of a track in the stretches that count: their positions, and the stretch that each lies in."""

    def __init__(self, track: Track, judged: tuple[Span, ...], as_of_ms: int, ended_ms: int | None) -> None:
        times = track.time_ms
        newest = int(times[-1]) if len(times) else 0
        self.spans = [_closed(span, as_of_ms, ended_ms, newest) for span in judged]
        edges = [(int(times.searchsorted(start)), int(times.searchsorted(end))) for start, end, _ in self.spans]
        counts = [max(high - low, 0) for low, high in edges]
        self.part = np.repeat(np.arange(len(edges)), counts)
        self.rows: slice | NDArray[np.intp]
        if len(edges) == 1:
            self.rows = slice(edges[0][0], edges[0][0] + counts[0])  # a view instead of a copy
        else:
            self.rows = np.concatenate([np.arange(low, high) for low, high in edges] or [np.arange(0)])
        self.time_ms = times[self.rows]
        self.kept: _Between | None = None  # of all rows: what measured at each of them shares it


_Between = tuple[Kinds, tuple[tuple[int, int], ...]]


def _between(judged: _Judged, time_ms: Column, part: Column, cadence: Cadence, as_of_ms: int) -> _Between:
    """What lies between samples, and the unknown stretches at the ends."""
    kind = np.zeros(max(len(time_ms) - 1, 0), dtype=np.int8)
    kind[time_ms[1:] - time_ms[:-1] > 2 * cadence.between(time_ms)] = GAP
    if len(judged.spans) > 1:
        kind[part[1:] != part[:-1]] = CUT
    return kind, _edges(time_ms, part, judged.spans, cadence, as_of_ms)


def _traced(judged: _Judged, values: Column, cadence: Cadence, as_of_ms: int) -> Trace:
    spans, time_ms, value, part = judged.spans, judged.time_ms, values[judged.rows], judged.part
    if len(value) and int(value.min()) == ABSENT:  # nothing is smaller
        keep = value != ABSENT
        time_ms, value, part = time_ms[keep], value[keep], part[keep]
    if len(value) < len(judged.time_ms):
        kind, edges = _between(judged, time_ms, part, cadence, as_of_ms)
    else:
        judged.kept = judged.kept or _between(judged, time_ms, part, cadence, as_of_ms)
        kind, edges = judged.kept
    last_end, running = (spans[-1][1], spans[-1][2]) if spans else (as_of_ms, False)
    last = int(time_ms[-1]) if len(time_ms) else None
    if last is not None and int(part[-1]) != len(spans) - 1:
        last_end, running = spans[int(part[-1])][1], False
    ends_ms = None if last_end == _NEVER else last_end + 2 * cadence.newest_ms
    return Trace(
        time_ms,
        value,
        kind,
        edges,
        clock_ms=max(min(last_end, as_of_ms), last or 0),
        running=running,
        ends_ms=ends_ms,
        over=not running and ends_ms is not None and as_of_ms >= ends_ms,
    )


def _closed(span: Span, as_of_ms: int, ended_ms: int | None, newest_ms: int) -> tuple[int, int, bool]:
    """(from, to, runs on): readings may be up to five minutes ahead of `as_of`, so an open end lies far away."""
    end = span.end_ms
    if end is None and ended_ms is not None:
        # Readings after the arrival still count; their absence does not.
        return span.start_ms, max(ended_ms, newest_ms, span.start_ms) + 1, False
    if end is None:
        return span.start_ms, _NEVER, True
    return span.start_ms, max(end, span.start_ms), end > as_of_ms


def _edges(
    time_ms: Column, part: Column, spans: list[tuple[int, int, bool]], cadence: Cadence, as_of_ms: int
) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for position, (start, span_end, _) in enumerate(spans):
        end = min(span_end, as_of_ms)
        first, last = np.searchsorted(part, position), np.searchsorted(part, position, side="right") - 1
        bounds = [(start, end)] if first > last else [(start, int(time_ms[first])), (int(time_ms[last]), end)]
        found += [(low, high) for low, high in bounds if high - low > 2 * max(cadence.at(low), cadence.at(high))]
    return tuple(found)


def exact(values: Column, time_ms: Column) -> Column:
    """`values` as they are, or as Python integers where twice their sum over the time could pass 62 bits."""
    if len(values) == 0:
        return values
    largest = max(abs(int(values.max())), abs(int(values.min())), 1)
    duration = int(time_ms[-1]) - int(time_ms[0]) + 1
    return values.astype(object) if 2 * largest * duration >= 1 << 62 else values
