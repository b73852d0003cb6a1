"""The journal in one SQLite file: write-ahead log, every commit synced to the disk before anybody hears of it."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from coldchain.errors import ConfigError, TransientError
from coldchain.journal.bell import LoopbackBell
from coldchain.journal.database import Row, marks
from coldchain.journal.pack import index_all_packs
from coldchain.journal.store import StoredJournal
from coldchain.journal.tables import (
    MESSAGE_COLUMNS,
    PACKS_INDEXED,
    READING_COLUMNS,
    SQLITE_TYPES,
    TABLES,
    VERSION,
    definitions,
)

# How long a writer waits for the lock of another process before it says so.
_BUSY_S = 30.0

# From this size on the write-ahead log is begun anew, and readers are waited for so long.
_LOG_BYTES = 64 * 1024 * 1024
_LOG_WAIT_MS = 500

# Tables of which most columns are empty in most rows.
_WIDE = {"reading": READING_COLUMNS, "message": MESSAGE_COLUMNS}
_ROWS = 32  # of a wide table in one statement; older SQLites take no more than 999 values

_PRAGMAS = ("synchronous=FULL", "temp_store=MEMORY", "wal_autocheckpoint=4000")
# KiB of pages that a connection keeps. A reader forgets them at every commit of somebody else, and there are as many
# readers as threads that ever read at one time: a large cache would cost each role memory and save it nothing.
_WRITERS_PAGES, _READERS_PAGES = 32 * 1024, 4 * 1024


class SqliteJournal(StoredJournal):
    """The journal at `path`; several threads and several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        """Open the journal, made if it does not exist.

        Raises:
            ConfigError: the file was written by a newer version.
        """
        super().__init__(SqliteDatabase(path), LoopbackBell(path.with_name(path.name + ".bell")))


class SqliteDatabase:
    """One connection for writing, and as many for reading as there are readers at one time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = f"{path}-wal"
        self._log_limit = _LOG_BYTES
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        try:
            self._writer = self._connect(_WRITERS_PAGES)
            self._define()
        except sqlite3.Error as error:
            raise TransientError(f"the journal {path} cannot be opened: {error}") from error

    @contextmanager
    def write(self) -> Iterator["_SqliteSession"]:
        """The one writing transaction at a time, of all processes."""
        with self._lock:
            with _transaction(self._writer, "BEGIN IMMEDIATE", "COMMIT"):
                yield _SqliteSession(self._writer)
            self._bound_log()

    @contextmanager
    def read(self) -> Iterator["_SqliteSession"]:
        """A transaction that sees one moment."""
        if self._closed:
            raise sqlite3.ProgrammingError("the journal is closed")
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect(_READERS_PAGES)
        try:
            with _transaction(connection, "BEGIN", "ROLLBACK"):
                yield _SqliteSession(connection)
        finally:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    def close(self) -> None:
        """Close every connection; one in another thread's hands (where closing would crash) when it is given back."""
        with self._lock:
            self._closed = True
            self._writer.close()
        while self._idle:
            self._idle.pop().close()

    def _bound_log(self) -> None:
        """Begin the write-ahead log anew when it has grown large.

        It does so by itself only in a moment without any reader, and with many of them that never comes. Here new
        readers need the log no more, and the old ones are waited for; a reader that stays is left for later.
        """
        try:
            size = os.stat(self._log).st_size  # noqa: PTH116  called at every commit
        except OSError:
            return
        if size < self._log_limit:
            return
        with contextlib.suppress(sqlite3.Error):  # the commit is done, whatever becomes of this
            self._writer.execute(f"PRAGMA busy_timeout={_LOG_WAIT_MS}")
            [(busy, _, _)] = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._log_limit = _LOG_BYTES + (size if busy else 0)
        self._writer.execute(f"PRAGMA busy_timeout={int(_BUSY_S * 1000)}")

    def _connect(self, pages_kib: int) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise TransientError(f"the journal {self._path} cannot be opened: {error}") from error
        for pragma in (*_PRAGMAS, f"cache_size=-{pages_kib}"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _define(self) -> None:
        self._writer.execute("PRAGMA journal_mode=WAL")
        found = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise ConfigError(f"{self._path} was written by a newer version; use that one, or restore a backup")
        if found == VERSION:
            return
        with _transaction(self._writer, "BEGIN IMMEDIATE", "COMMIT"):
            for statement in definitions(SQLITE_TYPES):
                self._writer.execute(statement)
            if 0 < found < PACKS_INDEXED:
                index_all_packs(_SqliteSession(self._writer))
            self._writer.execute(f"PRAGMA user_version={VERSION}")


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str, end: str) -> Iterator[None]:
    try:
        connection.execute(begin)
        try:
            yield
            connection.execute(end)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        raise TransientError(f"the journal is busy or cannot be written: {error}") from error


class _SqliteSession:
    """A transaction of SQLite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a query; all of its rows."""
        return self._connection.execute(sql, parameters).fetchall()

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement."""
        self._connection.execute(sql, parameters)

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for every row of parameters."""
        if rows:
            self._connection.executemany(sql, rows)

    def insert(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows that have a value for every column."""
        if not rows:
            return
        assert table in TABLES, table
        columns = _WIDE.get(table)
        if columns is not None:
            self._insert_wide(table, columns, rows)
            return
        statement = f"INSERT INTO {table} VALUES ({marks(len(rows[0]))})"  # noqa: S608  a table of ours
        self._connection.executemany(statement, rows)

    def _insert_wide(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Append rows without the columns that none of them fills.

        Handing over a None costs as much as storing a value, and most of a wide row is empty. Several rows a statement
        hold Python's lock for less long.
        """
        count = len(rows)
        filled = [
            (name, values) for name, values in zip(columns, zip(*rows, strict=True), strict=True)
            if values[0] is not None or values.count(None) < count
        ]  # fmt: skip
        names = ",".join(name for name, _ in filled)
        narrow = list(zip(*(values for _, values in filled), strict=True))
        one = f"({marks(len(filled))})"
        whole = count - count % _ROWS
        if whole:
            statement = f"INSERT INTO {table} ({names}) VALUES {','.join([one] * _ROWS)}"  # noqa: S608  our names
            for first in range(0, whole, _ROWS):
                self._connection.execute(statement, [*chain.from_iterable(narrow[first : first + _ROWS])])
        self._connection.executemany(f"INSERT INTO {table} ({names}) VALUES {one}", narrow[whole:])  # noqa: S608
