"""Tasmota: `tele/{topic}/SENSOR` and the answer `stat/{topic}/STATUS8`, a block for each sensor that is attached.

`TempUnit` and `PressureUnit` declare the units; without `TempUnit` it is the firmware's own default, °C. `Time` is
local and has no zone, so the arrival counts, unless a device profile of the logger says the zone.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from sensors.carriers.body import object_of
from sensors.carriers.declared import from_fahrenheit, number_of, times
from sensors.carriers.fields import Wrong
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import INTERNAL, Head, Sample, Stamp, decoded
from sensors.carriers.stamped import iso_ms, stamped_key
from sensors.carriers.uplink import Uplink, message, named

_SENSOR, _ANSWERS, _SILENT = "SENSOR", ("STATUS8", "STATUS10"), ("STATE", "LWT")
_PREFIXES = ("tele", "stat")
_DATED = re.compile(r"20[2-9][0-9]-[0-9]{2}-[0-9]{2}T[0-9:]{8}")  # a clock that was set
_VALUE = re.compile(r"(Temperature|Humidity|Pressure|Illuminance|ProbeTemperature)([0-9]{0,2})\Z")
# Blocks whose temperature is that of a chip, a clock, a meter or a processor.
_OWN_HEAT = re.compile(r"(ESP32|ESP8266|AXP|MPU|ADE|ENERGY|DS3231|BL09|CSE77|HLW|PCF85|RTC|BP5758|SM2)", re.IGNORECASE)
_ONE_WIRE = re.compile(r"DS18", re.IGNORECASE)
_POWER_ON_C = Decimal(85)  # what a DS18B20 says before its first conversion
_HALF_A_TENTH = Decimal("0.05")
_PRESSURE = {
    "hPa": Decimal(1), "mbar": Decimal(1), "mmHg": Decimal("1.33322387415"), "inHg": Decimal("33.8638866667"),
    "kPa": Decimal(10),
}  # fmt: skip


class Tasmota:
    """Reads the sensors of Tasmota devices."""

    name = "tasmota@1"
    source = "tasmota"
    filters = ("tele/+/SENSOR", "stat/+/STATUS8", "stat/+/STATUS10", "+/tele/SENSOR")

    def claims(self, envelope: Envelope) -> bool:
        """Topics of both orders, `tele/{topic}/SENSOR` and `{topic}/tele/SENSOR`."""
        return envelope.transport == "mqtt" and _topic(envelope) is not None

    def recognises(self, envelope: Envelope) -> bool:  # noqa: ARG002 - the port's names
        """Never: without its topic nothing says who measured."""
        return False

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The one device's message of a topic."""
        try:
            return Arrival(envelope, (_message(envelope, context),))
        except Wrong as wrong:
            return Arrival(envelope, refusal=wrong.refusal())


def _topic(envelope: Envelope) -> tuple[str, str] | None:
    """The device's own part of the topic, and what kind of message it is."""
    levels = envelope.source.split("/")
    if len(levels) < 3 or levels[-1] not in (_SENSOR, *_ANSWERS, *_SILENT):
        return None
    if levels[0] in _PREFIXES:
        return ":".join(levels[1:-1]), levels[-1]
    return (":".join(levels[:-2]), levels[-1]) if levels[-2] in _PREFIXES else None


def _message(envelope: Envelope, context: Context) -> Decoded:
    """The message of one topic.

    Raises:
        Wrong: nothing of it can be believed.
    """
    found = _topic(envelope)
    if found is None:
        raise Wrong("topic", envelope.source, "is no topic of Tasmota")
    logger, kind = named(found[0], "topic"), found[1]
    head = Head(logger, "", Tasmota.name, Stamp(envelope.received_at_ms, "arrival"), envelope.received_at_ms)
    if kind == "LWT":
        online = {b"Online": True, b"Offline": False}.get(envelope.payload)
        return decoded(head, (), envelope.payload, status={"online": online})
    tree = object_of(envelope.payload, "is not an object as Tasmota sends it")
    if type(answer := tree.get("StatusSNS")) is dict:
        tree = answer
    if kind == "STATE":
        return decoded(head, (), envelope.payload)
    return _sensors(_timed(head, tree.get("Time"), envelope), tree, envelope, context)


def _timed(head: Head, told: Any, envelope: Envelope) -> Head:
    """Its time counts only with a zone; without one it still tells two messages apart."""
    if (at_ms := iso_ms(told)) is not None:
        return head._replace(stamp=Stamp(at_ms, "device", told), key=stamped_key(at_ms, envelope.payload))
    if type(told) is not str or len(told) > 40:
        return head
    dated = _DATED.match(told) is not None
    key = f"{told[:19]}:{stamped_key(0, envelope.payload)}" if dated else ""
    return head._replace(stamp=head.stamp._replace(text=told), key=key)


def _sensors(head: Head, tree: Mapping[str, Any], envelope: Envelope, context: Context) -> Decoded:
    hints = {"tasmota.topic": head.logger}
    if context.profiles.of(head.logger, hints) is not None:
        uplink = Uplink(head.logger, head.key, head.stamp, tree, hints)
        return message(uplink, envelope, Tasmota.name, context)
    unit = tree.get("TempUnit", "C")
    refusals = () if unit in ("C", "F") else (Refusal(f"TempUnit {unit!s:.20} is neither C nor F", "TempUnit"),)
    scale = tree.get("PressureUnit")
    pressure = _PRESSURE.get(scale) if type(scale) is str else None
    samples = [sample for name, block in _blocks(tree) for sample in _block(name, block, unit, pressure)]
    if "ZbReceived" in tree and not samples:
        reason = Refusal(f"{head.logger} relays Zigbee devices, which are not read here", "ZbReceived")
        return decoded(head, (), envelope.payload, refusals=(reason,))._replace(undecoded=True)
    return decoded(head, samples, envelope.payload, refusals=refusals)


def _blocks(tree: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and content of each sensor's block; those of a list are numbered."""
    for name, block in tree.items():
        if _OWN_HEAT.match(name):
            continue
        if type(block) is list:
            yield from ((f"{name}-{place}", one) for place, one in enumerate(block, start=1) if type(one) is dict)
        elif type(block) is dict:
            yield name, block


def _values(block: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Kind, number and value of what a block measured; the values of a list are numbered."""
    for field, value in block.items():
        if (found := _VALUE.match(field)) is None:
            continue
        if type(value) is list:
            yield from ((found[1], str(place), one) for place, one in enumerate(value[:99], start=1))
        else:
            yield found[1], found[2], value


def _block(name: str, block: Mapping[str, Any], unit: Any, pressure: Decimal | None) -> Iterator[Sample]:
    for kind, number, value in _values(block):
        channel = _channel(name, block, number)
        match kind:
            case "Temperature" | "ProbeTemperature" if unit in ("C", "F"):
                yield _temperature(name, from_fahrenheit(value) if unit == "F" else value, channel)
            case "Humidity":
                yield Sample({"humidity_pct": value}, channel)
            case "Pressure" if pressure is not None:
                yield Sample({"pressure_hpa": times(value, pressure)}, channel)
            case "Illuminance" if value is not None:
                yield Sample({"light_lux": value})


def _temperature(name: str, value: Any, channel: str) -> Sample:
    number = number_of(value)
    if _ONE_WIRE.match(name) and number is not None and abs(number - _POWER_ON_C) < _HALF_A_TENTH:
        return Sample({"temperature_c": None}, channel, fault="not_ready")
    return Sample({"temperature_c": value}, channel)


def _channel(name: str, block: Mapping[str, Any], number: str) -> str:
    """A probe is known by its own id where it has one, since the numbers of blocks move when a probe is taken away."""
    if number:
        return f"probe-{int(number)}"
    own = block.get("Id")
    if type(own) is str and 1 <= len(own) <= 32 and own.isalnum():
        return f"probe-{own}"
    return _spelled(name[:48])


@lru_cache(maxsize=1024)  # the same blocks again and again
def _spelled(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9-]", "-", name).lower()
    return f"probe-{plain}" if plain else INTERNAL
