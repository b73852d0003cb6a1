"""SenML: base fields, relative and absolute times, units by declaration, one device or several, JSON or CBOR."""

import json
from typing import Any

import cbor2
import pytest
from carrier_conformance import conform, mutations
from hypothesis import given, settings
from hypothesis import strategies as st

from coldchain.domain.message import Arrival, Decoded, Envelope
from ingest.timing import timed
from sensors.carriers.senml import SenML

NOW = 1_767_607_200_000
MAC = "urn:dev:mac:0024befffe804ff1"
UUID = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
THEN = 1_767_600_000
LABELS = {
    "bver": -1,
    "bn": -2,
    "bt": -3,
    "bu": -4,
    "bv": -5,
    "bs": -6,
    "n": 0,
    "u": 1,
    "v": 2,
    "vs": 3,
    "vb": 4,
    "s": 5,
    "t": 6,
    "vd": 8,
}


def envelope(pack: Any, topic: str = "cold/store-7/senml") -> Envelope:
    return Envelope("mqtt", topic, pack if isinstance(pack, bytes) else json.dumps(pack).encode(), NOW)


def binary(pack: list[dict[str, Any]]) -> bytes:
    return cbor2.dumps([{LABELS.get(name, name): value for name, value in record.items()} for record in pack])


def arrival(*pack: Any, topic: str = "cold/store-7/senml") -> Arrival:
    return SenML().decode(envelope(list(pack), topic))


def message(*pack: Any) -> Decoded:
    [decoded] = arrival(*pack).messages
    return decoded


def test_base_fields_hold_for_the_records_that_follow_until_they_change() -> None:
    rows = message(
        {"bn": f"{MAC}:", "bt": THEN, "bu": "Cel", "n": "temp", "v": 4.6},
        {"n": "temp", "t": 60, "v": 4.7},
        {"bt": THEN + 600, "n": "temp", "v": 4.8},
        {"n": "hum", "u": "%RH", "v": 51},
        {"bn": f"{MAC}/", "n": "temp", "t": -60, "v": 4.9},
    ).readings
    assert [(row.event_time_ms // 1000 - THEN, row.temperature_mc, row.humidity_mpct) for row in rows] == [
        (0, 4600, None), (60, 4700, None), (600, 4800, 51_000), (540, 4900, None),
    ]  # fmt: skip
    assert {(row.logger, row.channel, row.time_source) for row in rows} == {("0024BEFFFE804FF1", "internal", "device")}


def test_a_base_value_is_added_and_unknown_fields_are_passed_over() -> None:
    decoded = message({"bn": MAC, "bu": "Cel", "bv": 4, "v": 0.6, "l": "[]", "x": {"y": [1]}}, {"s": 7, "ut": 60})
    assert [row.temperature_mc for row in decoded.readings] == [4600]


@pytest.mark.parametrize(
    ("t", "expected_ms"), [(None, NOW), (0, NOW), (-300, NOW - 300_000), (2**28 - 1, NOW + (2**28 - 1) * 1000)]
)
def test_small_times_are_relative_to_the_arrival(t: int | None, expected_ms: int) -> None:
    record = {"n": MAC, "u": "Cel", "v": 4.6} | ({} if t is None else {"t": t})
    decoded = message(record)
    assert [(row.event_time_ms, row.time_source) for row in decoded.readings] == [(expected_ms, "arrival")]
    assert decoded.key == ""


def test_an_absolute_time_is_believed_however_old_because_unset_clocks_write_relative_ones() -> None:
    decoded = message({"n": MAC, "u": "Cel", "t": 2**28, "v": 4.6})
    assert [row.event_time_ms for row in timed(decoded, NOW).readings] == [2**28 * 1000]
    ahead = timed(message({"n": MAC, "u": "Cel", "t": THEN * 2, "v": 4.6}), NOW)
    assert [row.event_time_ms for row in ahead.readings] == [NOW]


@pytest.mark.parametrize(
    ("unit", "value", "field", "expected"),
    [
        ("Cel", -80.25, "temperature_mc", -80_250), ("K", 277.75, "temperature_mc", 4600),
        ("%RH", 51.5, "humidity_mpct", 51_500),
        ("Pa", 101_325, "pressure_mhpa", 1_013_250), ("hPa", 1013.25, "pressure_mhpa", 1_013_250),
    ],
)  # fmt: skip
def test_units_are_converted_by_declaration(unit: str, value: float, field: str, expected: int) -> None:
    [row] = message({"n": MAC, "u": unit, "v": value}).readings
    assert getattr(row, field) == expected


def test_battery_light_position_and_door_ride_along() -> None:
    [row] = message(
        {"bn": f"{MAC}:", "n": "temp", "u": "Cel", "v": 4.6}, {"n": "level", "u": "%EL", "v": 88},
        {"n": "lamp", "u": "lx", "v": 3},
        {"n": "battery", "u": "V", "v": 3.1}, {"u": "lon", "v": 11.5754}, {"u": "lat", "v": 48.1371},
        {"n": "door", "vb": True},
    ).readings  # fmt: skip
    assert (row.battery_mpct, row.battery_mv, row.light_mlux, row.door_open) == (88_000, 3100, 3000, True)
    assert (row.latitude_e7, row.longitude_e7) == (481_371_000, 115_754_000)


def test_a_battery_at_its_own_time_is_a_row_of_its_own() -> None:
    rows = message(
        {"bn": MAC, "bt": THEN, "bu": "%RH", "v": 51},
        {"u": "%EL", "t": 150, "v": 98},
        {"t": 180, "v": 52},
    ).readings
    assert [(row.event_time_ms // 1000 - THEN, row.humidity_mpct, row.battery_mpct) for row in rows] == [
        (0, 51_000, None), (180, 52_000, None), (150, None, 98_000),
    ]  # fmt: skip


def test_several_names_are_several_channels_and_the_board_is_not_cargo() -> None:
    rows = message(
        {"bn": f"{MAC}:", "bu": "Cel", "n": "temperature", "v": 1}, {"n": "temp2", "v": 2}, {"n": "probe-3", "v": 3},
        {"n": "top/temp", "v": 4}, {"n": "board", "v": 30}, {"n": "temp_ambient", "v": 21},
    ).readings  # fmt: skip
    assert [(row.channel, row.temperature_mc) for row in rows] == [
        ("internal", 1000), ("probe-2", 2000), ("probe-3", 3000), ("probe-top", 4000),
        ("board", 30_000), ("ambient", 21_000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pack", "logger"),
    [
        ([{"bn": "urn:dev:ow:10e2073a0108006:", "n": "temp"}], "10e2073a0108006"),
        ([{"n": "urn:dev:org:32473-foo:temp"}], "urn:dev:org:32473-foo"),
        ([{"bn": f"{UUID}/", "n": "t1"}], UUID),
        ([{"bn": "fridge-7/", "n": "temp"}], "fridge-7"),
        ([{"bn": "site/fridge-7/", "n": "temp"}], "site:fridge-7"),
        ([{"n": "fridge-7/temp"}], "fridge-7"),
        ([{"bn": "fridge-7"}], "fridge-7"),
        ([{"n": "temp"}], "store-7"),
    ],
)  # fmt: skip
def test_the_device_is_named_by_urn_base_name_path_or_topic(pack: list[dict[str, Any]], logger: str) -> None:
    [decoded] = arrival(*[record | {"u": "Cel", "v": 4} for record in pack]).messages
    assert decoded.logger == logger


def test_a_pack_of_several_devices_gives_each_its_message_that_can_be_read_again() -> None:
    pack = [{"bn": "fridge-7/", "bt": THEN, "bu": "Cel", "n": "temp", "v": 4}, {"bn": "fridge-8/", "n": "temp", "v": 5}]
    first, second = arrival(*pack).messages
    assert [(one.logger, one.readings[0].temperature_mc) for one in (first, second)] == [
        ("fridge-7", 4000),
        ("fridge-8", 5000),
    ]
    [again] = SenML().decode(envelope(second.payload)).messages
    assert (again.logger, again.key, again.readings) == (second.logger, second.key, second.readings)


@pytest.mark.parametrize("unit", ["degF", "A", "V", None])
def test_a_number_without_a_known_meaning_is_undecoded(unit: str | None) -> None:
    decoded = message({"n": MAC, "v": 120.1} | ({} if unit is None else {"u": unit}))
    assert decoded.undecoded
    assert decoded.readings == ()
    assert MAC in decoded.refusals[0].reason


def test_beside_a_measurement_an_ampere_is_passed_over_and_a_foreign_degree_is_told() -> None:
    decoded = message(
        {"bn": f"{MAC}:", "n": "temp", "u": "Cel", "v": 4},
        {"n": "i", "u": "A", "v": 1},
        {"n": "out", "u": "degF", "v": 70},
    )
    assert [row.temperature_mc for row in decoded.readings] == [4000]
    assert [refusal.value for refusal in decoded.refusals] == ["degF"]


def test_texts_data_and_truth_values_are_no_reading_and_no_mistake() -> None:
    decoded = message(
        {"bn": MAC, "n": ":label", "vs": "Cold room"}, {"n": ":id", "vd": "aGk"}, {"n": ":on", "vb": True}
    )
    assert (decoded.readings, decoded.refusals, decoded.undecoded) == ((), (), False)


def test_one_bad_record_does_not_cost_the_others() -> None:
    decoded = message(
        {"bn": f"{MAC}:", "bu": "Cel", "n": "temp1", "v": 4}, 17, {"n": "temp2", "v": "4"}, {"n": "temp3", "v": True},
        {"n": "bad name", "v": 1}, {"n": "temp4", "t": [], "v": 1}, {"n": "temp5", "v": 999}, {"n": "temp6", "v": 6},
    )  # fmt: skip
    assert [row.channel for row in decoded.readings] == ["probe-1", "probe-6"]
    assert len(decoded.refusals) == 6


def test_half_a_position_is_told() -> None:
    decoded = message({"bn": MAC, "u": "Cel", "v": 4}, {"u": "lat", "v": 48})
    assert [row.latitude_e7 for row in decoded.readings] == [None]
    assert decoded.refusals[0].field == "position"


@pytest.mark.parametrize(
    "record", [{"bver": 11, "n": MAC, "v": 1}, {"bver": "5", "n": MAC, "v": 1}, {"n": MAC, "v": 1, "new_": 2}]
)
def test_a_pack_that_demands_to_be_understood_is_undecoded_whole(record: dict[str, Any]) -> None:
    given_ = arrival({"n": MAC, "u": "Cel", "v": 4}, record)
    assert given_.messages == ()
    assert given_.undecoded


def test_the_binary_form_says_the_same() -> None:
    pack: list[dict[str, Any]] = [
        {"bn": f"{MAC}:", "bt": float(THEN), "bu": "Cel", "bver": 5, "n": "temp", "v": 4.6},
        {"n": "temp", "t": 60, "v": -4},
        {"n": "label", "vs": "x"}, {"n": "raw", "vd": b"\x01"}, {"n": "door", "vb": False},
    ]  # fmt: skip
    [text], [packed] = arrival(*pack[:2], *pack[4:]).messages, SenML().decode(envelope(binary(pack))).messages
    assert [row._replace(device_time=None) for row in packed.readings] == [
        row._replace(device_time=None) for row in text.readings
    ]


def test_a_decimal_fraction_is_a_number_in_the_binary_form() -> None:
    packed = b"\x81\xa3\x00\x61a\x01\x63Cel\x02\xc4\x82\x21\x19\x01\xce"  # 462 times ten to the minus two
    [decoded] = SenML().decode(envelope(packed)).messages
    assert [row.temperature_mc for row in decoded.readings] == [4620]


def test_a_pack_that_says_that_it_is_cbor_is_read() -> None:
    [decoded] = SenML().decode(envelope(b"\xd9\xd9\xf7" + binary([{"n": MAC, "u": "Cel", "v": 4}]))).messages
    assert [row.temperature_mc for row in decoded.readings] == [4000]


@pytest.mark.parametrize(
    "bad",
    [
        b"", b"{}", b"[", b"[]", b"4.6", b"\x81" * 60_000, b"\xa1\x00" * 30_000, b"\xc1" * 60_000, b"\x80", b"\xff",
        b"\x9b\x00\x00\x00\x00\xff\xff\xff\xff", b"\x81\xd8\x23\x78\x40" + b"(" * 64, b"\x81\xd8\x1c\x81\xd8\x1d\x00",
        b"\x81\xa2\x02\x01\x02\x03", b"\x81\xa3\x00\x61a\x01\x63Cel\x02\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\x81\xa3\x00\x61a\x01\x63Cel\x02\xc2\x59\x40\x00" + b"\xff" * 16_384,
        b"\x81\xc2\x59\x40\x00" + b"\xff" * 16_384, b"\xc2\x59\x40\x00" + b"\xff" * 16_384,
        b"[" * 30_000, b"[[[[]]]]",
        b"\x81\x81\xa1\x41a\x01", b"\x81\xa2\x00\xa1\x41a\x01\x01\xa1\x80\x01", b"\x81\xa2\x00\x61a\x20\xa1\x41a\x01",
    ],
)  # fmt: skip
def test_what_is_no_pack_is_refused_in_time(bad: bytes) -> None:
    assert conform(SenML(), [bad], envelope) == 0
    assert SenML().decode(envelope(bad)).refusal is not None


def test_its_topics_media_types_and_looks_are_known() -> None:
    carrier = SenML()
    assert all(carrier.claims(envelope([], topic)) for topic in ("a/senml", "a/b/senml", "senml/a"))
    assert not carrier.claims(envelope([], "a/senml/b"))
    assert carrier.recognises(Envelope("http", "auto", b"\x80", NOW, content_type="application/senml+cbor; charset=x"))
    assert carrier.recognises(Envelope("http", "auto", b'[{"n":"a","v":1}]', NOW))
    assert not carrier.recognises(Envelope("http", "auto", b'[{"device":"a","readings":[]}]', NOW))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_in_time(data: bytes) -> None:
    conform(SenML(), [data, b"\x81" + data, b"\x81\xa3\x00\x61a\x01\x63Cel\x02" + data], envelope)


def test_damaged_packs_never_raise_and_never_give_an_impossible_value() -> None:
    packs = [
        [{"bn": f"{MAC}:", "bt": THEN, "bu": "Cel", "n": "temp", "v": 4.6}, {"n": "hum", "u": "%RH", "t": 60, "v": 51}],
        [
            {"bn": "a/", "bu": "Cel", "n": "t", "v": 4},
            {"bn": "b/", "n": "t", "v": 5},
            {"u": "lat", "v": 48},
            {"u": "lon", "v": 11},
        ],
    ]
    whole = [json.dumps(pack).encode() for pack in packs] + [binary(pack) for pack in packs]
    assert conform(SenML(), [*whole, *mutations(whole, 3000)], envelope) > 500
