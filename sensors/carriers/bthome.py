"""BTHome v2 as gateways hand it on undecoded: the bytes of its service data beside the device's address.

Over HTTP (`POST /ingest/bthome`) the body is what OpenMQTTGateway and Theengs publish for service data that they do not
decode: `{"id": "A4:C1:38:…", "servicedata": "4002c409…", "servicedatauuid": "0xfcd2"}`. Over MQTT it stands on their
topics, and in the advertisements of a Ruuvi Gateway: those carriers read it from here.
"""

from collections.abc import Mapping
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope
from sensors.carriers import advert, bthome_frame
from sensors.carriers.body import peeked
from sensors.carriers.fields import Wrong
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import Head, Stamp
from sensors.carriers.uplink import tree_of

_UUID = "fcd2"
_SPELLINGS = frozenset({_UUID, f"0x{_UUID}", f"0000{_UUID}-0000-1000-8000-00805f9b34fb"})


class BTHome:
    """Reads BTHome service data inside a gateway's JSON."""

    name = "bthome@1"
    source = "bthome"
    filters = ("bthome/+",)

    def claims(self, envelope: Envelope) -> bool:
        """The topics `bthome/{address}` of gateways set up for it, and the webhook of its name."""
        if envelope.transport == "mqtt":
            levels = envelope.source.split("/")
            return levels[0] == "bthome" and len(levels) == 2
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """Service data under the UUID of BTHome."""
        return holds_bthome(peeked(envelope.payload))

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:  # noqa: ARG002 - its objects say all
        """The one advertisement of a body."""
        try:
            tree = tree_of(envelope.payload)
            if type(tree) is not dict or not holds_bthome(tree):
                raise Wrong("servicedatauuid", _shown(tree), "is not 0xFCD2: this is no BTHome service data")
            stamp = Stamp(envelope.received_at_ms, "arrival")
            return Arrival(envelope, (relayed(tree, address_of(tree, envelope), stamp, envelope),))
        except Wrong as wrong:
            return Arrival(envelope, refusal=wrong.refusal())


def holds_bthome(tree: Mapping[str, Any]) -> bool:
    """Whether a gateway's JSON holds service data of BTHome."""
    uuid = tree.get("servicedatauuid")
    return type(uuid) is str and uuid.lower() in _SPELLINGS and "servicedata" in tree


def address_of(tree: Mapping[str, Any], envelope: Envelope) -> str:
    """The device's address, as the topic and the body both name it.

    Raises:
        Wrong: they differ, or neither does.
    """
    last = envelope.source.rpartition("/")[2] if envelope.transport == "mqtt" else None
    own, mac = advert.address(tree.get("id")), advert.address(tree.get("mac"))
    return advert.agreed((("topic", advert.address(last)), ("id", own), ("mac", mac)))


def relayed(tree: Mapping[str, Any], logger: str, stamp: Stamp, envelope: Envelope) -> Decoded:
    """The message of an advertisement that a gateway relays, heard at `stamp`.

    Raises:
        Wrong: its bytes cannot be read.
    """
    own = advert.hex_bytes("servicedata", tree["servicedata"])
    head = Head(logger, "", BTHome.name, stamp, envelope.received_at_ms)
    return advert.spoken(bthome_frame.frame(own, logger), own, head, envelope.payload)


def _shown(tree: Any) -> Any:
    return tree.get("servicedatauuid") if type(tree) is dict else tree
