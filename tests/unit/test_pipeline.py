"""From envelope to receipt, and the writer that commits in groups."""

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from intake import journal_at, native, rows_of, written
from servers import wait_until

from coldchain.clock import HandClock, SystemClock
from coldchain.domain.message import Arrival, Decoded, Envelope, Outcome, Receipt, Watermark
from coldchain.domain.reading import Reading, flag_names
from coldchain.errors import InvalidValue, NotFound, TransientError
from coldchain.journal.sqlite import SqliteJournal
from ingest.downlink import Downlink, watermark_json
from ingest.pipeline import Pipeline
from ingest.webhook import accept
from ingest.writer import Parcel, Receipts, Writer
from sensors.carriers.port import PLAIN, Context

NOW = SystemClock().now_ms()


def envelope(payload: bytes, topic: str = "cc/LG-1/up", **more: Any) -> Envelope:
    return Envelope("mqtt", topic, payload, NOW, 1, **more)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    with journal_at(tmp_path / "journal.db") as journal:
        yield journal


class Clumsy:
    """A carrier with a bug."""

    name, source, filters = "clumsy@1", "clumsy", ()

    def claims(self, envelope: Envelope) -> bool:
        return True

    def recognises(self, envelope: Envelope) -> bool:
        return True

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        raise ZeroDivisionError("on a Sunday")


def test_a_carrier_that_raises_loses_no_message(journal: SqliteJournal) -> None:
    [[receipt]] = Pipeline(journal, SystemClock(), carriers=[Clumsy()]).submit([envelope(b"\xffsomething")])
    assert receipt.outcome is Outcome.QUARANTINED
    [stored] = journal.refused(Outcome.QUARANTINED, None, 10)
    assert stored.envelope.payload == b"\xffsomething"
    assert "ZeroDivisionError: on a Sunday" in stored.refusals[0].reason


def test_each_envelope_gets_the_receipts_of_its_own_messages(journal: SqliteJournal) -> None:
    batch = b"[" + native("LG-1", 1) + b"," + native("LG-1", 2) + b"]"
    groups = Pipeline(journal, SystemClock()).submit(
        [envelope(native("LG-1", 0)), envelope(batch), envelope(b"?"), envelope(native("LG-1", 2))]
    )
    assert [[receipt.outcome.value for receipt in group] for group in groups] == [
        ["readings"], ["readings", "readings"], ["quarantined"], ["duplicate"],
    ]  # fmt: skip


def test_a_topic_that_no_carrier_knows_is_kept_as_undecoded(journal: SqliteJournal) -> None:
    [[receipt]] = Pipeline(journal, SystemClock()).submit([envelope(b"21.5", "oven/temperature")])
    assert receipt.outcome is Outcome.UNDECODED
    assert "oven/temperature" in journal.refused(Outcome.UNDECODED, None, 10)[0].refusals[0].reason


def test_future_and_unset_clocks_are_flagged_on_what_is_stored(journal: SqliteJournal) -> None:
    def at(stamp: str, seq: int) -> bytes:
        reading = {"ts": stamp, "values": {"temperature_c": 9}}
        return json.dumps({"device": "LG-1", "boot": 1, "seq": seq, "readings": [reading]}).encode()

    pipeline = Pipeline(journal, SystemClock())
    pipeline.submit(
        [
            envelope(at("1970-01-01T00:00:10Z", 0)),
            envelope(at("2190-01-01T00:00:00Z", 1))._replace(received_at_ms=NOW + 7),
        ]
    )
    assert [(row.event_time_ms - NOW, flag_names(row.flags), row.device_time) for row in journal.read(0, 10)] == [
        (0, ["clock_suspect"], "1970-01-01T00:00:10Z"), (7, ["clock_suspect"], "2190-01-01T00:00:00Z"),
    ]  # fmt: skip


class Recording:
    """Settles parcels into a list."""

    def __init__(self) -> None:
        self.settled: list[Receipts] = []

    def parcel(self, *payloads: bytes) -> Parcel:
        return Parcel([envelope(payload) for payload in payloads], self.settled.append)

    def outcomes(self) -> list[list[str]]:
        return [[receipt.outcome.value for receipt in group] for receipts in self.settled for group in receipts]


def test_what_arrives_within_the_window_is_committed_together_and_settled_in_order(journal: SqliteJournal) -> None:
    commits: list[int] = []

    class Counting(Pipeline):
        def submit(self, envelopes: Sequence[Envelope]) -> list[list[Receipt]]:
            commits.append(len(envelopes))
            return super().submit(envelopes)

    order: list[int] = []
    writer = Writer(Counting(journal, SystemClock()))
    for number in range(50):
        writer.offer(Parcel([envelope(native("LG-1", number))], lambda _, number=number: order.append(number)))
    writer.start()
    wait_until(lambda: len(order) == 50, what="all of them")
    writer.stop()
    assert (commits, order) == ([50], list(range(50)))


def test_no_commit_is_larger_than_a_batch_and_a_parcel(journal: SqliteJournal) -> None:
    sizes: list[int] = []

    class Counting(Pipeline):
        def submit(self, envelopes: Sequence[Envelope]) -> list[list[Receipt]]:
            sizes.append(len(envelopes))
            return super().submit(envelopes)

    record = Recording()
    writer = Writer(Counting(journal, SystemClock()), batch=10, capacity=20)
    for part in range(9):
        writer.offer(record.parcel(*(native("LG-1", part * 6 + seq) for seq in range(6))))
    assert writer.full
    writer.start()
    wait_until(lambda: len(record.settled) == 9, what="all of them")
    writer.stop()
    assert sum(sizes) == 54
    assert max(sizes) <= 16
    assert not writer.full


def test_large_messages_make_smaller_commits_so_that_neither_memory_nor_waiting_grows_with_them(
    journal: SqliteJournal,
) -> None:
    sizes: list[int] = []

    class Counting(Pipeline):
        def submit(self, envelopes: Sequence[Envelope]) -> list[list[Receipt]]:
            sizes.append(len(envelopes))
            return super().submit(envelopes)

    record = Recording()
    writer = Writer(Counting(journal, SystemClock()), window_s=1.0)
    for seq in range(9):
        writer.offer(record.parcel(native("LG-1", seq))._replace(size=400_000))
    writer.start()
    wait_until(lambda: len(record.settled) == 9, what="all of them")
    writer.stop()
    assert sizes == [3, 3, 3]


class Moody(SqliteJournal):
    """A journal that fails as it is told."""

    failures: list[Exception]
    poison: bytes | None = None
    attempts = 0

    def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop()
        if self.poison is not None and any(
            message.payload == self.poison for arrival in arrivals for message in arrival.messages
        ):
            raise ValueError("this one breaks it")
        return super().append(arrivals)


@pytest.fixture
def moody(tmp_path: Path) -> Iterator[Moody]:
    journal = Moody(tmp_path / "moody.db")
    journal.failures = []
    yield journal
    journal.close()


@pytest.mark.parametrize("failure", [TransientError("disk full"), RuntimeError("a bug"), MemoryError()])
def test_after_a_failed_commit_nothing_is_settled_until_it_succeeds(moody: Moody, failure: Exception) -> None:
    moody.failures = [failure, failure]
    record = Recording()
    with written(moody) as writer:
        writer.offer(record.parcel(native("LG-1", 0)))
        wait_until(lambda: writer.trouble is not None, what="trouble")
        assert record.settled == []
        wait_until(lambda: bool(record.settled), what="the settlement")
    assert record.outcomes() == [["readings"]]
    assert (moody.attempts, writer.trouble) == (3, None)


def test_one_message_that_no_commit_survives_is_set_aside_and_its_neighbours_stored(moody: Moody) -> None:
    moody.poison = native("LG-1", 3)
    record = Recording()
    with written(moody) as writer:
        writer.offer(record.parcel(*(native("LG-1", seq) for seq in range(8))))
        wait_until(lambda: bool(record.settled), 30, "the settlement")
        assert writer.alive
    assert record.outcomes() == [["quarantined"] if seq == 3 else ["readings"] for seq in range(8)]
    [stored] = moody.refused(Outcome.QUARANTINED, None, 10)
    assert (stored.envelope.payload, "this one breaks it" in stored.refusals[0].reason) == (moody.poison, True)


def test_a_sender_that_raises_when_it_is_settled_does_not_stop_the_writer(journal: SqliteJournal) -> None:
    def broken(_: Receipts) -> None:
        raise RuntimeError("a bug")

    record = Recording()
    with written(journal) as writer:
        writer.offer(Parcel([envelope(native("LG-1", 0))], broken))
        writer.offer(record.parcel(native("LG-1", 1)))
        wait_until(lambda: bool(record.settled), what="the settlement")
        assert writer.alive
    assert len(rows_of(journal)) == 2


def test_stopping_commits_what_waits(journal: SqliteJournal) -> None:
    record = Recording()
    with written(journal, window_s=60) as writer:
        writer.offer(record.parcel(native("LG-1", 0)))
    assert record.outcomes() == [["readings"]]


def test_stopping_ends_although_the_journal_cannot_be_written(moody: Moody) -> None:
    moody.failures = [TransientError("disk full")] * 1000
    record = Recording()
    with written(moody) as writer:
        writer.offer(record.parcel(native("LG-1", 0)))
        wait_until(lambda: writer.trouble is not None, what="trouble")
    assert (writer.alive, record.settled) == (False, [])


def test_a_webhook_commits_before_it_answers(journal: SqliteJournal) -> None:
    pipeline = Pipeline(journal, SystemClock())
    body = b"[" + native("LG-1", 0) + b"," + native("LG-2", 0) + b"]"
    receipts = accept(pipeline, "native", body, "application/json", None, NOW)
    assert [(receipt.outcome, receipt.logger) for receipt in receipts] == [
        (Outcome.READINGS, "LG-1"), (Outcome.READINGS, "LG-2"),
    ]  # fmt: skip
    assert len(rows_of(journal)) == 2
    assert [r.outcome for r in accept(pipeline, "auto", body, None, None, NOW)] == [Outcome.DUPLICATE] * 2


def test_a_webhook_of_an_unknown_source_or_size_is_refused(journal: SqliteJournal) -> None:
    pipeline = Pipeline(journal, SystemClock())
    with pytest.raises(NotFound, match="native"):
        accept(pipeline, "elsewhere", b"{}", None, None, NOW)
    with pytest.raises(InvalidValue, match="4194305"):
        accept(pipeline, "native", b"x" * 4_194_305, None, None, NOW)
    [receipt] = accept(pipeline, "native", b"x" * 4_194_304, None, None, NOW)
    assert receipt.outcome is Outcome.QUARANTINED
    assert journal.head() > 0


def test_a_caller_that_is_a_logger_speaks_for_itself_only(journal: SqliteJournal) -> None:
    body = b"[" + native("LG-1", 0) + b"," + native("LG-2", 0) + b"]"
    receipts = accept(Pipeline(journal, SystemClock()), "native", body, None, "LG-1", NOW)
    assert [receipt.outcome for receipt in receipts] == [Outcome.READINGS, Outcome.QUARANTINED]


def test_the_down_message_is_the_contracts() -> None:
    mark = Watermark("LG-1", (7, 1893), ((7, 1890, 1892),))
    assert json.loads(watermark_json(mark) or b"") == {
        "v": 1, "committed_through": {"boot": 7, "seq": 1893}, "resend": [{"boot": 7, "from": 1890, "to": 1892}],
    }  # fmt: skip
    assert watermark_json(Watermark("LG-1", None)) is None


def test_a_logger_is_told_at_most_once_a_second_and_the_last_word_is_never_lost(journal: SqliteJournal) -> None:
    clock = HandClock(NOW)
    downlink, pipeline = Downlink(journal, clock), Pipeline(journal, clock)
    told = []
    for seq in range(30):
        pipeline.submit([envelope(native("LG-1", seq))])
        downlink.note("LG-1")
        told += [json.loads(text)["committed_through"]["seq"] for _, text, _ in downlink.due()]
        clock.advance(125)
    clock.advance(1000)
    told += [json.loads(text)["committed_through"]["seq"] for _, text, _ in downlink.due()]
    assert told == [0, 8, 16, 24, 29]
    assert downlink.due() == []


def test_decoding_needs_no_clock_and_no_journal() -> None:
    class Nothing:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} was used")

    pipeline = Pipeline(Nothing(), Nothing())  # type: ignore[arg-type]
    [decoded] = pipeline.arrival(envelope(native("LG-1", 0))).messages
    assert isinstance(decoded, Decoded)
    assert isinstance(decoded.readings[0], Reading)


def test_many_threads_may_offer_at_once(journal: SqliteJournal) -> None:
    record = Recording()
    with written(journal, batch=50) as writer:

        def send(name: str) -> None:
            for seq in range(100):
                writer.offer(Parcel([envelope(native(name, seq), f"cc/{name}/up")], record.settled.append))

        threads = [threading.Thread(target=send, args=(f"LG-{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: len(record.settled) == 400, 30, "all of them")
    assert len(set(rows_of(journal))) == 400
