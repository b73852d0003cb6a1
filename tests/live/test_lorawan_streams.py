"""A ChirpStack and a Things Stack publish through a real Mosquitto while connections and the broker come and go."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from intake import DAWN_MS, integrity, journal_at, logger_at, publish_all, rows_of
from lorawan_messages import SHIPPED, TOPICS, chirpstack, things_stack
from servers import Mosquitto, wait_until

from coldchain.clock import SystemClock
from coldchain.domain.quantity import iso
from coldchain.journal.sqlite import SqliteJournal
from ingest.pipeline import Pipeline
from ingest.subscriber import Subscriber
from ingest.writer import Writer
from sensors.carriers.shipped import carriers
from sensors.device_profiles.catalogue import Snapshot

pytestmark = pytest.mark.server

QUARTER = 150
EUIS = {"chirpstack": "24e124136b0000c5", "things-stack": "24e124136b000075"}


def from_chirpstack(count: int) -> Any:
    event = chirpstack(
        {"temperature": 4.5, "humidity": 51}, fCnt=count or None, time=iso(DAWN_MS + count * 60_000), rxInfo=[],
        deduplicationId=f"6f0c3f6e-61f6-4f6f-9d0a-{count:012x}",
    )  # fmt: skip
    event["deviceInfo"]["devEui"] = EUIS["chirpstack"]
    return event


def from_things_stack(count: int) -> Any:
    versions = {"brand_id": "milesight-iot", "model_id": "em300-th"}
    message = things_stack(
        {"temperature": 4.5, "humidity": 51}, f_cnt=count or None, received_at=iso(DAWN_MS + count * 60_000),
        version_ids=versions,
    )  # fmt: skip
    message["end_device_ids"]["dev_eui"] = EUIS["things-stack"].upper()
    return message


STREAMS: dict[str, Callable[[int], Any]] = {"chirpstack": from_chirpstack, "things-stack": from_things_stack}


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    profiles = SHIPPED.profiles
    assert isinstance(profiles, Snapshot)
    with journal_at(tmp_path / "journal.db") as journal:
        made = Writer(Pipeline(journal, SystemClock(), carriers=carriers(), profiles=lambda: profiles))
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def subscribed(writer: Writer, url: str, client_id: str) -> Iterator[Subscriber]:
    subscriber = Subscriber(writer, url, client_id=client_id)
    subscriber.start()
    try:
        wait_until(lambda: subscriber.connected, what="the subscription")
        yield subscriber
    finally:
        subscriber.stop()


def minutes(writer: Writer, source: str) -> list[int]:
    """The uplinks that were stored, by their counter."""
    journal = writer.pipeline.journal
    assert isinstance(journal, SqliteJournal)
    return sorted((at_ms - DAWN_MS) // 60_000 for name, _, at_ms in rows_of(journal) if name == EUIS[source].upper())


def topic_of(source: str) -> str:
    return TOPICS[source].replace("24e124136b00c0de", EUIS[source])


@pytest.mark.parametrize("source", STREAMS)
def test_a_stream_loses_and_doubles_nothing_while_connections_and_the_broker_come_and_go(
    mosquitto: Mosquitto, writer: Writer, tmp_path: Path, source: str
) -> None:
    client_id, topic = f"lorawan-{source}", topic_of(source)
    uplinks = [json.dumps(STREAMS[source](count)).encode() for count in range(4 * QUARTER)]

    def send(part: int) -> None:
        with logger_at(mosquitto.port, f"server-{source}") as server:
            publish_all(server, topic, uplinks[part * QUARTER : (part + 1) * QUARTER])

    def all_there(parts: int) -> None:
        wanted = list(range(parts * QUARTER))
        wait_until(lambda: minutes(writer, source) == wanted, 30, f"the first {parts} parts")

    with subscribed(writer, mosquitto.url, client_id):
        send(0)
        all_there(1)
    send(1)  # nobody is there: the session keeps them
    with subscribed(writer, mosquitto.url, client_id) as subscriber:
        all_there(2)
        mosquitto.restart()
        wait_until(lambda: subscriber.connected and subscriber.alive, 20, "the next subscription")
        send(2)
        cut(subscriber)
        all_there(3)
        send(3)
        all_there(4)
        for part in range(4):  # a bridge that was cut off too sends everything again
            send(part)
        with logger_at(mosquitto.port, f"last-{source}") as server:
            publish_all(server, topic, [json.dumps(STREAMS[source](4 * QUARTER)).encode()])
        wait_until(lambda: minutes(writer, source)[-1] == 4 * QUARTER, 30, "what came after everything again")
    assert minutes(writer, source) == list(range(4 * QUARTER + 1))
    assert integrity(tmp_path / "journal.db") == "ok"


def cut(subscriber: Subscriber) -> None:
    wait_until(lambda: subscriber._client is not None and subscriber._client.socket() is not None, what="a connection")
    assert subscriber._client is not None
    wire = subscriber._client.socket()
    if isinstance(wire, socket.socket):
        wire.shutdown(socket.SHUT_RDWR)
