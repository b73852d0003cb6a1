"""Sparkplug sessions through a real broker; the ingest role is a process of its own that is killed in the middle."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from intake import journal_at, logger_at
from servers import Mosquitto, wait_until
from sparkplug_node import EdgeNode
from sparkplug_payloads import bd, payload

from coldchain.domain.message import Outcome
from coldchain.journal.sqlite import SqliteJournal

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]


class Ingest:
    """The ingest role as `coldchain ingest` runs it."""

    def __init__(self, folder: Path, url: str, name: str) -> None:
        self.host_topic = f"spBv1.0/STATE/{name}"
        self._log = folder / "ingest.log"
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("COLDCHAIN_")},
            "COLDCHAIN_DATA": str(folder / "var"), "COLDCHAIN_TENANT": name, "COLDCHAIN_MQTT_LISTEN": "",
            "COLDCHAIN_MQTT_URL": url, "COLDCHAIN_SPARKPLUG_HOST": name,
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "coldchain", "ingest"]
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        assert self._process.wait(20) == 0, self._log.read_text()


class Watcher:
    """Hears the host's state as another client of the broker does."""

    def __init__(self, client: mqtt.Client, topic: str) -> None:
        self._heard: list[tuple[str, bytes, bool]] = client.user_data_get()
        self._topic = topic
        client.on_connect = lambda again, *_: again.subscribe(topic, 1)  # the broker may restart in between
        client.subscribe(topic, 1)

    def states(self) -> list[bool]:
        return [json.loads(text)["online"] for topic, text, _ in self._heard if topic == self._topic]


@pytest.fixture
def name() -> str:
    """A group, tenant and host of this test's own: the broker outlives it."""
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def ingest(mosquitto: Mosquitto, tmp_path: Path, name: str) -> Iterator[Ingest]:
    ingest = Ingest(tmp_path, mosquitto.url, name)
    with logger_at(mosquitto.port, f"{name}-watcher") as client:
        watcher = Watcher(client, ingest.host_topic)
        ingest.start()
        wait_until(lambda: watcher.states()[-1:] == [True], 60, "the host's state")
        yield ingest
        ingest.stop()
        wait_until(lambda: watcher.states()[-1] is False, what="the host's farewell")
        wait_until(client.is_connected, what="the watcher's connection")
        client.publish(ingest.host_topic, b"", qos=1, retain=True).wait_for_publish(10)


@pytest.fixture
def journal(ingest: Ingest, tmp_path: Path) -> Iterator[SqliteJournal]:
    with journal_at(tmp_path / "var" / "journal.db") as journal:
        yield journal


@pytest.fixture
def node(mosquitto: Mosquitto, ingest: Ingest, name: str) -> Iterator[EdgeNode]:
    node = EdgeNode(mosquitto.port, name, "gw 1")
    node.connect()
    yield node
    node.leave()


def told(journal: SqliteJournal, node: EdgeNode, *, device: bool = False) -> list[float]:
    """What was stored of the node or its device, in the order in which it arrived."""
    logger = f"{node.group}:{node.name}" + (f":{node.device}" if device else "")
    rows = [row for row in journal.read(0, 10_000) if row.logger == logger]
    return [row.temperature_mc / 1000 for row in rows if row.temperature_mc is not None]


def refusals(journal: SqliteJournal, outcome: Outcome = Outcome.QUARANTINED) -> list[str]:
    return [refusal.reason for stored in journal.refused(outcome, None, 100) for refusal in stored.refusals]


def test_births_and_data_by_alias_become_readings_and_the_state_is_retained(
    node: EdgeNode, journal: SqliteJournal, ingest: Ingest
) -> None:
    for n in range(300):  # the number wraps once
        node.tell(4 + n / 100)
    node.tell(6.5, device=True)
    wait_until(lambda: len(told(journal, node)) == 301, 20, "the node's readings")
    assert told(journal, node) == [20.0, *(round(4 + n / 100, 3) for n in range(300))]
    wait_until(lambda: told(journal, node, device=True) == [5.0, 6.5], what="the device's readings")
    assert (node.asked, refusals(journal)) == (0, [])
    [state] = [text for topic, text, retain in node.heard if topic == ingest.host_topic and retain]
    assert json.loads(state)["online"] is True


def test_a_node_that_restarts_is_read_by_its_new_birth_and_the_old_sessions_death_is_ignored(
    node: EdgeNode, journal: SqliteJournal, mosquitto: Mosquitto
) -> None:
    node.tell(4.0)
    wait_until(lambda: told(journal, node) == [20.0, 4.0], what="the first session")
    node.vanish()
    node.connect()
    with logger_at(mosquitto.port, f"{node.group}-ghost") as ghost:  # the first session's will once more, late
        ghost.publish(node.topic("NDEATH"), payload(bd(0)), qos=1).wait_for_publish(10)
    node.tell(5.0)
    node.tell(7.0, device=True)
    wait_until(lambda: told(journal, node) == [20.0, 4.0, 20.0, 5.0], what="the second session")
    wait_until(lambda: told(journal, node, device=True) == [5.0, 5.0, 7.0], what="the device's second session")
    assert (node.asked, refusals(journal), refusals(journal, Outcome.UNDECODED)) == (0, [], [])


def test_a_lost_message_shows_and_the_node_is_born_again(node: EdgeNode, journal: SqliteJournal) -> None:
    node.lose(3)
    node.tell(4.0)
    wait_until(lambda: node.asked == 1, what="the request for a rebirth")
    wait_until(lambda: told(journal, node) == [20.0, 4.0, 20.0], what="the second birth")
    assert [reason.split(" of ")[0] for reason in refusals(journal)] == ["seq 5 follows 1: messages 2 to 4"]
    node.tell(4.5)
    wait_until(lambda: told(journal, node)[-1] == 4.5, what="the next value")
    assert (node.asked, len(refusals(journal))) == (1, 1)


def test_after_a_kill_the_aliases_hold_and_the_node_is_asked_what_is_true_now(
    node: EdgeNode, journal: SqliteJournal, ingest: Ingest, mosquitto: Mosquitto
) -> None:
    node.tell(4.0, device=True)
    wait_until(lambda: told(journal, node, device=True) == [5.0, 4.0], what="the first values")
    node.answering = False
    with logger_at(mosquitto.port, f"{node.group}-second") as client:
        watcher = Watcher(client, ingest.host_topic)
        ingest.kill()
        wait_until(lambda: watcher.states()[-1:] == [False], 30, "the host's will")
        node.tell(4.1, device=True)  # with QoS 0 to nobody: this one is gone
        ingest.start()
        wait_until(lambda: watcher.states()[-1] is True, 60, "the host's state")
    node.tell(4.2, device=True)
    wait_until(lambda: told(journal, node, device=True)[-1] == 4.2, what="a value by an alias of before")
    wait_until(lambda: node.asked == 1, what="the request for a rebirth")
    node.answering = True
    node.birth()
    node.tell(4.3, device=True)
    wait_until(lambda: told(journal, node, device=True)[-2:] == [5.0, 4.3], what="the rebirth")
    assert refusals(journal, Outcome.UNDECODED) == []


def test_a_node_that_nobody_knows_is_asked_seldom_and_its_data_kept(
    journal: SqliteJournal, mosquitto: Mosquitto, ingest: Ingest, name: str
) -> None:
    stranger = EdgeNode(mosquitto.port, name, "late")
    stranger.answering = False
    stranger.connect(born=False)
    for n in range(50):
        stranger.tell(4 + n / 10)
    wait_until(lambda: len(refusals(journal, Outcome.UNDECODED)) == 50, what="what is kept undecoded")
    wait_until(lambda: stranger.asked == 1, what="the request for a rebirth")
    assert {stored.logger for stored in journal.refused(Outcome.UNDECODED, None, 100)} == {f"{name}:late"}
    stranger.birth()
    stranger.tell(3.0)
    wait_until(lambda: told(journal, stranger) == [20.0, 3.0], what="its readings")
    assert stranger.asked == 1
    stranger.leave()


def test_a_broker_that_restarts_in_the_middle_ends_no_session_for_good(
    node: EdgeNode, journal: SqliteJournal, mosquitto: Mosquitto, ingest: Ingest
) -> None:
    node.tell(4.0)
    wait_until(lambda: told(journal, node) == [20.0, 4.0], what="the first values")
    node.client.loop_stop()
    mosquitto.restart()
    with logger_at(mosquitto.port, f"{node.group}-third") as client:
        states = Watcher(client, ingest.host_topic)
        before = len(states.states())
        wait_until(lambda: states.states()[before:][-1:] == [True], 30, "the host's state")
        node.bd_seq += 1
        node.connect()
        node.tell(4.5)
        wait_until(lambda: told(journal, node)[-2:] == [20.0, 4.5], 20, "the next session")
