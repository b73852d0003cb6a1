"""Ways over the map: roads that wind between real waypoints, great circles, sea lanes; and positions along them."""

import itertools
import math
import random
from bisect import bisect_right
from functools import cache
from typing import NamedTuple

from sensors.fleet.places import PLACES, ROADS, SEA_LANES

EARTH_M = 6_371_008.8
_WIGGLE_ABOVE_M = 2_500.0


class Point(NamedTuple):
    """WGS 84 degrees."""

    latitude: float
    longitude: float


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance, metres (haversine on the mean sphere)."""
    phi_a, phi_b = math.radians(a.latitude), math.radians(b.latitude)
    half_lat = (phi_b - phi_a) / 2.0
    half_lon = math.radians(b.longitude - a.longitude) / 2.0
    chord = math.sin(half_lat) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lon) ** 2
    return 2.0 * EARTH_M * math.asin(min(1.0, math.sqrt(chord)))


class Way:
    """A line over the map that can be walked by distance."""

    def __init__(self, points: list[Point]) -> None:
        self.points = points
        self._reached = [0.0]
        for a, b in itertools.pairwise(points):
            self._reached.append(self._reached[-1] + distance_m(a, b))

    @property
    def length_m(self) -> float:
        """Metres from end to end."""
        return self._reached[-1]

    def at(self, metres: float) -> Point:
        """The point `metres` from the start; the ends, beyond them."""
        if metres >= self.length_m:
            return self.points[-1]
        index = max(0, bisect_right(self._reached, metres) - 1)
        a, b = self.points[index], self.points[index + 1]
        share = max(0.0, metres - self._reached[index]) / max(1e-9, self._reached[index + 1] - self._reached[index])
        return Point(a.latitude + share * (b.latitude - a.latitude), a.longitude + share * (b.longitude - a.longitude))


@cache
def road(origin: str, destination: str) -> Way:
    """The road between two places of `ROADS`, in either direction: always the same one.

    Between waypoints it winds by midpoint displacement: each half is moved sideways by a few per cent of its length.
    """
    known = (origin, destination) in ROADS
    key = (origin, destination) if known else (destination, origin)
    corners = [_point(key[0]), *(Point(*pair) for pair in ROADS[key]), _point(key[1])]
    draw = random.Random("/".join(key))  # noqa: S311 - a simulation, not a secret
    points = [corners[0]]
    for a, b in itertools.pairwise(corners):
        points += [*_wind(a, b, draw), b]
    return Way(points if known else points[::-1])


def _wind(a: Point, b: Point, draw: random.Random) -> list[Point]:
    length = distance_m(a, b)
    if length < _WIGGLE_ABOVE_M:
        return []
    aside = draw.gauss(0.0, 0.035)
    stretch = math.cos(math.radians((a.latitude + b.latitude) / 2.0))
    middle = Point(
        (a.latitude + b.latitude) / 2.0 + aside * (b.longitude - a.longitude) * stretch,
        (a.longitude + b.longitude) / 2.0 - aside * (b.latitude - a.latitude) / stretch,
    )
    return [*_wind(a, middle, draw), middle, *_wind(middle, b, draw)]


@cache
def flight(origin: str, destination: str) -> Way:
    """The great circle between two airports, in steps of about 100 km."""
    a, b = _point(origin), _point(destination)
    steps = max(2, int(distance_m(a, b) / 100_000.0))
    return Way([_between(a, b, step / steps) for step in range(steps + 1)])


@cache
def sea_lane(origin: str, destination: str) -> Way:
    """The shipping lane between two ports of `SEA_LANES`."""
    corners = [_point(origin), *(Point(*pair) for pair in SEA_LANES[origin, destination]), _point(destination)]
    return Way(corners)


def _between(a: Point, b: Point, share: float) -> Point:
    """The point at `share` of the great circle from a to b (spherical linear interpolation)."""
    u, v = _vector(a), _vector(b)
    angle = math.acos(max(-1.0, min(1.0, sum(x * y for x, y in zip(u, v, strict=True)))))
    left, right = math.sin((1.0 - share) * angle) / math.sin(angle), math.sin(share * angle) / math.sin(angle)
    x, y, z = (left * p + right * q for p, q in zip(u, v, strict=True))
    return Point(math.degrees(math.asin(z)), math.degrees(math.atan2(y, x)))


def _vector(point: Point) -> tuple[float, float, float]:
    phi, theta = math.radians(point.latitude), math.radians(point.longitude)
    return math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi)


def _point(place: str) -> Point:
    return Point(PLACES[place].latitude, PLACES[place].longitude)
