"""OwnTracks: where a phone or a vehicle is, `owntracks/{user}/{device}`; temperatures are not its business.

Only `_type: "location"` is a place where the device was, at `tst`, its own clock. `created_at` is when the message was
written, `vel` a speed; a transition, a waypoint or a beacon tells of a place that somebody defined.
"""

from collections.abc import Mapping
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from sensors.carriers import advert
from sensors.carriers.body import object_of, peeked
from sensors.carriers.fields import Wrong
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import Head, Sample, Stamp, decoded
from sensors.carriers.stamped import stamped_key
from sensors.carriers.uplink import named

_SILENT = frozenset(
    {"beacon", "card", "cmd", "configuration", "dump", "msg", "request", "status", "steps", "transition"}
    | {"waypoint", "waypoints"}
)
_LEVELS = 3  # owntracks, user, device; further ones name the kind of message
_OWNERS = "owntracks:"  # memory: whose device a name is


class OwnTracks:
    """Reads what the OwnTracks apps and their hardware twins publish."""

    name = "owntracks@1"
    source = "owntracks"
    filters = ("owntracks/+/+", "owntracks/+/+/event")

    def claims(self, envelope: Envelope) -> bool:
        """Topics from `owntracks/{user}/{device}` on, and the webhook of its name."""
        if envelope.transport == "mqtt":
            levels = envelope.source.split("/")
            return levels[0] == "owntracks" and len(levels) >= _LEVELS
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """An object whose `_type` is one of OwnTracks'."""
        kind = peeked(envelope.payload).get("_type")
        return type(kind) is str and (kind in _SILENT or kind in ("location", "lwt", "encrypted"))

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The one message of a body."""
        try:
            tree = object_of(envelope.payload, "is not an object as OwnTracks sends it")
            user, logger = _who(tree, envelope)
            owner = context.memory.get(_OWNERS + logger)
            if user is not None and owner is not None and owner != user:
                reason = f"is the name of {owner}'s device: give the device of {user} another one in its app"
                raise Wrong("device", logger, reason)
            memory = ((_OWNERS + logger, user),) if user is not None and owner is None else ()
            return Arrival(envelope, (_message(tree, logger, envelope),), memory=memory)
        except Wrong as wrong:
            return Arrival(envelope, refusal=wrong.refusal())


def _who(tree: Mapping[str, Any], envelope: Envelope) -> tuple[str | None, str]:
    """User and device of the topic; over HTTP those of the field `topic`, else the tracker id.

    Raises:
        Wrong: they are missing, or the body names another topic than the one it came on.
    """
    inside = tree.get("topic")
    topic = envelope.source if envelope.transport == "mqtt" else inside
    if type(topic) is not str:
        return None, named(tree.get("tid"), "tid")
    levels = topic.split("/")
    if len(levels) < _LEVELS:
        raise Wrong("topic", topic, "is no owntracks/{user}/{device}")
    if type(inside) is str and inside.split("/")[:_LEVELS] != levels[:_LEVELS]:
        raise Wrong("topic", inside, f"is not the topic {topic} that it came on")
    return levels[1], named(levels[2], "device")


def _message(tree: Mapping[str, Any], logger: str, envelope: Envelope) -> Decoded:
    kind, payload = tree.get("_type"), envelope.payload
    kind = kind if isinstance(kind, str) else None  # what can be looked up
    at_ms = advert.seconds_ms("tst", tree.get("tst"))
    stamp = Stamp(envelope.received_at_ms, "arrival") if at_ms is None else Stamp(at_ms, "device", str(tree["tst"]))
    head = Head(logger, stamped_key(at_ms, payload), OwnTracks.name, stamp, envelope.received_at_ms)
    if kind == "lwt":
        return decoded(head, (), payload, status={"online": False})
    if kind in _SILENT:
        return decoded(head, (), payload)
    if kind != "location":
        reason = Refusal(_unread(kind), "_type", str(kind)[:64])
        return decoded(head, (), payload, refusals=(reason,))._replace(undecoded=True)
    refusals = []
    place = (tree.get("lat"), tree.get("lon"))
    if None in place:
        refusals.append(Wrong("lat", place, "is half a position or none").refusal())
    battery = {"battery_pct": tree["batt"]} if tree.get("batt") is not None else {}
    samples = (Sample(battery, position=None if None in place else place),)
    return decoded(head, samples, payload, refusals=refusals)


def _unread(kind: Any) -> str:
    if kind == "encrypted":
        return "its location is encrypted and the key is not known here: switch encryption off in the app"
    return "its _type is none of OwnTracks' that are known here"
