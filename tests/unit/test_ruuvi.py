"""Ruuvi: what tags broadcast and gateways forward; what is not available is no value, the gateway is not the tag."""

import json
import struct
from typing import Any

import pytest
from carrier_conformance import conform, mutations
from hypothesis import given, settings
from hypothesis import strategies as st

from coldchain.domain.message import Decoded, Envelope
from sensors.carriers import ruuvi_frame
from sensors.carriers.ruuvi import Ruuvi

NOW = 1_767_607_200_000
GATEWAY, TAG = "C8:25:2D:8E:9C:2C", "F1:2C:6A:01:EE:42"
BARE = "F12C6A01EE42"


def df5(
    temperature: int = 924, humidity: int = 20_400, pressure: int = 51_325, seq: int = 4711, mac: str = BARE
) -> bytes:
    """A frame of data format 5: 4.62 °C, 51 % RH, 1013.25 hPa, 3.0 V."""
    head = struct.pack(">BhHHhhh", 5, temperature, humidity, pressure, 4, -4, 1016)
    return head + struct.pack(">HBH", 1400 << 5 | 22, 66, seq) + bytes.fromhex(mac)


def df6(temperature: int = 924, light: int = 100, seq: int = 7, mac: str = BARE[6:]) -> bytes:
    return struct.pack(
        ">BhHHHHBBBBBB", 6, temperature, 20_400, 51_325, 30, 420, 5, 1, light, 255, seq, 0
    ) + bytes.fromhex(mac)


def advert(frame: bytes, company: str = "9904", kind: str = "FF") -> str:
    return f"020106{len(frame) + 3:02X}{kind}{company}{frame.hex().upper()}"


def body(data: Any, **more: Any) -> dict[str, Any]:
    return {
        "gw_mac": GATEWAY,
        "rssi": -71,
        "aoa": [],
        "gwts": "1767607199",
        "ts": "1767607198",
        "data": data,
        "coords": "48.1,11.5",
    } | more


def envelope(tree: Any, tag: str = TAG, gateway: str = GATEWAY) -> Envelope:
    payload = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return Envelope("mqtt", f"ruuvi/{gateway}/{tag}", payload, NOW)


def message(frame: bytes, **more: Any) -> Decoded:
    [decoded] = Ruuvi().decode(envelope(body(advert(frame), **more))).messages
    return decoded


def test_data_format_5_is_read_with_the_gateways_stamp_and_without_the_gateways_place() -> None:
    decoded = message(df5())
    [row] = decoded.readings
    assert (row.logger, row.channel, row.seq) == (BARE, "internal", 4711)
    assert (row.temperature_mc, row.humidity_mpct, row.pressure_mhpa, row.battery_mv) == (4620, 51_000, 1_013_250, 3000)
    assert (row.event_time_ms, row.time_source, row.device_time) == (1_767_607_198_000, "gateway", "1767607198")
    assert row.latitude_e7 is None
    assert decoded.clock == (1_767_607_198_000, "gateway")


@pytest.mark.parametrize(
    ("degrees", "hundredths", "expected"), [(4, 62, 4620), (0x84, 62, -4620), (0x80, 5, -50), (20, 0, 20_000)]
)
def test_data_format_3_has_sign_and_magnitude(degrees: int, hundredths: int, expected: int) -> None:
    frame = struct.pack(">BBBBHhhhH", 3, 41, degrees, hundredths, 51_325, 1000, 0, 0, 2899)
    [row] = message(frame).readings
    assert (row.logger, row.temperature_mc, row.humidity_mpct, row.battery_mv) == (BARE, expected, 20_500, 2899)


def test_data_format_6_is_read_and_its_half_address_must_fit_the_topics() -> None:
    [row] = message(df6()).readings
    assert (row.logger, row.temperature_mc, row.humidity_mpct, row.seq) == (BARE, 4620, 51_000, 7)
    assert row.light_mlux == 77_750  # 65536 to the power 100/254, less one
    assert Ruuvi().decode(envelope(body(advert(df6(mac="000001"))))).refusal is not None


def test_what_is_not_available_is_a_fault_of_the_tag_that_the_topic_names() -> None:
    frame = struct.pack(">BhHHhhhHBH", 5, -0x8000, 0xFFFF, 0xFFFF, 0, 0, 0, 0xFFFF, 0xFF, 0xFFFF) + b"\xff" * 6
    [row] = message(frame).readings
    assert (row.logger, row.fault, row.values) == (BARE, "sensor_error", (None,) * 10 + ("sensor_error",))
    assert row.seq is None


def test_only_the_temperature_not_available_is_a_fault_beside_the_humidity() -> None:
    [row] = message(df5(temperature=-0x8000)).readings
    assert (row.temperature_mc, row.humidity_mpct, row.fault) == (None, 51_000, "sensor_error")


@pytest.mark.parametrize("raw", [32_767, -32_767, 17_001, -8001])
def test_an_impossible_temperature_takes_what_was_corrected_by_it_along(raw: int) -> None:
    decoded = message(df5(temperature=raw))
    assert decoded.readings == ()
    assert [refusal.field for refusal in decoded.refusals] == ["temperature_c", "humidity_pct", "pressure_hpa"]


def test_an_impossible_humidity_is_refused_and_the_temperature_stays() -> None:
    decoded = message(df5(humidity=0xFFFE))
    assert [(row.temperature_mc, row.humidity_mpct) for row in decoded.readings] == [(4620, None)]
    assert decoded.refusals[0].field == "humidity_pct"


def test_two_gateways_that_hear_one_measurement_give_it_one_key_and_the_wrap_another() -> None:
    first = message(df5())
    [other] = (
        Ruuvi()
        .decode(envelope(body(advert(df5()), gw_mac="AA:AA:AA:AA:AA:01", rssi=-90, ts="1767607199"), gateway="x"))
        .messages
    )
    wrapped = message(df5(), ts="1767693600")
    assert first.key == other.key
    assert first.key.startswith("heard:4711:")
    assert wrapped.key != first.key
    assert message(df5(seq=4712)).key != first.key


def test_the_address_in_the_frame_must_be_that_of_the_topic() -> None:
    arrival = Ruuvi().decode(envelope(body(advert(df5())), tag="F1:2C:6A:01:EE:43"))
    assert arrival.messages == ()
    assert arrival.refusal is not None
    assert BARE in arrival.refusal.reason
    assert "F12C6A01EE43" in arrival.refusal.reason


@pytest.mark.parametrize(
    "bad",
    [
        b"invalid json", b"[]", b'"x"', body("zz"), body(""), body("0201061BFF"), body(17), {"gw_mac": GATEWAY},
        body(advert(df5(), company="9999")), body(advert(df5(), kind="AA")), body(advert(df5()[:-1])),
        body(advert(struct.pack(">BBBBHhhhH", 3, 41, 4, 100, 0, 0, 0, 0, 0))),
    ],
)  # fmt: skip
def test_what_is_no_advertisement_of_a_tag_is_refused(bad: Any) -> None:
    arrival = Ruuvi().decode(envelope(bad))
    assert arrival.messages == ()
    assert arrival.refusal is not None
    assert not arrival.undecoded


def test_an_unknown_data_format_is_undecoded_under_its_tag() -> None:
    decoded = message(b"\xe1" + bytes(39))
    assert decoded.undecoded
    assert "0xE1" in decoded.refusals[0].reason
    assert decoded.logger == BARE


def test_bthome_in_a_forwarded_advertisement_is_read_too() -> None:
    data = "020106" + "0716D2FC4002CE01"
    [decoded] = Ruuvi().decode(envelope(body(data))).messages
    assert [row.temperature_mc for row in decoded.readings] == [4620]


@pytest.mark.parametrize("stamps", [{"ts": "", "gwts": ""}, {"ts": "soon", "gwts": None}])
def test_a_gateway_without_a_clock_leaves_the_arrival_and_a_key_for_one_interval(stamps: dict[str, Any]) -> None:
    decoded = message(df5(), **stamps)
    assert [(row.event_time_ms, row.time_source) for row in decoded.readings] == [(NOW, "arrival")]
    assert decoded.key.startswith("sha256:")


def test_the_body_that_the_gateway_posts_gives_a_message_for_each_tag_and_keeps_the_good_ones() -> None:
    tags = {
        TAG: {"rssi": -70, "timestamp": 1_767_607_198, "data": advert(df5())},
        "F1:2C:6A:01:EE:43": {"rssi": -70, "timestamp": 1_767_607_197, "data": "00"},
        "F1:2C:6A:01:EE:44": {"rssi": -70, "data": advert(df5(mac="F12C6A01EE44"))},
    }
    posted = {"data": {"coordinates": "", "timestamp": 1_767_607_199, "gw_mac": GATEWAY, "tags": tags}}
    arrival = Ruuvi().decode(Envelope("http", "ruuvi", json.dumps(posted).encode(), NOW))
    assert [(one.logger, one.readings[0].event_time_ms) for one in arrival.messages] == [
        (BARE, 1_767_607_198_000), ("F12C6A01EE44", 1_767_607_199_000),
    ]  # fmt: skip
    assert "F1:2C:6A:01:EE:43" in arrival.messages[0].refusals[0].reason
    assert Ruuvi().recognises(arrival.envelope)


def test_what_the_gateway_decoded_itself_counts_in_its_units() -> None:
    tree = {
        "gw_mac": GATEWAY,
        "ts": 1_767_607_198,
        "dataFormat": 5,
        "temperature": 4.62,
        "humidity": 51,
        "pressure": 101_325,
        "voltage": 2.9,
        "measurementSequenceNumber": 9,
        "id": TAG,
    }
    [decoded] = Ruuvi().decode(envelope(tree)).messages
    [row] = decoded.readings
    assert (row.temperature_mc, row.pressure_mhpa, row.battery_mv, row.seq) == (4620, 1_013_250, 2900, 9)


def test_the_gateways_own_state_is_no_reading() -> None:
    [decoded] = Ruuvi().decode(envelope({"state": "online"}, tag="gw_status")).messages
    assert (decoded.logger, decoded.readings, decoded.status) == ("C8252D8E9C2C", (), {"gateway": "online"})


@given(st.sampled_from([b"", b"\x03", b"\x05", b"\x06"]), st.binary(max_size=40), st.binary(max_size=6))
@settings(max_examples=400, deadline=None)
def test_any_frame_is_read_in_time_and_gives_only_possible_values(kind: bytes, frame: bytes, before: bytes) -> None:
    for data in (advert(kind + frame), (before + kind + frame).hex()):
        conform(Ruuvi(), [json.dumps(body(data)).encode()], envelope, limits=ruuvi_frame.LIMITS)


def test_hostile_frames_never_raise_and_never_give_an_impossible_value() -> None:
    frames = [df5(), df5(temperature=-8000), df6(), struct.pack(">BBBBHhhhH", 3, 41, 4, 62, 51_325, 0, 0, 0, 2899)]
    posted = {"data": {"gw_mac": GATEWAY, "tags": {TAG: {"timestamp": 1_767_607_198, "data": advert(df5())}}}}
    whole = [json.dumps(body(advert(frame))).encode() for frame in frames] + [json.dumps(posted).encode()]
    damaged = [json.dumps(body(advert(frame))).encode() for frame in mutations(frames, 2000)]
    given = conform(Ruuvi(), [*whole, *damaged, *mutations(whole, 2000)], envelope, limits=ruuvi_frame.LIMITS)
    assert given > 500
