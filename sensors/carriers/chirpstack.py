"""ChirpStack v4 and v3: events of a device, by MQTT or by its HTTP integration, in JSON."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from sensors.carriers.body import object_of, peeked
from sensors.carriers.fields import Wrong
from sensors.carriers.lorawan import (
    Frame,
    counter,
    dict_of,
    dicts_of,
    from_base64,
    message,
    port_of,
    same_device,
    samples_only,
    status,
    text_of,
)
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import Sample, Stamp
from sensors.carriers.stamped import iso_ms
from sensors.carriers.uplink import named, tree_of

# How far the time of an event, which may be the clock of one gateway, may stand from the network server's own.
_SKEW_MS = 60_000
_EVENTS = {"up", "status", "join", "ack", "txack", "log", "location", "integration", "error"}
_OLD = {"rx": "up"}  # before v3.11
_TYPED = "CONFIG"
_SAID = ("deviceProfileName", "deviceName", "applicationName")  # hints for device profiles


class ChirpStack:
    """Events of a ChirpStack: `application/{application}/device/{devEui}/event/{event}` and its HTTP integration."""

    name = "chirpstack@1"
    source = "chirpstack"
    filters = ("application/+/device/+/event/+", "application/+/device/+/rx")

    def claims(self, envelope: Envelope) -> bool:
        """By the topic of the server, or the webhook's source."""
        if envelope.transport == "mqtt":
            return _topic(envelope) is not None
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """By the device's description, which v4 writes into every event and v3 around it."""
        if b'"devEui"' not in envelope.payload and b'"devEUI"' not in envelope.payload:
            return False
        tree = peeked(envelope.payload)
        if "devEui" in dict_of(tree.get("deviceInfo")):
            return True
        return {"applicationID", "devEUI"} <= tree.keys() and not heard_by_milesight(tree)

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The one message that an event is."""
        try:
            tree = _tree(envelope.payload)
            topic_eui, event = (_topic(envelope) if envelope.transport == "mqtt" else None) or (None, None)
            return Arrival(envelope, (event_message(envelope, tree, self.name, context, topic_eui, event),))
        except Wrong as wrong:
            return Arrival(envelope, refusal=wrong.refusal())


def _tree(payload: bytes) -> dict[str, Any]:
    """The object that an event is.

    Raises:
        Wrong: it is none.
    """
    if not payload.lstrip().startswith(b"{"):
        said = payload[:32].hex()
        raise Wrong("payload", said, "is no JSON object: set the integration of ChirpStack to JSON, not to protobuf")
    return object_of(payload, "is no event of a ChirpStack: it is no object")


def event_message(
    envelope: Envelope, tree: dict[str, Any], adapter: str, context: Context, topic_eui: str | None, event: str | None
) -> Decoded:
    """What one event says.

    Args:
        envelope: around it.
        tree: the event.
        adapter: who reads it.
        context: as for every carrier.
        topic_eui: the device that the topic names, None where there is no topic.
        event: the event that the topic names; None: the body tells.

    Raises:
        Wrong: nobody can say who measured, or the frame is not readable.
    """
    info = dict_of(tree.get("deviceInfo"))
    eui = _hex_eui(info.get("devEui") or tree.get("devEUI") or tree.get("devEui"))
    if eui is not None:
        same_device(eui, topic_eui, "devEui")
    logger = named(eui, "devEui")
    stamp, server_ms, flaws = _when(envelope, tree)
    event = event or _event(tree)
    key = _key(tree, stamp, event)
    if event == "up":
        seq = counter(tree, "fCnt")
        fields, broken = _fields(tree)
        frame = Frame(
            logger, f"{key}:{seq}" if key else "", stamp, seq, fields, from_base64(tree, "data"), server_ms,
            _hints(tree, info), refusals=(*flaws, *broken),
        )  # fmt: skip
        return message(frame, envelope, adapter, context)
    frame = Frame(logger, key, stamp, None, None, None, server_ms, refusals=flaws)
    if event == "location":
        return samples_only(frame, envelope, adapter, _location(tree))
    if event == "status":
        return samples_only(frame, envelope, adapter, _battery(tree))
    return status(frame, envelope, adapter, _told(event, tree))


def _told(event: str, tree: Mapping[str, Any]) -> dict[str, Any]:
    """What an event without fields of its own says of the logger: that it joined, that its codec failed."""
    if event == "join":
        return {"joined": True}
    code = text_of(tree.get("code")) if event == "log" else None
    return {} if code is None else {"log": code}


def heard_by_milesight(tree: Mapping[str, Any]) -> bool:
    """Whether a gateway of Milesight wrote this: it names itself by MAC."""
    return "gatewaySN" in tree or any("mac" in heard for heard in dicts_of(tree.get("rxInfo")))


def _topic(envelope: Envelope) -> tuple[str, str] | None:
    """The device and the event that a topic of this server names; None for any other topic."""
    parts = envelope.source.split("/")
    if len(parts) not in (5, 6) or parts[0] != "application" or parts[2] != "device" or not parts[3]:
        return None
    if len(parts) == 6:
        return (parts[3], parts[5]) if parts[4] == "event" and parts[5] in _EVENTS else None
    return (parts[3], _OLD[parts[4]]) if parts[4] in _OLD else None


def _event(tree: Mapping[str, Any]) -> str:
    """Which event a body without a topic is: the HTTP integration writes it into the query alone."""
    if "integrationName" in tree:
        return "integration"
    if "location" in tree:
        return "location"
    if "margin" in tree or "batteryLevel" in tree or "externalPowerSource" in tree:
        return "status"
    if "queueItemId" in tree or "acknowledged" in tree or "fCntDown" in tree or "downlinkId" in tree:
        return "ack"
    if "level" in tree and ("code" in tree or "description" in tree):
        return "log"
    uplink = any(name in tree for name in ("rxInfo", "txInfo", "data", "fPort", "object", "objectJSON"))
    return "up" if uplink else "join"


def _hex_eui(value: Any) -> str | None:
    """An EUI in hexadecimal digits; v3 writes it in base64 where it makes its JSON from protocol buffers."""
    text = text_of(value)
    if text is None or len(text) != 12 or not text.endswith("="):
        return text
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text


def _key(tree: Mapping[str, Any], stamp: Stamp, event: str) -> str:
    """The id of the uplink; an event about it has the same one. v3 has none: there the time stands for the session."""
    session = text_of(tree.get("deduplicationId")) or (stamp.text if stamp.source != "arrival" else None)
    if session is None:
        return ""
    return session if event == "up" else f"{session}:{event}"


def _when(envelope: Envelope, tree: Mapping[str, Any]) -> tuple[Stamp, int | None, tuple[Refusal, ...]]:
    """When the network heard it, the newest time that it wrote, and what is wrong with its stamp.

    `time` may come from the clock of one gateway. Where the network server's own time stands beside it and differs,
    that one counts.
    """
    heard = dicts_of(tree.get("rxInfo"))
    own = _newest([tree.get("time")])
    server = _newest([tree.get("publishedAt"), *[one.get("nsTime") for one in heard]])
    said = text_of(tree.get("time"))
    flaws: tuple[Refusal, ...] = ()
    if said is not None and own is None:
        flaws = (Wrong("time", said, "is no time that ISO 8601 knows").refusal(),)
    if own is not None and (server is None or abs(own[0] - server[0]) <= _SKEW_MS):
        return Stamp(own[0], "network", own[1]), max(own[0], server[0] if server else own[0]), flaws
    if server is not None:
        return Stamp(server[0], "network", server[1]), server[0], flaws
    if (gateway := _newest([one.get("gwTime") or one.get("time") for one in heard])) is not None:
        return Stamp(gateway[0], "gateway", gateway[1]), gateway[0], flaws
    return Stamp(envelope.received_at_ms, "arrival", said), None, flaws


def _newest(texts: list[Any]) -> tuple[int, str] | None:
    newest = None
    for text in texts:
        at_ms = iso_ms(text)
        if at_ms is not None and (newest is None or (at_ms, text) > newest):
            newest = at_ms, text
    return newest


def _fields(tree: Mapping[str, Any]) -> tuple[Any, tuple[Refusal, ...]]:
    """What the codec made of the frame: an object, or (v3) the text of one."""
    text = tree.get("objectJSON")
    if tree.get("object") is not None or type(text) is not str or not text:
        return tree.get("object"), ()
    try:
        return tree_of(text.encode()), ()
    except Wrong as wrong:
        return None, (wrong.refusal("objectJSON"),)


def _hints(tree: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, str]:
    hints = {f"chirpstack.{name}": text_of(info.get(name) or tree.get(name)) for name in _SAID}
    hints["lorawan.f_port"] = port_of(tree.get("fPort"))
    for name, value in dict_of(info.get("tags") or tree.get("tags")).items():
        hints[f"chirpstack.tags.{name}"] = text_of(value)
    return {name: value for name, value in hints.items() if value is not None}


def _location(tree: Mapping[str, Any]) -> list[Sample]:
    place = dict_of(tree.get("location"))
    # Zero is left out: on the equator or the meridian of Greenwich one of the two is absent.
    if place.get("source") == _TYPED or ("latitude" not in place and "longitude" not in place):
        return []
    return [Sample(position=(place.get("latitude", 0), place.get("longitude", 0)), within="location")]


def _battery(tree: Mapping[str, Any]) -> list[Sample]:
    """The charge that the device told the network, in per cent; 0 is left out by v4."""
    if tree.get("externalPowerSource") is True or tree.get("batteryLevelUnavailable") is True:
        return []
    level = tree.get("batteryLevel", 0 if "deviceInfo" in tree else None)
    return [Sample({"battery_pct": level})] if level is not None else []
