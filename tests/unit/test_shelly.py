"""Shelly notifications: components by number, their errors, when they were measured, and whose they are."""

import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations

from coldchain.domain.message import Decoded, Envelope
from sensors.carriers.shelly import Shelly

NOW = 1_767_607_200_000
SRC = "shellyhtg3-0a1b2c3d4e5f"


def envelope(body: Any, topic: str = f"{SRC}/events/rpc") -> Envelope:
    return Envelope("mqtt", topic, body if isinstance(body, bytes) else json.dumps(body).encode(), NOW)


def body(params: Any, method: str = "NotifyFullStatus", src: str | None = SRC) -> dict[str, Any]:
    return {"src": src, "dst": "cold/events", "method": method, "params": params}


def message(method: str = "NotifyFullStatus", **components: Any) -> Decoded:
    params = {name.replace("__", ":"): value for name, value in components.items()}
    [decoded] = Shelly().decode(envelope(body({"ts": 1_767_607_100.55} | params, method))).messages
    return decoded


def test_a_full_status_gives_temperature_humidity_and_battery_at_its_own_time() -> None:
    decoded = message(
        temperature__0={"id": 0, "tC": 4.6, "tF": 40.3}, humidity__0={"id": 0, "rh": 52.1},
        devicepower__0={"id": 0, "battery": {"V": 5.32, "percent": 65}, "external": {"present": False}},
        sys={"mac": "0A1B2C3D4E5F", "time": None, "unixtime": None, "wakeup_period": 7200},
    )  # fmt: skip
    [row] = decoded.readings
    assert (row.logger, row.channel, row.temperature_mc, row.humidity_mpct) == (SRC, "internal", 4600, 52_100)
    assert (row.battery_mv, row.battery_mpct) == (5320, 65_000)
    assert (row.event_time_ms, row.time_source, decoded.interval_ms) == (1_767_607_100_550, "device", 7_200_000)


def test_a_part_status_gives_what_it_holds() -> None:
    assert [row.humidity_mpct for row in message("NotifyStatus", humidity__0={"id": 0, "rh": 52}).readings] == [52_000]
    battery = message("NotifyStatus", devicepower__0={"battery": {"V": 5.1, "percent": 64}})
    assert (battery.readings, battery.status) == ((), {"battery_v": 5.1, "battery_pct": 64.0})


def test_further_components_are_probes() -> None:
    rows = message(temperature__0={"tC": 20}, temperature__100={"tC": -18.25}, temperature__101={"tC": 4}).readings
    assert [(row.channel, row.temperature_mc) for row in rows] == [
        ("internal", 20_000), ("probe-100", -18_250), ("probe-101", 4000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("component", "fault"),
    [
        ({"tC": None, "tF": None, "errors": ["read"]}, "sensor_error"),
        ({"tC": None, "errors": ["out_of_range"]}, "out_of_range"),
        ({"tC": 99.9, "errors": ["read"]}, "sensor_error"),
        ({"tC": None, "tF": None}, "sensor_error"),
    ],
)
def test_a_null_or_an_error_is_a_fault_and_never_a_value(component: dict[str, Any], fault: str) -> None:
    assert [(row.temperature_mc, row.fault) for row in message(temperature__0=component).readings] == [(None, fault)]


def test_fahrenheit_alone_is_converted() -> None:
    assert [row.temperature_mc for row in message(temperature__0={"tF": 40.28}).readings] == [4600]


def test_the_heat_of_electronics_and_other_components_are_no_reading() -> None:
    decoded = message(
        switch__0={"temperature": {"tC": 53.1, "tF": 127.6}}, wifi={"rssi": -60}, bthomesensor__200={"value": 21}
    )
    assert (decoded.readings, decoded.undecoded) == ((), False)


@pytest.mark.parametrize("method", ["NotifyEvent", "Shelly.GetStatus", None])
def test_only_a_status_measures(method: str) -> None:
    assert message(method, temperature__0={"tC": 4.6}).readings == ()


@pytest.mark.parametrize("ts", [None, "soon", [], 1e400])
def test_without_a_clock_the_arrival_counts(ts: Any) -> None:
    tree = json.dumps(body({"ts": ts, "temperature:0": {"tC": 4.6}})).encode()
    [decoded] = Shelly().decode(envelope(tree)).messages
    assert [(row.event_time_ms, row.time_source) for row in decoded.readings] == [(NOW, "arrival")]


def test_the_systems_clock_counts_where_the_notification_has_none() -> None:
    tree = body({"ts": None, "sys": {"unixtime": 1_767_607_100}, "temperature:0": {"tC": 4.6}})
    [decoded] = Shelly().decode(envelope(tree)).messages
    assert [row.event_time_ms for row in decoded.readings] == [1_767_607_100_000]


def test_a_topic_of_ones_own_choice_is_fine_and_another_devices_is_not() -> None:
    tree = body({"temperature:0": {"tC": 4.6}})
    [decoded] = Shelly().decode(envelope(tree, "cold-room/events/rpc")).messages
    assert decoded.logger == SRC
    for wrong in (
        envelope(tree, "shellyhtg3-ffffffffffff/events/rpc"),
        envelope(body({"sys": {"mac": "FFFFFFFFFFFF"}})),
    ):
        arrival = Shelly().decode(wrong)
        assert arrival.messages == ()
        assert arrival.refusal is not None
        assert SRC in arrival.refusal.reason


@pytest.mark.parametrize("bad", [b"", b"[]", b"4.6", body(None), body({}, src=None)])
def test_what_is_no_notification_is_refused(bad: Any) -> None:
    arrival = Shelly().decode(envelope(bad))
    assert arrival.messages == ()
    assert arrival.refusal is not None


def test_a_notification_is_recognised_wherever_it_comes_in() -> None:
    assert Shelly().recognises(Envelope("http", "auto", json.dumps(body({})).encode(), NOW))
    assert not Shelly().recognises(Envelope("http", "auto", b'{"src": "a"}', NOW))


def test_damaged_bodies_never_raise_and_never_give_an_impossible_value() -> None:
    params = {
        "ts": 1_767_607_100.5,
        "temperature:0": {"tC": 4.6},
        "humidity:0": {"rh": 52},
        "devicepower:0": {"battery": {"V": 5}},
    }
    whole = [json.dumps(body(params)).encode()]
    assert conform(Shelly(), [*whole, *mutations(whole, 2500)], envelope) > 300
