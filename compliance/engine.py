"""The engine: findings of one subject as a pure function of its readings, its facts and the moment `as_of`."""

from itertools import groupby

from coldchain.domain.finding import AlarmCondition, Breach, Excursion, Findings, SeverityBasis
from coldchain.domain.profile import Direction
from coldchain.domain.shipment import Role
from compliance import silence
from compliance.channel import ChannelFindings, judge, measures, silent_logger
from compliance.conditions import conditions, late_after_ms
from compliance.document import document
from compliance.excursions import Outside
from compliance.figures import nearest
from compliance.inputs import Bound, Inputs
from compliance.places import Places
from compliance.severity import overlaps, worst
from compliance.spans import during


def findings(inputs: Inputs, as_of_ms: int) -> Findings:
    """Everything that is found on a subject, from the readings in `inputs` and from `as_of_ms` alone.

    Ids of excursions are made of their content ("logger/channel/direction/onset"); whoever records them gives lasting
    ids. Channels that are bound as ambient or excluded are not judged.
    """
    said, loggers = _judged(inputs, as_of_ms)
    excursions: list[Excursion] = []
    breaches: list[Breach] = []
    alarms: list[AlarmCondition] = []
    for channel in (*said, *loggers):
        found, ids = _excursions(inputs, channel)
        excursions += found
        breaches += _breaches(channel, ids)
        alarms += conditions(inputs.subject, inputs.profile, channel, ids)
    excursions.sort(key=lambda item: (item.onset_sample_ms, item.logger, item.channel, item.direction))
    breaches.sort(key=lambda item: (item.fired_ms, item.logger, item.channel, item.rule))
    return Findings(
        inputs.subject,
        as_of_ms,
        tuple(excursions),
        tuple(breaches),
        tuple(alarms),
        _next_due([*said, *loggers], as_of_ms),
        document(inputs, said, excursions, breaches, as_of_ms),
    )


def channels_of(inputs: Inputs, as_of_ms: int) -> list[ChannelFindings]:
    """What is said of each judged channel, by logger and channel."""
    return _judged(inputs, as_of_ms)[0]


def excursions_of(inputs: Inputs, said: ChannelFindings) -> list[Excursion]:
    """The excursions of one channel in order of onset, with ids made of their content."""
    return _excursions(inputs, said)[0]


def _judged(inputs: Inputs, as_of_ms: int) -> tuple[list[ChannelFindings], list[ChannelFindings]]:
    judged = [bound for bound in inputs.bounds if bound.role is Role.PRODUCT and measures(bound)]
    said: list[ChannelFindings] = []
    loggers: list[ChannelFindings] = []
    for _, group in groupby(sorted(judged, key=lambda b: (b.logger, b.channel)), key=lambda b: b.logger):
        channels, whole = _logger(inputs, list(group), as_of_ms)
        said += channels
        loggers += whole
    return said, loggers


def _logger(inputs: Inputs, bounds: list[Bound], as_of_ms: int) -> tuple[list[ChannelFindings], list[ChannelFindings]]:
    """What is said of each judged channel of a logger, and of the logger as a whole."""
    if not inputs.silence:
        return [judge(inputs, bound, as_of_ms) for bound in bounds], []
    heard = [bound for bound in inputs.bounds if bound.logger == bounds[0].logger and bound not in bounds]
    whole = silence.logger_rows([*bounds, *heard], as_of_ms, inputs.ended_ms)
    asked = whole if len(bounds) > 1 else None
    said = [judge(inputs, bound, as_of_ms, asked) for bound in bounds]
    return said, [silent_logger(inputs, said[0], whole)]


def _excursions(inputs: Inputs, said: ChannelFindings) -> tuple[list[Excursion], dict[tuple[str, int], str]]:
    bound, places = said.bound, Places(said.bound.positions or said.bound.track)
    found: list[Excursion] = []
    ids: dict[tuple[str, int], str] = {}
    for (direction, stretch), basis in zip(said.excursions(), said.bases(), strict=True):
        name = f"{bound.logger}/{bound.channel}/{direction}/{stretch.onset_sample_ms}"
        ids[(direction, stretch.onset_sample_ms)] = name
        found.append(_excursion(inputs, said, direction, stretch, name, places, basis))
    return found, ids


def _excursion(
    inputs: Inputs,
    said: ChannelFindings,
    direction: Direction,
    stretch: Outside,
    name: str,
    places: Places,
    basis: SeverityBasis,
) -> Excursion:
    here, there = places.at(stretch.onset_sample_ms), places.at(stretch.peak_ms)
    recorded = int(said.bound.track.record_time_ms[said.bound.track.time_ms.searchsorted(stretch.onset_sample_ms)])
    return Excursion(
        name,
        said.bound.logger,
        said.bound.channel,
        direction.value,
        stretch.onset_ms,
        stretch.onset_sample_ms,
        stretch.end_ms,
        stretch.duration_ms,
        stretch.duration_upper_ms,
        stretch.peak,
        stretch.peak_ms,
        stretch.area,
        said.profile.label.limit(direction) or 0,
        worst(basis),
        late=recorded - stretch.onset_sample_ms > late_after_ms(said.interval_ms),
        monitoring_ended=stretch.unseen,
        evident_ms=recorded,
        latitude_e7=here[0],
        longitude_e7=here[1],
        peak_latitude_e7=there[0],
        peak_longitude_e7=there[1],
        mean_c=nearest(stretch.mean),
        coverage_pct=stretch.coverage_pct,
        basis=basis,
        custodian=during(inputs.holders, stretch.onset_ms),
        leg=during(inputs.legs, stretch.onset_ms),
    )


def _breaches(said: ChannelFindings, ids: dict[tuple[str, int], str]) -> list[Breach]:
    found = []
    for cause, firing in said.firings():
        linked = [
            ids[(direction, stretch.onset_sample_ms)]
            for direction, stretch in said.excursions()
            if direction == cause and overlaps(firing, stretch) and stretch.onset_ms <= firing.fired_ms
        ]
        found.append(
            Breach(
                firing.rule.id, firing.rule.severity, firing.fired_ms, said.bound.logger, said.bound.channel, cause,
                linked[-1] if linked else None,
            )
        )  # fmt: skip
    return found


def _next_due(said: list[ChannelFindings], as_of_ms: int) -> int | None:
    """The earliest moment at which time alone may change the findings."""
    watches = [watch for channel in said for _, _, watch in channel.watches]
    watches += [watch for channel in said for watch in channel.freezes]
    due = [watch.due_ms for watch in watches if watch.due_ms is not None]
    due += [channel.trace.ends_ms for channel in said if channel.trace.ends_ms is not None]
    for channel in said:
        trace = channel.trace
        if trace.running and len(trace) and trace.unknown_after(int(trace.time_ms[-1])) == 0:
            due.append(int(trace.time_ms[-1]) + 2 * channel.interval_ms + 1)
    return min((moment for moment in due if moment > as_of_ms), default=None)
