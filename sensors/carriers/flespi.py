"""flespi: flat messages of trackers of any make, alone on MQTT or in an array over HTTP.

Names and units are flespi's own and the same for all protocols: °C, % and V.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from coldchain.domain.message import Decoded, Envelope, Refusal
from sensors.carriers.cloud import Cloud, Part, digest, epoch_ms, stamped, utc_ms
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import Context
from sensors.carriers.sample import Head, Sample, decoded
from sensors.carriers.teltonika import fault_of
from sensors.carriers.uplink import named

# Families of probes; what measures an engine, a tank or a tyre has other names and is no cargo.
_PROBE = re.compile(
    r"(?:(refrigerator|ble|wireless|onewire)\.)?(?:sensor\.)(temperature|humidity)(?:[#.]([0-9]{1,3}))?"
    r"|(onewire)\.(temperature)(?:[#.]([0-9]{1,3}))?"
)
_LONGEST = 40  # characters of the name of a probe's parameter
_PUBLIC = {"temperature": "temperature_c", "humidity": "humidity_pct"}
_RIDING = {"battery.voltage": "battery_v", "battery.level": "battery_pct"}
_TELTONIKA = 14  # `protocol.id`
_CODECS = (8, 16, 142)  # `codec.id` of the same family


class Flespi(Cloud):
    """`flespi/message/gw/devices/{id}`, `flespi/message/gw/channels/{id}/{ident}` and `POST /ingest/flespi`."""

    name = "flespi@1"
    source = "flespi"
    filters = ("flespi/message/gw/devices/+", "flespi/message/gw/channels/+/+")
    under = "flespi/message/"
    marks = (b'"ident"', b'"timestamp"')

    def fits(self, tree: Any) -> bool:
        """A flat object with an ident and a UNIX time, and names in flespi's dotted spelling."""
        if type(tree) is not dict or type(tree.get("ident")) is not str:
            return False
        return type(tree.get("timestamp")) is not dict and any("." in name for name in tree)

    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:  # noqa: ARG002 - the port's names
        """One message of one device."""
        tree = part.tree
        if type(tree) is not dict:
            raise Wrong("payload", tree, "is not an object with the parameters of a message")
        logger = named(tree.get("ident"), "ident")
        refusals: list[Refusal] = []
        stamp = stamped(tree.get("timestamp"), "timestamp", _time, envelope, refusals)
        server = stamped(tree.get("server.timestamp"), "server.timestamp", epoch_ms, envelope, refusals)
        head = Head(
            logger, _key(tree, part.payload), self.name, stamp, envelope.received_at_ms, _seq(tree),
            server_ms=server.at_ms if server.source == "device" else None,
        )  # fmt: skip
        misplaced = _misplaced(tree, envelope)
        if misplaced is not None:
            yield decoded(head, (), part.payload, refusals=(misplaced,))
            return
        yield decoded(head, list(_samples(tree)), part.payload, refusals=refusals)


def _samples(tree: dict[str, Any]) -> Iterator[Sample]:
    late = tree.get("message.buffered.status") is True
    teltonika = tree.get("protocol.id") == _TELTONIKA or tree.get("codec.id") in _CODECS
    for name, value in tree.items():
        if len(name) > _LONGEST or (found := _probe(name)) is None:
            continue
        family, what, number = found
        if not number:  # the only one, unless another one has that number
            number = "0" if f"{name}#1" in tree or f"{name}.1" in tree else "1"
        channel = f"probe-{family}-{number}" if family else f"probe-{number}"
        fault = fault_of(value, bluetooth=family == "ble") if teltonika and what == "temperature" else None
        values = {} if fault else {_PUBLIC[what]: value}
        yield Sample(values, channel, fault=fault, historical=late, within=name)
    riding: dict[str, Any] = {public: tree[name] for name, public in _RIDING.items() if tree.get(name) is not None}
    if type(tree.get("door.open.status")) is bool:
        riding["door_open"] = tree["door.open.status"]
    place = (tree.get("position.latitude"), tree.get("position.longitude"))
    known = None not in place and tree.get("position.valid") is not False
    yield Sample(riding, position=place if known else None, historical=late)


@lru_cache(maxsize=4096)  # the same names again and again
def _probe(name: str) -> tuple[str, str, str] | None:
    """Family, quantity and number of the probe that a parameter belongs to; None where it is no probe's."""
    found = _PROBE.fullmatch(name)
    return None if found is None else (found[1] or found[4] or "", found[2] or found[5], found[3] or found[6] or "")


def _time(value: Any, field: str) -> int:
    """Seconds since 1970; what was posted into an HTTP channel may have an ISO time in UTC instead."""
    return utc_ms(value, field) if isinstance(value, str) and "-" in value else epoch_ms(value, field)


def _seq(tree: dict[str, Any]) -> int | None:
    seq = tree.get("record.seqnum")
    return seq if type(seq) is int and 0 <= seq < 2**53 else None


def _key(tree: dict[str, Any], payload: bytes) -> str:
    """Ident, time and record number; with the server's time, because a device that heard no answer sends again."""
    parts = [shown(tree[name]) for name in ("timestamp", "record.seqnum", "server.timestamp") if name in tree]
    return ":".join(parts) if _seq(tree) is not None else ":".join([*parts, digest(payload)])


def _misplaced(tree: dict[str, Any], envelope: Envelope) -> Refusal | None:
    """Why the topic is not the device's own."""
    if envelope.transport != "mqtt":
        return None
    match envelope.source.split("/"):
        case ["flespi", "message", "gw", "devices", number] if str(tree.get("device.id", number)) != number:
            return Wrong("topic", envelope.source, f"is not that of device {shown(tree['device.id'])}").refusal()
        case ["flespi", "message", "gw", "channels", _, ident] if tree["ident"] != ident:
            return Wrong("topic", envelope.source, f"is not that of ident {shown(tree['ident'])}").refusal()
    return None
