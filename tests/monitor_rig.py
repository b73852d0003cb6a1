"""A whole monitor in processes of its own, a watchdog outside that counts its beats, and a sentinel beside it."""

import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mail_servers import SmtpServer
from server_process import free_port, wait_until

PERIOD_S = 1.0  # between two canaries, here; a minute in real life


class Watchdog:
    """An HTTP server outside that expects a request now and then."""

    def __init__(self) -> None:
        self.beats: list[float] = []
        watchdog = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                watchdog.beats.append(time.monotonic())
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/ping/here"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def since(self, at_s: float) -> int:
        return sum(beat > at_s for beat in self.beats)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class Monitor:
    """The roles, and what they are told by their environment."""

    def __init__(self, folder: Path, watchdog: Watchdog, sentinel_smtp: SmtpServer, **more: str) -> None:
        self.folder, self.stages = folder, folder / "stages"
        self.stages.mkdir(parents=True)
        self.data = folder / "var"
        self.logs = folder
        self.mqtt_port = free_port()
        plain = {name: value for name, value in os.environ.items() if not name.startswith("COLDCHAIN_")}
        self.environment = plain | {
            "COLDCHAIN_DATA": str(self.data),
            "COLDCHAIN_MQTT_LISTEN": f"127.0.0.1:{self.mqtt_port}",
            "COLDCHAIN_MQTT_ANONYMOUS": "on",
            "COLDCHAIN_HTTP": f"127.0.0.1:{free_port()}",
            "COLDCHAIN_CANARY_S": f"{PERIOD_S:g}",
            "COLDCHAIN_HEARTBEAT_URL": watchdog.url,
            "PYTHONPATH": str(Path(__file__).parent),
            **more,
        }
        self.sentinel_environment = self.environment | {
            "COLDCHAIN_SENTINEL_SMTP_URL": sentinel_smtp.url(),
            "COLDCHAIN_SENTINEL_FROM": "watch@elsewhere.example",
            "COLDCHAIN_SENTINEL_TO": "boss@elsewhere.example",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, role: str) -> None:
        hangs = Path(__file__).parent / "role_that_hangs.py"
        command = [sys.executable, str(hangs), role, str(self.stages)]
        environment = self.environment
        if role == "sentinel":
            command, environment = [sys.executable, "-m", "coldchain", role], self.sentinel_environment
        with (self.logs / f"{role}.log").open("ab") as log:
            self.running[role] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def signal(self, role: str, number: signal.Signals) -> None:
        self.running[role].send_signal(number)

    def hold(self, stage: str) -> None:
        (self.stages / stage).touch()

    def release(self, stage: str) -> None:
        (self.stages / stage).unlink()

    def stop(self) -> None:
        for stage in self.stages.iterdir():
            stage.unlink()
        for process in self.running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def well(watchdog: Watchdog, beats: int = 2) -> None:
    """Wait until beats come again."""
    since = time.monotonic()
    wait_until(lambda: watchdog.since(since) >= beats, 30, "beats again")
