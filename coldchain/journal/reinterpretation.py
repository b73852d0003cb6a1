"""Decoding kept messages again: a higher interpretation beside the old rows, which stay and are superseded."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from coldchain.domain.message import Arrival, Decoded
from coldchain.domain.reading import Reading
from coldchain.journal import latest
from coldchain.journal.database import Row, Session, listed
from coldchain.journal.port import StoredMessage
from coldchain.journal.segment import Segment
from coldchain.journal.tables import READING_COLUMNS

_READING_LIST = ",".join(READING_COLUMNS)
_NOWHERE = -(1 << 40)
_AT = {name: place for place, name in enumerate(READING_COLUMNS)}


def applied(session: Session, decision: str) -> bool:
    """Whether this decision was carried out before."""
    return bool(session.rows("SELECT 1 FROM reinterpreted WHERE decision = ? LIMIT 1", (decision,)))


def decided_since(session: Session, messages: Iterable[int], seen: int | None) -> set[int]:
    """Those of these messages that another decision was applied to behind the offset `seen`."""
    wanted = list(messages)
    if seen is None or not wanted:
        return set()
    sql = f"SELECT message FROM reinterpreted WHERE message IN {listed(wanted)} AND position > ?"  # noqa: S608  integers
    return {message for (message,) in session.rows(sql, (seen,))}


def next_interpretations(session: Session, messages: Iterable[int]) -> dict[int, int]:
    """The interpretation that each of these messages gets next."""
    wanted = list(messages)
    sql = f"SELECT message, max(interpretation) FROM reinterpreted WHERE message IN {listed(wanted)} GROUP BY message"  # noqa: S608
    return dict.fromkeys(wanted, 2) | {message: highest + 1 for message, highest in session.rows(sql)}


def again(kept: StoredMessage, readings: Sequence[Reading], interpretation: int) -> Arrival:
    """A kept message with the readings that it is now taken to mean; they inherit its number."""
    meant = tuple(r._replace(interpretation=interpretation) for r in readings)
    boot, seq = _number(kept.key)
    if boot is not None:
        meant = tuple(r._replace(boot=boot, seq=seq) for r in meant)
    decoded = Decoded(kept.logger or "", "", b"", kept.adapter or "", meant)
    return Arrival(kept.envelope, (decoded,))


def _number(key: str) -> tuple[int | None, int | None]:
    boot, _, seq = key.partition(":")
    return (int(boot), int(seq)) if boot.isdecimal() and seq.isdecimal() else (None, None)


def refresh_latest(session: Session, loggers: set[int]) -> None:
    """Point every series of these loggers to its newest reading that is neither superseded nor in the future."""
    highest: dict[int, int] = dict(
        session.rows(
            "SELECT message, max(interpretation) FROM reinterpreted "  # noqa: S608  only integers
            f"WHERE logger IN {listed(loggers)} GROUP BY message"
        )
    )
    waiting = latest.withdraw(session, loggers)
    for series, logger in session.rows(f"SELECT id, logger FROM series WHERE logger IN {listed(loggers)}"):  # noqa: S608
        newest = _newest(session, series, logger, Current(highest, waiting))
        session.run("DELETE FROM pinned WHERE series = ?", (series,))
        values: Sequence[object] = (None, None, None, None, None)
        if newest is not None:
            values = (*_order(newest)[:4], newest[0])
            if not session.rows("SELECT 1 FROM reading WHERE position = ?", (newest[0],)):
                session.insert("pinned", [newest])
        session.run(
            "UPDATE series SET latest_time=?, latest_boot=?, latest_seq=?, latest_value=?, latest_position=? "
            "WHERE id=?",
            (*values, series),
        )


class Current(NamedTuple):
    """What tells whether a row counts: the highest interpretation of messages, and the rows whose time has to come."""

    highest: Mapping[int, int]
    waiting: set[int]


def _newest(session: Session, series: int, logger: int, current: Current) -> Row | None:
    """The newest current row of a series: among the hot ones and day by day backwards, as far as it may be there."""
    hot = session.rows(f"SELECT {_READING_LIST} FROM reading WHERE series = ?", (series,))  # noqa: S608  our names
    found = _best(hot, series, current)
    days = session.rows("SELECT day FROM segment WHERE logger = ? ORDER BY day DESC", (logger,))
    for (day,) in days:
        (body,) = session.rows("SELECT body FROM segment WHERE logger = ? AND day = ?", (logger, day))[0]
        rows = Segment(bytes(body)).rows()
        best = _best(rows + ([found] if found else []), series, current)
        if best is not None and best is not found:
            return best
        if found is not None and rows and min(row[_AT["event_time"]] for row in rows) < found[_AT["event_time"]]:
            return found
    return found


def _best(rows: Sequence[Row], series: int, counts: Current) -> Row | None:
    current = [
        row
        for row in rows
        if row[_AT["series"]] == series
        and row[0] not in counts.waiting
        and row[_AT["interpretation"]] >= counts.highest.get(row[_AT["message"]], 0)
    ]
    levels: dict[int, int] = {}
    for row in current:
        time = row[_AT["event_time"]]
        levels[time] = max(levels.get(time, 0), row[_AT["interpretation"]])
    current = [row for row in current if row[_AT["interpretation"]] == levels[row[_AT["event_time"]]]]
    return max(current, key=_order, default=None)


def _order(row: Row) -> tuple[int, int, int, int, int]:
    value = row[_AT["temperature_mc"]]
    return (
        row[_AT["event_time"]], row[_AT["boot"]] or 0, row[_AT["seq"]] or 0, _NOWHERE if value is None else value,
        row[0],
    )  # fmt: skip
