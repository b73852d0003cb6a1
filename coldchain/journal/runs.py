"""The part of loggers' committed numbers that a commit can touch, however many holes they have.

A logger with tens of thousands of holes has as many rows in the table `seq_range`. Looked up are only its lowest runs
above the mark, where holes are asked for and given up, and the neighbours of the numbers that arrive.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from coldchain.journal.database import Session
from coldchain.journal.ranges import Pair
from coldchain.journal.state import LoggerRow

Run = tuple[int, int, int]  # boot, first, last

# Runs above the mark that are looked at together, and how far beyond when the logger gave up what lies there.
WINDOW = 300
FARTHEST = 50_000


@dataclass(slots=True)
class Nearby:
    """Some rows of the table `seq_range` of one logger: all of them above its mark up to the horizon."""

    runs: set[Run] = field(default_factory=set)
    horizon: Pair | None = None  # beyond it there may be runs that were not looked up; None: there are none


def nearby(
    session: Session, rows: Iterable[LoggerRow], numbers: Mapping[int, Iterable[Pair]], oldest: Mapping[int, Pair]
) -> dict[int, Nearby]:
    """What deciding about `numbers` and about the holes of these loggers takes, by logger.

    Args:
        session: the transaction that decides.
        rows: the loggers.
        numbers: the numbers that arrive, by logger.
        oldest: what loggers state now to be the oldest that they hold: holes below are given up.
    """
    found: dict[int, Nearby] = {}
    ends: dict[int, list[Pair]] = {}
    for row in rows:
        found[row.id] = _above_the_mark(session, row, oldest.get(row.id))
        # A hole that was asked for may lie beyond the horizon by now.
        asked = [hole for hole, _ in row.asked_holes() if found[row.id].horizon is not None]
        ends[row.id] = [
            *numbers.get(row.id, ()),
            *((hole.boot, end) for hole in asked for end in (hole.first, hole.last)),
        ]
    for logger, run in _around(session, ends):
        found[logger].runs.add(run)
    return found


def _above_the_mark(session: Session, row: LoggerRow, stated: Pair | None) -> Nearby:
    if row.tail_boot is None or (row.through_boot, row.through_seq) == (row.tail_boot, row.tail_last):
        return Nearby()  # nothing is missing: the newest run stands in the logger's own row
    limit = WINDOW
    runs = _lowest(session, row, limit)
    oldest = max((row.oldest_boot or 0, row.oldest_seq or 0), stated or (0, 0))
    if len(runs) == limit and oldest > runs[-1][:2]:
        limit = FARTHEST
        runs = _lowest(session, row, limit)
    return Nearby(set(runs), runs[-1][:2] if len(runs) == limit else None)


def _lowest(session: Session, row: LoggerRow, limit: int) -> list[Run]:
    boot, seq = (row.through_boot, row.through_seq) if row.through_boot is not None else (-1, -1)
    sql = (
        "SELECT boot, first, last FROM seq_range WHERE logger = ? AND boot >= ? AND (boot > ? OR last > ?) "
        "ORDER BY boot, first LIMIT ?"
    )
    return [(boot, first, last) for boot, first, last in session.rows(sql, (row.id, boot, boot, seq, limit))]


def _around(session: Session, numbers: Mapping[int, Iterable[Pair]]) -> Iterable[tuple[int, Run]]:
    """The run that holds each number or ends before it, and the next one."""
    wanted = ",".join({f"({logger:d},{boot:d},{seq:d})" for logger, some in numbers.items() for boot, seq in some})
    if not wanted:
        return []
    beside = "SELECT x.first FROM seq_range x WHERE x.logger = wanted.l AND x.boot = wanted.b AND x.first"
    join = (
        "SELECT r.logger, r.boot, r.first, r.last FROM wanted "
        "JOIN seq_range r ON r.logger = wanted.l AND r.boot = wanted.b AND r.first"
    )
    sql = (
        f"WITH wanted (l, b, s) AS (VALUES {wanted}) "
        f"{join} = ({beside} <= wanted.s ORDER BY x.first DESC LIMIT 1) "
        f"UNION {join} = ({beside} > wanted.s ORDER BY x.first LIMIT 1)"
    )
    return [(logger, (boot, first, last)) for logger, boot, first, last in session.rows(sql)]
