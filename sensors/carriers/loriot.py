"""LORIOT: the JSON of its application outputs (`rx`, and `gw` with the list of gateways)."""

from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope
from sensors.carriers.body import alone, peeked
from sensors.carriers.lorawan import (
    Frame,
    counter,
    dict_of,
    from_hex,
    heard,
    message,
    port_of,
    status,
    text_of,
    topic_agrees,
)
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import Stamp
from sensors.carriers.uplink import named

_UPLINKS = ("rx", "gw")
_LATEST_MS = 253_402_300_799_000  # the last second of year 9999


class Loriot:
    """Uplinks of a LORIOT server; its MQTT topic is free, here it begins with `loriot/`."""

    name = "loriot@1"
    source = "loriot"
    filters = ("loriot/#",)

    def claims(self, envelope: Envelope) -> bool:
        """By the first level of the topic, or the webhook's source."""
        if envelope.transport == "mqtt":
            return envelope.source.split("/", 1)[0] == "loriot"
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """By the command beside the device's EUI."""
        if b'"cmd"' not in envelope.payload or b'"EUI"' not in envelope.payload:
            return False
        tree = peeked(envelope.payload)
        return type(tree.get("cmd")) is str and type(tree.get("EUI")) is str

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The one message that such an object is."""
        reason = "is no message of LORIOT: it is no object"
        return alone(envelope, reason, lambda tree: self._message(envelope, tree, context))

    def _message(self, envelope: Envelope, tree: dict[str, Any], context: Context) -> Decoded:
        logger = named(tree.get("EUI"), "EUI")
        if envelope.transport == "mqtt":
            topic_agrees(logger, envelope.source)
        stamp = _stamp(envelope, tree)
        command = text_of(tree.get("cmd"))
        if command not in _UPLINKS:
            return status(Frame(logger, "", stamp, None, None, None), envelope, self.name, {})
        seq = counter(tree, "fcnt", absent=None)
        # `gw` tells of the same frame as `rx`, with all its gateways.
        data = from_hex(tree, "data")
        key = heard(str(stamp.text), seq, data) if stamp.source != "arrival" else ""
        decoded_ = dict_of(tree.get("decoded"))
        fields = decoded_.get("data", decoded_) or None
        port = port_of(tree.get("port"))
        hints = {} if port is None else {"lorawan.f_port": port}
        # `bat` is the device status of LoRaWAN, 0 to 254 and 255 for unknown: no percentage, and no voltage.
        return message(
            Frame(logger, key, stamp, seq, fields, data, stamp.at_ms if key else None, hints),
            envelope, self.name, context,
        )  # fmt: skip


def _stamp(envelope: Envelope, tree: dict[str, Any]) -> Stamp:
    at_ms = tree.get("ts")
    if type(at_ms) is int and 0 < at_ms <= _LATEST_MS:
        return Stamp(at_ms, "network", str(at_ms))
    return Stamp(envelope.received_at_ms, "arrival", None if at_ms is None else str(at_ms)[:64])
