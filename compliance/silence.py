"""Silence and sensor faults: trouble that lies in the absence of values, judged from when rows should have come."""

import numpy as np

from coldchain.domain.finding import Condition, Severity
from coldchain.domain.profile import Rule, RuleKind
from coldchain.domain.track import ABSENT, Column, Track
from compliance.inputs import Span
from compliance.rules import GOOD, OUT, Firing, Watch, follow
from compliance.trace import CUT, Trace, median

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


def silence(rule: Rule, rows: Trace, judged: tuple[Span, ...], reporting: int) -> Watch:
    """Apply a `no_data` rule to the moments at which rows exist, whether or not they hold a value."""
    allowed = int(rule.factor * reporting)
    starts, ends = rows.time_ms[:-1], rows.time_ms[1:]
    silent = (ends - starts > allowed) & (rows.kind != CUT)
    stretches = list(zip(starts[silent].tolist(), ends[silent].tolist(), strict=True))
    first = [(start, end) for start, end in rows.edges if end in _first_rows(rows)]
    firings = [_returned(rule, a, b, allowed) for a, b in sorted([*first, *stretches]) if b - a > allowed]
    if not rows.running:
        return Watch(tuple(firings))
    last = int(rows.time_ms[-1]) if len(rows) else judged[-1].start_ms
    if rows.clock_ms - last > allowed:
        fired = last + allowed
        return Watch((*firings, Firing(rule, last, fired, Condition.ACTIVE, fired)))
    return Watch(tuple(firings), due_ms=last + allowed + 1)


def _first_rows(rows: Trace) -> set[int]:
    return {int(rows.time_ms[0])} if len(rows) else set()


def _returned(rule: Rule, start_ms: int, end_ms: int, allowed: int) -> Firing:
    return Firing(rule, start_ms, start_ms + allowed, Condition.RETURNED, end_ms, end_ms, end_ms)


def sensor_fault(track: Track, rows: Trace) -> Watch:
    """Rows without any value on a channel that measures: from the second in a row until two good ones."""
    positions = np.searchsorted(track.time_ms, rows.time_ms)
    measured = (track.temperature_mc[positions] != ABSENT) | (track.humidity_mpct[positions] != ABSENT)
    codes = np.where(measured, GOOD, OUT)
    if measured.all():
        return Watch()
    return follow(FAULT_RULE, codes, rows.time_ms, rows.kind, rows.clock_ms, 0)
