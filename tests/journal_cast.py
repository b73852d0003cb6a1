"""Loggers and messages for tests of the journal: honest defaults, everything else by name."""

import json
from collections.abc import Sequence
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading

DAWN = 1_767_571_200_000  # 2026-01-05T00:00:00Z
MINUTE = 60_000
DAY = 86_400_000


def reading(
    minute: float, celsius: float | None = 5.0, *, logger: str = "LG-1", channel: str = "internal", **more: Any
) -> Reading:
    """A reading at a minute after dawn, not yet stored."""
    time = DAWN + int(minute * MINUTE)
    made = Reading(
        logger,
        channel,
        time,
        more.pop("record_time_ms", time + 250),
        more.pop("time_source", "device"),
        more.pop("device_time", iso(time)),
        temperature_mc=None if celsius is None else round(celsius * 1000),
    )
    return made._replace(**more)


def arrival(
    *readings: Reading,
    logger: str = "LG-1",
    boot: int | None = 7,
    seq: int | None = 0,
    key: str | None = None,
    payload: bytes | None = None,
    at_ms: int | None = None,
    dup: bool = False,
    transport: str = "mqtt",
    refusals: Sequence[Refusal] = (),
    **more: Any,
) -> Arrival:
    """One envelope with one message; its key is boot:seq unless another is named ("" for none)."""
    inherited = tuple(r._replace(logger=logger, boot=boot, seq=seq) for r in readings)
    if payload is None:
        payload = json.dumps([logger, boot, seq, key, [list(r) for r in inherited]]).encode()
    if at_ms is None:
        at_ms = max((r.record_time_ms for r in readings), default=DAWN)
    name = f"{boot}:{seq}" if key is None else key
    decoded = Decoded(logger, name, payload, "native@1", inherited, tuple(refusals), boot, seq, **more)
    return Arrival(Envelope(transport, f"cc/{logger}/up", payload, at_ms, 1, dup=dup), (decoded,))


def nonsense(payload: bytes = b"\xff\x00hello", at_ms: int = DAWN, *, undecoded: bool = False) -> Arrival:
    """An envelope in which nobody finds a message."""
    refusal = Refusal("payload is not JSON: byte 0xff at 0", "payload", "ff")
    return Arrival(Envelope("mqtt", "cc/LG-1/up", payload, at_ms, 1), refusal=refusal, undecoded=undecoded)


def content(stored: Reading) -> tuple[Any, ...]:
    """What a reading says, without what the journal gave it."""
    return (stored.logger, stored.channel, stored.event_time_ms, stored.values)
