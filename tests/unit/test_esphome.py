"""ESPHome: a bare number means nothing before a profile says its unit; nan is nothing."""

import pytest
from carrier_conformance import conform, mutations

from coldchain.domain.message import Decoded, Envelope
from sensors.carriers.esphome import EspHome
from sensors.carriers.port import PLAIN, Context
from sensors.device_profiles.catalogue import Entry, Snapshot
from sensors.device_profiles.format import parse

NOW = 1_767_607_200_000
PROFILE = """
id = "esphome-fridge"
version = 1
name = "A fridge node of our own"
status = "supported"
proof = "our own node"
match = [{ "esphome.node" = "cold-*" }]
[channels.internal]
temperature_c = "fridge_temperature"
[[examples]]
in = { fridge_temperature = "4.6" }
out = { internal = 4.6 }
"""
PROFILED = PLAIN._replace(profiles=Snapshot([Entry(parse(PROFILE), "shipped")]))


def envelope(payload: bytes, sensor: str = "fridge_temperature") -> Envelope:
    return Envelope("mqtt", f"cold-node/sensor/{sensor}/state", payload, NOW)


def message(payload: bytes, context: Context = PLAIN) -> Decoded:
    [decoded] = EspHome().decode(envelope(payload), context).messages
    return decoded


def test_a_profile_gives_the_number_its_unit() -> None:
    [row] = message(b"4.62", PROFILED).readings
    assert (row.logger, row.channel, row.temperature_mc, row.time_source) == ("cold-node", "internal", 4620, "arrival")
    assert row.device_profile == "esphome-fridge@1"


def test_without_a_profile_the_number_is_undecoded_and_says_what_to_do() -> None:
    decoded = message(b"4.62")
    assert (decoded.undecoded, decoded.readings) == (True, ())
    assert "fridge_temperature" in decoded.refusals[0].reason


@pytest.mark.parametrize("text", [b"nan", b"NAN", b"", b"unknown"])
def test_nan_is_a_fault_of_a_known_sensor_and_nothing_of_an_unknown_one(text: bytes) -> None:
    assert [(row.temperature_mc, row.fault) for row in message(text, PROFILED).readings] == [(None, "sensor_error")]
    decoded = message(text)
    assert (decoded.readings, decoded.undecoded) == ((), False)


@pytest.mark.parametrize("text", [b"4,6", b"4.6 C", b"inf", b"1_0", b"ON"])
def test_what_is_no_number_is_never_a_temperature(text: bytes) -> None:
    assert [row.temperature_mc for row in message(text, PROFILED).readings if row.temperature_mc is not None] == []


@pytest.mark.parametrize("payload", [b"\xff", b"x" * 65])
def test_what_is_no_state_is_refused(payload: bytes) -> None:
    arrival = EspHome().decode(envelope(payload))
    assert arrival.messages == ()
    assert arrival.refusal is not None


def test_a_field_that_the_profile_does_not_know_is_undecoded() -> None:
    [decoded] = EspHome().decode(envelope(b"55", "cpu_temperature"), PROFILED).messages
    assert decoded.undecoded
    assert decoded.readings == ()


def test_only_states_of_sensors_are_its_topics() -> None:
    carrier = EspHome()
    assert carrier.claims(envelope(b"1"))
    assert carrier.claims(Envelope("mqtt", "site/cold-node/binary_sensor/door/state", b"ON", NOW))
    assert not carrier.claims(Envelope("mqtt", "cold-node/switch/fan/state", b"ON", NOW))
    assert not carrier.recognises(envelope(b"1"))


def test_damaged_states_never_raise_and_never_give_an_impossible_value() -> None:
    whole = [b"4.62", b"-18.5", b"nan"]
    assert conform(EspHome(), [*whole, *mutations(whole, 1000)], envelope, PROFILED) > 100
