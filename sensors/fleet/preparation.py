"""From a trip to its loggers' journeys: packaging, ordinary happenings, loggers on board, and the registry's view."""

import random
from datetime import UTC, datetime

from sensors.fleet.active import Compartment
from sensors.fleet.describe import Batch, Binding, ShipmentPlan, StageOfTrip, gtin14
from sensors.fleet.device import Model
from sensors.fleet.equipment import compartment, parcel
from sensors.fleet.itinerary import HOUR_MS, Itinerary
from sensors.fleet.journey import Cadence, Setup
from sensors.fleet.mishaps import Happening
from sensors.fleet.models import DRY_ICE, PARCEL, SEA, SECOND, TRUCK, Stock
from sensors.fleet.passive import PassiveBox
from sensors.fleet.places import PLACES
from sensors.fleet.scenario import Trip
from sensors.fleet.stores import defrosts
from sensors.fleet.truth import LABEL_RANGES

# A demonstration samples faster than any real shipment pays for: the live shipment every 10 s, others twice a minute.
LIVE_MS = 10_000
FAST_MS = 30_000

BATCH_MS = 20 * 24 * HOUR_MS  # for so long a product's batches are on sale before the next ones
_LETTERS = "ABCDEFHK"

_SET_C = {"frozen-25-15": -20.0, "crt-20-25": 22.5, "eu-15-25": 20.0, "below-25": 20.0, "below-30": 20.0}
_BOTH = ("internal", "probe-1")


def setups(trip: Trip, stock: Stock, seed: int, live_start_ms: int, extra: tuple[Happening, ...] = ()) -> list[Setup]:
    """One setup per logger on board. Loggers come from `stock`; `extra` are the live happenings of this trip."""
    draw = random.Random(f"{seed}/{trip.number}/loggers")  # noqa: S311 - a simulation, not a secret
    itinerary, profile = trip.itinerary, trip.product.profile
    from_ms, to_ms = itinerary.start_ms // 60_000 * 60_000, itinerary.end_ms
    ordinary = _ordinary(trip, draw)
    kinds = {mishap.kind for mishap in trip.mishaps}
    load, packed_k = draw.uniform(0.6, 1.3), draw.uniform(-0.9, 1.6)

    def chamber() -> Compartment | PassiveBox:
        if trip.lane.packaging == "parcel":
            return parcel(
                "dry-ice" if profile == "ultra-low" else "pcm-5",
                packed_k=packed_k,
                load=load,
                exhausted="coolant_exhausted" in kinds,
                freezing="freezing_packs" in kinds,
            )
        return compartment(trip.lane.packaging, set_c=_SET_C.get(profile, 5.0), load=load)

    found = []
    for place, (model, channels) in enumerate(_on_board(trip, draw)):
        logger = stock.take(model, channels, from_ms, to_ms)
        interval_ms = model.interval_s * 1000
        in_reach = itinerary.stage_at(live_start_ms).radio
        own = [h for h in trip.mishaps if place == 0 or h.kind not in ("silent", "probe_fault", "clock_reset")]
        found.append(
            Setup(
                subject=reference(trip, seed),
                logger=logger,
                product_profile=profile,
                label_c=LABEL_RANGES[profile],
                channels=channels,
                chamber=chamber,
                itinerary=itinerary,
                from_ms=from_ms + place * 60_000,
                to_ms=to_ms,
                cadence=Cadence(
                    interval_ms, live_start_ms, LIVE_MS if trip.live else FAST_MS if in_reach else interval_ms
                ),
                happenings=(*ordinary, *own, *extra),
                tip_lag_s=15.0 if trip.live else 120.0 + 120.0 * place,
                sheltered=trip.lane.packaging in ("parcel", "covered_pallet"),
            )
        )
    return found


def _on_board(trip: Trip, draw: random.Random) -> list[tuple[Model, tuple[str, ...]]]:
    second: list[tuple[Model, tuple[str, ...]]] = (
        [(SECOND, ("internal",))] if draw.random() < 0.3 and not trip.live else []
    )
    if trip.lane.packaging in ("reefer", "van"):
        return [(TRUCK, _BOTH), *second]
    if trip.lane.packaging == "container":
        return [(SEA, _BOTH)]
    if trip.product.profile == "ultra-low":
        return [(DRY_ICE, ("internal",))]
    return [(PARCEL, ("internal",)), *second]


def _ordinary(trip: Trip, draw: random.Random) -> list[Happening]:
    """Defrosts, the door while loading, handing over and unloading, and stretches of road without a network."""
    found: list[Happening] = []
    itinerary = trip.itinerary
    if trip.lane.packaging in ("reefer", "van", "container"):
        unit = compartment(trip.lane.packaging)
        found += defrosts(unit, itinerary.start_ms, itinerary.end_ms)
        # A trailer's door is open for some tens of seconds behind a dock seal, a van's side door for a few.
        seconds = (12, 26) if trip.lane.packaging == "reefer" else (4, 8)
        docks = [s for s in itinerary.stages if s.setting == "dock" and trip.lane.packaging != "container"]
        for stage in docks:
            at_ms = stage.from_ms + int((stage.to_ms - stage.from_ms) * draw.uniform(0.15, 0.3))
            found.append(Happening("door", at_ms, at_ms + draw.randint(*seconds) * 1000))
    for stage in itinerary.stages:
        # Mostly a tunnel or a valley of some minutes; now and then a stretch long enough to worry about.
        lasts_ms = int((draw.uniform(5, 12) if draw.random() < 0.85 else draw.uniform(20, 35)) * 60_000)
        if stage.mode == "road" and stage.to_ms - stage.from_ms > 3 * lasts_ms and draw.random() < 0.3:
            at_ms = stage.from_ms + int((stage.to_ms - stage.from_ms - lasts_ms) * draw.random())
            found.append(Happening("dead_zone", at_ms, at_ms + lasts_ms))
    return found


def reference(trip: Trip, seed: int) -> str:
    """The shipment's number as people know it: year and ISO week of departure, then a running number."""
    departs = datetime.fromtimestamp(trip.itinerary.start_ms / 1000, UTC).isocalendar()
    return f"CC-{departs.year % 100:02d}{departs.week:02d}-{(seed * 37 + trip.number) % 900 + 100}"


def shipment_plan(trip: Trip, bound: list[Setup], seed: int) -> ShipmentPlan:
    """The registry's view of a trip."""
    draw = random.Random(f"{seed}/{trip.number}/papers")  # noqa: S311 - a simulation, not a secret
    itinerary, lane = trip.itinerary, trip.lane
    departed_ms = next(m.happened_ms for m in itinerary.milestones if m.kind == "departure")
    arrived_ms = next(m.happened_ms for m in itinerary.milestones if m.kind == "arrival")
    return ShipmentPlan(
        reference=reference(trip, seed),
        product=trip.product.name,
        product_profile=trip.product.profile,
        customer=trip.product.customer,
        consignor=lane.consignor,
        consignee=lane.consignee,
        carrier=lane.carrier,
        origin=PLACES[lane.origin],
        destination=PLACES[lane.destination],
        lane=lane.title,
        batches=_batches(draw, trip.product.item, departed_ms),
        milestones=tuple(itinerary.milestones),
        stages=_stages(itinerary),
        bindings=tuple(Binding(setup.logger, None, "product", setup.from_ms, setup.to_ms) for setup in bound),
        planned_departure_ms=departed_ms - draw.randint(0, 25) * 60_000,
        planned_arrival_ms=arrived_ms - draw.randint(-40, 90) * 60_000,
        departed_ms=departed_ms,
        arrived_ms=arrived_ms,
        closed_ms=arrived_ms + int(draw.uniform(6, 40) * HOUR_MS),
    )


def _batches(draw: random.Random, item: int, departed_ms: int) -> tuple[Batch, ...]:
    """One to three batches. Two of a product are on sale at a time, so that shipments of some weeks share them."""
    # 0952 is a GS1 prefix reserved for examples: these GTINs never belong to a real product.
    gtin = gtin14(952_000_000_000 + item * 10)
    numbers = []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        lot = departed_ms // BATCH_MS * 2 + draw.randint(0, 1)
        numbers.append(f"{_LETTERS[(item + lot) % len(_LETTERS)]}{10_000 + (item * 7_919 + lot * 10_007) % 90_000}")
    return tuple(Batch(number, gtin) for number in dict.fromkeys(numbers))


def _stages(itinerary: Itinerary) -> tuple[StageOfTrip, ...]:
    found: list[StageOfTrip] = []
    for stage in itinerary.stages:
        name = stage.mode or ("hub" if stage.setting in ("dock", "ramp") and found else "loading")
        if stage.setting == "vehicle":
            name = "road"
        if found and found[-1].stage == name:
            found[-1] = StageOfTrip(name, found[-1].from_ms, stage.to_ms, not stage.radio)
        else:
            found.append(StageOfTrip(name, stage.from_ms, stage.to_ms, not stage.radio))
    return tuple(found)
