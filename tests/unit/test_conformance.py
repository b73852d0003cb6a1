"""The promises of a carrier can be broken, and the harness says which one was."""

import pytest
from carrier_conformance import BrokenPromise, conform, mutations

from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.reading import Reading
from sensors.carriers.native import Native
from sensors.carriers.port import PLAIN, Context

NOW = 1_767_607_200_000
EXAMPLE = (
    b'{"v":1,"device":"LG-1","boot":1,"seq":2,"readings":[{"ts":"2026-01-05T10:00:00Z","values":{"temperature_c":4}}]}'
)


def envelope_of(payload: bytes) -> Envelope:
    return Envelope("mqtt", "cc/LG-1/up", payload, NOW)


class Careless(Native):
    """A carrier that breaks the promise it is told to break."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault, self.count = fault, 0

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        self.count += 1
        arrival = super().decode(envelope, context)
        [message] = arrival.messages
        match self.fault:
            case "raises":
                raise KeyError("temperature")
            case "remembers":
                return arrival._replace(messages=(message._replace(seq=self.count),))
            case "counts arrivals":
                return arrival._replace(messages=(message._replace(key=str(envelope.received_at_ms)),))
            case "believes":
                [row] = message.readings
                return arrival._replace(messages=(message._replace(readings=(hot(row),)),))
            case "forgets the bytes":
                return arrival._replace(messages=(message._replace(payload=b"{}"),))
            case "misspells":
                return arrival._replace(messages=(Decoded("24:e1:24:13:6b:50:22:17", "1", EXAMPLE, "careless@1"),))
        return Arrival(envelope)


def hot(row: Reading) -> Reading:
    return row._replace(temperature_mc=327_670)


def test_a_carrier_that_keeps_its_promises_passes_and_its_readings_are_counted() -> None:
    assert conform(Native(), [EXAMPLE, EXAMPLE], envelope_of) == 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raises", "raised KeyError"),
        ("remembers", "two arrivals for one envelope"),
        ("counts arrivals", "a second delivery"),
        ("believes", "stored temperature_c 327.67"),
        ("forgets the bytes", "again from its own bytes"),
        ("misspells", "not its one spelling"),
        ("says nothing", "neither a message nor a reason"),
    ],
)  # fmt: skip
def test_a_broken_promise_is_named(fault: str, said: str) -> None:
    with pytest.raises(BrokenPromise, match=said):
        conform(Careless(fault), [EXAMPLE], envelope_of)


def test_damage_is_repeatable_and_never_the_same_twice_in_a_row() -> None:
    first, second = list(mutations([EXAMPLE], 50)), list(mutations([EXAMPLE], 50))
    assert first == second
    assert len(set(first)) > 45
