"""Resident memory of each role after a million readings, sent over MQTT to a real `coldchain up`.

Two hundred shipments with a logger each, whose 17 days of readings come in messages of a hundred; where InfluxDB 2 is
at hand they are projected into it too. Taken once engine and projector have caught up, and some requests were answered.
"""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from server_process import http

from bench.load import packets_of, publish
from bench.processes import rss_mib, scratch, server, until
from bench.readings import fleet
from bench.table import Anchor, absent
from coldchain.clock import SystemClock
from coldchain.domain.quantity import iso

LOGGERS, TOGETHER, INTERVAL_MS = 200, 100, 300_000
PATIENCE_S = 280  # with engine and projector
COMMAND = [sys.executable, "-m", "coldchain"]


def measure(scale: float) -> list[Anchor]:
    import servers

    each = max(TOGETHER, round(5_000 * scale))
    with scratch() as folder:
        influx = server(servers.influx2_server, folder)
        settings = {} if isinstance(influx, str) else _influx_settings(influx)
        try:
            with Installation(folder / "state", settings) as installation:
                return installation.measure(each, None if settings else str(influx))
        finally:
            if not isinstance(influx, str):
                influx.kill()


def _influx_settings(influx: Any) -> dict[str, str]:
    influx.fresh_bucket()
    names = {"URL": influx.url, "TOKEN": influx.token, "ORG": influx.org, "BUCKET": influx.bucket}
    return {f"COLDCHAIN_INFLUX_{name}": value for name, value in names.items()}


class Installation:
    """A running `coldchain up` with every role, and an administrator's key to it."""

    def __init__(self, state: Path, settings: dict[str, str]) -> None:
        from ports import quiet_port

        self._state = state
        self.port = quiet_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COLDCHAIN_")}
        self._environment = inherited | settings | {
            "COLDCHAIN_DATA": str(state), "COLDCHAIN_HTTP": f"127.0.0.1:{self.port}",
            "COLDCHAIN_MQTT_LISTEN": f"127.0.0.1:{self.port + 1}", "COLDCHAIN_MQTT_ANONYMOUS": "true",
        }  # fmt: skip

    def __enter__(self) -> Self:
        create = [*COMMAND, "apikey", "create", "--name", "bench", "--role", "admin"]
        done = subprocess.run(create, env=self._environment, check=True, capture_output=True, text=True)
        self._headers = {"Authorization": f"Bearer {done.stdout.splitlines()[-1]}", "Content-Type": "application/json"}
        with (self._state / "up.log").open("wb") as log:
            self._process = subprocess.Popen([*COMMAND, "up"], env=self._environment, stdout=log, stderr=log)
        try:
            until(lambda: http("GET", f"{self.url}/readyz")[0] == 200, "every role at work", 60, 0.2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def measure(self, each: int, without_project: str | None) -> list[Anchor]:
        """The memory of every role, idle and after `each` readings of every logger."""
        idle = self._memory()
        end_ms = SystemClock().now_ms() // INTERVAL_MS * INTERVAL_MS
        begin_ms = end_ms - each * INTERVAL_MS
        shipments = self._ship(begin_ms - 3_600_000)
        readings = fleet(LOGGERS, each, INTERVAL_MS, begin_ms)
        packets = packets_of(readings, TOGETHER)
        began_s = time.monotonic()
        asyncio.run(publish(self.port + 1, packets))
        sent_s = time.monotonic() - began_s
        judged_s = self._caught_up(began_s, PATIENCE_S)
        judged = f"judged after {judged_s:.0f} s" if judged_s else f"not all judged after {PATIENCE_S} s"
        for path in (f"/shipments/{shipments[0]}/compliance", "/loggers", f"/readings?logger={readings[0].logger}"):
            http("GET", f"{self.url}/api/v1{path}", None, **self._headers)
        after = self._memory()
        note = f"{_mib(idle['ingest'])} before; {len(readings):,} readings, taken in after {sent_s:.0f} s, {judged}"
        anchors = [Anchor("memory of ingest", _mib(after["ingest"]), "", None, "", note)]
        others = [role for role in after if role != "ingest"]
        anchors += [
            Anchor(f"memory of {role}", _mib(after[role]), "", None, "", f"{_mib(idle[role])} before")
            for role in others
        ]
        return [*anchors, absent("memory of project", without_project)] if without_project else anchors

    def _memory(self) -> dict[str, float]:
        """MiB of each role with its child processes, by its name."""
        children = _children()
        return {
            path.stem: sum(rss_mib(pid) for pid in _family(int(path.read_text()), children))
            for path in sorted((self._state / "run").glob("*.pid"))
            if path.stem in ("ingest", "engine", "notify", "project", "web")
        }

    def _ship(self, departed_ms: int) -> list[str]:
        """Shipments under way with a logger each; their ids."""
        made = []
        for number in range(LOGGERS):
            about = {"reference": f"BENCH-{number}", "product_profile": "refrigerated-2-8"}
            shipment = self._call("POST", "/shipments", about | {"planned_departure": iso(departed_ms)})["id"]
            bound = {"logger": f"LG-{number:04d}", "role": "product", "from": iso(departed_ms), "reason": "bench"}
            self._call("POST", f"/shipments/{shipment}/bindings", bound)
            self._call("PATCH", f"/shipments/{shipment}", {"state": "in_transit"})
            made.append(shipment)
        return made

    def _call(self, method: str, path: str, body: Any) -> Any:
        status, answer = http(method, f"{self.url}/api/v1{path}", json.dumps(body).encode(), **self._headers)
        if status not in (200, 201):
            raise RuntimeError(f"{method} {path} was answered with {status}: {answer[:200]!r}")
        return json.loads(answer)

    def _caught_up(self, began_s: float, within_s: float) -> float | None:
        """Seconds until engine and projector had everything; None if they had not by then."""
        while time.monotonic() - began_s < within_s:
            if not self._behind():
                return time.monotonic() - began_s
            time.sleep(0.5)
        return None

    def _behind(self) -> bool:
        with _opened(self._state / "journal.db") as journal, _opened(self._state / "registry.db") as registry:
            (last,) = journal.execute("SELECT max(position) FROM reading").fetchone()
            behind = registry.execute("SELECT name FROM cursor WHERE journal_offset < ?", (last,)).fetchall()
        return bool({name for (name,) in behind} & {"engine", "projector"})


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
            except OSError:  # it ended in between
                continue
            found.setdefault(parent, []).append(int(entry.name))
    return found


def _family(pid: int, children: dict[int, list[int]]) -> list[int]:
    return [pid, *[one for child in children.get(pid, []) for one in _family(child, children)]]


def _mib(memory: float) -> str:
    return f"{memory:.0f} MiB"
