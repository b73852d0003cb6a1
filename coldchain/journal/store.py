"""The journal over either database: one commit per batch, and everything that is read back."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from coldchain.domain.canary import Canary
from coldchain.domain.message import Arrival, Gap, Outcome, Receipt, Watermark
from coldchain.domain.reading import Reading
from coldchain.errors import NotFound
from coldchain.journal import again, canary, kept, latest, reinterpretation
from coldchain.journal.backlog import Backlog
from coldchain.journal.bell import Bell
from coldchain.journal.database import Database, Row, Session, listed
from coldchain.journal.decide import Judge
from coldchain.journal.decisions import Decisions
from coldchain.journal.lookup import Batch, Finder, loggers_named, meta, set_meta
from coldchain.journal.pack import packed_message
from coldchain.journal.port import LoggerState, Meaning, Notice, StoredMessage, Unread
from coldchain.journal.ranges import Committed
from coldchain.journal.rows import OUTCOME_NUMBER, message_from, reading_from
from coldchain.journal.runs import Run, nearby
from coldchain.journal.state import LOGGER_COLUMNS, LoggerRow
from coldchain.journal.tables import MESSAGE_COLUMNS, READING_COLUMNS
from coldchain.journal.words import Words
from coldchain.journal.write import write, write_state

READING_LIST = ",".join(READING_COLUMNS)
_MESSAGE_LIST = ",".join(MESSAGE_COLUMNS)
_LOGGER_LIST = ",".join(LOGGER_COLUMNS)

# Series whose names are remembered; hostile names must not grow the process without bound.
_NAMES_LIMIT = 200_000


class StoredJournal:
    """A journal in SQL tables; `SqliteJournal` and `PostgresJournal` say where they are."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self.database = database
        self.bell = bell
        self._one_writer = threading.Lock()
        self._words = Words()
        self._finder = Finder(self._words)
        self._names: dict[int, tuple[str, str]] = {}
        self._backlog = Backlog()

    # --- writing ------------------------------------------------------------------------------------------------

    def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Commit `arrivals` in one durable transaction; a receipt for each decoded message, in order."""
        if not arrivals:
            return []
        with self._finding():
            with self.database.write() as session:
                batch = self._finder.prepare(session, arrivals, meta(session, "head"))
                now_ms = arrivals[-1].envelope.received_at_ms
                made = _decide(batch, now_ms)
                latest.promote(session, now_ms)
                write(session, batch, made)
            self._finder.settled(made.head)
        self.bell.ring(made.head)
        return made.receipts

    def pass_canary(self, road: str, sent_ms: int) -> None:
        """Commit the mark of a canary, durably; readers wake up as for any message."""
        with self.database.write() as session:
            head = canary.note(session, road, sent_ms)
        self.bell.ring(head)

    def canaries(self) -> list[Canary]:
        """The newest canary of each road."""
        with self.database.read() as session:
            return canary.newest(session)

    def requested(self, sent: Iterable[Watermark], now_ms: int) -> None:
        """Note that down messages asked loggers for their `resend` ranges.

        After three requests without an answer a hole counts as lost, with the logger's next message or request.
        """
        asked = {mark.logger: set(mark.resend) for mark in sent if mark.resend}
        if not asked:
            return
        with self.database.write() as session:
            judge = Judge.alone(meta(session, "head"))
            for row, held, runs in _held(session, list(asked)):
                if held.holes():
                    judge.close(row, held, now_ms)
                    held.ask(asked[row.name])
                    write_state(session, row, row.keep(held), runs)
            session.insert("gap", judge.made.gaps)
            session.insert("notice", judge.made.notices)
            head = judge.made.head + 1  # always moved, see `_write`
            set_meta(session, "head", head)
        self.bell.ring(head)

    def reinterpret(
        self, decision: str, meant: Mapping[int, Sequence[Reading]], seen: int | None = None
    ) -> list[Receipt]:
        """Store what kept messages mean by a better device profile, as their next interpretation.

        The rows of lower interpretations stay and are superseded. A decision that was applied before changes nothing.

        Args:
            decision: the id of the audited act.
            meant: the new readings of each message, by the message's offset; none is a meaning too.
            seen: the head when somebody looked: messages that were decided about since are left as they are.

        Raises:
            NotFound: there is no such message of a known logger.
        """
        with self._finding():
            with self.database.write() as session:
                if reinterpretation.applied(session, decision):
                    return []
                others = reinterpretation.decided_since(session, meant, seen)
                meant = {offset: readings for offset, readings in meant.items() if offset not in others}
                if not meant:
                    return []
                made = self._reinterpreted(session, decision, meant)
            self._finder.settled(made.head)
        self.bell.ring(made.head)
        return made.receipts

    def adopt(self, decision: str, read: Mapping[int, Arrival], seen: int | None = None) -> list[Receipt]:
        """Store what messages of unknown senders say now that these are known, as messages of their loggers.

        The stray stays as it was received. A decision that was applied before changes nothing.

        Args:
            decision: the id of the audited act.
            read: what each stray says, by its offset; with one message at least.
            seen: the head when somebody looked: what was taken up since is left as it is.

        Raises:
            NotFound: there is no such stray.
        """
        with self._finding():
            with self.database.write() as session:
                if reinterpretation.applied(session, decision):
                    return []
                others = reinterpretation.decided_since(session, read, seen)
                read = {offset: arrival for offset, arrival in read.items() if offset not in others}
                if not read:
                    return []
                made = self._adopted(session, decision, read)
            self._finder.settled(made.head)
        self.bell.ring(made.head)
        return made.receipts

    @contextmanager
    def _finding(self) -> Iterator[None]:
        """The finder for one thread at a time; it forgets what a failed commit made it learn."""
        with self._one_writer:
            try:
                yield
            except BaseException:
                self._finder.forget()
                raise

    def _reinterpreted(self, session: Session, decision: str, meant: Mapping[int, Sequence[Reading]]) -> Decisions:
        following = reinterpretation.next_interpretations(session, meant)
        arrivals = []
        for offset, readings in meant.items():
            kept = self._message(session, offset)
            if kept is None or kept.logger is None:
                raise NotFound(f"no message of a logger is stored at offset {offset}")
            arrivals.append(reinterpretation.again(kept, readings, following[offset]))
        batch = self._finder.prepare(session, arrivals, meta(session, "head"))
        judge = Judge(batch.known)
        pairs = list(zip(meant, batch.items, strict=True))
        judge.made.receipts = [judge.decide_again(item, offset) for offset, item in pairs]
        judge.made.head += 1
        rows = [(m, following[m], item.row.id, judge.made.head, decision) for m, item in pairs if item.row]
        session.insert("reinterpreted", rows)
        write(session, batch, judge.made)
        reinterpretation.refresh_latest(session, {row[2] for row in rows})
        return judge.made

    def _adopted(self, session: Session, decision: str, read: Mapping[int, Arrival]) -> Decisions:
        for offset in read:
            stray = self._message(session, offset)
            if stray is None or stray.logger is not None:
                raise NotFound(f"no message of an unknown sender is stored at offset {offset}")
        arrivals = [again.second(arrival) for arrival in read.values()]
        batch = self._finder.prepare(session, arrivals, meta(session, "head"))
        now_ms = max(arrival.envelope.received_at_ms for arrival in arrivals)
        made = _decide(batch, now_ms)
        latest.promote(session, now_ms)
        made.head += 1
        pairs = [*zip(read, again.senders(arrivals), strict=True), *again.fresh(made.receipts)]
        rows = [(offset, 2, batch.rows[logger].id, made.head, decision) for offset, logger in pairs]
        session.insert("reinterpreted", rows)
        write(session, batch, made)
        reinterpretation.refresh_latest(session, {row[2] for row in rows})
        return made

    # --- reading ------------------------------------------------------------------------------------------------

    def head(self) -> int:
        """The highest committed offset, 0 when empty."""
        with self.database.read() as session:
            return meta(session, "head")

    def read(self, after: int, limit: int) -> list[Reading]:
        """The next `limit` readings with offset > `after`, in order of offset."""
        sql = f"SELECT {READING_LIST} FROM reading WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608
        with self.database.read() as session:
            hot_from = meta(session, "hot_from")
            rows: list[Row] = []
            while len(rows) < limit and after + 1 < hot_from:
                behind = self._backlog.rows(session, after, limit - len(rows), hot_from)
                rows += behind
                after = behind[-1][0] if behind else hot_from - 1
            if len(rows) < limit:
                rows += session.rows(sql, (after, limit - len(rows)))
            return self.readings_of(session, rows)

    def readings_of(self, session: Session, rows: Sequence[Row]) -> list[Reading]:
        """The readings behind rows of the table `reading`."""
        try:
            return [reading_from(row, self._names, self._words.known) for row in rows]
        except KeyError:  # a series or a word that this process has not met yet
            names = self.series_names(session, {row[1] for row in rows})
            words = {number for row in rows for number in (row[4], row[19], row[20], row[21])}
            texts = self._words.texts(session, words)
            return [reading_from(row, names, texts) for row in rows]

    def series_names(self, session: Session, numbers: set[int]) -> dict[int, tuple[str, str]]:
        """(logger, channel) of series, as a mapping that holds at least these."""
        names = self._names
        missing = numbers - names.keys()
        if missing:
            sql = (
                "SELECT s.id, l.name, s.channel FROM series s JOIN logger l ON l.id = s.logger "  # noqa: S608
                f"WHERE s.id IN {listed(missing)}"
            )
            found = {number: (name, channel) for number, name, channel in session.rows(sql)}
            if len(names) > _NAMES_LIMIT:
                names = {number: names[number] for number in numbers - missing}
            # A new dict: other threads may be reading the old one.
            names = self._names = names | found
        return names

    def notices(self, after: int, limit: int) -> list[Notice]:
        """The next `limit` notices with offset > `after`, in order of offset."""
        sql = (
            "SELECT n.position, n.at, n.kind, l.name, n.detail FROM notice n LEFT JOIN logger l ON l.id = n.logger "
            "WHERE n.position > ? ORDER BY n.position LIMIT ?"
        )
        with self.database.read() as session:
            return [Notice(*row) for row in session.rows(sql, (after, limit))]

    def message(self, offset: int) -> StoredMessage | None:
        """The message stored at `offset`, compacted days included."""
        with self.database.read() as session:
            return self._message(session, offset)

    def _message(self, session: Session, offset: int) -> StoredMessage | None:
        rows = session.rows(f"SELECT {_MESSAGE_LIST} FROM message WHERE position = ?", (offset,))  # noqa: S608
        if not rows:
            packed = packed_message(session, offset)
            rows = [packed] if packed else []
        found = self._messages(session, rows)
        return found[0] if found else None

    def refused(self, outcome: Outcome, before: int | None, limit: int) -> list[StoredMessage]:
        """Messages with this outcome, newest first; for `quarantined` also those of which a part was refused.

        What was undecoded and has been decoded again since is not among them.
        """
        also = f" OR outcome <> {OUTCOME_NUMBER[Outcome.UNDECODED]}" if outcome is Outcome.QUARANTINED else ""
        if outcome is Outcome.UNDECODED:
            also = ") AND NOT EXISTS (SELECT 1 FROM reinterpreted r WHERE r.message = message.position"
        sql = (
            f"SELECT {_MESSAGE_LIST} FROM message WHERE refusals IS NOT NULL AND position < ? "  # noqa: S608
            f"AND (outcome = ?{also}) ORDER BY position DESC LIMIT ?"
        )
        with self.database.read() as session:
            below = (1 << 62) if before is None else before
            return self._messages(session, session.rows(sql, (below, OUTCOME_NUMBER[outcome], limit)))

    def unread(self) -> list[Unread]:
        """The sources of messages that nobody understood or believed whole, among the newest of them, latest first."""
        with self.database.read() as session:
            return kept.unread(session, self._words.texts)

    def alike(self, transport: str, source: str, logger: str | None, limit: int) -> list[StoredMessage]:
        """The newest such messages of one source (and, where it is known, of one logger), newest first."""
        with self.database.read() as session:
            return self._messages(session, kept.alike(session, self._words.texts, transport, source, logger, limit))

    def became(self, message: StoredMessage) -> list[Reading]:
        """The readings that stand for a message, of every interpretation, by offset."""
        if message.logger is None:
            return []
        with self.database.read() as session:
            return self.readings_of(session, kept.became(session, message.offset, message.logger))

    def meanings(self, logger: str, from_ms: int, to_ms: int, after: int, limit: int) -> list[Meaning]:
        """The next `limit` messages of a logger behind the offset `after`, received in [from, to), by offset."""
        with self.database.read() as session:
            row = loggers_named(session, [logger]).get(logger)
            if row is None:
                return []
            messages = self._messages(session, again.messages_of(session, row.id, (from_ms, to_ms), after, limit))
            rows = again.standing(session, row.id, [message.offset for message in messages])
            return [Meaning(one, tuple(self.readings_of(session, rows[one.offset]))) for one in messages]

    def strays(self, from_ms: int, to_ms: int, after: int, limit: int) -> list[StoredMessage]:
        """The next `limit` messages whose sender nobody knew and that were not taken up since, by offset."""
        with self.database.read() as session:
            return self._messages(session, again.strays(session, (from_ms, to_ms), after, limit))

    def superseded(self, after: int, through: int) -> list[Reading]:
        """The readings that stopped to count by decisions with an offset in (after, through]."""
        with self.database.read() as session:
            return self.readings_of(session, again.superseded(session, after, through))

    def watermark(self, logger: str) -> Watermark:
        """What this logger may forget and what it is asked for."""
        return self.watermarks([logger])[0]

    def watermarks(self, loggers: Sequence[str]) -> list[Watermark]:
        """As `watermark`, of several loggers at one moment, in their order."""
        with self.database.read() as session:
            marks = {row.name: row.watermark(held) for row, held, _ in _held(session, loggers)}
        return [marks.get(logger) or Watermark(logger, None) for logger in loggers]

    def gaps(self, logger: str | None = None) -> list[Gap]:
        """Holes that will never be filled, of one logger or of all."""
        sql = (
            "SELECT l.name, g.boot, g.first, g.last, g.recorded FROM gap g JOIN logger l ON l.id = g.logger "
            "ORDER BY l.name, g.boot, g.first"
        )
        with self.database.read() as session:
            return [Gap(*row) for row in session.rows(sql) if logger is None or row[0] == logger]

    def loggers(self) -> list[LoggerState]:
        """Every logger that was ever heard, by id."""
        with self.database.read() as session:
            rows = session.rows(f"SELECT {_LOGGER_LIST} FROM logger")  # noqa: S608  our names
            seen = latest.last_events(session)
        return sorted(LoggerRow(*row).public(seen.get(row[0])) for row in rows)

    def logger(self, logger: str) -> LoggerState | None:
        """One logger, or None if it was never heard."""
        with self.database.read() as session:
            row = loggers_named(session, [logger]).get(logger)
            return row.public(latest.last_events(session, [row.id]).get(row.id)) if row else None

    def close(self) -> None:
        """Release the database; a further call is an error."""
        self.bell.close()
        self.database.close()

    def _messages(self, session: Session, rows: Sequence[Row]) -> list[StoredMessage]:
        loggers = {row[1] for row in rows if row[1] is not None}
        sql = f"SELECT id, name FROM logger WHERE id IN {listed(loggers)}"  # noqa: S608
        names: dict[int, str] = dict(session.rows(sql))
        texts = self._words.texts(session, [row[7] for row in rows])
        return [message_from(row, names.get(row[1]), texts) for row in rows]


def _decide(batch: Batch, now_ms: int) -> Decisions:
    judge = Judge(batch.known)
    judge.made.receipts = [judge.decide(item) for item in batch.items]
    for row in batch.rows.values():
        held = batch.known.held.get(row.id)
        if held is not None:
            judge.close(row, held, now_ms)
    return judge.made


def _held(session: Session, loggers: Sequence[str]) -> list[tuple[LoggerRow, Committed, set[Run]]]:
    """The committed numbers of the loggers that exist, with their rows of the tables `logger` and `seq_range`."""
    rows = loggers_named(session, loggers).values()
    near = nearby(session, rows, {}, {})
    return [(row, row.committed(near[row.id].runs, near[row.id].horizon), near[row.id].runs) for row in rows]
