"""The disk with the product's own state is really full: a small file system in memory, filled to its last byte.

Nothing is acknowledged that was not committed, somebody is told within half a minute by ways that write nothing, the
sirens on site sound, and when there is space again everything goes on by itself, with all that loggers kept. What the
roles log is on that disk as well.
"""

import json
import os
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from mail_servers import SmtpServer
from monitor_rig import PERIOD_S, Monitor, Watchdog
from paho.mqtt.enums import CallbackAPIVersion
from server_process import wait_until

from coldchain.clock import SystemClock
from coldchain.config import read_config
from coldchain.domain.quantity import iso
from coldchain.wiring import opened_stores

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: run it as root, as CI does"),
]

ROLES = ("ingest", "engine", "notify", "web")
PROMISED_S = 30.0
BACK_S = 60.0
SIZE_MIB = 96


class Small(Monitor):
    """A monitor whose state and logs lie on a file system of their own; notifier and sentinel have a siren each."""

    def __init__(self, folder: Path, watchdog: Watchdog, post: SmtpServer) -> None:
        super().__init__(folder, watchdog, post)
        self.logs, self.sounded = self.data, folder / "sounded.txt"
        siren = folder / "siren.sh"
        siren.write_text(f'#!/bin/sh\necho "$1 $2 $3" >> {self.sounded}\n')
        siren.chmod(0o755)
        self.environment["COLDCHAIN_ANNUNCIATOR"] = f"{siren} notifier"
        self.sentinel_environment["COLDCHAIN_ANNUNCIATOR"] = f"{siren} sentinel"

    def sirens(self, state: str) -> set[str]:
        """Whose siren was called so at last."""
        lines = self.sounded.read_text().splitlines() if self.sounded.exists() else []
        newest = {line.split()[0]: line.split()[1] for line in lines}
        return {who for who, said in newest.items() if said == state}

    def begin(self) -> None:
        for role in (*ROLES, "sentinel"):
            self.start(role)

    def ready(self) -> bool | None:
        """What /readyz says; None while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self.environment['COLDCHAIN_HTTP']}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            return None if error.code != 503 else False
        except OSError:
            return None


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    (place / "var").mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(place / "var")]
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("may not mount a file system here: run it with CAP_SYS_ADMIN, as CI does")
    yield place
    subprocess.run(["umount", "-l", str(place / "var")], check=True)


@pytest.fixture
def monitor(folder: Path, watchdog: Watchdog, smtp_server: SmtpServer) -> Iterator[Small]:
    made = Small(folder, watchdog, smtp_server)
    with opened_stores(read_config(None, {"COLDCHAIN_DATA": str(made.data)})):
        pass  # made before, so that the roles do not wait for each other
    yield made
    made.stop()


class Logger:
    """Sends a reading ten times a second and keeps each until it is acknowledged."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self.acknowledged: set[int] = set()
        self._ids: dict[int, int] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "LG-1", clean_session=False)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(1, 2)
        self._client.on_publish = self._published
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def hush(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def end(self) -> None:
        self.hush()
        self._client.disconnect()
        self._client.loop_stop()

    def _published(self, _client: object, _data: object, mid: int, *_: object) -> None:
        self.acknowledged.add(mid)

    def _send(self) -> None:
        start_ms = SystemClock().now_ms() - 10_000_000
        while not self._stop.wait(0.1):
            reading = {"ts": iso(start_ms + self.sent * 1000), "values": {"temperature_c": 5.0}}
            body = {"v": 1, "device": "LG-1", "boot": 1, "seq": self.sent, "readings": [reading]}
            self._client.publish("cc/LG-1/up", json.dumps(body), qos=1)
            self.sent += 1


def fill(place: Path) -> None:
    """Take every free byte."""
    with place.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def test_a_full_disk_is_told_of_within_half_a_minute_acknowledges_nothing_and_is_over_with_space(
    monitor: Small, watchdog: Watchdog, smtp_server: SmtpServer, folder: Path
) -> None:
    monitor.begin()
    wait_until(lambda: len(watchdog.beats) >= 2 and monitor.ready() is True, 90, "readiness")
    logger = Logger(monitor.mqtt_port)
    wait_until(lambda: len(logger.acknowledged) >= 10, 30, "acknowledgements")

    filler = monitor.data / "filler"
    fill(filler)
    full_s = time.monotonic()
    wait_until(lambda: monitor.ready() is False, PROMISED_S, "readiness to be taken back")

    def told() -> list[str]:
        mails = (message_from_bytes(raw) for _, raw in smtp_server.mails)
        return [str(mail["X-Coldchain-Sentinel"]) for mail in mails if mail["X-Coldchain-Sentinel"]]

    wait_until(lambda: "first" in told(), PROMISED_S - (time.monotonic() - full_s), "the sentinel's mail")
    wait_until(lambda: time.monotonic() - watchdog.beats[-1] > 4 * PERIOD_S, PROMISED_S, "the beat to be withheld")
    wait_until(lambda: len(logger.acknowledged) < logger.sent - 20, 20, "a backlog that is not acknowledged")
    wait_until(lambda: monitor.sirens("raised") == {"notifier", "sentinel"}, 2 * PROMISED_S, "both sirens")
    roles = {role: process.pid for role, process in monitor.running.items()}

    filler.unlink()
    beats = len(watchdog.beats)
    wait_until(lambda: monitor.ready() is True, BACK_S, "readiness again")
    wait_until(lambda: len(watchdog.beats) > beats, BACK_S, "beats again")
    logger.hush()
    wait_until(lambda: len(logger.acknowledged) == logger.sent, BACK_S, "the backlog")
    wait_until(lambda: monitor.sirens("over") == {"notifier", "sentinel"}, BACK_S, "both sirens to be silent again")
    alarmed = "storage" in storage_alarms(monitor.data)
    logger.end()
    assert {role: process.pid for role, process in monitor.running.items() if process.poll() is None} == roles
    with opened_stores(read_config(None, {"COLDCHAIN_DATA": str(monitor.data)})) as stores:
        rows = [row.seq or 0 for row in stores.journal.read(0, 1_000_000) if row.logger == "LG-1"]
    assert sorted(rows) == list(range(logger.sent))
    assert alarmed, "no alarm of its own afterwards"


def storage_alarms(data: Path) -> set[str]:
    """The kinds of trouble of the product itself that are on record, waiting for the one that is meant."""
    found: set[str] = set()

    def look() -> bool:
        with sqlite3.connect(f"file:{data / 'registry.db'}?mode=ro", uri=True, timeout=10) as connection:
            found.update(row[0] for row in connection.execute("select cause from alarm"))
        return "storage" in found

    wait_until(look, 30, "an alarm of the kind storage")
    return found
