"""Tasmota: a block a sensor, units that it declares, probes by their own ids, and times without a zone."""

import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations

from coldchain.domain.message import Decoded, Envelope
from ingest.timing import timed
from sensors.carriers.port import PLAIN
from sensors.carriers.tasmota import Tasmota
from sensors.device_profiles.catalogue import Entry, Snapshot
from sensors.device_profiles.format import parse

NOW = 1_767_607_200_000
TIME = "2026-01-05T11:00:00"
PROBE = {"Id": "3C01F0961B2A", "Temperature": 4.6}


def envelope(body: Any, topic: str = "tele/cold-room/SENSOR") -> Envelope:
    return Envelope("mqtt", topic, body if isinstance(body, bytes) else json.dumps(body).encode(), NOW)


def message(body: Any, topic: str = "tele/cold-room/SENSOR") -> Decoded:
    [decoded] = Tasmota().decode(envelope(body, topic)).messages
    return decoded


def test_a_probe_is_known_by_its_own_id_wherever_its_block_stands() -> None:
    rows = message(
        {"Time": TIME, "DS18B20-1": PROBE, "DS18B20-2": {"Id": "3C01F0FFFFFF", "Temperature": 5}, "TempUnit": "C"}
    ).readings
    assert [(row.logger, row.channel, row.temperature_mc) for row in rows] == [
        ("cold-room", "probe-3C01F0961B2A", 4600), ("cold-room", "probe-3C01F0FFFFFF", 5000),
    ]  # fmt: skip
    assert [row.channel for row in message({"DS18B20": PROBE}).readings] == ["probe-3C01F0961B2A"]


def test_a_climate_sensor_gives_humidity_and_pressure_in_its_declared_unit_and_no_dew_point() -> None:
    block = {"Temperature": 4.6, "Humidity": 51, "DewPoint": -4.2, "Pressure": 29.92}
    [row] = message({"BME280": block, "TempUnit": "C", "PressureUnit": "inHg"}).readings
    assert (row.channel, row.temperature_mc, row.humidity_mpct) == ("probe-bme280", 4600, 51_000)
    assert row.pressure_mhpa == 1_013_207
    assert message({"BME280": {"Pressure": 29.92}}).readings == ()


def test_numbered_values_of_one_block_are_channels_and_light_rides_along() -> None:
    rows = message({"ANALOG": {"Temperature1": 1.2, "Temperature2": 3.4, "Illuminance3": 5}}).readings
    assert [(row.channel, row.temperature_mc, row.light_mlux) for row in rows] == [
        ("probe-1", 1200, 5000), ("probe-2", 3400, None),
    ]  # fmt: skip


def test_lists_of_blocks_and_of_values_are_channels_too() -> None:
    rows = message(
        {"DS18B20": [{"Temperature": 4}, {"Temperature": 5}], "ANALOG": {"Temperature": [1.5, None]}}
    ).readings
    assert [(row.channel, row.temperature_mc, row.fault) for row in rows] == [
        ("probe-ds18b20-1", 4000, None), ("probe-ds18b20-2", 5000, None), ("probe-1", 1500, None),
        ("probe-2", None, "sensor_error"),
    ]  # fmt: skip


def test_declared_fahrenheit_is_converted_and_an_unknown_unit_gives_nothing() -> None:
    assert [
        row.temperature_mc for row in message({"DS18B20": PROBE | {"Temperature": 40.28}, "TempUnit": "F"}).readings
    ] == [4600]
    decoded = message({"DS18B20": PROBE, "TempUnit": "K"})
    assert decoded.readings == ()
    assert decoded.refusals[0].field == "TempUnit"


@pytest.mark.parametrize("block", ["ESP32", "AXP192", "MPU6050", "ENERGY", "ADE7953", "DS3231"])
def test_the_heat_of_chips_clocks_and_meters_is_no_reading(block: str) -> None:
    assert message({block: {"Temperature": 53.3}}).readings == ()


@pytest.mark.parametrize(
    ("value", "unit", "fault"),
    [(None, "C", "sensor_error"), (-127, "C", "sensor_error"), (85, "C", "not_ready"), (185.0, "F", "not_ready")],
)
def test_what_a_probe_says_without_measuring_is_a_fault(value: Any, unit: str, fault: str) -> None:
    rows = message({"DS18B20": PROBE | {"Temperature": value}, "TempUnit": unit}).readings
    assert [(row.temperature_mc, row.fault) for row in rows] == [(None, fault)]


def test_85_degrees_of_another_kind_of_sensor_are_85_degrees() -> None:
    assert [row.temperature_mc for row in message({"MAX31855": {"ProbeTemperature": 85}}).readings] == [85_000]


def test_a_local_time_is_kept_as_text_and_the_arrival_counts() -> None:
    decoded = message({"Time": TIME, "DS18B20": PROBE})
    [row] = decoded.readings
    assert (row.event_time_ms, row.time_source, row.device_time) == (NOW, "arrival", TIME)
    assert timed(decoded, NOW, retained=True).readings == ()


def test_a_time_with_its_zone_counts() -> None:
    [row] = message({"Time": "2026-01-05T10:59:00+01:00", "DS18B20": PROBE}).readings
    assert (row.event_time_ms, row.time_source) == (NOW - 60_000, "device")


def test_a_profile_of_the_logger_says_the_zone() -> None:
    text = """
    id = "tasmota-of-ours"
    version = 1
    name = "A probe in our cold room"
    status = "supported"
    proof = "our own device"
    match = [{ "tasmota.topic" = "cold-room" }]
    time = { path = "Time", format = "%Y-%m-%dT%H:%M:%S", zone = "Europe/Berlin" }
    [channels.probe-1]
    temperature_c = "DS18B20.Temperature"
    [[examples]]
    in = { Time = "2026-01-05T11:00:00", DS18B20 = { Temperature = 4.6 } }
    out = { probe-1 = 4.6 }
    """
    context = PLAIN._replace(profiles=Snapshot([Entry(parse(text), "shipped")]))
    body = {"Time": "2026-01-05T10:59:00", "DS18B20": PROBE}
    [decoded] = Tasmota().decode(envelope(body), context).messages
    [row] = decoded.readings
    assert (row.event_time_ms, row.time_source, row.channel) == (NOW - 60_000, "device", "probe-1")


def test_a_set_clock_tells_messages_apart_for_ever_and_an_unset_one_does_not() -> None:
    assert message({"Time": TIME, "DS18B20": PROBE}).key.startswith(TIME)
    assert message({"Time": "1970-01-01T00:00:10", "DS18B20": PROBE}).key == ""


@pytest.mark.parametrize("topic", ["stat/cold-room/STATUS8", "stat/cold-room/STATUS10", "cold-room/stat/STATUS8"])
def test_the_answer_to_a_question_is_read_like_a_report(topic: str) -> None:
    decoded = message({"StatusSNS": {"Time": TIME, "DS18B20": PROBE, "TempUnit": "C"}}, topic)
    assert (decoded.logger, [row.temperature_mc for row in decoded.readings]) == ("cold-room", [4600])


@pytest.mark.parametrize(
    ("topic", "body", "status"),
    [
        ("tele/cold-room/STATE", {"Vcc": 3.4, "Wifi": {"RSSI": 90}}, None),
        ("tele/cold-room/LWT", b"Offline", {"online": False}),
        ("tele/cold-room/SENSOR", {"Time": TIME, "Switch1": "ON"}, None),
    ],
)
def test_states_and_wills_are_no_reading(topic: str, body: Any, status: Any) -> None:
    decoded = message(body, topic)
    assert (decoded.readings, decoded.status, decoded.undecoded) == ((), status, False)


def test_relayed_zigbee_devices_are_undecoded() -> None:
    assert message({"ZbReceived": {"0x099F": {"Device": "0x099F", "Temperature": 4.6}}}).undecoded


@pytest.mark.parametrize("body", [b"", b"[]", b"4.6", b'{"a"'])
def test_what_is_no_report_is_refused(body: bytes) -> None:
    arrival = Tasmota().decode(envelope(body))
    assert arrival.messages == ()
    assert arrival.refusal is not None


def test_damaged_bodies_never_raise_and_never_give_an_impossible_value() -> None:
    whole = [
        json.dumps(
            {"Time": TIME, "DS18B20-1": PROBE, "AM2301": {"Temperature": 5, "Humidity": 51}, "TempUnit": "C"}
        ).encode()
    ]
    assert conform(Tasmota(), [*whole, *mutations(whole, 2500)], envelope) > 200
