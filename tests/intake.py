"""A journal with the listener before it, and loggers that publish: what the tests of intake share."""

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from servers import wait_until

from coldchain.clock import SystemClock
from coldchain.domain.quantity import iso
from coldchain.journal.port import Journal
from coldchain.journal.sqlite import SqliteJournal
from ingest.listener import Listener
from ingest.pipeline import Pipeline
from ingest.writer import Writer

DAWN_MS = int(time.time() * 1000) - 10 * 86_400_000


def native(logger: str, seq: int, boot: int = 1, **more: Any) -> bytes:
    """A canonical message of one reading; each `seq` is a minute of its own."""
    reading = {"ts": iso(DAWN_MS + seq * 60_000), "values": {"temperature_c": 4 + seq % 100 / 100}}
    return json.dumps({"v": 1, "device": logger, "boot": boot, "seq": seq, "readings": [reading], **more}).encode()


@contextmanager
def written(journal: Journal, **options: Any) -> Iterator[Writer]:
    """A writer at work before `journal`."""
    writer = Writer(Pipeline(journal, SystemClock()), **options)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


@contextmanager
def journal_at(path: Path) -> Iterator[SqliteJournal]:
    """A SQLite journal."""
    journal = SqliteJournal(path)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def listening(writer: Writer, **options: Any) -> Iterator[Listener]:
    """A listener on a free port, in an event loop of its own thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listener = Listener(writer, **{"port": 0, **options})
    asyncio.run_coroutine_threadsafe(listener.start(), loop).result(10)
    try:
        yield listener
    finally:
        asyncio.run_coroutine_threadsafe(listener.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def logger_at(
    port: int, name: str = "LG-1", version: int = mqtt.MQTTv311, password: str | None = None
) -> Iterator[mqtt.Client]:
    """A connected paho client that keeps what it heard in `userdata`."""
    heard: list[tuple[str, bytes, bool]] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=version, userdata=heard)
    client.on_message = lambda _client, kept, message: kept.append((message.topic, message.payload, message.retain))
    if password is not None:
        client.username_pw_set(name, password)
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        wait_until(client.is_connected, what="the connection")
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def publish_all(client: mqtt.Client, topic: str, payloads: list[bytes]) -> None:
    """Publish with QoS 1 and wait for every acknowledgement."""
    sent = [client.publish(topic, payload, qos=1) for payload in payloads]
    for message in sent:
        message.wait_for_publish(30)
        assert message.is_published()


def rows_of(journal: Journal) -> list[tuple[str, str, int]]:
    """Every stored reading as (logger, channel, event time)."""
    return [(r.logger, r.channel, r.event_time_ms) for r in journal.read(0, 1_000_000)]


def integrity(path: Path) -> str:
    """What SQLite says of the file."""
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()
