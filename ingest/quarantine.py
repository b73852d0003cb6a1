"""What is refused before any carrier reads it, and how: bytes and a reason that names the field and the value."""

import hashlib
import traceback

from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from sensors.carriers.fields import shown

NORMAL = 64 * 1024  # bytes of a message that is decoded, and of a larger one that are kept
LARGEST = 4 * 1024 * 1024  # bytes of a message that is read at all


def bounded(envelope: Envelope) -> Envelope:
    """`envelope` with at most 64 KiB of its payload; length and SHA-256 of the whole where it was more."""
    payload = envelope.payload
    if len(payload) <= NORMAL or envelope.length is not None:
        return envelope
    digest = hashlib.sha256(payload).hexdigest()
    return envelope._replace(payload=payload[:NORMAL], length=len(payload), sha256=digest)


def oversize(envelope: Envelope, logger: str | None, adapter: str) -> Arrival:
    """A message of more than 64 KiB, kept as its beginning, its length and its hash, under its logger if that is known.

    Args:
        envelope: what `bounded` left of it.
        logger: whom the topic or the sign-in names, None if they name nobody.
        adapter: the carrier that has to answer for it.
    """
    reason = f"payload has {envelope.length} bytes: the limit is {NORMAL}, send smaller batches"
    refusal = Refusal(reason, "payload", f"{envelope.length} bytes")
    if logger is None:
        return Arrival(envelope, refusal=refusal)
    return Arrival(envelope, (Decoded(logger, "", envelope.payload, adapter, refusals=(refusal,)),))


def unknown_source(envelope: Envelope) -> Arrival:
    """A message that no carrier claims: not wrong, only not understood."""
    place, where = ("topic", envelope.source) if envelope.transport == "mqtt" else ("source", envelope.source)
    reason = f"{place} {shown(where)} is known to no carrier: its messages are kept, and not understood"
    return Arrival(envelope, refusal=Refusal(reason, place, shown(where)), undecoded=True)


def broken(envelope: Envelope, what: str, error: Exception) -> Arrival:
    """A message over which our own code failed: kept, so that nothing is lost while somebody mends it."""
    reason = f"payload could not be taken in because {what} failed: {type(error).__name__}: {shown(str(error))}"
    return Arrival(envelope, refusal=Refusal(reason, "payload", shown(envelope.payload[:64].decode(errors="replace"))))


def where(error: Exception) -> str:
    """The kind, text and origin of a failure in one line: a traceback per message would be a flood of its own."""
    frames = traceback.extract_tb(error.__traceback__)
    origin = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {shown(str(error))}{origin}"
