"""What a Sparkplug host has to remember: each edge node's session, its aliases, and the number of its last message.

Everything here is a value: it comes in as `Context.memory` and goes out as `Arrival.memory`. A node's or device's
entry is written down at its birth; the number of the last message (`~seq:…`) is kept while the process lives, because
writing it down would cost a transaction for every message and after a restart the node is asked for a rebirth anyway.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sensors.carriers.sparkplug_metrics import unit_of
from sensors.carriers.sparkplug_wire import Metric, Payload, signed

_WRAP = 256
_BEHIND = 128  # a number up to this far behind the last one is an older message, not a lap ahead

Session = tuple[int | None, int | None]  # (bdSeq, stamp of the NBIRTH)
Memory = tuple[tuple[str, Any], ...]


class Place(NamedTuple):
    """Where a message comes from: the levels of its topic."""

    group: str
    kind: str  # NBIRTH, DDATA …
    node: str
    device: str | None

    @property
    def node_key(self) -> str:
        """Where the memory of the edge node stands."""
        return f"{self.group}/{self.node}"

    @property
    def key(self) -> str:
        """Where the memory of whoever speaks stands."""
        return self.node_key if self.device is None else f"{self.node_key}/{self.device}"

    @property
    def flow_key(self) -> str:
        """Where the number of the node's last message stands; not written down."""
        return f"~seq:{self.node_key}"


class Birth(NamedTuple):
    """What a birth declared: metrics by name (data type, unit), and names by alias."""

    session: Session
    metrics: Mapping[str, Sequence[Any]]
    aliases: Mapping[str, str]

    def body(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"session": list(self.session), "metrics": self.metrics, "aliases": self.aliases}


class Flow(NamedTuple):
    """How a message's number follows the last one of its node."""

    memory: Memory = ()
    lost: tuple[int, int] | None = None  # the first and the last number that did not arrive
    last: int | None = None
    resumed: bool = False  # nothing is known of the messages before this one


def bd_seq(payload: Payload) -> int | None:
    """The number of the node's connection, which ties an NDEATH to its NBIRTH."""
    for metric in payload.metrics:
        if metric.name == "bdSeq" and type(metric.value) is int:
            return metric.value
    return None


def born(place: Place, memory: Mapping[str, Any]) -> Birth | None:
    """The birth that whoever speaks gave in the node's present session, None before it."""
    own = _birth(memory.get(place.key))
    if own is None or place.device is None:
        return own
    return own if own.session == session_of(place, memory) else None


def session_of(place: Place, memory: Mapping[str, Any]) -> Session:
    """The session of the place's edge node; (None, None) before its NBIRTH."""
    node = _birth(memory.get(place.node_key))
    return (None, None) if node is None else node.session


def birth_of(place: Place, payload: Payload, memory: Mapping[str, Any]) -> Birth:
    """What this birth message declares."""
    metrics = {m.name: [m.datatype, unit_of(m.properties)] for m in payload.metrics if m.name}
    aliases = {str(m.alias): m.name for m in payload.metrics if m.alias is not None and m.name}
    session = (bd_seq(payload), payload.at_ms) if place.device is None else session_of(place, memory)
    return Birth(session, metrics, aliases)


def remembered(place: Place, birth: Birth, memory: Mapping[str, Any]) -> Memory:
    """The memory that a birth makes; none where it is known already."""
    body = birth.body()
    return () if memory.get(place.key) == body else ((place.key, body),)


def forgotten(place: Place) -> Memory:
    """The memory after a death: of a node, its devices' births end with its session."""
    own: Memory = ((place.key, None),)
    return own if place.device is not None else (*own, (place.flow_key, None))


def resolved(metric: Metric, birth: Birth) -> tuple[str, Metric, str | None] | None:
    """A metric's name, the metric with its value as the declared type means it, and its unit; None if undeclared."""
    name = metric.name or (birth.aliases.get(str(metric.alias)) if metric.alias is not None else None)
    if name is None:
        return None
    datatype, unit = birth.metrics.get(name, (0, None))
    if not metric.datatype and datatype:
        metric = metric._replace(datatype=datatype, value=signed(metric.value, datatype))
    return name, metric, unit_of(metric.properties) or unit


def follow(place: Place, payload: Payload, memory: Mapping[str, Any], *, again: bool) -> Flow:
    """Hold a message's number against that of the node's last one.

    `again`: the broker says that it sent this before, so that its number proves nothing.
    """
    seq, at_ms = payload.seq, payload.at_ms
    if seq is None or seq >= _WRAP or again:
        return Flow()
    now = ((place.flow_key, [seq, at_ms]),)
    known = memory.get(place.flow_key)
    if place.kind == "NBIRTH":
        node = _birth(memory.get(place.node_key))
        same = known is not None and node is not None and node.session == (bd_seq(payload), at_ms)
        return Flow() if same else Flow(now)
    if known is None:
        return Flow(now, resumed=True)
    last, last_ms = known
    if (last - seq) % _WRAP < _BEHIND and at_ms is not None and last_ms is not None and at_ms <= last_ms:
        return Flow()  # an older message, or the last one once more
    expected = (last + 1) % _WRAP
    lost = None if seq == expected else (expected, (seq - 1) % _WRAP)
    return Flow(now, lost, last)


def _birth(body: Any) -> Birth | None:
    return None if body is None else Birth((body["session"][0], body["session"][1]), body["metrics"], body["aliases"])
