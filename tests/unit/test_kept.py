"""What a person who connects a logger looks at: messages that nobody read, and what became of a message."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldchain.clock import HandClock
from coldchain.domain.message import Envelope
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from coldchain.journal.sqlite import SqliteJournal
from coldchain.telemetry.embedded import compact
from ingest.pipeline import Pipeline

NOON = 1_795_348_800_000
DAY = 86_400_000


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db")
    yield journal
    journal.close()


@pytest.fixture
def pipeline(journal: SqliteJournal) -> Pipeline:
    return Pipeline(journal, HandClock(NOON))


def unknown(topic: str, number: int, at_ms: int = NOON) -> Envelope:
    return Envelope("mqtt", topic, f'{{"t": {number}}}'.encode(), at_ms + number)


def native(logger: str, seq: int, at_ms: int = NOON) -> Envelope:
    readings = [{"ts": iso(at_ms - place * 60_000), "values": {"temperature_c": 4 + place}} for place in range(3)]
    body = {"v": 1, "device": logger, "boot": 1, "seq": seq, "readings": readings}
    return Envelope("mqtt", f"cc/{logger}/up", json.dumps(body).encode(), at_ms)


def test_sources_that_nobody_reads_are_counted_and_the_latest_stands_first(
    journal: SqliteJournal, pipeline: Pipeline
) -> None:
    pipeline.submit([unknown("barn/1", n) for n in range(30)])
    pipeline.submit([native("L1", 1), unknown("barn/2\x00'; --", 31)])
    first, second = journal.unread()
    assert (first.transport, first.source, first.messages, first.last_ms) == ("mqtt", "barn/2\x00'; --", 1, NOON + 31)
    assert (second.source, second.messages, second.undecoded, second.logger) == ("barn/1", 30, 30, None)
    assert second.size == sum(len(f'{{"t": {n}}}') for n in range(30))


def test_the_newest_messages_of_one_source_are_found_again(journal: SqliteJournal, pipeline: Pipeline) -> None:
    pipeline.submit([unknown(f"barn/{n % 2}", n) for n in range(60)])
    found = journal.alike("mqtt", "barn/1", None, 20)
    assert [one.envelope.payload for one in found] == [f'{{"t": {n}}}'.encode() for n in range(59, 19, -2)]
    assert journal.alike("mqtt", "barn/9", None, 20) == []


def test_a_message_leads_to_its_readings_before_and_after_compaction(
    journal: SqliteJournal, pipeline: Pipeline
) -> None:
    [[receipt]] = pipeline.submit([native("L1", 1)])
    pipeline.submit([native("L1", 2, NOON + 3_600_000), native("L2", 1)])
    stored = journal.message(receipt.message)
    assert stored is not None
    hot = journal.became(stored)
    assert [r.temperature_mc for r in hot] == [4000, 5000, 6000]
    compact(journal, journal.head(), NOON + 9 * DAY)
    packed = journal.message(receipt.message)
    assert packed is not None
    assert journal.became(packed) == hot


def test_a_message_that_was_decoded_again_shows_both_meanings_and_is_no_longer_unread(
    journal: SqliteJournal, pipeline: Pipeline
) -> None:
    [[first], [other]] = pipeline.submit([native("L1", 1), native("L1", 2, NOON + 3_600_000)])
    meant = Reading("L1", "internal", NOON, NOON, "device", temperature_mc=9000, device_profile="better@2")
    journal.reinterpret("decision", {first.message: [meant]})
    stored, untouched = journal.message(first.message), journal.message(other.message)
    assert stored is not None
    assert untouched is not None
    assert [(r.interpretation, r.temperature_mc) for r in journal.became(stored)] == [
        (1, 4000), (1, 5000), (1, 6000), (2, 9000),
    ]  # fmt: skip
    assert {r.interpretation for r in journal.became(untouched)} == {1}
    wrong = Envelope("mqtt", "cc/L1/up", b'{"device": "L1", "readings": "none"}', NOON)
    [[refused]] = pipeline.submit([wrong])
    assert [one.newest for one in journal.unread()] == [refused.message]
    journal.reinterpret("another", {refused.message: [meant._replace(event_time_ms=NOON + 1)]})
    assert journal.unread() == []
