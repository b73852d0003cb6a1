"""A message: what arrived, what a carrier made of it, and what the journal decided about it."""

from enum import StrEnum
from typing import Any, NamedTuple

from coldchain.domain.reading import Reading


class Envelope(NamedTuple):
    """What arrived, as it arrived. `source` is the MQTT topic, the webhook's source or the file's name."""

    transport: str  # mqtt | http | file
    source: str
    payload: bytes
    received_at_ms: int
    qos: int = 0
    retain: bool = False
    dup: bool = False
    content_type: str | None = None
    user: str | None = None  # the authenticated logger (MQTT user name), None for a trusted road or a real broker
    length: int | None = None  # of the whole payload, where only its first 64 KiB were kept
    sha256: str | None = None  # of the whole payload, likewise


class Refusal(NamedTuple):
    """A value or a whole message that was not believed: kept with its bytes, shown with this reason."""

    reason: str  # one sentence that names the field, the value and the remedy
    field: str | None = None
    value: str | None = None
    channel: str | None = None
    event_time_ms: int | None = None


class Outcome(StrEnum):
    """What became of a message, in the words of `coldchain decode`."""

    FILE = "file"
    READINGS = "readings"
    FAULT = "fault"
    AGGREGATE = "aggregate"
    QUARANTINED = "quarantined"
    UNDECODED = "undecoded"
    NO_READING = "no_reading"
    DUPLICATE = "duplicate"


class Decoded(NamedTuple):
    """One message as its carrier understood it; several of these may share one envelope (an array of messages)."""

    logger: str
    key: str  # the message key: unique for ever per logger ("7:1893"); "" = none, the journal uses the content's hash
    # "heard:…" holds a digest of what the device itself sent: whatever a gateway wrote around it (its own name, the
    # signal strength) may differ, and it is the same message for ever. "sha256:…" likewise, but for one interval only.
    payload: bytes  # this message's own bytes: the envelope's, or its element of an array
    adapter: str  # "native@1"
    readings: tuple[Reading, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    boot: int | None = None
    seq: int | None = None
    oldest: tuple[int, int] | None = None  # (boot, seq) that the logger still holds
    interval_ms: int | None = None  # reporting interval that the message or its device profile declares
    status: dict[str, Any] | None = None  # battery and the like of a message without measurements
    device_profile: str = "native@1"
    undecoded: bool = False  # who sent it is known, what it says is not: the refusal tells what is missing
    aggregate: bool = False  # statistics of an interval: kept, shown, and never taken for readings
    clock: tuple[int, str] | None = None  # (ms, "network" or "gateway"): what counts where the device's clock cannot
    clock_set: bool = False  # the format lets only a clock that was set write such times, however long ago they are


class Command(NamedTuple):
    """What a carrier asks to be published to the side that sent: a request for a rebirth, a host's state."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class Arrival(NamedTuple):
    """An envelope with what was decoded from it: `messages`, or the reason why there is none."""

    envelope: Envelope
    messages: tuple[Decoded, ...] = ()
    refusal: Refusal | None = None
    undecoded: bool = False  # the refusal means "nobody here speaks this", not "this is wrong"
    memory: tuple[tuple[str, Any], ...] = ()  # what the carrier has to be told next time, by key; None forgets
    commands: tuple[Command, ...] = ()
    carrier: str = ""  # whose memory this is: the source of the carrier; set by the pipeline
    idle: bool = False  # understood, and of no logger: a bridge's own log; kept, and nobody's trouble
    mark: tuple[str, int] | None = None  # a canary: its road and when it set out (ms); no message, nothing is kept


class Receipt(NamedTuple):
    """What the commit decided about one decoded message (or about an envelope that had none)."""

    outcome: Outcome
    logger: str | None
    message: int  # offset of the stored message; of the first one for a duplicate
    stored: tuple[Reading, ...] = ()  # the rows that are new, with offset, tie and message
    duplicates: int = 0
    refusals: tuple[Refusal, ...] = ()


class Watermark(NamedTuple):
    """What a logger may forget, and what it is asked to send again."""

    logger: str
    committed_through: tuple[int, int] | None  # (boot, seq)
    resend: tuple[tuple[int, int, int], ...] = ()  # (boot, first seq, last seq)


class Gap(NamedTuple):
    """Messages that the logger no longer holds: a hole that will never be filled."""

    logger: str
    boot: int
    first_seq: int
    last_seq: int
    recorded_at_ms: int
