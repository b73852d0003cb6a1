"""The Things Stack v3 (The Things Network, The Things Industries): by MQTT, webhook or a bridge between the two."""

from collections.abc import Iterator, Mapping
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope
from sensors.carriers.body import alone, peeked
from sensors.carriers.fields import Wrong
from sensors.carriers.lorawan import (
    Frame,
    counter,
    dict_of,
    dicts_of,
    from_base64,
    heard,
    is_number,
    message,
    port_of,
    same_device,
    samples_only,
    status,
    text_of,
)
from sensors.carriers.normalized import normalized_samples
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import Sample, Stamp
from sensors.carriers.stamped import iso_ms
from sensors.carriers.uplink import named

_KINDS = ("uplink_message", "uplink_normalized", "location_solved", "join_accept", "service_data")
_DOWNLINKS = "downlink_"
_TYPED = "SOURCE_REGISTRY"
_DEEP = 5


class ThingsStack:
    """Application messages of The Things Stack: `v3/{application}[@{tenant}]/devices/{device}/…` and its webhooks."""

    name = "things-stack@1"
    source = "things-stack"
    filters = (
        "v3/+/devices/+/up", "v3/+/devices/+/up/normalized", "v3/+/devices/+/join", "v3/+/devices/+/down/+",
        "v3/+/devices/+/location/solved", "v3/+/devices/+/service/data",
    )  # fmt: skip

    def claims(self, envelope: Envelope) -> bool:
        """By the topic of the server, or the webhook's source."""
        if envelope.transport == "mqtt":
            return _topic_device(envelope) is not None
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """By the ids that stand at the top of every message, and its one kind."""
        if b'"end_device_ids"' not in envelope.payload:
            return False
        tree = _message_of(peeked(envelope.payload))
        return type(tree.get("end_device_ids")) is dict and _kind(tree) is not None

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The one message that such an envelope is."""
        reason = "is not a message of The Things Stack: it is no object"
        return alone(envelope, reason, lambda tree: self._message(envelope, _message_of(tree), context))

    def _message(self, envelope: Envelope, tree: dict[str, Any], context: Context) -> Decoded:
        ids = dict_of(tree.get("end_device_ids"))
        device = text_of(ids.get("device_id"))
        topic = _topic_device(envelope) if envelope.transport == "mqtt" else None
        if device is not None:
            same_device(device, topic, "device_id")
        eui = text_of(ids.get("dev_eui"))
        logger = named(eui or device, "dev_eui")
        kind = _kind(tree)
        if kind in ("uplink_message", "uplink_normalized"):
            return self._uplink(envelope, tree, kind, logger, context)
        bare = Frame(logger, "", _when(envelope, tree, {})[0], None, None, None)
        if kind == "location_solved":
            return samples_only(bare, envelope, self.name, _solved(dict_of(tree[kind])))
        if kind == "join_accept":
            return status(bare, envelope, self.name, {"joined": True})
        if kind is None:
            raise Wrong("message", ", ".join(tree), "is of no kind that The Things Stack documents")
        return status(bare, envelope, self.name, {})

    def _uplink(self, envelope: Envelope, tree: dict[str, Any], kind: str, logger: str, context: Context) -> Decoded:
        uplink = tree[kind]
        if type(uplink) is not dict:
            raise Wrong(kind, uplink, "is not an object")
        seq = counter(uplink, "f_cnt")
        stamp, server_ms = _when(envelope, tree, uplink)
        session = text_of(uplink.get("session_key_id")) or text_of(tree.get("received_at"))
        data = from_base64(uplink, "frm_payload")
        key = heard(session, seq, data) if session else ""
        if kind == "uplink_normalized":
            key = ""  # one uplink gives several of these, beside itself: their readings are equal
        if tree.get("simulated") is True or uplink.get("simulated") is True:
            frame = Frame(logger, key, stamp, seq, None, data, server_ms)
            return status(frame, envelope, self.name, {"simulated": True})
        fields = uplink.get("decoded_payload")
        declared, refusals = normalized_samples(uplink.get("normalized_payload"))
        frame = Frame(
            logger, key, stamp, seq, fields, data, server_ms, _hints(tree, uplink), declared, refusals,
            _own_position(uplink, fields),
        )  # fmt: skip
        return message(frame, envelope, self.name, context)


def _message_of(tree: dict[str, Any]) -> dict[str, Any]:
    """The application message, also where it stands in an event, as the server's console and its event stream do."""
    data = tree.get("data")
    if "end_device_ids" not in tree and "identifiers" in tree and type(data) is dict:
        return data
    return tree


def _topic_device(envelope: Envelope) -> str | None:
    """The device that a topic of this server names; None for any other topic."""
    parts = envelope.source.split("/")
    if len(parts) < 5 or parts[0] != "v3" or parts[2] != "devices" or not parts[1] or not parts[3]:
        return None
    return parts[3] if parts[4] in ("up", "join", "down", "location", "service") else None


def _kind(tree: Mapping[str, Any]) -> str | None:
    found = next((kind for kind in _KINDS if kind in tree), None)
    return found or next((name for name in tree if name.startswith(_DOWNLINKS)), None)


def _when(envelope: Envelope, tree: Mapping[str, Any], uplink: Mapping[str, Any]) -> tuple[Stamp, int | None]:
    """When the network heard it, and the newest time that one of its servers wrote.

    The network server's time comes first, then the application server's, then the arrival here.
    """
    said = [(at_ms, text) for text in map(_received, (uplink, tree)) if (at_ms := iso_ms(text)) is not None]
    if not said:
        return Stamp(envelope.received_at_ms, "arrival", text_of(_received(tree))), None
    return Stamp(said[0][0], "network", said[0][1]), max(said)[0]


def _received(tree: Mapping[str, Any]) -> Any:
    return tree.get("received_at")


def _hints(tree: Mapping[str, Any], uplink: Mapping[str, Any]) -> dict[str, str]:
    ids, versions = dict_of(tree.get("end_device_ids")), dict_of(uplink.get("version_ids"))
    hints = {f"tts.{name}": text_of(versions.get(name)) for name in ("brand_id", "model_id")}
    hints["tts.device_id"] = text_of(ids.get("device_id"))
    hints["tts.application_id"] = text_of(dict_of(ids.get("application_ids")).get("application_id"))
    hints["lorawan.f_port"] = port_of(uplink.get("f_port"))
    for name, value in dict_of(uplink.get("attributes")).items():
        hints[f"tts.attribute.{name}"] = text_of(value)
    return {name: value for name, value in hints.items() if value is not None}


def _solved(solved: Mapping[str, Any]) -> list[Sample]:
    """The position that a location service found; one that somebody typed is none."""
    place = dict_of(solved.get("location"))
    if place.get("source") == _TYPED:
        return []
    # Zero is left out: on the equator or the meridian of Greenwich one of the two is absent.
    if "latitude" not in place and "longitude" not in place:
        return []
    return [Sample(position=(place.get("latitude", 0), place.get("longitude", 0)), within="location_solved")]


def _own_position(uplink: Mapping[str, Any], fields: Any) -> tuple[Any, Any] | None:
    """The position that the logger's own receiver found and sent in this very message.

    `locations` is what the server remembers of a logger: it stays there when later messages bring no position, and
    `user` is what somebody typed. So it counts only where this message's own fields hold the same coordinates.
    """
    place = dict_of(dict_of(uplink.get("locations")).get("frm-payload"))
    latitude, longitude = place.get("latitude"), place.get("longitude")
    if place.get("source") == _TYPED or not is_number(latitude) or not is_number(longitude):
        return None
    sent = set(map(str, _numbers(fields, _DEEP)))
    return (latitude, longitude) if {str(latitude), str(longitude)} <= sent else None


def _numbers(tree: Any, deep: int) -> Iterator[Any]:
    if is_number(tree):
        yield tree
    elif deep and type(tree) is dict:
        for value in tree.values():
            yield from _numbers(value, deep - 1)
    elif deep:
        for value in dicts_of(tree):
            yield from _numbers(value, deep - 1)
