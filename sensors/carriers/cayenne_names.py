"""The names under which network servers show a decoded Cayenne message: they declare kind, unit and channel."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from sensors.carriers.cayenne_lpp import Measured, samples
from sensors.carriers.sample import Sample, Stamp

_NUMBERED = re.compile(r"([a-z]+(?:_[a-z]+)*)_([0-9]{1,3})")

# `temperature_3`, as The Things Stack and the boards' own scripts write it.
_FLAT = {
    "temperature": "temperature",
    "relative_humidity": "humidity", "humidity": "humidity", "humidity_prec": "humidity",
    "barometric_pressure": "pressure", "barometer": "pressure",
    "luminosity": "light", "illuminance": "light",
    "gps": "position",
    "unixtime": "time", "unix_time": "time",
    **dict.fromkeys((
        "digital_in", "digital_out", "analog_in", "analog_out", "presence", "accelerometer", "gyrometer", "voltage",
        "current", "frequency", "percentage", "altitude", "concentration", "power", "distance", "energy", "direction",
        "colour", "color", "switch", "generic", "generic_sensor", "load", "voc",
    ), "other"),
}  # fmt: skip

# `temperatureSensor: {"3": 27.2}`, as ChirpStack writes it.
_NESTED = {
    "temperatureSensor": "temperature", "humiditySensor": "humidity", "barometer": "pressure",
    "illuminanceSensor": "light", "gpsLocation": "position",
    **dict.fromkeys((
        "digitalInput", "digitalOutput", "analogInput", "analogOutput", "presenceSensor", "accelerometer", "gyrometer",
    ), "other"),
}  # fmt: skip

# What a tracker's script adds beside numbered names.
_BESIDE = frozenset({
    "accuracy", "altitude", "course", "hdop", "heading", "latitude", "longitude", "satellites", "sats", "speed", "time",
})  # fmt: skip


def named_samples(tree: Any) -> tuple[Sample, ...] | None:
    """What a decoded Cayenne message says; None where this is none.

    Every name has to be built like Cayenne's, and one has to be Cayenne's: a model's own decoder may well call
    something `temperature_1` beside a plain `battery`, and then a device profile has to say what that is.
    """
    if type(tree) is not dict or not tree:
        return None
    measured: list[Measured] = []
    understood = False
    for name, value in tree.items():
        found = _measured(name, value)
        understood = understood or found is not None
        if found is None and name not in _BESIDE and _NUMBERED.fullmatch(name) is None:
            return None
        measured += found or ()
    return samples([*measured, *_beside(tree)]) if understood else None


def _measured(name: str, value: Any) -> list[Measured] | None:
    """The values behind one name, None if Cayenne has no such name."""
    numbered = _NUMBERED.fullmatch(name)
    if numbered is not None and numbered[1] in _FLAT:
        return [_one(_FLAT[numbered[1]], int(numbered[2]), value)]
    if (dotted := name.partition("."))[1] and dotted[0] in _NESTED and _is_number(dotted[2]):
        return [_one(_NESTED[dotted[0]], int(dotted[2]), value)]
    if name in _NESTED and type(value) is dict and all(map(_is_number, value)):
        return [_one(_NESTED[name], int(number), one) for number, one in value.items()]
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 3


def _one(kind: str, number: int, value: Any) -> Measured:
    if kind == "position":
        pair = (value.get("latitude"), value.get("longitude")) if type(value) is dict else None
        return Measured(kind, number, pair) if pair and None not in pair else Measured("other", number, value)
    return Measured(kind, number, value)


def _beside(tree: Mapping[str, Any]) -> Iterator[Measured]:
    if tree.get("latitude") is not None and tree.get("longitude") is not None:
        yield Measured("position", 0, (tree["latitude"], tree["longitude"]))
    text = tree.get("time")
    if type(text) is str:
        try:
            yield Measured("time", 0, Stamp(ms_from_iso(text), "device", text))
        except InvalidValue:
            return
