"""Readings in order of offset for a consumer that is further behind than the hot rows reach."""

from bisect import bisect_right
from operator import itemgetter

import numpy as np

from coldchain.journal.database import Row, Session
from coldchain.journal.segment import Segment
from coldchain.journal.tables import READING_COLUMNS

_READING_LIST = ",".join(READING_COLUMNS)

# Offsets that are gathered at once: every segment that has rows among them is opened once per window.
_WINDOW = 60_000


class Backlog:
    """Gathers compacted and hot rows by windows of offsets.

    What was committed at an offset never changes, wherever it is kept, so a gathered window stays right for good.
    """

    def __init__(self) -> None:
        self._window: tuple[int, int, list[Row]] = (0, 0, [])

    def rows(self, session: Session, after: int, limit: int, hot_from: int) -> list[Row]:
        """Up to `limit` rows with `after` < offset < `hot_from`, the first ones; none only if there are none."""
        while after < hot_from - 1:
            low, high, rows = self._window
            if not low <= after < high:
                low, high = after, min(after + _WINDOW, hot_from - 1)
                rows = _gather(session, low, high)
                self._window = (low, high, rows)
            start = bisect_right(rows, after, key=itemgetter(0))
            if start < len(rows):
                return rows[start : start + limit]
            after = high
        return []


def _gather(session: Session, low: int, high: int) -> list[Row]:
    """All rows with `low` < offset ≤ `high`."""
    sql = f"SELECT {_READING_LIST} FROM reading WHERE position > ? AND position <= ?"  # noqa: S608  our names
    rows = session.rows(sql, (low, high))
    for (body,) in session.rows("SELECT body FROM segment WHERE last > ? AND first <= ?", (low, high)):
        segment = Segment(bytes(body))
        positions = segment.column("position")
        assert positions is not None
        chosen = np.flatnonzero((positions > low) & (positions <= high))
        if len(chosen):
            rows += segment.rows(chosen)
    return sorted(rows)
