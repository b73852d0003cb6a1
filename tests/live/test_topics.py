"""Topics that people add while the subscriber runs, at a real broker; and what comes back from it to us."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from intake import journal_at, listening, logger_at, native, publish_all, rows_of, written
from servers import Mosquitto, wait_until
from sparkplug_node import EdgeNode

from coldchain.clock import SystemClock
from coldchain.domain.message import Command, Outcome
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry import migrations, topic_filters
from coldchain.registry.store import Registry, sqlite_url
from ingest.pipeline import Pipeline
from ingest.registered import RegistryTopics
from ingest.sparkplug_host import SparkplugHost
from ingest.subscriber import Subscriber
from ingest.writer import Writer
from sensors.carriers.native import Native
from sensors.carriers.sparkplug import Sparkplug

pytestmark = pytest.mark.server
CLOCK = SystemClock()


@pytest.fixture
def name() -> str:
    """A client id and first level of topics of this test's own: the broker outlives it."""
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    with journal_at(tmp_path / "journal.db") as journal:
        yield journal


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(sqlite_url(tmp_path / "registry.db"))
    migrations.migrate(registry)
    yield registry
    registry.close()


@contextmanager
def subscribed(writer: Writer, url: str, name: str, topics: Any = None, **more: Any) -> Iterator[Subscriber]:
    subscriber = Subscriber(writer, url, client_id=name, topics=topics, **more)
    subscriber.start()
    try:
        wait_until(lambda: subscriber.connected, what="the subscription")
        yield subscriber
    finally:
        subscriber.stop()


def unknown(journal: SqliteJournal) -> list[str]:
    """Topics of what was kept undecoded, oldest first."""
    return [stored.envelope.source for stored in journal.refused(Outcome.UNDECODED, None, 1000)][::-1]


def add(registry: Registry, *filters: str) -> None:
    with registry.write() as connection:
        for one in filters:
            topic_filters.add(connection, one, who="ada", now_ms=CLOCK.now_ms())


def end(registry: Registry, one: str) -> None:
    with registry.write() as connection:
        topic_filters.end(connection, one, who="ada", now_ms=CLOCK.now_ms())


def arrives(client: mqtt.Client, journal: SqliteJournal, topic: str) -> bool:
    """Publish once more; whether anything of this topic has arrived by now."""
    client.publish(topic, uuid.uuid4().hex.encode(), qos=1).wait_for_publish(10)
    return topic in unknown(journal)


def test_a_topic_that_is_added_is_listened_to_at_once_and_one_that_ended_no_longer(
    mosquitto: Mosquitto, journal: SqliteJournal, registry: Registry, name: str
) -> None:
    topics = RegistryTopics(registry, CLOCK, (f"{name}/configured",))
    with (
        written(journal) as writer,
        subscribed(writer, mosquitto.url, name, topics),
        logger_at(mosquitto.port, f"{name}-p") as client,
    ):
        wait_until(lambda: arrives(client, journal, f"{name}/configured"), what="the configured topic")
        assert not arrives(client, journal, f"{name}/ovens/1")
        add(registry, f"{name}/ovens/+")
        wait_until(lambda: arrives(client, journal, f"{name}/ovens/1"), 3, "the added topic, within two seconds")
        end(registry, f"{name}/ovens/+")

        def silent() -> bool:
            client.publish(f"{name}/ovens/2", b"x", qos=1).wait_for_publish(10)
            before = unknown(journal).count(f"{name}/ovens/2")
            # A message of a topic that is still heard comes after whatever the broker passed on before it.
            publish_all(client, f"{name}/configured", [mark := uuid.uuid4().hex.encode()])
            wait_until(lambda: mark in payloads(journal), what="the mark")
            client.publish(f"{name}/ovens/2", mark, qos=1).wait_for_publish(10)
            publish_all(client, f"{name}/configured", [mark := uuid.uuid4().hex.encode()])
            wait_until(lambda: mark in payloads(journal), what="the second mark")
            return unknown(journal).count(f"{name}/ovens/2") == before

        wait_until(silent, 5, "silence of the topic that ended")


def payloads(journal: SqliteJournal) -> set[bytes]:
    return {stored.envelope.payload for stored in journal.refused(Outcome.UNDECODED, None, 1000)}


def test_a_topic_that_ended_while_nobody_was_there_is_not_heard_by_the_kept_session(
    mosquitto: Mosquitto, journal: SqliteJournal, registry: Registry, name: str
) -> None:
    before = RegistryTopics(registry, CLOCK, (f"{name}/old", f"{name}/kept"))
    with written(journal) as writer, logger_at(mosquitto.port, f"{name}-p") as client:
        with subscribed(writer, mosquitto.url, name, before):
            wait_until(lambda: f"{name}/old" in before.subscribed(session_of(mosquitto, name)), what="the note")
        with subscribed(writer, mosquitto.url, name, RegistryTopics(registry, CLOCK, (f"{name}/kept",))):
            publish_all(client, f"{name}/old", [b"1"])
            publish_all(client, f"{name}/kept", [b"2"])
            wait_until(lambda: unknown(journal) == [f"{name}/kept"], what="the topic that is kept")


def session_of(mosquitto: Mosquitto, name: str) -> str:
    return f"{name}@{mosquitto.host}:{mosquitto.port}"


def test_what_we_publish_does_not_come_back_and_overlapping_topics_add_nothing(
    mosquitto: Mosquitto, journal: SqliteJournal, registry: Registry, name: str
) -> None:
    topics = RegistryTopics(registry, CLOCK, ("cc/#", f"cc/{name}/+", "cc/+/up", f"spBv1.0/{name}/#"))
    pipeline = Pipeline(journal, CLOCK, carriers=(Native(), Sparkplug()))
    writer = Writer(pipeline)
    writer.start()
    heard_at_broker: list[str] = []
    with subscribed(writer, mosquitto.url, name, topics), logger_at(mosquitto.port, f"{name}-p") as client:
        client.on_message = lambda _client, _data, message: heard_at_broker.append(message.topic)
        client.subscribe([(f"cc/{name}/down", 1), (f"spBv1.0/{name}/NCMD/+", 1)])
        node = EdgeNode(mosquitto.port, name, "n")
        node.answering = False
        node.connect(born=False)
        node.tell(4.0)
        publish_all(client, f"cc/{name}/up", [native(name, seq) for seq in range(20)])
        both = {f"cc/{name}/down", f"spBv1.0/{name}/NCMD/n"}
        wait_until(lambda: set(heard_at_broker) == both, what="what we publish")
        publish_all(client, f"cc/{name}/up", [native(name, 20)])
        wait_until(lambda: len(rows_of(journal)) == 21, what="the readings")
        assert journal.refused(Outcome.QUARANTINED, None, 10) == []
        assert unknown(journal) == [f"spBv1.0/{name}/NDATA/n"]
        node.leave()
        client.publish(f"cc/{name}/down", b"", qos=1, retain=True).wait_for_publish(10)
    writer.stop()


def test_a_topic_that_the_broker_refuses_is_named_and_stops_no_other(
    journal: SqliteJournal, registry: Registry, tmp_path: Path
) -> None:
    # Our own listener takes the part of a broker that grants some topics and refuses others.
    with (
        journal_at(tmp_path / "broker.db") as other,
        written(other) as broker_writer,
        listening(broker_writer, anonymous=True) as broker,
        written(journal) as writer,
        subscribed(
            writer, f"mqtt://127.0.0.1:{broker.port}", "ingest",
            RegistryTopics(registry, CLOCK, ("plain/topic", "a/#/b", "another")),
        ) as subscriber,
    ):  # fmt: skip
        wait_until(lambda: "cc/+/up" in (subscriber.trouble or ""), what="the refused topic")
        assert "a/#/b" in (subscriber.trouble or "")
        assert "plain/topic" not in (subscriber.trouble or "")
        assert subscriber.connected
        broker.writer.pipeline.commands.post([Command("plain/topic", b"21.5"), Command("another", b"22")])
        wait_until(lambda: sorted(unknown(journal)) == ["another", "plain/topic"], what="the granted topics")


def test_a_node_at_the_built_in_listener_hears_the_host_and_its_commands(journal: SqliteJournal) -> None:
    class Passwords:
        def check(self, user: str, password: str) -> str | None:
            return user if password == "secret" else None

    host = SparkplugHost("plant")
    host.begin(CLOCK.now_ms())
    gateways = {"g:n": frozenset({"g:n:D"})}
    pipeline = Pipeline(journal, CLOCK, carriers=(Native(), Sparkplug()), gateways=lambda: gateways)
    writer = Writer(pipeline)
    writer.start()
    with listening(writer, credentials=Passwords(), standing=(host.state(online=True),)) as listener:
        node = EdgeNode(listener.port, "g", "n", password="secret")
        node.connect()
        wait_until(lambda: (host.topic, True) in [(topic, kept) for topic, _, kept in node.heard], what="the state")
        node.tell(4.0)
        node.lose(2)
        node.tell(4.5, device=True)
        wait_until(lambda: node.asked == 1, what="the request for a rebirth")
        wait_until(lambda: len(rows_of(journal)) == 6, what="the rebirth")
        node.leave()
    writer.stop()
    assert {row[0] for row in rows_of(journal)} == {"g:n", "g:n:D"}
