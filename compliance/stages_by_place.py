"""Writes down the stages that positions tell, inside the engine's transaction; the shipment is then judged again.

A person's word comes first: no stage begins by position inside a stretch that somebody set or planned, and one that a
person took back does not return. What late positions refute is withdrawn, never edited.
"""

from typing import Any

from sqlalchemy import Connection, Text, cast, select

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.shipment import FactKind, Role
from coldchain.domain.track import ABSENT, Track
from coldchain.registry import facts, stages
from coldchain.registry.places import degrees_e7
from coldchain.registry.schema import audit, fact, milestone, shipment
from coldchain.registry.stages import GEOFENCE, Held
from compliance.geofence import DEFAULT_RADIUS_M, DESTINATION, ORIGIN, STOP, Begun, Fence, stages_by_place
from compliance.inputs import Inputs
from compliance.subjects import Case

WHO = "engine"
_STOPS = ("stop", "handover")


def note_stages(connection: Connection, case: Case, inputs: Inputs, now_ms: int) -> None:
    """Bring the stages that positions tell of a shipment up to date; nothing of a closed one or of a store."""
    if case.subject.kind is not SubjectKind.SHIPMENT or case.closed_ms is not None:
        return
    track = _own_positions(inputs)
    fences = [] if track is None else _fences(connection, case.subject.id)
    if track is None or not fences:
        return
    known = track.latitude_e7 != ABSENT
    told = stages_by_place(track.time_ms[known], track.latitude_e7[known], track.longitude_e7[known], fences)
    # As they are now: a person may have spoken since the case was read.
    on_record = stages.held(facts.known(connection, subject=case.subject, kinds=[FactKind.STAGE]))
    by_place = {_key_of(one): one for one in on_record if one.source == GEOFENCE}
    wanted = {_key(one): one for one in told if not _spoken_for(one, on_record)}
    for key, standing in by_place.items():
        if key not in wanted:
            reason = "positions or words that came later say otherwise"
            facts.withdraw(connection, standing.fact.id, who=WHO, reason=reason, now_ms=now_ms)
    fresh = [one for key, one in wanted.items() if key not in by_place]
    taken_back = _taken_back(connection, case.subject) if fresh else set()
    for one in fresh:
        if _key(one) not in taken_back:
            _add(connection, case.subject, one, now_ms)


def _add(connection: Connection, subject: Subject, begun: Begun, now_ms: int) -> None:
    there = "left" if begun.stage.value == "in_transit" else "at"
    facts.add(
        connection, kind=FactKind.STAGE,
        body={"stage": begun.stage.value, "source": GEOFENCE, "place": begun.place},
        valid_from_ms=begun.from_ms, subject=subject, who=WHO, now_ms=now_ms,
        reason=f"{there} {begun.place}, by the logger's position",
    )  # fmt: skip


def _own_positions(inputs: Inputs) -> Track | None:
    """The track with the most positions among the loggers that travel with the goods."""
    tracks = [
        track
        for bound in inputs.bounds
        if bound.role is not Role.EXCLUDED
        for track in (bound.positions or bound.track,)
    ]
    placed = [(int((track.latitude_e7 != ABSENT).sum()), track.logger, track) for track in tracks]
    most = max(placed, key=lambda one: one[:2], default=None)
    return most[2] if most is not None and most[0] > 1 else None


def _fences(connection: Connection, shipment_id: str) -> list[Fence]:
    """The places of a shipment that have coordinates: where it leaves from, stops and hand-overs, where it goes."""
    row = connection.execute(
        select(shipment.c.origin, shipment.c.destination).where(shipment.c.id == shipment_id)
    ).one_or_none()
    if row is None:
        return []
    stops = select(milestone).where(milestone.c.shipment == shipment_id, milestone.c.kind.in_(_STOPS))
    found = [_fence(ORIGIN, row.origin)]
    found += [
        Fence(STOP, one.name, one.latitude_e7, one.longitude_e7)
        for one in connection.execute(stops.order_by(milestone.c.id))
        if one.latitude_e7 is not None and one.longitude_e7 is not None
    ]
    found.append(_fence(DESTINATION, row.destination))
    return [fence for fence in found if fence is not None]


def _fence(kind: str, place: dict[str, Any] | None) -> Fence | None:
    latitude, longitude = (degrees_e7((place or {}).get(name)) for name in ("latitude", "longitude"))
    if place is None or latitude is None or longitude is None:
        return None
    return Fence(kind, place["name"], latitude, longitude, place.get("radius_m", DEFAULT_RADIUS_M))


def _spoken_for(begun: Begun, on_record: list[Held]) -> bool:
    """Whether somebody set or planned what happens at that moment."""
    return any(
        one.source != GEOFENCE
        and one.from_ms <= begun.from_ms
        and one.fact.valid_to_ms is not None
        and begun.from_ms < one.fact.valid_to_ms
        for one in on_record
    )


def _taken_back(connection: Connection, subject: Subject) -> set[tuple[str, int, str]]:
    """What positions told and a person took back."""
    ended = select(audit.c.object_id).where(audit.c.action == "fact.stage.superseded", audit.c.who != WHO)
    query = select(fact.c.body, fact.c.valid_from_ms).where(
        fact.c.subject_kind == subject.kind.value, fact.c.subject_id == subject.id,
        fact.c.kind == FactKind.STAGE.value, fact.c.superseded_ms.is_not(None), cast(fact.c.id, Text).in_(ended),
    )  # fmt: skip
    rows = [row for row in connection.execute(query) if row.body.get("source") == GEOFENCE]
    return {(row.body["stage"], row.valid_from_ms, row.body["place"]) for row in rows}


def _key(begun: Begun) -> tuple[str, int, str]:
    return begun.stage.value, begun.from_ms, begun.place


def _key_of(one: Held) -> tuple[str, int, str]:
    return one.stage.value, one.from_ms, str(one.fact.body.get("place"))
