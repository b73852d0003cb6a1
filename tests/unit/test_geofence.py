"""Visits to places and the stages they tell, from positions alone."""

import numpy as np
import pytest
from judging import at

from coldchain.domain.shipment import Stage
from compliance.geofence import DESTINATION, ORIGIN, STOP, Begun, Fence, stages_by_place, visits

METRE_E7 = 1e7 / 111_195  # of latitude
MUNICH = Fence(ORIGIN, "Munich", 480_000_000, 110_000_000, 500)
HUB = Fence(STOP, "Hub", 490_000_000, 110_000_000, 500)
LISBON = Fence(DESTINATION, "Lisbon", 500_000_000, 110_000_000, 500)


def positions(*metres: float, of: Fence = MUNICH) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One position a minute, so many metres north of a place."""
    return (
        np.array([at(minute) for minute in range(len(metres))], dtype=np.int64),
        np.array([of.latitude_e7 + round(away * METRE_E7) for away in metres], dtype=np.int64),
        np.full(len(metres), of.longitude_e7, dtype=np.int64),
    )


def seen(*metres: float) -> list[tuple[int, int | None]]:
    return [
        (
            round((one.enter_ms - at(0)) / 60_000),
            None if one.leave_ms is None else round((one.leave_ms - at(0)) / 60_000),
        )
        for one in visits(*positions(*metres), MUNICH)
    ]


def test_a_place_is_entered_at_its_radius_and_left_well_outside_it() -> None:
    assert seen(5000, 900, 400, 100, 300, 900, 3000) == [(2, 5)]


def test_wandering_around_the_edge_neither_arrives_nor_departs_again() -> None:
    assert seen(5000, 450, 520, 490, 600, 740, 480, 700, 499) == [(1, None)]
    assert seen(5000, 510, 740, 520, 600) == []


@pytest.mark.parametrize("jump", [470, 2_000, 900_000])
def test_a_single_position_elsewhere_is_no_departure_and_a_single_one_here_no_arrival(jump: float) -> None:
    assert seen(100, 100, 100 + jump, 100, 100) == [(0, None)]
    assert seen(5000, 5000, 100, 5000, 5000) == []


def test_one_position_alone_tells_nothing() -> None:
    assert seen(100) == []
    assert seen() == []


def journey(*legs: tuple[float, Fence]) -> list[Begun]:
    parts = [positions(*[away] * 3, of=fence) for away, fence in legs]
    time_ms = np.array([at(minute) for minute in range(3 * len(legs))], dtype=np.int64)
    return stages_by_place(
        time_ms, np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts]),
        (MUNICH, HUB, LISBON),
    )  # fmt: skip


def test_the_way_from_loading_over_a_hand_over_to_the_arrival() -> None:
    told = journey((100, MUNICH), (50_000, MUNICH), (0, HUB), (50_000, HUB), (0, LISBON))
    assert told == [
        Begun(Stage.LOADING, at(0), "Munich"), Begun(Stage.IN_TRANSIT, at(3), "Munich"),
        Begun(Stage.HANDOVER, at(6), "Hub"), Begun(Stage.IN_TRANSIT, at(9), "Hub"),
        Begun(Stage.ARRIVED, at(12), "Lisbon"),
    ]  # fmt: skip


def test_goods_first_seen_on_their_way_arrive_without_having_been_loaded_in_sight() -> None:
    assert journey((50_000, MUNICH), (0, LISBON)) == [Begun(Stage.ARRIVED, at(3), "Lisbon")]


def test_whoever_returns_to_the_origin_is_not_loaded_again() -> None:
    told = journey((0, MUNICH), (50_000, MUNICH), (0, MUNICH), (50_000, MUNICH))
    assert [one.stage for one in told] == [Stage.LOADING, Stage.IN_TRANSIT]


def test_a_round_trip_arrives_where_it_left_from() -> None:
    home = MUNICH._replace(kind=DESTINATION)
    time_ms = np.array([at(minute) for minute in range(9)], dtype=np.int64)
    latitude = np.concatenate([positions(*[away] * 3)[1] for away in (0, 50_000, 0)])
    told = stages_by_place(time_ms, latitude, np.full(9, MUNICH.longitude_e7, dtype=np.int64), (MUNICH, home))
    assert [one.stage for one in told] == [Stage.LOADING, Stage.IN_TRANSIT, Stage.ARRIVED]
