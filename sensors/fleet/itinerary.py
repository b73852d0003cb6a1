"""What a shipment does, hour by hour: driving, flying, sailing, standing; who has custody; what people recorded."""

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sensors.fleet.places import PLACES, SEA_LANES
from sensors.fleet.route import Point, Way, flight, road, sea_lane

HOUR_MS = 3_600_000
# Regulation (EC) 561/2006: 45 minutes' break after 4.5 hours at the wheel, a daily rest after 9.
_DRIVE_MS, _BREAK_MS = int(4.5 * HOUR_MS), 45 * 60_000

Setting = Literal["dock", "vehicle", "ramp", "hold", "ship", "indoors"]
Mode = Literal["road", "air", "sea"]

# Greatest speeds over ground, m/s: what a position may never exceed.
TOP_SPEED_M_S: dict[str, float] = {"road": 33.0, "air": 270.0, "sea": 12.0}
_SPEED_M_S = {"road": 20.5, "air": 222.0, "sea": 9.6}


class Stage(NamedTuple):
    """A part of the trip in one setting; standing if `way` is None."""

    setting: Setting
    mode: Mode | None
    from_ms: int
    to_ms: int
    point: Point
    way: Way | None = None
    start_m: float = 0.0
    end_m: float = 0.0

    @property
    def radio(self) -> bool:
        """Whether a logger can be heard: not from an aircraft's hold nor out at sea."""
        return self.setting not in ("hold", "ship")

    @property
    def sky(self) -> bool:
        """Whether a logger can get a GNSS fix: not inside halls, holds and ships."""
        return self.setting in ("vehicle", "ramp", "dock")

    def at(self, time_ms: int) -> Point:
        """Where the shipment is at a moment of this stage."""
        if self.way is None:
            return self.point
        share = (time_ms - self.from_ms) / max(1, self.to_ms - self.from_ms)
        # Starting and stopping take time: the middle runs a little faster than the ends.
        eased = share - 0.03 * math.sin(2.0 * math.pi * share)
        return self.way.at(self.start_m + eased * (self.end_m - self.start_m))


class Milestone(NamedTuple):
    """Something that the parties planned and recorded: departure | leg | stop | handover | arrival."""

    kind: str
    name: str
    mode: str | None
    custodian: str | None
    latitude: float
    longitude: float
    planned_ms: int
    happened_ms: int


@dataclass
class Itinerary:
    """Stages without a hole between them, and the milestones on the way. Built by appending, read by time."""

    start_ms: int
    custodian: str
    stages: list[Stage] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    _wheel_ms: int = 0

    @property
    def end_ms(self) -> int:
        """When the last stage ends."""
        return self.stages[-1].to_ms if self.stages else self.start_ms

    def stand(self, place: str, setting: Setting, hours: float, *, at: Point | None = None) -> None:
        """Stay somewhere."""
        where = at or Point(PLACES[place].latitude, PLACES[place].longitude)
        start = self.end_ms
        self.stages.append(Stage(setting, None, start, start + int(hours * HOUR_MS), where))

    def drive(self, origin: str, destination: str, *, pace: float = 1.0) -> None:
        """Go by road, with the breaks that drivers must take; `pace` scales the usual 74 km/h on the move."""
        way = road(origin, destination)
        speed = _SPEED_M_S["road"] * pace * (1.0 if way.length_m > 60_000 else 0.5)
        done_m = 0.0
        while done_m < way.length_m - 1.0:
            allowed_ms = _DRIVE_MS - self._wheel_ms
            part_m = min(way.length_m - done_m, speed * allowed_ms / 1000.0)
            start, took_ms = self.end_ms, int(part_m / speed * 1000.0)
            self.stages.append(
                Stage("vehicle", "road", start, start + took_ms, way.at(done_m), way, done_m, done_m + part_m)
            )
            done_m += part_m
            self._wheel_ms += took_ms
            if done_m < way.length_m - 1.0:
                self._rest(way.at(done_m))

    def fly(self, origin: str, destination: str) -> None:
        """Cross by air: block time at 800 km/h plus half an hour."""
        way = flight(origin, destination)
        start, took_ms = self.end_ms, int(way.length_m / _SPEED_M_S["air"] * 1000.0) + HOUR_MS // 2
        self.stages.append(Stage("hold", "air", start, start + took_ms, way.points[0], way, 0.0, way.length_m))

    def sail(self, origin: str, destination: str) -> None:
        """Cross by sea at 35 km/h (19 knots)."""
        way = sea_lane(*((origin, destination) if (origin, destination) in SEA_LANES else (destination, origin)))
        start, took_ms = self.end_ms, int(way.length_m / _SPEED_M_S["sea"] * 1000.0)
        self.stages.append(Stage("ship", "sea", start, start + took_ms, way.points[0], way, 0.0, way.length_m))

    def record(self, kind: str, name: str, *, mode: str | None = None, late_ms: int = 0) -> None:
        """Note a milestone at the present end of the trip; it was planned `late_ms` earlier."""
        where = self.stages[-1].at(self.end_ms) if self.stages else Point(0.0, 0.0)
        self.milestones.append(
            Milestone(
                kind, name, mode, self.custodian, round(where.latitude, 5), round(where.longitude, 5),
                self.end_ms - late_ms, self.end_ms,
            )
        )  # fmt: skip

    def hand_over(self, custodian: str, name: str) -> None:
        """Change the custodian here and record it; a new driver starts rested."""
        self.custodian = custodian
        self._wheel_ms = 0
        self.record("handover", name)

    def stage_at(self, time_ms: int) -> Stage:
        """The stage at a moment; the first or last one outside the trip."""
        index = bisect_right(self.stages, time_ms, key=lambda stage: stage.from_ms) - 1
        return self.stages[max(0, index)]

    def _rest(self, where: Point) -> None:
        self._wheel_ms = 0
        self.stand("", "vehicle", _BREAK_MS / HOUR_MS, at=where)
        self.record("stop", "Driver's break")
