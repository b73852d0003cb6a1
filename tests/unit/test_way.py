"""A way over the ground, and steps that nobody travelled."""

from pathlib import Path

import numpy as np
import pytest

from coldchain.domain.track import Column
from coldchain.domain.way import leaps, step_m, top_speed_m_s, travelled_m
from sensors.recordings import track


def columns(*positions: tuple[float, float, float]) -> tuple[Column, Column, Column]:
    """(seconds, latitude, longitude) as integer columns."""
    table = np.array(positions)
    return tuple(np.rint(column).astype(np.int64) for column in (table * (1000, 1e7, 1e7)).T)


def test_a_degree_of_latitude_is_111_kilometres() -> None:
    _, latitude, longitude = columns((0, 48.0, 11.0), (1, 49.0, 11.0))
    assert step_m(latitude, longitude) == pytest.approx([111_195], rel=1e-3)


def test_an_airliner_is_travel_and_a_jump_is_not() -> None:
    flight = columns((0, 48.0, 11.0), (600, 49.5, 11.0))  # 278 m/s
    jump = columns((0, 48.0, 11.0), (1, 48.0042, 11.0))
    assert leaps(*flight).tolist() == [False]
    assert leaps(*jump).tolist() == [True]
    assert (travelled_m(*jump), top_speed_m_s(*jump)) == (0.0, 0.0)


def test_a_receiver_at_rest_with_two_stamps_of_one_moment_is_no_leap() -> None:
    assert leaps(*columns((0, 48.0, 11.0), (0, 48.0001, 11.0))).tolist() == [False]


def test_nothing_and_a_single_position_are_ways_without_steps() -> None:
    for way in (columns((0, 48.0, 11.0)), tuple(column[:0] for column in columns((0, 48.0, 11.0)))):
        assert travelled_m(*way) == top_speed_m_s(*way) == 0.0


def test_the_recorded_vehicle_leaps_once_and_is_otherwise_a_car_in_town(recordings: Path) -> None:
    fixes = track((recordings / "series" / "gps" / "vehicle-munich-1hz.json").read_bytes())
    way = columns(*((fix.at_ms / 1000, float(fix.latitude), float(fix.longitude)) for fix in fixes))
    [leap] = np.flatnonzero(leaps(*way))
    assert step_m(*way[1:])[leap] == pytest.approx(471, abs=2)
    assert way[0][leap] == 1_410_325_466_000  # 05:04:26 UTC
    assert top_speed_m_s(*way) < 40
    assert travelled_m(*way) == pytest.approx(13_190, abs=100)
