"""`up`: a dead role comes back, a stop reaches all of them, and a state folder has one holder."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from coldchain.clock import HandClock
from coldchain.errors import ColdchainError
from coldchain.pulse import Pulse, expect, troubles
from coldchain.supervisor import Role, StateFolder, Supervisor

SLEEPER = "import signal, sys, pathlib, os; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); signal.pause()"


def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def pid_in(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_killed_role_is_started_again_within_two_seconds_and_a_stop_takes_all(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    roles = [Role(path.name, (sys.executable, "-c", SLEEPER, str(path))) for path in files]
    said: list[str] = []
    supervisor = Supervisor(roles, os.environ, said.append)
    # Signal handlers can be set in the main thread only, so the watching happens beside it.
    first: list[int] = []

    def watch() -> None:
        until(lambda: all(pid_in(path) for path in files))
        first.extend(pid_in(path) for path in files)
        os.kill(first[0], signal.SIGKILL)
        until(lambda: pid_in(files[0]) not in (0, first[0]), within_s=2)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=watch)
    thread.start()
    supervisor.run()
    thread.join()
    assert len(first) == 2
    assert pid_in(files[0]) != first[0]
    assert all(gone(pid_in(path)) for path in files)
    assert said == ["a ended with -9; starting it again"]


def test_the_second_holder_of_a_state_folder_is_told_who_has_it(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\nfrom coldchain.supervisor import StateFolder\n"
        "folder = StateFolder(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ColdchainError, match=f"held by process {holder.pid}"):
        StateFolder(tmp_path)
    holder.communicate()
    StateFolder(tmp_path).release()


def test_readiness_names_each_role_that_is_silent_or_in_trouble(tmp_path: Path) -> None:
    clock = HandClock(1_000_000)
    expect(tmp_path, ("ingest", "engine", "web"))
    ingest, engine = Pulse(tmp_path, "ingest", clock), Pulse(tmp_path, "engine", clock)
    ingest.beat()
    engine.beat("the registry is locked")
    assert troubles(tmp_path, clock.now_ms()) == ["engine: the registry is locked", "web: has not started yet"]
    clock.advance(20_000)
    engine.beat()
    Pulse(tmp_path, "web", clock).beat()
    assert troubles(tmp_path, clock.now_ms()) == ["ingest: silent for 20 s"]
    ingest.beat()
    assert troubles(tmp_path, clock.now_ms()) == []
