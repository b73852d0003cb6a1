"""Traccar: positions as its forwarders send them, `{"position": {...}, "device": {...}}`, and events with a position.

Traccar's attribute names are the same for all trackers: °C, % and V. The engine's, the board's and the vehicle's own
temperatures have other names and are left out.
"""

import re
from collections.abc import Iterator
from typing import Any

from coldchain.domain.message import Decoded, Envelope, Refusal
from sensors.carriers.cloud import Cloud, Part, digest, epoch_ms, nested, stamped, utc_ms
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import Context
from sensors.carriers.sample import INTERNAL, Head, Sample, Stamp, decoded
from sensors.carriers.teltonika import fault_of
from sensors.carriers.uplink import named

_PROBE = re.compile(r"(ble|tag)?([tT]emp|[hH]umidity)([0-9]{1,2})|tag([0-9]{1,2})(Temp|Humidity)")
_RIDING = {"battery": "battery_v", "batteryLevel": "battery_pct"}


class Traccar(Cloud):
    """`POST /ingest/traccar`, and the topics `traccar/…` of Traccar's MQTT forwarder."""

    name = "traccar@1"
    source = "traccar"
    filters = ("traccar/#",)
    under = "traccar/"
    marks = (b'"position"', b'"device"', b'"deviceTime"')

    def fits(self, tree: Any) -> bool:
        """A position with the times that Traccar gives it, beside its device."""
        return nested(tree, "position", "deviceTime") is not None and type(nested(tree, "device")) is dict

    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:  # noqa: ARG002 - the port's names
        """The position of one device, with what it measured."""
        position = nested(part.tree, "position")
        if type(position) is not dict:
            raise Wrong("position", position, "is missing: forward positions as JSON")
        # `deviceId` is Traccar's own count; the hardware's id is the device's `uniqueId`.
        logger = named(nested(part.tree, "device", "uniqueId"), "device.uniqueId")
        refusals: list[Refusal] = []
        stamp = stamped(position.get("deviceTime"), "deviceTime", _time, envelope, refusals)
        fix = stamped(position.get("fixTime"), "fixTime", _time, envelope, refusals)
        server = stamped(position.get("serverTime"), "serverTime", _time, envelope, refusals)
        head = Head(
            logger, _key(part, position), self.name, stamp, envelope.received_at_ms,
            server_ms=server.at_ms if server.source == "device" else None,
        )  # fmt: skip
        samples = [*_measured(position), *_places(position, stamp, fix)]
        event = nested(part.tree, "event", "type")
        status = None if event is None else {"event": shown(event)}
        yield decoded(head, samples, part.payload, refusals=refusals, status=status)


def _time(value: Any, field: str) -> int:
    return utc_ms(value, field) if type(value) is str else epoch_ms(value, field, per_second=1000)


def _key(part: Part, position: dict[str, Any]) -> str:
    """Traccar's own number of the position (0 before it is stored), with its time; an event has a number of its own."""
    event = nested(part.tree, "event", "id")
    server = shown(position.get("serverTime") or position.get("deviceTime") or "")
    return f"{shown(event)}:{shown(position.get('id'))}:{server}:{digest(part.payload)}"


def _measured(position: dict[str, Any]) -> Iterator[Sample]:
    attributes = position.get("attributes")
    if type(attributes) is not dict:
        return
    teltonika = position.get("protocol") == "teltonika"
    for name, value in attributes.items():
        if (found := _PROBE.fullmatch(name)) is None:
            continue
        family = "tag" if found[4] else found[1] or ""
        number, what = found[3] or found[4], (found[2] or found[5]).lower()
        channel = f"probe-{family}-{number}" if family else f"probe-{number}"
        fault = fault_of(value, bluetooth=family != "") if teltonika and what == "temp" else None
        public = "temperature_c" if what == "temp" else "humidity_pct"
        yield Sample({} if fault else {public: value}, channel, fault=fault, within=f"attributes.{name}")
    if attributes.get("humidity") is not None:
        yield Sample({"humidity_pct": attributes["humidity"]}, INTERNAL, within="attributes.humidity")
    riding = {public: attributes[name] for name, public in _RIDING.items() if attributes.get(name) is not None}
    if type(attributes.get("door")) is bool:
        riding["door_open"] = attributes["door"]
    yield Sample(riding, within="attributes")


def _places(position: dict[str, Any], stamp: Stamp, fix: Stamp) -> Iterator[Sample]:
    """The device's own fix: not one that it did not trust, nor an old one repeated, nor one of the phone network."""
    place = (position.get("latitude"), position.get("longitude"))
    doubted = position.get("valid") is False or position.get("outdated") is True
    if None in place or doubted or nested(position, "attributes", "approximate") is True:
        return
    yield Sample(position=place, stamp=fix if fix.source == "device" else stamp)
