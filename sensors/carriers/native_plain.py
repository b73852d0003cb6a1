"""The ordinary message, read at the speed of its validator; everything unusual is left to the thorough reader.

Nothing is decided here: what this module reads, `native_message` reads to the very same rows, only slower. It covers
readings with temperature and humidity, numbered or not, with battery, and with a position of their own time.
"""

from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from coldchain.domain.message import Decoded, Envelope
from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.errors import InvalidValue
from sensors.carriers.strict_json import SPACED_COLON
from sensors.faults import NATIVE, Limits, position_doubt

_Counter = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Number = Annotated[float, Meta(ge=-1e9, le=1e9)]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object with no other keys than these."""


class _Values(_Strict):
    temperature_c: _Number
    humidity_pct: _Number | UnsetType = UNSET


class _Reading(_Strict):
    ts: str
    values: _Values
    channel: str | UnsetType = UNSET


class _Battery(_Strict):
    pct: _Number | UnsetType = UNSET
    v: _Number | UnsetType = UNSET


class _Position(_Strict):
    lat: _Number
    lon: _Number
    ts: str


class _Mark(_Strict):
    boot: _Counter
    seq: _Counter


class _Message(_Strict):
    device: str
    boot: _Counter
    seq: _Counter
    readings: Annotated[list[_Reading], Meta(min_length=1, max_length=1000)]
    v: int | UnsetType = UNSET
    oldest: _Mark | UnsetType = UNSET
    battery: _Battery | UnsetType = UNSET
    position: _Position | UnsetType = UNSET


_MESSAGE = msgspec.json.Decoder(_Message)


class _Unusual(Exception):
    """The thorough reader decides."""


def plain(payload: bytes, envelope: Envelope, speaker: str, adapter: str) -> Decoded | None:
    """The message in `payload` if it is ordinary in every respect and its device is `speaker`; None otherwise."""
    try:
        message = _MESSAGE.decode(payload)
    except (ValueError, RecursionError):
        return None
    if message.device != speaker or message.v not in (1, UNSET):
        return None
    # A key that stands twice is not seen by the validator: then there are more `":` than keys.
    if payload.count(b'":') != _keys(message) or SPACED_COLON.search(payload):
        return None
    try:
        rows = [_row(one, message, speaker, envelope.received_at_ms) for one in message.readings]
        _ride(rows, message)
    except (_Unusual, InvalidValue):
        return None
    oldest = None if message.oldest is UNSET else (message.oldest.boot, message.oldest.seq)
    return Decoded(
        speaker, f"{message.boot}:{message.seq}", payload, adapter, tuple(rows), (), message.boot, message.seq, oldest
    )


def _keys(message: _Message) -> int:
    count = 4 + 3 * len(message.readings)
    for one in message.readings:
        count += (one.channel is not UNSET) + (one.values.humidity_pct is not UNSET)
    if message.v is not UNSET:
        count += 1
    if message.oldest is not UNSET:
        count += 3
    if message.battery is not UNSET:
        count += 1 + (message.battery.pct is not UNSET) + (message.battery.v is not UNSET)
    if message.position is not UNSET:
        count += 4
    return count


def _row(one: _Reading, message: _Message, speaker: str, received_at_ms: int) -> Reading:
    channel, humidity = one.channel, one.values.humidity_pct
    if channel is UNSET:
        channel = "internal"
    elif not (channel.isascii() and channel.isprintable() and 1 <= len(channel) <= 64):
        raise _Unusual
    return Reading(
        speaker,
        channel,
        _time_ms(one.ts),
        received_at_ms,
        "device",
        one.ts,
        message.boot,
        message.seq,
        _believed(one.values.temperature_c, _TEMPERATURE),
        None if humidity is UNSET else _believed(humidity, _HUMIDITY),
    )


_TEMPERATURE, _HUMIDITY = NATIVE["temperature_c"], NATIVE["humidity_pct"]


def _believed(value: float, limits: Limits) -> int:
    scaled = _whole(value * 1000)
    if not limits.low <= scaled <= limits.high or scaled in limits.sentinels:
        raise _Unusual
    return scaled


def _whole(product: float) -> int:
    """The nearest integer, if no other text of the same binary fraction could round elsewhere."""
    whole = round(product)
    if abs(product - whole) > 0.499:
        raise _Unusual
    return whole


def _ride(rows: list[Reading], message: _Message) -> None:
    """Battery and position on the row that carries them, as long as there is no choice."""
    fields: dict[str, int] = {}
    if message.battery is not UNSET:
        for value, name, limits in (
            (message.battery.pct, "battery_mpct", NATIVE["battery_pct"]),
            (message.battery.v, "battery_mv", NATIVE["battery_v"]),
        ):
            if value is not UNSET:
                fields[name] = _believed(value, limits)
    if message.position is not UNSET:
        if _time_ms(message.position.ts) != rows[0].event_time_ms:
            raise _Unusual
        latitude, longitude = _whole(message.position.lat * 1e7), _whole(message.position.lon * 1e7)
        if position_doubt(latitude, longitude) is not None:
            raise _Unusual
        fields |= {"latitude_e7": latitude, "longitude_e7": longitude}
    if fields:
        if len(rows) > 1:
            raise _Unusual
        rows[0] = rows[0]._replace(**fields)


def _time_ms(text: str) -> int:
    """As `ms_from_iso`; the date, which a fleet's messages share, is worked out once."""
    if len(text) == 20 and text[10] == "T" and text[13] == ":" == text[16] and text[19] == "Z":
        hour, minute, second = text[11:13], text[14:16], text[17:19]
        if (hour + minute + second).isdecimal() and text.isascii():
            hours, minutes, seconds = int(hour), int(minute), int(second)
            if hours < 24 and minutes < 60 and seconds < 60:
                return _midnight_ms(text[:10]) + (hours * 3600 + minutes * 60 + seconds) * 1000
    return ms_from_iso(text)


@lru_cache(maxsize=1024)
def _midnight_ms(date: str) -> int:
    return ms_from_iso(f"{date}T00:00:00Z")
