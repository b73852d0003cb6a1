"""The write-ahead log of a SQLite journal stays small, however many readers there are."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from intake import journal_at
from journal_cast import arrival, reading

from coldchain.journal import sqlite
from coldchain.journal.sqlite import SqliteJournal

LIMIT = 1_000_000


@contextmanager
def never_without_a_reader(journal: SqliteJournal) -> Iterator[None]:
    """Three readers, each in its turn: when one begins another has not ended."""
    ended = threading.Event()

    def read(delay_s: float) -> None:
        ended.wait(delay_s)
        while not ended.is_set():
            with journal.database.read() as session:
                session.rows("SELECT count(*) FROM meta")
                ended.wait(0.06)

    readers = [threading.Thread(target=read, args=(n * 0.02,)) for n in range(3)]
    for reader in readers:
        reader.start()
    time.sleep(0.1)
    try:
        yield
    finally:
        ended.set()
        for reader in readers:
            reader.join()


def test_readers_that_never_pause_do_not_let_the_log_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_LOG_BYTES", LIMIT)
    log, largest = tmp_path / "journal.db-wal", 0
    with journal_at(tmp_path / "journal.db") as journal, never_without_a_reader(journal):
        for seq in range(0, 6000, 50):
            journal.append([arrival(reading(n), seq=n, payload=bytes(2000)) for n in range(seq, seq + 50)])
            largest = max(largest, log.stat().st_size)
        assert len(journal.read(0, 10_000)) == 6000
    assert largest < 6 * LIMIT


def test_a_reader_that_stays_holds_up_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_LOG_BYTES", LIMIT)
    with journal_at(tmp_path / "journal.db") as journal, journal.database.read() as session:
        assert session.rows("SELECT count(*) FROM reading") == [(0,)]
        for seq in range(0, 2000, 100):
            began_s = time.monotonic()
            journal.append([arrival(reading(n), seq=n, payload=bytes(2000)) for n in range(seq, seq + 100)])
            assert time.monotonic() - began_s < 10
        assert session.rows("SELECT count(*) FROM reading") == [(0,)]
        assert len(journal.read(0, 10_000)) == 2000


def test_closing_leaves_a_reader_in_another_thread_its_connection(tmp_path: Path) -> None:
    with journal_at(tmp_path / "journal.db") as journal:
        journal.append([arrival(reading(0))])
        with journal.database.read() as session:
            journal.close()
            assert session.rows("SELECT count(*) FROM reading") == [(1,)]
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            journal.head()
