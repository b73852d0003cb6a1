"""ThingPark of Actility: uplinks and locations, by its HTTP and MQTT connectors, decoded by its drivers or not."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from sensors.carriers.body import peeked
from sensors.carriers.fields import Wrong
from sensors.carriers.lorawan import (
    Frame,
    counter,
    dict_of,
    dicts_of,
    from_hex,
    message,
    port_of,
    samples_only,
    status,
    text_of,
    topic_agrees,
)
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import INTERNAL, Sample, Stamp, thousandths
from sensors.carriers.stamped import iso_ms
from sensors.carriers.uplink import named, tree_of

_UPLINK, _LOCATION = "DevEUI_uplink", "DevEUI_location"
_FIRST = ("thingpark", "actility")
_UNITS = {"Cel": ("temperature_c", 1), "%RH": ("humidity_pct", 1), "lx": ("light_lux", 1), "hPa": ("pressure_hpa", 1)}
_BATTERY = {"%": ("battery_pct", 1), "V": ("battery_v", 1), "mV": ("battery_v", 1000)}


class ThingPark:
    """Documents of ThingPark: `mqtt/things/{DevEUI}/uplink`, topics that begin with `thingpark/`, and webhooks."""

    name = "thingpark@1"
    source = "thingpark"
    filters = ("mqtt/things/+/uplink", *(f"{first}/#" for first in _FIRST))

    def claims(self, envelope: Envelope) -> bool:
        """By the topic, or the webhook's source."""
        if envelope.transport == "mqtt":
            return envelope.source.startswith("mqtt/things/") or envelope.source.split("/", 1)[0] in _FIRST
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """By the one name at the top of every document."""
        if b'"DevEUI_' not in envelope.payload:
            return False
        return _kind(peeked(envelope.payload)) is not None

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The one message that such a document is."""
        try:
            tree = tree_of(envelope.payload)
            kind = _kind(tree) if type(tree) is dict else None
            if kind is None or type(tree[kind]) is not dict:
                raise Wrong("payload", tree, "is no document of ThingPark: it has no object such as DevEUI_uplink")
            return Arrival(envelope, (self._message(envelope, kind, tree[kind], context),))
        except Wrong as wrong:
            return Arrival(envelope, refusal=wrong.refusal())

    def _message(self, envelope: Envelope, kind: str, tree: dict[str, Any], context: Context) -> Decoded:
        logger = named(tree.get("DevEUI"), "DevEUI")
        if envelope.transport == "mqtt":
            topic_agrees(logger, envelope.source)
        text = text_of(tree.get("Time"))
        at_ms = iso_ms(text)
        stamp = Stamp(at_ms, "network", text) if at_ms is not None else Stamp(envelope.received_at_ms, "arrival", text)
        frame = Frame(logger, "", stamp, None, None, None, at_ms)
        if kind == _LOCATION:
            place = (tree.get("DevLAT"), tree.get("DevLON"))
            samples = [] if None in place else [Sample(position=place, within=kind)]
            return samples_only(frame, envelope, self.name, samples)
        if kind != _UPLINK:
            return status(frame, envelope, self.name, {})
        seq = counter(tree, "FCntUp", absent=None)
        # LrrLAT and LrrLON are the gateway's place, CustomerData.loc is what somebody typed.
        declared, refusals = point_samples(tree.get("points"))
        frame = frame._replace(
            key=f"{text}:{seq}" if at_ms is not None else "", seq=seq, tree=tree.get("payload"),
            data=from_hex(tree, "payload_hex"), hints=_hints(tree), declared=declared, undeclared=refusals,
        )  # fmt: skip
        return message(frame, envelope, self.name, context)


def point_samples(points: Any) -> tuple[tuple[Sample, ...], tuple[Refusal, ...]]:
    """What a driver's `points` say: each has a name and a declared unit. Pure; never raises.

    A temperature is cargo only under the plain name, with or without a number; any other keeps its own name.
    """
    samples: list[Sample] = []
    refusals: list[Refusal] = []
    for name, point in dict_of(points).items():
        for value, stamp in _records(dict_of(point)):
            try:
                samples += _sample(name, text_of(dict_of(point).get("unitId")), value, stamp)
            except Wrong as wrong:
                refusals.append(wrong.refusal("points"))
    return tuple(samples), tuple(refusals)


def _records(point: Mapping[str, Any]) -> Iterator[tuple[Any, Stamp | None]]:
    if point.get("record") is not None:
        yield point["record"], None
    for record in dicts_of(point.get("records")):
        text = record.get("eventTime")
        at_ms = iso_ms(text)
        yield record.get("value"), Stamp(at_ms, "device", text) if at_ms is not None else None


def _sample(name: str, unit: str | None, value: Any, stamp: Stamp | None) -> Iterator[Sample]:
    """The sample that one point is, if it says something that is kept.

    Raises:
        Wrong: its value is no number.
    """
    plain, _, number = name.partition(":")
    if unit == "GPS" and type(value) is list and len(value) >= 2:
        yield Sample(position=(value[1], value[0]), stamp=stamp, within=f"points.{name}")  # longitude first
    elif plain in ("batteryVoltage", "batteryLevel") and unit in _BATTERY:
        public, divisor = _BATTERY[unit]
        exact = value if divisor == 1 else Decimal(thousandths(name, value)) / 1000 / divisor
        yield Sample({public: exact}, stamp=stamp, within=f"points.{name}")
    elif unit in _UNITS:
        public, _one = _UNITS[unit]
        channel = "" if public == "light_lux" else _channel(plain, number)
        yield Sample({public: value}, channel, stamp, within=f"points.{name}")


def _channel(plain: str, number: str) -> str:
    if plain not in ("temperature", "humidity", "pressure"):
        return plain[:60]
    return f"probe-{number}" if number.isascii() and number.isdecimal() and len(number) <= 3 else INTERNAL


def _kind(tree: Mapping[str, Any]) -> str | None:
    return next((name for name in tree if name.startswith("DevEUI_")), None)


def _hints(tree: Mapping[str, Any]) -> dict[str, str]:
    driver = dict_of(tree.get("DriverCfg"))
    model = dict_of(driver.get("mod")) or dict_of(driver.get("app"))
    hints = {
        "thingpark.producer": text_of(model.get("pId")), "thingpark.model": text_of(model.get("mId")),
        "lorawan.f_port": port_of(tree.get("FPort")),
    }  # fmt: skip
    return {name: value for name, value in hints.items() if value is not None}
