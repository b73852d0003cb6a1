"""Silence and sensor faults: trouble that lies in the absence of values, judged from when rows should have come."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np

from coldchain.domain.finding import Condition, Severity
from coldchain.domain.profile import HOUR_MS, Rule, RuleKind
from coldchain.domain.track import ABSENT, Column, Track
from compliance.inputs import Bound, Span
from compliance.rules import GOOD, OUT, Firing, Watch, follow
from compliance.trace import CUT, Trace, estimated_interval, median, trace_of

QUIET_MS = 2 * HOUR_MS  # after a planned stretch without radio a logger has this long to be heard again
WHOLE = ""  # the channel of what is said of a whole logger
_NEVER = int(np.iinfo(np.int64).max)
Gaps = Sequence[tuple[int, int | None]]
_ARRIVALS = 12  # differences from which the reporting interval is estimated, once: later ones do not change it
FAULT_RULE = Rule("sensor-fault", RuleKind.INSTANT, Severity.MAJOR, confirm_readings=2, hysteresis=0, clear_hold_ms=0)


def reporting_ms(track: Track, interval_ms: int) -> int:
    """How far apart rows arrive: the measuring interval, or longer for a logger that sends several at once.

    The median of the first 12 differences between arrivals; history that arrived at once says nothing.
    """
    arrivals: Column = np.sort(track.record_time_ms, kind="stable")
    between: Column = arrivals[1:] - arrivals[:-1]
    differences = np.sort(between[between > 0][:_ARRIVALS])
    return max(interval_ms, median(differences)) if len(differences) == _ARRIVALS else interval_ms


def silence(
    rule: Rule, rows: Trace, judged: tuple[Span, ...], reporting: int, quiet: Sequence[Span] = (), others: Gaps = ()
) -> Watch:
    """Apply a `no_data` rule to the moments at which rows exist, whether or not they hold a value.

    A silence that would be told within a planned stretch without radio (`quiet`) is told two hours after its end.
    `others` are the stretches in which the whole logger said nothing: they are not the silence of one channel.
    """
    allowed = int(rule.factor * reporting)
    firings: list[Firing] = []
    for start, end in gaps(rows, judged, allowed):
        fired = _moment(start, end, allowed, quiet, others)
        if fired is None:
            continue
        if end is not None:
            firings.append(Firing(rule, start, fired, Condition.RETURNED, end, end, end))
        elif rows.clock_ms > fired:
            firings.append(_last(rule, rows, start, fired))
        elif rows.running:
            return Watch(tuple(firings), due_ms=fired + 1)
    return Watch(tuple(firings))


def _last(rule: Rule, rows: Trace, start: int, fired: int) -> Firing:
    """A silence that no row has ended: it holds, or ended unheard with the judged time."""
    if rows.running:
        return Firing(rule, start, fired, Condition.ACTIVE, fired)
    end = rows.clock_ms
    return Firing(rule, start, fired, Condition.RETURNED, end, end, end, unseen=True)


def gaps(rows: Trace, judged: tuple[Span, ...], allowed: int) -> Gaps:
    """The stretches without a row that are longer than `allowed`, and the one after the last row (its end is None)."""
    starts, ends = rows.time_ms[:-1], rows.time_ms[1:]
    silent = (ends - starts > allowed) & (rows.kind != CUT)
    stretches: list[tuple[int, int | None]] = list(zip(starts[silent].tolist(), ends[silent].tolist(), strict=True))
    head = int(rows.time_ms[0]) if len(rows) else None
    first = [(start, end) for start, end in rows.edges if end == head and end - start > allowed]
    last = int(rows.time_ms[-1]) if len(rows) else judged[-1].start_ms
    return (*first, *stretches, (last, None))


def _moment(start: int, end: int | None, allowed: int, quiet: Sequence[Span], others: Gaps) -> int | None:
    """When a silence from `start` to `end` is told: the first time that it has lasted while others could be heard."""
    for low, high in _heard(start, end, others):
        moment = low + allowed
        for span in sorted(quiet):
            if span.end_ms is not None and span.start_ms <= moment < span.end_ms + QUIET_MS:
                moment = span.end_ms + QUIET_MS
        if high is None or high > moment:
            return moment
    return None


def _heard(start: int, end: int | None, others: Gaps) -> Iterator[tuple[int, int | None]]:
    """The parts of a stretch that lie outside `others`, which are in order."""
    rest: int | None = start
    first = bisect_right(others, start, key=lambda item: _NEVER if item[1] is None else item[1])
    for low, high in others[first:]:
        if rest is None or (end is not None and low >= end):
            break
        if low > rest:
            yield rest, low
        rest = high
    if rest is not None and (end is None or rest < end):
        yield rest, end


def logger_rows(bounds: Sequence[Bound], as_of_ms: int, ended_ms: int | None) -> tuple[Trace, int]:
    """The moments at which a logger sent anything at all, judged like its first channel, and how often it reports."""
    first = bounds[0]
    held = [bound.track for bound in bounds] + [bound.positions for bound in bounds if bound.positions is not None]
    times = np.unique(np.concatenate([track.time_ms for track in held]))
    absent, arrived = np.full(len(times), ABSENT), np.zeros(len(times), dtype=np.int64)
    rows = Track(first.logger, WHOLE, times, arrived, absent, absent, absent, arrived, arrived)
    heard = [bound for bound in bounds if len(bound.track)] or list(bounds)
    every = min(reporting_ms(bound.track, interval_of(bound)) for bound in heard)
    shortest = min(interval_of(bound) for bound in heard)
    return trace_of(rows, rows.offset, first.judged, shortest, as_of_ms, ended_ms), every


def interval_of(bound: Bound) -> int:
    """The declared interval of a channel, or the one that its readings show."""
    return bound.interval_ms or estimated_interval(bound.track)


def sensor_fault(track: Track, rows: Trace) -> Watch:
    """Rows without any value on a channel that measures: from the second in a row until two good ones."""
    positions = np.searchsorted(track.time_ms, rows.time_ms)
    measured = (track.temperature_mc[positions] != ABSENT) | (track.humidity_mpct[positions] != ABSENT)
    codes = np.where(measured, GOOD, OUT)
    if measured.all():
        return Watch()
    return follow(FAULT_RULE, codes, rows.time_ms, rows.kind, rows.clock_ms, 0)
