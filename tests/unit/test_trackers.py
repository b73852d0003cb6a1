"""Trackers through flespi and Traccar: which fields are probes, whose clock counts, whose position it is."""

from typing import Any

import pytest
from vendor_examples import FLESPI, NOW, TRACCAR, coded, posted

from coldchain.domain.message import Decoded, Envelope
from sensors.carriers.flespi import Flespi
from sensors.carriers.traccar import Traccar


def flespi(**changes: Any) -> Decoded:
    [message] = Flespi().decode(posted({**FLESPI, **changes}, "flespi")).messages
    return message


def traccar(attributes: dict[str, Any] | None = None, **changes: Any) -> Decoded:
    position = {**TRACCAR["position"], **changes}
    if attributes is not None:
        position["attributes"] = attributes
    [message] = Traccar().decode(posted({**TRACCAR, "position": position}, "traccar")).messages
    return message


def test_each_probe_of_a_flespi_message_is_a_channel_and_the_engine_is_none() -> None:
    message = flespi()
    assert {row.channel: row.temperature_mc for row in message.readings} == {
        "probe-refrigerator-1": 4500, "probe-refrigerator-2": -19_250, "probe-ble-1": 5100,
    }  # fmt: skip
    first = message.readings[0]
    assert (first.latitude_e7, first.longitude_e7, first.battery_mv, first.battery_mpct) == (
        481_371_000, 115_754_000, 4020, 88_000,
    )  # fmt: skip
    assert {(row.event_time_ms, row.time_source, row.seq) for row in message.readings} == {(NOW - 30_000, "device", 17)}


@pytest.mark.parametrize(
    ("field", "channel"),
    [
        ("sensor.temperature.3", "probe-3"),
        ("sensor.temperature", "probe-1"),
        ("onewire.temperature.2", "probe-onewire-2"),
        ("wireless.sensor.temperature#4", "probe-wireless-4"),
    ],
)
def test_flespi_names_of_probes(field: str, channel: str) -> None:
    body = {"ident": "605630", "timestamp": NOW // 1000, field: 3.5}
    [row] = Flespi().decode(posted(body, "flespi")).messages[0].readings
    assert (row.channel, row.temperature_mc) == (channel, 3500)


@pytest.mark.parametrize(
    "field", ["can.intake.air.temperature", "gnss.temperature", "lls.sensor.temperature#1", "device.temperature"]
)
def test_what_is_no_probe_gives_no_reading(field: str) -> None:
    body = {"ident": "605630", "timestamp": NOW // 1000, field: 3.5}
    assert Flespi().decode(posted(body, "flespi")).messages[0].readings == ()


@pytest.mark.parametrize("stamp", ["2026-01-05T10:00:00", "1767607200", 1767607200.0])
def test_times_of_flespi_are_seconds_or_iso_in_utc(stamp: Any) -> None:
    assert {row.event_time_ms for row in flespi(timestamp=stamp).readings} == {NOW}


def test_a_fix_that_the_tracker_does_not_trust_is_no_position() -> None:
    assert [row.latitude_e7 for row in flespi(**{"position.valid": False}).readings] == [None, None, None]


def test_a_buffered_message_is_historical_and_so_is_one_much_older_than_the_server() -> None:
    assert {row.historical for row in flespi(**{"message.buffered.status": True}).readings} == {True}
    assert {row.historical for row in flespi(timestamp=NOW // 1000 - 3600).readings} == {True}
    assert {row.historical for row in flespi().readings} == {False}


def test_a_record_that_a_tracker_sends_again_is_another_message_with_the_same_readings() -> None:
    first, again = flespi(), flespi(**{"server.timestamp": NOW // 1000 + 5})
    assert first.key != again.key
    assert [row.values for row in first.readings] == [row.values for row in again.readings]


@pytest.mark.parametrize(
    ("topic", "counts"),
    [
        ("flespi/message/gw/devices/551", True),
        ("flespi/message/gw/devices/552", False),
        ("flespi/message/gw/channels/9/352093081234567", True),
        ("flespi/message/gw/channels/9/350000000000000", False),
    ],
)
def test_topic_and_message_have_to_name_the_same_device(topic: str, counts: bool) -> None:
    envelope = Envelope("mqtt", topic, coded(FLESPI), NOW)
    assert Flespi().claims(envelope)
    [message] = Flespi().decode(envelope).messages
    assert bool(message.readings) is counts
    assert [refusal.field for refusal in message.refusals] == ([] if counts else ["topic"])


def test_states_of_flespi_are_not_claimed() -> None:
    assert not Flespi().claims(Envelope("mqtt", "flespi/state/gw/devices/551/telemetry/position", b"{}", NOW))


@pytest.mark.parametrize(
    ("code", "fault"), [(20.0, "sensor_error"), (30, "probe_open"), ("40.00", "sensor_error"), (3000, "probe_open")]
)
def test_a_code_of_a_bluetooth_sensor_is_a_fault_and_no_temperature(code: Any, fault: str) -> None:
    body = {"ident": "1", "timestamp": NOW // 1000, "protocol.id": 14, "ble.sensor.temperature.1": code}
    [row] = Flespi().decode(posted(body, "flespi")).messages[0].readings
    assert (row.temperature_mc, row.fault) == (None, fault)


def test_the_same_number_from_another_make_is_a_temperature() -> None:
    body = {"ident": "1", "timestamp": NOW // 1000, "protocol.id": 8, "ble.sensor.temperature.1": 30.0}
    [row] = Flespi().decode(posted(body, "flespi")).messages[0].readings
    assert (row.temperature_mc, row.fault) == (30_000, None)


def test_a_traccar_position_gives_its_probes_and_the_place_rides_along() -> None:
    message = traccar()
    assert message.logger == "352093081234567"
    one_wire, bluetooth = message.readings
    assert (one_wire.channel, one_wire.temperature_mc, one_wire.door_open) == ("probe-1", 4500, False)
    assert (bluetooth.channel, bluetooth.temperature_mc, bluetooth.humidity_mpct) == ("probe-ble-1", 5250, 48_000)
    assert (one_wire.latitude_e7, one_wire.battery_mv, one_wire.battery_mpct) == (481_371_000, 4020, 88_000)


@pytest.mark.parametrize(
    ("attributes", "faults"),
    [
        ({"temp1": 85.0}, ["not_ready"]),
        ({"temp1": 300.0, "temp2": 5}, ["probe_open", None]),
        ({"bleTemp1": 40.0}, ["sensor_error"]),
        ({"bleTemp1": 85.0}, [None]),
        ({"tag1Temp": 4.5}, [None]),
    ],
)
def test_codes_in_traccar_attributes_are_faults(attributes: dict[str, Any], faults: list[str | None]) -> None:
    rows = traccar(attributes).readings
    assert [row.fault for row in rows] == faults
    assert [row.temperature_mc is None for row in rows] == [fault is not None for fault in faults]


def test_85_degrees_of_another_protocol_is_a_temperature() -> None:
    [row] = traccar({"temp1": 85.0}, protocol="gt06").readings
    assert row.temperature_mc == 85_000


@pytest.mark.parametrize(
    "doubt", [{"valid": False}, {"outdated": True}, {"attributes": {"temp1": 4, "approximate": True}}]
)
def test_a_doubted_old_or_approximate_place_is_no_position(doubt: dict[str, Any]) -> None:
    assert {row.latitude_e7 for row in traccar(**doubt).readings} == {None}


def test_a_fix_of_another_moment_is_a_row_of_the_device() -> None:
    rows = traccar(fixTime="2026-01-05T09:40:00.000+00:00").readings
    assert [(row.channel, row.latitude_e7) for row in rows][-1] == ("device", 481_371_000)
    assert rows[-1].event_time_ms == NOW - 20 * 60_000


def test_times_of_older_traccars_are_read_too() -> None:
    rows = traccar(deviceTime=NOW - 5000, fixTime="2026-01-05T09:59:55.000+0000").readings
    assert {row.event_time_ms for row in rows} == {NOW - 5000}


def test_a_position_without_the_hardwares_id_is_refused() -> None:
    arrival = Traccar().decode(posted({**TRACCAR, "device": {"id": 7, "name": "Truck"}}, "traccar"))
    assert arrival.messages == ()
    assert arrival.refusal is not None
    assert arrival.refusal.field == "device.uniqueId"


def test_an_event_with_its_position_is_told_as_status() -> None:
    body = {**TRACCAR, "event": {"id": 4, "type": "geofenceEnter"}}
    [message] = Traccar().decode(posted(body, "traccar")).messages
    assert message.status == {"event": "geofenceEnter"}


def test_a_probe_without_number_beside_probe_one_is_another_probe() -> None:
    rows = flespi(**{"sensor.temperature": 3.1, "sensor.temperature#1": -18.2}).readings
    found = {row.channel: row.temperature_mc for row in rows}
    assert (found["probe-0"], found["probe-1"]) == (3100, -18_200)
