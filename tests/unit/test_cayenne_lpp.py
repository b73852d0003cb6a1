"""Cayenne LPP: raw frames type by type, and the names under which network servers decode them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lorawan_messages import TOPICS, assigned, chirpstack, only, published, things_stack

from sensors.carriers.cayenne_lpp import frame_samples
from sensors.carriers.cayenne_names import named_samples
from sensors.carriers.chirpstack import ChirpStack
from sensors.carriers.port import PLAIN
from sensors.carriers.sample import Sample
from sensors.carriers.things_stack import ThingsStack


def told(samples: tuple[Sample, ...] | None) -> list[Any]:
    assert samples is not None
    return [
        (one.channel, {name: float(value) for name, value in one.values.items()} or one.position) for one in samples
    ]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("03670110 056700ff", [("probe-3", {"temperature_c": 27.2}), ("probe-5", {"temperature_c": 25.5})]),
        ("0167ffd7", [("probe-1", {"temperature_c": -4.1})]),
        ("016700f8 026867", [("probe-1", {"temperature_c": 24.8}), ("probe-1", {"humidity_pct": 51.5})]),
        ("026867", [("probe-2", {"humidity_pct": 51.5})]),
        ("0167002e 02682a 03682b", [("probe-1", {"temperature_c": 4.6}), ("probe-2", {"humidity_pct": 21}),
                                    ("probe-3", {"humidity_pct": 21.5})]),
        ("047327b5", [("probe-4", {"pressure_hpa": 1016.5})]),
        ("06650064", [("", {"light_lux": 100})]),
        ("018806765ff2960a0003e8", [("", (Decimal("42.3519"), Decimal("-87.9094")))]),
        ("0071044600000000 01020064 0166 01 0167002e".replace(" ", ""), [("probe-1", {"temperature_c": 4.6})]),
        ("", []),
    ],
)  # fmt: skip
def test_each_type_has_its_length_and_its_resolution(frame: str, expected: list[Any]) -> None:
    samples, refusals = frame_samples(bytes.fromhex(frame))
    assert refusals == ()
    assert told(samples) == expected


@pytest.mark.parametrize("rest", ["07f90001", "07", "0767", "076700"])
def test_what_is_not_understood_ends_the_frame_and_what_came_before_it_counts(rest: str) -> None:
    samples, [refusal] = frame_samples(bytes.fromhex("0167002e" + rest))
    assert told(samples) == [("probe-1", {"temperature_c": 4.6})]
    assert refusal.value == rest


def test_a_time_in_the_frame_is_the_devices_and_holds_for_the_whole_of_it() -> None:
    samples, _ = frame_samples(bytes.fromhex("0167002e" + "0085695b8560"))
    assert [one.stamp and (one.stamp.at_ms, one.stamp.source) for one in samples] == [(0x695B8560 * 1000, "device")]


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(frame: bytes) -> None:
    samples, refusals = frame_samples(frame)
    assert len(samples) <= len(frame)
    assert len(refusals) <= 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"temperature_3": 27.2, "temperature_5": 25.5},
         [("probe-3", {"temperature_c": 27.2}), ("probe-5", {"temperature_c": 25.5})]),
        ({"temperature_1": 4.5, "relative_humidity_2": 50, "barometric_pressure_3": 1002, "digital_in_4": 1},
         [("probe-1", {"temperature_c": 4.5}), ("probe-1", {"humidity_pct": 50}), ("probe-1", {"pressure_hpa": 1002})]),
        ({"temperatureSensor": {"1": 4.5}, "humiditySensor": {"2": 50}},
         [("probe-1", {"temperature_c": 4.5}), ("probe-1", {"humidity_pct": 50})]),
        ({"temperatureSensor.1": 4.5}, [("probe-1", {"temperature_c": 4.5})]),
        ({"gpsLocation": {"3": {"latitude": 48.1, "longitude": 11.5, "altitude": 500}}}, [("", (48.1, 11.5))]),
        ({"gps_3": {"latitude": 48.1, "longitude": 11.5, "altitude": 500}}, [("", (48.1, 11.5))]),
        ({"presence_48": 0, "voltage_1": 4.19}, []),
        ({"temperature_6": 4.5, "gas_resistance_7": 120}, [("probe-6", {"temperature_c": 4.5})]),
        ({"luminosity_2": 80, "temperature_0": 30.1, "latitude": 48.1, "longitude": 11.5, "sats": 9},
         [("", {"light_lux": 80}), ("probe-0", {"temperature_c": 30.1}), ("", (48.1, 11.5))]),
    ],
)  # fmt: skip
def test_decoded_names_say_kind_channel_and_unit(fields: dict[str, Any], expected: list[Any]) -> None:
    assert told(named_samples(fields)) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {}, [], None, {"temperature": 4.5}, {"temperature_1": 4.5, "battery": 3.6}, {"temperature_c": 4.5},
        {"temperature_1000": 4.5}, {"water_level_1": 4}, {"temperatureSensor": 4.5},
        {"latitude": 48.1, "longitude": 11.5},
    ],
)  # fmt: skip
def test_names_of_somebody_elses_decoder_are_left_to_a_profile(fields: Any) -> None:
    assert named_samples(fields) is None


def test_decoded_messages_of_both_servers_need_no_set_up() -> None:
    by_stack = only(ThingsStack(), published(things_stack({"temperature_3": 4.6}), TOPICS["things-stack"]), PLAIN)
    nested = {"temperatureSensor": {"3": 4.6}}
    by_chirp = only(ChirpStack(), published(chirpstack(nested), TOPICS["chirpstack"]), PLAIN)
    for message in (by_stack, by_chirp):
        assert [(row.channel, row.temperature_mc) for row in message.readings] == [("probe-3", 4600)]


def test_a_time_beside_the_names_is_the_devices() -> None:
    fields = {"temperature_1": 4.6, "time": "2026-01-05T02:00:00Z"}
    [row] = only(ThingsStack(), published(things_stack(fields), TOPICS["things-stack"]), PLAIN).readings
    assert (row.time_source, row.historical, row.device_time) == ("device", True, "2026-01-05T02:00:00Z")


def test_raw_frames_are_read_only_where_somebody_declared_them() -> None:
    envelope = published(chirpstack(data="AWcALgJo"), TOPICS["chirpstack"])
    assert only(ChirpStack(), envelope).undecoded
    message = only(ChirpStack(), envelope, assigned("cayenne-lpp"))
    assert [(row.channel, row.temperature_mc) for row in message.readings] == [("probe-1", 4600)]
    assert [refusal.value for refusal in message.refusals] == ["0268"]
    assert message.device_profile == "cayenne-lpp@1"


def test_a_frame_without_one_known_type_is_undecoded() -> None:
    message = only(ChirpStack(), published(chirpstack(data="AfkA"), TOPICS["chirpstack"]), assigned("cayenne-lpp"))
    assert (message.undecoded, message.readings, len(message.refusals)) == (True, (), 2)
