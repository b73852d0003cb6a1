"""Cayenne Low Power Payload: raw frames of a logger that is declared to send them.

A frame is a row of (channel, type, value). The type alone says how long a value is, so a type that is not known here
ends the reading of the frame: what came before it counts, the rest is refused with its bytes.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from coldchain.domain.message import Refusal
from sensors.carriers.sample import Sample, Stamp


class Measured(NamedTuple):
    """One value of a Cayenne message, raw or already decoded by a network server."""

    kind: str  # temperature | humidity | pressure | light | position | time | other
    number: int  # the data channel, 0 to 255
    value: object  # in °C, %, hPa, lux, (latitude, longitude) in degrees, seconds since 1970


_Reader = Callable[[bytes], object]


class _Type(NamedTuple):
    size: int
    kind: str = "other"
    read: _Reader = bytes


def _fraction(divisor: int, *, signed: bool = False) -> _Reader:
    def read(data: bytes) -> object:
        return Decimal(int.from_bytes(data, "big", signed=signed)) / divisor

    return read


def _place(size: int, divisor: int) -> _Reader:
    def read(data: bytes) -> object:
        pair = (data[:size], data[size : 2 * size])
        latitude, longitude = (Decimal(int.from_bytes(one, "big", signed=True)) / divisor for one in pair)
        return latitude, longitude

    return read


def _seconds(data: bytes) -> object:
    return int.from_bytes(data, "big")


# The published types (IPSO object number minus 3200) and the widely used additions. Those that say nothing about a cold
# chain are here for their length.
_TYPES = {
    0: _Type(1), 1: _Type(1), 2: _Type(2), 3: _Type(2),  # digital and analogue, in and out
    100: _Type(4),  # generic
    101: _Type(2, "light", _fraction(1)),
    102: _Type(1),  # presence
    103: _Type(2, "temperature", _fraction(10, signed=True)),
    104: _Type(1, "humidity", _fraction(2)),
    112: _Type(2, "humidity", _fraction(10)),
    113: _Type(6),  # acceleration
    115: _Type(2, "pressure", _fraction(10)),
    116: _Type(2), 117: _Type(2), 118: _Type(4), 120: _Type(1), 121: _Type(2),  # V, A, Hz, %, m
    122: _Type(3), 125: _Type(2), 128: _Type(2), 130: _Type(4), 131: _Type(4), 132: _Type(2),  # kg, ppm, W, m, kWh, °
    133: _Type(4, "time", _seconds),
    134: _Type(6), 135: _Type(3),  # rotation, colour
    136: _Type(9, "position", _place(3, 10_000)),
    137: _Type(11, "position", _place(4, 1_000_000)),
    138: _Type(2), 142: _Type(1),  # volatile organic compounds, switch
}  # fmt: skip

_FIELD = {"temperature": "temperature_c", "humidity": "humidity_pct", "pressure": "pressure_hpa", "light": "light_lux"}


def frame_samples(frame: bytes) -> tuple[tuple[Sample, ...], tuple[Refusal, ...]]:
    """What a raw frame says, and why its end is not believed. Pure; never raises."""
    measured: list[Measured] = []
    at = 0
    while at < len(frame):
        known = _TYPES.get(frame[at + 1]) if at + 1 < len(frame) else None
        if known is None or at + 2 + known.size > len(frame):
            return samples(measured), (_rest(frame, at, known),)
        value = frame[at + 2 : at + 2 + known.size]
        measured.append(Measured(known.kind, frame[at], known.read(value)))
        at += 2 + known.size
    return samples(measured), ()


def _rest(frame: bytes, at: int, known: _Type | None) -> Refusal:
    rest = frame[at : at + 32].hex()
    if known is not None:
        reason = f"the Cayenne frame ends at byte {len(frame)} within a value of type {frame[at + 1]}: {rest} is kept"
    elif at + 1 == len(frame):
        reason = f"the Cayenne frame ends after the channel number in byte {at}: {rest} is kept"
    else:
        reason = f"type {frame[at + 1]} in byte {at + 1} of the Cayenne frame is not known: {rest} is kept undecoded"
    return Refusal(reason, "frame", rest)


def samples(measured: Sequence[Measured]) -> tuple[Sample, ...]:
    """The samples of one Cayenne message.

    Data channel 3 becomes `probe-3`. Where a message has one temperature only, its single humidity and pressure stand
    beside it: a channel number tells values apart, it does not tell sensors apart. A time in the message is the
    device's, and holds for the whole of it.
    """
    stamp = _stamp(measured)
    alone = _only(measured, "temperature")
    made = []
    for one in measured:
        if one.kind == "position" and isinstance(one.value, tuple):
            made.append(Sample(position=one.value, stamp=stamp))
        elif one.kind == "light":
            made.append(Sample({"light_lux": one.value}, stamp=stamp))
        elif one.kind in _FIELD:
            beside = alone is not None and _only(measured, one.kind) is one
            number = alone.number if alone is not None and beside else one.number
            made.append(Sample({_FIELD[one.kind]: one.value}, f"probe-{number}", stamp))
    return tuple(made)


def _stamp(measured: Iterable[Measured]) -> Stamp | None:
    times = [one.value for one in measured if one.kind == "time"]
    if len(times) == 1 and isinstance(times[0], Stamp):
        return times[0]
    if len(times) == 1 and type(times[0]) is int:
        return Stamp(times[0] * 1000, "device", str(times[0]))
    return None


def _only(measured: Sequence[Measured], kind: str) -> Measured | None:
    found = [one for one in measured if one.kind == kind]
    return found[0] if len(found) == 1 else None
