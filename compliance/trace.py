"""A trace: the judged samples of one channel, and what is known of the time between them.

The time between two samples is known (straight line), a gap (more than two intervals: unknown), or cut (a stretch that
is not judged lies between). Sums of milli-degrees × milliseconds stay in 64 bits only below a bound that is checked;
beyond it the columns become Python integers.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.track import ABSENT, Column, Track
from compliance.cadence import Cadence
from compliance.inputs import DEFAULT_INTERVAL_MS, Bound, Span

KNOWN, GAP, CUT = 0, 1, 2
Kinds = NDArray[np.int8]
_NEVER = int(np.iinfo(np.int64).max)
_FIRST = 12  # differences that an interval is estimated from


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Samples in order of time; `kind[i]` says what lies between samples i and i+1.

    `edges` are the unknown stretches at the ends of judged stretches, where readings are missing altogether. `open_ms`
    is the moment up to which clocks run on after the last sample, None when its stretch has ended there.
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

    @property
    def spans_ms(self) -> Column:
        """Milliseconds between neighbours."""
        return np.diff(self.time_ms)

    @property
    def known_ms(self) -> int:
        """Time backed by readings on both sides."""
        return int(self.spans_ms[self.kind == KNOWN].sum())

    def unknown_before(self, time_ms: int) -> int:
        """Unknown time between the beginning of a judged stretch and its first sample, if that is at `time_ms`."""
        return sum(end - start for start, end in self.edges if end == time_ms)

    def unknown_after(self, time_ms: int) -> int:
        """Unknown time between the last sample of a judged stretch, if that is at `time_ms`, and its end."""
        return sum(end - start for start, end in self.edges if start == time_ms)

    def gaps(self) -> list[tuple[int, int]]:
        """Every unknown stretch (from, to), in order."""
        inside = np.flatnonzero(self.kind == GAP)
        found = list(zip(self.time_ms[inside].tolist(), self.time_ms[inside + 1].tolist(), strict=True))
        return sorted([*found, *self.edges])


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
    newest = int(track.time_ms[-1]) if len(track) else 0
    spans = [_closed(span, as_of_ms, ended_ms, newest) for span in judged]
    starts = np.array([start for start, _, _ in spans], dtype=np.int64)
    ends = np.array([end for _, end, _ in spans], dtype=np.int64)
    part = np.searchsorted(starts, track.time_ms, side="right") - 1
    keep = (values != ABSENT) & (part >= 0)
    if len(ends):
        keep &= track.time_ms < ends[np.maximum(part, 0)]
    time_ms, value, part = track.time_ms[keep], values[keep], part[keep]
    kind = np.zeros(max(len(time_ms) - 1, 0), dtype=np.int8)
    kind[np.diff(time_ms) > 2 * cadence.between(time_ms)] = GAP
    kind[np.diff(part) != 0] = CUT
    edges = _edges(time_ms, part, spans, cadence, as_of_ms)
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


class Traces(NamedTuple):
    """What one channel measured, in the stretches that count: temperatures, humidities, and that it sent anything."""

    temperature: Trace
    humidity: Trace
    rows: Trace


def traces_of(bound: Bound, judged: tuple[Span, ...], cadence: Cadence, as_of_ms: int, ended_ms: int | None) -> Traces:
    """The traces of a channel over `judged`."""
    track = bound.track
    columns = (track.temperature_mc, track.humidity_mpct, track.offset)
    return Traces(*(trace_of(track, values, judged, cadence, as_of_ms, ended_ms) for values in columns))


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
