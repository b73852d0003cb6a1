"""Recordings as messages: what once arrived, read from a file, in order, ready to be sent again.

Four kinds of file: vectors (`{"format", "vectors": [...]}`), lines of messages (the format of `coldchain decode`),
tracks (a list of `{"point": "POINT(lon lat)", "time"}`), and Berlinger exports. The first two carry their own topics;
the last two become messages of the native format, published by the logger that they are told to be.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from coldchain.domain.quantity import iso, milli_text, ms_from_iso
from coldchain.errors import InvalidValue
from sensors.carriers.files.berlinger import LogRow, parse

_POINT = re.compile(r"POINT ?\((-?[0-9.]+) (-?[0-9.]+)\)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message to publish; `at_ms` is when it was recorded, None where nobody knows."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """One position of a track, in the decimal text of the recording."""

    at_ms: int
    latitude: str
    longitude: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a recording does not say and somebody must."""

    logger: str | None = None  # whose track this is
    zone: str | None = None  # of an export's wall clock
    shift_ms: int = 0  # added to every event time of a track or an export


def read_recording(path: Path, told: Told = Told()) -> list[Recorded]:
    """The messages of a recording, in the order in which they were recorded.

    Raises:
        InvalidValue: the file is of no known kind, or something must be told first; the text says what.
    """
    content = path.read_bytes()
    if content.removeprefix(b"\xef\xbb\xbf").startswith(b"Device:"):
        if told.zone is None:
            raise InvalidValue(f"{path.name} holds local times without a zone: state it, such as Europe/Berlin")
        export = parse(content, told.zone)
        return native_messages(told.logger or export.serial, export.rows, (), told.shift_ms)
    if _is_lines(content):
        return list(_of_lines(content))
    document = _json(content)
    if isinstance(document, dict) and "vectors" in document:
        return [one for vector in document["vectors"] for one in _of_transport(vector.get("transport", {}))]
    if isinstance(document, list) and document and isinstance(document[0], dict) and "point" in document[0]:
        if told.logger is None:
            raise InvalidValue(f"{path.name} is a track: state the logger that it belongs to")
        return native_messages(told.logger, (), track(content), told.shift_ms)
    raise InvalidValue(f"{path.name} is no recording: neither vectors, nor lines of messages, nor a track or an export")


def track(content: bytes) -> list[Fix]:
    """The positions of a track, oldest first.

    Raises:
        InvalidValue: a point or a time cannot be read.
    """
    return sorted((_fix(one) for one in _json(content)), key=lambda fix: fix.at_ms)


def native_messages(
    logger: str, rows: Sequence[LogRow], fixes: Sequence[Fix], shift_ms: int = 0, *, boot: int = 1
) -> list[Recorded]:
    """A logged curve and a track as one logger's native messages, numbered by `boot` and a growing `seq`.

    `shift_ms` moves every event time by the same amount, so that what lay together still lies together. Rows that the
    logger marked as missing become messages with a fault.
    """
    samples = [(row.at_ms + shift_ms, _sample(row, row.at_ms + shift_ms)) for row in rows]
    positions = [(fix.at_ms + shift_ms, _position(fix, fix.at_ms + shift_ms)) for fix in fixes]
    return [
        Recorded(
            topic=f"cc/{logger}/up",
            payload=f'{{"v":1,"device":{_text(logger)},"boot":{boot},"seq":{seq},{body}}}'.encode(),
            at_ms=at_ms,
        )
        for seq, (at_ms, body) in enumerate(sorted(samples + positions, key=lambda message: message[0]))
    ]


def _sample(row: LogRow, at_ms: int) -> str:
    measured = "null" if row.temperature_mc is None else milli_text(row.temperature_mc)
    fault = ',"fault":"sensor_error"' if row.temperature_mc is None else ""
    return f'"readings":[{{"ts":"{iso(at_ms)}","values":{{"temperature_c":{measured}}}{fault}}}]'


def _position(fix: Fix, at_ms: int) -> str:
    return f'"position":{{"lat":{fix.latitude},"lon":{fix.longitude},"ts":"{iso(at_ms)}","source":"gnss"}}'


def _fix(one: Any) -> Fix:
    found = _POINT.match(one["point"])
    if found is None:
        raise InvalidValue(f"{one['point']!r} is not POINT(longitude latitude)")
    try:
        moment = datetime.fromisoformat(one["time"])
    except ValueError as error:
        raise InvalidValue(f"{one['time']!r} is no time") from error
    if moment.tzinfo is None:
        raise InvalidValue(f"{one['time']!r} has no zone")
    return Fix(round(moment.timestamp() * 1000), latitude=found[2], longitude=found[1])


def _is_lines(content: bytes) -> bool:
    try:
        first = msgspec.json.decode(content.lstrip().split(b"\n", 1)[0])
    except msgspec.DecodeError:
        return False
    return isinstance(first, dict) and "transport" in first


def _of_lines(content: bytes) -> Iterator[Recorded]:
    for line in content.splitlines():
        if not line.strip():
            continue
        one = _json(line)
        if one.get("transport") == "mqtt":
            at = one.get("received_at")
            yield _message(one, ms_from_iso(at) if at else None)


def _of_transport(transport: Any) -> Iterable[Recorded]:
    """The MQTT messages of a vector; other transports have nothing that a broker could carry."""
    match transport.get("kind"):
        case "mqtt":
            return [_message(transport, None)]
        case "mqtt-sequence":
            return [_message(one, None) for one in transport["messages"]]
        case _:
            return []


def _message(one: Any, at_ms: int | None) -> Recorded:
    return Recorded(one["topic"], payload_of(one), one.get("qos", 0), one.get("retain", False), at_ms)


def payload_of(one: Any) -> bytes:
    """The bytes of a message that is written down as `payload_b64`, `payload_text` or `payload_json`.

    Raises:
        InvalidValue: it has none of them, or the base64 is broken.
    """
    if "payload_b64" in one:
        try:
            return base64.b64decode(one["payload_b64"], validate=True)
        except ValueError as error:
            raise InvalidValue(f"payload_b64 is no base64: {error}") from error
    if "payload_text" in one:
        return str(one["payload_text"]).encode()
    if "payload_json" in one:
        return msgspec.json.encode(one["payload_json"])
    raise InvalidValue("the message has neither payload_json nor payload_text nor payload_b64")


def _text(words: str) -> str:
    return msgspec.json.encode(words).decode()


def _json(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise InvalidValue(f"this is no JSON: {error}") from error
