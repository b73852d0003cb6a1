"""A role that stands still at one exact place for as long as a file is there: `role_that_hangs.py ROLE FOLDER`.

It runs the product's own command. Each stage of a reading's way has its file; the product has no such switch.
"""

import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from alerts import canary as canaries
from alerts import dispatcher, heartbeat
from coldchain.cli import main
from coldchain.journal.store import StoredJournal
from compliance.loop import EngineLoop
from ingest.listener.session import Session
from ingest.pipeline import Pipeline

STAGES: dict[str, tuple[Any, str]] = {
    "listening": (Session, "buffer_updated"),
    "decoding": (Pipeline, "_decoded"),
    "committing": (StoredJournal, "pass_canary"),
    "judging": (EngineLoop, "_look"),
    "planning": (canaries.CanaryPost, "pass_on"),
    "claiming": (dispatcher.Dispatcher, "_lease"),
    "sending": (canaries.CanaryChannel, "send"),
    "beating": (heartbeat.Heartbeat, "look"),
}


def arm(place: Any, name: str, file: Path) -> None:
    """Let `place.name` wait while `file` is there."""
    original: Callable[..., Any] = getattr(place, name)

    @wraps(original)
    def waits(*arguments: Any, **named: Any) -> Any:
        while file.exists():
            time.sleep(0.02)
        return original(*arguments, **named)

    setattr(place, name, waits)


if __name__ == "__main__":
    role, folder = sys.argv[1:]
    for stage, (place, name) in STAGES.items():
        arm(place, name, Path(folder) / stage)
    sys.exit(main([role]))
