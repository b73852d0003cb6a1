"""What every carrier promises, checked on messages of its format: ours in our tests, a package's own in that package's.

A carrier that comes by the entry point group `coldchain.carriers` is held to the same promises as the shipped ones:

    from sensors.carriers.conformance import conform, mutations

    def test_the_carrier_keeps_its_promises() -> None:
        samples = [*EXAMPLES, *mutations(EXAMPLES, 2000)]
        assert conform(MyCarrier(), samples, lambda payload: Envelope("mqtt", TOPIC, payload, NOW)) > 0
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from coldchain.domain.identity import logger_id
from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.reading import MILLI_FIELDS, Reading
from sensors.carriers.port import PLAIN, Carrier, Context
from sensors.faults import NATIVE, Limits, position_doubt

SLOWEST_S = 0.05  # of processor time for one envelope, so that a busy machine does not fail a fast carrier
_AGAIN_MS = 5_000
_TRIES = 3


class BrokenPromise(AssertionError):
    """What a carrier did and may not do, with the message that made it."""


def conform(
    carrier: Carrier,
    samples: Iterable[bytes],
    envelope_of: Callable[[bytes], Envelope],
    context: Context = PLAIN,
    limits: Mapping[str, Limits] = NATIVE,
) -> int:
    """Hold `carrier` to its promises over `samples`; how many readings it gave, so that a test can demand some.

    It never raises; the same envelope gives the same arrival; one envelope takes less than `SLOWEST_S`; every value
    lies within `limits`; a second delivery has the same keys; and each message is understood again from its own bytes.

    Raises:
        BrokenPromise: one of them is broken; the text names it and the payload.
    """
    readings = 0
    for payload in samples:
        envelope = envelope_of(payload)
        arrival = _decoded(carrier, envelope, context)
        for found in (
            *_repeatable(carrier, envelope, arrival, context),
            *_told(arrival),
            *_believable(arrival, limits),
        ):
            raise BrokenPromise(f"{carrier.name}: {found}, from {payload[:400]!r} at {envelope.source}")
        readings += sum(len(message.readings) for message in arrival.messages)
    return readings


def mutations(seeds: Sequence[bytes], count: int, seed: int = 1) -> Iterator[bytes]:
    """`count` damaged copies of `seeds`: bytes flipped, cut out, put in, repeated, and halves of two joined."""
    chance = random.Random(seed)  # noqa: S311  repeatable damage, no secret
    for _ in range(count):
        payload = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(payload) + 1)
            match chance.randrange(6):
                case 0 if at < len(payload):
                    payload[at] ^= 1 << chance.randrange(8)
                case 1 if at < len(payload):
                    payload[at] = chance.choice(b'\x00\xff\x7f\x80"{}[],:09-.eE\\')
                case 2:
                    del payload[at : at + chance.randint(1, 8)]
                case 3:
                    payload[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
                case 4:
                    payload[at:at] = payload[at : at + chance.randint(1, 12)]
                case _:
                    payload[at:] = chance.choice(seeds)[at:]
        yield bytes(payload)


def _decoded(carrier: Carrier, envelope: Envelope, context: Context) -> Arrival:
    try:
        for _ in range(_TRIES):  # once may be the interpreter's own housekeeping; a slow carrier is slow every time
            arrival, took = _timed(carrier, envelope, context)
            if took <= SLOWEST_S:
                return arrival
    except Exception as error:
        raise BrokenPromise(f"{carrier.name}: raised {error!r}, from {envelope.payload[:400]!r}") from error
    raise BrokenPromise(f"{carrier.name}: took {took * 1000:.0f} ms, from {envelope.payload[:400]!r}")


def _timed(carrier: Carrier, envelope: Envelope, context: Context) -> tuple[Arrival, float]:
    began = time.thread_time()
    arrival = carrier.decode(envelope, context)
    carrier.claims(envelope)
    carrier.recognises(envelope)
    return arrival, time.thread_time() - began


def _repeatable(carrier: Carrier, envelope: Envelope, arrival: Arrival, context: Context) -> Iterator[str]:
    if carrier.decode(envelope, context) != arrival:
        yield "gave two arrivals for one envelope"
    later = carrier.decode(envelope._replace(received_at_ms=envelope.received_at_ms + _AGAIN_MS), context)
    if _keys(later) != _keys(arrival):
        yield f"gave keys {_keys(later)} to a second delivery of {_keys(arrival)}"
    for message in arrival.messages:
        again = carrier.decode(envelope._replace(payload=message.payload), context).messages
        if not any(_same(one, message) for one in again):
            yield f"did not understand message {message.key!r} again from its own bytes {message.payload[:200]!r}"


def _keys(arrival: Arrival) -> list[tuple[str, str]]:
    return [(message.logger, message.key) for message in arrival.messages]


def _same(one: Decoded, other: Decoded) -> bool:
    return (one.logger, one.key, one.readings) == (other.logger, other.key, other.readings)


def _told(arrival: Arrival) -> Iterator[str]:
    """What is wrong with how the arrival says who sent it, or why nothing was understood."""
    if not arrival.messages and arrival.refusal is None and not arrival.idle:
        yield "gave neither a message nor a reason"
    for message in arrival.messages:
        if logger_id(message.logger) != message.logger:
            yield f"called a logger {message.logger!r}, which is not its one spelling"
        if message.undecoded and (message.readings or not message.refusals):
            yield f"left message {message.key!r} undecoded with readings, or without a reason"


def _believable(arrival: Arrival, limits: Mapping[str, Limits]) -> Iterator[str]:
    for message in arrival.messages:
        for reading in message.readings:
            yield from _odd_values(reading, limits)
            if reading.logger != message.logger:
                yield f"gave a reading of {reading.logger!r} in a message of {message.logger!r}"


def _odd_values(reading: Reading, limits: Mapping[str, Limits]) -> Iterator[str]:
    for attribute, public in MILLI_FIELDS.items():
        value = getattr(reading, attribute)
        if value is not None and not (limits.get(public) or NATIVE[public]).believes(value):
            yield f"stored {public} {value / 1000}"
    if reading.latitude_e7 is not None or reading.longitude_e7 is not None:
        doubt = position_doubt(reading.latitude_e7 or 0, reading.longitude_e7 or 0)
        if doubt is not None:
            yield f"stored a position that {doubt}"
