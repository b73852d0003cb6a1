"""The journal in PostgreSQL: the same tables under the same code, with offsets given out under one advisory lock."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from coldchain.errors import ConfigError, TransientError
from coldchain.journal.database import Row, marks
from coldchain.journal.pack import index_all_packs
from coldchain.journal.store import StoredJournal
from coldchain.journal.tables import PACKS_INDEXED, POSTGRES_TYPES, TABLES, VERSION, definitions

# One lock for all writers of a database: offsets become visible in the order in which they are given out.
_WRITERS = 7205760
_CHANNEL = "coldchain_journal"

# The registry may live in the same database, and both have a table of loggers.
_SCHEMA = "journal"
_OPTIONS = (
    f"-c synchronous_commit=on -c lock_timeout=30s -c client_encoding=UTF8 -c timezone=UTC -c search_path={_SCHEMA}"
)


class PostgresJournal(StoredJournal):
    """The journal in the database at `url`; several threads and several processes may use it at once."""

    def __init__(self, url: str) -> None:
        """Open the journal, its tables made if they do not exist.

        Raises:
            ConfigError: the tables were written by a newer version.
            TransientError: the server cannot be reached.
        """
        database = PostgresDatabase(url)
        super().__init__(database, PostgresBell(database))


class PostgresDatabase:
    """One connection for writing, and as many for reading as there are readers at one time."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._lock = threading.Lock()
        self._writer: psycopg.Connection[Row] | None = None
        self._idle: list[psycopg.Connection[Row]] = []
        with self.write() as session:
            _define(session)

    @contextmanager
    def write(self) -> Iterator["_PostgresSession"]:
        """The one writing transaction at a time, of all processes."""
        with self._lock:
            if self._writer is None or self._writer.closed:
                self._writer = self.connect()
            with _transaction(self._writer):
                session = _PostgresSession(self._writer)
                session.rows("SELECT pg_advisory_xact_lock(?)", (_WRITERS,))
                yield session

    @contextmanager
    def read(self) -> Iterator["_PostgresSession"]:
        """A transaction that sees one moment."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self.connect()
        try:
            with _transaction(connection):
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield _PostgresSession(connection)
        finally:
            if not connection.closed:
                self._idle.append(connection)

    def connect(self) -> psycopg.Connection[Row]:
        """A connection of one's own.

        Raises:
            TransientError: the server cannot be reached.
        """
        try:
            return psycopg.connect(self._url, autocommit=True, options=_OPTIONS, connect_timeout=10)
        except psycopg.Error as error:
            raise TransientError(f"PostgreSQL cannot be reached: {error}") from error

    def close(self) -> None:
        """Close every connection."""
        for connection in (*self._idle, *([self._writer] if self._writer else [])):
            connection.close()
        self._idle.clear()


class PostgresBell:
    """The bell of a journal in PostgreSQL: NOTIFY, heard on a connection of its own."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._mouth: psycopg.Connection[Row] | None = None
        self._ear: psycopg.Connection[Row] | None = None

    def ring(self, head: int) -> None:
        """Tell every reader that the journal now ends at `head`; never fails."""
        with contextlib.suppress(psycopg.Error, TransientError):
            if self._mouth is None or self._mouth.closed:
                self._mouth = self._database.connect()
            self._mouth.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, str(head)))

    def listen(self) -> None:
        """Begin to hear, so that nothing rung from now on is missed; `wait` does this itself."""
        if self._ear is None or self._ear.closed:
            self._ear = self._database.connect()
            self._ear.execute(f"LISTEN {_CHANNEL}")

    def wait(self, timeout_s: float) -> int | None:
        """The newest head that was rung, waiting for one up to `timeout_s`; None if nobody rang."""
        started = time.monotonic()
        try:
            self.listen()
            assert self._ear is not None
            heard = [int(note.payload) for note in self._ear.notifies(timeout=timeout_s, stop_after=1)]
        except (psycopg.Error, TransientError):
            # A server that is away must not turn its readers into busy loops.
            threading.Event().wait(max(0.0, timeout_s - (time.monotonic() - started)))
            return None
        return max(heard, default=None)

    def close(self) -> None:
        """Stop hearing."""
        for end in (self._ear, self._mouth):
            if end is not None:
                end.close()
        self._ear = self._mouth = None


def _define(session: "_PostgresSession") -> None:
    session.run(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}")
    for statement in definitions(POSTGRES_TYPES):
        session.run(statement)
    found = session.rows("SELECT value FROM meta WHERE name = 'version'")
    if not found:
        session.run("INSERT INTO meta (name, value) VALUES ('version', ?)", (VERSION,))
    elif found[0][0] > VERSION:
        raise ConfigError("the journal in PostgreSQL was written by a newer version; use that one")
    elif found[0][0] < VERSION:
        if found[0][0] < PACKS_INDEXED:
            index_all_packs(session)
        session.run("UPDATE meta SET value = ? WHERE name = 'version'", (VERSION,))


@contextmanager
def _transaction(connection: psycopg.Connection[Row]) -> Iterator[None]:
    try:
        with connection.transaction():
            yield
    except psycopg.OperationalError as error:
        connection.close()  # it may be broken: the next transaction gets a fresh one
        raise TransientError(f"the journal in PostgreSQL is busy or unreachable: {error}") from error


class _PostgresSession:
    """A transaction of PostgreSQL."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a query; all of its rows."""
        return self._connection.execute(_marked(sql), parameters).fetchall()

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement."""
        self._connection.execute(_marked(sql), parameters)

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for every row of parameters."""
        if rows:
            with self._connection.cursor() as cursor:
                cursor.executemany(_marked(sql), rows)

    def insert(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows that have a value for every column."""
        if not rows:
            return
        assert table in TABLES, table
        if len(rows) == 1:
            self.run(f"INSERT INTO {table} VALUES ({marks(len(rows[0]))})", rows[0])  # noqa: S608  a table of ours
            return
        with self._connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _marked(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()
