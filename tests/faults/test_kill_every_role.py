"""Kill any role at any moment: no reading is lost or doubled, no finding is missed, everybody concerned is told."""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from mail_servers import SmsServer, SmtpServer
from paho.mqtt.enums import CallbackAPIVersion
from role_processes import Roles, quiet_port
from servers import Influx, Mosquitto, wait_until
from sqlalchemy import select

from coldchain.config import Config, read_config
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from coldchain.registry import bindings, loggers, people, schema, shipments
from coldchain.registry.bindings import NewBinding
from coldchain.registry.shipments import NewShipment
from coldchain.registry.viewer import SYSTEM
from coldchain.wiring import opened_stores, prepare

pytest_plugins = ("mail_servers",)

LOGGERS = [f"KILL-{number:02d}" for number in range(10)]
ROUNDS, PER_ROUND, PER_MESSAGE = 60, 10, 10
INTERVAL_MS = 5_000
READINGS = ROUNDS * PER_ROUND * PER_MESSAGE  # of each logger
EXCURSIONS = 6  # of each logger: 40 minutes at 10 °C every 80 minutes
# Every second round kills ingest, the others the rest in turn.
VICTIMS = ["ingest", "engine", "ingest", "notify", "ingest", "project"]


def celsius(number: int) -> float:
    """The temperature of a logger's reading `number`: outside 2 … 8 °C for 480 readings out of 960."""
    return 10.0 if number % 960 >= 480 and number // 960 < EXCURSIONS else 5.0 + (number % 7) / 100


def sent_rows(start_ms: int) -> Counter[tuple[str, int, int]]:
    """What was sent, written down apart from the code that sends it."""
    return Counter(
        (logger, start_ms + number * INTERVAL_MS, round(celsius(number) * 1000))
        for logger in LOGGERS
        for number in range(READINGS)
    )


class Loggers:
    """Ten loggers with persistent sessions; half speak to the listener, half to the broker."""

    def __init__(self, listener_port: int, broker_port: int) -> None:
        self.unacknowledged = dict.fromkeys(LOGGERS, 0)
        self._lock = threading.Lock()
        self.clients = {}
        for number, logger in enumerate(LOGGERS):
            client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=logger, clean_session=False)
            client.username_pw_set(logger)
            client.reconnect_delay_set(1, 1)
            client.max_inflight_messages_set(1000)
            client.on_publish = self._acknowledged(logger)
            client.connect_async("127.0.0.1", broker_port if number % 2 else listener_port)
            client.loop_start()
            self.clients[logger] = client

    def _acknowledged(self, logger: str):
        def on_publish(*_: object) -> None:
            with self._lock:
                self.unacknowledged[logger] -= 1

        return on_publish

    def publish(self, logger: str, seq: int, start_ms: int) -> None:
        first = seq * PER_MESSAGE
        readings = [
            {"ts": iso(start_ms + number * INTERVAL_MS), "values": {"temperature_c": celsius(number)}}
            for number in range(first, first + PER_MESSAGE)
        ]
        message = {"v": 1, "device": logger, "boot": 1, "seq": seq, "readings": readings}
        with self._lock:
            self.unacknowledged[logger] += 1
        self.clients[logger].publish(f"cc/{logger}/up", json.dumps(message), qos=1)

    @property
    def waiting(self) -> int:
        return sum(self.unacknowledged.values())

    def stop(self) -> None:
        for client in self.clients.values():
            client.disconnect()
            client.loop_stop()


def register(config: Config, start_ms: int) -> dict[str, str]:
    """A person on call, and a shipment for each logger; shipment by logger."""
    now_ms = start_ms
    with opened_stores(config) as stores, stores.registry.write() as connection:
        people.create(
            connection, email="night@example.com", name="Night", role="operator", phone="+491700000000",
            on_call=True, who="test", now_ms=now_ms,
        )  # fmt: skip
        ids = {}
        for logger in LOGGERS:
            loggers.register(connection, logger, who="test", now_ms=now_ms, interval_ms=INTERVAL_MS)
            new = NewShipment(f"S-{logger}", "refrigerated-2-8", customer="Acme")
            ids[logger] = shipments.create(connection, new, by=SYSTEM, now_ms=now_ms)
            subject = Subject(SubjectKind.SHIPMENT, ids[logger])
            binding = NewBinding(logger, start_ms, reason="uncalibrated in this test")
            bindings.bind(connection, subject, binding, who="test", now_ms=now_ms)
            change = {"state": "in_transit"}
            shipments.change(connection, ids[logger], change, version=1, by=SYSTEM, now_ms=now_ms)
    return ids


def environment_of(
    folder: Path, mosquitto: Mosquitto, influx: Influx, smtp: SmtpServer, sms: SmsServer
) -> dict[str, str]:
    return {
        "COLDCHAIN_DATA": str(folder / "state"),
        "COLDCHAIN_MQTT_LISTEN": f"127.0.0.1:{quiet_port()}",
        "COLDCHAIN_MQTT_ANONYMOUS": "on",
        "COLDCHAIN_MQTT_URL": mosquitto.url,
        "COLDCHAIN_INFLUX_URL": influx.url,
        "COLDCHAIN_INFLUX_TOKEN": influx.token,
        "COLDCHAIN_INFLUX_ORG": influx.org,
        "COLDCHAIN_INFLUX_BUCKET": influx.bucket,
        "COLDCHAIN_SMTP_URL": smtp.url(),
        "COLDCHAIN_MAIL_FROM": "coldchain@example.com",
        "COLDCHAIN_SMS_URL": sms.url,
        "COLDCHAIN_SMS_ACCOUNT": sms.account,
        "COLDCHAIN_SMS_TOKEN": sms.token,
        "COLDCHAIN_SMS_FROM": "+4930000000",
    }


def all_readings(stores) -> Iterator[Reading]:
    after = 0
    while batch := stores.journal.read(after, 5000):
        yield from batch
        after = batch[-1].offset


def cursor(stores, name: str) -> int:
    query = select(schema.cursor.c.journal_offset).where(schema.cursor.c.name == name)
    with stores.registry.read() as connection:
        return connection.execute(query).scalar_one_or_none() or 0


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sixty_kills_lose_nothing_double_nothing_and_miss_nobody(
    tmp_path: Path, mosquitto: Mosquitto, influx2: Influx, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    seed = int(os.environ.get("COLDCHAIN_TEST_SEED", "20260105"))
    luck = random.Random(seed)
    environment = environment_of(tmp_path, mosquitto, influx2, smtp_server, sms_server)
    config = read_config(None, environment)
    prepare(config, migrate=False)
    start_ms = time.time_ns() // 1_000_000 - READINGS * INTERVAL_MS
    ids = register(config, start_ms)
    roles = Roles(sorted(set(VICTIMS)), environment, tmp_path / "roles.log")
    fleet = Loggers(config.mqtt_listen.port, mosquitto.port)
    kills_with_unacknowledged, most_mb = 0, 0.0
    try:
        for round_ in range(ROUNDS):
            victim = VICTIMS[round_ % len(VICTIMS)]
            roles.wait_for(victim)
            if round_ == ROUNDS // 3:
                influx2.stop()
            if round_ == 2 * ROUNDS // 3:
                influx2.start()
            for seq in range(round_ * PER_ROUND, (round_ + 1) * PER_ROUND):
                for logger in LOGGERS:
                    fleet.publish(logger, seq, start_ms)
            time.sleep(luck.uniform(0, 0.03))  # the random moment
            kills_with_unacknowledged += fleet.waiting > 0
            most_mb = max(most_mb, roles.resident_mb("ingest"), roles.resident_mb("project"))
            roles.kill(victim)
        wait_until(lambda: fleet.waiting == 0, 60, "every message acknowledged")
        with opened_stores(config) as stores:
            total = READINGS * len(LOGGERS)
            wait_until(lambda: sum(s.readings for s in stores.journal.loggers()) >= total, 60, "every reading stored")
            head = stores.journal.head
            wait_until(lambda: cursor(stores, "engine") >= head(), 90, "the engine at the journal's head")
            wait_until(lambda: cursor(stores, "projector") >= head(), 90, "the projector at the journal's head")
            unsent = select(schema.outbox.c.id).where(schema.outbox.c.state.not_in(["accepted", "delivered"]))
            wait_until(lambda: not _rows(stores, unsent), 90, "every message to people handed over")
            assert kills_with_unacknowledged >= 0.8 * ROUNDS, f"seed {seed}"
            assert most_mb < 300
            assert Counter((r.logger, r.event_time_ms, r.temperature_mc) for r in all_readings(stores)) == sent_rows(
                start_ms
            )
            assert sum(state.quarantined for state in stores.journal.loggers()) == 0
            _findings_are_complete(stores, ids, start_ms)
            _everybody_was_told(stores, smtp_server, sms_server)
            assert _integrity(config) == ["ok", "ok"]
        for logger in LOGGERS:
            [row] = influx2.rows(f"SELECT count(temperature_c) FROM reading WHERE logger = '{logger}'")
            assert row["count"] == READINGS
    finally:
        fleet.stop()
        roles.stop()


def _rows(stores, query) -> list:
    with stores.registry.read() as connection:
        return list(connection.execute(query))


def _findings_are_complete(stores, ids: dict[str, str], start_ms: int) -> None:
    table = schema.excursion
    query = select(table.c.subject_id, table.c.onset_sample_ms).where(~table.c.superseded, ~table.c.withdrawn)
    found = sorted((row.subject_id, row.onset_sample_ms) for row in _rows(stores, query))
    expected = sorted(
        (ids[logger], start_ms + (number * 960 + 480) * INTERVAL_MS)
        for logger in LOGGERS
        for number in range(EXCURSIONS)
    )
    assert found == expected


def _everybody_was_told(stores, smtp: SmtpServer, sms: SmsServer) -> None:
    """Each alarm about a temperature reached the one person on call by mail and by SMS."""
    alarms = _rows(stores, select(schema.alarm.c.id).where(schema.alarm.c.cause == "high"))
    assert len(alarms) == EXCURSIONS * len(LOGGERS)
    mails = " ".join(content.decode("utf-8", "replace") for _, content in smtp.mails)
    texts = " ".join(form["Body"] for form in sms.forms)
    for row in alarms:
        assert row.id[:8] in mails
        assert row.id[:8] in texts


def _integrity(config: Config) -> list[str]:
    import sqlite3

    found = []
    for name in ("journal.db", "registry.db"):
        with sqlite3.connect(config.data / name) as database:
            found.append(database.execute("pragma integrity_check").fetchone()[0])
    return found
