"""Readings by logger and time, from hot rows and segments together; the same whatever was compacted, and when."""

from collections.abc import Iterator

import numpy as np

from coldchain.domain.reading import Reading, flag_bits
from coldchain.domain.track import Column, Track
from coldchain.journal.database import Row, Session, listed
from coldchain.journal.segment import Segment, day_of
from coldchain.journal.store import READING_LIST, StoredJournal
from coldchain.telemetry.embedded.currency import current, superseded
from coldchain.telemetry.embedded.tracks import Pieces

_TIE = flag_bits("tie")
_FOREVER = 1 << 62


class EmbeddedTelemetry:
    """Answers from the journal's tables; implements `History`."""

    def __init__(self, journal: StoredJournal) -> None:
        self._journal = journal

    def channels(self, logger: str) -> tuple[str, ...]:
        """The channels that this logger ever reported, sorted."""
        with self._journal.database.read() as session:
            return tuple(sorted(_series(session, logger)))

    def track(self, logger: str, channel: str, start_ms: int, end_ms: int) -> Track:
        """One channel as columns, in order of event time."""
        return self.track_through(logger, channel, start_ms, end_ms, _FOREVER)

    def track_through(self, logger: str, channel: str, start_ms: int, end_ms: int, through: int) -> Track:
        """As `track`, from readings with offset ≤ `through` only, by the interpretation that was current then."""
        with self._journal.database.read() as session:
            series = _series(session, logger).get(channel)
            if series is None:
                return Track.of(logger, channel, [])
            if not superseded(session, logger):
                pieces = Pieces.read(session, series, start_ms, end_ms, through)
                if pieces.plain:
                    return pieces.track(logger, channel)
            rows = _rows(session, {series: channel}, start_ms, end_ms)
            readings = self._journal.readings_of(session, [row for row in rows if row[0] <= through])
            chosen = current(session, logger, readings, through)
        # Ties are ordered by the earliest message of each value; the columns of a track do not show which it was.
        return Track.of(logger, channel, [reading._replace(boot=boot, seq=seq) for (boot, seq), reading in chosen])

    def readings(self, logger: str, start_ms: int, end_ms: int, channel: str | None = None) -> Iterator[Reading]:
        """One logger's readings ordered by (event time, channel, boot, seq, value), streamed day by day."""
        with self._journal.database.read() as session:
            series = {
                number: name for name, number in _series(session, logger).items() if channel is None or name == channel
            }
            hot = _hot(session, series, start_ms, end_ms)
            days = _segment_days(session, series, start_ms, end_ms)
        by_day: dict[int, list[Row]] = {day: [] for day in days}
        for row in hot:
            by_day.setdefault(day_of(row[2]), []).append(row)
        for day in sorted(by_day):
            with self._journal.database.read() as session:
                # A row that was hot above may have been compacted since: the offset says that it is the same one.
                rows = {row[0]: row for row in by_day[day]}
                rows |= {row[0]: row for row in _compacted(session, series, day, start_ms, end_ms)}
                found = self._journal.readings_of(session, list(rows.values()))
                chosen = current(session, logger, found, _FOREVER)
            yield from _marked([reading for _, reading in chosen])

    def latest(self) -> dict[tuple[str, str], Reading]:
        """The newest reading of every (logger, channel) that is not flagged `future`."""
        with self._journal.database.read() as session:
            rows: list[Row] = []
            for table in ("reading", "pinned"):
                columns = ",".join(f"r.{name}" for name in READING_LIST.split(","))
                rows += session.rows(
                    f"SELECT {columns} FROM series s JOIN {table} r ON r.position = s.latest_position"  # noqa: S608
                )
            found = self._journal.readings_of(session, rows)
        return {(reading.logger, reading.channel): reading for reading in found}


def _series(session: Session, logger: str) -> dict[str, int]:
    sql = "SELECT s.channel, s.id FROM series s JOIN logger l ON l.id = s.logger WHERE l.name = ?"
    return dict(session.rows(sql, (logger,)))


def _rows(session: Session, series: dict[int, str], start_ms: int, end_ms: int) -> list[Row]:
    rows = _hot(session, series, start_ms, end_ms)
    for day in _segment_days(session, series, start_ms, end_ms):
        rows += _compacted(session, series, day, start_ms, end_ms)
    return rows


def _hot(session: Session, series: dict[int, str], start_ms: int, end_ms: int) -> list[Row]:
    sql = (
        f"SELECT {READING_LIST} FROM reading WHERE event_time >= ? AND event_time < ? "  # noqa: S608  integers
        f"AND series IN {listed(series)}"
    )
    return session.rows(sql, (start_ms, end_ms)) if series else []


def _segment_days(session: Session, series: dict[int, str], start_ms: int, end_ms: int) -> list[int]:
    if not series:
        return []
    sql = (
        "SELECT g.day FROM segment g WHERE g.logger = (SELECT logger FROM series WHERE id = ?) "
        "AND g.day >= ? AND g.day <= ? ORDER BY g.day"
    )
    return [day for (day,) in session.rows(sql, (min(series), day_of(start_ms), day_of(end_ms - 1)))]


def _compacted(session: Session, series: dict[int, str], day: int, start_ms: int, end_ms: int) -> list[Row]:
    sql = "SELECT body FROM segment WHERE logger = (SELECT logger FROM series WHERE id = ?) AND day = ?"
    rows: list[Row] = []
    for (body,) in session.rows(sql, (min(series), day)):
        segment = Segment(bytes(body))
        rows += segment.rows(_chosen(segment, series, start_ms, end_ms))
    return rows


def _chosen(segment: Segment, series: dict[int, str], start_ms: int, end_ms: int) -> Column:
    times, numbers = segment.column("event_time"), segment.column("series")
    assert times is not None
    assert numbers is not None
    inside = (times >= start_ms) & (times < end_ms) & np.isin(numbers, list(series))
    return np.flatnonzero(inside)


def _marked(readings: list[Reading]) -> Iterator[Reading]:
    """Every reading that shares its moment and channel with another is a tie, the first one too."""
    for place, reading in enumerate(readings):
        near = readings[max(0, place - 1) : place + 2]
        alone = sum(other[1:3] == reading[1:3] for other in near) == 1
        yield reading if alone or reading.flags & _TIE else reading._replace(flags=reading.flags | _TIE)
