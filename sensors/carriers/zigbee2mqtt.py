"""Zigbee2MQTT: `zigbee2mqtt/{friendly name}`, in the units that its exposes declare (°C, %, hPa, lx, mV).

`device_temperature` is the chip's, setpoints and calibrations are nobody's temperature, `contact: true` is a closed
door. A message repeats what is cached; `last_seen` is when the bridge heard the device.
"""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope
from sensors.carriers.declared import times
from sensors.carriers.fields import Wrong
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import INTERNAL, Head, Sample, Stamp, decoded
from sensors.carriers.stamped import iso_ms, stamped_key
from sensors.carriers.uplink import Uplink, message, named, tree_of
from sensors.faults import NATIVE, Limits

_BASE = "zigbee2mqtt/"
_BRIDGE = "bridge"
_ASKED = frozenset({"set", "get"})  # what others ask of a device
_PROBED = {"temperature": "temperature_c", "humidity": "humidity_pct", "pressure": "pressure_hpa"}
_PROBE = re.compile(
    r"(?:(?P<kind>temperature|humidity)_(?:(?:l|probe_?|sensor_?|ch_?|ep_?)?(?P<number>[0-9]{1,2})|probe)"
    r"|(?P<outer>external|probe)_(?P<of>temperature|humidity))\Z"
)
_MILLI = Decimal("0.001")
_LUX = ("illuminance_lux", "illuminance")
_SINGLE = frozenset({*_PROBED, *_LUX, "battery", "voltage", "contact"})
_LIMITS: Mapping[str, Limits] = {
    **NATIVE,
    "humidity_pct": NATIVE["humidity_pct"]._replace(sentinels={655_350: "sensor_error"}),  # 0xFFFF hundredths
}


class Zigbee2Mqtt:
    """Reads the devices of a Zigbee2MQTT bridge."""

    name = "zigbee2mqtt@1"
    source = "zigbee2mqtt"
    filters = ("zigbee2mqtt/#",)

    def claims(self, envelope: Envelope) -> bool:
        """Its topics, those of the bridge itself included."""
        return envelope.transport == "mqtt" and envelope.source.startswith(_BASE)

    def recognises(self, envelope: Envelope) -> bool:  # noqa: ARG002 - the port's names
        """Never: without its topic nothing says who measured."""
        return False

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The one device's message of a topic."""
        if envelope.source.removeprefix(_BASE).split("/")[0] == _BRIDGE:
            return Arrival(envelope, idle=True)  # its own state, lists and log: none of its devices speaks here
        try:
            return Arrival(envelope, (_message(envelope, context),))
        except Wrong as wrong:
            return Arrival(envelope, refusal=wrong.refusal())


def _message(envelope: Envelope, context: Context) -> Decoded:
    """The message of one topic.

    Raises:
        Wrong: nothing of it can be believed.
    """
    levels = envelope.source.removeprefix(_BASE).split("/")
    head = Head("", "", Zigbee2Mqtt.name, Stamp(envelope.received_at_ms, "arrival"), envelope.received_at_ms)
    if levels[-1] == "availability" and len(levels) > 1:
        status = {"online": _online(envelope.payload)}
        return decoded(head._replace(logger=_named(levels[:-1])), (), envelope.payload, status=status)
    if len(levels) > 1 and (levels[-1] in _ASKED or levels[-2] in _ASKED):
        kept = levels[:-1] if levels[-1] in _ASKED else levels[:-2]
        return decoded(head._replace(logger=_named(kept or levels)), (), envelope.payload)
    tree = tree_of(envelope.payload)
    if type(tree) is not dict and len(levels) > 1 and levels[-1] in _SINGLE:
        levels, tree = levels[:-1], {levels[-1]: tree}  # "attribute" output: one topic for each value
    if type(tree) is not dict:
        raise Wrong("payload", tree, "is not an object as Zigbee2MQTT sends it")
    return _device(head._replace(logger=_named(levels)), tree, envelope, context)


def _named(levels: list[str]) -> str:
    """The friendly name; its slashes, which no logger's id may hold, become colons."""
    return named(":".join(levels), "friendly name")


def _online(payload: bytes) -> bool | None:
    text = payload[:200].decode(errors="replace").strip()
    if text.startswith("{"):
        try:
            tree = json.loads(text)
        except ValueError:
            return None
        text = str(tree.get("state"))
    return {"online": True, "offline": False}.get(text)


def _device(head: Head, tree: Mapping[str, Any], envelope: Envelope, context: Context) -> Decoded:
    described = tree.get("device")
    told = described if type(described) is dict else {}
    friendly = told.get("friendlyName")
    if type(friendly) is str and _named(friendly.split("/")) != head.logger:
        raise Wrong("friendlyName", friendly, f"is another device than {head.logger} of the topic")
    stamp = _last_seen(tree.get("last_seen")) or head.stamp
    head = head._replace(
        stamp=stamp,
        key=stamped_key(None if stamp.source == "arrival" else stamp.at_ms, envelope.payload),
        limits=_LIMITS,
    )
    hints = {f"zigbee2mqtt.{name}": told[name] for name in ("model", "manufacturerName") if type(told.get(name)) is str}
    if context.profiles.of(head.logger, hints) is not None:
        uplink = Uplink(head.logger, head.key, stamp, tree, hints)
        return message(uplink, envelope, Zigbee2Mqtt.name, context)
    return decoded(head, tuple(_samples(tree)), envelope.payload)


def _last_seen(value: Any) -> Stamp | None:
    """When the bridge heard the device: milliseconds, or ISO 8601 with its zone."""
    if type(value) is int and value > 0:
        return Stamp(value, "gateway", str(value))
    at_ms = iso_ms(value)
    return None if at_ms is None else Stamp(at_ms, "gateway", value)


def _samples(tree: Mapping[str, Any]) -> Iterator[Sample]:
    """What the exposes declare; null means that the bridge does not know it yet."""
    for name, value in tree.items():
        if value is None:
            continue
        if name in _PROBED:
            yield Sample({_PROBED[name]: value}, INTERNAL)
        elif (probe := _PROBE.match(name)) is not None:
            kind = probe["kind"] or probe["of"]
            yield Sample({_PROBED[kind]: value}, f"probe-{int(probe['number'])}" if probe["number"] else _only(tree))
    yield Sample(dict(_riding(tree)))


def _only(tree: Mapping[str, Any]) -> str:
    """The channel of a probe without number: the first, unless another one has that number."""
    found = (_PROBE.match(name) for name in tree)
    return "probe" if any(one is not None and one["number"] == "1" for one in found) else "probe-1"


def _riding(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if tree.get("battery") is not None:
        yield "battery_pct", tree["battery"]
        # Beside a battery it is the battery's, in millivolt; that of a plug is the mains', in volt.
        if tree.get("voltage") is not None:
            yield "battery_v", times(tree["voltage"], _MILLI)
    for name in _LUX:
        if tree.get(name) is not None:
            yield "light_lux", tree[name]
            break
    if type(contact := tree.get("contact")) is bool:
        yield "door_open", not contact
