"""The product's roles as processes of their own, to be killed and started again by tests."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from servers import wait_until


def quiet_port() -> int:
    """A free port below those that clients get: one that knocks while the listener is down could be given its port."""
    for port in range(20_000 + os.getpid() % 1000, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no port is free")


class Roles:
    """The roles as processes; a killed one is started again at once."""

    def __init__(self, names: Iterable[str], environment: dict[str, str], log: Path) -> None:
        self._environment, self._log = os.environ | environment, log.open("ab")
        self._run = Path(environment["COLDCHAIN_DATA"]) / "run"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in names:
            self.start(name)
        for name in self.processes:
            self.wait_for(name)

    def start(self, name: str) -> None:
        command = [sys.executable, "-m", "coldchain", name]
        self.processes[name] = subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=self._log)

    def wait_for(self, name: str) -> None:
        """Return once the process that runs now says that it works."""

        def works() -> bool:
            try:
                pid = int((self._run / f"{name}.pid").read_text())
                said = json.loads((self._run / f"{name}.pulse").read_text())
            except (OSError, ValueError):
                return False
            return pid == self.processes[name].pid and said["pid"] == pid

        wait_until(works, 60, f"{name} at work")

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()
        self.start(name)

    def resident_mb(self, name: str) -> float:
        try:
            status = Path(f"/proc/{self.processes[name].pid}/status").read_text()
        except OSError:
            return 0.0
        found = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(found[0].split()[1]) / 1024 if found else 0.0

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(20)
        self._log.close()
