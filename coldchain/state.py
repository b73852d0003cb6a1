"""The state of an installation: made where there is none, checked, brought up to date after a backup, and opened."""

import fcntl
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from coldchain.clock import SystemClock
from coldchain.config import Config, redacted
from coldchain.domain.quantity import iso
from coldchain.errors import ColdchainError
from coldchain.journal.bell import Bell
from coldchain.journal.sqlite import SqliteJournal
from coldchain.journal.store import StoredJournal
from coldchain.registry import migrations
from coldchain.registry.profiles import seed_profiles
from coldchain.registry.store import Registry, sqlite_url
from coldchain.telemetry.embedded import EmbeddedTelemetry
from coldchain.telemetry.port import History


@dataclass(frozen=True, slots=True)
class Stores:
    """What every role reads and writes."""

    registry: Registry
    journal: StoredJournal
    history: History
    bell: Bell


def prepare(config: Config, *, migrate: bool) -> str:
    """Make an empty state folder and database, or check an existing one; say what was done.

    Args:
        config: where state lives.
        migrate: bring older state to this version, after a backup of SQLite files.

    Raises:
        ColdchainError: the state is of another version, and `migrate` was not asked for or cannot help.
    """
    from compliance.shipped import shipped_bodies

    _make_folder(config.data)
    registry = _registry(config)
    try:
        with _one_at_a_time(config, registry):
            found, wanted = _version(config, registry), migrations.WANTED
            said = f"the state in {config.data} is at version {wanted}"
            if found is not None and found != wanted:
                if not migrate:
                    raise ColdchainError(_other_version(config, found))
                said = f"brought {config.data} from version {found} to {wanted}; backup in {_backup(config)}"
            if found != wanted:
                migrations.migrate(registry)
                _journal(config).close()  # opened, it is brought up to date too: now, with a backup beside it
            with registry.write() as connection:
                seed_profiles(connection, shipped_bodies(), SystemClock().now_ms())
            return said
    finally:
        registry.close()


@contextmanager
def _one_at_a_time(config: Config, registry: Registry) -> Iterator[None]:
    """Roles that start together on an empty state wait here for the one that makes its tables."""
    if config.database_url:
        with registry.engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(7205761)"))  # ends with the connection
            try:
                yield
            finally:
                connection.execute(text("select pg_advisory_unlock(7205761)"))
        return
    with (config.data / "preparing.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ColdchainError(
            f"COLDCHAIN_DATA: {folder} cannot be made: {error.strerror}; choose a folder that may be written"
        ) from error


def _version(config: Config, registry: Registry) -> str | None:
    try:
        return migrations.current(registry)
    except DBAPIError as error:
        place = redacted(config.database_url) or config.data / "registry.db"
        raise ColdchainError(f"{place} cannot be used: {error.orig}") from error


def _other_version(config: Config, found: str) -> str:
    if found > migrations.WANTED:
        return (
            f"the state in {config.data} was written by a newer version ({found}, this one knows "
            f"{migrations.WANTED}): install that version again"
        )
    return f"the state in {config.data} is of version {found}, not {migrations.WANTED}: run `coldchain migrate`"


@contextmanager
def opened_registry(config: Config, *, migrate: bool = False) -> Iterator[Registry]:
    """The registry, made first where there is none."""
    _make_folder(config.data)
    registry = _registry(config)
    try:
        # A current one is not prepared again: that takes the write lock, and a restarted role must not wait for it.
        if _version(config, registry) != migrations.WANTED:
            prepare(config, migrate=migrate)
        yield registry
    finally:
        registry.close()


@contextmanager
def opened_stores(config: Config, *, migrate: bool = False) -> Iterator[Stores]:
    """Registry, journal and history, made first where there are none."""
    with opened_registry(config, migrate=migrate) as registry:
        journal = _journal(config)
        try:
            yield Stores(registry, journal, EmbeddedTelemetry(journal), journal.bell)
        finally:
            journal.close()


def _journal(config: Config) -> StoredJournal:
    if config.database_url:
        from coldchain.journal.postgres import PostgresJournal

        return PostgresJournal(config.database_url)
    return SqliteJournal(config.data / "journal.db")


def _registry(config: Config) -> Registry:
    if config.database_url:
        return Registry(config.database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    return Registry(sqlite_url(config.data / "registry.db"))


def _backup(config: Config) -> Path:
    """Copy what is stored into the state folder, registry first: a finding never refers to a missing reading."""
    folder = config.data / "backup" / iso(SystemClock().now_ms()).replace(":", "")
    folder.mkdir(parents=True)
    if config.database_url:
        dump = shutil.which("pg_dump")
        if dump is None:
            raise ColdchainError("pg_dump: not found; it makes the backup that a migration of PostgreSQL begins with")
        command = [dump, "--dbname", config.database_url, "--file", str(folder / "coldchain.sql")]
        if subprocess.run(command, check=False).returncode != 0:
            raise ColdchainError(f"pg_dump failed; {config.data} and the database are as they were")
        return folder
    for name in ("registry.db", "journal.db"):
        if (config.data / name).exists():
            with sqlite3.connect(config.data / name) as source, sqlite3.connect(folder / name) as target:
                source.backup(target)
    return folder
