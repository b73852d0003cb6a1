"""Hostile messages for every carrier: none raises, none takes long, no value that no sensor can say is stored.

Damage of two kinds, to our own examples and to the recorded messages where these lie beside the project: of bytes, and
of the grammar of JSON and topics. `COLDCHAIN_TEST_FUZZ=10000` is the long run, of each carrier.
"""

import base64
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from carrier_conformance import conform, mutations
from carrier_examples import EXAMPLES, PROFILES
from device_vectors import lines, vectors
from vendor_examples import NOW

from coldchain import metrics
from coldchain.clock import SystemClock
from coldchain.domain.message import Envelope
from coldchain.journal.sqlite import SqliteJournal
from ingest.pipeline import Pipeline
from sensors.carriers.port import Carrier, Context
from sensors.carriers.shipped import carriers
from sensors.faults import Limits

COUNT = int(os.environ.get("COLDCHAIN_TEST_FUZZ", "400"))
KEPT_WHOLE = 8  # of so many, one is held to every promise; the others only to not raising, in time, and to their range
NAMES = sorted(EXAMPLES)
CONTEXT = Context(PROFILES)
# Device profiles widen what may be believed, up to these: a dry shipper is at -190 °C, an oven's probe at 800 °C.
WIDEST = {"temperature_c": Limits(-273_150, 1_800_000, "°C")}
TOKENS: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 2**64, 10**400, -(10**30), 1e300, 1e-300, 5e-324, -0.0, 0.1 + 0.2,
    float("nan"), float("inf"), "", " ", "null", "nan", "Infinity", "1_000", "٣٫٥", "４.６", "0x10", "+4", "4,6",
    [], {}, [[]], [None], [1, 2, 3], {"": ""}, {"value": 4.6}, "\x00", "\u202egnp", "é" * 300, "<script>", "=1+1",
    "\ud800", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "1970-01-01T00:00:00Z", "2026-01-05T10:00:00",
    1_767_607_200, 1_767_607_200_000, 4_294_967_295, 3000, 327.67, -127, 85, 0.0, -273.16, 4294.9673, 255, 101,
    "1e999", "--.-", "a/b+c#d",
)  # fmt: skip
LEVELS = (
    "",
    "+",
    "#",
    "up",
    "\x00",
    "\u202e",
    "$SYS",
    "x" * 300,
    "bridge",
    "set",
    "event",
    "FF:FF:FF:FF:FF:FF",
    "..",
    " ",
)


def carrier_of(name: str) -> Carrier:
    return next(one for one in carriers("main", lambda: PROFILES) if one.source == name)


def recorded(carrier: Carrier) -> Iterator[Envelope]:
    """What the recordings have for this carrier; nothing where they are absent."""
    for vector in vectors():
        if vector["transport"]["kind"] in ("tcp", "file"):
            continue
        for line in lines(vector):
            topic, body = line.get("topic"), _body(line)
            envelope = Envelope("mqtt" if topic else "http", topic or "auto", body, NOW)
            if carrier.claims(envelope) if topic else carrier.recognises(envelope):
                yield envelope if topic else envelope._replace(source=carrier.source)


def _body(line: dict[str, Any]) -> bytes:
    if "payload_b64" in line:
        return base64.b64decode(line["payload_b64"])
    return str(line["payload_text"]).encode() if "payload_text" in line else json.dumps(line["payload_json"]).encode()


def _always(envelope: Envelope) -> Callable[[bytes], Envelope]:
    return lambda _: envelope


def broken(tree: Any, chance: random.Random) -> Any:
    """`tree` with one of its places replaced, taken away, doubled, renamed or wrapped."""
    if type(tree) is dict and tree and chance.random() < 0.85:
        name = chance.choice(list(tree))
        match chance.randrange(8):
            case 0:
                return {other: value for other, value in tree.items() if other != name}
            case 1:
                return {**tree, name: chance.choice(TOKENS)}
            case 2:
                return {**tree, f"{name}{chance.choice(('1', '2', '_1', '#1', ' ', ''))}": tree[name]}
            case 3:
                return {**tree, name: [tree[name], tree[name]]}
            case _:
                return {**tree, name: broken(tree[name], chance)}
    if type(tree) is list and tree and chance.random() < 0.85:
        at = chance.randrange(len(tree))
        if chance.random() < 0.3:
            return [*tree, tree[at]]
        return [*tree[:at], broken(tree[at], chance), *tree[at + 1 :]]
    return chance.choice(TOKENS)


def hostile(seeds: list[Envelope], count: int, seed: int) -> Iterator[Envelope]:
    """`count` damaged copies of `seeds`."""
    chance = random.Random(seed)
    damaged = mutations([one.payload for one in seeds], count, seed)
    for number, bytes_ in enumerate(damaged):
        envelope, payload = chance.choice(seeds), bytes_
        if number % 2:
            try:
                tree = json.loads(envelope.payload)
            except ValueError:
                tree = None
            if tree is not None:
                for _ in range(chance.choice((1, 1, 2, 4))):
                    tree = broken(tree, chance)
                payload = json.dumps(tree).encode()
        envelope = envelope._replace(payload=payload)
        if envelope.transport == "mqtt" and number % 11 == 0:
            levels = envelope.source.split("/")
            levels[chance.randrange(len(levels))] = chance.choice(LEVELS)
            envelope = envelope._replace(source="/".join(levels))
        yield envelope


@pytest.mark.parametrize("name", NAMES)
def test_no_hostile_message_raises_hangs_or_leaves_a_value_that_no_sensor_says(name: str, tmp_path: Path) -> None:
    carrier = carrier_of(name)
    own = list(EXAMPLES[name])
    seeds = [*own, *recorded(carrier)]
    assert (
        conform(carrier, [one.payload for one in own[:1]], lambda _: own[0], CONTEXT, WIDEST) > 0 or name == "samsara"
    )
    journal = SqliteJournal(tmp_path / "journal.db")
    pipeline = Pipeline(journal, SystemClock(), "main", carriers("main", lambda: PROFILES), lambda: PROFILES)
    before = metrics.ADAPTER_ERRORS._value.get()
    for number, envelope in enumerate(hostile(seeds, COUNT, len(name))):
        if number % KEPT_WHOLE == 0:
            conform(carrier, [envelope.payload], _always(envelope), CONTEXT, WIDEST)
        else:
            arrival = pipeline.arrival(envelope)
            assert arrival.messages or arrival.refusal or arrival.idle
    journal.close()
    assert metrics.ADAPTER_ERRORS._value.get() == before
