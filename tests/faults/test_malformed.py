"""Thousands of broken messages: nothing stops, and everything that arrived is accounted for with a reason."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake import journal_at, listening, logger_at, native, publish_all, rows_of, written

from coldchain.clock import SystemClock
from coldchain.domain.message import Envelope, Outcome, Refusal
from coldchain.domain.reading import shard_of
from coldchain.journal.sqlite import SqliteJournal
from ingest.pipeline import Pipeline

# What takes the place of a number, a time, a text or a whole section.
BROKEN = [
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "9" * 400, "0x10", "1_000", "+5", ".5", "5.", "null",
    "true", "[]", "{}", '""', '"4.6"', '"nan"', '"\\ud800"', '"\\u0000"', '"2026-01-05"', '"1970-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59Z"', '"0001-01-01T00:00:00+23:59"', '"' + "x" * 300 + '"', "[" * 200 + "]" * 200, "-0", "85e1",
    '{"lat":0,"lon":0}', '{"lat":4294.9673,"lon":1}', '{"pct":101}', '"<script>alert(1)</script>"', '"=1+1"',
]  # fmt: skip
BYTES = [b"\xff", b"\x00", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\xed\xa0\x80", b"e", b"-", b" "]


def mutated(draw: random.Random, seq: int) -> bytes:
    """A good message with one to three things wrong (or, rarely, nothing)."""
    text = native("LG-1", seq, position={"lat": 48.1, "lon": 11.5}, battery={"pct": 87}, oldest={"boot": 1, "seq": 0})
    for _ in range(draw.randint(1, 3)):
        match draw.randrange(5):
            case 0:
                start = draw.randrange(len(text))
                text = text[:start] + text[start + draw.randint(1, 20) :]
            case 1:
                at = draw.randrange(len(text))
                text = text[:at] + draw.choice(BYTES) + text[at:]
            case 2:
                at = draw.randrange(len(text))
                end = at + draw.randint(1, 60)
                text = text[:end] + text[at:end] + text[end:]
            case _:
                tree = text.split(b": ")
                if len(tree) > 2:
                    index = draw.randrange(1, len(tree))
                    rest = tree[index].partition(b",")
                    tree[index] = draw.choice(BROKEN).encode() + b"".join(rest[1:])
                    text = b": ".join(tree)
    return text


def refusals(pipeline: Pipeline, envelopes: list[Envelope]) -> Iterator[Refusal]:
    for envelope in envelopes:
        arrival = pipeline.arrival(envelope)
        if arrival.refusal is not None:
            yield arrival.refusal
        for message in arrival.messages:
            yield from message.refusals


TOPICS = [
    "cc/LG-1/up",
    "cc/LG-2/up",
    f"cc/v1/main/{shard_of('LG-1')}/LG-1/up",
    "cc/v1/main/99/LG-1/up",
    "cc/v1/other/1/LG-1/up",
    "cc//up",
    "cc/LG-1/down",
    "cc/" + "x" * 200 + "/up",
    "oven",
]


def test_ten_thousand_malformed_messages_are_all_accounted_for(tmp_path: Path) -> None:
    draw, total = random.Random(20260105), 10_000
    now_ms = SystemClock().now_ms()
    with journal_at(tmp_path / "journal.db") as journal:
        pipeline = Pipeline(journal, SystemClock())
        outcomes: Counter[str] = Counter()
        for start in range(0, total, 1000):
            envelopes = [
                Envelope(
                    "mqtt",
                    draw.choice(TOPICS) if draw.random() < 0.2 else TOPICS[0],
                    mutated(draw, seq),
                    now_ms,
                    1,
                    retain=draw.random() < 0.05,
                    user=draw.choice([None, "LG-1"]),
                )
                for seq in range(start, start + 1000)
            ]
            for group in pipeline.submit(envelopes):
                assert len(group) >= 1
                for receipt in group:
                    outcomes[receipt.outcome.value] += 1
                    if receipt.outcome is Outcome.QUARANTINED:
                        assert receipt.refusals
            for refusal in refusals(pipeline, envelopes):
                assert refusal.field
                assert refusal.field.partition("[")[0] in refusal.reason
                assert refusal.reason.isprintable()
                assert "failed" not in refusal.reason  # our own code did not
                assert refusal.value is None or refusal.value in refusal.reason or refusal.field == "payload"
        assert outcomes.total() >= total
        assert set(outcomes) <= {"readings", "fault", "quarantined", "undecoded", "no_reading", "duplicate"}
        assert outcomes["quarantined"] > total / 4
        for row in journal.read(0, 1_000_000):
            assert row.temperature_mc is None or -200_000 <= row.temperature_mc <= 150_000
            assert row.logger == "LG-1"
        pipeline.submit([Envelope("mqtt", "cc/LG-3/up", native("LG-3", 0), now_ms, 1)])
        assert rows_of(journal)[-1][0] == "LG-3"


def test_the_bytes_of_what_was_refused_are_kept_exactly(tmp_path: Path) -> None:
    draw = random.Random(7)
    with journal_at(tmp_path / "journal.db") as journal:
        pipeline = Pipeline(journal, SystemClock())
        for seq in range(300):
            payload = mutated(draw, seq)
            [group] = pipeline.submit([Envelope("mqtt", "cc/LG-1/up", payload, SystemClock().now_ms(), 1)])
            if len(group) == 1 and group[0].outcome is Outcome.QUARANTINED:
                stored = journal.message(group[0].message)
                assert stored is not None
                assert stored.envelope.payload == payload


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with journal_at(tmp_path_factory.mktemp("fuzz") / "journal.db") as journal:
        yield Pipeline(journal, SystemClock())


@settings(max_examples=400, deadline=None)
@given(payload=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="surrogatepass")))
def test_any_bytes_get_one_receipt_each(pipeline: Pipeline, payload: bytes) -> None:
    for source in ("cc/LG-1/up", "cc/v1/main/1/LG-1/up"):
        [group] = pipeline.submit([Envelope("mqtt", source, payload, SystemClock().now_ms(), 1)])
        assert all(receipt.outcome in (Outcome.QUARANTINED, Outcome.DUPLICATE) for receipt in group)


NUMBER = st.sampled_from(BROKEN) | st.floats().map(json.dumps) | st.integers().map(str)


@settings(max_examples=400, deadline=None)
@given(numbers=st.lists(NUMBER, min_size=1, max_size=6), seq=st.integers(0, 10**6))
def test_each_reading_of_a_batch_is_stored_or_refused_on_its_own(
    pipeline: Pipeline, numbers: list[str], seq: int
) -> None:
    readings = [
        f'{{"ts":"2026-01-05T10:{index:02d}:00Z","channel":"c{index}","values":{{"temperature_c":{number}}}}}'
        for index, number in enumerate([*numbers, "5.5"])
    ]
    payload = f'{{"device":"LG-9","boot":1,"seq":{seq},"readings":[{",".join(readings)}]}}'.encode()
    arrival = pipeline.arrival(Envelope("mqtt", "cc/LG-9/up", payload, SystemClock().now_ms(), 1))
    [message] = arrival.messages
    if message.refusals and message.refusals[0].field == "payload":
        assert not message.readings  # not even JSON
        return
    assert len(message.readings) + len(message.refusals) == len(readings)
    assert message.readings[-1].temperature_mc == 5500


def test_a_flood_of_nonsense_over_the_wire_leaves_the_good_neighbour_alone(tmp_path: Path) -> None:
    draw = random.Random(3)
    with (
        journal_at(tmp_path / "journal.db") as journal,
        written(journal) as writer,
        listening(writer, anonymous=True) as listener,
        logger_at(listener.port, "bad") as bad,
        logger_at(listener.port, "LG-2") as good,
    ):
        for seq in range(1500):
            bad.publish("cc/LG-1/up", mutated(draw, seq), qos=1)
        publish_all(good, "cc/LG-2/up", [native("LG-2", seq) for seq in range(50)])
        publish_all(bad, "cc/LG-1/up", [b"the last one"])
        assert sum(row[0] == "LG-2" for row in rows_of(journal)) == 50
        assert counted(journal) >= 1551


def counted(journal: SqliteJournal) -> int:
    """Messages that the journal knows of: stored and duplicate."""
    return sum(state.messages + state.duplicates for state in journal.loggers())
