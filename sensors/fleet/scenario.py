"""Which trips there are: about 55 in the 30 days before the anchor, a dozen under way at it, some still planned."""

import random
from dataclasses import dataclass, replace

from sensors.fleet.itinerary import HOUR_MS, Itinerary
from sensors.fleet.lanes import AIR_LANES, LIVE_LANE, PRODUCTS, ROAD_LANES, SEA_LANES, Lane, Product
from sensors.fleet.mishaps import Happening
from sensors.fleet.weather import Weather

DAY_MS = 24 * HOUR_MS

# What goes wrong on which kind of trip, spread over the past: one entry, one shipment.
_PLANTED: tuple[tuple[str, str], ...] = (
    ("door_left_open", "reefer"),
    ("freezing_packs", "parcel"),
    ("set_point", "reefer"),
    ("coolant_exhausted", "parcel"),
    ("ramp_sun", "covered_pallet"),
    ("cooling_failure", "hot van"),
    ("door_left_open", "van"),
    ("silent", "reefer"),
    ("probe_fault", "reefer"),
    ("clock_reset", "reefer"),
    ("battery_low", "parcel"),
    ("set_point", "reefer"),
)


@dataclass(frozen=True, slots=True)
class Trip:
    """One shipment before loggers are put on it: a lane, a product, an itinerary and what goes wrong."""

    number: int
    lane: Lane
    product: Product
    itinerary: Itinerary
    mishaps: tuple[Happening, ...]
    live: bool = False


def trips(seed: int, end_ms: int, days: int, weather: Weather) -> list[Trip]:
    """Every trip, in order of departure."""
    draw = random.Random(f"{seed}/scenario")  # noqa: S311 - a simulation, not a secret
    lanes = _past_lanes(draw, days)
    planted = _who_suffers(draw, lanes)
    found = [
        _past_trip(draw, lane, end_ms, days, weather, mishap=planted.get(index)) for index, lane in enumerate(lanes)
    ]
    found += [_under_way(draw, index, end_ms) for index in range(12)]
    found += [_planned(draw, lane, end_ms) for lane in draw.sample(ROAD_LANES, 3)]
    found.append(_live_trip(end_ms))
    found.sort(key=lambda trip: (trip.itinerary.start_ms, trip.lane.title))
    return [replace(trip, number=number) for number, trip in enumerate(found, start=1)]


def _past_lanes(draw: random.Random, days: int) -> list[Lane]:
    count = max(4, round(55 * days / 30))
    sea = [lane for lane in SEA_LANES if days >= 14]
    lanes = [*sea, *AIR_LANES, *AIR_LANES[:4]][: count // 2]
    road = [*ROAD_LANES, LIVE_LANE]
    while len(lanes) < count:
        draw.shuffle(road)
        lanes += road[: count - len(lanes)]
    return lanes


def _who_suffers(draw: random.Random, lanes: list[Lane]) -> dict[int, str]:
    """Which of the past trips gets which mishap: about one in seven gets one that the goods feel."""
    chosen: dict[int, str] = {}
    for kind, packaging in _PLANTED[: max(1, len(lanes) // 4)]:
        free = [i for i, lane in enumerate(lanes) if packaging in _suits(lane) and i not in chosen]
        if free:
            chosen[draw.choice(free)] = kind
    return chosen


def _suits(lane: Lane) -> tuple[str, ...]:
    """What `_PLANTED` may call the lane: a unit's failure shows where it is hot."""
    return (lane.packaging, f"hot {lane.packaging}") if lane is LIVE_LANE else (lane.packaging,)


def _past_trip(
    draw: random.Random, lane: Lane, end_ms: int, days: int, weather: Weather, *, mishap: str | None
) -> Trip:
    hurry, dwell = draw.uniform(0.92, 1.06), draw.uniform(0.85, 1.35)
    took_ms = lane.travel(0, hurry=hurry, dwell=dwell).end_ms
    room_ms = days * DAY_MS - took_ms - 5 * HOUR_MS
    start_ms = end_ms - days * DAY_MS + int(draw.random() * max(0, room_ms))
    product = _product(draw, lane, mishap)
    if mishap == "ramp_sun":
        start_ms = _sunniest(lane, start_ms, hurry, dwell, weather, latest_ms=end_ms - took_ms - 5 * HOUR_MS)
    itinerary = lane.travel(start_ms, hurry=hurry, dwell=dwell)
    return Trip(0, lane, product, itinerary, _mishaps(draw, itinerary, mishap))


def _sunniest(lane: Lane, start_ms: int, hurry: float, dwell: float, weather: Weather, *, latest_ms: int) -> int:
    """The hour of departure, within a day, that brings the goods onto the first ramp under the highest sun."""

    def sun(candidate_ms: int) -> float:
        ramp = next(s for s in lane.travel(candidate_ms, hurry=hurry, dwell=dwell).stages if s.setting == "ramp")
        return weather.sun_w_m2(ramp.point.latitude, ramp.point.longitude, (ramp.from_ms + ramp.to_ms) // 2)

    hours = [min(latest_ms, start_ms + hour * HOUR_MS) for hour in range(24)]
    return max(hours, key=sun)


def _product(draw: random.Random, lane: Lane, mishap: str | None) -> Product:
    """A product that the lane carries; mishaps with packs happen to what has packs."""
    profiles = lane.profiles
    if mishap in ("freezing_packs", "coolant_exhausted"):
        profiles = tuple(p for p in profiles if p != "ultra-low")
    if mishap == "ramp_sun":
        profiles = ("eu-15-25",)
    if mishap == "freezing_packs" and "refrigerated-2-8-freeze-sensitive" in profiles:
        profiles = ("refrigerated-2-8-freeze-sensitive",)
    profile = draw.choice(profiles)
    return draw.choice([product for product in PRODUCTS if product.profile == profile])


def _under_way(draw: random.Random, index: int, end_ms: int) -> Trip:
    """A trip that has begun and not ended at the anchor: one at sea, three by air, the others on the road."""
    far = (SEA_LANES[0], *AIR_LANES[:3])
    lane = far[index] if index < len(far) else draw.choice([lane for lane in ROAD_LANES if lane.packaging == "reefer"])
    hurry, dwell = draw.uniform(0.92, 1.06), draw.uniform(0.85, 1.35)
    took_ms = lane.travel(0, hurry=hurry, dwell=dwell).end_ms
    # One of them, nearly there, has its excursion already; the others are as they should be.
    mishap = "coolant_exhausted" if lane is AIR_LANES[0] else None
    done = 0.9 if mishap else draw.uniform(0.2, 0.75)
    itinerary = lane.travel(end_ms - int(done * took_ms), hurry=hurry, dwell=dwell)
    return Trip(0, lane, _product(draw, lane, mishap), itinerary, _mishaps(draw, itinerary, mishap))


def _planned(draw: random.Random, lane: Lane, end_ms: int) -> Trip:
    itinerary = lane.travel(end_ms + int(draw.uniform(0.6, 14.0) * HOUR_MS))
    return Trip(0, lane, _product(draw, lane, None), itinerary, ())


def _live_trip(end_ms: int) -> Trip:
    """The shipment whose van stands at a tropical cross-dock when the live demonstration begins."""
    reached_ms = next(m.happened_ms for m in LIVE_LANE.travel(0).milestones if m.kind == "handover")
    standing_ms = int(1.25 * HOUR_MS)
    itinerary = LIVE_LANE.travel(end_ms - reached_ms + standing_ms - 20 * 60_000)
    product = next(product for product in PRODUCTS if product.name.startswith("Mabrexa"))
    return Trip(0, LIVE_LANE, product, itinerary, (), live=True)


def _mishaps(draw: random.Random, trip: Itinerary, kind: str | None) -> tuple[Happening, ...]:
    start, took = trip.start_ms, trip.end_ms - trip.start_ms
    if kind is None:
        return ()
    if kind in ("freezing_packs", "coolant_exhausted"):
        return (Happening(kind, start, trip.end_ms),)
    if kind == "ramp_sun":
        ramp = next(stage for stage in trip.stages if stage.setting == "ramp")
        return (Happening(kind, ramp.from_ms, ramp.to_ms),)
    if kind == "door_left_open":
        dock = [stage for stage in trip.stages if stage.setting == "dock"][:-1][-1]
        from_ms = dock.to_ms - 12 * 60_000  # and it drives off like that
        return (Happening(kind, from_ms, from_ms + int(draw.uniform(25, 45) * 60_000)),)
    lasts_ms = {
        "set_point": int(draw.uniform(2.5, 4.0) * HOUR_MS),
        "cooling_failure": int(draw.uniform(2.0, 3.5) * HOUR_MS),
        "silent": int(0.4 * took),
        "probe_fault": int(draw.uniform(0.8, 2.0) * HOUR_MS),
        "clock_reset": int(draw.uniform(0.7, 1.5) * HOUR_MS),
        "battery_low": took,
    }[kind]
    from_ms = start + int(draw.uniform(0.3, 0.5) * took) if kind != "battery_low" else start
    amount = draw.choice((6.5, -5.5)) if kind == "set_point" else 0.0
    return (Happening(kind, from_ms, min(from_ms + lasts_ms, trip.end_ms), amount),)
