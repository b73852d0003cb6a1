"""A logger that sends JSON of its own kind to its own topic is read by its device profile, as any other model is."""

import json

import pytest

from coldchain.domain.device_profile import Assignment
from coldchain.domain.message import Arrival, Envelope
from sensors.carriers.native import Native
from sensors.carriers.port import Context
from sensors.device_profiles.catalogue import Entry, Snapshot
from sensors.device_profiles.format import parse

NOON = 1_795_348_800_000
PROFILE = parse(json.dumps({"id": "barn", "name": "Barn", "channels": {"internal": {"temperature_c": "t"}}}))
CONFIRMED = Context(Snapshot([Entry(PROFILE, "saved")], {"L1": Assignment("barn")}))


def decode(payload: bytes, context: Context = CONFIRMED, topic: str = "cc/L1/up") -> Arrival:
    return Native().decode(Envelope("mqtt", topic, payload, NOON, qos=1), context)


def test_its_device_profile_reads_it_with_the_time_of_the_arrival() -> None:
    [message] = decode(b'{"t": 4.62, "fw": 3}').messages
    [reading] = message.readings
    assert (reading.logger, reading.temperature_mc, reading.event_time_ms) == ("L1", 4620, NOON)
    assert (reading.time_source, reading.device_profile) == ("arrival", "barn@1")


def test_without_a_device_profile_it_is_not_understood_and_not_wrong() -> None:
    [message] = decode(b'{"t": 4.62}', Context()).messages
    assert message.undecoded
    assert (message.logger, message.readings) == ("L1", ())
    assert "no device profile fits logger L1" in message.refusals[0].reason


@pytest.mark.parametrize(
    "payload",
    [b'{"device": "L2", "t": 4}', b'{"readings": [], "t": 4}', b'{"v": 1, "t": 4}', b"{}", b"4.6", b"null", b"{t: 4}"],
)
def test_what_is_meant_to_be_native_and_is_wrong_is_refused_as_before(payload: bytes) -> None:
    [message] = decode(payload).messages
    assert not message.undecoded
    assert message.readings == ()
    assert message.refusals


def test_a_topic_with_the_wrong_shard_stays_refused() -> None:
    [message] = decode(b'{"t": 4.62}', topic="cc/v1/main/1/L1/up").messages
    assert (message.readings, message.undecoded) == ((), False)
    assert message.refusals
