"""A way over the ground: how long its steps are, and which of them nobody can have travelled."""

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.track import ABSENT, Column

# An airliner with the jet stream behind it stays below this (m/s); what is faster is a receiver that lost its place.
FASTEST_M_S = 340.0
_JITTER_M = 100.0  # a receiver at rest wanders; between two stamps of one moment that is no speed
_EARTH_M = 6_371_008.8

Metres = NDArray[np.float64]


def step_m(latitude_e7: Column, longitude_e7: Column) -> Metres:
    """Metres over the ground between each position and the next, one fewer than there are positions."""
    latitude, longitude = np.radians(latitude_e7 / 1e7), np.radians(longitude_e7 / 1e7)
    north, east = np.diff(latitude) / 2, np.diff(longitude) / 2
    chord = np.sin(north) ** 2 + np.cos(latitude[:-1]) * np.cos(latitude[1:]) * np.sin(east) ** 2
    metres: Metres = 2 * _EARTH_M * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return metres


def leaps(time_ms: Column, latitude_e7: Column, longitude_e7: Column) -> NDArray[np.bool_]:
    """Which steps are no travel: too far for their time. Such a step is no leg, no distance and no speed.

    Positions are all present (none is `ABSENT`) and ordered by time.
    """
    assert not np.any(latitude_e7 == ABSENT), "a way has only known positions"
    metres, seconds = step_m(latitude_e7, longitude_e7), np.diff(time_ms) / 1000
    found: NDArray[np.bool_] = (metres > _JITTER_M) & (metres > FASTEST_M_S * seconds)
    return found


def travelled_m(time_ms: Column, latitude_e7: Column, longitude_e7: Column) -> float:
    """Metres travelled; leaps do not count."""
    metres = step_m(latitude_e7, longitude_e7)
    return float(metres[~leaps(time_ms, latitude_e7, longitude_e7)].sum())


def top_speed_m_s(time_ms: Column, latitude_e7: Column, longitude_e7: Column) -> float:
    """The fastest step in metres per second; leaps, and steps that take no time, do not count."""
    seconds = np.diff(time_ms) / 1000
    counted = ~leaps(time_ms, latitude_e7, longitude_e7) & (seconds > 0)
    speeds = step_m(latitude_e7, longitude_e7)[counted] / seconds[counted]
    return float(speeds.max(initial=0.0))
