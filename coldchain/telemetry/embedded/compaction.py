"""Compaction: rows of closed days become one segment per logger and day, original messages one pack beside it.

Each slice is prepared from a reading transaction and then swapped in by a short writing one, which changes nothing
unless everything is still as it was read. So a crash leaves either the rows or the segment, never both or none, and
two compactions at once cannot spoil each other's work.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from coldchain.journal.database import Row, Session, listed, tabled
from coldchain.journal.latest import promote
from coldchain.journal.lookup import meta, set_meta
from coldchain.journal.pack import index_packs, pack_messages
from coldchain.journal.segment import DAY_MS, Segment, pack_rows
from coldchain.journal.store import READING_LIST, StoredJournal
from coldchain.journal.tables import MESSAGE_COLUMNS

# A day stays open for stragglers this long after its end.
SETTLE_MS = 3_600_000

# More hot rows than this slow every look-up down: then the running day is compacted too, up to this age.
HOT_LIMIT = 150_000
_HOT_MS = 2 * 3_600_000

# Messages that are held in memory to be packed together.
_WINDOW = 100_000

_MESSAGE_LIST = ",".join(MESSAGE_COLUMNS)

Day = tuple[int, int]  # (logger, day)


class Compacted(NamedTuple):
    """What one compaction moved."""

    readings: int
    segments: int
    messages: int


class Sizes(NamedTuple):
    """Rows and bytes of the embedded store; bytes are those of the bodies, without the database's own pages."""

    hot_readings: int
    hot_messages: int
    segment_readings: int
    segments: int
    segment_bytes: int
    packs: int
    pack_bytes: int


def compact(  # slices are counted in rows: a slice is what one write lock covers
    journal: StoredJournal,
    engine_passed_offset: int,
    now_ms: int,
    *,
    slice_rows: int = 10_000,
    hot_limit: int = HOT_LIMIT,
) -> Compacted:
    """Move what lies in closed days, and has been seen by the engine, into segments and packs; do it all, or resume.

    Args:
        journal: where the rows are.
        engine_passed_offset: nothing after this offset is touched.
        now_ms: the time of day; a day is closed one hour after its end (UTC).
        slice_rows: readings per writing transaction, roughly.
        hot_limit: with more hot rows than this, the running day is compacted up to two hours ago as well.

    Raises:
        TransientError: the journal could not be written; what was compacted before stays so.
    """
    closed_ms = (now_ms - SETTLE_MS) // DAY_MS * DAY_MS
    with journal.database.read() as session:
        (hot,) = session.rows("SELECT count(*) FROM reading")[0]
        before_ms, days = closed_ms, _days_before(session, closed_ms)
        if hot > hot_limit:
            running = _days_before(session, now_ms - _HOT_MS)
            # Each time rewrites the segments of the running day, so only when there is something to gain.
            if sum(count for _, count in running) > hot_limit // 3:
                before_ms, days = max(closed_ms, now_ms - _HOT_MS), running
    moved = segments = 0
    for some in _slices(days, slice_rows):
        readings, made = _compact_days(journal, some, before_ms, engine_passed_offset)
        moved, segments = moved + readings, segments + made
    return Compacted(moved, segments, _pack_originals(journal, closed_ms, engine_passed_offset))


def sizes(journal: StoredJournal) -> Sizes:
    """How much the store holds, hot and compacted."""
    with journal.database.read() as session:
        (hot,) = session.rows("SELECT count(*) FROM reading")[0]
        (messages,) = session.rows("SELECT count(*) FROM message")[0]
        count = "SELECT coalesce(sum(rows), 0), count(*), coalesce(sum(length(body)), 0) FROM segment"
        rows, segments, size = session.rows(count)[0]
        count = "SELECT count(*), coalesce(sum(length(body) + length(slots)), 0) FROM pack"
        packs, pack_size = session.rows(count)[0]
    return Sizes(hot, messages, int(rows), segments, int(size), packs, int(pack_size))


# --- readings -------------------------------------------------------------------------------------------------------


def _days_before(session: Session, before_ms: int) -> list[tuple[Day, int]]:
    """The logger-days that have hot rows before this time, by day, with their number of rows."""
    sql = (
        f"SELECT s.logger, r.event_time / {DAY_MS} AS d, count(*) FROM reading r "  # noqa: S608  an integer
        "JOIN series s ON s.id = r.series WHERE r.event_time < ? GROUP BY s.logger, d ORDER BY d, s.logger"
    )
    return [((logger, day), count) for logger, day, count in session.rows(sql, (before_ms,))]


def _slices(days: Sequence[tuple[Day, int]], rows: int) -> Iterator[list[Day]]:
    """Logger-days of one day, until they have about so many rows."""
    some: list[Day] = []
    held = 0
    for day, count in days:
        if some and (held + count > rows or day[1] != some[0][1]):
            yield some
            some, held = [], 0
        some.append(day)
        held += count
    if some:
        yield some


def _compact_days(journal: StoredJournal, days: list[Day], before_ms: int, passed: int) -> tuple[int, int]:
    """Turn the hot rows of these logger-days into segments; their numbers, or zeros if somebody else was faster."""
    with journal.database.read() as session:
        rows = _rows_of(session, days, before_ms, passed)
        kept = _segments_of(session, rows)
    bodies = {day: _merged(some, kept.get(day)) for day, some in rows.items()}
    positions = [row[0] for some in rows.values() for row in some]
    if not positions:
        return 0, 0
    with journal.database.write() as session:
        if not _unchanged(session, positions, {day: kept[day][:3] if day in kept else None for day in rows}):
            return 0, 0
        promote(session, before_ms)  # while the rows can still be found by position
        _swap(session, bodies, positions)
        set_meta(session, "compacted_day", max(meta(session, "compacted_day"), *(day for _, day in bodies)))
        set_meta(session, "hot_from", max(meta(session, "hot_from"), max(positions) + 1))
    return len(positions), len(bodies)


def _rows_of(session: Session, days: list[Day], before_ms: int, passed: int) -> dict[Day, list[Row]]:
    day = days[0][1]
    loggers = listed({logger for logger, _ in days})
    owned = f"SELECT id, logger FROM series WHERE logger IN {loggers}"  # noqa: S608  only integers
    owners: dict[int, int] = dict(session.rows(owned))
    sql = (
        f"SELECT {READING_LIST} FROM reading WHERE event_time >= ? AND event_time < ? AND position <= ? "  # noqa: S608
        f"AND series IN {listed(owners)}"
    )
    rows: dict[Day, list[Row]] = defaultdict(list)
    for row in session.rows(sql, (day * DAY_MS, min((day + 1) * DAY_MS, before_ms), passed)):
        rows[owners[row[1]], day].append(row)
    return rows


def _segments_of(session: Session, days: dict[Day, list[Row]]) -> dict[Day, Row]:
    """The segments that these days have already: (id, rows, last, body)."""
    if not days:
        return {}
    sql = (
        f"WITH wanted (l, d) AS (VALUES {tabled(days)}) SELECT g.logger, g.day, g.id, g.rows, g.last, g.body "  # noqa: S608
        "FROM wanted JOIN segment g ON g.logger = wanted.l AND g.day = wanted.d"
    )
    return {(logger, day): tuple(rest) for logger, day, *rest in session.rows(sql)}


def _merged(rows: list[Row], kept: Row | None) -> tuple[int, int, int, bytes]:
    """First and last offset, number of rows and body of a day's segment."""
    everything = rows + (Segment(bytes(kept[3])).rows() if kept else [])
    positions = [row[0] for row in everything]
    return min(positions), max(positions), len(everything), pack_rows(everything)


def _unchanged(session: Session, positions: list[int], kept: dict[Day, Row | None]) -> bool:
    """Whether all these rows are still hot and the segments of their days are those that were read."""
    (still,) = session.rows(f"SELECT count(*) FROM reading WHERE position IN {listed(positions)}")[0]  # noqa: S608
    sql = (
        f"WITH wanted (l, d) AS (VALUES {tabled(kept)}) SELECT g.logger, g.day, g.id, g.rows, g.last "  # noqa: S608
        "FROM wanted JOIN segment g ON g.logger = wanted.l AND g.day = wanted.d"
    )
    now = {(logger, day): tuple(rest) for logger, day, *rest in session.rows(sql)}
    return still == len(positions) and all(now.get(day) == was for day, was in kept.items())


def _swap(session: Session, bodies: dict[Day, tuple[int, int, int, bytes]], positions: list[int]) -> None:
    moved = listed(positions)
    newest = f"SELECT id FROM series WHERE latest_position IN {moved}"  # noqa: S608  only integers
    session.run(f"DELETE FROM pinned WHERE series IN ({newest})")  # noqa: S608
    session.run(
        f"INSERT INTO pinned SELECT r.* FROM reading r JOIN series s ON s.latest_position = r.position "  # noqa: S608
        f"WHERE r.position IN {moved}"
    )
    session.run(f"DELETE FROM reading WHERE position IN {moved}")  # noqa: S608
    session.many(
        "INSERT INTO segment (logger, day, first, last, rows, body) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (logger, day) DO UPDATE SET first = excluded.first, last = excluded.last, "
        "rows = excluded.rows, body = excluded.body",
        [(*day, *body) for day, body in bodies.items()],
    )


# --- original messages ----------------------------------------------------------------------------------------------


def _pack_originals(journal: StoredJournal, closed_ms: int, passed: int) -> int:
    """Pack the messages of closed days, once for each day that closes; what was refused stays within easy reach."""
    with journal.database.read() as session:
        if meta(session, "packed_day") >= closed_ms // DAY_MS:
            return 0
    packed = after = 0
    while True:
        with journal.database.read() as session:
            sql = (
                f"SELECT {_MESSAGE_LIST} FROM message WHERE position > ? AND position <= ? AND received < ? "  # noqa: S608
                f"AND refusals IS NULL ORDER BY position LIMIT {_WINDOW}"
            )
            rows = session.rows(sql, (after, passed, closed_ms))
        packed += _pack_window(journal, rows)
        if len(rows) < _WINDOW:
            break
        after = rows[-1][0]
    with journal.database.write() as session:
        set_meta(session, "packed_day", closed_ms // DAY_MS)
    return packed


def _pack_window(journal: StoredJournal, rows: list[Row]) -> int:
    days: dict[Day, list[Row]] = defaultdict(list)
    for row in rows:
        days[row[1], row[6] // DAY_MS].append(row)
    packs = [
        ((*day, some[0][0], some[-1][0], *pack_messages(some)), [row[0] for row in some]) for day, some in days.items()
    ]
    packed = 0
    for start in range(0, len(packs), 32):
        some = packs[start : start + 32]
        positions = [position for _, part in some for position in part]
        with journal.database.write() as session:
            (still,) = session.rows(f"SELECT count(*) FROM message WHERE position IN {listed(positions)}")[0]  # noqa: S608
            if still != len(positions):
                continue  # another compaction was faster
            session.run(f"DELETE FROM message WHERE position IN {listed(positions)}")  # noqa: S608
            sql = "INSERT INTO pack (logger, day, first, last, slots, body) VALUES (?, ?, ?, ?, ?, ?)"
            session.many(sql, [pack for pack, _ in some])
            index_packs(session, [(logger, day, slots) for (logger, day, _, _, slots, _), _ in some])
        packed += len(positions)
    return packed
