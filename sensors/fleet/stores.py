"""The fixed places of storage: their rooms, their working days, and what went wrong there."""

import random
from dataclasses import dataclass
from typing import Literal

from sensors.fleet.active import Compartment
from sensors.fleet.equipment import compartment
from sensors.fleet.itinerary import HOUR_MS, Itinerary
from sensors.fleet.mishaps import Happening
from sensors.fleet.places import PLACES, Place

_DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Room:
    """A store: what it is, what it keeps, how often its door opens on a working day and for how long (seconds)."""

    name: str
    site: str
    kind: Literal["fridge", "freezer", "cold_room", "warehouse_zone"]
    at: str
    product_profile: str
    set_c: float
    openings: int
    open_s: tuple[int, int]
    channels: tuple[str, ...]
    past: tuple[tuple[str, float, float], ...] = ()  # kind, days before the anchor, hours

    @property
    def place(self) -> Place:
        """Where it stands."""
        return PLACES[self.at]

    def chamber(self) -> Compartment:
        """The room at its set point."""
        return compartment(self.kind, set_c=self.set_c)

    def itinerary(self, from_ms: int, to_ms: int) -> Itinerary:
        """A store goes nowhere."""
        trip = Itinerary(from_ms, self.site)
        trip.stand(self.at, "indoors", (to_ms - from_ms) / HOUR_MS)
        return trip

    def happenings(self, seed: int, from_ms: int, to_ms: int, anchor_ms: int) -> list[Happening]:
        """Defrosts, the working days' openings and the past mishaps."""
        found = [*defrosts(self.chamber(), from_ms, to_ms)]
        for day in range(from_ms // _DAY_MS, to_ms // _DAY_MS + 1):
            found += self._working_day(seed, day)
        for kind, days_ago, hours in self.past:
            begins = anchor_ms - int(days_ago * _DAY_MS)
            if begins > from_ms:
                found.append(Happening(kind, begins, begins + int(hours * HOUR_MS)))
        return [h for h in found if h.from_ms > from_ms]

    def live_happenings(self, live_start_ms: int) -> list[Happening]:
        """The door that somebody leaves ajar while the demonstration runs: every five hours, half an hour long."""
        if self.kind not in ("fridge", "cold_room"):
            return []
        first = live_start_ms + (15 if self.kind == "fridge" else 165) * 60_000
        return [Happening("door_left_open", at, at + HOUR_MS // 2) for at in range(first, first + _DAY_MS, 5 * HOUR_MS)]

    def _working_day(self, seed: int, day: int) -> list[Happening]:
        if (day + 4) % 7 in (0, 6):  # 1970-01-01 was a Thursday: 0 is Sunday
            return []
        draw = random.Random(f"{seed}/{self.name}/{day}")  # noqa: S311 - a simulation, not a secret
        opens = day * _DAY_MS + int((7.0 - self.place.longitude / 15.0) * HOUR_MS)
        begins = sorted(opens + int(draw.random() * 10 * HOUR_MS) for _ in range(self.openings))
        return [Happening("door", at_ms, at_ms + draw.randint(*self.open_s) * 1000) for at_ms in begins]


def defrosts(chamber: Compartment, from_ms: int, to_ms: int) -> list[Happening]:
    """The regular defrosts of a unit, by its own timer since it was switched on."""
    every_ms, lasts_ms = int(chamber.design.defrost_every_s * 1000), int(chamber.design.defrost_s * 1000)
    if every_ms <= 0:
        return []
    return [Happening("defrost", at, at + lasts_ms) for at in range(from_ms + every_ms // 2, to_ms, every_ms)]


ROOMS: tuple[Room, ...] = (
    Room("Pharmacy fridge 2", "Klinikum Isar", "fridge", "munich", "refrigerated-2-8", 4.8, 7, (8, 25), ("internal",
        "probe-1"), (("door_left_open", 8.4, 0.6),)),
    Room("Cold room A", "Rheintal Biologics DC", "cold_room", "leverkusen", "refrigerated-2-8", 4.8, 8, (40, 110),
        ("internal", "probe-1"), (("cooling_failure", 16.2, 9.0),)),
    Room("Vaccine freezer 1", "Scheldt Biotech", "freezer", "puurs", "frozen-25-15", -20.5, 2, (6, 14),
        ("internal",)),
    Room("Warehouse zone 3", "Main Pharma DC", "warehouse_zone", "frankfurt", "crt-20-25", 22.2, 5, (60, 240),
        ("internal",)),
    Room("Ambient hall west", "Vistula Generics", "warehouse_zone", "warsaw", "eu-15-25", 20.0, 6, (60, 300),
        ("internal",)),
)  # fmt: skip
