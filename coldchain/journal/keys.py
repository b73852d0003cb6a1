"""Message keys: what makes two messages the same one."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from coldchain.domain.message import Decoded, Envelope, Refusal
from coldchain.journal.state import LoggerRow
from coldchain.journal.words import Context, context_of, storable

# How long a message without any key of its own is recognised by its content, where the interval is unknown.
CONTENT_WINDOW_MS = 60_000

_CONTENT = "sha256:"
_HEARD = "heard:"  # names its content for ever: the same frame in the envelopes of two gateways is one message


class KnownMessage(NamedTuple):
    """A stored message, as far as it takes to recognise another one."""

    logger: int | None
    key: str
    position: int
    received: int
    payload: bytes
    sha256: str | None


@dataclass(slots=True)
class Item:
    """One message on its way into the journal, or an envelope in which no message was found."""

    envelope: Envelope
    decoded: Decoded | None
    row: LoggerRow | None
    key: str
    slot: int
    context: Context
    refusal: Refusal | None = None
    undecoded: bool = False
    idle: bool = False  # understood, and of no logger

    @property
    def numbered(self) -> bool:
        """Whether it is numbered by (boot, seq), so that the watermark counts it."""
        return self.slot >= 0

    @property
    def by_content(self) -> bool:
        """Whether the key is only a hash of the content, which holds for a while."""
        return self.key.startswith(_CONTENT)

    @property
    def payload(self) -> bytes:
        """The message's own bytes."""
        return self.envelope.payload if self.decoded is None else self.decoded.payload

    def repeats(self, known: KnownMessage) -> bool:
        """Whether this is the message `known` again: the same key, and still within the time that the key holds."""
        if known.key != self.key or known.logger != (self.row.id if self.row else None):
            return False
        if not self.by_content or self.envelope.dup:
            return True
        window = (self.row.interval_ms if self.row else None) or CONTENT_WINDOW_MS
        return abs(self.envelope.received_at_ms - known.received) <= window

    def equals(self, known: KnownMessage) -> bool:
        """Whether the bytes are the same as those of `known`."""
        contained = self.by_content or self.key.startswith(_HEARD)
        return contained or (known.payload == self.payload and known.sha256 == self.envelope.sha256)


def item_of(envelope: Envelope, decoded: Decoded, row: LoggerRow) -> Item:
    """A decoded message with its key and its slot."""
    boot, seq = decoded.boot, decoded.seq
    context = context_of(envelope, decoded.adapter, decoded.device_profile)
    if boot is not None and seq is not None and decoded.key == f"{boot}:{seq}":
        return Item(envelope, decoded, row, decoded.key, numbered_slot(row.id, boot, seq), context)
    key = storable(decoded.key) or content_key(envelope, decoded.payload)
    return Item(envelope, decoded, row, key, named_slot(row.id, key), context)


def bare_item(envelope: Envelope, refusal: Refusal | None, *, undecoded: bool, idle: bool = False) -> Item:
    """An envelope without messages: known by its content only."""
    key = content_key(envelope, envelope.payload)
    reason = refusal or Refusal("nothing in this message could be read")
    context = context_of(envelope, None, None)
    return Item(envelope, None, None, key, named_slot(0, key), context, None if idle else reason, undecoded, idle)


def content_key(envelope: Envelope, payload: bytes) -> str:
    """SHA-256 over source and payload, for a message that has no key."""
    digest = hashlib.sha256(envelope.source.encode("utf-8", "replace") + b"\0")
    digest.update(envelope.sha256.encode() if envelope.sha256 else payload)
    return _CONTENT + digest.hexdigest()


def numbered_slot(logger: int, boot: int, seq: int) -> int:
    """Where a numbered message is looked up: neighbours stay neighbours, so that the index is written in runs."""
    return (logger & 0x7FFFFFF) << 36 | (boot & 0xF) << 32 | (seq & 0xFFFFFFFF)


def named_slot(logger: int, key: str) -> int:
    """Where any other message is looked up: a negative number, apart from those of numbered messages."""
    digest = hashlib.sha256(f"{logger}\0{key}".encode("utf-8", "replace")).digest()
    return -1 - (int.from_bytes(digest[:8], "big") >> 1)
