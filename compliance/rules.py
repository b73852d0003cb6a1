"""Rules on samples: from the first reading outside to the confirmed return. Pure, in event time.

A reading outside stands until the next one: alarm clocks run on through gaps, and missing data never clears.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coldchain.domain.finding import Condition
from coldchain.domain.profile import Direction, Rule, RuleKind
from compliance.trace import CUT, GAP, Kinds, Trace
from compliance.windows import Accumulation

OUT, BETWEEN, GOOD = 2, 1, 0
_GOOD_READINGS = 2


class Run(NamedTuple):
    """Consecutive samples of one class: positions, and the moment up to which it stands."""

    code: int
    first: int
    last: int
    stands_until_ms: int
    after_gap: bool
    after_cut: bool


class Firing(NamedTuple):
    """One stretch in which a rule held. `changed_ms` is when its condition began, `end_ms` the first good reading."""

    rule: Rule
    onset_ms: int
    fired_ms: int
    condition: Condition
    changed_ms: int
    end_ms: int | None = None
    cleared_ms: int | None = None
    unseen: bool = False  # over because the judged time ended, with the last sample still outside


class Watch(NamedTuple):
    """What a rule says of a trace: its firings, since when it waits for its hold, and when that expires."""

    firings: tuple[Firing, ...] = ()
    pending_ms: int | None = None
    due_ms: int | None = None


def raised_hold_ms(rule: Rule, interval_ms: int) -> int:
    """The hold in force: one shorter than three intervals cannot be confirmed by readings and is raised."""
    if rule.kind is RuleKind.CONSECUTIVE:
        return max(rule.hold_ms, 3 * interval_ms)
    return rule.hold_ms


def watch(rule: Rule, trace: Trace, interval_ms: int) -> Watch:
    """Apply a rule that judges measured values (instant, consecutive, cumulative, rate) to a trace."""
    if len(trace) == 0:
        return Watch()
    runs = _kept_runs(rule, trace)
    if not runs:
        return Watch()
    counted = rule.counts == "readings"
    hold = -(-rule.hold_ms // interval_ms) if counted else raised_hold_ms(rule, interval_ms)
    return _followed(rule, runs, trace.time_ms, trace.clock_ms, hold)


def follow(rule: Rule, codes: Kinds, time_ms: np.ndarray, kind: Kinds, clock_ms: int, hold: int) -> Watch:
    """Run a rule over classified samples; `codes` holds `OUT`, `BETWEEN` (inside the hysteresis) or `GOOD`.

    `hold` is in milliseconds, or in readings where the rule counts those.
    """
    return _followed(rule, _runs(codes, time_ms, kind, clock_ms), time_ms, clock_ms, hold)


def _followed(rule: Rule, runs: Sequence[Run], time_ms: np.ndarray, clock_ms: int, hold: int) -> Watch:
    follower = _Follower(rule, time_ms, clock_ms, hold)
    for run in runs:
        follower.take(run)
    return follower.watch()


def _kept_runs(rule: Rule, trace: Trace) -> Sequence[Run]:
    """The runs by which a rule judges a trace, none if no sample is out; rules of the same limits share them."""
    limits = (rule.kind is RuleKind.RATE, rule.direction, rule.limit, rule.inclusive, rule.hysteresis, rule.window)
    if limits not in trace.kept:
        codes = _codes(rule, trace)
        trace.kept[limits] = () if codes is None else _runs(codes, trace.time_ms, trace.kind, trace.clock_ms)
    found: Sequence[Run] = trace.kept[limits]
    return found


def at_the_end(said: Watch, trace: Trace) -> Watch:
    """What is left of a watch when the judged time is over: nothing waits any more, and what held has ended."""
    if not trace.over or len(trace) == 0:
        return said
    return Watch(tuple(_ended(firing, int(trace.time_ms[-1])) for firing in said.firings))


def _ended(firing: Firing, last_ms: int) -> Firing:
    if firing.condition is Condition.RETURNED:
        return firing
    if firing.end_ms is not None:  # good readings came, though not for long enough to confirm the return
        last = max(last_ms, firing.end_ms)
        return firing._replace(condition=Condition.RETURNED, changed_ms=last, cleared_ms=last)
    last = max(last_ms, firing.fired_ms)
    return firing._replace(condition=Condition.RETURNED, changed_ms=last, end_ms=last, cleared_ms=last, unseen=True)


def _codes(rule: Rule, trace: Trace) -> Kinds | None:
    """The class of each sample, None where none is out."""
    limit, high = rule.limit or 0, rule.direction is Direction.HIGH
    if rule.kind is RuleKind.RATE:
        values = _rates(rule, trace)
        extreme = int(values.max() if high else values.min())
    else:
        values, extreme = trace.value, trace.highest if high else trace.lowest
    furthest = extreme - limit if high else limit - extreme
    if furthest < 0 or (furthest == 0 and not rule.inclusive):
        return None
    beyond = values - limit if high else limit - values
    out = beyond >= 0 if rule.inclusive else beyond > 0
    # What is out is not good either, so the two add up to the classes: GOOD 0, BETWEEN 1, OUT 2.
    codes: Kinds = out.view(np.int8) + (beyond > -rule.hysteresis if rule.hysteresis else out).view(np.int8)
    return codes


def _rates(rule: Rule, trace: Trace) -> np.ndarray:
    """Milli-degrees per hour against the newest sample at least one window older, within the same known stretch."""
    length = rule.window.length_ms if rule.window else 3_600_000
    earlier = np.searchsorted(trace.time_ms, trace.time_ms - length, side="right") - 1
    breaks = np.concatenate(([0], np.cumsum(trace.kind != 0)))
    usable = (earlier >= 0) & (breaks[np.maximum(earlier, 0)] == breaks)
    span = np.where(usable, trace.time_ms - trace.time_ms[np.maximum(earlier, 0)], 1)
    change = np.where(usable, trace.value - trace.value[np.maximum(earlier, 0)], 0)
    rates: np.ndarray = change * 3_600_000 // np.maximum(span, 1)
    return rates


def _runs(codes: Kinds, time_ms: np.ndarray, kind: Kinds, clock_ms: int) -> list[Run]:
    """The runs from the first sample that is out on: before it nothing can fire, and nothing has to clear."""
    start = int(np.argmax(codes == OUT))
    change = codes[start + 1 :] != codes[start:-1]
    if kind.any():
        broken = start + kind[start:].nonzero()[0]  # few, so that looking at each of them costs little
        change[broken - start] |= (kind[broken] == CUT) | (codes[broken + 1] != OUT)
    first = [start, *(np.flatnonzero(change) + (start + 1)).tolist()]
    last = [*(position - 1 for position in first[1:]), len(codes) - 1]
    found = []
    for a, b in zip(first, last, strict=True):
        until = clock_ms if b + 1 == len(codes) else int(time_ms[b if kind[b] == CUT else b + 1])
        before = int(kind[a - 1]) if a else 0
        found.append(Run(int(codes[a]), a, b, until, before == GAP, before == CUT))
    return found


class _Follower:
    """The state of one rule while it walks along the runs."""

    def __init__(self, rule: Rule, time_ms: np.ndarray, clock_ms: int, hold: int) -> None:
        self._rule = rule
        self._time_ms = time_ms
        self._clock_ms = clock_ms
        self._hold = hold
        self._sum = Accumulation(rule, hold)
        self._readings = 0  # outside so far, of a rule that counts them
        self._done: list[Firing] = []
        self._now: Firing | None = None
        self._good_since: int | None = None
        self._good = 0
        self._pending: int | None = None
        self._due: int | None = None

    def take(self, run: Run) -> None:
        self._pending = self._due = None
        if run.code == OUT:
            self._outside(run)
        elif self._now is not None:
            self._inside(run)
        if run.code == GOOD and self._rule.reset == "on_return":
            self._sum.forget()
            self._readings = 0

    def watch(self) -> Watch:
        firings = tuple(self._done) if self._now is None else (*self._done, self._now)
        return Watch(firings, self._pending, self._due)

    def _outside(self, run: Run) -> None:
        onset = int(self._time_ms[run.first])
        fired = self._fired(run, onset)
        self._good_since, self._good = None, 0
        if self._now is not None:
            if self._now.condition is Condition.RETURNING:
                self._now = self._now._replace(condition=Condition.ACTIVE, changed_ms=onset, end_ms=None)
        elif fired is not None:
            self._now = Firing(self._rule, onset, fired, Condition.ACTIVE, fired)
        elif run.last + 1 == len(self._time_ms):
            self._pending = onset
            self._due = None if self._rule.counts == "readings" else self._due_ms(run, onset)

    def _fired(self, run: Run, onset: int) -> int | None:
        confirming = run.first + self._rule.confirm_readings - 1
        confirmed = int(self._time_ms[confirming]) if confirming <= run.last else None
        if self._rule.counts == "readings":
            reached = self._counted(run)
        elif self._rule.kind is RuleKind.CUMULATIVE:
            reached = self._sum.add(onset, run.stands_until_ms)
        else:
            reached = onset + self._hold if onset + self._hold <= run.stands_until_ms else None
        return None if reached is None or confirmed is None else max(reached, confirmed)

    def _counted(self, run: Run) -> int | None:
        """The reading of this run that is the last one needed; readings are no clock, so silence counts nothing."""
        before = self._readings if self._rule.kind is RuleKind.CUMULATIVE else 0
        self._readings = before + run.last - run.first + 1
        place = run.first + max(self._hold - before, 1) - 1
        return int(self._time_ms[place]) if place <= run.last else None

    def _due_ms(self, run: Run, onset: int) -> int | None:
        if self._rule.kind is RuleKind.CUMULATIVE:
            return self._sum.expected(run.stands_until_ms)
        due = onset + self._hold
        return due if due > self._clock_ms else None

    def _inside(self, run: Run) -> None:
        """Towards the return: two good readings at least, the last one `clear_hold` after the first, without a gap."""
        if run.after_gap or run.after_cut:
            self._good_since, self._good = None, 0
        if run.code != GOOD or self._now is None:
            return
        if self._good_since is None:
            self._good_since = int(self._time_ms[run.first])
            self._now = self._now._replace(
                condition=Condition.RETURNING, changed_ms=self._good_since, end_ms=self._good_since
            )
        stretch = self._time_ms[run.first : run.last + 1]
        enough = int(np.searchsorted(stretch, self._good_since + self._rule.clear_hold_ms))
        clearing = max(enough, _GOOD_READINGS - 1 - self._good)
        self._good += len(stretch)
        if clearing < len(stretch):
            cleared = int(stretch[clearing])
            self._done.append(self._now._replace(condition=Condition.RETURNED, changed_ms=cleared, cleared_ms=cleared))
            self._now, self._good_since, self._good = None, None, 0
