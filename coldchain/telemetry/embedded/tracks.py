"""The quick way to a track: straight from the columns of hot rows and segments, without an object per reading."""

from dataclasses import dataclass

import numpy as np

from coldchain.domain.track import ABSENT, Column, Track
from coldchain.journal.database import Session
from coldchain.journal.segment import Segment, day_of

_NAMES = (
    "event_time", "temperature_mc", "humidity_mpct", "latitude_e7", "longitude_e7", "position", "record_time", "fault",
)  # fmt: skip
_FAULT = len(_NAMES) - 1


@dataclass
class Pieces:
    """Columns of one series, by event time where each moment is there only once."""

    columns: list[Column]

    @classmethod
    def read(cls, session: Session, series: int, start_ms: int, end_ms: int, through: int) -> "Pieces":
        """The rows of `series` in the interval with offset ≤ `through`."""
        sql = (
            "SELECT body FROM segment WHERE logger = (SELECT logger FROM series WHERE id = ?) "
            "AND day >= ? AND day <= ? ORDER BY day"
        )
        bodies = session.rows(sql, (series, day_of(start_ms), day_of(end_ms - 1)))
        parts = [_part(Segment(bytes(body)), series, start_ms, end_ms, through) for (body,) in bodies]
        parts.append(_hot(session, series, start_ms, end_ms, through))
        columns = [np.concatenate(stripe) for stripe in zip(*parts, strict=True)]
        times = columns[0]
        if len(times) > 1 and (times[1:] < times[:-1]).any():
            order = np.argsort(times, kind="stable")
            columns = [column[order] for column in columns]
        return cls(columns)

    @property
    def plain(self) -> bool:
        """Whether no two rows share a moment, so that there is nothing to order among them."""
        times = self.columns[0]
        return bool((times[1:] != times[:-1]).all())

    def track(self, logger: str, channel: str) -> Track:
        """The rows as a track; a value with a fault is no value."""
        times, temperature, humidity, latitude, longitude, position, record, fault = self.columns
        faulty = fault != ABSENT
        if faulty.any():
            temperature = np.where(faulty, ABSENT, temperature)
            humidity = np.where(faulty, ABSENT, humidity)
        return Track(logger, channel, times, temperature, humidity, latitude, longitude, position, record)


def _part(segment: Segment, series: int, start_ms: int, end_ms: int, through: int) -> list[Column]:
    numbers, times = segment.column("series"), segment.column("event_time")
    assert numbers is not None
    assert times is not None
    # A segment is sorted by series, then by time: the rows sought are one slice of it.
    first, last = np.searchsorted(numbers, (series, series + 1)) if numbers[0] != numbers[-1] else (0, len(numbers))
    if numbers[first if first < len(numbers) else -1] != series:
        last = first
    low, high = first + np.searchsorted(times[first:last], (start_ms, end_ms))
    columns = [_column(segment, name, times)[low:high] for name in _NAMES]
    if len(columns[5]) and columns[5].max() > through:
        known = columns[5] <= through
        columns = [column[known] for column in columns]
    return columns


def _column(segment: Segment, name: str, times: Column) -> Column:
    if name == "event_time":
        return times
    found = segment.column(name)
    return np.full(segment.count, ABSENT, dtype=np.int64) if found is None else found


def _hot(session: Session, series: int, start_ms: int, end_ms: int, through: int) -> list[Column]:
    sql = (
        f"SELECT {','.join(_NAMES)} FROM reading WHERE event_time >= ? AND event_time < ? AND series = ? "  # noqa: S608
        "AND position <= ?"
    )
    rows = session.rows(sql, (start_ms, end_ms, series, through))
    if not rows:
        return [np.empty(0, dtype=np.int64) for _ in _NAMES]
    filled = [[ABSENT if value is None else value for value in stripe] for stripe in zip(*rows, strict=True)]
    return [np.array(stripe, dtype=np.int64) for stripe in filled]
