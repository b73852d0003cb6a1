"""The ordinary message, read at the speed of its validator; everything unusual is left to the thorough reader.

Nothing is decided here: what this module reads, `native_message` reads to the very same rows, only slower. It covers
readings with temperature and humidity, numbered or not, with battery, and with a position of the same stamp.
"""

import re
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from coldchain.domain.message import Decoded, Envelope
from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.errors import InvalidValue
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


_SPACED = re.compile(rb'"[ \t\r\n]')
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
    # A key that stands twice is not seen by the validator: then there are more `":` than keys, if none has a space
    # before its colon.
    if payload.count(b'":') != _keys(message) or (len(payload.split(None, 1)) > 1 and _SPACED.search(payload)):
        return None
    try:
        rows = _rows(message, speaker, envelope.received_at_ms)
    except (_Unusual, InvalidValue):
        return None
    boot, seq = message.boot, message.seq
    oldest = None if message.oldest is UNSET else (message.oldest.boot, message.oldest.seq)
    if oldest is not None and oldest > (boot, seq):
        return None
    return Decoded(speaker, f"{boot}:{seq}", payload, adapter, rows, (), boot, seq, oldest)


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


def _rows(message: _Message, speaker: str, received_at_ms: int) -> tuple[Reading, ...]:
    latitude = longitude = percent = volts = None
    if message.battery is not UNSET or message.position is not UNSET:
        if len(message.readings) > 1:
            raise _Unusual  # on which of them they ride is a question for the thorough reader
        if message.battery is not UNSET:
            percent = _believed(message.battery.pct, _PERCENT)
            volts = _believed(message.battery.v, _VOLTS)
        if message.position is not UNSET:
            latitude, longitude = _place(message.position, message.readings[0].ts)
    rows = []
    for one in message.readings:
        channel = "internal"
        if one.channel is not UNSET and one.channel != channel:
            channel = one.channel
            if not (channel.isascii() and channel.isprintable() and 1 <= len(channel) <= 64):
                raise _Unusual
        rows.append(
            Reading(
                speaker,
                channel,
                ms_from_iso(one.ts),
                received_at_ms,
                "device",
                one.ts,
                message.boot,
                message.seq,
                _believed(one.values.temperature_c, _TEMPERATURE),
                _believed(one.values.humidity_pct, _HUMIDITY),
                latitude,
                longitude,
                percent,
                volts,
            )
        )
    return tuple(rows)


_TEMPERATURE, _HUMIDITY = NATIVE["temperature_c"], NATIVE["humidity_pct"]
_PERCENT, _VOLTS = NATIVE["battery_pct"], NATIVE["battery_v"]


def _believed(value: float | UnsetType, limits: Limits) -> int | None:
    if value is UNSET:
        return None
    product = value * 1000
    whole = round(product)
    # Nearer to an edge another text of the same binary fraction could round elsewhere.
    if not -0.499 < product - whole < 0.499 or not limits.low <= whole <= limits.high or whole in limits.sentinels:
        raise _Unusual
    return whole


def _place(position: _Position, stamp: str) -> tuple[int, int]:
    if position.ts != stamp:
        raise _Unusual
    latitude, longitude = position.lat * 1e7, position.lon * 1e7
    place = round(latitude), round(longitude)
    if max(abs(latitude - place[0]), abs(longitude - place[1])) > 0.499 or position_doubt(*place) is not None:
        raise _Unusual
    return place
