"""One logger as the journal's tables hold it: the row that a commit reads, changes and writes back."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from itertools import pairwise
from operator import attrgetter
from statistics import median

from coldchain.domain.message import Watermark
from coldchain.domain.reading import shard_of
from coldchain.journal.port import LoggerState
from coldchain.journal.ranges import Committed, Hole, Pair

# The interval is estimated from this many differences.
DIFFERENCES = 12
_BEFORE_ALL = -(1 << 62)  # of a row whose estimate an earlier version made

# A down message must stay small; what it cannot name is asked for later.
_RESEND_LIMIT = 100


@dataclass(slots=True)
class LoggerRow:
    """A row of the table `logger`, in its order of columns."""

    id: int
    name: str
    first_heard: int
    last_heard: int
    last_event: int | None = None  # not in the future when it arrived
    newest_event: int | None = None  # of all: no stored reading is newer
    boot: int | None = None
    seq: int | None = None
    declared_interval: int | None = None
    estimated_interval: int | None = None
    first_times: str | None = None
    battery_mpct: int | None = None
    battery_mv: int | None = None
    battery_at: int | None = None
    clock_offset: int | None = None
    clock_at: int | None = None
    suspect: int = 0
    messages: int = 0
    readings: int = 0
    duplicates: int = 0
    quarantined: int = 0
    gaps: int = 0
    start_boot: int | None = None
    start_seq: int | None = None
    through_boot: int | None = None
    through_seq: int | None = None
    oldest_boot: int | None = None
    oldest_seq: int | None = None
    tail_boot: int | None = None  # the newest run of committed numbers: the common case changes only this row
    tail_first: int | None = None
    tail_last: int | None = None
    asked: str | None = None

    @property
    def interval_ms(self) -> int | None:
        """The reporting interval, declared or else estimated."""
        return self.declared_interval or self.estimated_interval

    def note_times(self, times: Collection[int]) -> bool:
        """Keep the earliest event times, whose differences give the interval; False where none of these is among them.

        The interval is the median of the first differences in order of event time, whatever order they came in: what
        comes late but happened early corrects it.
        """
        if not times or (self.estimated_interval is not None and min(times) >= self._first_end()):
            return False
        known: list[int] = json.loads(self.first_times or "[]")
        earliest = sorted({*known, *times})[: DIFFERENCES + 1]
        if earliest == known:
            return False
        self.first_times = json.dumps(earliest)
        if len(earliest) > DIFFERENCES:
            self.estimated_interval = int(median(b - a for a, b in pairwise(earliest)))
        return True

    def _first_end(self) -> int:
        """The last of the times that the interval was estimated from; before all, where they were not kept."""
        text = self.first_times
        return int(text[text.rfind(",") + 1 : -1]) if text else _BEFORE_ALL

    def follows(self, boot: int, seq: int, oldest: Pair | None) -> bool:
        """Whether this number simply continues the newest run, so that nothing else can be affected."""
        return (
            self.tail_last is not None
            and boot == self.tail_boot
            and seq == self.tail_last + 1
            and self.asked is None
            and (oldest is None or (self.oldest_boot is not None and self._covers(oldest)))
        )

    def _covers(self, oldest: Pair) -> bool:
        """Whether `oldest` lies below the mark, so that it can pass no hole."""
        through = _pair(self.through_boot, self.through_seq)
        return through is not None and oldest <= (through[0], through[1] + 1)

    def advance(self, oldest: Pair | None) -> None:
        """Count the next number of the newest run as committed."""
        if oldest is not None and oldest > (self.oldest_boot, self.oldest_seq):
            self.oldest_boot, self.oldest_seq = oldest
        last = (self.tail_last or 0) + 1
        if self.through_boot == self.tail_boot and self.through_seq == self.tail_last:
            self.through_seq = last
        self.tail_last = last

    def asked_holes(self) -> list[tuple[Hole, int]]:
        """The holes that the logger was asked for, and how often."""
        return [(Hole(*hole), times) for hole, times in json.loads(self.asked or "[]")]

    def committed(self, runs: Iterable[tuple[int, int, int]], horizon: Pair | None = None) -> Committed:
        """The committed numbers in `runs` (boot, first, last) of the table `seq_range`, and the newest run."""
        held = Committed(
            _pair(self.start_boot, self.start_seq),
            _pair(self.oldest_boot, self.oldest_seq),
            _pair(self.through_boot, self.through_seq),
            asked=dict(self.asked_holes()),
            horizon=horizon,
        )
        for boot, first, last in sorted(runs):
            held.add(boot, first, last)
        if self.tail_boot is not None and self.tail_first is not None and self.tail_last is not None:
            held.add(self.tail_boot, self.tail_first, self.tail_last)
        return held

    def keep(self, held: Committed) -> set[tuple[int, int, int]]:
        """Take over the mark and the newest run; return the other runs in `held`, for the table `seq_range`."""
        self.start_boot, self.start_seq = held.start or (None, None)
        self.oldest_boot, self.oldest_seq = held.oldest or (None, None)
        self.through_boot, self.through_seq = held.through() or (None, None)
        self.asked = json.dumps([[list(hole), times] for hole, times in held.asked.items()]) if held.asked else None
        runs = {(boot, first, last) for boot, spans in held.runs.items() for first, last in spans}
        if runs:
            newest = max(runs)
            runs.discard(newest)
            self.tail_boot, self.tail_first, self.tail_last = newest
        return runs

    def watermark(self, held: Committed) -> Watermark:
        """What the logger may forget, and what it is asked for."""
        resend = tuple((hole.boot, hole.first, hole.last) for hole in held.holes()[:_RESEND_LIMIT])
        return Watermark(self.name, held.through(), resend)

    def public(self, come_true: int | None) -> LoggerState:
        """The row as the port shows it; `come_true` is the newest event time of its series that has come."""
        return LoggerState(
            logger=self.name,
            shard=shard_of(self.name),
            first_heard_ms=self.first_heard,
            last_heard_ms=self.last_heard,
            last_event_ms=max((t for t in (self.last_event, come_true) if t is not None), default=None),
            boot=self.boot,
            seq=self.seq,
            interval_ms=self.interval_ms,
            interval_declared=self.declared_interval is not None,
            battery_mpct=self.battery_mpct,
            battery_mv=self.battery_mv,
            clock_offset_ms=self.clock_offset,
            messages=self.messages,
            readings=self.readings,
            duplicates=self.duplicates,
            quarantined=self.quarantined,
            gaps=self.gaps,
        )


def _pair(boot: int | None, seq: int | None) -> Pair | None:
    return None if boot is None or seq is None else (boot, seq)


LOGGER_COLUMNS = tuple(column.name for column in fields(LoggerRow))
logger_values = attrgetter(*LOGGER_COLUMNS)

# What a message changes that simply continues its logger's numbers; the rest changes seldom.
COMMON_COLUMNS = (
    "last_heard", "last_event", "newest_event", "boot", "seq", "battery_mpct", "battery_mv", "battery_at",
    "clock_offset", "clock_at", "messages", "readings", "through_seq", "oldest_boot", "oldest_seq", "tail_last",
)  # fmt: skip
