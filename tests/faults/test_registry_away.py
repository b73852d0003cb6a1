"""The registry locked or gone while loggers send: acknowledged is only what is stored, and no profile is guessed."""

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from intake import listening, logger_at, publish_all
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from roads import BEGIN_MS, FAHRENHEIT, STEP_MS, Roads, body, heard, native, roads_at
from servers import Postgres, create_database, wait_until

from coldchain.domain.device_profile import Assignment
from coldchain.domain.message import Envelope
from coldchain.errors import TransientError
from coldchain.registry import device_profiles, loggers
from coldchain.registry.store import Registry, sqlite_url
from coldchain.wiring import RegisteredLoggers
from ingest import webhook
from ingest.writer import Parcel, Writer

ASSIGNED = """
id = "yard"
version = 1
name = "Yard"
channels.internal.temperature_c = { path = "temperature", unit = "F" }
"""
EUI = "24E124136B001234"


@pytest.fixture
def roads(tmp_path: Path) -> Iterator[Roads]:
    with roads_at(tmp_path) as made:
        yield made


def uplink(count: int) -> Envelope:
    """A ChirpStack message whose envelope names a model that the program knows in Celsius."""
    about = {"devEui": EUI.lower(), "deviceProfileName": "EM300-TH", "deviceName": "yard"}
    told = {"deduplicationId": f"d-{count}", "time": "2026-11-18T10:00:00+00:00", "deviceInfo": about, "fCnt": count,
            "fPort": 85, "object": {"temperature": 41.0, "humidity": 50}}  # fmt: skip
    return Envelope("mqtt", f"application/1/device/{EUI.lower()}/event/up", json.dumps(told).encode(),
                    BEGIN_MS + count * STEP_MS, 1)  # fmt: skip


def assigned(roads: Roads) -> None:
    """Somebody said that this logger is of another make, which counts in Fahrenheit."""
    about = {"who": "ada", "reason": "seen its label", "now_ms": roads.clock.now_ms()}
    with roads.registry.write() as connection:
        device_profiles.add(connection, "yard", 1, ASSIGNED, **about)  # type: ignore[arg-type]
        device_profiles.assign(connection, EUI, Assignment("yard"), **about)  # type: ignore[arg-type]


class Offered:
    """What was given to a writer, and whether it may be acknowledged."""

    def __init__(self, writer: Writer, envelope: Envelope) -> None:
        self.settled = threading.Event()
        writer.offer(Parcel([envelope], lambda _receipts: self.settled.set()))


def test_a_process_that_never_could_ask_the_registry_keeps_messages_waiting_and_guesses_no_profile(
    roads: Roads, tmp_path: Path
) -> None:
    assigned(roads)
    away = tmp_path / "away"
    registry = Registry(sqlite_url(away / "registry.db"))  # on a disk that is not mounted yet
    ours, roads.registry = roads.registry, registry
    _, intake = roads.process()
    roads.registry = ours
    writer = Writer(intake)
    writer.start()
    try:
        waiting = [Offered(writer, uplink(count)) for count in range(5)]
        wait_until(lambda: writer.trouble is not None, what="the trouble to be told")
        assert "registry" in (writer.trouble or "")
        assert not any(one.settled.is_set() for one in waiting)
        assert roads.journal.head() == 0
        away.mkdir()
        with sqlite3.connect(roads.registry_file) as source, sqlite3.connect(away / "registry.db") as target:
            source.backup(target)
        assert all(one.settled.wait(20) for one in waiting)
    finally:
        writer.stop()
        registry.close()
    shown = list(roads.history.readings(EUI, 0, BEGIN_MS * 2))
    assert {(row.temperature_mc, row.device_profile) for row in shown} == {(5_000, "yard@1")}
    assert {row.message for row in roads.journal.read(0, 100)} == {row.message for row in shown}
    source.close()
    target.close()


def test_a_writer_who_holds_the_registry_delays_no_message_and_no_profile_is_lost(roads: Roads) -> None:
    roads.save(1, FAHRENHEIT)
    roads.intake_library.refresh()
    roads.intake.submit([heard(0, 41.0)])
    holder = sqlite3.connect(roads.registry_file, isolation_level=None)
    writer = Writer(roads.intake)
    writer.start()
    try:
        holder.execute("BEGIN IMMEDIATE")
        with listening(writer, anonymous=True) as listener, logger_at(listener.port, "LG-7") as client:
            publish_all(client, "cc/LG-8/up", [native("LG-8", step, 5.0, boot=1, seq=step) for step in range(200)])
            publish_all(client, "acme/LG-7/up", [body(step, 41.0) for step in range(1, 50)])
        holder.execute("ROLLBACK")
    finally:
        holder.close()
        writer.stop()
    assert len(roads.shown("LG-8")) == 200
    assert {(row.temperature_mc, row.device_profile) for row in roads.shown()} == {(5_000, "acme@1")}
    assert len(roads.shown()) == 50


def test_a_logger_that_signs_in_while_nobody_can_be_asked_is_put_off_and_not_told_a_wrong_password(
    roads: Roads, tmp_path: Path
) -> None:
    with roads.registry.write() as connection:
        loggers.register(connection, "LG-7", who="test", now_ms=0)
        secret = loggers.new_password(connection, "LG-7", who="test", now_ms=0)
    gone = Registry(sqlite_url(tmp_path / "gone" / "registry.db"))
    writer = Writer(roads.intake)
    writer.start()
    try:
        with listening(writer, credentials=RegisteredLoggers(gone, anonymous=False)) as listener:
            for version in (MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5):
                assert _answer(listener.port, version, secret) == "Server unavailable"
        with listening(writer, credentials=RegisteredLoggers(roads.registry, anonymous=False)) as listener:
            assert _answer(listener.port, MQTTProtocolVersion.MQTTv5, "wrong") == "Bad user name or password"
            assert _answer(listener.port, MQTTProtocolVersion.MQTTv5, secret) == "Success"
    finally:
        writer.stop()
        gone.close()


def _answer(port: int, version: MQTTProtocolVersion, secret: str) -> str:
    """What the listener says to CONNECT."""
    said: list[str] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="LG-7", protocol=version)
    client.on_connect = lambda _c, _u, _f, code, _p: said.append(str(code))
    client.username_pw_set("LG-7", secret)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        wait_until(lambda: bool(said), what="an answer")
    finally:
        client.disconnect()
        client.loop_stop()
    return said[0]


@pytest.mark.server
def test_what_arrives_while_postgresql_is_stopped_is_acknowledged_when_it_is_stored(tmp_path: Path) -> None:
    server = Postgres(durable=True)
    try:
        with roads_at(tmp_path, create_database(server.url)) as roads:
            assigned(roads)
            roads.intake_library.refresh()
            roads.intake.submit([uplink(0)])
            _outage(roads, server)
    finally:
        server.stop()
    shutil.rmtree(tmp_path, ignore_errors=True)


def _outage(roads: Roads, server: Postgres) -> None:
    writer = Writer(roads.intake)
    writer.start()
    with listening(writer, anonymous=True) as listener, logger_at(listener.port, "LG-7") as client:
        publish_all(client, "cc/LG-7/up", [native("LG-7", step, 5.0, boot=1, seq=step) for step in range(20)])
        server.stop()
        sent = [client.publish("cc/LG-7/up", native("LG-7", step, 5.0, boot=1, seq=step), qos=1)
                for step in range(20, 60)]  # fmt: skip
        told = [client.publish(one.source, one.payload, qos=1) for one in map(uplink, range(1, 10))]
        wait_until(lambda: writer.trouble is not None, what="the trouble to be told")
        with pytest.raises(TransientError):
            webhook.accept(roads.pages, "native", native("LG-9", 0, 5.0), "application/json", None, 0)
        assert not any(one.is_published() for one in (*sent, *told))
        server.start()
        wait_until(lambda: all(one.is_published() for one in (*sent, *told)), 30, "every acknowledgement")
    webhook.accept(roads.pages, "native", native("LG-9", 0, 5.0), "application/json", None, roads.clock.now_ms())
    writer.stop()
    assert [row.seq for row in roads.shown()] == list(range(60))
    assert len(roads.shown("LG-9")) == 1
    shown = list(roads.history.readings(EUI, 0, BEGIN_MS * 2))
    assert {(row.temperature_mc, row.device_profile) for row in shown} == {(5_000, "yard@1")}
