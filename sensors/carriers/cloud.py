"""What webhooks of vendor clouds have in common: one JSON body, claimed by its source, with one or several messages."""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from coldchain.domain.quantity import milli_from_float, ms_from_iso, scaled, strict_decimal
from coldchain.errors import InvalidValue
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import Stamp
from sensors.carriers.strict_json import element, skip_space
from sensors.carriers.uplink import tree_of

LATEST_MS = 253_402_300_799_999  # the end of the year 9999, after which no calendar goes on
_SPACED = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{2}):(\d{2})(\.\d{1,9})?Z?\Z", re.ASCII)


class Part(NamedTuple):
    """One message of a body: its fields and its own bytes."""

    tree: Any
    payload: bytes


class Cloud(ABC):
    """A carrier whose messages stand alone in a JSON body, or side by side in one.

    A subclass says which bodies are its own (`marks`, `fits`), how a body falls apart (`parts`) and what one part says
    (`read`). `read` raises `Wrong` where nothing tells who measured; anything else that is wrong becomes a refusal.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    filters: ClassVar[tuple[str, ...]] = ()
    under: ClassVar[str] = ""  # beginning of the MQTT topics that are its own; "" = none
    marks: ClassVar[tuple[bytes, ...]] = ()  # what stands in each of its bodies, for a quick no

    def claims(self, envelope: Envelope) -> bool:
        """Its own topics, and its own source."""
        if envelope.transport == "mqtt":
            return self.under != "" and envelope.source.startswith(self.under)
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """A body of which the first message is one of this format."""
        if not all(mark in envelope.payload for mark in self.marks):
            return False
        try:
            return any(self.fits(part.tree) for part in self.parts(envelope.payload)[:1] if isinstance(part, Part))
        except Wrong:
            return False

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """Every message of the body; a part that names nobody is kept beside the others, with its reason."""
        try:
            parts = self.parts(envelope.payload)
        except Wrong as wrong:
            return Arrival(envelope, refusal=wrong.refusal())
        found: list[Decoded] = []
        lost: list[tuple[Refusal, bytes]] = []
        for part in parts:
            try:
                if not isinstance(part, Part):
                    raise part[0]
                found += self.read(part, envelope, context)
            except Wrong as wrong:
                lost.append((wrong.refusal(), part[1]))
        if found:
            # The journal keeps bytes under a logger: what names nobody stays with the first of those that do.
            if lost:
                refusals = (*found[0].refusals, *(why for why, _ in lost))
                found[0] = found[0]._replace(payload=envelope.payload, refusals=refusals)
            return Arrival(envelope, tuple(found))
        why = lost[0][0] if lost else Refusal(f"payload holds no message of {self.source}", "payload", "")
        return Arrival(envelope, refusal=why, undecoded=not any(self._ours(part) for part in parts))

    def _ours(self, part: "Part | tuple[Wrong, bytes]") -> bool:
        return not isinstance(part, Part) or self.fits(part.tree)

    @abstractmethod
    def fits(self, tree: Any) -> bool:
        """Whether the fields of one part are of this format."""

    def parts(self, payload: bytes) -> "list[Part | tuple[Wrong, bytes]]":
        """The messages of a body: an object, or each element of an array; a broken one with what is wrong with it.

        Raises:
            Wrong: the body is no JSON at all.
        """
        return list(array(payload)) if payload.lstrip().startswith(b"[") else [Part(tree_of(payload), payload)]

    @abstractmethod
    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:
        """The messages of one part.

        Raises:
            Wrong: nothing tells whose it is.
        """


def array(payload: bytes) -> "Iterator[Part | tuple[Wrong, bytes]]":
    """The elements of a JSON array, each with its own bytes; where it breaks off, the rest is one broken element.

    Raises:
        Wrong: not even the first element can be read.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise Wrong("payload", payload[:64].hex(), f"is not UTF-8 at byte {error.start}") from None
    start = skip_space(text, text.index("[") + 1)
    if text[start:].rstrip() == "]":
        return
    while True:
        try:
            end = element(text, start)[1]
            piece = text[start:end].encode()
            yield Part(tree_of(piece), piece)
        except InvalidValue as error:
            yield Wrong("payload", text[start : start + 64], f"is refused: {error}"), text[start:].encode()
            return
        comma = skip_space(text, end)
        if text[comma:].rstrip(" \t\r\n") == "]":
            return
        start = skip_space(text, comma + 1) if text[comma : comma + 1] == "," else comma


def broken(payload: bytes, name: str, wrong: Wrong) -> "list[Part | tuple[Wrong, bytes]]":
    """What can still be read of the array `name` in a body that is no JSON: the elements before the damage.

    Raises:
        Wrong: `wrong`, where not even one can.
    """
    found = re.search(rb'"' + name.encode() + rb'"\s*:\s*(?=\[)', payload)
    whole = [] if found is None else list(array(payload[found.end() :]))
    if not any(isinstance(one, Part) for one in whole):
        raise wrong
    return whole


def fixed(tree: Any) -> bytes:
    """The bytes of a part that was cut out of a larger one: the same fields always give the same bytes."""
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode(errors="replace")


def digest(payload: bytes) -> str:
    """A short name of these bytes, for message keys."""
    return hashlib.sha256(payload).hexdigest()[:16]


def epoch_ms(value: Any, field: str, *, per_second: int = 1) -> int:
    """Milliseconds since 1970 of a count since 1970: `per_second` = 1 for seconds, 1000 for milliseconds.

    Raises:
        Wrong: it is no such number, or lies beyond every calendar.
    """
    try:
        if type(value) is float and per_second == 1:
            at_ms = milli_from_float(value)
        elif isinstance(value, int | float | str) and type(value) is not bool:
            number = strict_decimal(value) if isinstance(value, str) else Decimal(repr(value))
            at_ms = scaled(number, 3 if per_second == 1 else 0)
        else:
            raise InvalidValue("no number")
    except (InvalidValue, ArithmeticError):
        raise Wrong(field, value, "is no time: send the number of seconds or milliseconds since 1970") from None
    if not 0 <= at_ms <= LATEST_MS:
        raise Wrong(field, value, "is no time of this calendar")
    return at_ms


def utc_ms(value: Any, field: str) -> int:
    """Milliseconds since 1970 of a text whose format declares UTC: ISO 8601, also without zone or leading zeros.

    Raises:
        Wrong: it is no such text.
    """
    if type(value) is str:
        text = value
        if found := _SPACED.match(value):
            year, month, day, hour, minute, second, fraction = found.groups()
            text = f"{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{minute}:{second}{fraction or ''}Z"
        try:
            return max(0, ms_from_iso(text))
        except InvalidValue:
            pass
    raise Wrong(field, value, "is no time such as 2026-01-05 10:00:00 in UTC")


def stamped(
    value: Any, field: str, read: Callable[[Any, str], int], envelope: Envelope, refusals: list[Refusal]
) -> Stamp:
    """When, as a field of the message says; the arrival where it says nothing or nothing that can be read."""
    if value is None:
        return Stamp(envelope.received_at_ms, "arrival")
    try:
        return Stamp(read(value, field), "device", shown(value))
    except Wrong as wrong:
        refusals.append(wrong.refusal())
        return Stamp(envelope.received_at_ms, "arrival", shown(value))


def nested(tree: Any, *names: str) -> Any:
    """The value at a path of object keys, None where the path breaks off."""
    for name in names:
        if type(tree) is not dict:
            return None
        tree = tree.get(name)
    return tree
