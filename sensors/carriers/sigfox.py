"""Sigfox callbacks: who, when and which message by Sigfox; what was measured in fields that the operator made up.

Operators write the body themselves: numbers come as text, and what is missing as the text "null". The fields other
than Sigfox's own go to the device profile, which is chosen by their names. A position that Sigfox computed from its
base stations, and the rounded one of the base station itself, are not the device's.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from coldchain.domain.message import Decoded, Envelope, Refusal
from sensors.carriers.cloud import Cloud, Part, digest, epoch_ms, stamped
from sensors.carriers.declared import number_of
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import Context
from sensors.carriers.sample import Head, Stamp, decoded
from sensors.carriers.strict_json import NumberText
from sensors.carriers.uplink import Uplink, message, named

_WHO = ("device", "deviceId")
_COUNTED = ("seqNumber", "seqNum", "seqNo")
# `time` is written by Sigfox's servers; the others are names that operators give to what their decoder knows.
_WHEN = (("time", "network"), ("lastSeen", "device"), ("timestamp", "device"))
_RAW = ("data", "payload", "rawPayload", "recievedPayload", "receivedPayload")
_COMPUTED = ("location", "computedLocation")
_OWN = frozenset({
    *_WHO, *_COUNTED, *_RAW, *_COMPUTED, *(name for name, _ in _WHEN), "deviceTypeId", "ack", "snr", "avgSnr", "rssi",
    "station", "lat", "lng", "duplicate", "longPolling", "linkQuality", "lqi", "operator", "operatorName", "country",
    "countryCode", "duplicates",
})  # fmt: skip
_NOTHING = frozenset({"null", "", "undefined"})


class Sigfox(Cloud):
    """`POST /ingest/sigfox`."""

    name = "sigfox@1"
    source = "sigfox"

    def fits(self, tree: Any) -> bool:
        """An object that names its device and Sigfox's sequence number, or a position that Sigfox computed."""
        if type(tree) is not dict or not any(type(tree.get(name)) is str for name in _WHO):
            return False
        computed = any(type(tree.get(name)) is dict and "radius" in tree[name] for name in _COMPUTED)
        return computed or any(name in tree for name in _COUNTED)

    def parts(self, payload: bytes) -> list[Part | tuple[Wrong, bytes]]:
        """As everywhere; some operators send the JSON as the only field of a form."""
        if payload[:3].upper() == b"%7B":
            text = unquote_plus(payload.decode("ascii", "replace")).rstrip("=")
            return [Part(part.tree, payload) for part in super().parts(text.encode()) if isinstance(part, Part)]
        return super().parts(payload)

    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:
        """One callback."""
        if type(part.tree) is not dict:
            raise Wrong("payload", part.tree, "is not an object")
        tree = {name: None if _empty(value) else value for name, value in part.tree.items()}
        logger = named(next((tree[name] for name in _WHO if tree.get(name)), None), "device")
        refusals: list[Refusal] = []
        stamp, seq = _stamp(tree, envelope, refusals), _seq(tree)
        key = f"{stamp.text or ''}:{'' if seq is None else seq}:{digest(part.payload)}"
        computed = next((tree[name] for name in _COMPUTED if type(tree.get(name)) is dict), None)
        own = {name: value for name, value in tree.items() if name not in _OWN}
        if computed is not None and not own:
            head = Head(logger, key, self.name, stamp, envelope.received_at_ms, seq)
            yield decoded(head, (), part.payload, refusals=refusals, status={"computed_location": computed})
            return
        hints = {"sigfox.fields": " ".join(sorted(own))} if own else {}
        if tree.get("deviceTypeId") is not None:
            hints["sigfox.deviceTypeId"] = shown(tree["deviceTypeId"])
        uplink = Uplink(
            logger, key, stamp, own or None, hints, server_ms=stamp.at_ms if stamp.source == "network" else None,
            seq=seq, refusals=tuple(refusals),
        )  # fmt: skip
        yield message(uplink, envelope, self.name, context, part.payload)


def _empty(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, NumberText) and value.strip().lower() in _NOTHING


def _stamp(tree: dict[str, Any], envelope: Envelope, refusals: list[Refusal]) -> Stamp:
    for name, clock in _WHEN:
        if tree.get(name) is not None:
            found = stamped(tree[name], name, epoch_ms, envelope, refusals)
            return found._replace(source=clock) if found.source == "device" else found
    return Stamp(envelope.received_at_ms, "arrival")


def _seq(tree: dict[str, Any]) -> int | None:
    number = next((number_of(tree[name]) for name in _COUNTED if tree.get(name) is not None), None)
    whole = number is not None and 0 <= number < 2**53 and number == int(number)
    return int(number) if whole and number is not None else None
