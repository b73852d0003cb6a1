"""Hostile Sparkplug bytes: never an exception, never long, and what cannot be believed is refused."""

import struct
import time
from typing import Any

import sparkplug_payloads as made
from hypothesis import given, settings
from hypothesis import strategies as st
from sparkplug_payloads import bd, metric, payload

from coldchain.domain.message import Envelope
from ingest.timing import timed
from sensors.carriers import sparkplug_wire as wire
from sensors.carriers.port import Context
from sensors.carriers.sparkplug import Sparkplug

NOW = 1_767_607_200_000
LONGEST_S = 0.05
CARRIER = Sparkplug()
KINDS = st.sampled_from(["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH", "NCMD", ""])

_numbers = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 300))
_varints = st.builds(made.number, st.integers(1, 40), _numbers)
_texts = st.one_of(st.binary(max_size=20), st.sampled_from([b"Temperature", b"bdSeq", b"A/Humidity", b"\xff"]))
_leaves = st.one_of(
    _varints,
    st.builds(made.block, st.integers(1, 20), _texts),
    st.builds(lambda body: b"\x61" + body, st.binary(min_size=8, max_size=8)),
    st.builds(lambda body: b"\x65" + body, st.binary(min_size=4, max_size=4)),
)
_nested = st.recursive(
    st.lists(_leaves, max_size=6).map(b"".join),
    lambda inner: st.lists(st.one_of(_leaves, st.builds(made.block, st.integers(1, 12), inner)), max_size=5).map(
        b"".join
    ),
    max_leaves=20,
)


def memory() -> dict[str, Any]:
    birth = payload(bd(1), metric("Temperature", 5.0, alias=1, said={"unit": "°C"}), at_ms=NOW, seq=0)
    found: dict[str, Any] = {}
    for kind, place in (("NBIRTH", "n"), ("DBIRTH", "n/d")):
        arrival = CARRIER.decode(Envelope("mqtt", f"spBv1.0/g/{kind}/{place}", birth, NOW), Context(memory=found))
        found = {**found, **dict(arrival.memory)}
    return found


MEMORY = memory()


def decoded_in_s(kind: str, body: bytes) -> float:
    """How long it takes, after checking what comes of it."""
    topic = f"spBv1.0/g/{kind}/n" + ("/d" if kind.startswith("D") else "")
    envelope = Envelope("mqtt", topic, body, NOW)
    started_s = time.thread_time()
    arrival = CARRIER.decode(envelope, Context(memory=MEMORY))
    took_s = time.thread_time() - started_s
    CARRIER.recognises(envelope)
    assert arrival.messages or arrival.refusal is not None
    for message in arrival.messages:
        for row in timed(message, NOW).readings:
            assert row.temperature_mc is None or -200_000 <= row.temperature_mc <= 150_000
            assert abs(row.event_time_ms - NOW) <= 3654 * 86_400_000
    return took_s


@settings(max_examples=1500, deadline=None)
@given(KINDS, st.binary(max_size=200))
def test_any_bytes_are_answered(kind: str, body: bytes) -> None:
    assert decoded_in_s(kind, body) < LONGEST_S


@settings(max_examples=1500, deadline=None)
@given(KINDS, _nested)
def test_any_protobuf_is_answered(kind: str, body: bytes) -> None:
    assert decoded_in_s(kind, body) < LONGEST_S


@settings(max_examples=1500, deadline=None)
@given(st.data())
def test_a_real_message_with_wrong_bytes_is_answered(data: st.DataObject) -> None:
    stored = [metric(alias=1, value=2.0 + n, at_ms=NOW - n * 1000, historical=True) for n in range(5)]
    body = bytearray(payload(*stored, metric("B/Temperature", 4.5, said={"unit": "°F"}), at_ms=NOW, seq=1))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    kind = data.draw(KINDS)
    assert decoded_in_s(kind, bytes(body[:cut] if data.draw(st.booleans()) else body)) < LONGEST_S


def test_the_largest_messages_take_no_longer() -> None:
    smallest = b"\x12\x04\x10\x01\x20\x0a" * (64 * 1024 // 6)
    fields = made.block(2, b"\x08\x01" * 30_000)
    said = made.block(2, made.block(9, made.block(1, b"") * 20_000))
    absurd = b"".join(metric(alias=1, value=1000.0 + n, at_ms=NOW - n) for n in range(2700))
    for body in (smallest, fields, said, b"\x12\x00" * 32_000, absurd + made.number(3, 1), b"\x80" * 65_000):
        assert min(decoded_in_s("NDATA", body[: 64 * 1024]) for _ in range(5)) < LONGEST_S


def test_what_is_beyond_the_most_metrics_is_named() -> None:
    many = b"".join(metric(alias=1, value=4.0, at_ms=NOW - n) for n in range(2700)) + made.number(3, 1)
    [message] = CARRIER.decode(Envelope("mqtt", "spBv1.0/g/NDATA/n", many, NOW), Context(memory=MEMORY)).messages
    assert len(message.readings) == 1500
    assert [refusal.reason for refusal in message.refusals] == [
        "metrics[1500] and 1199 more were not read: publish at most 1500 at once"
    ]


@settings(max_examples=300, deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_32_bit_number_comes_back_exactly(value: float) -> None:
    [found] = wire.read(payload(metric("T", value, datatype=made.FLOAT))).metrics
    again = wire.read(payload(metric("T", found.value, datatype=made.FLOAT))).metrics[0]
    assert again.value == found.value
    assert struct.pack("<f", found.value) == struct.pack("<f", value)
