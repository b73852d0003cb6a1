"""What a commit has to know before it decides, and what it has decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coldchain.domain.message import Receipt
from coldchain.journal.database import Row
from coldchain.journal.keys import KnownMessage
from coldchain.journal.latest import Newest
from coldchain.journal.ranges import Committed
from coldchain.journal.rows import Numbers


@dataclass
class Known:
    """What was looked up for one batch, inside its transaction; the decisions add what they store."""

    head: int
    numbers: Numbers
    series: Mapping[tuple[int, str], int]
    readings: dict[tuple[int, int], list[Row]]  # by (event time, series): rows of the table `reading`
    messages: dict[int, list[KnownMessage]]  # by slot
    held: dict[int, Committed]  # by logger, only of those whose numbers do not simply continue


@dataclass
class Decisions:
    """What one commit writes."""

    head: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    readings: list[Row] = field(default_factory=list)
    notices: list[Row] = field(default_factory=list)
    gaps: list[Row] = field(default_factory=list)
    earlier: list[Row] = field(default_factory=list)
    filled: list[tuple[int, int, int]] = field(default_factory=list)  # (logger, boot, seq) once recorded as a gap
    whole: set[int] = field(default_factory=set)  # loggers of which more than the common columns changed
    latest: dict[int, Newest] = field(default_factory=dict)  # by series
    ahead: list[Row] = field(default_factory=list)  # readings whose time has still to come

    def next(self) -> int:
        """The next offset."""
        self.head += 1
        return self.head
