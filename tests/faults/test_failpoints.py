"""A role that dies right before or right after a commit: its next life goes on where it was, once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from mail_servers import SmsServer, SmtpServer
from paho.mqtt.enums import CallbackAPIVersion
from ports import quiet_port
from role_with_failpoint import KILLED
from servers import wait_until
from sqlalchemy import func, select

from coldchain.clock import SystemClock
from coldchain.config import Config, read_config
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.message import Envelope
from coldchain.domain.quantity import iso
from coldchain.registry import bindings, loggers, people, schema, shipments
from coldchain.registry.bindings import NewBinding
from coldchain.registry.shipments import NewShipment
from coldchain.registry.viewer import SYSTEM
from coldchain.wiring import Stores, opened_stores, pipeline_of

pytest_plugins = ("mail_servers",)
ARMED = Path(__file__).parents[1] / "role_with_failpoint.py"
LOGGER = "FAIL-01"


@pytest.fixture
def environment(tmp_path: Path, smtp_server: SmtpServer, sms_server: SmsServer) -> dict[str, str]:
    return {
        "COLDCHAIN_DATA": str(tmp_path / "state"),
        "COLDCHAIN_MQTT_LISTEN": f"127.0.0.1:{quiet_port()}",
        "COLDCHAIN_MQTT_ANONYMOUS": "on",
        "COLDCHAIN_CANARY_S": "0",  # its commits would be counted among those that a role dies at
        "COLDCHAIN_SMTP_URL": smtp_server.url(),
        "COLDCHAIN_MAIL_FROM": "coldchain@example.com",
        "COLDCHAIN_SMS_URL": sms_server.url,
        "COLDCHAIN_SMS_ACCOUNT": sms_server.account,
        "COLDCHAIN_SMS_TOKEN": sms_server.token,
        "COLDCHAIN_SMS_FROM": "+4930000000",
    }


@pytest.fixture
def config(environment: dict[str, str]) -> Config:
    return read_config(None, environment)


@pytest.fixture
def stores(config: Config) -> Iterator[Stores]:
    with opened_stores(config) as opened:
        yield opened


@pytest.fixture
def run(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a role, armed or not; whatever still runs at the end is stopped."""
    started = []

    def start(role: str, *failpoint: str) -> subprocess.Popen[bytes]:
        command = [str(ARMED), role, *failpoint] if failpoint else ["-m", "coldchain", role]
        process = subprocess.Popen([sys.executable, *command], env=os.environ | environment)
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


def message(seq: int, start_ms: int, celsius: float) -> bytes:
    readings = [
        {"ts": iso(start_ms + (seq * 5 + step) * 60_000), "values": {"temperature_c": celsius}} for step in range(5)
    ]
    return json.dumps({"v": 1, "device": LOGGER, "boot": 1, "seq": seq, "readings": readings}).encode()


def shipment_under_way(stores: Stores, start_ms: int) -> None:
    with stores.registry.write() as connection:
        people.create(
            connection, email="night@example.com", name="Night", role="operator", phone="+491700000000",
            on_call=True, who="test", now_ms=start_ms,
        )  # fmt: skip
        loggers.register(connection, LOGGER, who="test", now_ms=start_ms, interval_ms=60_000)
        id_ = shipments.create(connection, NewShipment("S-1", "refrigerated-2-8"), by=SYSTEM, now_ms=start_ms)
        binding = NewBinding(LOGGER, start_ms, reason="uncalibrated in this test")
        bindings.bind(connection, Subject(SubjectKind.SHIPMENT, id_), binding, who="test", now_ms=start_ms)
        shipments.change(connection, id_, {"state": "in_transit"}, version=1, by=SYSTEM, now_ms=start_ms)


def count(stores: Stores, table: Any, *where: Any) -> int:
    with stores.registry.read() as connection:
        return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("nth", ["1", "2"])
def test_ingest_dies_around_a_commit_and_no_reading_is_lost_or_doubled(
    config: Config, stores: Stores, run: Callable[..., subprocess.Popen[bytes]], where: str, nth: str
) -> None:
    assert config.mqtt_listen is not None
    armed = run("ingest", "journal", where, nth)
    acknowledged: list[int] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=LOGGER, clean_session=False)
    client.username_pw_set(LOGGER)
    client.reconnect_delay_set(1, 1)
    client.on_publish = lambda *rest: acknowledged.append(rest[2])
    client.connect_async("127.0.0.1", config.mqtt_listen.port)
    client.loop_start()
    try:
        start_ms = SystemClock().now_ms() - 3_600_000
        for seq in range(4):
            client.publish(f"cc/{LOGGER}/up", message(seq, start_ms, 5.0), qos=1)
            if seq < int(nth) - 1:  # so that the commit that counts is a later one
                wait_until(lambda seq=seq: len(acknowledged) > seq, 30, "the acknowledgement before")
        assert armed.wait(30) == KILLED
        assert len(acknowledged) < 4
        run("ingest")
        wait_until(lambda: len(acknowledged) == 4, 30, "all acknowledged")
        rows = stores.journal.read(0, 1000)
        state = stores.journal.logger(LOGGER)
    finally:
        client.disconnect()
        client.loop_stop()
    assert [row.event_time_ms for row in rows] == [start_ms + minute * 60_000 for minute in range(20)]
    assert state is not None
    assert state.quarantined == 0


@pytest.mark.parametrize("where", ["before", "after"])
def test_engine_dies_around_a_commit_and_finds_everything_once(
    config: Config,
    stores: Stores,
    run: Callable[..., subprocess.Popen[bytes]],
    smtp_server: SmtpServer,
    where: str,
) -> None:
    start_ms = SystemClock().now_ms() - 60 * 60_000
    shipment_under_way(stores, start_ms)
    pipeline_of(config, stores, SystemClock()).submit(
        [
            Envelope(
                "mqtt", f"cc/{LOGGER}/up", message(seq, start_ms, 5.0 if seq < 2 else 12.0), SystemClock().now_ms(), 1
            )
            for seq in range(12)
        ]
    )
    assert run("engine", "registry", where, "1").wait(60) == KILLED
    run("engine")
    wait_until(lambda: count(stores, schema.alarm, schema.alarm.c.cause == "high") == 1, 60, "the alarm")
    run("notify")
    wait_until(lambda: len(smtp_server.mails) > 0, 60, "the mail")
    current = (~schema.excursion.c.superseded, ~schema.excursion.c.withdrawn)
    assert count(stores, schema.excursion, *current) == 1
    assert count(stores, schema.outbox, schema.outbox.c.channel == "email", schema.outbox.c.reason == "raised") == 1


@pytest.mark.parametrize("where", ["before", "after"])
def test_notifier_dies_around_a_commit_and_the_message_still_arrives(
    config: Config,
    stores: Stores,
    run: Callable[..., subprocess.Popen[bytes]],
    smtp_server: SmtpServer,
    sms_server: SmsServer,
    where: str,
) -> None:
    start_ms = SystemClock().now_ms() - 60 * 60_000
    shipment_under_way(stores, start_ms)
    pipeline_of(config, stores, SystemClock()).submit(
        [
            Envelope("mqtt", f"cc/{LOGGER}/up", message(seq, start_ms, 12.0), SystemClock().now_ms(), 1)
            for seq in range(12)
        ]
    )
    engine = run("engine")
    wait_until(lambda: count(stores, schema.outbox) > 0, 60, "the outbox filled")
    engine.terminate()
    engine.wait(20)
    # Taking the lease, claiming the mail, recording that it was taken: each of them is somebody's last deed.
    for nth in ("1", "2", "3"):
        assert run("notify", "registry", where, nth).wait(60) == KILLED
    run("notify")
    # What came later than the first message may still wait for the minute that gathers a group.
    unsure = schema.outbox.c.state.not_in(["accepted", "delivered", "queued"])
    wait_until(lambda: bool(smtp_server.mails and sms_server.forms), 60, "mail and SMS handed over")
    wait_until(lambda: count(stores, schema.outbox, unsure) == 0, 60, "nothing left in doubt")
