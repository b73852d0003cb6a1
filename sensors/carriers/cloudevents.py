"""CloudEvents 1.0 in JSON, one event or a batch: an outer wrapper around our own format or any other that is known.

`source` and `id` together name an event for ever, so that it is recognised however often it is sent. What is inside
is read by the carrier whose source stands in the event's `type` (`com.example.epcis.capture`), else by the first that
recognises it.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any

from coldchain.domain.message import Decoded, Envelope
from sensors.carriers.cloud import Cloud, Part, digest, fixed
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import Carrier, Context

_NAMED = ("id", "source", "type")
_LONGEST_KEY = 200


class CloudEvents(Cloud):
    """`POST /ingest/cloudevents`, and topics under `cloudevents/`."""

    name = "cloudevents@1"
    source = "cloudevents"
    filters = ("cloudevents/#",)
    under = "cloudevents/"
    marks = (b'"specversion"', b'"source"')

    def __init__(self, inner: Sequence[Carrier]) -> None:
        """Understand what is inside with `inner`."""
        self._inner = tuple(inner)

    def fits(self, tree: Any) -> bool:
        """An object with the four attributes that every event has."""
        if type(tree) is not dict or not str(tree.get("specversion", "")).startswith("1."):
            return False
        return all(type(tree.get(name)) is str and tree[name] for name in _NAMED)

    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:
        """The messages inside one event."""
        tree = part.tree
        if not self.fits(tree):
            raise Wrong("specversion", tree, "is no event of CloudEvents 1.0 with id, source and type")
        data = _data(tree)
        kind = tree.get("datacontenttype")
        content_type = kind if type(kind) is str else "application/json"
        within = Envelope("http", "auto", data, envelope.received_at_ms, content_type=content_type, user=envelope.user)
        carrier = self._carrier(tree["type"], within)
        if carrier is None:
            raise Wrong("data", data[:64].decode(errors="backslashreplace"), "is in no format that is known here")
        arrival = carrier.decode(within._replace(source=carrier.source), context)
        if arrival.refusal is not None:
            raise Wrong("data", arrival.refusal.value or "", f"is refused: {arrival.refusal.reason}")
        for index, message in enumerate(arrival.messages):
            key = _key(tree) + (f":{index}" if index else "")
            yield message._replace(key=key, payload=part.payload, adapter=f"{self.name}+{message.adapter}")

    def _carrier(self, kind: str, within: Envelope) -> Carrier | None:
        words = frozenset(re.split(r"[._:/-]+", kind.lower()))
        named = next((one for one in self._inner if one.source in words), None)
        return named or next((one for one in self._inner if one.recognises(within)), None)


def _data(tree: dict[str, Any]) -> bytes:
    """The bytes of what is inside.

    Raises:
        Wrong: there is nothing, or not what base64 gives.
    """
    coded, data = tree.get("data_base64"), tree.get("data")
    if type(coded) is str:
        try:
            return base64.b64decode(coded, validate=True)
        except (binascii.Error, ValueError):
            raise Wrong("data_base64", coded, "is no base64") from None
    if data is None:
        raise Wrong("data", data, "is missing: the event carries nothing")
    return data.encode(errors="replace") if isinstance(data, str) else fixed(data)


def _key(tree: dict[str, Any]) -> str:
    """`source` and `id`; their digest where they are too long for a key."""
    key = f"{tree['source']} {tree['id']}"
    fits = len(key) <= _LONGEST_KEY and key.isprintable()
    return f"event:{key}" if fits else f"event:{shown(tree['id'])} {digest(fixed([tree['source'], tree['id']]))}"
