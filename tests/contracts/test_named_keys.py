"""Messages with keys of their own are recognised for ever, and looking for them costs the same after any time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from journal_cast import DAWN, DAY, MINUTE, arrival, reading

from coldchain.domain.message import Arrival, Outcome
from coldchain.journal import sqlite
from coldchain.journal.pack import index_all_packs
from coldchain.journal.postgres import PostgresJournal
from coldchain.journal.sqlite import SqliteJournal
from coldchain.journal.store import StoredJournal
from coldchain.telemetry.embedded import compact

EACH = 20  # messages of each of two loggers a day


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoredJournal]:
    opened: StoredJournal
    if request.param == "sqlite":
        opened = SqliteJournal(tmp_path / "journal.db")
    else:
        opened = PostgresJournal(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


def named(day: int, number: int, logger: str = "LG-1") -> Arrival:
    minute = day * DAY // MINUTE + 10 * number
    key = f"session-1/{day}/{number}"
    return arrival(reading(minute, logger=logger), logger=logger, boot=None, seq=None, key=key)


def live(journal: StoredJournal, days: range) -> None:
    """Some days of messages, each compacted after its end."""
    for day in days:
        journal.append([named(day, number, logger) for number in range(EACH) for logger in ("LG-1", "LG-2")])
        journal.append([arrival(boot=1, seq=day, logger="LG-3", at_ms=DAWN + day * DAY)])
        compact(journal, journal.head(), DAWN + (day + 2) * DAY)


def test_a_message_of_any_compacted_day_is_recognised_and_a_new_one_is_stored(journal: StoredJournal) -> None:
    live(journal, range(12))
    for day in (0, 5, 11):
        again, other = journal.append([named(day, 3), named(day, EACH + day)])
        assert (again.outcome, other.outcome) == (Outcome.DUPLICATE, Outcome.READINGS)
    assert journal.append([arrival(boot=1, seq=4, logger="LG-3", at_ms=DAWN + 4 * DAY)])[0].outcome is Outcome.DUPLICATE


def test_a_look_up_reads_as_many_rows_after_sixty_compacted_days_as_after_six(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, counted, real = SqliteJournal(tmp_path / "journal.db"), [0], sqlite._SqliteSession.rows

    def rows(self: Any, sql: str, parameters: Any = ()) -> list[Any]:
        found = real(self, sql, parameters)
        counted[0] += len(found)
        return found

    monkeypatch.setattr(sqlite._SqliteSession, "rows", rows)
    took = []
    for days in (range(6), range(6, 60)):
        live(journal, days)
        counted[0] = 0
        journal.append([named(2, 3), named(1, 4, "LG-2"), named(100 + days[-1], 5)])
        took.append(counted[0])
    assert took[0] == took[1]
    journal.close()


def test_a_journal_that_was_packed_before_there_was_an_index_gets_it_when_it_is_opened(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    live(journal, range(3))
    with journal.database.write() as session:
        entries = sorted(session.rows("SELECT * FROM packed"))
        session.run("DROP TABLE packed")
        session.run("PRAGMA user_version=2")
    journal.close()
    reopened = SqliteJournal(tmp_path / "journal.db")
    with reopened.database.write() as session:
        assert sorted(session.rows("SELECT * FROM packed")) == entries
        index_all_packs(session)
        assert sorted(session.rows("SELECT * FROM packed")) == entries
    assert reopened.append([named(1, 3)])[0].outcome is Outcome.DUPLICATE
    reopened.close()
