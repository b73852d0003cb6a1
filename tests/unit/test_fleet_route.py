"""Roads, flights and sea lanes, weather and sun: plausible by the map and the calendar."""

import pytest

from sensors.fleet.itinerary import TOP_SPEED_M_S
from sensors.fleet.lanes import AIR_LANES, LIVE_LANE, ROAD_LANES, SEA_LANES
from sensors.fleet.places import PLACES, ROADS
from sensors.fleet.route import Point, distance_m, flight, road
from sensors.fleet.weather import Weather

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
ALL_LANES = (*ROAD_LANES, *AIR_LANES, *SEA_LANES, LIVE_LANE)


def noon(month: int) -> int:
    """A day at noon UTC in the middle of a month of 2026."""
    return 1_767_268_800_000 + int((month - 0.5) * 30.4) * DAY_MS


def test_distances_agree_with_known_ones() -> None:
    paris, madrid = (Point(*PLACES[name][1:3]) for name in ("paris", "madrid"))
    assert distance_m(paris, madrid) == pytest.approx(1_053_000, rel=0.01)


@pytest.mark.parametrize("ends", list(ROADS))
def test_a_road_is_longer_than_the_crow_flies_but_not_by_much(ends: tuple[str, str]) -> None:
    straight = distance_m(*(Point(*PLACES[name][1:3]) for name in ends))
    assert 1.0 < road(*ends).length_m / straight < 1.6


@pytest.mark.parametrize("ends", list(ROADS))
def test_a_road_winds_in_short_pieces_and_is_the_same_backwards(ends: tuple[str, str]) -> None:
    way, back = road(*ends), road(*reversed(ends))
    assert way.points == back.points[::-1]
    assert max(distance_m(a, b) for a, b in zip(way.points, way.points[1:], strict=False)) < 3_000


def test_a_flight_follows_the_great_circle() -> None:
    way = flight("bru", "nrt")
    assert way.length_m == pytest.approx(9_480_000, rel=0.01)
    assert max(point.latitude for point in way.points) > 62.0  # over Siberia, not along the parallel


@pytest.mark.parametrize("lane", ALL_LANES, ids=lambda lane: lane.title)
def test_no_trip_is_faster_than_its_vehicle_and_no_time_is_missing(lane) -> None:
    trip = lane.travel(0, hurry=1.06)
    for stage, following in zip(trip.stages, trip.stages[1:], strict=False):
        assert stage.to_ms == following.from_ms
        assert distance_m(stage.at(stage.to_ms), following.at(following.from_ms)) < 500
    for time_ms in range(0, trip.end_ms, 60_000):
        stage = trip.stage_at(time_ms)
        until = min(time_ms + 60_000, stage.to_ms)
        if until <= time_ms:
            continue
        speed = distance_m(stage.at(time_ms), stage.at(until)) / ((until - time_ms) / 1000)
        assert speed <= (TOP_SPEED_M_S[stage.mode] if stage.mode else 0.1)


@pytest.mark.parametrize("lane", ALL_LANES, ids=lambda lane: lane.title)
def test_every_trip_departs_first_arrives_last_and_hands_over_to_somebody_else(lane) -> None:
    milestones = lane.travel(0).milestones
    assert milestones[0].kind == "departure"
    assert milestones[-1].kind == "arrival"
    assert [m.happened_ms for m in milestones] == sorted(m.happened_ms for m in milestones)
    custodians = [m.custodian for m in milestones]
    for before, milestone in zip(custodians, milestones[1:], strict=False):
        assert (milestone.custodian != before) == (milestone.kind == "handover")


def test_drivers_rest_after_four_and_a_half_hours() -> None:
    trip = next(lane for lane in ROAD_LANES if lane.origin == "leverkusen").travel(0)
    at_the_wheel = 0
    for stage in trip.stages:
        at_the_wheel = at_the_wheel + stage.to_ms - stage.from_ms if stage.mode == "road" else 0
        assert at_the_wheel <= 4.5 * HOUR_MS + 1000


def test_nothing_is_heard_from_the_air_and_the_sea() -> None:
    for lane in (*AIR_LANES, *SEA_LANES):
        silent = [stage for stage in lane.travel(0).stages if not stage.radio]
        assert [stage.mode for stage in silent] == [lane.mode]
        assert not silent[0].sky


@pytest.mark.parametrize(
    ("place", "month", "low_c", "high_c"),
    [("munich", 1, -12, 13), ("munich", 7, 13, 31), ("stockholm", 1, -17, 6), ("madrid", 7, 14, 38),
     ("tuas", 1, 22, 33), ("tuas", 7, 22, 33), ("newyork", 1, -6, 17)],
)  # fmt: skip
def test_weather_is_what_one_expects_of_place_and_season(place: str, month: int, low_c: float, high_c: float) -> None:
    where = PLACES[place]
    for seed in range(5):
        weather = Weather(seed)
        seen = [weather.outdoor_c(where.latitude, where.longitude, noon(month) + h * HOUR_MS) for h in range(240)]
        assert low_c < min(seen) < max(seen) < high_c


def test_the_sun_shines_by_day_and_higher_in_summer() -> None:
    weather, munich = Weather(3), PLACES["munich"]
    sun = {m: weather.sun_w_m2(munich.latitude, munich.longitude, noon(m) - 45 * 60_000) for m in (1, 6)}
    night = weather.sun_w_m2(munich.latitude, munich.longitude, noon(6) + 11 * HOUR_MS)
    assert night == 0.0
    assert 0.0 < sun[1] < sun[6] < 950.0


def test_seasons_are_reversed_in_the_south() -> None:
    weather = Weather(3)
    # Averaged over a month, so that passing weather cannot hide the season.
    means = [sum(weather.outdoor_c(-34.0, 18.0, noon(m) + h * HOUR_MS) for h in range(0, 720, 3)) / 240 for m in (1, 7)]
    assert means[0] > means[1] + 6.0
