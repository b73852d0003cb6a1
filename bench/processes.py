"""Starting the measured processes and the load, reading what they say, and ending them by their own ids."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def process(module: str, *args: object) -> Iterator[subprocess.Popen[str]]:
    """`python -m bench.{module}` with pipes; ended at the latest when the block ends."""
    command = [sys.executable, "-m", f"bench.{module}", *map(str, args)]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        if started.stdin:
            started.stdin.close()
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def says(started: subprocess.Popen[str]) -> Any:
    """The next line that the process prints, as JSON."""
    assert started.stdout is not None
    line = started.stdout.readline()
    if not line:
        raise RuntimeError("a measured process ended before it said anything")
    return json.loads(line)


def until(condition: Callable[[], object], what: str, within_s: float, pause_s: float = 0.05) -> None:
    """Look every `pause_s` seconds until `condition` holds.

    Raises:
        RuntimeError: it did not within `within_s` seconds; says `what` was waited for.
    """
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"{what}: not within {within_s:.0f} s")
        time.sleep(pause_s)


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="coldchain-bench-") as folder:
        yield Path(folder)


def server(make: Any, folder: Path) -> Any:
    """A server of the tests, or the reason why there is none."""
    import pytest

    try:
        return make(folder)
    except (pytest.skip.Exception, pytest.fail.Exception) as absent:
        return str(absent)


def rss_mib(pid: int) -> float:
    """Resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} is gone")


def cpu_s(pid: int) -> float:
    """Seconds that a process has spent on the processor so far, its ended children not counted."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
