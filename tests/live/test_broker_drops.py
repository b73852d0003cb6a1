"""What a real broker drops while nobody listens is an alarm as soon as somebody does."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from server_process import wait_until
from servers import Mosquitto

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(150)]

QUEUE, SENT = 5, 60
LIMITS = f"max_queued_messages {QUEUE}\nmax_inflight_messages 1\nsys_interval 1\n"


def started(role: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "coldchain", role], env=environment, stderr=subprocess.DEVNULL)


def ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


def asked(data: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{data / 'registry.db'}?mode=ro", uri=True, timeout=10) as connection:
        return connection.execute(query).fetchall()


def test_messages_that_the_broker_dropped_while_intake_was_down_are_an_alarm_that_counts_them(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Mosquitto(folder, LIMITS)
    data = tmp_path / "var"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COLDCHAIN_")}
    environment = plain | {"COLDCHAIN_DATA": str(data), "COLDCHAIN_MQTT_URL": broker.url, "COLDCHAIN_CANARY_S": "0"}
    running: list[subprocess.Popen[bytes]] = []
    try:
        first = started("ingest", environment)
        running.append(first)
        pulse = data / "run" / "ingest.pulse"
        wait_until(lambda: pulse.exists() and json.loads(pulse.read_text())["trouble"] is None, 60, "a subscription")
        ended(first)
        publisher = mqtt.Client(CallbackAPIVersion.VERSION2, "LG-1")
        publisher.connect(broker.host, broker.port)
        publisher.loop_start()
        for seq in range(SENT):
            body = {"v": 1, "device": "LG-1", "boot": 1, "seq": seq, "readings": []}
            publisher.publish("cc/LG-1/up", json.dumps(body), qos=1).wait_for_publish(10)
        publisher.disconnect()
        publisher.loop_stop()
        running += [started("ingest", environment), started("engine", environment)]
        wait_until(
            lambda: bool(asked(data, "select 1 from alarm where cause = 'broker_dropped' and condition = 'active'")),
            60, "the alarm",
        )  # fmt: skip
        [(detail,)] = asked(data, "select detail from signal where kind = 'broker_dropped'")
        count = int(str(detail).split()[4])
        assert SENT - QUEUE - 2 <= count <= SENT, detail
    finally:
        for process in running:
            if process.poll() is None:
                ended(process)
        broker.kill()
