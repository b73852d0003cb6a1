"""Runs the roles as processes of their own: starts them, restarts a dead one, and takes all of them down."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from coldchain.errors import ColdchainError

STOP_WITHIN_S = 8.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
STEADY_S = 10.0


@dataclass(slots=True)
class Role:
    """One process that shall run: its name, its command, and what is known of the running one."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    due_s: float = 0.0


class StateFolder:
    """The exclusive hold on a state folder; a second holder is told who has it."""

    def __init__(self, data: Path) -> None:
        """Take the folder.

        Raises:
            ColdchainError: another process tree holds it.
        """
        self._path = data / "run" / "up.pid"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = self._locked(data)
        except OSError as error:
            raise ColdchainError(
                f"COLDCHAIN_DATA: {data} cannot be used ({error.strerror}): choose a folder that may be written"
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let the next one have the folder."""
        self._path.unlink(missing_ok=True)
        self._file.close()

    def _locked(self, data: Path) -> IO[str]:
        while True:
            file = self._path.open("a+", encoding="utf-8")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                file.close()
                raise ColdchainError(
                    f"the state folder {data} is held by process {holder}: stop that one, or set COLDCHAIN_DATA"
                ) from error
            # Whoever had it may have removed the file between our opening and our locking: then nobody sees our lock.
            if self._path.exists() and os.path.samestat(os.fstat(file.fileno()), self._path.stat()):
                return file
            file.close()


class Supervisor:
    """Keeps roles running until it is told to stop."""

    def __init__(
        self, roles: Sequence[Role], environment: Mapping[str, str], say: Callable[[str], None] = print
    ) -> None:
        """Supervise `roles`, each started with `environment`; `say` gets one line per event."""
        self._roles = list(roles)
        self._environment = dict(environment)
        self._say = say
        self._stopping = False

    def run(self, tick: Callable[[], None] = lambda: None) -> None:
        """Start every role and watch until SIGINT or SIGTERM; `tick` is called about five times a second."""
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not self._stopping:
                self._look_after()
                tick()
                time.sleep(0.2)  # the pace of looking, not a wait for something
        finally:
            self._stop_all()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Make `run` return after it has stopped every role."""
        self._stopping = True

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _look_after(self) -> None:
        now_s = time.monotonic()
        for role in self._roles:
            if role.process is None:
                if now_s >= role.due_s:
                    self._start(role, now_s)
            elif role.process.poll() is not None:
                self._note_death(role, now_s)
            elif now_s - role.started_s > STEADY_S:
                role.pause_s = FIRST_PAUSE_S

    def _start(self, role: Role, now_s: float) -> None:
        # A session of its own: Ctrl-C reaches only us, and we pass it on in order.
        role.process = subprocess.Popen(role.command, env=self._environment, start_new_session=True)
        role.started_s = now_s

    def _note_death(self, role: Role, now_s: float) -> None:
        if role.process is None:
            return
        self._say(f"{role.name} ended with {role.process.returncode}; starting it again")
        role.process = None
        role.due_s = now_s + role.pause_s
        role.pause_s = min(role.pause_s * 2, LONGEST_PAUSE_S)

    def _stop_all(self) -> None:
        running = [role.process for role in self._roles if role.process is not None]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN_S
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def role(name: str, *arguments: str) -> Role:
    """The role `name` as `coldchain name` run by this interpreter."""
    return Role(name, (sys.executable, "-m", "coldchain", name, *arguments))
