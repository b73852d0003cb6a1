"""A server process of our own for tests: started on a free loopback port, ended by its own process id."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# How many times longer than on a quiet machine everything may take before a wait is given up.
PATIENCE = float(os.environ.get("COLDCHAIN_TEST_PATIENCE", "1"))

_START_S = 60.0 * PATIENCE
_ATTEMPTS = 3  # another program may take a free port before the server does


def missing(what: str, remedy: str) -> Any:
    """Skip the test, or fail it in CI."""
    text = f"{what} is not here: {remedy}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(text)
    pytest.skip(text)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0, what: str = "the condition") -> None:
    """Poll `condition` every 10 ms until it holds; fail the test when it does not within `timeout_s` x `PATIENCE`."""
    timeout_s *= PATIENCE
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {timeout_s:g} s")
        time.sleep(0.01)


def answers(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def http(method: str, url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and body of one request; status 0 when there is no connection. `_` in a header's name means `-`."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, names, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


class Process:
    """A server that we started: it is ended by its own process id and dies with the test run."""

    def __init__(
        self,
        folder: Path,
        command: Callable[[int], list[str]],
        ready: Callable[[int], bool],
        account: tuple[str, ...] = (),
    ) -> None:
        self._folder, self._command, self._ready, self._account = folder, command, ready, account
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        for attempt in range(_ATTEMPTS):
            try:
                self.start()
            except RuntimeError:
                if attempt == _ATTEMPTS - 1:
                    raise
                self.port = free_port()
            else:
                break

    @property
    def pid(self) -> int | None:
        """The running server's process id."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start on the same port and files; returns when the server answers."""
        log = self._folder / "server.log"
        with log.open("ab") as output:
            # A change of account forgets whom to die with, so that comes first.
            command = [*self._account, *_dies_with_parent(), *self._command(self.port)]
            process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_S
        while not self._ready(self.port):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                tail = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self._command(self.port)[0]} did not start:\n{tail}")
            time.sleep(0.02)
        self._process = process

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait until it is gone; stopping a stopped server does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        self.stop(signal.SIGKILL)

    def restart(self) -> None:
        """Stop in good order and start again on the same port and files."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let it hang: connections are accepted by the kernel and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End a `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def _dies_with_parent() -> list[str]:
    # The kernel ties the server's life to the thread that started it, so only the main thread may ask for this.
    setpriv = shutil.which("setpriv")
    if setpriv and threading.current_thread() is threading.main_thread():
        return [setpriv, "--pdeathsig", "KILL", "--"]
    return []


class Outside:
    """A server that somebody else runs: tests that must stop it are skipped."""

    pid: int | None = None

    def _cannot(self) -> None:
        pytest.skip("this test stops and starts the server, and the one in use was given by the environment")

    start = stop = kill = restart = pause = resume = _cannot
