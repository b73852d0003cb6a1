"""One channel judged by one product profile: its excursions, what its rules say, and its figures."""

from dataclasses import dataclass, replace

from coldchain.domain.finding import SeverityBasis, SubjectKind
from coldchain.domain.profile import SITE, Direction, ProductProfile, Rule, RuleKind
from coldchain.domain.track import ABSENT
from compliance import figures, silence
from compliance.cadence import Cadence
from compliance.excursions import Outside, outside
from compliance.headroom import headroom_codes
from compliance.inputs import Bound, Inputs, Span
from compliance.mkt_sums import Cumulated
from compliance.rules import Firing, Watch, at_the_end, follow, watch
from compliance.severity import by_matrix, frozen, overlaps
from compliance.spans import trimmed, within
from compliance.suggestion import Suggestion, suggest
from compliance.trace import Trace, Traces, traces_of

CAUSES = ("high", "low", "humidity_high", "humidity_low", "rate", "silence", "sensor_fault")


@dataclass(frozen=True, slots=True, eq=False)
class ChannelFindings:
    """All that is said of one channel; `watches` pairs each cause with what one rule says."""

    bound: Bound
    profile: ProductProfile
    trace: Trace
    humidity: Trace
    interval_ms: int
    interval_source: str
    above: list[Outside]
    below: list[Outside]
    watches: list[tuple[str, Rule, Watch]]
    temperature: figures.TimeInRange
    mkt: figures.MktFigures
    budget: tuple[figures.BandUse, ...]
    suggestion: Suggestion
    notes: tuple[str, ...]
    freezes: tuple[Watch, ...] = ()
    lasting: bool = True  # time outside adds up over its excursions: not for a store, whose time has no end

    def excursions(self) -> list[tuple[Direction, Outside]]:
        """Both sides in order of onset."""
        both = [(Direction.HIGH, stretch) for stretch in self.above] + [(Direction.LOW, s) for s in self.below]
        return sorted(both, key=lambda item: (item[1].onset_sample_ms, item[0]))

    def bases(self) -> list[SeverityBasis]:
        """What the severity of each of `excursions()` rests on, in their order."""
        summed = {Direction.HIGH: 0, Direction.LOW: 0}
        found = []
        for direction, stretch in self.excursions():
            before = summed[direction] if self.lasting else 0
            summed[direction] = before + stretch.duration_ms
            found.append(self._basis(direction, stretch, summed[direction]))
        return found

    def _basis(self, direction: Direction, stretch: Outside, outside_ms: int) -> SeverityBasis:
        fired = [
            firing.rule.severity for cause, firing in self.firings() if cause == direction and overlaps(firing, stretch)
        ]
        froze = [
            firing.rule.severity
            for said in self.freezes
            for firing in said.firings
            if direction is Direction.LOW and overlaps(firing, stretch)
        ]
        matrix = by_matrix(self.profile, direction, stretch.peak, outside_ms)
        return SeverityBasis(max(fired, default=None), matrix, max(froze, default=None), outside_ms)

    def firings(self) -> list[tuple[str, Firing]]:
        """Every firing with its cause."""
        return [(cause, firing) for cause, _, said in self.watches for firing in said.firings]


def judge(inputs: Inputs, bound: Bound, as_of_ms: int, whole: tuple[Trace, Cadence] | None = None) -> ChannelFindings:
    """Judge one bound channel as of a moment.

    `whole` says when its logger sent anything at all, and how often it does: silence of all its channels is the
    logger's, not theirs. None for a channel that is not asked about silence.
    """
    profile, track = inputs.profile, bound.track
    cadence = silence.cadence_of(bound)
    interval = cadence.newest_ms
    source = bound.interval_source if bound.interval_ms else "estimated"

    trace, humidity, rows = traces_of(bound, bound.judged, cadence, as_of_ms, inputs.ended_ms)

    def seen(rule: Rule) -> Traces | None:
        watched = _watched(rule, inputs, bound, rows)
        return None if watched is None else traces_of(bound, watched, cadence, as_of_ms, inputs.ended_ms)

    label = profile.label
    above = [] if label.high_mc is None else outside(trace, label.high_mc, high=True)
    below = [] if label.low_mc is None else outside(trace, label.low_mc, high=False)
    temperature = figures.time_in_range(trace, above, below)
    sums = figures.window_sums(profile, trace)
    mkt = figures.mkt_figures(profile, trace, above, sums)
    budget = figures.budget_use(profile, trace)
    watches = [
        (cause, rule, at_the_end(said, part.humidity if rule.quantity == "humidity" else part.temperature))
        for rule in _expanded(profile, inputs.zone)
        for own in [seen(rule)]
        for part in [own or Traces(trace, humidity, rows)]
        for cause, said in _apply(rule, profile, part, interval, sums if own is None else None)
    ]
    if whole is not None:
        watches += _silences(inputs, bound, rows, silence.reporting(track, cadence), whole)
    watches.append(("sensor_fault", silence.FAULT_RULE, at_the_end(silence.sensor_fault(track, rows), rows)))
    return ChannelFindings(
        bound, profile, trace, humidity, interval, source, above, below, watches, temperature, mkt, budget,
        suggest(profile, temperature, above, below, mkt, budget), _notes(profile, interval), frozen(profile, trace),
        inputs.subject.kind is not SubjectKind.STORE,
    )  # fmt: skip


def _watched(rule: Rule, inputs: Inputs, bound: Bound, rows: Trace) -> tuple[Span, ...] | None:
    """The stretches in which a rule watches; None where that is all of the judged time."""
    if not (rule.stages or rule.ignore_start_ms or rule.ignore_end_ms):
        return None
    spans = within(bound.judged, inputs.stages, rule.stages)
    if len(rows) == 0:
        return spans
    first, last = int(rows.time_ms[0]), int(rows.time_ms[-1])
    began = rule.ignore_start_ms and bound.judged[0].start_ms > inputs.since_ms
    start = first + rule.ignore_start_ms if began else bound.judged[0].start_ms
    end = bound.judged[-1].end_ms
    if end is None and inputs.ended_ms is not None:
        end = max(inputs.ended_ms, last) + 1
    return trimmed(spans, start, end - rule.ignore_end_ms if end is not None and rule.ignore_end_ms else None)


def silent_logger(inputs: Inputs, said: ChannelFindings, whole: tuple[Trace, Cadence]) -> ChannelFindings:
    """What is said of a logger that sends nothing at all, in the form of a channel without a name."""
    bound = replace(said.bound, track=replace(said.bound.track, channel=silence.WHOLE))
    return replace(said, bound=bound, above=[], below=[], watches=_silences(inputs, bound, *whole, None))


def _silences(
    inputs: Inputs, bound: Bound, rows: Trace, every: Cadence, whole: tuple[Trace, Cadence] | None
) -> list[tuple[str, Rule, Watch]]:
    found = []
    for rule in inputs.profile.rules:
        if rule.kind is RuleKind.NO_DATA and bound.judged:
            others = () if whole is None else silence.gaps(whole[0], bound.judged, whole[1], rule.factor)
            aside = silence.joined([*others, *_other_stages(inputs, rule)])
            said = silence.silence(rule, rows, bound.judged, every, inputs.quiet, aside)
            found.append(("silence", rule, said))
    return found


def _other_stages(inputs: Inputs, rule: Rule) -> list[Span]:
    """The stretches in which a rule does not watch because the goods are in another stage."""
    return [span for name, span in inputs.stages if rule.stages and name not in rule.stages]


def _apply(
    rule: Rule, profile: ProductProfile, seen: Traces, interval: int, sums: Cumulated | None
) -> list[tuple[str, Watch]]:
    trace = seen.temperature
    if rule.kind is RuleKind.NO_DATA:
        return []
    if rule.kind is RuleKind.MKT_HEADROOM_BELOW:
        sums = figures.window_sums(profile, trace) if sums is None else sums
        if sums is None:
            return []
        codes = headroom_codes(rule, profile, trace, sums)
        return [] if codes is None else [("high", follow(rule, codes, trace.time_ms, trace.kind, trace.clock_ms, 0))]
    if rule.quantity == "humidity":
        return [(f"humidity_{rule.direction}", watch(rule, seen.humidity, interval))]
    cause = "rate" if rule.kind is RuleKind.RATE else str(rule.direction)
    return [(cause, watch(rule, trace, interval))]


def _expanded(profile: ProductProfile, zone: str) -> list[Rule]:
    """The rules as they are applied: the site's zone by its name, a cumulative rule for each band of a budget rule."""
    found: list[Rule] = []
    for rule in (_placed(rule, zone) for rule in profile.rules):
        if rule.kind is not RuleKind.BUDGET_BELOW:
            found.append(rule)
            continue
        for band in profile.budget:
            if band.allowed_ms is not None:
                side, limit = figures.band_side(profile, band)
                spent = int(band.allowed_ms * (100 - rule.below) / 100)
                found.append(_cumulative(rule, side, limit, spent))
    return found


def _placed(rule: Rule, zone: str) -> Rule:
    if rule.window is None or rule.window.zone != SITE:
        return rule
    return replace(rule, window=replace(rule.window, zone=zone))


def _cumulative(rule: Rule, side: Direction, limit: int, hold_ms: int) -> Rule:
    return Rule(
        rule.id, RuleKind.CUMULATIVE, rule.severity, direction=side, limit=limit, hold_ms=hold_ms,
        hysteresis=rule.hysteresis, clear_hold_ms=rule.clear_hold_ms, stages=rule.stages,
    )  # fmt: skip


def _notes(profile: ProductProfile, interval: int) -> tuple[str, ...]:
    raised = [
        rule.id
        for rule in profile.rules
        if rule.kind is RuleKind.CONSECUTIVE and rule.counts == "time" and rule.hold_ms < 3 * interval
    ]
    if not raised:
        return ()
    return (f"the hold of {', '.join(raised)} was raised to three intervals ({3 * interval / 60_000:g} min)",)


def measures(bound: Bound) -> bool:
    """Whether a channel measures temperature, or has said nothing at all so far."""
    return len(bound.track) == 0 or int(bound.track.temperature_mc.max()) != ABSENT  # nothing is smaller
