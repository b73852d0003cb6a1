"""Sparkplug B 3.0, as a host application reads it: births, data by alias, deaths, and what was lost in between.

The same message in the same memory gives the same arrival: sessions, aliases and message numbers are passed in and out.
"""

import hashlib
from functools import lru_cache
from typing import NamedTuple

from coldchain.domain.identity import LONGEST
from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from sensors.carriers import sparkplug_wire as wire
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sparkplug_message import NAME, NAMESPACE, Message
from sensors.carriers.sparkplug_session import Place
from sensors.carriers.sparkplug_wire import Malformed
from sensors.carriers.uplink import named

_OF_NODES = frozenset({"NBIRTH", "NDATA", "NDEATH"})
_OF_DEVICES = frozenset({"DBIRTH", "DDATA", "DDEATH"})


class Sparkplug:
    """Reads `spBv1.0/{group}/{N|D}{BIRTH|DATA|DEATH}/{node}[/{device}]`.

    A logger is an edge node, `group:node`, or one of its devices, `group:node:device`.
    """

    name = NAME
    source = "sparkplug"
    filters = tuple(
        f"{NAMESPACE}/+/{kind}/+" + ("" if kind in _OF_NODES else "/+") for kind in sorted(_OF_NODES | _OF_DEVICES)
    )

    def claims(self, envelope: Envelope) -> bool:
        """Every topic of the namespace, and the source `sparkplug`."""
        if envelope.transport == "mqtt":
            return envelope.source.startswith(f"{NAMESPACE}/")
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """A payload of this protobuf with at least one metric that says its type."""
        if envelope.payload[:1] not in (b"\x08", b"\x12"):
            return False
        try:
            payload = wire.read(envelope.payload)
        except Malformed:
            return False
        return not payload.wrong and any(metric.datatype and metric.value is not None for metric in payload.metrics)

    def speaker(self, envelope: Envelope) -> str | None:
        """The logger that the topic names, None if it names none."""
        if envelope.transport != "mqtt":
            return None
        found = _whose(envelope.source)
        return None if isinstance(found, _Nobody) else found[1]

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The message in `envelope`, what to remember of it, and the rebirth that it calls for."""
        if envelope.transport != "mqtt":
            reason = "source sparkplug needs the topic, which names node and device: send it by MQTT"
            return Arrival(envelope, refusal=Refusal(reason, "source", envelope.source), undecoded=True)
        found = _whose(envelope.source)
        if isinstance(found, _Nobody):
            return Arrival(envelope, refusal=found.refusal, undecoded=found.undecoded)
        place, logger = found
        try:
            payload = wire.read(envelope.payload)
        except Malformed as error:
            start = envelope.payload[:32].hex()
            refusal = Refusal(f"payload {start} {error}: it is no Sparkplug B payload", "payload", start)
            return Arrival(envelope, (Decoded(logger, "", envelope.payload, NAME, refusals=(refusal,)),))
        return Message(envelope, context, place, logger, payload).arrival()


class _Nobody(NamedTuple):
    refusal: Refusal
    undecoded: bool


@lru_cache(maxsize=20_000)  # the same nodes and devices speak for ever
def _whose(topic: str) -> tuple[Place, str] | _Nobody:
    """Where a message on `topic` comes from and whose it is; or why nobody measured it."""
    try:
        match topic.split("/"):
            case [_, group, kind, node] if kind in _OF_NODES and group and node:
                place = Place(group, kind, node, None)
            case [_, group, kind, node, device] if kind in _OF_DEVICES and group and node and device:
                place = Place(group, kind, node, device)
            case [_, "STATE", *_] | [_, _, "NCMD" | "DCMD", *_]:
                said = shown(topic)
                reason = f"topic {said} is a host's own, and says nothing of what was measured"
                return _Nobody(Refusal(reason, "topic", said), undecoded=True)
            case _:
                raise Wrong("topic", topic, f"is not {NAMESPACE}/{{group}}/{{kind}}/{{node}}[/{{device}}]")
        return place, _logger(place)
    except Wrong as wrong:
        return _Nobody(wrong.refusal(), undecoded=False)


def _logger(place: Place) -> str:
    """`group:node[:device]`; a colon or per cent sign inside group or node is written %3A or %25.

    Longer than 64 characters: the first 55, `~` and eight hexadecimal digits of the SHA-256 of the whole.

    Raises:
        Wrong: it holds characters that cannot be printed.
    """
    parts = [part.replace("%", "%25").replace(":", "%3A") for part in (place.group, place.node)]
    whole = ":".join([*parts, *([place.device] if place.device is not None else [])])
    if len(whole) > LONGEST:
        whole = f"{whole[: LONGEST - 9]}~{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    return named(whole, "topic")
