"""Two writers at once, writers that die, and statements that fail: nothing acknowledged is lost, no row is skipped."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from journal_cast import arrival, reading

from coldchain.domain.message import Outcome, Receipt, Refusal, Watermark
from coldchain.errors import TransientError
from coldchain.journal.database import Session
from coldchain.journal.postgres import PostgresJournal
from coldchain.journal.sqlite import SqliteJournal
from coldchain.journal.store import StoredJournal
from coldchain.telemetry.embedded import EmbeddedTelemetry, compact

Opener = Callable[[], StoredJournal]
LATER = 1_900_000_000_000


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    opened: list[StoredJournal] = []
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None

    def another() -> StoredJournal:
        opened.append(PostgresJournal(url) if url else SqliteJournal(tmp_path / "journal.db"))
        return opened[-1]

    yield another
    for journal in opened:
        journal.close()


class Tail:
    """A reader that follows the journal by offset, as the engine and the projector do."""

    def __init__(self, journal: StoredJournal) -> None:
        self._journal, self.after = journal, 0
        self.seen: list[int] = []

    def catch_up(self) -> None:
        head = self._journal.head()
        while page := self._journal.read(self.after, 3):
            self.seen += [r.offset for r in page]
            self.after = page[-1].offset
        self.after = max(self.after, head)  # what lies up to a head that was once seen can never appear later


def pausing(journal: StoredJournal, ready: threading.Event, go: threading.Event) -> None:
    """Make the next commit of `journal` wait between its last statement and its commit."""
    write = journal.database.write

    @contextmanager
    def paused() -> Iterator[Session]:
        with write() as session:
            yield session
            ready.set()
            assert go.wait(30)

    journal.database.write = paused  # type: ignore[method-assign]


def test_a_reader_never_skips_a_row_while_one_writer_pauses_and_another_commits(opener: Opener) -> None:
    slow, quick, tail = opener(), opener(), Tail(opener())
    ready, go = threading.Event(), threading.Event()
    pausing(slow, ready, go)
    first = threading.Thread(target=slow.append, args=([arrival(reading(n), logger="A", seq=n) for n in range(5)],))
    second = threading.Thread(target=quick.append, args=([arrival(reading(n), logger="B", seq=n) for n in range(5)],))
    first.start()
    assert ready.wait(30)
    second.start()
    second.join(1.0)  # if it could commit first, it would do so now, with higher offsets than those still unseen
    tail.catch_up()
    go.set()
    first.join(30)
    second.join(30)
    tail.catch_up()
    everything = [r.offset for r in opener().read(0, 100)]
    assert len(everything) == 10
    assert tail.seen == everything


def test_many_writers_at_once_give_every_row_its_own_offset_and_no_reader_skips_one(opener: Opener) -> None:
    tail = Tail(opener())

    def write(name: str) -> None:
        journal = opener()
        for seq in range(15):
            journal.append(
                [arrival(reading(seq), logger=name, seq=seq), arrival(reading(seq), logger="shared", seq=seq)]
            )

    writers = [threading.Thread(target=write, args=(f"W{n}",)) for n in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        tail.catch_up()
    tail.catch_up()
    journal = opener()
    stored = journal.read(0, 1000)
    assert tail.seen == [r.offset for r in stored]
    assert len(stored) == 5 * 15
    assert journal.watermark("shared").committed_through == (7, 14)
    assert journal.logger("shared").duplicates == 45  # type: ignore[union-attr]


def test_writers_that_take_turns_see_each_others_state(opener: Opener) -> None:
    one, two = opener(), opener()
    batch = [arrival(reading(0)), arrival(reading(2), seq=2)]
    for turn in range(3):
        for journal in (one, two):
            journal.append(batch)  # new once, then repeats that change nothing but the logger's own row
        one.requested([Watermark("LG-1", None, ((7, 1, 1),))], turn)
        assert two.watermark("LG-1").resend == ((7, 1, 1),)
    state = two.logger("LG-1")
    assert state is not None
    assert (state.readings, state.duplicates) == (2, 10)
    two.append([arrival(reading(3), seq=3)])
    assert [(g.first_seq, g.last_seq) for g in one.gaps()] == [(1, 1)]
    one.append([arrival(reading(4), seq=4)])
    assert two.watermark("LG-1").committed_through == (7, 4)
    assert two.watermark("LG-1").resend == ()


# --- statements that fail --------------------------------------------------------------------------------------------


class Failing:
    """A connection whose nth statement fails, as on a full or broken disk."""

    def __init__(self, connection: sqlite3.Connection, nth: int) -> None:
        self._connection, self._left = connection, nth

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        self._count(sql)
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Any) -> Any:
        self._count(sql)
        return self._connection.executemany(sql, rows)

    @property
    def failed(self) -> bool:
        return self._left <= 0

    def _count(self, sql: str) -> None:
        if sql == "ROLLBACK":
            return
        self._left -= 1
        if self._left == 0:
            raise sqlite3.OperationalError("disk I/O error")


def contents(path: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in tables}


def test_a_statement_that_fails_leaves_nothing_behind_and_the_next_try_stores_everything(tmp_path: Path) -> None:
    before = [arrival(reading(0)), arrival(reading(2), seq=2), arrival(reading(0), logger="LG-2", boot=None, key="a")]
    batch = [
        arrival(reading(3), seq=3, oldest=(7, 2)), arrival(reading(0, 9.0), seq=4), arrival(reading(5), logger="LG-3"),
        arrival(reading(0), seq=0), arrival(reading(1, channel="probe-1", device_alarm="high"), logger="LG-2", seq=0),
        arrival(reading(0, 4.0), logger="LG-2", boot=None, key="b"), arrival(refusals=[Refusal("no")], seq=5),
    ]  # fmt: skip
    expected: list[Receipt] | None = None
    for nth in range(1, 200):
        path = tmp_path / f"{nth}.db"
        journal = SqliteJournal(path)
        journal.append(before)
        was = contents(path)
        whole = journal.database._writer  # type: ignore[attr-defined]
        failing = journal.database._writer = Failing(whole, nth)  # type: ignore[attr-defined]
        if not _fails(journal, batch):
            assert not failing.failed
            break
        assert contents(path) == was, f"half a commit after statement {nth}"
        journal.database._writer = whole  # type: ignore[attr-defined]
        receipts = journal.append(batch)
        expected = expected or receipts
        assert receipts == expected
        assert [r.device_alarm for r in journal.read(0, 100) if r.channel == "probe-1"] == ["high"]
        journal.close()
    assert nth > 10


def _fails(journal: SqliteJournal, batch: list[Any]) -> bool:
    try:
        journal.append(batch)
    except TransientError:
        return True
    return False


def test_a_compaction_that_fails_anywhere_keeps_every_reading_exactly_once(tmp_path: Path) -> None:
    batch = [arrival(*(reading(day * 1440 + n) for n in range(3)), seq=day) for day in range(4)]
    for nth in range(1, 200):
        journal = SqliteJournal(tmp_path / f"{nth}.db")
        receipts = journal.append(batch)
        stored = [r for receipt in receipts for r in receipt.stored]
        whole = journal.database._writer  # type: ignore[attr-defined]
        failing = journal.database._writer = Failing(whole, nth)  # type: ignore[attr-defined]
        failed = False
        try:
            compact(journal, journal.head(), LATER, slice_rows=3)
        except TransientError:
            failed = True
        assert list(EmbeddedTelemetry(journal).readings("LG-1", 0, LATER)) == stored
        assert journal.read(0, 100) == stored
        journal.database._writer = whole  # type: ignore[attr-defined]
        compact(journal, journal.head(), LATER)
        assert list(EmbeddedTelemetry(journal).readings("LG-1", 0, LATER)) == stored
        assert all(journal.message(receipt.message) for receipt in receipts)
        journal.close()
        if not failed:
            assert not failing.failed
            break
    assert nth > 10


# --- writers that die ------------------------------------------------------------------------------------------------

_WRITER = """
import json, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from journal_cast import arrival, reading
from coldchain.journal.sqlite import SqliteJournal

journal, start, when, nth = SqliteJournal(Path(sys.argv[2])), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])

class Deadly:
    def __init__(self, connection):
        self._connection, self._commits = connection, 0
    def __getattr__(self, name):
        return getattr(self._connection, name)
    def execute(self, sql, parameters=()):
        if sql != "COMMIT":
            return self._connection.execute(sql, parameters)
        self._commits += 1
        if when == "before" and self._commits == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        done = self._connection.execute(sql)
        if when == "after" and self._commits == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

journal.database._writer = Deadly(journal.database._writer)
for seq in range(start, 100_000):
    receipts = journal.append([arrival(reading(3 * seq + n), seq=3 * seq + n) for n in range(3)])
    print(json.dumps([seq, [r.outcome for r in receipts]]), flush=True)
"""


def _write_until_killed(path: Path, start: int, when: str, nth: int) -> tuple[int, list[str]]:
    """Run a writer that kills itself around its nth commit; the last batch it acknowledged, and all outcomes."""
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", _WRITER, tests, str(path), str(start), when, str(nth)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": "."}
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return (lines[-1][0] if lines else start - 1), [outcome for _, outcomes in lines for outcome in outcomes]


def test_a_writer_killed_around_its_commits_loses_and_repeats_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    acknowledged, repeated = -1, 0
    for turn, when in enumerate(["before", "after"] * 4):
        last, outcomes = _write_until_killed(path, acknowledged + 1, when, 2 + turn)
        repeated += outcomes.count(Outcome.DUPLICATE)
        assert last == acknowledged + 1 + turn  # all batches but that of the deadly commit were acknowledged
        acknowledged = last
        journal = SqliteJournal(path)
        stored = [r.seq for r in journal.read(0, 100_000)]
        journal.close()
        unacknowledged = 3 if when == "after" else 0  # committed, but the writer died before it could say so
        assert stored == list(range(3 * (acknowledged + 1) + unacknowledged))
    assert repeated == 3 * 3  # each batch committed without a word was sent again, but for the last one
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
