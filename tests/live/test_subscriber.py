"""The subscriber at a real Mosquitto, with a SQLite journal behind it."""

import json
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from intake import DAWN_MS, integrity, journal_at, logger_at, native, publish_all, rows_of, written
from servers import Mosquitto, wait_until

from coldchain.clock import SystemClock
from coldchain.domain.message import Outcome
from coldchain.domain.reading import flag_names
from coldchain.errors import ConfigError, TransientError
from coldchain.journal.sqlite import SqliteJournal
from ingest.pipeline import Pipeline
from ingest.subscriber import Subscriber
from ingest.writer import Writer

pytestmark = pytest.mark.server


@pytest.fixture
def names(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A client id and a logger of this test's own: the broker outlives the test."""
    return f"ingest-{request.node.name}"[:60], f"LG-{abs(hash(request.node.name)) % 10**8}"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    with journal_at(tmp_path / "journal.db") as journal:
        yield journal


@contextmanager
def subscribed(writer: Writer, url: str, client_id: str) -> Iterator[Subscriber]:
    subscriber = Subscriber(writer, url, client_id=client_id)
    subscriber.start()
    try:
        wait_until(lambda: subscriber.connected, what="the subscription")
        yield subscriber
    finally:
        subscriber.stop()
        assert not subscriber.alive


def of(journal: SqliteJournal, logger: str) -> list[int]:
    return sorted((time_ms - DAWN_MS) // 60_000 for name, _, time_ms in rows_of(journal) if name == logger)


def test_messages_of_the_broker_are_stored_and_the_watermark_is_retained_there(
    mosquitto: Mosquitto, journal: SqliteJournal, names: tuple[str, str]
) -> None:
    client_id, logger = names
    with written(journal) as writer, subscribed(writer, mosquitto.url, client_id):
        with logger_at(mosquitto.port, logger) as client:
            publish_all(client, f"cc/{logger}/up", [native(logger, seq) for seq in range(2500)])
            wait_until(lambda: len(of(journal, logger)) == 2500, 30, "all rows")
        with logger_at(mosquitto.port, f"{logger}-late") as late:
            heard: list[tuple[str, bytes, bool]] = late.user_data_get()

            def told() -> bool:
                late.unsubscribe(f"cc/{logger}/down")
                late.subscribe(f"cc/{logger}/down", 1)
                return any(retain and json.loads(text)["committed_through"]["seq"] == 2499 for _, text, retain in heard)

            wait_until(told, what="the retained watermark")


@contextmanager
def many_files_open(path: Path) -> Iterator[None]:
    """A process that has used up the file numbers below 1,024, as with a thousand loggers connected."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip(f"needs 2,048 open files; the hard limit here is {hard}: raise it with `ulimit -Hn 4096`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    with ExitStack() as stack:
        while stack.enter_context(path.open("ab")).fileno() <= 1100:
            pass
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_broker_is_heard_beside_a_thousand_other_connections(
    mosquitto: Mosquitto, journal: SqliteJournal, names: tuple[str, str], tmp_path: Path
) -> None:
    client_id, logger = names
    # The other client first: its own thread calls select(), which takes no file number above 1,023.
    with (
        logger_at(mosquitto.port, logger) as client,
        many_files_open(tmp_path / "one"),
        written(journal) as writer,
        subscribed(writer, mosquitto.url, client_id),
    ):
        publish_all(client, f"cc/{logger}/up", [native(logger, 0)])
        wait_until(lambda: of(journal, logger) == [0], 30, "a reading")


def test_what_came_while_nobody_was_there_arrives_afterwards(
    mosquitto: Mosquitto, journal: SqliteJournal, names: tuple[str, str]
) -> None:
    client_id, logger = names
    with written(journal) as writer:
        with subscribed(writer, mosquitto.url, client_id):
            pass
        with logger_at(mosquitto.port, logger) as client:
            publish_all(client, f"cc/{logger}/up", [native(logger, seq) for seq in range(100)])
        with subscribed(writer, mosquitto.url, client_id):
            wait_until(lambda: of(journal, logger) == list(range(100)), what="all rows")


def test_a_broker_that_is_killed_and_comes_back_is_found_again(
    mosquitto: Mosquitto, journal: SqliteJournal, names: tuple[str, str]
) -> None:
    client_id, logger = names
    with written(journal) as writer, subscribed(writer, mosquitto.url, client_id) as subscriber:
        mosquitto.restart()
        wait_until(lambda: subscriber.connected and subscriber.alive, 20, "the next subscription")
        with logger_at(mosquitto.port, logger) as client:
            publish_all(client, f"cc/{logger}/up", [native(logger, 0)])
            wait_until(lambda: of(journal, logger) == [0], 20, "the row")


def test_cut_connections_lose_and_double_nothing(
    mosquitto: Mosquitto, journal: SqliteJournal, tmp_path: Path, names: tuple[str, str]
) -> None:
    client_id, logger = names
    total = 4000
    with written(journal) as writer, subscribed(writer, mosquitto.url, client_id) as subscriber:
        with logger_at(mosquitto.port, logger) as client:
            for part in range(8):
                batch = [native(logger, seq) for seq in range(part * total // 8, (part + 1) * total // 8)]
                publish_all(client, f"cc/{logger}/up", batch)
                cut(subscriber)
        wait_until(lambda: len(of(journal, logger)) == total, 60, "all rows")
        assert of(journal, logger) == list(range(total))
    assert integrity(tmp_path / "journal.db") == "ok"


def cut(subscriber: Subscriber) -> None:
    wait_until(lambda: subscriber._client is not None and subscriber._client.socket() is not None, what="a connection")
    assert subscriber._client is not None
    wire = subscriber._client.socket()
    if isinstance(wire, socket.socket):
        wire.shutdown(socket.SHUT_RDWR)


def test_nothing_is_acknowledged_to_the_broker_before_the_commit(
    mosquitto: Mosquitto, tmp_path: Path, names: tuple[str, str]
) -> None:
    client_id, logger = names

    class Never(SqliteJournal):
        def append(self, arrivals: Any) -> Any:
            raise TransientError("the disk is full")

    broken = Never(tmp_path / "broken.db")
    with written(broken) as writer, subscribed(writer, mosquitto.url, client_id):
        with logger_at(mosquitto.port, logger) as client:
            publish_all(client, f"cc/{logger}/up", [native(logger, seq) for seq in range(50)])
        wait_until(lambda: writer.trouble is not None, what="trouble")
    broken.close()
    with (
        journal_at(tmp_path / "good.db") as good,
        written(good) as writer,
        subscribed(writer, mosquitto.url, client_id),
    ):
        wait_until(lambda: of(good, logger) == list(range(50)), what="everything again")


def test_a_retained_message_counts_once_and_only_with_its_own_time(
    mosquitto: Mosquitto, journal: SqliteJournal, names: tuple[str, str]
) -> None:
    client_id, logger = names
    timeless = json.dumps({"device": logger + "x", "readings": [{"values": {"temperature_c": 30}}]})
    with logger_at(mosquitto.port, logger) as client:
        for topic, payload in ((f"cc/{logger}/up", native(logger, 0)), (f"cc/{logger}x/up", timeless.encode())):
            client.publish(topic, payload, qos=1, retain=True).wait_for_publish(10)
        for round_of in range(2):
            with written(journal) as writer, subscribed(writer, mosquitto.url, f"{client_id}{round_of}"):
                wait_until(lambda r=round_of: state(journal, f"{logger}x") > r, what="the retained messages")
        for topic in (f"cc/{logger}/up", f"cc/{logger}x/up"):
            client.publish(topic, b"", qos=1, retain=True).wait_for_publish(10)
    rows = [row for row in journal.read(0, 1000) if row.logger.startswith(logger)]
    assert [(row.logger, flag_names(row.flags)) for row in rows] == [(logger, ["retained"])]


def state(journal: SqliteJournal, logger: str) -> int:
    known = journal.logger(logger)
    return 0 if known is None else known.messages + known.duplicates


@pytest.mark.parametrize("step", ["_on_message", "_turn", "_settled", "_tell", "_on_connect", "_on_subscribe"])
def test_a_bug_in_any_step_does_not_stop_intake(
    mosquitto: Mosquitto, journal: SqliteJournal, names: tuple[str, str], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    client_id, logger = names
    original, failed = getattr(Subscriber, step), threading.Event()

    def once(self: Subscriber, *arguments: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise RuntimeError(f"a bug in {step}")
        return original(self, *arguments)

    monkeypatch.setattr(Subscriber, step, once)
    with written(journal) as writer:
        subscriber = Subscriber(writer, mosquitto.url, client_id=client_id)
        subscriber.start()
        with logger_at(mosquitto.port, logger) as client:
            wait_until(lambda: subscriber.connected, what="the subscription")
            publish_all(client, f"cc/{logger}/up", [native(logger, seq) for seq in range(20)])
            wait_until(lambda: of(journal, logger) == list(range(20)), 10, "all rows")
        assert failed.is_set()
        subscriber.stop()


def test_a_broker_that_is_not_there_is_named(journal: SqliteJournal) -> None:
    with socket.socket() as unused, written(journal) as writer:
        unused.bind(("127.0.0.1", 0))
        subscriber = Subscriber(writer, f"mqtt://127.0.0.1:{unused.getsockname()[1]}")
        subscriber.start()
        wait_until(lambda: "cannot be reached" in (subscriber.trouble or ""), what="the reason")
        assert subscriber.alive
        subscriber.stop()


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "mqtt://h:port", "broker:1883"])
def test_a_url_of_no_broker_is_refused_without_showing_it(journal: SqliteJournal, url: str) -> None:
    with pytest.raises(ConfigError, match="mqtt"):
        Subscriber(Writer(Pipeline(journal, SystemClock())), url)


def test_what_a_foreign_logger_claims_is_quarantined(
    mosquitto: Mosquitto, journal: SqliteJournal, names: tuple[str, str]
) -> None:
    client_id, logger = names
    with written(journal) as writer, subscribed(writer, mosquitto.url, client_id):
        with logger_at(mosquitto.port, logger, mqtt.MQTTv5) as client:
            publish_all(client, f"cc/{logger}/up", [native("LG-else", 0)])
        wait_until(lambda: bool(journal.refused(Outcome.QUARANTINED, None, 1)), what="the quarantine")
    [stored] = journal.refused(Outcome.QUARANTINED, None, 1)
    assert "LG-else" in stored.refusals[0].reason
    assert rows_of(journal) == []
