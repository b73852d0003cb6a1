"""What a journal does, whichever database holds it; `tests/contracts/test_journal.py` is its specification."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from coldchain.domain.message import Arrival, Envelope, Gap, Outcome, Receipt, Refusal, Watermark
from coldchain.domain.reading import Reading


class StoredMessage(NamedTuple):
    """A message as it was received, with what became of it."""

    offset: int
    logger: str | None
    key: str
    envelope: Envelope  # `payload` holds this message's own bytes
    adapter: str | None
    device_profile: str | None
    outcome: Outcome
    refusals: tuple[Refusal, ...]


class LoggerState(NamedTuple):
    """What the journal knows of a logger from its messages alone, whether or not anybody registered it."""

    logger: str
    shard: int
    first_heard_ms: int
    last_heard_ms: int
    last_event_ms: int | None  # newest event time that is not in the future
    boot: int | None
    seq: int | None
    interval_ms: int | None  # declared, else the median of the earliest 12 differences once there are 12
    battery_mpct: int | None
    battery_mv: int | None
    clock_offset_ms: int | None  # arrival minus the device's stamp, of its newest message
    messages: int
    readings: int
    duplicates: int
    quarantined: int
    gaps: int
    interval_declared: bool = False  # by the logger itself, not estimated


class Unread(NamedTuple):
    """A topic or source of which messages were not understood, or were refused whole, among the newest ones."""

    transport: str  # mqtt | http | file
    source: str
    logger: str | None  # who sent, where that is known
    messages: int
    size: int  # bytes of all of them
    last_ms: int
    newest: int  # offset of the newest one
    undecoded: int  # of the messages: nobody here speaks this; the others were refused


class Notice(NamedTuple):
    """Something that happened while committing and that a person may have to know; the engine reads these by offset."""

    offset: int
    at_ms: int
    kind: str  # quarantined | undecoded | oversize | conflict | gap | seen (a logger's first message) | clock_suspect
    logger: str | None
    detail: str


class Meaning(NamedTuple):
    """A kept message with the readings that stand for it now: those of its highest interpretation."""

    message: StoredMessage
    readings: tuple[Reading, ...]


class Journal(Protocol):
    """Every decision about keys, ties, offsets and watermarks is made inside the commit, never from memory."""

    def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Commit `arrivals` in one durable transaction; a receipt for each decoded message, in order.

        An arrival without messages (refused or undecoded whole) is stored too and gets one receipt.

        Raises:
            TransientError: nothing was stored; the arrivals must not be acknowledged.
        """
        ...

    def head(self) -> int:
        """The highest committed offset, 0 when empty. Every offset up to it is visible."""
        ...

    def read(self, after: int, limit: int) -> list[Reading]:
        """The next `limit` readings with offset > `after`, in order of offset, superseded interpretations included."""
        ...

    def notices(self, after: int, limit: int) -> list[Notice]:
        """The next `limit` notices with offset > `after`, in order of offset."""
        ...

    def message(self, offset: int) -> StoredMessage | None:
        """The message stored at `offset`, compacted days included."""
        ...

    def refused(self, outcome: Outcome, before: int | None, limit: int) -> list[StoredMessage]:
        """Messages with this outcome (quarantined or undecoded) or with refused elements, newest first.

        What was undecoded and has been decoded again since is not among them.
        """
        ...

    def unread(self) -> list[Unread]:
        """The sources of messages that nobody understood or believed whole, the one that spoke last first.

        Only the newest such messages are looked at, and those that were decoded again since are not among them.
        """
        ...

    def alike(self, transport: str, source: str, logger: str | None, limit: int) -> list[StoredMessage]:
        """The newest such messages of one source (and, where it is known, of one logger), newest first."""
        ...

    def became(self, message: StoredMessage) -> list[Reading]:
        """The readings that stand for a message, of every interpretation, by offset."""
        ...

    def meanings(self, logger: str, from_ms: int, to_ms: int, after: int, limit: int) -> list[Meaning]:
        """The next `limit` messages of a logger behind the offset `after`, received in [from, to), by offset."""
        ...

    def strays(self, from_ms: int, to_ms: int, after: int, limit: int) -> list[StoredMessage]:
        """The next `limit` messages whose sender nobody knew and that were not taken up since, by offset."""
        ...

    def reinterpret(
        self, decision: str, meant: Mapping[int, Sequence[Reading]], seen: int | None = None
    ) -> list[Receipt]:
        """Store what kept messages mean by a better device profile, as their next interpretation.

        The rows of lower interpretations stay and are superseded. A decision that was applied before changes nothing.
        With `seen`, the head when somebody looked, messages that were decided about since are left as they are.

        Raises:
            NotFound: there is no such message of a known logger.
        """
        ...

    def adopt(self, decision: str, read: Mapping[int, Arrival], seen: int | None = None) -> list[Receipt]:
        """Store what strays say now that somebody knows who sent them, as messages of their loggers.

        A stray stays as it was received, and is no stray any more. A decision that was applied before changes nothing.

        Args:
            decision: the id of the audited act.
            read: what each stray says, by its offset; with one message at least.
            seen: the head when somebody looked: what was taken up since is left as it is.

        Raises:
            NotFound: there is no such stray.
        """
        ...

    def superseded(self, after: int, through: int) -> list[Reading]:
        """The readings that stopped to count by decisions with an offset in (after, through].

        Without those in whose place (channel, moment, tie) another reading of the same message stands now.
        """
        ...

    def watermark(self, logger: str) -> Watermark:
        """What this logger may forget and what it is asked for."""
        ...

    def watermarks(self, loggers: Sequence[str]) -> list[Watermark]:
        """As `watermark`, of several loggers at one moment, in their order."""
        ...

    def requested(self, sent: Iterable[Watermark], now_ms: int) -> None:
        """Note that down messages with these `resend` ranges were sent.

        Holes that were asked for three times in vain become gaps, where no `oldest` says what the logger still holds.

        Raises:
            TransientError: nothing was noted.
        """
        ...

    def gaps(self, logger: str | None = None) -> list[Gap]:
        """Holes that will never be filled, of one logger or of all."""
        ...

    def loggers(self) -> list[LoggerState]:
        """Every logger that was ever heard, by id."""
        ...

    def logger(self, logger: str) -> LoggerState | None:
        """One logger, or None if it was never heard."""
        ...

    def close(self) -> None:
        """Release the database; a further call is an error."""
        ...
