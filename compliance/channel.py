"""One channel judged by one product profile: its excursions, what its rules say, and its figures."""

from dataclasses import dataclass, replace

from coldchain.domain.finding import Severity
from coldchain.domain.profile import Direction, ProductProfile, Rule, RuleKind
from coldchain.domain.track import ABSENT
from compliance import figures, silence
from compliance.cadence import Cadence
from compliance.excursions import Outside, outside
from compliance.headroom import headroom_codes
from compliance.inputs import Bound, Inputs, Span
from compliance.mkt_windows import Cumulated
from compliance.rules import Firing, Watch, at_the_end, follow, watch
from compliance.spans import within
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

    def excursions(self) -> list[tuple[Direction, Outside]]:
        """Both sides in order of onset."""
        both = [(Direction.HIGH, stretch) for stretch in self.above] + [(Direction.LOW, s) for s in self.below]
        return sorted(both, key=lambda item: (item[1].onset_sample_ms, item[0]))

    def severity(self, direction: Direction, stretch: Outside) -> Severity:
        """The worst rule that fired on an excursion; `INFO` when none did."""
        fired = [firing.rule.severity for cause, firing in self.firings() if cause == direction and on(firing, stretch)]
        return max(fired, default=Severity.INFO)

    def firings(self) -> list[tuple[str, Firing]]:
        """Every firing with its cause."""
        return [(cause, firing) for cause, _, said in self.watches for firing in said.firings]


def on(firing: Firing, stretch: Outside) -> bool:
    """Whether a firing and an excursion overlap in time."""
    starts_before = stretch.end_ms is None or firing.onset_ms <= stretch.end_ms
    return starts_before and (firing.end_ms is None or firing.end_ms >= stretch.onset_ms)


def judge(inputs: Inputs, bound: Bound, as_of_ms: int, whole: tuple[Trace, Cadence] | None = None) -> ChannelFindings:
    """Judge one bound channel as of a moment.

    `whole` says when its logger sent anything at all, and how often it does: silence of all its channels is the
    logger's, not theirs. None for a channel that is not asked about silence.
    """
    profile, track = inputs.profile, bound.track
    cadence = silence.cadence_of(bound)
    interval = cadence.newest_ms
    source = bound.interval_source if bound.interval_ms else "estimated"

    def traced(stages: tuple[str, ...] = ()) -> Traces:
        return traces_of(bound, within(bound.judged, inputs.stages, stages), cadence, as_of_ms, inputs.ended_ms)

    trace, humidity, rows = traced()
    label = profile.label
    above = [] if label.high_mc is None else outside(trace, label.high_mc, high=True)
    below = [] if label.low_mc is None else outside(trace, label.low_mc, high=False)
    temperature = figures.time_in_range(trace, above, below)
    sums = figures.window_sums(profile, trace)
    mkt = figures.mkt_figures(profile, trace, above, sums)
    budget = figures.budget_use(profile, trace)
    watches = [
        (cause, rule, at_the_end(said, seen.humidity if rule.quantity == "humidity" else seen.temperature))
        for rule in _expanded(profile)
        for seen in [traced(rule.stages) if rule.stages else Traces(trace, humidity, rows)]
        for cause, said in _apply(rule, profile, seen, interval, None if rule.stages else sums)
    ]
    if whole is not None:
        watches += _silences(inputs, bound, rows, silence.reporting(track, cadence), whole)
    watches.append(("sensor_fault", silence.FAULT_RULE, at_the_end(silence.sensor_fault(track, rows), rows)))
    return ChannelFindings(
        bound, profile, trace, humidity, interval, source, above, below, watches, temperature, mkt, budget,
        suggest(profile, temperature, above, below, mkt, budget), _notes(profile, interval),
    )  # fmt: skip


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
        sums = figures.window_sums(profile, trace) if rule.stages else sums
        if sums is None:
            return []
        codes = headroom_codes(rule, profile, trace, sums)
        return [] if codes is None else [("high", follow(rule, codes, trace.time_ms, trace.kind, trace.clock_ms, 0))]
    if rule.quantity == "humidity":
        return [(f"humidity_{rule.direction}", watch(rule, seen.humidity, interval))]
    cause = "rate" if rule.kind is RuleKind.RATE else str(rule.direction)
    return [(cause, watch(rule, trace, interval))]


def _expanded(profile: ProductProfile) -> list[Rule]:
    """The rules with `budget_below` written out: a cumulative rule for each band that has a limit."""
    found: list[Rule] = []
    for rule in profile.rules:
        if rule.kind is not RuleKind.BUDGET_BELOW:
            found.append(rule)
            continue
        for band in profile.budget:
            if band.allowed_ms is not None:
                side, limit = figures.band_side(profile, band)
                spent = int(band.allowed_ms * (100 - rule.below) / 100)
                found.append(_cumulative(rule, side, limit, spent))
    return found


def _cumulative(rule: Rule, side: Direction, limit: int, hold_ms: int) -> Rule:
    return Rule(
        rule.id, RuleKind.CUMULATIVE, rule.severity, direction=side, limit=limit, hold_ms=hold_ms,
        hysteresis=rule.hysteresis, clear_hold_ms=rule.clear_hold_ms, stages=rule.stages,
    )  # fmt: skip


def _notes(profile: ProductProfile, interval: int) -> tuple[str, ...]:
    raised = [rule.id for rule in profile.rules if rule.kind is RuleKind.CONSECUTIVE and rule.hold_ms < 3 * interval]
    if not raised:
        return ()
    return (f"the hold of {', '.join(raised)} was raised to three intervals ({3 * interval / 60_000:g} min)",)


def measures(bound: Bound) -> bool:
    """Whether a channel measures temperature, or has said nothing at all so far."""
    return len(bound.track) == 0 or bool((bound.track.temperature_mc != ABSENT).any())
