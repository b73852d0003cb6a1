"""Zigbee2MQTT: what its exposes declare, no chip and no setpoint, the door's contact, and who is only the bridge."""

import json
from pathlib import Path
from typing import Any

import pytest
from carrier_conformance import conform, mutations

from coldchain.clock import HandClock
from coldchain.domain.message import Decoded, Envelope, Outcome
from coldchain.journal.sqlite import SqliteJournal
from ingest.pipeline import Pipeline
from ingest.timing import timed
from sensors.carriers.zigbee2mqtt import Zigbee2Mqtt

NOW = 1_767_607_200_000


def envelope(body: Any, topic: str = "zigbee2mqtt/fridge") -> Envelope:
    return Envelope("mqtt", topic, body if isinstance(body, bytes) else json.dumps(body).encode(), NOW)


def message(body: Any, topic: str = "zigbee2mqtt/fridge") -> Decoded:
    [decoded] = Zigbee2Mqtt().decode(envelope(body, topic)).messages
    return decoded


def test_a_climate_sensor_gives_its_values_in_the_declared_units() -> None:
    body = {
        "temperature": 4.62,
        "humidity": 51.3,
        "pressure": 1013,
        "battery": 88,
        "voltage": 2900,
        "linkquality": 120,
        "illuminance": 7,
    }
    [row] = message(body).readings
    assert (row.logger, row.channel, row.temperature_mc, row.humidity_mpct) == ("fridge", "internal", 4620, 51_300)
    assert (row.pressure_mhpa, row.battery_mpct, row.battery_mv, row.light_mlux) == (1_013_000, 88_000, 2900, 7000)
    assert row.time_source == "arrival"


@pytest.mark.parametrize(
    ("last_seen", "expected_ms", "source"),
    [
        (1_767_607_100_000, 1_767_607_100_000, "gateway"), ("2026-01-05T09:58:20.000Z", 1_767_607_100_000, "gateway"),
        ("2026-01-05T10:58:20+01:00", 1_767_607_100_000, "gateway"), ("2026-01-05 09:58:20", NOW, "arrival"),
        (None, NOW, "arrival"), (True, NOW, "arrival"),
    ],
)  # fmt: skip
def test_last_seen_is_the_bridges_clock_in_each_of_its_forms(last_seen: Any, expected_ms: int, source: str) -> None:
    decoded = message({"temperature": 4.6, "last_seen": last_seen})
    assert [(row.event_time_ms, row.time_source) for row in decoded.readings] == [(expected_ms, source)]


def test_retained_states_count_only_with_a_time_of_their_own() -> None:
    assert timed(message({"temperature": 4.6}), NOW, retained=True).readings == ()
    seen = message({"temperature": 4.6, "last_seen": 1_767_607_100_000})
    assert len(timed(seen, NOW, retained=True).readings) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"device_temperature": 31, "battery": 100}, {"local_temperature": 21, "occupied_heating_setpoint": 20},
        {"temperature_calibration": 0.5, "temperature_unit": "celsius", "temperature_max": 8},
        {"external_temperature_input": 4.6}, {"soil_moisture": 40}, {"action": "single"},
        {"temperature": None, "humidity": None}, {},
    ],
)  # fmt: skip
def test_chips_setpoints_calibrations_and_unknowns_are_no_reading(body: dict[str, Any]) -> None:
    decoded = message(body)
    assert (decoded.readings, decoded.undecoded) == ((), False)


def test_a_closed_contact_is_a_closed_door() -> None:
    assert message({"contact": True}).status == {"door_open": False}
    assert message({"contact": False, "temperature": 5}).readings[0].door_open is True


def test_a_mains_voltage_is_no_battery() -> None:
    assert message({"voltage": 231, "power": 12}).status is None


def test_further_probes_are_channels() -> None:
    body = {"temperature": 20, "temperature_1": 4, "temperature_l2": 5, "temperature_probe": 3, "humidity_2": 50}
    rows = {row.channel: (row.temperature_mc, row.humidity_mpct) for row in message(body).readings}
    assert rows["internal"] == (20_000, None)
    assert rows["probe-2"] == (5000, 50_000)
    assert (rows["probe-1"], rows["probe"]) == ((4000, None), (3000, None))
    assert [row.channel for row in message({"external_temperature": 4}).readings] == ["probe-1"]


@pytest.mark.parametrize(
    ("body", "fault"), [({"temperature": -327.68}, "probe_open"), ({"humidity": 655.35}, "sensor_error")]
)
def test_the_invalid_codes_of_zigbee_are_faults(body: dict[str, Any], fault: str) -> None:
    assert [(row.fault, row.temperature_mc, row.humidity_mpct) for row in message(body).readings] == [
        (fault, None, None)
    ]


@pytest.mark.parametrize(
    ("topic", "body", "logger", "status"),
    [
        ("zigbee2mqtt/fridge/availability", {"state": "offline"}, "fridge", {"online": False}),
        ("zigbee2mqtt/fridge/availability", b"online", "fridge", {"online": True}),
        ("zigbee2mqtt/fridge/set", {"temperature": 4.6}, "fridge", None),
        ("zigbee2mqtt/fridge/get/temperature", b"", "fridge", None),
    ],
)
def test_availability_and_commands_are_no_readings(topic: str, body: Any, logger: str, status: Any) -> None:
    decoded = message(body, topic)
    assert (decoded.logger, decoded.readings, decoded.status) == (logger, (), status)


@pytest.mark.parametrize("topic", ["bridge/state", "bridge/devices", "bridge/logging", "bridge/response/device/ota"])
def test_what_the_bridge_says_of_itself_is_kept_and_is_no_logger(topic: str, tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    pipeline = Pipeline(journal, HandClock(NOW), carriers=(Zigbee2Mqtt(),))
    body = b'[{"friendly_name": "fridge", "temperature": 4.6}]'
    arrived = Envelope("mqtt", f"zigbee2mqtt/{topic}", body, NOW)
    [[receipt]] = pipeline.submit([arrived])
    assert (receipt.outcome, receipt.logger, receipt.refusals) == (Outcome.NO_READING, None, ())
    assert journal.loggers() == []
    assert journal.unread() == []
    assert journal.notices(0, 10) == []
    assert journal.strays(0, 1 << 60, 0, 10) == []
    kept = journal.message(receipt.message)
    assert kept is not None
    assert kept.envelope.payload == body
    [[again]] = pipeline.submit([arrived])
    assert again.outcome is Outcome.DUPLICATE
    journal.close()


def test_names_with_slashes_and_single_attributes_are_understood() -> None:
    assert message({"temperature": 4.6}, "zigbee2mqtt/hall/fridge").logger == "hall:fridge"
    decoded = message(b"4.6", "zigbee2mqtt/hall/fridge/temperature")
    assert (decoded.logger, [row.temperature_mc for row in decoded.readings]) == ("hall:fridge", [4600])


def test_the_device_described_inside_must_be_the_topics() -> None:
    described = {"friendlyName": "fridge", "ieeeAddr": "0x00158d0001a2b3c4", "model": "WSDCGQ11LM"}
    assert message({"temperature": 4.6, "device": described}).readings != ()
    arrival = Zigbee2Mqtt().decode(envelope({"temperature": 4.6, "device": described | {"friendlyName": "oven"}}))
    assert arrival.messages == ()
    assert arrival.refusal is not None


@pytest.mark.parametrize("body", [b"", b"[]", b"x", b"\xff"])
def test_what_is_no_state_is_refused(body: bytes) -> None:
    arrival = Zigbee2Mqtt().decode(envelope(body))
    assert arrival.messages == ()
    assert arrival.refusal is not None


def test_damaged_bodies_never_raise_and_never_give_an_impossible_value() -> None:
    whole = [
        json.dumps(
            {"temperature": 4.62, "humidity": 51.3, "battery": 88, "voltage": 2900, "last_seen": 1_767_607_100_000}
        ).encode()
    ]
    assert conform(Zigbee2Mqtt(), [*whole, *mutations(whole, 2500)], envelope) > 100
