"""A logger with tens of thousands of holes costs a commit no more than one with a few, and is told the same."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_cast import DAWN, arrival

from coldchain.domain.message import Arrival, Outcome
from coldchain.journal import runs, sqlite
from coldchain.journal.postgres import PostgresJournal
from coldchain.journal.sqlite import SqliteJournal
from coldchain.journal.store import StoredJournal

HOLES = 20_000


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoredJournal]:
    opened: StoredJournal
    if request.param == "sqlite":
        opened = SqliteJournal(tmp_path / "journal.db")
    else:
        opened = PostgresJournal(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


def every_other(count: int) -> list[Arrival]:
    return [arrival(seq=2 * n) for n in range(count)]


@dataclass
class Counted:
    rows: int = 0


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """How many rows SQLite gives out meanwhile."""
    counted, real = Counted(), sqlite._SqliteSession.rows

    def rows(self: Any, sql: str, parameters: Any = ()) -> list[Any]:
        found = real(self, sql, parameters)
        counted.rows += len(found)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(sqlite._SqliteSession, "rows", rows)
        yield counted


def test_a_commit_and_a_look_at_the_mark_read_no_more_rows_however_many_holes_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.append(every_other(HOLES))
    with counting(monkeypatch) as counted:
        assert journal.append([arrival(seq=HOLES + 1)])[0].outcome is Outcome.NO_READING  # fills a hole in the middle
        mark = journal.watermark("LG-1")
        journal.requested([mark], DAWN)
    assert counted.rows < 4 * runs.WINDOW
    assert mark.committed_through == (7, 0)
    assert mark.resend[:2] == ((7, 1, 1), (7, 3, 3))
    journal.close()


def test_among_many_holes_numbers_are_known_filled_and_given_up(journal: StoredJournal) -> None:
    journal.append(every_other(3000))
    again = journal.append([arrival(seq=5998), arrival(seq=4001), arrival(seq=4001), arrival(seq=5001)])
    assert [one.outcome for one in again] == [
        Outcome.DUPLICATE, Outcome.NO_READING, Outcome.DUPLICATE, Outcome.NO_READING,
    ]  # fmt: skip
    assert journal.gaps("LG-1") == []
    journal.append([arrival(seq=6000, oldest=(7, 5990))])
    given_up = journal.gaps("LG-1")
    assert len(given_up) == 5990 // 2 - 2
    assert not {4001, 5001} & {gap.first_seq for gap in given_up}
    mark = journal.watermark("LG-1")
    assert mark.committed_through == (7, 5990)
    assert mark.resend == tuple((7, n, n) for n in (5991, 5993, 5995, 5997, 5999))
    assert journal.append([arrival(seq=5991)])[0].outcome is Outcome.NO_READING
    assert journal.watermark("LG-1").committed_through == (7, 5992)


numbers = st.tuples(st.integers(1, 3), st.integers(0, 14))
commits = st.tuples(
    st.lists(numbers, min_size=1, max_size=6), st.one_of(st.none(), numbers), st.booleans()
)  # numbers that arrive, what the last message states as the oldest, whether the logger is asked afterwards


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(commits, min_size=1, max_size=12))
def test_looking_at_the_lowest_holes_only_decides_the_same(
    story: list[tuple[list[tuple[int, int]], tuple[int, int] | None, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        narrow, wide = SqliteJournal(Path(folder) / "narrow.db"), SqliteJournal(Path(folder) / "wide.db")
        for some, oldest, asked in story:
            batch = [arrival(boot=boot, seq=seq) for boot, seq in some[:-1]]
            boot, seq = some[-1]
            batch.append(arrival(boot=boot, seq=seq, oldest=oldest if oldest and oldest <= some[-1] else None))
            patch.setattr(runs, "WINDOW", 3)
            seen = narrow.append(batch), narrow.watermark("LG-1"), narrow.gaps()
            if asked:
                narrow.requested([seen[1]], DAWN)
            patch.undo()
            receipts, mark, gaps = wide.append(batch), wide.watermark("LG-1"), wide.gaps()
            if asked:
                wide.requested([seen[1]], DAWN)
            assert seen[0] == receipts
            assert seen[2] == gaps
            assert seen[1].committed_through == mark.committed_through
            assert seen[1].resend == mark.resend[: len(seen[1].resend)]
            assert bool(seen[1].resend) == bool(mark.resend)
        narrow.close()
        wide.close()
