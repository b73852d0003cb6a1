"""When goods were at a place: visits judged on the logger's own positions, with hysteresis. Pure.

A place is entered at its radius and left only half as far again outside it, and both need a second position that says
the same: a receiver that loses its place for a moment neither arrives nor departs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coldchain.domain.shipment import Stage
from coldchain.domain.track import Column
from coldchain.domain.way import Metres

DEFAULT_RADIUS_M = 1000
_LEAVING = 1.5  # times the radius
_EARTH_M = 6_371_008.8
ORIGIN, STOP, DESTINATION = "origin", "stop", "destination"


class Fence(NamedTuple):
    """A place with the circle around it; `kind` says what the place is to the shipment."""

    kind: str  # origin | stop | destination
    name: str
    latitude_e7: int
    longitude_e7: int
    radius_m: float = DEFAULT_RADIUS_M


class Visit(NamedTuple):
    """From the first position inside a place to the first one well outside it; None while the goods are there."""

    fence: Fence
    enter_ms: int
    leave_ms: int | None


class Begun(NamedTuple):
    """A stage that began at a moment, and the place that tells so."""

    stage: Stage
    from_ms: int
    place: str


def visits(time_ms: Column, latitude_e7: Column, longitude_e7: Column, fence: Fence) -> list[Visit]:
    """The visits to one place, from positions in order of time (none is absent)."""
    metres = _away_m(latitude_e7, longitude_e7, fence)
    inside, beyond = metres <= fence.radius_m, metres > _LEAVING * fence.radius_m
    found: list[Visit] = []
    entered: int | None = None
    for here, there in zip(range(len(time_ms) - 1), range(1, len(time_ms)), strict=True):
        if entered is None and inside[here] and not beyond[there]:
            entered = int(time_ms[here])
        elif entered is not None and beyond[here] and beyond[there]:
            found.append(Visit(fence, entered, int(time_ms[here])))
            entered = None
    if entered is not None:
        found.append(Visit(fence, entered, None))
    return found


def stages_by_place(time_ms: Column, latitude_e7: Column, longitude_e7: Column, fences: Sequence[Fence]) -> list[Begun]:
    """The stages that a shipment's positions tell, in order of time.

    At the origin the goods are being loaded until they leave it for the first time; a stop is a hand-over; at the
    destination they have arrived. In between they are in transit. What happened before they were seen at a place is not
    told.
    """
    seen = [visit for fence in fences for visit in visits(time_ms, latitude_e7, longitude_e7, fence)]
    seen.sort(key=lambda visit: visit.enter_ms)
    departed = not any(visit.fence.kind == ORIGIN for visit in seen)
    found: list[Begun] = []
    until: int | None = 0
    for visit in seen:
        stage = _stage_at(visit.fence.kind, departed=departed)
        if stage is None or until is None or visit.enter_ms < until:
            continue
        found.append(Begun(stage, visit.enter_ms, visit.fence.name))
        until = visit.leave_ms
        if until is not None:
            departed = True
            found.append(Begun(Stage.IN_TRANSIT, until, visit.fence.name))
    return found


def _stage_at(kind: str, *, departed: bool) -> Stage | None:
    if kind == ORIGIN:
        return None if departed else Stage.LOADING
    if not departed:
        return None
    return Stage.HANDOVER if kind == STOP else Stage.ARRIVED


def _away_m(latitude_e7: Column, longitude_e7: Column, fence: Fence) -> Metres:
    """Metres over the ground between each position and the middle of a place."""
    latitude, longitude = np.radians(latitude_e7 / 1e7), np.radians(longitude_e7 / 1e7)
    middle_lat, middle_lon = np.radians(fence.latitude_e7 / 1e7), np.radians(fence.longitude_e7 / 1e7)
    north, east = (latitude - middle_lat) / 2, (longitude - middle_lon) / 2
    chord = np.sin(north) ** 2 + np.cos(latitude) * np.cos(middle_lat) * np.sin(east) ** 2
    metres: Metres = 2 * _EARTH_M * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return metres
