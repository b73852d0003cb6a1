"""BTHome v2: the objects of its table, channels of repeated ones, and an orderly end at what nobody knows."""

import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations
from hypothesis import given, settings
from hypothesis import strategies as st

from coldchain.domain.message import Arrival, Decoded, Envelope
from sensors.carriers import bthome_frame
from sensors.carriers.bthome import BTHome

NOW = 1_767_607_200_000
MAC = "A4:C1:38:11:22:33"


def envelope(data: str | bytes) -> Envelope:
    if isinstance(data, bytes):
        return Envelope("mqtt", "bthome/A4C138112233", data, NOW)
    body = {"id": MAC, "rssi": -60, "servicedata": data.replace(" ", ""), "servicedatauuid": "0xfcd2"}
    return Envelope("mqtt", "bthome/A4C138112233", json.dumps(body).encode(), NOW)


def arrival(data: str) -> Arrival:
    return BTHome().decode(envelope(data))


def message(data: str) -> Decoded:
    [decoded] = arrival(data).messages
    return decoded


@pytest.mark.parametrize(
    ("objects", "field", "expected"),
    [
        ("02 CE01", "temperature_mc", 4620),
        ("02 32FE", "temperature_mc", -4620),
        ("45 2E00", "temperature_mc", 4600),
        ("45 D2FF", "temperature_mc", -4600),
        ("57 EC", "temperature_mc", -20_000),
        ("58 EC", "temperature_mc", -7000),
        ("03 EC13", "humidity_mpct", 51_000),
        ("2E 33", "humidity_mpct", 51_000),
        ("04 138A01", "pressure_mhpa", 1_008_830),
    ],
)
def test_each_measured_object_has_its_size_sign_and_factor(objects: str, field: str, expected: int) -> None:
    [row] = message(f"40 {objects}").readings
    assert getattr(row, field) == expected
    assert (row.logger, row.channel, row.time_source) == ("A4C138112233", "internal", "arrival")


def test_packet_id_battery_light_and_door_ride_along() -> None:
    decoded = message("44 00 2A 01 5D 02 CE01 05 138A14 1A 01")
    [row] = decoded.readings
    assert (row.seq, row.battery_mpct, row.temperature_mc, row.light_mlux, row.door_open) == (
        42, 93_000, 4620, 13_460_670, True,
    )  # fmt: skip


@pytest.mark.parametrize(("number", "state"), [("11", "00"), ("1A", "01"), ("1B", "00"), ("2D", "01")])
def test_contacts_alone_are_a_status_and_no_reading(number: str, state: str) -> None:
    decoded = message(f"44 00 01 {number} {state}")
    assert decoded.readings == ()
    assert decoded.status == {"door_open": state == "01"}


def test_a_repeated_kind_of_measurement_is_the_next_channel() -> None:
    rows = message("40 02 CE01 02 3202 03 EC13 45 D2FF").readings
    assert [(row.channel, row.temperature_mc, row.humidity_mpct) for row in rows] == [
        ("internal", 4620, 51_000), ("probe-2", 5620, None), ("probe-3", -4600, None),
    ]  # fmt: skip


def test_every_known_object_is_passed_over_by_its_size() -> None:
    for number, size in bthome_frame.SIZES.items():
        frame = bthome_frame.frame(bytes([0x40, number]) + b"\x01" * size + b"\x57\x04")
        assert frame.refusals == ()
        assert 4 in [sample.values.get("temperature_c") for sample in frame.samples], hex(number)


@pytest.mark.parametrize("text", ["53 05 48656C6C6F", "54 03 010203", "53 00"])
def test_texts_and_raw_bytes_say_how_long_they_are(text: str) -> None:
    assert [row.temperature_mc for row in message(f"40 {text} 57 04").readings] == [4000]


def test_its_own_address_before_the_objects_is_passed_over_and_another_one_is_no_object() -> None:
    assert [row.temperature_mc for row in message("42 332211 38C1A4 02 CE01").readings] == [4620]
    assert message("42 342211 38C1A4 02 CE01").undecoded
    assert [row.temperature_mc for row in message("42 02 CE01").readings] == [4620]


def test_an_unknown_object_ends_the_reading_and_what_stood_before_counts() -> None:
    decoded = message("40 02 CE01 9F 01 03 EC13")
    assert [(row.temperature_mc, row.humidity_mpct) for row in decoded.readings] == [(4620, None)]
    assert decoded.status == {"unread_object": "0x9F"}


def test_an_object_cut_short_is_told_and_gives_no_value() -> None:
    decoded = message("40 02 CE01 03 EC")
    assert [(row.temperature_mc, row.humidity_mpct) for row in decoded.readings] == [(4620, None)]
    assert "cut short" in decoded.refusals[0].reason


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("41 A47266C95F730011223378237214", "encrypted"),
        ("20 02 CE01", "version 1"),
        ("40 9F 01", "0x9F"),
    ],
)
def test_what_cannot_be_read_is_undecoded_with_its_reason_and_no_value(data: str, said: str) -> None:
    decoded = message(data)
    assert decoded.undecoded
    assert decoded.readings == ()
    assert said in decoded.refusals[0].reason


def test_no_service_data_at_all_is_unread() -> None:
    assert bthome_frame.frame(b"").unread is not None


def test_its_own_clock_counts_where_it_sends_one() -> None:
    [row] = message("40 02 CE01 50 DE8A5B69").readings
    assert (row.event_time_ms, row.time_source) == (1_767_607_006_000, "device")


def test_dew_point_moisture_and_a_general_voltage_are_not_taken_for_anything_else() -> None:
    decoded = message("40 08 CE01 14 EC13 0C B80B")
    assert decoded.readings == ()
    assert decoded.status is None


@pytest.mark.parametrize(
    "body",
    [
        {"id": MAC, "servicedata": "4002ce01", "servicedatauuid": "0x181a"},
        {"id": "A4:C1:38:11:22:34", "servicedata": "4002ce01", "servicedatauuid": "0xfcd2"},
        {"id": MAC, "servicedata": "4002ce0", "servicedatauuid": "0xfcd2"},
        {"id": MAC, "servicedata": None, "servicedatauuid": "0xfcd2"},
        [1],
    ],
)
def test_another_service_another_device_or_no_hex_is_refused(body: Any) -> None:
    given_ = BTHome().decode(envelope(json.dumps(body).encode()))
    assert given_.messages == ()
    assert given_.refusal is not None


@pytest.mark.parametrize("uuid", ["0xFCD2", "fcd2", "0000fcd2-0000-1000-8000-00805f9b34fb"])
def test_the_service_is_known_by_each_spelling_of_its_number(uuid: str) -> None:
    body = json.dumps({"id": MAC, "servicedata": "4002ce01", "servicedatauuid": uuid}).encode()
    posted = Envelope("http", "auto", body, NOW)
    assert BTHome().recognises(posted)
    assert [one.logger for one in BTHome().decode(posted).messages] == ["A4C138112233"]


@given(st.binary(max_size=80))
@settings(max_examples=400, deadline=None)
def test_any_bytes_of_service_data_are_read_in_time_and_give_only_possible_values(data: bytes) -> None:
    conform(BTHome(), [(b"\x40" + data).hex().encode()], lambda text: envelope(text.decode()))


def test_damaged_bodies_never_raise() -> None:
    whole = [envelope("44002A015D02CE0103EC13").payload, envelope("4002CE01023202").payload]
    assert conform(BTHome(), [*whole, *mutations(whole, 2000)], envelope) > 100
