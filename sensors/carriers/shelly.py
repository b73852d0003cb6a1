"""Shelly, second generation and later: `{prefix}/events/rpc` with `NotifyStatus` or `NotifyFullStatus`.

Components are named `kind:number`. `temperature:0` is the device's own sensor, others are probes; the temperature
inside a component such as `switch:0` is that of its electronics and is not read.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope
from sensors.carriers import advert
from sensors.carriers.body import alone, peeked
from sensors.carriers.declared import from_fahrenheit
from sensors.carriers.fields import Wrong
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import INTERNAL, Head, Sample, Stamp, decoded
from sensors.carriers.stamped import stamped_key
from sensors.carriers.uplink import named

_ENDING = ["events", "rpc"]
_COMPONENT = re.compile(r"(temperature|humidity|devicepower|illuminance):([0-9]{1,4})\Z")
_OWN_ID = re.compile(r"shelly[a-z0-9]*-([0-9a-f]{12})\Z", re.IGNORECASE)
_STATUS = ("NotifyStatus", "NotifyFullStatus")
_MOST_INTERVAL_S = 7 * 86_400


class Shelly:
    """Reads the notifications of Shelly devices."""

    name = "shelly@1"
    source = "shelly"
    filters = ("+/events/rpc", "+/+/events/rpc")

    def claims(self, envelope: Envelope) -> bool:
        """Topics that end with `/events/rpc`, and the webhook of its name."""
        if envelope.transport == "mqtt":
            return envelope.source.split("/")[-2:] == _ENDING
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """A notification with its sender."""
        tree = peeked(envelope.payload)
        method = tree.get("method")
        return type(method) is str and method.startswith("Notify") and "src" in tree and "params" in tree

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:  # noqa: ARG002 - its names say all
        """The one notification of a body."""
        return alone(envelope, "is not an object as Shelly sends it", lambda tree: _message(tree, envelope))


def _message(tree: Mapping[str, Any], envelope: Envelope) -> Decoded:
    """The notification's message.

    Raises:
        Wrong: nothing says who measured, or two things say different ones.
    """
    params = tree.get("params")
    if type(params) is not dict:
        raise Wrong("params", params, "is not an object")
    logger = _who(tree, params, envelope)
    system = params.get("sys")
    told = params.get("ts") or (system.get("unixtime") if type(system) is dict else None)
    at_ms = _ms(told)
    stamp = Stamp(envelope.received_at_ms, "arrival") if at_ms is None else Stamp(at_ms, "device", str(told))
    key = stamped_key(at_ms, envelope.payload)
    head = Head(logger, key, Shelly.name, stamp, envelope.received_at_ms, interval_ms=_interval_ms(params.get("sys")))
    samples = tuple(_samples(params)) if tree.get("method") in _STATUS else ()
    return decoded(head, samples, envelope.payload)


def _who(tree: Mapping[str, Any], params: Mapping[str, Any], envelope: Envelope) -> str:
    logger = named(tree.get("src"), "src")
    own = _OWN_ID.match(logger)
    if own is None:
        return logger
    prefix = envelope.source.split("/")[-3] if envelope.transport == "mqtt" else ""
    if _OWN_ID.match(prefix) and prefix.lower() != logger.lower():
        raise Wrong("src", logger, f"is another device than {prefix} of the topic")
    system = params.get("sys")
    mac = advert.address(system.get("mac")) if type(system) is dict else None
    if mac is not None and mac != own[1].upper():
        raise Wrong("mac", mac, f"is another device than {logger}")
    return logger


def _ms(value: Any) -> int | None:
    try:
        return advert.seconds_ms("ts", value)
    except Wrong:
        return None  # no clock yet: the arrival counts


def _interval_ms(system: Any) -> int | None:
    """How long the device sleeps between two reports, where it says so."""
    period = system.get("wakeup_period") if type(system) is dict else None
    return period * 1000 if type(period) is int and 0 < period <= _MOST_INTERVAL_S else None


def _samples(params: Mapping[str, Any]) -> Iterator[Sample]:
    for name, component in params.items():
        found = _COMPONENT.match(name)
        if found is None or type(component) is not dict:
            continue
        kind, number = found[1], int(found[2])
        channel = INTERNAL if number == 0 else f"probe-{number}"
        match kind:
            case "temperature":
                yield from _measured("temperature_c", _celsius(component), component, channel)
            case "humidity":
                yield from _measured("humidity_pct", component.get("rh", ...), component, channel)
            case "illuminance" if component.get("lux") is not None:
                yield Sample({"light_lux": component["lux"]})
            case "devicepower" if type(battery := component.get("battery")) is dict:
                names = {"V": "battery_v", "percent": "battery_pct"}
                yield Sample({public: battery[own] for own, public in names.items() if battery.get(own) is not None})


def _celsius(component: Mapping[str, Any]) -> Any:
    if component.get("tC") is None and component.get("tF") is not None:
        return from_fahrenheit(component["tF"])
    return component.get("tC", ...)


def _measured(public: str, value: Any, component: Mapping[str, Any], channel: str) -> Iterator[Sample]:
    """A value, or the fault that the component tells instead; nothing where it only tells of something else."""
    errors = component.get("errors")
    if type(errors) is list and errors:
        fault = "out_of_range" if "out_of_range" in errors else "sensor_error"
        yield Sample({public: None}, channel, fault=fault)
    elif value is not ...:
        yield Sample({public: value}, channel)
