"""From facts on record to the engine's inputs: which channels stand for a subject, when, and which count."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.profile import DAY_MS, ProductProfile
from coldchain.domain.shipment import FactKind, Role, ShipmentState, Stage
from coldchain.domain.track import ABSENT, Track
from coldchain.registry import facts, profiles, stages
from coldchain.registry.facts import Fact
from coldchain.registry.schema import milestone, shipment, store
from coldchain.registry.shipment_past import as_known
from coldchain.telemetry.port import History
from compliance.inputs import Bound, Inputs, Span
from compliance.journey import holders_of, legs_of
from compliance.spans import without

STORE_DAYS = 31  # a store is judged for ever; what lies further back is settled
FUTURE_MS = 10 * 60_000  # readings may be stamped a little ahead of us
NO_CHANNEL = "internal"  # of a logger that was never heard
_POSITIONS = "device"  # the channel of positions and states that belong to no measurement


@dataclass(frozen=True, slots=True)
class Case:
    """A subject with everything on record about it; readings are still missing."""

    subject: Subject
    profile: ProductProfile
    facts: tuple[Fact, ...]
    intervals: dict[str, list[Fact]] = field(default_factory=dict)  # by logger, in the order in which they hold
    silence: bool = True
    settled: bool = False  # arrived or closed: findings go into a digest
    ended_ms: int | None = None
    closed_ms: int | None = None
    since_ms: int = 0  # nothing before is judged again
    zone: str = "UTC"  # of the site
    holders: tuple[tuple[str, Span], ...] = ()
    legs: tuple[tuple[str, Span], ...] = ()

    @property
    def stated_ms(self) -> dict[str, int]:
        """By logger: when the newest of the facts that bind it here and say what it is judged by was recorded."""
        profile = max((item.recorded_ms for item in self.facts if item.kind is FactKind.PROFILE), default=0)
        found: dict[str, int] = {}
        for item in self.facts:
            if item.kind is FactKind.BINDING and item.logger is not None:
                found[item.logger] = max(profile, item.recorded_ms, found.get(item.logger, 0))
        return found


def cases_of(
    connection: Connection, subjects: Sequence[Subject], now_ms: int, known_ms: int | None = None
) -> list[Case]:
    """What is on record about subjects now, or was at `known_ms`; one without a product profile is left out."""
    known: dict[Subject, list[Fact]] = {}
    for item in facts.known(connection, subjects=subjects, at_ms=known_ms):
        if item.subject is not None:
            known.setdefault(item.subject, []).append(item)
    loggers = {item.logger for held in known.values() for item in held if item.logger is not None}
    intervals: dict[str, list[Fact]] = {}
    for item in facts.known(connection, loggers=loggers, kinds=[FactKind.INTERVAL], at_ms=known_ms):
        if item.logger is not None:
            intervals.setdefault(item.logger, []).append(item)
    places = _Places.of(connection, [subject.id for subject in subjects], known_ms)
    found: list[Case] = []
    read: dict[tuple[str, int], ProductProfile] = {}
    for subject in subjects:
        assigned = [item.body for item in known.get(subject, []) if item.kind is FactKind.PROFILE]
        if assigned:
            version = (assigned[-1]["id"], assigned[-1]["version"])
            if version not in read:
                read[version] = profiles.judged_by(connection, *version)
            case = Case(subject, read[version], tuple(known[subject]), intervals)
            found.append(_placed(case, places, now_ms))
    return found


@dataclass(frozen=True, slots=True)
class _Places:
    """What is on record about subjects beside their facts, by their ids."""

    shipments: dict[str, dict[str, Any]]
    zones: dict[str, str]  # of stores
    milestones: dict[str, list[Any]]  # what happened to shipments, in order of time

    @classmethod
    def of(cls, connection: Connection, ids: Sequence[str], known_ms: int | None) -> "_Places":
        rows = connection.execute(select(shipment).where(shipment.c.id.in_(ids))).mappings()
        shipments = {
            row["id"]: dict(row) if known_ms is None else as_known(connection, dict(row), known_ms) for row in rows
        }
        zones = dict(connection.execute(select(store.c.id, store.c.zone).where(store.c.id.in_(ids))).all())
        happened = select(milestone).where(milestone.c.shipment.in_(ids), milestone.c.happened_ms.is_not(None))
        if known_ms is not None:
            happened = happened.where(milestone.c.recorded_ms <= known_ms)
        milestones: dict[str, list[Any]] = {}
        for row in connection.execute(happened.order_by(milestone.c.happened_ms, milestone.c.id)):
            milestones.setdefault(row.shipment, []).append(row)
        return cls({id_: row for id_, row in shipments.items() if row is not None}, zones, milestones)


def _placed(case: Case, places: _Places, now_ms: int) -> Case:
    """The case with what its shipment's state means for it; a store is judged over its last days only."""
    name = case.subject.id
    if case.subject.kind is not SubjectKind.SHIPMENT:
        since = (now_ms - STORE_DAYS * DAY_MS) // DAY_MS * DAY_MS
        return replace(case, since_ms=since, zone=places.zones.get(name, "UTC"))
    row = places.shipments.get(name)
    if row is None:
        return case
    happened = places.milestones.get(name, [])
    case = replace(
        case,
        zone=(row["origin"] or {}).get("zone") or "UTC",
        holders=holders_of(happened),
        legs=legs_of(happened),
    )
    if row["state"] not in (ShipmentState.ARRIVED, ShipmentState.CLOSED):
        return case
    closed = row["closed_ms"] if row["state"] == ShipmentState.CLOSED else None
    return replace(
        case, silence=False, settled=True, ended_ms=row["arrived_ms"] or row["closed_ms"] or now_ms, closed_ms=closed
    )


def inputs_of(case: Case, history: History, through: int, now_ms: int) -> Inputs:
    """The engine's inputs: the readings with offset ≤ `through` inside the binding intervals."""
    bounds: list[Bound] = []
    stages = _stages(case.facts)
    excluded = _excluded(case, stages)
    for (logger, role), bindings in _grouped(case).items():
        spans = [_span(case, item) for item in bindings]
        wanted = None if any(item.body["channels"] is None for item in bindings) else _named(bindings)
        known = history.channels(logger)
        tracks = {
            channel: _track(history, logger, channel, spans, through, now_ms)
            for channel in known
            if channel == _POSITIONS or wanted is None or channel in wanted
        }
        measuring = [channel for channel in tracks if channel != _POSITIONS]
        if not measuring:
            measuring = sorted(wanted or {NO_CHANNEL})
            tracks |= {channel: Track.of(logger, channel, []) for channel in measuring}
        places = _positions(tracks)
        judged = without(spans, excluded)
        intervals = case.intervals.get(logger, [])
        cadence = tuple((item.valid_from_ms, int(item.body["interval_ms"])) for item in intervals)
        bounds += [
            Bound(
                tracks[channel],
                tuple(judged),
                Role(role),
                cadence[-1][1] if cadence else None,
                str(intervals[-1].body["source"]) if intervals else "declared",
                cadence if len(cadence) > 1 else (),
                places,
            )
            for channel in measuring
        ]
    return Inputs(
        case.subject, case.profile, tuple(bounds), case.silence, case.ended_ms, stages, _quiet(case), case.zone,
        case.since_ms, case.holders, case.legs,
    )  # fmt: skip


def _grouped(case: Case) -> dict[tuple[str, str], list[Fact]]:
    groups: dict[tuple[str, str], list[Fact]] = {}
    for item in case.facts:
        if item.kind is FactKind.BINDING and item.logger is not None:
            groups.setdefault((item.logger, item.body["role"]), []).append(item)
    return groups


def _named(bindings: Sequence[Fact]) -> set[str]:
    return {channel for item in bindings for channel in item.body["channels"]}


def _span(case: Case, binding: Fact) -> Span:
    ends = [end for end in (binding.valid_to_ms, case.closed_ms) if end is not None]
    start = max(binding.valid_from_ms, case.since_ms)
    return Span(start, max(min(ends), start) if ends else None)


def _track(history: History, logger: str, channel: str, spans: Sequence[Span], through: int, now_ms: int) -> Track:
    parts = [
        history.track_through(logger, channel, start, now_ms + FUTURE_MS if end is None else end, through)
        for start, end in sorted(spans)
    ]
    return parts[0] if len(parts) == 1 else _joined(logger, channel, parts)


def _joined(logger: str, channel: str, parts: Sequence[Track]) -> Track:
    """Tracks of several intervals as one; where two intervals overlap, each reading stands once."""
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in (
            "time_ms", "temperature_mc", "humidity_mpct", "latitude_e7", "longitude_e7", "offset", "record_time_ms",
        )
    }  # fmt: skip
    _, first = np.unique(columns["offset"], return_index=True)
    order = first[np.lexsort((columns["temperature_mc"][first], columns["offset"][first], columns["time_ms"][first]))]
    return Track(logger, channel, **{name: column[order] for name, column in columns.items()})


def _positions(tracks: dict[str, Track]) -> Track | None:
    placed = {name: int((track.latitude_e7 != ABSENT).sum()) for name, track in tracks.items()}
    best = max(placed, key=lambda name: (placed[name], name), default=None)
    return None if best is None or placed[best] == 0 else tracks[best]


def _stages(facts: Sequence[Fact]) -> tuple[tuple[str, Span], ...]:
    """The stages on record in order of time; one without an end lasts until the next one begins."""
    return tuple((one.stage.value, Span(one.from_ms, one.to_ms)) for one in stages.held(facts))


def _not_judged(stages: Sequence[tuple[str, Span]]) -> list[Span]:
    """The stretches of stages whose readings are shown and exported but not judged."""
    return [span for name, span in stages if not Stage(name).judged]


def _excluded(case: Case, stages: Sequence[tuple[str, Span]]) -> list[Span]:
    """Stretches that are shown and exported but not judged: stages that do not count, and exclusions by a person."""
    by_hand = [Span(item.valid_from_ms, item.valid_to_ms) for item in case.facts if item.kind is FactKind.EXCLUSION]
    return [*by_hand, *_not_judged(stages)]


def _quiet(case: Case) -> tuple[Span, ...]:
    """The planned stretches from which no logger can be heard: flights and sea legs."""
    stages = [item for item in case.facts if item.kind is FactKind.STAGE and item.body.get("radio_silent")]
    return tuple(sorted(Span(item.valid_from_ms, item.valid_to_ms) for item in stages if item.valid_to_ms is not None))
