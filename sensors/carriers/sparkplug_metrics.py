"""What the metrics of a Sparkplug message measure: by the unit that they declare, or by a device profile.

A metric is a measurement by itself when the last part of its name says what it is (`Probe 1/Temperature`) and its birth
declared the unit in a property. Nothing is taken from a name alone: °F are sent under the same names.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from coldchain.domain.message import Refusal
from coldchain.domain.quantity import strict_decimal
from coldchain.errors import InvalidValue
from sensors.carriers.fields import shown
from sensors.carriers.port import DeviceProfile
from sensors.carriers.sample import DEVICE, INTERNAL, RIDES, Sample, Stamp

_GOOD = range(192, 256)  # OPC's codes for a value that can be relied on; Sparkplug itself knows 0, 192 and 500
_STALE = 500
_LONGEST = 256  # characters of a metric's name that is looked at
_CONTROL = ("Node Control/", "Device Control/", "bdSeq")

_MEASURED = {
    "temperature": "temperature_c", "temp": "temperature_c", "airtemperature": "temperature_c",
    "humidity": "humidity_pct", "relativehumidity": "humidity_pct", "rh": "humidity_pct",
    "pressure": "pressure_hpa", "airpressure": "pressure_hpa",
    "illuminance": "light_lux", "light": "light_lux",
    "battery": "battery_pct", "batterylevel": "battery_pct", "batteryvoltage": "battery_v",
}  # fmt: skip
_RIDING = frozenset({"battery_pct", "battery_v", "light_lux"})
_UNIT_PROPERTIES = frozenset(
    {"engunit", "engunits", "engineeringunit", "engineeringunits", "unit", "units", "uom", "eu"}
)  # fmt: skip

_Conversion = Callable[[Decimal], Decimal]


def _times(factor: str) -> _Conversion:
    return lambda value: value * Decimal(factor)


def _same(value: Decimal) -> Decimal:
    return value


def _from_fahrenheit(value: Decimal) -> Decimal:
    return (value - 32) * 5 / 9


def _from_kelvin(value: Decimal) -> Decimal:
    return value - Decimal("273.15")


# Spelled without case, spaces, dots and brackets; UN/CEFACT's and UCUM's codes are among them.
_UNITS: Mapping[str, tuple[str, _Conversion]] = {
    **dict.fromkeys(("°c", "℃", "c", "cel", "celsius", "degc", "degreescelsius", "degreecelsius"),
                    ("temperature_c", _same)),
    **dict.fromkeys(("°f", "℉", "f", "fah", "fahrenheit", "degf", "degreesfahrenheit", "degreefahrenheit"),
                    ("temperature_c", _from_fahrenheit)),
    **dict.fromkeys(("k", "kel", "kelvin"), ("temperature_c", _from_kelvin)),
    **dict.fromkeys(("%rh", "rh%", "rh", "%", "percent", "pct", "p1"), ("humidity_pct", _same)),
    **dict.fromkeys(("hpa", "mbar", "millibar"), ("pressure_hpa", _same)),
    "pa": ("pressure_hpa", _times("0.01")),
    "kpa": ("pressure_hpa", _times("10")),
    "bar": ("pressure_hpa", _times("1000")),
    **dict.fromkeys(("lx", "lux"), ("light_lux", _same)),
    **dict.fromkeys(("v", "volt", "volts"), ("battery_v", _same)),
    **dict.fromkeys(("mv", "millivolt", "millivolts"), ("battery_v", _times("0.001"))),
}  # fmt: skip
_PER_CENT = frozenset({"%", "percent", "pct", "p1"})


class Value(NamedTuple):
    """One metric with what its birth said of it."""

    name: str
    value: Any  # None: it measured nothing
    stamp: Stamp
    historical: bool = False
    unit: str | None = None
    quality: int | None = None
    single: bool = True
    within: str = ""

    @property
    def fault(self) -> str | None:
        """What an explicit quality says; None where it is good, or nothing was said."""
        if self.quality is None or self.quality in _GOOD:
            return None
        return "not_ready" if self.quality == _STALE else "sensor_error"


class Understood(NamedTuple):
    """What a message's metrics came to."""

    samples: tuple[Sample, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    left: tuple[Value, ...] = ()  # metrics that declare nothing which is known here


def unit_of(properties: Mapping[str, Any]) -> str | None:
    """The engineering unit that a metric's properties declare."""
    if not properties:
        return None
    for name, value in properties.items():
        if re.sub(r"[\s_.-]", "", name).lower() in _UNIT_PROPERTIES and type(value) is str and value.strip():
            return value[:64]
    return None


def quality_of(properties: Mapping[str, Any]) -> int | None:
    """The quality code that a metric's properties state."""
    if not properties:
        return None
    value = next((value for name, value in properties.items() if name.lower() == "quality"), None)
    return value if type(value) is int else None


def declared(values: Iterable[Value]) -> Understood:
    """What metrics say by themselves: their name names a quantity and their unit is one of it."""
    samples: list[Sample] = []
    left: list[Value] = []
    for value in values:
        if value.name.startswith(_CONTROL) or not value.single:
            continue
        if value.unit is None or (meaning := _meaning(value.name[:_LONGEST], value.unit)) is None:
            left.append(value)
        elif (sample := _sample(value, meaning)) is not None:
            samples.append(sample)
    return Understood(tuple(samples), left=tuple(left))


def profiled(values: Sequence[Value], profile: DeviceProfile) -> tuple[Understood, bool]:
    """What a device profile makes of metrics, those of one moment together; and whether it knows any of them.

    It sees an object whose keys are the metrics' names; one that declared a unit which is unknown here has it in its
    key, `Temperature [°Re]`, so that no profile takes it for another.
    """
    moments: dict[tuple[Stamp, bool], dict[str, Any]] = {}
    for value in values:
        fields = moments.setdefault((value.stamp, value.historical), {})
        name = value.name if value.unit is None else f"{value.name} [{value.unit}]"
        fields[name] = None if value.fault else value.value
    samples: list[Sample] = []
    refusals: list[Refusal] = []
    known = False
    for (stamp, historical), fields in moments.items():
        extract = profile.read(fields)
        known = known or extract.known
        refusals += extract.refusals
        samples += [
            sample._replace(stamp=sample.stamp or stamp, historical=sample.historical or historical)
            for sample in extract.samples
        ]
    return Understood(tuple(samples), tuple(refusals)), known


def unitless(values: Iterable[Value]) -> Iterable[Refusal]:
    """A sentence for each metric whose name says what it measures and whose unit nobody declared."""
    for value in {value.name: value for value in values}.values():
        field = _MEASURED.get(_last(value.name[:_LONGEST]))
        if field is not None:
            said = "declares no unit" if value.unit is None else f"declares the unit {shown(value.unit)}, unknown here"
            reason = f"metric {shown(value.name)} {said}: give it the property engUnit, or its logger a device profile"
            yield Refusal(reason, field, shown(value.value))


def measures(value: Value) -> bool:
    """Whether a metric could be a measurement: a number, or a probe that measured nothing."""
    return type(value.value) in (int, float) or _last(value.name[:_LONGEST]) in _MEASURED


class _Meaning(NamedTuple):
    field: str
    convert: _Conversion
    channel: str


@lru_cache(maxsize=4096)  # a node sends the same names for ever
def _meaning(name: str, unit: str) -> _Meaning | None:
    """What a metric of this name and unit measures."""
    field = _MEASURED.get(_last(name))
    if field is None or not name.isprintable() or len(name) == _LONGEST:
        return None
    spelled = re.sub(r"[\s.\[\]_]", "", unit).lower().replace("º", "°")
    if field == "battery_pct":
        if spelled in _PER_CENT:
            return _Meaning(field, _same, RIDES)
        field = "battery_v"
    known, convert = _UNITS.get(spelled, ("", _same))
    return _Meaning(field, convert, RIDES if field in _RIDING else _channel(name)) if known == field else None


def _sample(value: Value, meaning: _Meaning) -> Sample | None:
    field, convert, channel = meaning
    fault = value.fault
    if fault is None:
        values = {field: _converted(value.value, convert)}
        return Sample(values, channel, value.stamp, historical=value.historical, within=value.within)
    if channel == RIDES:  # a battery whose state nobody knows is no fault of a probe
        return None
    return Sample({}, channel, value.stamp, fault=fault, historical=value.historical, within=value.within)


def _converted(value: Any, convert: _Conversion) -> Any:
    """`value` in our unit; what is no number stays, to be refused by its own text."""
    if convert is _same or value is None or type(value) is bool:
        return value
    try:
        return convert(strict_decimal(value) if type(value) is str else Decimal(repr(value)))
    except InvalidValue:
        return value


@lru_cache(maxsize=4096)
def _last(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.rpartition("/")[2]).lower()


def _channel(name: str) -> str:
    """`Zone A/Probe 1/Temperature` → `zone-a.probe-1`; without a path, `internal`."""
    path = [part.strip().lower().replace(" ", "-") for part in unicodedata.normalize("NFC", name).split("/")]
    channel = ".".join(part for part in path[:-1] if part)[:64]
    # The channel `device` holds what belongs to a whole logger and to no probe.
    return f"{DEVICE}.{path[-1]}"[:64] if channel == DEVICE else channel or INTERNAL
