"""What the fleet is, in plain values: shipments, stores and loggers as a registry would record them."""

from dataclasses import dataclass
from typing import Any, Literal

from sensors.fleet.itinerary import Milestone
from sensors.fleet.places import Place

State = Literal["planned", "in_transit", "arrived", "closed"]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of goods: lot number and GTIN-14 with a valid check digit."""

    batch: str
    gtin: str


@dataclass(frozen=True, slots=True)
class Binding:
    """A logger on a shipment or in a store. `channels` None = all; `to_ms` None = still there."""

    logger: str
    channels: tuple[str, ...] | None
    role: Literal["product", "ambient", "excluded"]
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class StageOfTrip:
    """A part of a trip for the rules on silence: `radio_silent` = nothing can be heard from there."""

    stage: str  # loading | road | air | sea | hub
    from_ms: int
    to_ms: int
    radio_silent: bool


@dataclass(frozen=True, slots=True)
class ShipmentPlan:
    """A shipment with everything that its parties know; all times are of the simulated world, ms UTC."""

    reference: str
    product: str
    product_profile: str
    customer: str
    consignor: str
    consignee: str
    carrier: str
    origin: Place
    destination: Place
    lane: str
    batches: tuple[Batch, ...]
    milestones: tuple[Milestone, ...]
    stages: tuple[StageOfTrip, ...]
    bindings: tuple[Binding, ...]
    planned_departure_ms: int
    planned_arrival_ms: int
    departed_ms: int
    arrived_ms: int
    closed_ms: int

    def state_at(self, time_ms: int) -> State:
        """The shipment's state at a moment."""
        if time_ms < self.departed_ms:
            return "planned"
        if time_ms < self.arrived_ms:
            return "in_transit"
        return "arrived" if time_ms < self.closed_ms else "closed"


@dataclass(frozen=True, slots=True)
class StorePlan:
    """A fixed place of storage."""

    name: str
    site: str
    kind: Literal["fridge", "freezer", "cold_room", "warehouse_zone"]
    place: Place
    product_profile: str
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class LoggerPlan:
    """A registered logger with its certificate of calibration (yearly, ISO/IEC 17025)."""

    id: str
    model: str
    serial: str
    channels: tuple[str, ...]
    interval_s: int
    report_s: int
    certificate: str
    laboratory: str
    calibrated_ms: int
    due_ms: int
    calibration: dict[str, Any]


def gtin14(body: int) -> str:
    """The GTIN-14 of a 13-digit number: GS1 check digit, weights 3 and 1 from the left."""
    digits = f"{body:013d}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"
