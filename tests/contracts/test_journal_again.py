"""Kept messages to be decoded again, on SQLite and on PostgreSQL, hot and compacted alike."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from journal_cast import DAWN, DAY, MINUTE, arrival, nonsense, reading

from coldchain.domain.message import Outcome
from coldchain.errors import NotFound
from coldchain.journal.postgres import PostgresJournal
from coldchain.journal.sqlite import SqliteJournal
from coldchain.journal.store import StoredJournal
from coldchain.telemetry.embedded import EmbeddedTelemetry, compact

ALL = (0, 1 << 60)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoredJournal]:
    if request.param == "sqlite":
        opened: StoredJournal = SqliteJournal(tmp_path / "journal.db")
    else:
        opened = PostgresJournal(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


@pytest.fixture(params=["hot", "compacted"])
def settle(request: pytest.FixtureRequest, journal: StoredJournal) -> Callable[[], None]:
    def turn() -> None:
        if request.param == "compacted":
            compact(journal, journal.head(), DAWN + 40 * DAY)

    return turn


def test_a_loggers_messages_come_back_with_what_they_mean_now(
    journal: StoredJournal, settle: Callable[[], None]
) -> None:
    first, second = journal.append([arrival(reading(0), reading(1)), arrival(reading(2), seq=1)])
    journal.append([arrival(reading(3), logger="LG-2")])
    settle()
    found = journal.meanings("LG-1", *ALL, 0, 10)
    assert [(one.message.offset, one.readings) for one in found] == [
        (first.message, first.stored), (second.message, second.stored),
    ]  # fmt: skip
    assert journal.meanings("LG-1", *ALL, first.message, 10) == found[1:]
    assert journal.meanings("LG-1", *ALL, 0, 1) == found[:1]
    assert journal.meanings("LG-9", *ALL, 0, 10) == []
    received = found[0].message.envelope.received_at_ms
    assert journal.meanings("LG-1", received + 1, received + 1, 0, 10) == []


def test_of_a_message_decoded_again_only_the_newest_meaning_stands(
    journal: StoredJournal, settle: Callable[[], None]
) -> None:
    [kept] = journal.append([arrival(reading(0, 5.0))])
    settle()
    [again] = journal.reinterpret("once", {kept.message: [reading(0, 6.0)]})
    [meaning] = journal.meanings("LG-1", *ALL, 0, 10)
    assert meaning.readings == again.stored
    journal.reinterpret("nothing", {kept.message: []})
    [meaning] = journal.meanings("LG-1", *ALL, 0, 10)
    assert meaning.readings == ()


def test_what_a_decision_put_out_of_force_is_told_with_its_offset(
    journal: StoredJournal, settle: Callable[[], None]
) -> None:
    kept, other = journal.append([arrival(reading(0), reading(1)), arrival(reading(2), seq=1)])
    settle()
    before = journal.head()
    assert journal.superseded(0, before) == []
    journal.reinterpret("once", {kept.message: []})
    middle = journal.head()
    assert journal.superseded(before, middle) == list(kept.stored)
    [third] = journal.reinterpret("twice", {other.message: [reading(2, 7.0), reading(3, 7.0)]})
    assert journal.superseded(middle, journal.head()) == []  # another value stands in its place
    middle = journal.head()
    journal.reinterpret("thrice", {other.message: [reading(3, 8.0)]})
    assert journal.superseded(middle, journal.head()) == [*other.stored, third.stored[0]]


def test_a_message_of_an_unknown_sender_is_taken_up_once_and_then_no_stray_any_more(journal: StoredJournal) -> None:
    stray, same = journal.append([nonsense(b'{"t": 5}', undecoded=True), nonsense(b'{"t": 6}', undecoded=True)])
    assert [one.offset for one in journal.strays(*ALL, 0, 10)] == [stray.message, same.message]
    said = arrival(reading(0, 5.0), logger="LG-7", payload=b'{"t": 5}')
    [receipt] = journal.adopt("once", {stray.message: said})
    assert (receipt.logger, receipt.outcome, len(receipt.stored)) == ("LG-7", Outcome.READINGS, 1)
    assert [one.offset for one in journal.strays(*ALL, 0, 10)] == [same.message]
    assert journal.adopt("once", {same.message: said}) == []
    [row] = EmbeddedTelemetry(journal).readings("LG-7", DAWN, DAWN + MINUTE)
    assert (row.temperature_mc, row.interpretation) == (5_000, 2)
    assert [one.offset for one in journal.refused(Outcome.UNDECODED, None, 10)] == [same.message]
    with pytest.raises(NotFound):
        journal.adopt("of what", {receipt.message: said})


def test_what_a_stray_became_can_be_decoded_again_too(journal: StoredJournal) -> None:
    [stray] = journal.append([nonsense(b'{"t": 5}', undecoded=True)])
    [receipt] = journal.adopt("once", {stray.message: arrival(reading(0, 5.0), logger="LG-7")})
    [again] = journal.reinterpret("twice", {receipt.message: [reading(0, 6.0, logger="LG-7")]})
    assert [one.interpretation for one in again.stored] == [3]
    [meaning] = journal.meanings("LG-7", *ALL, 0, 10)
    assert meaning.readings == again.stored
    assert EmbeddedTelemetry(journal).latest()["LG-7", "internal"].temperature_mc == 6_000


def test_a_stray_that_its_logger_has_sent_meanwhile_adds_nothing(journal: StoredJournal) -> None:
    [stray] = journal.append([nonsense(b'{"t": 5}', undecoded=True)])
    [live] = journal.append([arrival(reading(0, 5.0), logger="LG-7")])
    [receipt] = journal.adopt("once", {stray.message: arrival(reading(0, 5.0), logger="LG-7")})
    assert (receipt.outcome, receipt.message) == (Outcome.DUPLICATE, live.message)
    assert journal.strays(*ALL, 0, 10) == []


def test_strays_are_those_received_in_the_period(journal: StoredJournal) -> None:
    [receipt] = journal.append([nonsense(b"?", undecoded=True)])
    kept = journal.message(receipt.message)
    assert kept is not None
    at_ms = kept.envelope.received_at_ms
    assert journal.strays(at_ms, at_ms + 1, 0, 10) == [kept]
    assert journal.strays(at_ms + 1, at_ms + 2, 0, 10) == []
