"""Stages that the engine tells from a logger's own positions, and persons who know better."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN

from coldchain.domain.finding import Subject
from coldchain.registry import stages
from coldchain.registry.viewer import SYSTEM

HOME = {"name": "Munich", "latitude": 48.0, "longitude": 11.0, "radius_m": 2000}
AWAY = {"name": "Lisbon", "latitude": 50.0, "longitude": 11.0}
HALF = 490_000_000
WAY = [480_000_000] * 3 + [HALF] * 4 + [500_000_000] * 3


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def shipment(house: House) -> Subject:
    return house.shipment("SHP-1", "LG-1", origin=HOME, destination=AWAY)


def travel(house: House, steps: range) -> None:
    house.live(*(sample(k, 5.0, latitude_e7=WAY[k], longitude_e7=110_000_000) for k in steps))


def held(house: House, subject: Subject) -> list[tuple[str, int, str]]:
    with house.registry.read() as connection:
        found = stages.of_shipment(connection, SYSTEM, subject.id)
    return [(one.stage.value, (one.from_ms - DAWN) // STEP_MS, one.source) for one in found]


TOLD = [("loading", 0, "geofence"), ("in_transit", 3, "geofence"), ("arrived", 7, "geofence")]


def test_positions_tell_the_stages_live_and_once(house: House) -> None:
    subject = shipment(house)
    travel(house, range(5))
    assert held(house, subject) == TOLD[:2]
    travel(house, range(5, 10))
    assert held(house, subject) == TOLD
    with house.registry.read() as connection:
        last = stages.of_shipment(connection, SYSTEM, subject.id)[-1].fact
    assert (last.who, last.body["place"]) == ("engine", "Lisbon")
    assert len(house.actions("fact.stage.added")) == 3


def test_late_positions_tell_the_same_as_if_they_had_come_in_time(house: House) -> None:
    subject = shipment(house)
    house.clock.set(DAWN + 12 * STEP_MS)
    readings = [sample(k, 5.0, latitude_e7=WAY[k], longitude_e7=110_000_000) for k in range(10)]
    house.send(*readings[5:])
    house.settle()
    house.send(*readings[:5])
    house.settle()
    assert held(house, subject) == TOLD


def test_what_a_person_set_stays_and_what_a_person_took_back_does_not_return(house: House) -> None:
    subject = shipment(house)
    travel(house, range(8))
    with house.registry.write() as connection:
        now = house.clock.now_ms()
        stages.put(connection, subject.id, "handover", DAWN + 6 * STEP_MS, DAWN + 9 * STEP_MS, reason="waited outside",
                   by=SYSTEM, now_ms=now)  # fmt: skip
        first = stages.of_shipment(connection, SYSTEM, subject.id)[0]
        stages.withdraw(connection, subject.id, first.fact.id, reason="was loaded before", by=SYSTEM, now_ms=now)
    house.settle()
    travel(house, range(8, 10))
    assert held(house, subject) == [("in_transit", 3, "geofence"), ("handover", 6, "hand"), ("in_transit", 9, "hand")]


def test_a_planned_stage_comes_before_what_positions_tell(house: House) -> None:
    subject = shipment(house)
    with house.registry.write() as connection:
        stages.put(connection, subject.id, "loading", DAWN - STEP_MS, DAWN + 20 * STEP_MS, reason="plan", by=SYSTEM,
                   now_ms=DAWN, source="plan")  # fmt: skip
    travel(house, range(10))
    assert held(house, subject) == [("loading", -1, "plan")]


def test_without_positions_nothing_is_told(house: House) -> None:
    subject = shipment(house)
    house.live(*(sample(k, 5.0) for k in range(4)))
    assert held(house, subject) == []
