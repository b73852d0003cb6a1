"""`python -m bench [NAME ...] [--scale X] [--write FILE]`: measure, print the table, keep it as Markdown."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.table import Anchor, Section, absent, document, show

# Seconds that each may take at full scale; what takes longer is ended and counts as not measured.
BOUNDS = {
    "line_protocol": 60, "storage": 120, "listener": 120, "subscriber": 90, "carriers": 180, "databases": 90,
    "forwarding": 240, "memory": 360, "engine": 420, "lab": 240, "summaries": 120,
    "pixel": 90, "planner": 60, "dispatch": 180, "alerting": 300, "demo": 300,
}  # fmt: skip
ASKED_FOR = {"demo"}  # it makes a whole environment from the package index


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", epilog="example: python -m bench listener --scale 0.2")
    parser.add_argument("names", nargs="*", choices=[*BOUNDS, []], help="what to measure; all but `demo` by default")
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer messages; 0.1 for a quick look")
    parser.add_argument("--write", type=Path, help="the Markdown file whose sections are to be replaced")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is being measured is ended with us
    sections = []
    for name in args.names or [name for name in BOUNDS if name not in ASKED_FOR]:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        sections.append(measured(name, args.scale))
        if args.write:  # after each, so that a run that is broken off keeps what it has
            before = args.write.read_text(encoding="utf-8") if args.write.exists() else ""
            args.write.write_text(document(before, sections, list(BOUNDS)), encoding="utf-8")
    show(sections)
    return int(any(anchor.held is False for section in sections for anchor in section.anchors))


def measured(name: str, scale: float) -> Section:
    """What `bench.{name}` says, or why it says nothing."""
    when = f"{datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[0]:.1f} before"
    when += "" if scale == 1 else f", scale {scale:g}"
    bound_s = BOUNDS[name] * max(1.0, scale)
    command = [sys.executable, "-m", "bench.one", name, str(scale)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0)
    try:
        said, complaint = started.communicate(timeout=bound_s)
    except subprocess.TimeoutExpired:
        return Section(name, "", when, (absent(name, f"it was not done within {bound_s:.0f} s"),))
    finally:
        _end(started)
    try:
        answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        reason = (complaint.strip().splitlines() or [f"it ended with {started.returncode}"])[-1]
        return Section(name, "", when, (absent(name, reason),))
    return Section(name, answer["about"], when, tuple(Anchor(**anchor) for anchor in answer["anchors"]))


def _end(started: "subprocess.Popen[str]") -> None:
    """Let it tidy up, and take away whatever it has left running."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.terminate()
        started.wait(20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


if __name__ == "__main__":
    sys.exit(main())
