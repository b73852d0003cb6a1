"""The open registry: one engine, a reading and a writing transaction, and the revision that live pages follow."""

import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, create_engine, event, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from coldchain.errors import TransientError
from coldchain.registry import schema

_REVISION = "revision"
_LONGEST_LEASE_MS = 45_000
_LEAST_FREE = 32 * 1024 * 1024  # bytes: below this a transaction or its log may not fit any more


class Registry:
    """SQLite or PostgreSQL behind two kinds of transaction; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        """Open the registry at a SQLAlchemy URL; the tables are made by `coldchain.registry.migrations`."""
        self.engine = _engine(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment and changes nothing.

        Raises:
            TransientError: it cannot be read now.
        """
        try:
            with self.engine.connect() as connection, connection.begin():
                yield connection
        except OperationalError as error:
            raise TransientError(f"the registry cannot be read: {error.orig}") from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start, so that what it reads cannot change under it.

        Raises:
            TransientError: the lock could not be had in time; nothing was changed.
        """
        try:
            with self.engine.connect() as plain:
                connection = plain.execution_options(writes=True)
                with connection.begin():
                    if connection.dialect.name == "postgresql":
                        # One lock for all writers: the audit head and every compare-and-set are read under it.
                        connection.execute(text("select pg_advisory_xact_lock(7205759)"))
                    yield connection
        except OperationalError as error:
            raise TransientError(f"the registry is busy or unreachable: {error.orig}") from error

    def unwritable(self) -> str | None:
        """Why nothing could be written now, None if it could; asks without waiting for the write lock."""
        file = self.engine.url.database
        if self.engine.dialect.name == "postgresql":
            with self.read() as connection:
                refuses = connection.execute(text("show transaction_read_only")).scalar_one() == "on"
            return "the server takes no writes (a standby?)" if refuses else None
        if file is None:
            return None
        folder = Path(file).parent
        if os.statvfs(folder).f_flag & os.ST_RDONLY or not os.access(file, os.W_OK):
            return "the file system takes no writes"
        return "the disk is full" if shutil.disk_usage(folder).free < _LEAST_FREE else None

    def close(self) -> None:
        """Drop every connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=4, max_overflow=12)
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # sqlite3's own transaction handling begins too late for BEGIN IMMEDIATE.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def new_id() -> str:
    """A fresh random id."""
    return str(uuid.uuid4())


def upsert(connection: Connection, table: Any, key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert the row `key` + `values`, or set `values` where `key` exists."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert
    statement = insert(table).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def bump_revision(connection: Connection) -> int:
    """Raise the registry's revision inside a writing transaction; live pages notice it."""
    raised = revision(connection) + 1
    connection.execute(_setting_revision(connection.dialect.name), {"name": _REVISION, "value": raised})
    return raised


def revision(connection: Connection) -> int:
    """The registry's current revision, 0 in a new one."""
    return int(connection.execute(_REVISION_NOW).scalar_one_or_none() or 0)


_REVISION_NOW = select(schema.setting.c.value).where(schema.setting.c.name == _REVISION)


@cache
def _setting_revision(dialect: str) -> Any:
    """The statement, made once: every writing transaction ends with it."""
    statement = (sqlite if dialect == "sqlite" else postgresql).insert(schema.setting)
    return statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})


def take_lease(connection: Connection, name: str, holder: str, now_ms: int, for_ms: int) -> int | None:
    """Take or renew the lease `name` inside a writing transaction.

    Returns:
        The fencing number (it grows with every change of holder), or None while somebody else holds the lease.
    """
    table = schema.lease
    row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
    if row is None:
        connection.execute(table.insert().values(name=name, holder=holder, fence=1, until_ms=now_ms + for_ms))
        return 1
    if row.holder != holder and _stands(row, now_ms) and not _ended(row.holder):
        return None
    fence: int = row.fence + int(row.holder != holder)
    renewed = {"holder": holder, "fence": fence, "until_ms": now_ms + for_ms}
    connection.execute(update(table).where(table.c.name == name).values(renewed))
    return fence


def held_by_other(connection: Connection, name: str, holder: str, now_ms: int) -> bool:
    """Whether somebody else who lives holds this lease; a look only, it is taken in the writing transaction."""
    row = connection.execute(select(schema.lease).where(schema.lease.c.name == name)).one_or_none()
    return row is not None and row.holder != holder and _stands(row, now_ms) and not _ended(row.holder)


def _stands(row: Row[Any], now_ms: int) -> bool:
    """Whether a lease lasts.

    One that ends further ahead than any is taken is of a clock that is ahead of ours or was put back since: it lasts
    while its holder renews it, which is watched by the timer that never steps.
    """
    if row.until_ms <= now_ms + _LONGEST_LEASE_MS:
        return bool(row.until_ms > now_ms)
    sight = (row.holder, row.until_ms)
    if _ahead.get(row.name, (sight, 0.0))[0] != sight or row.name not in _ahead:
        _ahead[row.name] = (sight, time.monotonic())
    return time.monotonic() - _ahead[row.name][1] <= _LONGEST_LEASE_MS / 1000


_ahead: dict[str, tuple[tuple[str, int], float]] = {}  # leases from the future, and when they were first seen so


def holder_name() -> str:
    """A name for this process as the holder of leases."""
    return f"{_world()}:{os.getpid()}:{time.monotonic_ns()}"


def _world() -> str:
    """Where a process number means one process: this host, and within it this namespace of process numbers."""
    namespace = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{namespace.readlink() if namespace.exists() else ''}"


def _ended(holder: str) -> bool:
    """Whether this holder was a process of our world that no longer exists: its lease need not be waited for."""
    world, _, rest = holder.rpartition(":")[0].rpartition(":")
    if world != _world() or not rest.isdecimal():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy URL of a SQLite file."""
    return f"sqlite:///{path}"
