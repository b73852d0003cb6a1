"""The telemetry stores under one suite: embedded on SQLite and PostgreSQL, hot and compacted, and InfluxDB."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from journal_cast import DAWN, DAY, MINUTE, arrival, reading
from telemetry_contract import END, Store, TelemetryContract, minutes, spread

from coldchain.domain.message import Arrival, Outcome
from coldchain.domain.reading import flag_bits, flag_names
from coldchain.errors import NotFound
from coldchain.journal.postgres import PostgresJournal
from coldchain.journal.sqlite import SqliteJournal
from coldchain.journal.store import StoredJournal
from coldchain.telemetry.embedded import EmbeddedTelemetry, compact, sizes
from coldchain.telemetry.influx import InfluxTelemetry
from coldchain.telemetry.influx_lines import reading_line
from coldchain.telemetry.influx_server import InfluxAddress
from coldchain.telemetry.influx_writer import InfluxWriter

LATER = DAWN + 500 * DAY


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoredJournal]:
    if request.param == "sqlite":
        opened: StoredJournal = SqliteJournal(tmp_path / "journal.db")
    else:
        opened = PostgresJournal(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


class TestEmbedded(TelemetryContract):
    """Hot only; all compacted; or compacted after each message, so that every later one is merged into its day."""

    @pytest.fixture(params=["hot", "compacted", "compacted each time"])
    def store(self, request: pytest.FixtureRequest, journal: StoredJournal) -> Store:
        def filled(*arrivals: Arrival) -> EmbeddedTelemetry:
            for one in arrivals:
                journal.append([one])
                if request.param == "compacted each time":
                    compact(journal, journal.head(), LATER)
            if request.param == "compacted":
                compact(journal, journal.head(), LATER)
            return EmbeddedTelemetry(journal)

        return filled

    def test_every_reading_of_a_shared_moment_is_flagged_as_a_tie(self, store: Store) -> None:
        told = store(arrival(reading(0, 7.0), reading(1, 7.0)), arrival(reading(0, 6.0), seq=1))
        assert [flag_names(r.flags) for r in told.readings("LG-1", 0, END)] == [["tie"], ["tie"], []]

    def test_a_value_counts_from_the_earliest_message_that_carried_it(self, store: Store) -> None:
        told = store(arrival(reading(0, 7.0), seq=3), arrival(reading(0, 6.0), seq=2), arrival(reading(0, 7.0), seq=1))
        assert told.track("LG-1", "internal", 0, END).temperature_mc.tolist() == [7_000, 6_000]


@pytest.mark.server
class TestInflux(TelemetryContract):
    @pytest.fixture
    def store(self, influx: servers.Influx, tmp_path: Path) -> Iterator[Store]:
        address = InfluxAddress(influx.url, influx.token, influx.org, influx.bucket, 10.0)
        journal, writer, reader = SqliteJournal(tmp_path / "j.db"), InfluxWriter(address), InfluxTelemetry(address)

        def filled(*arrivals: Arrival) -> InfluxTelemetry:
            journal.append(arrivals)
            lines = [reading_line(one) for one in journal.read(0, 10_000)]
            if lines:
                writer.write(lines)
            return reader

        yield filled
        for opened in (journal, writer, reader):
            opened.close()


# --- the embedded store as a history, and its compaction -------------------------------------------------------------


def test_an_earlier_moment_is_seen_as_it_was_then(journal: StoredJournal) -> None:
    journal.append(spread(0, 1))
    then = journal.head()
    journal.append([arrival(reading(30, 9.0), reading(1470, 9.0), seq=9)])
    store = EmbeddedTelemetry(journal)
    for _ in range(2):
        track = store.track_through("LG-1", "internal", DAWN, DAWN + DAY, then)
        assert track.temperature_mc.tolist() == [5_000, 5_100, 5_200, 5_300]
        assert minutes(store, 0, 120) == [0, 30, 60]
        compact(journal, journal.head(), LATER)


def test_only_closed_days_that_the_engine_has_passed_are_compacted(journal: StoredJournal) -> None:
    journal.append(spread(0))
    passed = journal.head()
    journal.append([*spread(1), *spread(0, logger="LG-2"), *spread(2)])
    assert compact(journal, passed, DAWN + 2 * DAY + 2 * 3_600_000).readings == 4
    assert compact(journal, journal.head(), DAWN + 2 * DAY + 2 * 3_600_000).readings == 8
    assert compact(journal, journal.head(), DAWN + 3 * DAY).readings == 0
    assert sizes(journal).hot_readings == 4


def test_the_running_day_is_compacted_when_too_much_is_hot(journal: StoredJournal) -> None:
    journal.append(spread(0, per_day=10))
    assert compact(journal, journal.head(), DAWN + 12 * 3_600_000, hot_limit=5).readings == 10
    journal.append([arrival(reading(30), seq=1), arrival(reading(700), seq=2)])
    store = EmbeddedTelemetry(journal)
    assert minutes(store, 0, 1440) == [0, 30, *range(60, 600, 60), 700]
    compact(journal, journal.head(), LATER)
    assert minutes(store, 0, 1440) == [0, 30, *range(60, 600, 60), 700]
    assert sizes(journal).segments == 1


def test_compacting_twice_changes_nothing(journal: StoredJournal) -> None:
    journal.append(spread(0, 1, 2))
    assert compact(journal, journal.head(), LATER)[:2] == (12, 3)
    before = sizes(journal)
    assert compact(journal, journal.head(), LATER) == (0, 0, 0)
    assert sizes(journal) == before


def test_reading_by_offset_continues_across_compactions_in_the_middle(journal: StoredJournal) -> None:
    journal.append(spread(2, 0, 1))
    journal.append(spread(*range(3, 20)))
    seen, after, turn = [], 0, 0
    while page := journal.read(after, 7):
        seen += page
        after = page[-1].offset
        turn += 1
        compact(journal, journal.head(), DAWN + turn * 3 * DAY, slice_rows=8)
    assert sizes(journal).segment_readings > 40
    assert [r.offset for r in seen] == sorted({r.offset for r in seen})
    assert len(seen) == 80
    assert journal.read(0, 1000) == seen


def test_a_stream_of_readings_survives_a_compaction_while_it_runs(journal: StoredJournal) -> None:
    journal.append(spread(*range(6)))
    store = EmbeddedTelemetry(journal)
    stream = store.readings("LG-1", DAWN, END)
    seen = [next(stream) for _ in range(5)]
    compact(journal, journal.head(), LATER)
    seen += list(stream)
    assert [r.event_time_ms for r in seen] == sorted({r.event_time_ms for r in seen})
    assert len(seen) == 24
    assert list(store.readings("LG-1", DAWN, END)) == seen


def test_a_rival_compaction_leaves_every_row_exactly_once(tmp_path: Path) -> None:
    first, second = SqliteJournal(tmp_path / "j.db"), SqliteJournal(tmp_path / "j.db")
    first.append(spread(*range(5)))
    write = second.database.write

    def late_write():  # type: ignore[no-untyped-def]  # the rival commits between our look and our swap
        second.database.write = write  # type: ignore[method-assign]
        compact(first, first.head(), LATER)
        return write()

    second.database.write = late_write  # type: ignore[method-assign]
    compact(second, second.head(), LATER)
    assert len(list(EmbeddedTelemetry(second).readings("LG-1", 0, END))) == 20
    assert sizes(second).segment_readings == 20
    first.close()
    second.close()


def test_original_messages_are_packed_and_found_by_offset(journal: StoredJournal) -> None:
    receipts = journal.append([*spread(0, 1), *spread(0, logger="LG-2")])
    assert compact(journal, journal.head(), LATER).messages == 3
    assert sizes(journal).hot_messages == 0
    for receipt in receipts:
        found = journal.message(receipt.message)
        assert found is not None
        assert (found.offset, found.logger) == (receipt.message, receipt.logger)
    assert journal.message(receipts[0].message + 1) is None


def ahead(minute: float, arrives: float, celsius: float = 9.0, **more: Any) -> Arrival:
    """A reading whose time has still to come when it arrives."""
    return arrival(
        reading(minute, celsius, flags=flag_bits("future")), at_ms=DAWN + int(arrives * MINUTE), **more
    )  # fmt: skip


def test_a_reading_from_the_future_is_the_latest_only_once_its_time_has_come(journal: StoredJournal) -> None:
    store = EmbeddedTelemetry(journal)
    journal.append([arrival(reading(0, 5.0))])
    journal.append([ahead(4, arrives=1, seq=1)])
    assert store.latest()["LG-1", "internal"].temperature_mc == 5_000
    assert journal.logger("LG-1").last_event_ms == DAWN  # type: ignore[union-attr]
    journal.append([arrival(reading(3.9), logger="LG-2")])
    assert store.latest()["LG-1", "internal"].temperature_mc == 5_000
    journal.append([arrival(reading(4), logger="LG-2", seq=1)])
    assert store.latest()["LG-1", "internal"].temperature_mc == 9_000
    assert journal.logger("LG-1").last_event_ms == DAWN + 4 * MINUTE  # type: ignore[union-attr]
    assert {state.logger: state.last_event_ms for state in journal.loggers()}["LG-1"] == DAWN + 4 * MINUTE


@pytest.mark.parametrize("fast_s", [2, 200])
def test_a_logger_whose_clock_runs_fast_is_as_live_as_any_other(journal: StoredJournal, fast_s: int) -> None:
    store = EmbeddedTelemetry(journal)
    for minute in range(10):
        journal.append([ahead(minute + fast_s / 60, arrives=minute, celsius=5.0 + minute, seq=minute)])
    shown = store.latest()["LG-1", "internal"]
    assert shown.event_time_ms <= DAWN + 9 * MINUTE
    assert shown.event_time_ms > DAWN + 8 * MINUTE - fast_s * 1000


def test_what_waits_for_its_time_is_found_after_its_day_was_compacted(journal: StoredJournal) -> None:
    journal.append([arrival(reading(0, 5.0)), ahead(4, arrives=1, seq=1)])
    compact(journal, journal.head(), LATER)
    assert EmbeddedTelemetry(journal).latest()["LG-1", "internal"].temperature_mc == 9_000


def test_what_was_superseded_while_it_waited_never_becomes_the_latest(journal: StoredJournal) -> None:
    journal.append([arrival(reading(0, 5.0))])
    [receipt] = journal.append([ahead(4, arrives=1, seq=1)])
    journal.reinterpret("decision-1", {receipt.message: [reading(1, 6.0)]})
    journal.append([arrival(reading(9), logger="LG-2")])
    assert EmbeddedTelemetry(journal).latest()["LG-1", "internal"].temperature_mc == 6_000


def test_the_latest_stays_when_its_day_is_compacted(journal: StoredJournal) -> None:
    store = EmbeddedTelemetry(journal)
    journal.append(spread(0))
    compact(journal, journal.head(), LATER)
    assert store.latest()["LG-1", "internal"].event_time_ms == DAWN + 180 * MINUTE
    journal.append(spread(1))
    assert store.latest()["LG-1", "internal"].event_time_ms == DAWN + (1440 + 180) * MINUTE
    compact(journal, journal.head(), LATER + DAY)
    assert store.latest()["LG-1", "internal"].event_time_ms == DAWN + (1440 + 180) * MINUTE


# --- decoding kept messages again ------------------------------------------------------------------------------------


@pytest.fixture(params=["hot", "compacted before", "compacted after", "compacted before and after"])
def turns(request: pytest.FixtureRequest, journal: StoredJournal) -> Callable[[], None]:
    """Called before and after the decision: compacts or not, and the answers must not differ."""
    calls = iter(["before", "after"])

    def turn() -> None:
        name = next(calls)
        if name in request.param:
            compact(journal, journal.head(), LATER + (DAY if name == "after" else 0))

    return turn


def test_a_higher_interpretation_supersedes_the_lower_one_and_keeps_it(
    journal: StoredJournal, turns: Callable[[], None]
) -> None:
    kept, other = journal.append([arrival(reading(0, 5.0), reading(1, 5.1)), arrival(reading(2, 5.2), seq=1)])
    then = journal.head()
    turns()
    store = EmbeddedTelemetry(journal)
    [receipt] = journal.reinterpret(
        "decision-1", {kept.message: [reading(0, -5.0), reading(1, 5.1, channel="probe-1")]}
    )
    turns()
    assert [(r.interpretation, r.message, r.seq) for r in receipt.stored] == [(2, kept.message, 0)] * 2
    current = [(r.channel, r.temperature_mc, r.interpretation) for r in store.readings("LG-1", 0, END)]
    assert current == [("internal", -5_000, 2), ("probe-1", 5_100, 2), ("internal", 5_200, 1)]
    assert store.track("LG-1", "internal", 0, END).temperature_mc.tolist() == [-5_000, 5_200]
    assert store.track_through("LG-1", "internal", 0, END, then).temperature_mc.tolist() == [5_000, 5_100, 5_200]
    assert {key[1]: r.temperature_mc for key, r in store.latest().items()} == {"internal": 5_200, "probe-1": 5_100}
    assert [r.interpretation for r in journal.read(0, 10)] == [1, 1, 1, 2, 2]
    assert other.stored[0].interpretation == 1


def test_the_latest_is_that_of_the_current_interpretation(journal: StoredJournal, turns: Callable[[], None]) -> None:
    older, newest = journal.append([arrival(reading(-5000, 4.0)), arrival(reading(0, 5.0), seq=1)])
    turns()
    journal.reinterpret("colder", {newest.message: [reading(0, -5.0)]})
    store = EmbeddedTelemetry(journal)
    assert store.latest()["LG-1", "internal"].temperature_mc == -5_000
    journal.reinterpret("nothing at all", {newest.message: []})
    turns()
    assert store.latest()["LG-1", "internal"].temperature_mc == 4_000
    journal.reinterpret("nothing either", {older.message: []})
    assert store.latest() == {}


def test_a_decision_is_applied_once(journal: StoredJournal) -> None:
    [kept] = journal.append([arrival(reading(0, 5.0))])
    assert len(journal.reinterpret("once", {kept.message: [reading(0, 6.0)]})) == 1
    assert journal.reinterpret("once", {kept.message: [reading(0, 7.0)]}) == []
    [r] = EmbeddedTelemetry(journal).readings("LG-1", 0, END)
    assert r.temperature_mc == 6_000
    with pytest.raises(NotFound):
        journal.reinterpret("of what", {kept.message + 1: []})


def test_the_original_message_sent_again_after_a_decision_is_still_a_duplicate(
    journal: StoredJournal, turns: Callable[[], None]
) -> None:
    [kept] = journal.append([arrival(reading(0, 5.0))])
    turns()
    journal.reinterpret("once", {kept.message: [reading(0, 6.0)]})
    turns()
    [again] = journal.append([arrival(reading(0, 5.0))])
    assert (again.outcome, again.message) == (Outcome.DUPLICATE, kept.message)
    [other] = journal.append([arrival(reading(0, 5.0), seq=1)])
    assert other.outcome is Outcome.DUPLICATE
