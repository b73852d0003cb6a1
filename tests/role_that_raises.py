"""A role with a bug that shows once: `role_that_raises.py ROLE FOLDER`.

It runs the product's own command. The first call of a step whose file is in FOLDER removes the file and raises.
"""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from alerts import canary, dispatcher
from alerts.dispatcher import Dispatcher
from coldchain.cli import main
from coldchain.journal.store import StoredJournal
from compliance.loop import EngineLoop
from ingest import canary as sending
from ingest.downlink import Downlink
from ingest.listener.server import Listener
from ingest.listener.session import Session
from ingest.pipeline import Pipeline
from ingest.subscriber import Subscriber
from ingest.writer import Writer

STEPS: dict[str, tuple[Any, str]] = {
    "session.buffer_updated": (Session, "buffer_updated"),
    "session.dispatch": (Session, "_dispatch"),
    "session.acknowledge": (Session, "acknowledge"),
    "listener.settled": (Listener, "settled"),
    "listener.flush": (Listener, "_flush"),
    "listener.check": (Listener, "admitted"),
    "downlink.due": (Downlink, "due"),
    "writer.gather": (Writer, "_gather"),
    "writer.stored": (Writer, "_stored"),
    "writer.settle": (Writer, "_settle"),
    "pipeline.decoded": (Pipeline, "_decoded"),
    "pipeline.committed": (Pipeline, "_committed"),
    "journal.append": (StoredJournal, "append"),
    "journal.canary": (StoredJournal, "pass_canary"),
    "canary.publish": (sending, "_publish"),
    "subscriber.connect": (Subscriber, "_on_connect"),
    "subscriber.subscribe": (Subscriber, "_on_subscribe"),
    "subscriber.message": (Subscriber, "_on_message"),
    "subscriber.turn": (Subscriber, "_turn"),
    "subscriber.settled": (Subscriber, "_settled"),
    "engine.look": (EngineLoop, "_look"),
    "engine.write": (EngineLoop, "_write"),
    "canary.pass_on": (canary.CanaryPost, "pass_on"),
    "dispatcher.step": (Dispatcher, "step"),
    "dispatcher.send": (Dispatcher, "_send_one"),
    "dispatcher.attempt": (Dispatcher, "_attempt"),
    "dispatcher.record": (Dispatcher, "_record"),
    "message.write": (dispatcher, "write"),
    "canary.send": (canary.CanaryChannel, "send"),
}


def arm(place: Any, name: str, file: Path) -> None:
    """Let the next call of `place.name` raise once `file` is there."""
    original: Callable[..., Any] = getattr(place, name)

    @wraps(original)
    def raises(*arguments: Any, **named: Any) -> Any:
        try:
            file.unlink()
        except FileNotFoundError:
            return original(*arguments, **named)
        raise RuntimeError(f"a bug in {file.name}")

    setattr(place, name, raises)


if __name__ == "__main__":
    role, folder = sys.argv[1:]
    for step, (place, name) in STEPS.items():
        arm(place, name, Path(folder) / step)
    sys.exit(main([role]))
