"""What a journal does, on SQLite and on PostgreSQL alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_cast import DAWN, DAY, MINUTE, arrival, content, nonsense, reading

from coldchain.domain.message import Outcome, Refusal, Watermark
from coldchain.domain.reading import flag_bits, flag_names
from coldchain.journal.lookup import loggers_named
from coldchain.journal.postgres import PostgresJournal
from coldchain.journal.sqlite import SqliteJournal
from coldchain.journal.store import StoredJournal
from coldchain.telemetry.embedded import compact


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoredJournal]:
    if request.param == "sqlite":
        opened: StoredJournal = SqliteJournal(tmp_path / "journal.db")
    else:
        opened = PostgresJournal(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


@pytest.fixture(params=["hot", "compacted"])
def settle(request: pytest.FixtureRequest, journal: StoredJournal) -> "Settle":
    return Settle(journal, compacting=request.param == "compacted")


class Settle:
    """Called between two appends: compacts everything so far, or does nothing, and the answer must be the same."""

    def __init__(self, journal: StoredJournal, *, compacting: bool) -> None:
        self._journal, self._compacting, self._days = journal, compacting, 40

    def __call__(self) -> None:
        if self._compacting:
            self._days += 1
            compact(self._journal, self._journal.head(), DAWN + self._days * DAY)


# --- offsets ---------------------------------------------------------------------------------------------------------


def test_an_empty_journal_has_head_zero_and_nothing_to_read(journal: StoredJournal) -> None:
    assert journal.head() == 0
    assert journal.read(0, 10) == []
    assert journal.notices(0, 10) == []
    assert journal.loggers() == []
    assert journal.append([]) == []


def test_a_message_takes_an_offset_and_its_readings_the_next_ones(journal: StoredJournal) -> None:
    [receipt] = journal.append([arrival(reading(0, 5.0), reading(5, 5.1))])
    assert receipt.outcome is Outcome.READINGS
    first, second = receipt.stored
    assert receipt.message < first.offset < second.offset <= journal.head()
    assert (first.message, second.message) == (receipt.message, receipt.message)
    assert journal.read(0, 10) == [first, second]
    assert journal.read(first.offset, 10) == [second]


def test_offsets_grow_and_reading_by_pages_sees_every_row_once(journal: StoredJournal, settle: Settle) -> None:
    for seq in range(10):
        journal.append([arrival(*(reading(seq * 3 + k, 5.0) for k in range(3)), seq=seq)])
        if seq == 5:
            settle()
    seen, after = [], 0
    while page := journal.read(after, 4):
        seen += page
        after = page[-1].offset
    assert [r.event_time_ms for r in seen] == [DAWN + k * MINUTE for k in range(30)]
    assert sorted({r.offset for r in seen}) == [r.offset for r in seen]


def test_every_field_of_a_reading_comes_back_as_it_was(journal: StoredJournal, settle: Settle) -> None:
    full = reading(
        0, -18.5, channel="probe-1", humidity_mpct=51_000, latitude_e7=-481_371_000, longitude_e7=115_754_000,
        battery_mpct=87_000, battery_mv=2_950, light_mlux=0, door_open=False, shock_mg=400, pressure_mhpa=1_013_250,
        historical=True, fault=None, device_alarm="high \u0000 ü", device_profile="native@1",
        flags=flag_bits("retained"), device_time="05.01.26 00:00", time_source="network",
    )  # fmt: skip
    broken = reading(1, None, channel="probe-1", fault="probe_open", device_time=None)
    [receipt] = journal.append([arrival(full, broken)])
    settle()
    stored, faulty = journal.read(0, 10)
    kept = full._replace(boot=7, seq=0, device_alarm="high ␀ ü", offset=stored.offset, message=receipt.message)
    assert stored == kept
    assert stored.door_open is False
    assert stored.historical is True
    assert (faulty.fault, faulty.temperature_mc, faulty.device_time) == ("probe_open", None, None)


def test_a_message_comes_back_with_its_own_bytes(journal: StoredJournal, settle: Settle) -> None:
    payload = bytes(range(256))
    [receipt] = journal.append([arrival(reading(0), payload=payload)])
    journal.append([arrival(reading(1), seq=1)])
    settle()
    found = journal.message(receipt.message)
    assert found is not None
    assert (found.logger, found.key, found.adapter, found.outcome) == ("LG-1", "7:0", "native@1", Outcome.READINGS)
    assert found.envelope.payload == payload
    assert (found.envelope.source, found.envelope.qos, found.envelope.transport) == ("cc/LG-1/up", 1, "mqtt")
    assert journal.message(receipt.message + 1) is None


# --- message keys ----------------------------------------------------------------------------------------------------


def test_the_same_key_and_bytes_again_is_a_duplicate(journal: StoredJournal, settle: Settle) -> None:
    once = arrival(reading(0), reading(1))
    [first] = journal.append([once])
    settle()
    [again] = journal.append([once])
    assert (again.outcome, again.message, again.stored, again.duplicates) == (Outcome.DUPLICATE, first.message, (), 2)
    assert len(journal.read(0, 10)) == 2


def test_a_message_twice_in_one_batch_is_a_duplicate_too(journal: StoredJournal) -> None:
    first, second, third = journal.append([arrival(reading(0)), arrival(reading(0)), arrival(reading(1), seq=1)])
    assert [r.outcome for r in (first, second, third)] == [Outcome.READINGS, Outcome.DUPLICATE, Outcome.READINGS]
    assert second.message == first.message


def test_the_same_key_with_other_bytes_is_a_conflict_that_keeps_both_versions(
    journal: StoredJournal, settle: Settle
) -> None:
    [first] = journal.append([arrival(reading(0, 5.0))])
    settle()
    [other] = journal.append([arrival(reading(0, 6.0))])
    assert (other.outcome, other.stored) == (Outcome.QUARANTINED, ())
    assert str(first.message) in other.refusals[0].reason
    assert journal.message(other.message) is not None
    assert [m.offset for m in journal.refused(Outcome.QUARANTINED, None, 10)] == [other.message]
    assert [n.kind for n in journal.notices(0, 10)] == ["seen", "conflict"]
    settle()
    [again] = journal.append([arrival(reading(0, 6.0))])
    assert (again.outcome, again.message) == (Outcome.DUPLICATE, other.message)


def test_keys_of_other_carriers_are_unique_for_ever_per_logger(journal: StoredJournal, settle: Settle) -> None:
    named = arrival(reading(0), boot=None, seq=None, key="session-9/12")
    [first] = journal.append([named])
    settle()
    [again] = journal.append([named])
    [conflict] = journal.append([arrival(reading(0, 7.0), boot=None, seq=None, key="session-9/12")])
    [stranger] = journal.append([arrival(reading(0), logger="LG-2", boot=None, seq=None, key="session-9/12")])
    assert (again.outcome, again.message) == (Outcome.DUPLICATE, first.message)
    assert conflict.outcome is Outcome.QUARANTINED
    assert stranger.outcome is Outcome.READINGS


def test_a_message_without_a_key_is_known_by_its_content_for_one_interval(journal: StoredJournal) -> None:
    def sent(after_s: int, *, dup: bool = False) -> Outcome:
        at_ms = DAWN + after_s * 1000
        row = reading(0, 4.0, time_source="arrival", event_time_ms=at_ms, record_time_ms=at_ms, device_time=None)
        [receipt] = journal.append([arrival(row, boot=None, seq=None, key="", payload=b"4.0", at_ms=at_ms, dup=dup)])
        return receipt.outcome

    assert sent(0) is Outcome.READINGS
    assert sent(59) is Outcome.DUPLICATE
    assert sent(61) is Outcome.READINGS
    assert sent(600, dup=True) is Outcome.DUPLICATE
    assert len(journal.read(0, 10)) == 2


def test_the_window_of_a_content_key_is_the_declared_interval(journal: StoredJournal) -> None:
    def sent(after_s: int) -> Outcome:
        row = reading(0, time_source="arrival", event_time_ms=DAWN + after_s * 1000)
        message = arrival(
            row, boot=None, seq=None, key="", payload=b"x", at_ms=DAWN + after_s * 1000, interval_ms=600_000
        )
        return journal.append([message])[0].outcome

    assert [sent(0), sent(599), sent(601)] == [Outcome.READINGS, Outcome.DUPLICATE, Outcome.READINGS]


# --- reading keys ----------------------------------------------------------------------------------------------------


def test_a_reading_that_another_message_brought_already_is_a_duplicate(journal: StoredJournal, settle: Settle) -> None:
    journal.append([arrival(reading(0), reading(5))])
    settle()
    [partly] = journal.append([arrival(reading(5), reading(10), seq=1)])
    assert (partly.outcome, partly.duplicates) == (Outcome.READINGS, 1)
    assert [r.event_time_ms for r in partly.stored] == [DAWN + 10 * MINUTE]
    settle()
    [wholly] = journal.append([arrival(reading(0), reading(10), seq=2)])
    assert (wholly.outcome, wholly.duplicates, wholly.stored) == (Outcome.DUPLICATE, 2, ())


def test_other_values_at_one_moment_from_another_message_are_a_tie(journal: StoredJournal, settle: Settle) -> None:
    journal.append([arrival(reading(0, 5.0))])
    settle()
    [receipt] = journal.append([arrival(reading(0, 6.0), seq=1)])
    [tie] = receipt.stored
    assert (tie.tie, flag_names(tie.flags)) == (1, ["tie"])
    settle()
    [third] = journal.append([arrival(reading(0, 6.0), seq=2)])
    assert third.outcome is Outcome.DUPLICATE


@pytest.mark.parametrize(("boot", "seq", "key"), [(None, None, "a"), (7, 0, "other")])
def test_other_values_at_one_moment_without_a_number_of_their_own_are_a_conflict(
    journal: StoredJournal, settle: Settle, boot: int | None, seq: int | None, key: str
) -> None:
    journal.append([arrival(reading(0, 5.0), reading(5, 5.0))])
    settle()
    [receipt] = journal.append([arrival(reading(0, 6.0), reading(10, 6.0), boot=boot, seq=seq, key=key)])
    assert receipt.outcome is Outcome.READINGS
    assert [r.event_time_ms for r in receipt.stored] == [DAWN + 10 * MINUTE]
    [refusal] = receipt.refusals
    assert (refusal.channel, refusal.event_time_ms) == ("internal", DAWN)
    assert "2026-01-05T00:00:00.000Z" in refusal.reason
    assert [r.temperature_mc for r in journal.read(0, 10)] == [5000, 5000, 6000]


def test_two_values_for_one_moment_in_one_message_keep_the_first(journal: StoredJournal) -> None:
    [receipt] = journal.append([arrival(reading(0, 5.0), reading(0, 6.0), reading(0, 5.0))])
    assert [r.temperature_mc for r in receipt.stored] == [5000]
    assert receipt.duplicates == 1
    assert len(receipt.refusals) == 1


def test_a_fault_and_a_value_at_one_moment_are_not_equal(journal: StoredJournal) -> None:
    journal.append([arrival(reading(0, None, fault="probe_open"))])
    [receipt] = journal.append([arrival(reading(0, None, fault="probe_short"), seq=1)])
    assert receipt.stored[0].tie == 1


# --- outcomes and quarantine -----------------------------------------------------------------------------------------


def test_the_outcome_is_the_first_that_applies(journal: StoredJournal) -> None:
    refusal = Refusal("temperature_c is 900: no sensor says that", "temperature_c", "900", "internal", DAWN)
    outcomes = [
        receipt.outcome
        for receipt in journal.append([
            arrival(reading(0), reading(1, None, fault="probe_open"), seq=0),
            arrival(reading(2, None, fault="probe_open"), seq=1),
            arrival(refusals=[refusal], seq=2),
            arrival(reading(3), refusals=[refusal], seq=3),
            arrival(status={"battery_pct": 80}, seq=4),
            arrival(reading(4), seq=5, transport="file"),
            nonsense(),
            nonsense(b"?", undecoded=True),
        ])
    ]  # fmt: skip
    assert outcomes == [
        Outcome.READINGS, Outcome.FAULT, Outcome.QUARANTINED, Outcome.READINGS, Outcome.NO_READING, Outcome.FILE,
        Outcome.QUARANTINED, Outcome.UNDECODED,
    ]  # fmt: skip


def test_what_was_refused_is_listed_with_bytes_and_reason_newest_first(journal: StoredJournal, settle: Settle) -> None:
    refusal = Refusal("humidity_pct is 140", "humidity_pct", "140", "internal", DAWN)
    bad, part, good, alien = journal.append([
        nonsense(), arrival(reading(0), refusals=[refusal]), arrival(reading(1), seq=1), nonsense(b"?", undecoded=True),
    ])  # fmt: skip
    settle()
    listed = journal.refused(Outcome.QUARANTINED, None, 10)
    assert [m.offset for m in listed] == [part.message, bad.message]
    assert listed[0].refusals == (refusal,)
    assert listed[1].envelope.payload == b"\xff\x00hello"
    assert listed[1].logger is None
    assert [m.offset for m in journal.refused(Outcome.QUARANTINED, part.message, 10)] == [bad.message]
    assert [m.offset for m in journal.refused(Outcome.UNDECODED, None, 10)] == [alien.message]
    assert good.refusals == ()


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\u202eoops", "'; DROP TABLE reading; --", "x" * 10_000, "\n\t"])
def test_hostile_texts_are_stored_and_harm_nothing(journal: StoredJournal, settle: Settle, text: str) -> None:
    refusal = Refusal(f"value is {text}", text, text, "internal", DAWN)
    hostile = reading(0, device_time=text, device_alarm=text)
    message = arrival(hostile, boot=None, seq=None, key=f"k-{text}", payload=b"1", refusals=[refusal])
    [receipt] = journal.append([message._replace(envelope=message.envelope._replace(source=text, content_type=text))])
    settle()
    kept = journal.message(receipt.message)
    assert kept is not None
    assert (kept.envelope.source, kept.refusals) == (text, (refusal,))
    assert [r.temperature_mc for r in journal.read(0, 10)] == [5_000]
    assert journal.append([message])[0].outcome is Outcome.DUPLICATE


def test_an_unreadable_envelope_sent_twice_is_kept_once(journal: StoredJournal) -> None:
    first, second = journal.append([nonsense(at_ms=DAWN), nonsense(at_ms=DAWN + 1000)])
    [much_later] = journal.append([nonsense(at_ms=DAWN + DAY)])
    assert (second.outcome, second.message) == (Outcome.DUPLICATE, first.message)
    assert much_later.outcome is Outcome.QUARANTINED


def test_everything_that_was_sent_is_accounted_for(journal: StoredJournal) -> None:
    refusal = Refusal("no", "x", "1")
    journal.append([
        arrival(reading(0), reading(1), seq=0), arrival(reading(0), reading(1), seq=0),
        arrival(reading(1), reading(2), refusals=[refusal], seq=1),
        arrival(reading(1, 9.0), key="k", boot=None, seq=None),
    ])  # fmt: skip
    state = journal.logger("LG-1")
    assert state is not None
    assert (state.readings, state.duplicates, state.quarantined) == (3, 3, 2)
    assert state.readings + state.duplicates + state.quarantined == 8


def test_notices_say_what_happened_each_under_its_own_offset(journal: StoredJournal) -> None:
    refusal = Refusal("no", "x", "1")
    suspect = reading(5, flags=flag_bits("clock_suspect"))
    journal.append([arrival(reading(0), refusals=[refusal]), nonsense(), nonsense(b"?", undecoded=True)])
    journal.append([arrival(suspect, seq=1), arrival(suspect._replace(event_time_ms=DAWN + DAY), seq=2)])
    notices = journal.notices(0, 100)
    assert [(n.kind, n.logger) for n in notices] == [
        ("seen", "LG-1"), ("quarantined", "LG-1"), ("quarantined", None), ("undecoded", None),
        ("clock_suspect", "LG-1"),
    ]  # fmt: skip
    assert len({n.offset for n in notices}) == 5
    assert journal.notices(notices[0].offset, 1) == [notices[1]]
    assert {r.offset for r in journal.read(0, 100)}.isdisjoint(n.offset for n in notices)


# --- watermark and gaps ----------------------------------------------------------------------------------------------


def through(journal: StoredJournal, logger: str = "LG-1") -> tuple[int, int] | None:
    return journal.watermark(logger).committed_through


def commit(journal: StoredJournal, *numbers: int, boot: int = 7, oldest: tuple[int, int] | None = None) -> None:
    journal.append([arrival(reading(boot * 10_000 + n), boot=boot, seq=n, oldest=oldest) for n in numbers])


def test_a_logger_that_was_never_heard_may_forget_nothing(journal: StoredJournal) -> None:
    assert through(journal) is None
    assert journal.logger("LG-1") is None


def test_the_count_starts_at_the_first_message(journal: StoredJournal) -> None:
    commit(journal, 1890)
    assert journal.watermark("LG-1")[1:] == ((7, 1890), ())
    commit(journal, 1888)
    assert journal.watermark("LG-1")[1:] == ((7, 1890), ())


def test_the_count_starts_at_what_the_first_message_calls_the_oldest(journal: StoredJournal) -> None:
    commit(journal, 1893, oldest=(7, 1891))
    assert journal.watermark("LG-1")[1:] == (None, ((7, 1891, 1892),))
    commit(journal, 1892, 1891)
    assert journal.watermark("LG-1")[1:] == ((7, 1893), ())


def test_a_hole_holds_the_mark_and_is_asked_for(journal: StoredJournal) -> None:
    commit(journal, 0, 1, 2, 6, 7, 9)
    assert journal.watermark("LG-1")[1:] == ((7, 2), ((7, 3, 5), (7, 8, 8)))
    commit(journal, 4)
    assert journal.watermark("LG-1")[1:] == ((7, 2), ((7, 3, 3), (7, 5, 5), (7, 8, 8)))
    commit(journal, 3, 5)
    assert through(journal) == (7, 7)
    commit(journal, 8)
    assert journal.watermark("LG-1")[1:] == ((7, 9), ())
    assert journal.gaps() == []


def test_what_is_quarantined_or_repeated_counts_as_committed(journal: StoredJournal) -> None:
    commit(journal, 0)
    journal.append([arrival(refusals=[Refusal("no")], seq=1), arrival(reading(70_000), seq=2)])
    assert through(journal) == (7, 2)


def test_a_restarted_logger_counts_from_zero_in_a_higher_boot(journal: StoredJournal) -> None:
    commit(journal, 5, 6)
    commit(journal, 0, 1, boot=8)
    assert through(journal) == (8, 1)
    commit(journal, 3, boot=9)
    assert journal.watermark("LG-1")[1:] == ((8, 1), ((9, 0, 2),))


def test_a_boot_that_still_holds_messages_keeps_the_mark_from_the_next_boot(journal: StoredJournal) -> None:
    commit(journal, 0, 1)
    commit(journal, 0, boot=8, oldest=(7, 2))
    assert journal.watermark("LG-1")[1:] == ((7, 1), ((7, 2, 2),))
    commit(journal, 2, oldest=(7, 2))
    commit(journal, 1, boot=8, oldest=(8, 0))
    assert journal.watermark("LG-1")[1:] == ((8, 1), ())


def test_when_oldest_passes_a_hole_it_becomes_a_gap_and_the_mark_moves_on(journal: StoredJournal) -> None:
    commit(journal, 0, 1, 5)
    commit(journal, 6, oldest=(7, 4))
    assert [(g.boot, g.first_seq, g.last_seq) for g in journal.gaps("LG-1")] == [(7, 2, 3)]
    assert journal.watermark("LG-1")[1:] == ((7, 1 + 2), ((7, 4, 4),))
    commit(journal, 4)
    assert journal.watermark("LG-1")[1:] == ((7, 6), ())
    assert [n.kind for n in journal.notices(0, 10)] == ["seen", "gap"]
    assert journal.logger("LG-1").gaps == 1  # type: ignore[union-attr]
    assert journal.gaps("LG-2") == []


def test_a_buffer_that_overflowed_across_a_restart_leaves_its_gaps(journal: StoredJournal) -> None:
    commit(journal, 0, 1, 4)
    commit(journal, 9, boot=8, oldest=(8, 7))
    assert [(g.boot, g.first_seq, g.last_seq) for g in journal.gaps()] == [(7, 2, 3), (8, 0, 6)]
    assert journal.watermark("LG-1")[1:] == ((8, 6), ((8, 7, 8),))


def test_three_requests_in_vain_make_a_gap_with_the_next_message(journal: StoredJournal) -> None:
    commit(journal, 0, 2)
    for _ in range(3):
        assert journal.watermark("LG-1").resend == ((7, 1, 1),)
        journal.requested([Watermark("LG-1", None, ((7, 1, 1),))], DAWN)
    commit(journal, 3)
    assert [(g.boot, g.first_seq, g.last_seq) for g in journal.gaps()] == [(7, 1, 1)]
    assert journal.watermark("LG-1")[1:] == ((7, 3), ())


def test_a_fourth_request_is_not_sent_in_vain(journal: StoredJournal) -> None:
    commit(journal, 0, 2)
    for _ in range(4):
        journal.requested([Watermark("LG-1", None, ((7, 1, 1),))], DAWN + 5)
    [gap] = journal.gaps()
    assert (gap.first_seq, gap.recorded_at_ms) == (1, DAWN + 5)
    assert through(journal) == (7, 2)


def test_an_answer_to_a_part_of_a_request_starts_the_counting_again(journal: StoredJournal) -> None:
    commit(journal, 0, 3)
    for _ in range(3):
        journal.requested([Watermark("LG-1", None, ((7, 1, 2),))], DAWN)
    commit(journal, 1)
    commit(journal, 4)
    assert journal.gaps() == []
    assert journal.watermark("LG-1").resend == ((7, 2, 2),)


def test_a_logger_that_answers_is_given_time_for_its_other_holes(journal: StoredJournal) -> None:
    commit(journal, 0, 2, 3, 5)
    for _ in range(3):
        journal.requested([Watermark("LG-1", None, ((7, 1, 1), (7, 4, 4)))], DAWN)
    commit(journal, 1)
    commit(journal, 6)
    assert journal.gaps() == []
    assert journal.watermark("LG-1")[1:] == ((7, 3), ((7, 4, 4),))


def test_what_a_logger_says_it_still_holds_is_never_given_up(journal: StoredJournal) -> None:
    commit(journal, 0, 2, oldest=(7, 1))
    for _ in range(5):
        journal.requested([Watermark("LG-1", None, ((7, 1, 1),))], DAWN)
    commit(journal, 3, oldest=(7, 1))
    assert journal.gaps() == []
    assert journal.watermark("LG-1")[1:] == ((7, 0), ((7, 1, 1),))


def test_the_watermarks_of_several_loggers_come_in_the_order_asked_for(journal: StoredJournal) -> None:
    journal.append([arrival(reading(0), logger="B", seq=3), arrival(reading(0), logger="A", seq=1)])
    assert journal.watermarks(["A", "nobody", "B"]) == [
        Watermark("A", (7, 1)), Watermark("nobody", None), Watermark("B", (7, 3)),
    ]  # fmt: skip
    journal.requested([], DAWN)
    assert journal.watermarks([]) == []


def test_a_message_that_was_given_up_is_still_stored_and_shrinks_its_gap(journal: StoredJournal) -> None:
    commit(journal, 0, 5)
    commit(journal, 6, oldest=(7, 5))
    assert through(journal) == (7, 6)
    commit(journal, 2)
    assert [(g.first_seq, g.last_seq) for g in journal.gaps()] == [(1, 1), (3, 4)]
    assert len(journal.read(0, 10)) == 4


def test_the_mark_never_moves_back(journal: StoredJournal) -> None:
    commit(journal, 0, 1)
    commit(journal, 0, boot=8)
    commit(journal, 1, boot=8, oldest=(7, 1))
    commit(journal, 5, boot=7)
    assert through(journal) == (8, 1)


def test_a_jump_of_a_million_numbers_is_one_hole(journal: StoredJournal) -> None:
    commit(journal, 0)
    commit(journal, 1_000_000)
    assert journal.watermark("LG-1")[1:] == ((7, 0), ((7, 1, 999_999),))


# --- loggers ---------------------------------------------------------------------------------------------------------


def test_the_journal_knows_a_logger_from_its_messages_alone(journal: StoredJournal) -> None:
    journal.append([arrival(reading(0, battery_mpct=90_000), reading(5, battery_mpct=87_000), seq=4)])
    journal.append([arrival(reading(10, flags=flag_bits("future")), seq=5)])
    state = journal.logger("LG-1")
    assert state is not None
    assert (state.first_heard_ms, state.last_heard_ms) == (DAWN + 5 * MINUTE + 250, DAWN + 10 * MINUTE + 250)
    assert (state.last_event_ms, state.boot, state.seq) == (DAWN + 5 * MINUTE, 7, 5)
    assert (state.battery_mpct, state.clock_offset_ms, state.messages) == (87_000, 250, 2)
    assert [s.logger for s in journal.loggers()] == ["LG-1"]


def test_a_message_without_measurements_updates_the_battery(journal: StoredJournal) -> None:
    journal.append([arrival(status={"battery_pct": 41.5, "battery_v": 2.9})])
    state = journal.logger("LG-1")
    assert state is not None
    assert (state.battery_mpct, state.battery_mv) == (41_500, 2_900)


def test_the_interval_is_estimated_once_from_the_first_twelve_differences(journal: StoredJournal) -> None:
    journal.append([arrival(*(reading(5 * n) for n in range(12)), seq=0)])
    assert journal.logger("LG-1").interval_ms is None  # type: ignore[union-attr]
    journal.append([arrival(reading(60), seq=1)])
    assert journal.logger("LG-1").interval_ms == 5 * MINUTE  # type: ignore[union-attr]
    journal.append([arrival(*(reading(60 + n) for n in range(1, 50)), seq=2)])
    assert journal.logger("LG-1").interval_ms == 5 * MINUTE  # type: ignore[union-attr]


def test_a_declared_interval_goes_before_the_estimated_one(journal: StoredJournal) -> None:
    journal.append([arrival(*(reading(5 * n) for n in range(20)), interval_ms=600_000)])
    assert journal.logger("LG-1").interval_ms == 600_000  # type: ignore[union-attr]


def test_what_is_remembered_between_commits_is_what_the_tables_hold(journal: StoredJournal) -> None:
    refusal = Refusal("no", "x", "1")
    common = [arrival(reading(5 * n, battery_mpct=90_000 - n), seq=n, oldest=(7, n // 2)) for n in range(16)]
    rare = [
        arrival(reading(80), seq=16, interval_ms=300_000),
        arrival(reading(80), seq=17), arrival(reading(85), seq=18, refusals=[refusal]), arrival(reading(90), seq=18),
        arrival(reading(95, flags=flag_bits("clock_suspect")), seq=19), arrival(reading(96), seq=20),
        arrival(reading(97, flags=flag_bits("future")), seq=21), arrival(status={"battery_pct": 12}, seq=22),
        arrival(reading(100), seq=25), arrival(reading(105), seq=26), arrival(reading(110), seq=0, boot=8),
        arrival(reading(115), key="named", boot=None), arrival(reading(120), seq=1, boot=8, oldest=(8, 0)),
    ]  # fmt: skip
    for one in common + rare:
        journal.append([one])
        with journal.database.read() as session:
            assert loggers_named(session, ["LG-1"]) == journal._finder._loggers


def test_what_is_remembered_is_bounded_and_forgetting_it_changes_nothing(
    journal: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("words._CACHE_LIMIT", "store._NAMES_LIMIT", "lookup._CACHE_LIMIT", "lookup._SERIES_LIMIT"):
        monkeypatch.setattr(f"coldchain.journal.{place}", 3)
    sent = [
        arrival(reading(seq, channel=f"probe-{seq}", device_alarm=f"alarm {seq % 4}"), logger=name, seq=seq)
        for seq in range(12)
        for name in ("A", "B", "C", "D")
    ]
    for one in sent:
        journal.append([one])
        assert journal.read(journal.head() - 6, 100)[-1].channel == one.messages[0].readings[0].channel
    assert [content(r) for r in journal.read(0, 100)] == [content(r) for one in sent for r in one.messages[0].readings]
    assert {r.device_alarm for r in journal.read(0, 100)} == {f"alarm {n}" for n in range(4)}
    remembered = (journal._finder._series, journal._finder._loggers, journal._words.numbers)
    assert all(len(cache) <= 8 for cache in remembered)


def test_the_bell_tells_a_waiting_reader_the_new_head(journal: StoredJournal) -> None:
    journal.bell.listen()
    journal.append([arrival(reading(0))])
    assert journal.bell.wait(5.0) == journal.head()
    assert journal.bell.wait(0.01) is None
