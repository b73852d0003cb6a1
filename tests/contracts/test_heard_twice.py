"""One advertisement that two gateways hear is one message in the journal, whatever each of them writes around it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldchain.clock import SystemClock
from coldchain.domain.message import Envelope, Outcome, Receipt
from coldchain.journal.sqlite import SqliteJournal
from ingest.pipeline import Pipeline
from sensors.carriers.shipped import carriers

NOW = 1_767_607_200_000
FRAME = "0201061BFF990405039C4FB0C87D0004FFFC03F8AF16421267F12C6A01EE42"


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    journal = SqliteJournal(tmp_path / "journal.db")
    yield Pipeline(journal, SystemClock(), carriers=carriers())
    journal.close()


def submitted(pipeline: Pipeline, gateway: str, body: dict[str, object], at_ms: int = NOW) -> Receipt:
    payload = json.dumps({"gw_mac": gateway, "data": FRAME} | body).encode()
    [[receipt]] = pipeline.submit([Envelope("mqtt", f"ruuvi/{gateway}/F1:2C:6A:01:EE:42", payload, at_ms)])
    return receipt


def test_the_second_gateway_adds_nothing_and_is_no_conflict(pipeline: Pipeline) -> None:
    first = submitted(pipeline, "AA:00:00:00:00:01", {"ts": "1767607190", "rssi": -60})
    second = submitted(pipeline, "AA:00:00:00:00:02", {"ts": "1767607191", "rssi": -93})
    assert [first.outcome, second.outcome] == [Outcome.READINGS, Outcome.DUPLICATE]
    assert second.message == first.message


def test_hours_later_it_is_still_the_same_message(pipeline: Pipeline) -> None:
    submitted(pipeline, "AA:00:00:00:00:01", {"ts": "1767607190"})
    late = submitted(pipeline, "AA:00:00:00:00:02", {"ts": "1767607190", "rssi": -93}, NOW + 7_200_000)
    assert late.outcome == Outcome.DUPLICATE


def test_without_a_gateways_clock_it_is_the_same_for_one_interval(pipeline: Pipeline) -> None:
    outcomes = [
        submitted(pipeline, gateway, {"rssi": rssi}, NOW + after_ms).outcome
        for gateway, rssi, after_ms in (
            ("AA:00:00:00:00:01", -60, 0), ("AA:00:00:00:00:02", -93, 800), ("AA:00:00:00:00:01", -61, 120_000),
        )
    ]  # fmt: skip
    assert outcomes == [Outcome.READINGS, Outcome.DUPLICATE, Outcome.READINGS]
