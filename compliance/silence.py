"""Silence and sensor faults: trouble that lies in the absence of values, judged from when rows should have come."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np

from coldchain.domain.finding import Condition, Severity
from coldchain.domain.profile import HOUR_MS, Rule, RuleKind
from coldchain.domain.track import ABSENT, Column, Track
from compliance.cadence import Cadence
from compliance.inputs import Bound, Span
from compliance.rules import GOOD, OUT, Firing, Watch, follow
from compliance.trace import CUT, Trace, estimated_interval, median, trace_of

QUIET_MS = 2 * HOUR_MS  # after a planned stretch without radio a logger has this long to be heard again
WHOLE = ""  # the channel of what is said of a whole logger
_NEVER = int(np.iinfo(np.int64).max)
Gaps = Sequence[tuple[int, int | None]]
_ARRIVALS = 12  # differences from which the reporting interval is estimated, once: later ones do not change it
FAULT_RULE = Rule("sensor-fault", RuleKind.INSTANT, Severity.MAJOR, confirm_readings=2, hysteresis=0, clear_hold_ms=0)


def reporting(track: Track, cadence: Cadence) -> Cadence:
    """How far apart rows arrive: the measuring interval, or longer for a logger that sends several at once.

    The median of the first 12 differences between arrivals since the interval was set; history that arrived at once
    says nothing.
    """
    ends = (*cadence.starts_ms[1:], _NEVER)
    starts = (-_NEVER, *cadence.starts_ms[1:])
    return cadence._replace(
        every_ms=tuple(
            _reporting_ms(track.record_time_ms[(track.time_ms >= start) & (track.time_ms < end)], every)
            for start, end, every in zip(starts, ends, cadence.every_ms, strict=True)
        )
    )


def _reporting_ms(record_time_ms: Column, interval_ms: int) -> int:
    arrivals: Column = np.sort(record_time_ms, kind="stable")
    between: Column = arrivals[1:] - arrivals[:-1]
    differences = np.sort(between[between > 0][:_ARRIVALS])
    return max(interval_ms, median(differences)) if len(differences) == _ARRIVALS else interval_ms


def silence(
    rule: Rule, rows: Trace, judged: tuple[Span, ...], every: Cadence, quiet: Sequence[Span] = (), others: Gaps = ()
) -> Watch:
    """Apply a `no_data` rule to the moments at which rows exist, whether or not they hold a value.

    A silence that would be told within a planned stretch without radio (`quiet`) is told two hours after its end.
    `others` are the stretches in which the whole logger said nothing, which are not the silence of one channel, or in
    which the rule does not watch.
    """
    firings: list[Firing] = []
    for start, end in gaps(rows, judged, every, rule.factor):
        fired = _moment(start, end, _allowed(start, end, every, rule.factor), quiet, others)
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


def gaps(rows: Trace, judged: tuple[Span, ...], every: Cadence, factor: Decimal) -> Gaps:
    """The stretches without a row that are longer than `factor` reporting intervals, and the one after the last row.

    The end of the last one is None.
    """
    starts, ends = rows.time_ms[:-1], rows.time_ms[1:]
    thousandths = int(factor * 1000)
    silent = (1000 * (ends - starts) > thousandths * every.between(rows.time_ms)) & (rows.kind != CUT)
    stretches: list[tuple[int, int | None]] = list(zip(starts[silent].tolist(), ends[silent].tolist(), strict=True))
    head = int(rows.time_ms[0]) if len(rows) else None
    first = [
        (start, end) for start, end in rows.edges if end == head and end - start > _allowed(start, end, every, factor)
    ]
    last = int(rows.time_ms[-1]) if len(rows) else judged[-1].start_ms
    return (*first, *stretches, (last, None))


def joined(stretches: Sequence[tuple[int, int | None]]) -> Gaps:
    """The stretches in order of time, those that overlap as one."""
    found: list[tuple[int, int | None]] = []
    for low, high in sorted(stretches, key=lambda one: one[0]):
        last = found[-1] if found else None
        if last is None or (last[1] is not None and low > last[1]):
            found.append((low, high))
        elif last[1] is not None:
            found[-1] = (last[0], None if high is None else max(last[1], high))
    return found


def _allowed(start: int, end: int | None, every: Cadence, factor: Decimal) -> int:
    return int(factor * max(every.at(start), every.at(start if end is None else end)))


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


def logger_rows(bounds: Sequence[Bound], as_of_ms: int, ended_ms: int | None) -> tuple[Trace, Cadence]:
    """The moments at which a logger sent anything at all, judged like its first channel, and how often it reports."""
    first = bounds[0]
    held = [bound.track for bound in bounds] + [bound.positions for bound in bounds if bound.positions is not None]
    times = np.unique(np.concatenate([track.time_ms for track in held]))
    absent, arrived = np.full(len(times), ABSENT), np.zeros(len(times), dtype=np.int64)
    rows = Track(first.logger, WHOLE, times, arrived, absent, absent, absent, arrived, arrived)
    heard = [bound for bound in bounds if len(bound.track)] or list(bounds)
    every = min((reporting(bound.track, cadence_of(bound)) for bound in heard), key=lambda one: one.newest_ms)
    shortest = min((cadence_of(bound) for bound in heard), key=lambda one: one.newest_ms)
    return trace_of(rows, rows.offset, first.judged, shortest, as_of_ms, ended_ms), every


def cadence_of(bound: Bound) -> Cadence:
    """The declared intervals of a channel, or the one that its readings show."""
    if bound.cadence:
        return Cadence.of(bound.cadence)
    return Cadence.steady(bound.interval_ms or estimated_interval(bound.track))


def sensor_fault(track: Track, rows: Trace) -> Watch:
    """Rows without any value on a channel that measures: from the second in a row until two good ones."""
    if len(track) == 0 or int(track.temperature_mc.min()) != ABSENT:  # nothing is smaller
        return Watch()
    positions = np.searchsorted(track.time_ms, rows.time_ms)
    measured = (track.temperature_mc[positions] != ABSENT) | (track.humidity_mpct[positions] != ABSENT)
    codes = np.where(measured, GOOD, OUT)
    if measured.all():
        return Watch()
    return follow(FAULT_RULE, codes, rows.time_ms, rows.kind, rows.clock_ms, 0)
