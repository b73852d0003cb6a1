"""From a reading to the hand-over of the mail about it, at 1,000 readings a second with 10,000 loggers registered.

The roles are the product's own commands: listener, engine and notifier on SQLite with durable commits, and a real SMTP
server on loopback. Each excursion is one person's business, so that nothing waits to be put together with others.
Beside it Alertmanager in the same run, where it is installed: from the alert that it is given to the notification that
it sends, with the group wait that it has by default, which is its own answer to storms.
"""

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from threading import Thread
from typing import Any

from bench.processes import process, says, scratch, until
from bench.table import Anchor, absent
from coldchain.domain.canary import CHANNEL

REGISTERED, BOUND, RATE = 10_000, 200, 1000
SHOTS_PER_S, SECONDS = 2, 40
GROUP_WAIT_S = 30.0  # Alertmanager's documented default of `group_wait`
_READY_S, _AFTER_S = 120.0, 60.0


def measure(scale: float) -> list[Anchor]:
    """Times from publishing the reading that makes an alarm to the mail's arrival at the server."""
    seconds = max(5, round(SECONDS * scale))
    with scratch() as folder, _post() as (post, arrivals), _house(folder, post) as port:
        with process("alerting_load", port, seconds, RATE, SHOTS_PER_S, BOUND, REGISTERED) as loading:
            says(loading)
            _judged(folder)
            assert loading.stdin is not None
            loading.stdin.write("\n")
            loading.stdin.flush()
            said = says(loading)
        shots: dict[str, float] = said["shots"]
        deadline_s = time.time() + _AFTER_S
        while len(arrivals) < len(shots) and time.time() < deadline_s:
            time.sleep(0.05)
    peer = _alertmanager()
    took = sorted(arrivals[name] - at for name, at in shots.items() if name in arrivals)
    if len(took) < 2:
        return [absent("reading to mail", f"{len(took)} of {len(shots)} alarms arrived")]
    half, most = statistics.median(took), took[min(len(took) - 1, int(0.99 * len(took)))]
    note = f"{len(took)} of {len(shots)} alarms, {said['rate']:.0f} readings/s, {REGISTERED} loggers"
    theirs, about = peer
    return [
        Anchor("reading to mail, p50", f"{half:.2f} s", "", half, "<= 1", note),
        Anchor("reading to mail, p99", f"{most:.2f} s", "", most, "<= 5", f"longest {took[-1]:.2f} s"),
        Anchor("reading to mail / Alertmanager's first notification", f"{half:.2f} s", f"{theirs:.1f} s", half / theirs,
               "<= 0.2", about),
        Anchor("alarms that reached nobody", str(len(shots) - len(took)), "", float(len(shots) - len(took)), "<= 0"),
    ]  # fmt: skip


@contextmanager
def _post() -> Iterator[tuple[Any, dict[str, float]]]:
    """An SMTP server that notes when the first mail to each person arrived."""
    from mail_servers import SmtpServer

    arrivals: dict[str, float] = {}

    class Noting(SmtpServer):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            arrivals.setdefault(envelope.rcpt_tos[0].partition("@")[0], time.time())
            return await super().handle_DATA(server, session, envelope)

    server = Noting()
    try:
        yield server, arrivals
    finally:
        server.stop()


@contextmanager
def _house(folder: Path, post: Any) -> Iterator[int]:
    """The roles at work on a filled registry; the listener's port."""
    from server_process import free_port

    port = free_port()
    settings = {
        "DATA": str(folder), "MQTT_LISTEN": f"127.0.0.1:{port}", "MQTT_ANONYMOUS": "on", "SMTP_URL": post.url(),
        "MAIL_FROM": "alerts@example.org",
    }  # fmt: skip
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COLDCHAIN_")}
    environment = plain | {f"COLDCHAIN_{name}": value for name, value in settings.items()}
    _fill(environment)
    roles = [
        subprocess.Popen([sys.executable, "-m", "coldchain", role], env=environment, stderr=subprocess.DEVNULL)
        for role in ("ingest", "engine", "notify")
    ]
    try:
        _at_work(folder)
        yield port
    finally:
        for role in roles:
            role.terminate()
        for role in roles:
            role.wait(20)


def _fill(environment: dict[str, str]) -> None:
    """A person and a shipment for each logger that is watched; the others are registered only."""
    from coldchain.config import read_config
    from coldchain.registry import bindings, people, schema, shipments
    from coldchain.registry.bindings import NewBinding
    from coldchain.registry.shipments import NewShipment
    from coldchain.registry.viewer import SYSTEM
    from coldchain.wiring import opened_stores

    now_ms = int(time.time() * 1000) - 600_000
    settings = {name: value for name, value in environment.items() if name.startswith("COLDCHAIN_")}
    with opened_stores(read_config(None, settings)) as stores, stores.registry.write() as connection:
        rows = [{"id": f"LG-{number:05d}", "created_ms": now_ms, "gateway": False} for number in range(REGISTERED)]
        connection.execute(schema.logger.insert(), rows)
        for number in range(BOUND):
            name = f"LG-{number:05d}"
            people.create(
                connection, email=f"{name.lower()}@example.org", name=name, role="viewer", who="bench", now_ms=now_ms,
                on_call=True, scope_customer=name,
            )  # fmt: skip
            new = NewShipment(name, "refrigerated-2-8", customer=name)
            made = shipments.create(connection, new, by=SYSTEM, now_ms=now_ms)
            binding = NewBinding(name, now_ms, reason="bench")
            bindings.bind(connection, shipments.subject(made), binding, who="bench", now_ms=now_ms)
            shipments.change(connection, made, {"state": "in_transit"}, by=SYSTEM, version=1, now_ms=now_ms)


def _at_work(folder: Path) -> None:
    """Until every role gives signs of life, all that was bound is judged for the first time, and a canary is through.

    None of that is what is measured.
    """
    pulses = [folder / "run" / f"{role}.pulse" for role in ("ingest", "engine", "notify")]
    until(lambda: all(pulse.exists() for pulse in pulses), "every role at work", _READY_S)

    def settled() -> bool:
        with closing(sqlite3.connect(folder / "registry.db")) as registry:
            dirty, through = registry.execute(
                "SELECT (SELECT count(*) FROM dirty),"
                " (SELECT count(*) FROM outbox WHERE channel = ? AND accepted_ms IS NOT NULL)", (CHANNEL,)
            ).fetchone()  # fmt: skip
        return not dirty and bool(through)

    until(settled, "the first judgements and a canary", _READY_S)


def _judged(folder: Path) -> None:
    """Until the engine has judged all that was ever committed."""

    def caught_up() -> bool:
        with (
            closing(sqlite3.connect(folder / "journal.db")) as journal,
            closing(sqlite3.connect(folder / "registry.db")) as registry,
        ):
            [head] = journal.execute("SELECT value FROM meta WHERE name = 'head'").fetchone() or [0]
            cursor = registry.execute("SELECT journal_offset FROM cursor WHERE name = 'engine'").fetchone()
            heard = journal.execute("SELECT count(*) FROM logger").fetchone()[0]
        return bool(heard >= REGISTERED and cursor is not None and cursor[0] >= head)

    until(caught_up, "the engine's judgement of the loggers' first messages", _READY_S, 0.2)


def _alertmanager() -> tuple[float, str]:
    """Seconds from an alert to the first notification with its defaults, and how that was found."""
    from influx_servers import SERVERS

    program = which("prometheus-alertmanager", path=f"{SERVERS / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        return GROUP_WAIT_S, "not installed: its documented default group_wait"
    from server_process import free_port

    arrived: list[float] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.append(time.time())
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=hook.serve_forever, daemon=True).start()
    port = free_port()
    with scratch() as folder:
        receiver = {"name": "all", "webhook_configs": [{"url": f"http://127.0.0.1:{hook.server_address[1]}/"}]}
        (folder / "am.yml").write_text(json.dumps({"route": {"receiver": "all"}, "receivers": [receiver]}))
        command = [program, f"--config.file={folder / 'am.yml'}", f"--storage.path={folder / 'data'}",
                   f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]  # fmt: skip
        started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            given = _give(port)
            while not arrived and time.time() - given < 2 * GROUP_WAIT_S:
                time.sleep(0.05)
        finally:
            started.terminate()
            started.wait(10)
            hook.shutdown()
    return (arrived[0] - given, "measured in this run") if arrived else (GROUP_WAIT_S, "it sent nothing in a minute")


def _give(port: int) -> float:
    body = json.dumps([{"labels": {"alertname": "warm", "logger": "LG-1"}}]).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/alerts", body, {"Content-Type": "application/json"}
    )
    for _ in range(200):
        with suppress(OSError), urllib.request.urlopen(request, timeout=5):
            return time.time()
        time.sleep(0.1)
    raise RuntimeError("Alertmanager did not start")
