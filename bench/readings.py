"""Readings as a fleet sends them: a slow curve with sensor noise, stamps with jitter, from a fixed seed."""

import json
import math
import random
from collections.abc import Sequence

from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading

START_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
INTERVAL_MS = 600_000


def fleet(loggers: int, each: int, interval_ms: int = INTERVAL_MS, start_ms: int = START_MS) -> list[Reading]:
    """`each` readings of each logger, in the order of their arrival."""
    dice = random.Random(42)
    found = []
    for seq in range(each):
        for number in range(loggers):
            at_ms = start_ms + seq * interval_ms + number * 1000 + dice.randrange(0, 3000)
            temperature = 5.0 + 2 * math.sin(seq / 40 + number) + dice.gauss(0, 0.05)
            found.append(
                Reading(
                    f"LG-{number:04d}", "internal", at_ms, at_ms + 800, "device", None, 1, seq,
                    temperature_mc=round(temperature * 100) * 10,
                    humidity_mpct=round(50 + 5 * math.sin(seq / 60)) * 1000, battery_mpct=100_000 - seq // 50 * 1000,
                )
            )  # fmt: skip
    return found


def payload(readings: Sequence[Reading]) -> bytes:
    """The native message that carries these readings of one logger, with the number of the first."""
    first = readings[0]
    document = {
        "v": 1, "device": first.logger, "boot": first.boot, "seq": first.seq,
        "readings": [{"ts": iso(one.event_time_ms), "values": _values(one)} for one in readings],
        "battery": {"pct": (first.battery_mpct or 0) // 1000},
    }  # fmt: skip
    return json.dumps(document, separators=(",", ":")).encode()


def _values(reading: Reading) -> dict[str, float]:
    return {
        "temperature_c": (reading.temperature_mc or 0) / 1000,
        "humidity_pct": (reading.humidity_mpct or 0) / 1000,
    }


def arrival(reading: Reading) -> Arrival:
    """The arrival of a message with this reading alone."""
    body = payload([reading])
    envelope = Envelope("mqtt", f"cc/{reading.logger}/up", body, reading.record_time_ms, 1)
    key = f"{reading.boot}:{reading.seq}"
    return Arrival(
        envelope, (Decoded(reading.logger, key, body, "native@1", (reading,), (), reading.boot, reading.seq),)
    )
