"""What a batch has to know before it can be decided, looked up in sets inside the committing transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from coldchain.domain.message import Arrival
from coldchain.journal.database import Row, Session, listed, marks, tabled
from coldchain.journal.decisions import Known
from coldchain.journal.keys import Item, KnownMessage, bare_item, item_of
from coldchain.journal.pack import packed_messages
from coldchain.journal.runs import Nearby, Run, nearby
from coldchain.journal.segment import Segment, day_of
from coldchain.journal.state import LOGGER_COLUMNS, LoggerRow, logger_values
from coldchain.journal.tables import MESSAGE_COLUMNS, READING_COLUMNS
from coldchain.journal.words import Context, Words

_CHUNK = 500
_CACHE_LIMIT = 50_000
_SERIES_LIMIT = 200_000
_READING = ",".join(f"r.{name}" for name in READING_COLUMNS)


@dataclass
class Batch:
    """The messages of one commit, with what is known about them."""

    items: list[Item]
    rows: dict[str, LoggerRow]
    fresh: set[int]  # loggers that this commit hears for the first time
    runs: dict[int, set[Run]]  # rows of the table `seq_range` that the loggers in `known.held` were given
    known: Known


def loggers_named(session: Session, names: Sequence[str]) -> dict[str, LoggerRow]:
    """The rows of the loggers with these names, as far as they exist."""
    found: dict[str, LoggerRow] = {}
    columns = ",".join(LOGGER_COLUMNS)
    for start in range(0, len(names), _CHUNK):
        some = names[start : start + _CHUNK]
        query = f"SELECT {columns} FROM logger WHERE name IN ({marks(len(some))})"  # noqa: S608  only placeholders
        found.update((row[1], LoggerRow(*row)) for row in session.rows(query, some))
    return found


class Finder:
    """Looks up batches.

    It remembers numbers that were committed and never change, and the rows of loggers as it last wrote them. Every
    commit that changes such a row moves the head; so inside a transaction that finds the head where this process left
    it, the remembered rows are what the table holds, and otherwise they are read again.
    """

    def __init__(self, words: Words) -> None:
        self._words = words
        self._series: dict[tuple[int, str], int] = {}
        self._fresh_series: list[tuple[int, str]] = []
        self._loggers: dict[str, LoggerRow] = {}
        self._head = -1
        self._heard: dict[str, LoggerRow] = {}

    def prepare(self, session: Session, arrivals: Sequence[Arrival], head: int) -> Batch:
        """Everything that deciding `arrivals` takes; new loggers, series and words are made on the way."""
        if head != self._head:
            self._loggers.clear()  # somebody else wrote since: what we remember may be old
        rows, fresh = self._rows(session, arrivals)
        items = list(_items(arrivals, rows))
        numbers = self._words.learn(session, _unknown_words(items, self._words.numbers))
        series = self._series_of(session, items)
        rough = _rough(items)
        near = _nearby(session, rows, items, rough) if rough else {}
        by_id = {row.id: row for row in rows.values()}
        held = {logger: by_id[logger].committed(some.runs, some.horizon) for logger, some in near.items()}
        maybe = [
            item for item in items
            if not item.numbered or (item.row and item.row.id in held and _number(item) in held[item.row.id])
        ]  # fmt: skip
        messages = _messages(session, maybe)
        readings = _readings(session, items, series)
        known = Known(head, numbers, series, readings, messages, held)
        return Batch(items, rows, fresh, {logger: some.runs for logger, some in near.items()}, known)

    def _rows(self, session: Session, arrivals: Sequence[Arrival]) -> tuple[dict[str, LoggerRow], set[int]]:
        heard: dict[str, int] = {}
        for arrival in arrivals:
            for decoded in arrival.messages:
                if decoded.logger not in heard:
                    heard[decoded.logger] = arrival.envelope.received_at_ms
        rows = {name: self._loggers[name] for name in heard if name in self._loggers}
        if len(rows) < len(heard):
            rows |= loggers_named(session, [name for name in heard if name not in rows])
        fresh = [name for name in heard if name not in rows]
        if fresh:
            following = (session.rows("SELECT max(id) FROM logger")[0][0] or 0) + 1
            made = {
                name: LoggerRow(number, name, heard[name], heard[name]) for number, name in enumerate(fresh, following)
            }
            session.insert("logger", [logger_values(row) for row in made.values()])
            rows |= made
        self._heard = rows
        return rows, {rows[name].id for name in fresh}

    def settled(self, head: int) -> None:
        """The transaction was committed, and the journal now ends at `head`."""
        self._words.settled()
        self._fresh_series.clear()
        # Hostile names of loggers and channels must not grow the process without bound.
        if len(self._series) > _SERIES_LIMIT:
            self._series.clear()
        if len(self._loggers) > _CACHE_LIMIT:
            self._loggers.clear()
        self._loggers |= self._heard
        self._heard, self._head = {}, head

    def forget(self) -> None:
        """The transaction was rolled back."""
        self._words.forget()
        self._loggers.clear()
        self._heard = {}
        for key in self._fresh_series:
            self._series.pop(key, None)
        self._fresh_series.clear()

    def _series_of(self, session: Session, items: list[Item]) -> dict[tuple[int, str], int]:
        wanted = {
            (item.row.id, reading.channel)
            for item in items
            if item.decoded and item.row
            for reading in item.decoded.readings
        }
        missing = wanted - self._series.keys()
        if missing:
            loggers = listed({logger for logger, _ in missing})
            query = f"SELECT logger, channel, id FROM series WHERE logger IN {loggers}"  # noqa: S608  only integers
            found = {(logger, channel): number for logger, channel, number in session.rows(query)}
            following = (session.rows("SELECT max(id) FROM series")[0][0] or 0) + 1
            new = sorted(missing - found.keys())
            made = {key: following + place for place, key in enumerate(new)}
            session.insert("series", [(made[key], *key, None, None, None, None, None) for key in new])
            self._fresh_series += new
            self._series |= {key: number for key, number in found.items() if key in missing} | made
        return self._series


def _items(arrivals: Sequence[Arrival], rows: dict[str, LoggerRow]) -> Iterable[Item]:
    for arrival in arrivals:
        for decoded in arrival.messages:
            yield item_of(arrival.envelope, decoded, rows[decoded.logger])
        if not arrival.messages:
            yield bare_item(arrival.envelope, arrival.refusal, undecoded=arrival.undecoded, idle=arrival.idle)


def _unknown_words(items: list[Item], known: Mapping[str | Context, int]) -> set[str | Context]:
    unknown: set[str | Context] = set()
    for item in items:
        if item.context not in known:
            unknown.add(item.context)
        if item.decoded is not None:
            for reading in item.decoded.readings:
                for word in (reading[4], reading[19], reading[20], reading[21]):
                    if word is not None and word not in known:
                        unknown.add(word)
    return unknown


def _rough(items: list[Item]) -> set[int]:
    """The loggers whose numbers do more than continue: new ones, repeats, jumps, restarts, passed holes."""
    rough: set[int] = set()
    ahead: dict[int, int] = defaultdict(int)
    for item in items:
        if not item.numbered or item.row is None or item.row.id in rough:
            continue
        row = item.row
        boot, seq = _number(item)
        oldest = item.decoded.oldest if item.decoded else None
        if row.follows(boot, seq - ahead[row.id], oldest):
            ahead[row.id] += 1
        else:
            rough.add(row.id)
    return rough


def _nearby(session: Session, rows: dict[str, LoggerRow], items: list[Item], rough: set[int]) -> dict[int, Nearby]:
    numbers: dict[int, set[tuple[int, int]]] = defaultdict(set)
    oldest: dict[int, tuple[int, int]] = {}
    for item in items:
        if item.numbered and item.row is not None and item.row.id in rough and item.decoded is not None:
            numbers[item.row.id].add(_number(item))
            if item.decoded.oldest is not None:
                oldest[item.row.id] = max(item.decoded.oldest, oldest.get(item.row.id, (0, 0)))
    return nearby(session, [row for row in rows.values() if row.id in rough], numbers, oldest)


def _number(item: Item) -> tuple[int, int]:
    decoded = item.decoded
    assert decoded is not None
    assert decoded.boot is not None
    assert decoded.seq is not None
    return decoded.boot, decoded.seq


def _messages(session: Session, items: list[Item]) -> dict[int, list[KnownMessage]]:
    found: dict[int, list[KnownMessage]] = defaultdict(list)
    if not items:
        return found
    slots = {item.slot for item in items}
    columns = ",".join(MESSAGE_COLUMNS)
    query = f"SELECT {columns} FROM message WHERE slot IN {listed(slots)} ORDER BY position"  # noqa: S608  integers
    for row in session.rows(query):
        found[row[2]].append(known_message(row))
    for row in packed_messages(session, _sought_in_packs(items, found)):
        found[row[2]].append(known_message(row))
    return found


def _sought_in_packs(items: list[Item], found: dict[int, list[KnownMessage]]) -> dict[int, set[int]]:
    """The slots to seek among packed messages, by logger: what cannot be too old to count, and was not found."""
    sought: dict[int, set[int]] = defaultdict(set)
    for item in items:
        if item.row is not None and item.slot not in found and (item.envelope.dup or not item.by_content):
            sought[item.row.id].add(item.slot)
    return sought


def known_message(row: Sequence[Any]) -> KnownMessage:
    """A row of the table `message`, as far as it takes to recognise it."""
    position, logger, _, key, boot, seq, received, _, _, _, _, sha256, payload = row
    return KnownMessage(logger, f"{boot}:{seq}" if key is None else key, position, received, bytes(payload), sha256)


def _readings(
    session: Session, items: list[Item], series: dict[tuple[int, str], int]
) -> dict[tuple[int, int], list[Row]]:
    """The stored rows of every (event time, series) in the batch, hot or compacted."""
    wanted = {
        (reading.event_time_ms, series[item.row.id, reading.channel]): item.row.id
        for item in items
        if item.decoded and item.row
        for reading in item.decoded.readings
        if item.row.newest_event is not None and reading[2] <= item.row.newest_event  # else it cannot be there
    }
    found: dict[tuple[int, int], list[Row]] = {}
    if not wanted:
        return found
    query = (
        f"WITH wanted (t, s) AS (VALUES {tabled(wanted)}) SELECT {_READING} "  # noqa: S608  only integers
        "FROM wanted JOIN reading r ON r.event_time = wanted.t AND r.series = wanted.s"
    )
    compacted = _compacted(session, wanted)
    for row in sorted([*session.rows(query), *compacted], key=itemgetter(0)):
        found.setdefault((row[2], row[1]), []).append(row)
    return found


def _compacted(session: Session, wanted: dict[tuple[int, int], int]) -> list[Row]:
    """The wanted rows that stand in segments."""
    last_day = meta(session, "compacted_day")
    keys: dict[tuple[int, int], set[tuple[int, int]]] = defaultdict(set)
    for (time, series), logger in wanted.items():
        if day_of(time) <= last_day:
            keys[logger, day_of(time)].add((time, series))
    if not keys:
        return []
    query = (
        f"WITH wanted (l, d) AS (VALUES {tabled(keys)}) SELECT g.logger, g.day, g.body "  # noqa: S608  only integers
        "FROM wanted JOIN segment g ON g.logger = wanted.l AND g.day = wanted.d"
    )
    return [row for logger, day, body in session.rows(query) for row in Segment(body).rows_at(keys[logger, day])]


def meta(session: Session, name: str) -> int:
    """A number that the journal keeps about itself: head, hot_from, compacted_day; 0 in a new one."""
    rows = session.rows("SELECT value FROM meta WHERE name = ?", (name,))
    return int(rows[0][0]) if rows else 0


def set_meta(session: Session, name: str, value: int) -> None:
    """Set one of those numbers."""
    sql = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    session.run(sql, (name, value))
