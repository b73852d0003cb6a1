"""`coldchain up` with journal and registry in one PostgreSQL database: from a reading to an alarm, over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import quiet_port
from servers import http, wait_until

from coldchain.domain.quantity import iso

pytestmark = [pytest.mark.server, pytest.mark.slow]
COMMAND = [sys.executable, "-m", "coldchain"]


class Installation:
    """A running `coldchain up` and an administrator's key to it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = os.environ | environment
        key = self.run("apikey", "create", "--name", "test", "--role", "admin").splitlines()[-1]
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.url = f"http://{environment['COLDCHAIN_HTTP']}"
        self.process = subprocess.Popen([*COMMAND, "up"], env=self.environment)

    def run(self, *arguments: str) -> str:
        done = subprocess.run([*COMMAND, *arguments], env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def ready(self) -> bool:
        try:
            return http("GET", f"{self.url}/readyz")[0] == 200
        except OSError:
            return False

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        content = None if body is None else json.dumps(body).encode()
        status, answer = http(method, f"{self.url}/api/v1{path}", content, **self.headers)
        return status, json.loads(answer)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(15)


@pytest.fixture
def installation(tmp_path: Path, postgres_url: str) -> Iterator[Installation]:
    port = quiet_port()
    installed = Installation(
        {
            "COLDCHAIN_DATA": str(tmp_path / "state"),
            "COLDCHAIN_DATABASE_URL": postgres_url.replace("postgresql+psycopg://", "postgresql://"),
            "COLDCHAIN_HTTP": f"127.0.0.1:{port}",
            "COLDCHAIN_MQTT_LISTEN": f"127.0.0.1:{port + 1}",
        }
    )
    try:
        wait_until(installed.ready, 90, "every role at work")
        yield installed
    finally:
        if installed.process.poll() is None:
            installed.stop()


def test_a_reading_becomes_an_alarm_in_one_database(installation: Installation) -> None:
    now_ms = time.time_ns() // 1_000_000
    start_ms = now_ms - 2 * 3_600_000
    shipment = {"reference": "PG-1", "product_profile": "refrigerated-2-8", "planned_departure": iso(start_ms)}
    status, made = installation.call("POST", "/shipments", shipment)
    assert status == 201
    binding = {"logger": "PG-LOGGER", "role": "product", "from": iso(start_ms), "to": None, "reason": "test"}
    assert installation.call("POST", f"/shipments/{made['id']}/bindings", binding)[0] == 201
    assert installation.call("PATCH", f"/shipments/{made['id']}", {"state": "in_transit"})[0] == 200
    readings = [
        {"ts": iso(start_ms + minute * 60_000), "values": {"temperature_c": 5.0 if minute < 50 else 11.25}}
        for minute in range(119)
    ]
    message = {"v": 1, "device": "PG-LOGGER", "boot": 1, "seq": 0, "readings": readings}
    assert installation.call("POST", "/ingest/native", message)[0] == 202

    def alarmed() -> bool:
        return any(item["cause"] == "high" for item in installation.call("GET", "/alarms")[1]["items"])

    wait_until(alarmed, 30, "the alarm")
    [found] = installation.call("GET", f"/excursions?shipment={made['id']}")[1]["items"]
    assert found["peak_c"] == 11.25
    assert len(installation.call("GET", f"/shipments/{made['id']}/readings?limit=1000")[1]["items"]) == 119
    assert installation.stop() == 0
