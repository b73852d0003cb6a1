"""Kept messages to be decoded again: those of a logger with what they mean now, and those whose sender was unknown."""

from collections.abc import Collection, Iterable, Sequence
from itertools import islice

from coldchain.domain.message import Arrival, Outcome, Receipt
from coldchain.journal.database import Row, Session, listed
from coldchain.journal.pack import messages_in
from coldchain.journal.rows import INTERPRETATION, OUTCOME_NUMBER, TIE
from coldchain.journal.segment import Segment
from coldchain.journal.tables import MESSAGE_COLUMNS, READING_COLUMNS

_MESSAGES = ",".join(MESSAGE_COLUMNS)
_READINGS = ",".join(READING_COLUMNS)
_SERIES, _EVENT = READING_COLUMNS.index("series"), READING_COLUMNS.index("event_time")
_MESSAGE = READING_COLUMNS.index("message")
_RECEIVED = MESSAGE_COLUMNS.index("received")
_CHUNK = 500
_UNREAD = listed(OUTCOME_NUMBER[outcome] for outcome in (Outcome.UNDECODED, Outcome.QUARANTINED))


def messages_of(session: Session, logger: int, between: tuple[int, int], after: int, limit: int) -> list[Row]:
    """Rows of the table `message`, hot or packed: the next `limit` of a logger behind the offset `after`.

    `between` is when they were received: from, inclusive, to, exclusive, in milliseconds.
    """
    sql = (
        f"SELECT {_MESSAGES} FROM message WHERE position > ? AND logger = ? AND received >= ? AND received < ? "  # noqa: S608
        "ORDER BY position LIMIT ?"
    )
    hot = session.rows(sql, (after, logger, *between, limit))
    packs = session.rows("SELECT id, first FROM pack WHERE logger = ? AND last > ? ORDER BY first", (logger, after))
    found: list[Row] = list(hot)
    for number, first in packs:
        if len(found) >= limit and first > sorted(row[0] for row in found)[limit - 1]:
            break
        (body,) = session.rows("SELECT body FROM pack WHERE id = ?", (number,))[0]
        found += [
            tuple(row) for row in messages_in(bytes(body))
            if row[0] > after and between[0] <= row[_RECEIVED] < between[1]
        ]  # fmt: skip
    return list(islice(sorted(found), limit))


def strays(session: Session, between: tuple[int, int], after: int, limit: int) -> list[Row]:
    """Rows of the table `message` whose sender nobody knew, and that were not taken up since, by offset."""
    sql = (
        f"SELECT {_MESSAGES} FROM message m WHERE refusals IS NOT NULL AND position > ? AND logger IS NULL "  # noqa: S608
        f"AND outcome IN {_UNREAD} AND received >= ? AND received < ? "
        "AND NOT EXISTS (SELECT 1 FROM reinterpreted r WHERE r.message = m.position) ORDER BY position LIMIT ?"
    )
    return session.rows(sql, (after, *between, limit))


def standing(session: Session, logger: int, messages: Sequence[int]) -> dict[int, list[Row]]:
    """Rows of the table `reading` that stand for these messages now, by message; by offset."""
    highest = _interpretations(session, messages)
    found: dict[int, list[Row]] = {message: [] for message in messages}
    for row in _rows_of(session, logger, messages):
        if row[INTERPRETATION] >= highest.get(row[_MESSAGE], 1):
            found[row[_MESSAGE]].append(row)
    return found


def _rows_of(session: Session, logger: int, messages: Collection[int]) -> list[Row]:
    """Rows of the table `reading`, hot or compacted, of these messages of one logger, by offset."""
    ordered = sorted(messages)
    rows: list[Row] = []
    for start in range(0, len(ordered), _CHUNK):
        some = ordered[start : start + _CHUNK]
        rows += session.rows(
            f"SELECT {_READINGS} FROM reading WHERE position > ? AND message IN {listed(some)}",  # noqa: S608  integers
            (some[0],),
        )
    behind = "SELECT body FROM segment WHERE logger = ? AND last > ?"
    for (body,) in session.rows(behind, (logger, min(ordered, default=1 << 62))):
        rows += [row for row in Segment(bytes(body)).rows() if row[_MESSAGE] in messages]
    return sorted({row[0]: row for row in rows}.values())


def _interpretations(session: Session, messages: Iterable[int]) -> dict[int, int]:
    """Message → its highest interpretation, of those that were decoded again."""
    ordered = sorted(messages)
    found: dict[int, int] = {}
    for start in range(0, len(ordered), _CHUNK):
        some = listed(ordered[start : start + _CHUNK])
        sql = f"SELECT message, max(interpretation) FROM reinterpreted WHERE message IN {some} GROUP BY message"  # noqa: S608
        found.update(dict(session.rows(sql)))
    return found


def superseded(session: Session, after: int, through: int) -> list[Row]:
    """Rows of the table `reading` that stopped to count by decisions with an offset in (after, through].

    A row in whose place (channel, moment, tie) another one of its message stands now is not among them.
    """
    sql = "SELECT message, logger, interpretation FROM reinterpreted WHERE position > ? AND position <= ?"
    by_logger: dict[int, dict[int, int]] = {}
    for message, logger, interpretation in session.rows(sql, (after, through)):
        by_logger.setdefault(logger, {})[message] = interpretation
    gone: list[Row] = []
    for logger, meant in by_logger.items():
        rows = _rows_of(session, logger, meant.keys())
        stand = {(row[_MESSAGE], *_place(row)) for row in rows if row[INTERPRETATION] >= meant[row[_MESSAGE]]}
        gone += [
            row for row in rows
            if row[INTERPRETATION] < meant[row[_MESSAGE]] and (row[_MESSAGE], *_place(row)) not in stand
        ]  # fmt: skip
    return gone


def _place(row: Row) -> tuple[int, int, int]:
    return row[_SERIES], row[_EVENT], row[TIE]


def second(arrival: Arrival) -> Arrival:
    """What a stray says now: its second interpretation, after "nobody understood it"."""
    messages = (
        message._replace(readings=tuple(reading._replace(interpretation=2) for reading in message.readings))
        for message in arrival.messages
    )
    return arrival._replace(messages=tuple(messages))


def fresh(receipts: Iterable[Receipt]) -> list[tuple[int, str]]:
    """The messages that were made of strays, by offset, with their loggers; not those that were there already."""
    return [
        (receipt.message, receipt.logger)
        for receipt in receipts
        if receipt.logger is not None and receipt.outcome is not Outcome.DUPLICATE
    ]


def senders(arrivals: Iterable[Arrival]) -> list[str]:
    """The logger by which each taken-up message is counted: the first that it speaks for."""
    return [arrival.messages[0].logger for arrival in arrivals]
