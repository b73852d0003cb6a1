"""`kill -9` of every role, again and again, while loggers send by both roads: nothing is lost, twice, or unsaid.

The roles are the product's own commands in processes of their own; broker, InfluxDB, SMTP and SMS are real servers on
loopback. What must be found afterwards is worked out here from what was sent, without any of the product's code.

`COLDCHAIN_TEST_KILLS=60` is the long run: 1,000 readings for each kill.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
import servers
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select

from alerts.inbox import Inbox
from alerts.sinks import SmsSink, SmtpSink
from coldchain import audit
from coldchain.clock import SystemClock
from coldchain.config import read_config
from coldchain.domain.message import Outcome
from coldchain.registry import bindings, people, shipments
from coldchain.registry.bindings import NewBinding
from coldchain.registry.schema import alarm, cursor, excursion, outbox
from coldchain.registry.shipments import NewShipment
from coldchain.registry.viewer import SYSTEM
from coldchain.wiring import Stores, opened_stores

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("COLDCHAIN_TEST_KILLS", "8"))
LOGGERS, IN_MESSAGE, READINGS = 40, 5, 1000 * KILLS
EACH = READINGS // LOGGERS  # readings of one logger, five minutes apart
PER_TURN, TURN_S = 1000 // IN_MESSAGE, 1.0
ROLES = ("ingest", "engine", "project", "notify")
FIVE_MINUTES = 300_000
NAMES = [f"LG-{number:04d}" for number in range(LOGGERS)]


def temperature(logger: int, index: int) -> float:
    """In range but for two hours in every eight; no two loggers leave it together."""
    outside = (index + 2 * logger) % 96 < 24
    return 9.5 if outside else 4.0 + (index * 7 + logger) % 30 / 10


@dataclass
class Sent:
    """What one publisher was told to send, and what was acknowledged to it."""

    client: mqtt.Client
    count: int = 0
    acknowledged: int = 0
    expected: set[tuple[str, int, int]] = field(default_factory=set)


def publisher(name: str, port: int) -> Sent:
    """A client with a session and a memory of its own, as loggers have."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, name, clean_session=False)
    client.max_inflight_messages_set(1000)
    client.max_queued_messages_set(0)
    client.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]
    sent = Sent(client)

    def acknowledged(*_: object) -> None:
        sent.acknowledged += 1

    client.on_publish = acknowledged
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    return sent


def send(sent: Sent, number: int, seq: int, start_ms: int) -> None:
    """Publish one message of one logger."""
    rows = []
    for index in range(seq * IN_MESSAGE, (seq + 1) * IN_MESSAGE):
        at_ms, celsius = start_ms + index * FIVE_MINUTES, temperature(number, index)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ms // 1000)) + f".{at_ms % 1000:03d}Z"
        rows.append({"ts": stamp, "values": {"temperature_c": celsius}})
        sent.expected.add((NAMES[number], at_ms, round(celsius * 1000)))
    body = {"v": 1, "device": NAMES[number], "boot": 1, "seq": seq, "readings": rows}
    sent.client.publish(f"cc/{NAMES[number]}/up", json.dumps(body), qos=1)
    sent.count += 1


class Roles:
    """The product's roles in processes of their own."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment, self._folder = environment, folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.peak_mib: Counter[str] = Counter()
        self._started_ms: dict[str, float] = {}
        self._pulses = folder / "var" / "run"

    def start(self, role: str) -> None:
        with (self._folder / f"{role}.log").open("ab") as log:
            command = [sys.executable, "-m", "coldchain", role]
            self.running[role] = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        self._started_ms[role] = time.time() * 1000

    def work(self, names: set[str]) -> bool:
        """Whether all of these roles work."""
        return all(self._works(name) for name in names)

    def _works(self, role: str) -> bool:
        if self.running[role].poll() is not None:
            pytest.fail(f"{role} ended by itself: {(self._folder / f'{role}.log').read_text()[-500:]}")
        """Whether the running process of this role has given a sign of life; for ingest, that both roads stand."""
        try:
            pulse = json.loads((self._pulses / f"{role}.pulse").read_text())
        except (OSError, ValueError):
            return False
        return pulse["at_ms"] > self._started_ms[role] and not (role == "ingest" and pulse["trouble"])

    def kill(self, role: str) -> None:
        process = self.running[role]
        self._remember(role, process.pid)
        process.kill()
        process.wait()
        self.start(role)

    def stop(self) -> None:
        for role, process in self.running.items():
            self._remember(role, process.pid)
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _remember(self, role: str, pid: int) -> None:
        status = Path(f"/proc/{pid}/status")
        for line in status.read_text().splitlines() if status.exists() else ():
            if line.startswith("VmRSS:"):
                self.peak_mib[role] = max(self.peak_mib[role], int(line.split()[1]) // 1024)


@dataclass
class Aftermath:
    """Everything that is left when the dust has settled."""

    folder: Path
    stores: Stores
    inbox: Inbox
    influx: servers.Influx
    expected: set[tuple[str, int, int]]
    unacknowledged_at_kills: list[int]
    peak_mib: Counter[str]


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory, _influx2_server: servers.Influx) -> Iterator[Aftermath]:
    folder, influx, clock = tmp_path_factory.mktemp("house"), _influx2_server, SystemClock()
    influx.fresh_bucket()
    broker = servers.mosquitto_server(tmp_path_factory.mktemp("broker"))
    inbox = Inbox(folder / "sink.db")
    smtp, sms = SmtpSink(inbox, clock), SmsSink(inbox, clock)
    smtp.start()
    sms.start()
    listen = servers.free_port()
    settings = {
        "DATA": str(folder / "var"), "MQTT_LISTEN": f"127.0.0.1:{listen}", "MQTT_ANONYMOUS": "on",
        "MQTT_URL": broker.url, "INFLUX_URL": influx.url, "INFLUX_TOKEN": influx.token, "INFLUX_ORG": influx.org,
        "INFLUX_BUCKET": influx.bucket, "SMTP_URL": smtp.url, "MAIL_FROM": "alerts@example.org",
        "SMS_URL": sms.url, "SMS_ACCOUNT": sms.account, "SMS_TOKEN": sms.token, "SMS_FROM": "+4915100000000",
    }  # fmt: skip
    environment = {f"COLDCHAIN_{name}": value for name, value in settings.items()}
    start_ms = (clock.now_ms() // 1000 - EACH * 300) * 1000
    with opened_stores(read_config(None, environment)) as stores:
        plan(stores, start_ms)
        roles = Roles(os.environ | environment, folder)
        for role in ROLES:
            roles.start(role)
        roads = [publisher("by-listener", listen), publisher("by-broker", broker.port)]
        try:
            unacknowledged = happen(stores, roles, roads, influx, start_ms)
            settle(stores, roads)
        finally:
            for road in roads:
                road.client.disconnect()
                road.client.loop_stop()
            roles.stop()
            smtp.stop()
            sms.stop()
            if isinstance(broker, servers.Process):
                broker.kill()
        expected = roads[0].expected | roads[1].expected
        yield Aftermath(folder, stores, inbox, influx, expected, unacknowledged, roles.peak_mib)
    influx.drop_bucket()


def plan(stores: Stores, start_ms: int) -> None:
    """A shipment for each logger, and two people on call."""
    with stores.registry.write() as connection:
        for name in ("anna", "ben"):
            people.create(
                connection, email=f"{name}@example.org", name=name, role="operator", who="test", now_ms=start_ms,
                phone=f"+491510000000{len(name)}", on_call=True,
            )  # fmt: skip
        for name in NAMES:
            shipment = shipments.create(connection, NewShipment(name, "refrigerated-2-8"), by=SYSTEM, now_ms=start_ms)
            binding = NewBinding(name, start_ms, reason="of this test")
            bindings.bind(connection, shipments.subject(shipment), binding, who="test", now_ms=start_ms)
            shipments.change(connection, shipment, {"state": "in_transit"}, by=SYSTEM, version=1, now_ms=start_ms)


def happen(stores: Stores, roles: Roles, roads: list[Sent], influx: servers.Influx, start_ms: int) -> list[int]:
    """At each turn a thousand readings leave within a second, in which one role that works is killed."""
    messages = [(number, seq) for seq in range(EACH // IN_MESSAGE) for number in range(LOGGERS)]
    dice, unacknowledged = random.Random(7), []
    for turn in range(KILLS):
        role = ROLES[turn % len(ROLES)]
        servers.wait_until(partial(roles.work, {role, "ingest"}), 180, f"{role} at work")
        if turn == KILLS // 3:
            influx.stop()
        if turn == 2 * KILLS // 3:
            influx.start()
        mine = messages[turn * PER_TURN : (turn + 1) * PER_TURN]
        sending = threading.Thread(target=publish, args=(mine, roads, start_ms))
        sending.start()
        time.sleep(dice.uniform(0.1, 0.9) * TURN_S)
        stored = sum(state.messages for state in stores.journal.loggers())
        unacknowledged.append(sum(road.count for road in roads) - stored)
        roles.kill(role)
        sending.join()
    return unacknowledged


def publish(messages: list[tuple[int, int]], roads: list[Sent], start_ms: int) -> None:
    """Send at an even pace; loggers take the two roads in turn."""
    began = time.monotonic()
    for turn, (number, seq) in enumerate(messages):
        time.sleep(max(0.0, began + turn * TURN_S / len(messages) - time.monotonic()))
        send(roads[number % 2], number, seq, start_ms)


def settle(stores: Stores, roads: list[Sent]) -> None:
    """Wait until everybody has done what there was to do."""

    def consumed(name: str) -> bool:
        with stores.registry.read() as connection:
            offset = connection.execute(select(cursor.c.journal_offset).where(cursor.c.name == name)).scalar() or 0
        return bool(offset >= stores.journal.head())

    def projected() -> bool:
        with stores.registry.read() as connection:
            newest = connection.execute(select(func.max(excursion.c.recorded_ms))).scalar() or 0
            mine = cursor.c.name == "projector.excursions"
            return bool((connection.execute(select(cursor.c.journal_offset).where(mine)).scalar() or 0) >= newest)

    def delivered() -> bool:
        with stores.registry.read() as connection:
            waiting = select(func.count()).where(outbox.c.state.in_(("queued", "sending", "failed_temporary")))
            return connection.execute(waiting).scalar_one() == 0

    sent = sum(len(road.expected) for road in roads)
    servers.wait_until(lambda: all(road.acknowledged >= road.count for road in roads), 120, "every acknowledgement")
    servers.wait_until(lambda: sum(one.readings for one in stores.journal.loggers()) >= sent, 120, "every reading")
    servers.wait_until(lambda: consumed("engine") and consumed("projector"), 180, "the consumers' end")
    servers.wait_until(projected, 60, "every excursion in InfluxDB")
    # A person gets three messages in five minutes at most: the last ones leave when those are over.
    servers.wait_until(delivered, 420, "every message")


def test_at_four_of_five_kills_something_was_unacknowledged(aftermath: Aftermath) -> None:
    under_way = [count > 0 for count in aftermath.unacknowledged_at_kills]
    assert len(under_way) == KILLS
    assert sum(under_way) >= 0.8 * KILLS


def test_what_is_stored_is_what_was_sent_each_once_and_without_conflict(aftermath: Aftermath) -> None:
    journal = aftermath.stores.journal
    rows = [(one.logger, one.event_time_ms, one.temperature_mc) for one in journal.read(0, 10 * READINGS)]
    assert len(rows) == len(set(rows)) == READINGS
    assert set(rows) == aftermath.expected
    assert journal.refused(Outcome.QUARANTINED, None, 10) == []
    assert journal.gaps() == []
    marks = {journal.watermark(name).committed_through for name in NAMES}
    assert marks == {(1, EACH // IN_MESSAGE - 1)}


def test_every_expected_excursion_was_found_and_no_other(aftermath: Aftermath) -> None:
    wanted: Counter[tuple[str, int]] = Counter()
    for name in NAMES:
        curve = sorted((at, mc > 8000) for logger, at, mc in aftermath.expected if logger == name)
        wanted.update((name, next(run)[0]) for outside, run in groupby(curve, key=lambda one: one[1]) if outside)
    with aftermath.stores.registry.read() as connection:
        rows = connection.execute(
            select(excursion).where(
                excursion.c.superseded.is_(False), excursion.c.withdrawn.is_(False), excursion.c.merged_into.is_(None)
            )
        ).all()
    assert Counter((row.logger, row.onset_sample_ms) for row in rows) == wanted
    points = aftermath.influx.rows("SELECT excursion, peak_c FROM excursion")
    assert {row["excursion"] for row in points} == {row.id for row in rows}
    assert len(wanted) >= LOGGERS


def test_everybody_on_call_heard_of_every_alarm_by_mail_and_sms(aftermath: Aftermath) -> None:
    with aftermath.stores.registry.read() as connection:
        # Of the goods: the product's own alarms go on being raised while its roles are stopped at the end.
        goods = select(alarm.c.id).where(alarm.c.subject_kind == "shipment")
        raised = select(outbox).where(outbox.c.reason == "raised", outbox.c.alarm.in_(goods))
        rows = list(connection.execute(raised))
        alarms = {row.alarm for row in rows}
        told = {(row.alarm, row.recipient, row.channel) for row in rows if row.state in ("accepted", "delivered")}
    assert len(alarms) >= LOGGERS
    assert len(told) == len(alarms) * 2 * 2
    # One message may carry several alarms; each that was accepted has arrived, some of them twice.
    messages = Counter(channel for _, channel in {(row.lead or row.id, row.channel) for row in rows})
    arrived = Counter(message.kind for message in aftermath.inbox.messages(limit=100_000))
    assert arrived["email"] >= messages["email"] > 0
    assert arrived["sms"] >= messages["sms"] > 0


def test_influxdb_holds_the_same_although_it_was_away(aftermath: Aftermath) -> None:
    rows = aftermath.influx.rows("SELECT logger, temperature_c FROM reading")
    stored = [(row["logger"], row["time"] // 10**6, round(row["temperature_c"] * 1000)) for row in rows]
    assert len(stored) == READINGS
    assert set(stored) == aftermath.expected


def test_files_and_the_audit_chain_are_whole_and_memory_was_bounded(aftermath: Aftermath) -> None:
    for name in ("journal.db", "registry.db"):
        with sqlite3.connect(aftermath.folder / "var" / name) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with aftermath.stores.registry.read() as connection:
        assert audit.verify(connection) is None
    assert max(aftermath.peak_mib.values()) < 300, aftermath.peak_mib
