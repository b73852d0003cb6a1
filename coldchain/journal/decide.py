"""What a commit decides about each message and reading. Pure: it sees what was looked up, and says what to write."""

from collections.abc import Mapping
from typing import Any

from coldchain.domain.message import Decoded, Outcome, Receipt, Refusal
from coldchain.domain.quantity import milli
from coldchain.domain.reading import Reading, flag_bits
from coldchain.errors import InvalidValue
from coldchain.journal.decisions import Decisions, Known
from coldchain.journal.keys import Item, KnownMessage
from coldchain.journal.meet import Meeting
from coldchain.journal.ranges import Committed, Hole
from coldchain.journal.rows import OUTCOME_NUMBER, refusals_text
from coldchain.journal.state import LoggerRow
from coldchain.journal.words import storable

_FUTURE = flag_bits("future")
_SUSPECT = flag_bits("clock_suspect")


class Judge:
    """Decides a batch, message by message, in the order of arrival."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self.made = Decisions(head=known.head)
        self._meeting = Meeting(known, self.made)

    @classmethod
    def alone(cls, head: int) -> "Judge":
        """A judge of holes, without messages."""
        return cls(Known(head, {}, {}, {}, {}, {}))

    def decide(self, item: Item) -> Receipt:
        """Decide one message; its rows are added to what is to be written."""
        row = item.row
        # A number that simply continues cannot be there already.
        continues = row is not None and item.slot >= 0 and row.id not in self._known.held
        twin = None if continues else self._twin(item)
        if twin is not None and item.equals(twin):
            return self._repeated(item, twin)
        position = self.made.next()
        if row is not None:
            row.last_heard = max(row.last_heard, item.envelope.received_at_ms)
            if row.messages == 0:
                self._notice(item, "seen", f"first message of {row.name}")
            row.messages += 1
        if twin is not None:
            receipt = self._conflicting(item, position, twin)
        elif item.idle:
            receipt = Receipt(Outcome.NO_READING, None, position)
        elif item.decoded is None:
            assert item.refusal is not None
            outcome = Outcome.UNDECODED if item.undecoded else Outcome.QUARANTINED
            receipt = Receipt(outcome, None, position, refusals=(item.refusal,))
            self._notice(item, outcome.value, item.refusal.reason)
        else:
            receipt = self._fresh(item, item.decoded, position)
        self._store(item, receipt, twin)
        return receipt

    def decide_again(self, item: Item, message: int) -> Receipt:
        """Decide what a kept message is now taken to mean; the message itself stays as it is."""
        assert item.row is not None
        assert item.decoded is not None
        stored, duplicates, refusals = self._meeting.decide(item.decoded.readings, item.row, message)
        item.row.readings += len(stored)
        item.row.quarantined += len(refusals)
        self.made.whole.add(item.row.id)
        for refusal in refusals:
            self._notice(item, "conflict", refusal.reason)
        outcome = _outcome(item, stored, duplicates, refusals)
        return Receipt(outcome, item.row.name, message, tuple(stored), duplicates, tuple(refusals))

    def close(self, row: LoggerRow, held: Committed, now_ms: int) -> None:
        """After the last message of a logger: holes that will never be filled become gaps."""
        for hole in held.passed():
            self._gap(row, hole, now_ms)

    # --- messages -----------------------------------------------------------------------------------------------

    def _twin(self, item: Item) -> KnownMessage | None:
        """The stored message with this key: the one with equal bytes if there is one, else the first."""
        same = [known for known in self._known.messages.get(item.slot, ()) if item.repeats(known)]
        return next((known for known in same if item.equals(known)), same[0] if same else None)

    def _repeated(self, item: Item, twin: KnownMessage) -> Receipt:
        decoded, row = item.decoded, item.row
        elements = max(1, len(decoded.readings) + len(decoded.refusals)) if decoded else 1
        if row is not None:
            row.last_heard = max(row.last_heard, item.envelope.received_at_ms)
            row.duplicates += elements
            self.made.whole.add(row.id)
            self._count(item, row, fresh=False)
        return Receipt(Outcome.DUPLICATE, row.name if row else None, twin.position, duplicates=elements)

    def _conflicting(self, item: Item, position: int, twin: KnownMessage) -> Receipt:
        assert item.row is not None
        reason = f"message {item.key} was stored at offset {twin.position} with other bytes; both are kept"
        refusal = Refusal(reason, "key", item.key)
        item.row.quarantined += max(1, len(item.decoded.readings) if item.decoded else 1)
        self.made.whole.add(item.row.id)
        self._notice(item, "conflict", reason)
        return Receipt(Outcome.QUARANTINED, item.row.name, position, refusals=(refusal,))

    def _fresh(self, item: Item, decoded: Decoded, position: int) -> Receipt:
        row = item.row
        assert row is not None
        stored, duplicates, conflicts = self._meeting.decide(decoded.readings, row, position)
        refusals = [*decoded.refusals, *conflicts]
        if decoded.refusals:
            kind = "undecoded" if decoded.undecoded else "quarantined"
            kind = kind if item.envelope.length is None else "oversize"
            self._notice(item, kind, decoded.refusals[0].reason)
        for conflict in conflicts:
            self._notice(item, "conflict", conflict.reason)
        row.readings += len(stored)
        if duplicates or refusals:
            row.duplicates += duplicates
            row.quarantined += len(refusals)
            self.made.whole.add(row.id)
        self._heard(item, decoded, row, stored)
        outcome = _outcome(item, stored, duplicates, refusals)
        return Receipt(outcome, row.name, position, tuple(stored), duplicates, tuple(refusals))

    def _store(self, item: Item, receipt: Receipt, twin: KnownMessage | None) -> None:
        row, decoded, envelope = item.row, item.decoded, item.envelope
        boot, seq = (decoded.boot, decoded.seq) if decoded else (None, None)
        self.made.messages.append((
            receipt.message, row.id if row else None, item.slot, None if item.numbered else item.key, boot, seq,
            envelope.received_at_ms, self._known.numbers[item.context],
            OUTCOME_NUMBER[receipt.outcome], refusals_text(receipt.refusals), envelope.length, envelope.sha256,
            item.payload,
        ))  # fmt: skip
        if row is None or not item.numbered or row.id in self._known.held:
            stored = KnownMessage(
                row.id if row else None, item.key, receipt.message, envelope.received_at_ms, item.payload,
                envelope.sha256,
            )  # fmt: skip
            self._known.messages.setdefault(item.slot, []).append(stored)
        if row is not None:
            self._count(item, row, fresh=twin is None)

    def _count(self, item: Item, row: LoggerRow, *, fresh: bool) -> None:
        """Count the message's number as committed, and learn what the logger still holds."""
        decoded = item.decoded
        if decoded is None or not item.numbered:
            return
        assert decoded.boot is not None
        assert decoded.seq is not None
        if (row.boot, row.seq) < (decoded.boot, decoded.seq) if row.boot is not None else True:
            row.boot, row.seq = decoded.boot, decoded.seq
        held = self._known.held.get(row.id)
        if held is None:
            row.advance(decoded.oldest)
            return
        number = (decoded.boot, decoded.seq)
        if number in held and fresh:
            self.made.filled.append((row.id, *number))
        if held.start is None:
            held.start = min(number, decoded.oldest or number)
        held.add(*number, decoded.seq)
        if decoded.oldest is not None:
            held.state_oldest(decoded.oldest)

    # --- loggers, notices, gaps -----------------------------------------------------------------------------------

    def _heard(self, item: Item, decoded: Decoded, row: LoggerRow, stored: list[Reading]) -> None:
        """What this message says of the logger itself."""
        if decoded.interval_ms and decoded.interval_ms != row.declared_interval and _newest(decoded, row):
            row.declared_interval = decoded.interval_ms
            self.made.whole.add(row.id)
        if decoded.status:
            _take_battery(row, decoded.status, item.envelope.received_at_ms)
        if not stored:
            return
        if row.note_times([reading[2] for reading in stored if reading[1] != "device"]):
            self.made.whole.add(row.id)
        suspect = False
        arrived = item.envelope[3]
        for reading in stored:
            time, flags = reading[2], reading[23]
            if row.newest_event is None or time > row.newest_event:
                row.newest_event = time
            if not flags & _FUTURE and (row.last_event is None or time > row.last_event):
                row.last_event = time
            if reading[4] == "device" and not reading[18] and time >= (row.clock_at or 0):
                row.clock_at, row.clock_offset = time, arrived - time
            if (reading[12] is not None or reading[13] is not None) and time >= (row.battery_at or 0):
                row.battery_at, row.battery_mpct, row.battery_mv = time, reading[12], reading[13]
            suspect = suspect or bool(flags & _SUSPECT)
        if suspect and not row.suspect:
            self._notice(item, "clock_suspect", f"the clock of {row.name} cannot be right; another time was used")
        if suspect != bool(row.suspect):
            row.suspect = int(suspect)
            self.made.whole.add(row.id)

    def _notice(self, item: Item, kind: str, detail: str) -> None:
        logger = item.row.id if item.row else None
        self.made.notices.append((self.made.next(), item.envelope.received_at_ms, kind, logger, storable(detail)))

    def _gap(self, row: LoggerRow, hole: Hole, now_ms: int) -> None:
        position = self.made.next()
        row.gaps += 1
        self.made.gaps.append((position, row.id, hole.boot, hole.first, hole.last, now_ms))
        detail = f"boot {hole.boot}: messages {hole.first} to {hole.last} of {row.name} are lost for good"
        self.made.notices.append((self.made.next(), now_ms, "gap", row.id, detail))


def _outcome(item: Item, stored: list[Reading], duplicates: int, refusals: list[Refusal]) -> Outcome:
    """The first that applies; "duplicate" when everything was stored already."""
    if not stored:
        if item.decoded is not None and item.decoded.aggregate:
            return Outcome.AGGREGATE
        if refusals:
            undecoded = item.decoded is not None and item.decoded.undecoded
            return Outcome.UNDECODED if undecoded else Outcome.QUARANTINED
        return Outcome.DUPLICATE if duplicates else Outcome.NO_READING
    if item.envelope.transport == "file":
        return Outcome.FILE
    faulty = stored[0].fault is not None and all(reading.fault is not None for reading in stored)
    return Outcome.FAULT if faulty else Outcome.READINGS


def _newest(decoded: Decoded, row: LoggerRow) -> bool:
    """Whether nothing newer was heard: what old messages declare was true then."""
    newest = max((reading.event_time_ms for reading in decoded.readings), default=None)
    return newest is None or row.newest_event is None or newest >= row.newest_event


def _take_battery(row: LoggerRow, status: Mapping[str, Any], at_ms: int) -> None:
    """Battery of a message without measurements, in the public units (per cent, volts)."""
    try:
        percent = milli(str(status["battery_pct"])) if status.get("battery_pct") is not None else None
        volts = milli(str(status["battery_v"])) if status.get("battery_v") is not None else None
    except InvalidValue:
        return
    if (percent is not None or volts is not None) and at_ms >= (row.battery_at or 0):
        row.battery_at, row.battery_mpct, row.battery_mv = at_ms, percent, volts
