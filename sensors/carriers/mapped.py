"""Connections made by configuration: JSON on a topic or a webhook that a device profile with `[source]` describes."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import PLAIN, Carrier, Context, refused
from sensors.carriers.sample import Stamp
from sensors.carriers.uplink import Uplink, message, named, tree_of
from sensors.device_profiles.catalogue import NAMED, Entry, Snapshot
from sensors.device_profiles.paths import ABSENT, Getter
from sensors.device_profiles.profile import Source
from sensors.device_profiles.read import read

NAME = "mapped@1"
_MOST = 1000  # messages of one body
_LONGEST_KEY = 200


class Mapped:
    """The customer's own connections, or (`own=False`) the presets of the program.

    They are two carriers because an explicit configuration goes before the carriers of the program, except for the
    topics `cc/…`, and a preset comes after them.
    """

    name = NAME

    def __init__(self, catalogue: Callable[[], Snapshot], *, own: bool) -> None:
        """`catalogue` gives the device profiles as they are now."""
        self._catalogue = catalogue
        self._own = own
        self.source = "mapped" if own else "preset"

    @property
    def filters(self) -> tuple[str, ...]:
        """The topics of every connection, as they are now."""
        entries = self._entries(self._catalogue())
        return tuple(dict.fromkeys(topic for entry in entries for topic in _source(entry).topics))

    @property
    def webhooks(self) -> tuple[str, ...]:
        """The sources in `/ingest/{source}` of every connection, as they are now."""
        named_ = (_source(entry).webhook for entry in self._entries(self._catalogue()))
        return tuple(webhook for webhook in named_ if webhook is not None)

    def claims(self, envelope: Envelope) -> bool:
        """Whether a connection names this topic or webhook."""
        return envelope.source != "auto" and self._entry(envelope, self._catalogue()) is not None

    def recognises(self, envelope: Envelope) -> bool:
        """Whether a connection of one's own by webhook finds who sent the body, and measurements in it."""
        return self._own and self._recognising(envelope, self._catalogue()) is not None

    def speaker(self, envelope: Envelope) -> str | None:
        """The logger that the topic names; None where only the body does."""
        entry = self._entry(envelope, self._catalogue())
        if entry is None or _source(entry).device_level is None:
            return None
        try:
            return named(_who(_source(entry), envelope, None), _source(entry).device_path)
        except Wrong:
            return None

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """A message for each element, read by the device profile that names this topic or webhook."""
        catalogue = context.profiles if isinstance(context.profiles, Snapshot) else self._catalogue()
        entry = self._entry(envelope, catalogue)
        if entry is None:
            where = shown(envelope.source)
            return refused(envelope, f"topic {where} is no longer connected", field="topic", value=where)
        context = context._replace(profiles=catalogue)
        try:
            tree = tree_of(envelope.payload)
        except Wrong as wrong:
            return Arrival(envelope, refusal=wrong.refusal())
        made, refusals = _messages(entry, envelope, tree, context)
        if not made:
            refusal = refusals[0] if refusals else Refusal(f"{_source(entry).device_path}: the body holds no message")
            return Arrival(envelope, refusal=refusal)
        if refusals:
            made[0] = made[0]._replace(refusals=(*made[0].refusals, *refusals))
        return Arrival(envelope, tuple(made))

    def _entries(self, catalogue: Snapshot) -> tuple[Entry, ...]:
        return catalogue.connections if self._own else catalogue.presets

    def _recognising(self, envelope: Envelope, catalogue: Snapshot) -> Entry | None:
        entries = [entry for entry in self._entries(catalogue) if _source(entry).webhook is not None]
        if not entries:
            return None
        try:
            tree = tree_of(envelope.payload)
        except Wrong:
            return None
        return next((entry for entry in entries if _speaks(entry, envelope, tree)), None)

    def _entry(self, envelope: Envelope, catalogue: Snapshot) -> Entry | None:
        if envelope.transport == "http" and envelope.source == "auto":
            return self._recognising(envelope, catalogue) if self._own else None
        if envelope.transport == "http":
            found = (entry for entry in self._entries(catalogue) if _source(entry).webhook == envelope.source)
            return next(found, None)
        entries = self._entries(catalogue)
        if envelope.transport != "mqtt" or not entries:
            return None
        levels = envelope.source.split("/")
        for entry in entries:
            if any(fits(topic.split("/"), levels) for topic in _source(entry).topics):
                return entry
        return None


def connected(carriers: Iterable[Carrier]) -> tuple[str, ...]:
    """The topics of every connection by configuration, as they are now."""
    return tuple(topic for carrier in carriers if isinstance(carrier, Mapped) for topic in carrier.filters)


def fits(pattern: list[str], levels: list[str]) -> bool:
    """Whether a topic is one of those that a filter means, both split at their slashes."""
    for place, level in enumerate(pattern):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(pattern) == len(levels)


class _Part(NamedTuple):
    tree: Any
    payload: bytes | None  # None: the whole body
    within: str


def _speaks(entry: Entry, envelope: Envelope, tree: Any) -> bool:
    """Whether a body names its sender and measures something, as the connection's profile reads it."""
    source = _source(entry)
    part = next(_parts(source, tree), None)
    if part is None or source.device is None:
        return False
    try:
        named(_who(source, envelope, part.tree), source.device_path)
    except Wrong:
        return False
    return any(sample.values for sample in read(entry.profile, part.tree).samples)


def _source(entry: Entry) -> Source:
    assert entry.profile.source is not None
    return entry.profile.source


def _messages(entry: Entry, envelope: Envelope, tree: Any, context: Context) -> tuple[list[Decoded], list[Refusal]]:
    made, refusals = [], []
    source = _source(entry)
    for part in _parts(source, tree):
        try:
            uplink = _uplink(source, envelope, part)._replace(hints={NAMED: entry.profile.id})
            made.append(message(uplink, envelope, NAME, context, part.payload))
        except Wrong as wrong:
            refusals.append(wrong.refusal(part.within))
    return made, refusals


def _parts(source: Source, tree: Any) -> Iterator[_Part]:
    if source.each is None:
        yield _Part(tree, None, "")
        return
    found = source.each(tree)
    if found is ABSENT:  # one element alone: as it was kept, and decoded again
        yield _Part(tree, None, "")
        return
    elements = found if type(found) is list else [found]
    for place, element in enumerate(elements[:_MOST]):
        # A fixed form, so that an element is recognised whatever stands around it the next time.
        text = json.dumps(element, sort_keys=True, separators=(",", ":"))
        yield _Part(element, text.encode(), f"[{place}]")


def _uplink(source: Source, envelope: Envelope, part: _Part) -> Uplink:
    """Who sent it, when and under which number.

    Raises:
        Wrong: nothing says who sent it, or the time of the sender's server is no time.
    """
    stamp = Stamp(envelope.received_at_ms, "arrival")
    server_ms = None
    if source.time is not None and (said := source.time.stamp(part.tree, None)) is not None:
        stamp, server_ms = Stamp(said.at_ms, "network", said.text), said.at_ms
    return Uplink(
        logger=named(_who(source, envelope, part.tree), source.device_path),
        key=_key(source.key, part.tree),
        stamp=stamp,
        tree=part.tree,
        server_ms=server_ms,
        seq=_number(source.seq, part.tree),
    )


def _who(source: Source, envelope: Envelope, tree: Any) -> Any:
    if source.device_level is not None:
        levels = envelope.source.split("/")
        return levels[source.device_level] if source.device_level < len(levels) else None
    said = ABSENT if source.device is None else source.device(tree)
    if type(said) is int:
        return str(said)
    return None if said is ABSENT else said


def _key(get: Getter | None, tree: Any) -> str:
    """The message key: marked, so that it is never taken for a native `boot:seq`."""
    said = ABSENT if get is None else get(tree)
    if not isinstance(said, str | int) or isinstance(said, bool) or said == "":
        return ""
    text = str(said)
    if len(text) > _LONGEST_KEY:
        raise Wrong("key", text, f"is longer than {_LONGEST_KEY} characters")
    return f"id:{text}"


def _number(get: Getter | None, tree: Any) -> int | None:
    said = ABSENT if get is None else get(tree)
    if isinstance(said, str) and said.isascii() and said.isdecimal() and len(said) <= 18:
        said = int(said)
    return said if type(said) is int and 0 <= said < 1 << 62 else None
