"""Gateways of Milesight with their built-in network server: flat JSON by MQTT or HTTP, to a topic of one's own."""

from coldchain.domain.message import Arrival, Envelope
from sensors.carriers.body import alone, peeked
from sensors.carriers.chirpstack import event_message, heard_by_milesight
from sensors.carriers.port import PLAIN, Context

_TOPICS = ("milesight", "milesight-gateway", "ursalink")


class MilesightGateway:
    """Uplinks of a Milesight gateway; its MQTT topic is free, here it begins with `milesight/`."""

    name = "milesight-gateway@1"
    source = "milesight-gateway"
    filters = tuple(f"{first}/#" for first in _TOPICS)

    def claims(self, envelope: Envelope) -> bool:
        """By the first level of the topic, or the webhook's source."""
        if envelope.transport == "mqtt":
            return envelope.source.split("/", 1)[0] in _TOPICS
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """By the gateway's MAC beside the device's EUI."""
        if b'"devEUI"' not in envelope.payload:
            return False
        tree = peeked(envelope.payload)
        return bool(tree) and "deviceInfo" not in tree and heard_by_milesight(tree)

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The one message that such an uplink is.

        Its topic is made by whoever set the gateway up and may hold no EUI, so there is nothing to hold it against. A
        `time` that is none (some firmware writes `2020-0327T12:39:05Z`) is shown, and the arrival counts.
        """
        reason = "is no message of a Milesight gateway: it is no object"
        return alone(envelope, reason, lambda tree: event_message(envelope, tree, self.name, context, None, None))
