"""Home Assistant: which channels it is told of, what it is told, and when that is taken back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coldchain.clock import HandClock
from coldchain.domain.message import Command, Envelope
from coldchain.domain.quantity import iso
from coldchain.errors import TransientError
from coldchain.journal.sqlite import SqliteJournal
from ingest.home_assistant import HomeAssistant
from ingest.pipeline import Pipeline

NOW = 1_767_607_200_000
MINUTE = 60_000


class House:
    """A journal, the loggers that are assigned, and what Home Assistant is told."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.clock = HandClock(NOW)
        self.pipeline = Pipeline(journal, self.clock)
        self.assigned: set[str] = {"LG-1", "dock 7"}
        self.home = HomeAssistant(journal, self.clock, lambda: frozenset(self.assigned), "homeassistant")
        self._seq = 0

    def send(self, logger: str = "LG-1", *, at_ms: int = NOW - MINUTE, **reading: Any) -> None:
        one = {"ts": iso(at_ms), "values": {"temperature_c": 4.5}, **reading}
        body = {"v": 1, "device": logger, "boot": 1, "seq": self._seq, "readings": [one]}
        self._seq += 1
        self.pipeline.submit([Envelope("mqtt", f"cc/{logger}/up", json.dumps(body).encode(), self.clock.now_ms())])

    def told(self, after_ms: int = 1000) -> list[Command]:
        self.clock.advance(after_ms)
        return self.home.due()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    journal = SqliteJournal(tmp_path / "journal.db")
    try:
        yield House(journal)
    finally:
        journal.close()


def test_a_channel_is_announced_once_and_its_newest_reading_is_its_state(house: House) -> None:
    house.send(values={"temperature_c": 4.5, "humidity_pct": 51})
    humidity, temperature, state = house.told()
    assert temperature.topic == "homeassistant/sensor/coldchain_LG-1/internal_temperature_c/config"
    assert humidity.topic == "homeassistant/sensor/coldchain_LG-1/internal_humidity_pct/config"
    config = json.loads(temperature.payload)
    assert (config["unit_of_measurement"], config["device_class"], config["device"]["name"]) == (
        "°C",
        "temperature",
        "LG-1",
    )
    assert (config["state_topic"], config["value_template"]) == (state.topic, "{{ value_json.temperature_c }}")
    assert json.loads(state.payload) == {
        "temperature_c": 4.5, "humidity_pct": 51.0, "event_time": iso(NOW - MINUTE), "fault": None,
    }  # fmt: skip
    assert all(command.retain and command.qos == 1 for command in (temperature, humidity, state))
    house.send(at_ms=NOW, values={"temperature_c": 5})
    [again] = house.told()
    assert json.loads(again.payload)["temperature_c"] == 5
    assert json.loads(again.payload)["humidity_pct"] is None


def test_a_logger_that_serves_nothing_is_not_shown(house: House) -> None:
    house.send("LG-2")
    assert house.told() == []


def test_what_arrives_late_changes_no_state(house: House) -> None:
    house.send()
    house.told()
    house.send(at_ms=NOW - 60 * MINUTE, values={"temperature_c": 40})
    assert house.told() == []


def test_a_fault_is_an_unknown_value_with_its_name(house: House) -> None:
    house.send()
    house.told()
    house.send(at_ms=NOW, values={"temperature_c": None}, fault="probe_open")
    [state] = house.told()
    said = json.loads(state.payload)
    assert (said["temperature_c"], said["fault"]) == (None, "probe_open")


def test_a_logger_whose_service_ends_is_taken_back(house: House) -> None:
    house.send()
    house.told()
    house.assigned.clear()
    gone = house.told(11_000)
    assert [(command.topic, command.payload, command.retain) for command in gone] == [
        ("homeassistant/sensor/coldchain_LG-1/internal_temperature_c/config", b"", True),
        ("coldchain/LG-1/internal/state", b"", True),
    ]
    assert house.told(11_000) == []


def test_names_that_discovery_does_not_allow_are_spelled_differently_and_stay_apart(house: House) -> None:
    house.assigned.add("dock/7")
    house.send("dock 7", channel="fühler")
    topics = [command.topic for command in house.told()]
    assert all(
        set(topic) <= set("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-/") for topic in topics
    )
    house.assigned.add("dock_7")
    house.send("dock_7", channel="fühler", at_ms=NOW)
    assert not {command.topic for command in house.told(11_000)} & set(topics)


def test_a_new_connection_is_told_again_with_the_next_reading(house: House) -> None:
    house.send()
    first = house.told()
    house.home.begin()
    house.send(at_ms=NOW)
    assert [command.topic for command in house.told()] == [command.topic for command in first]


def test_it_waits_while_the_registry_cannot_be_read(tmp_path: Path, house: House) -> None:
    def unreadable() -> frozenset[str]:
        raise TransientError("busy")

    journal = SqliteJournal(tmp_path / "other.db")
    try:
        assert HomeAssistant(journal, house.clock, unreadable, "homeassistant").due() == []
    finally:
        journal.close()
