"""What the sentinel sees of the monitor, reading only: signs of life, the canary's passage, the age of the outbox.

Nothing here may hang or fail: a registry that is away, locked or broken is itself the answer.
"""

import json
import threading
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from alerts.canary_watch import CanaryWatch
from coldchain.clock import Clock
from coldchain.domain.quantity import iso
from coldchain.pulse import stale
from coldchain.registry import canary, sentinel_visits, undelivered

OVERDUE_MS = 120_000
_PATIENCE_S = 5.0


class Trouble(NamedTuple):
    """What is wrong; `lasting` says that the sentence itself means that it has been so for long enough."""

    key: str
    words: str
    lasting: bool = False


class Seen(NamedTuple):
    """One look."""

    troubles: tuple[Trouble, ...]
    every_s: float | None  # how often canaries are sent, where that is known
    token: str | None = None  # by which the monitor knows its sentinel


class View:
    """Looks at one state folder and its registry."""

    def __init__(self, data: Path, database_url: str, clock: Clock, patience_s: float = _PATIENCE_S) -> None:
        """`database_url`: PostgreSQL, or empty for the SQLite file in `data`."""
        self._data, self._clock, self._patience_s = data, clock, patience_s
        self._engine = _engine(data, database_url)
        self._canaries = CanaryWatch(clock)
        self._asking: _Question | None = None

    def look(self) -> Seen:
        """Everything that is wrong now."""
        lifeless = tuple(self._lifeless())
        asked = self._asking or _Question(self._engine, self._canaries, self._clock.now_ms())
        self._asking = asked
        if not asked.done.wait(self._patience_s):
            return Seen((*lifeless, Trouble("registry", "its registry does not answer")), None)
        self._asking = None
        return Seen((*lifeless, *asked.troubles), asked.every_s, asked.token)

    def _lifeless(self) -> list[Trouble]:
        folder, now_ms = self._data / "run", self._clock.now_ms()
        names = set(_names(folder / "roles.json")) | {path.stem for path in folder.glob("*.pulse")}
        found = []
        for name in sorted(names):
            why = _lifeless(folder / f"{name}.pulse", now_ms)
            if why is not None:
                found.append(Trouble(f"role {name}", f"{name} {why}"))
        return found


class _Question:
    """One question to the registry, asked in a thread: whoever waits for the answer may give up, it may not."""

    def __init__(self, engine: Engine, canaries: CanaryWatch, now_ms: int) -> None:
        self.done = threading.Event()
        self.troubles: tuple[Trouble, ...] = ()
        self.every_s: float | None = None
        self.token: str | None = None
        threading.Thread(target=self._ask, args=(engine, canaries, now_ms), name="sentinel-look", daemon=True).start()

    def _ask(self, engine: Engine, canaries: CanaryWatch, now_ms: int) -> None:
        try:
            with engine.connect() as connection:
                wanted = canary.expected(connection)
                if wanted is not None:
                    self.every_s = wanted.every_s
                self.token = sentinel_visits.token(connection)
                missing = canaries.missing(connection)
                stuck = undelivered.stuck_since_ms(connection, now_ms)
                oldest = undelivered.oldest_due_ms(connection)
        except (SQLAlchemyError, OSError, ValueError) as error:
            engine.dispose()
            words = str(getattr(error, "orig", None) or error).strip().splitlines()
            self.troubles = (Trouble("registry", f"its registry cannot be read: {words[0] if words else error}"),)
        else:
            self.troubles = tuple(_of_registry(missing, stuck, oldest, now_ms))
        finally:
            self.done.set()


def _of_registry(missing: str | None, stuck: int | None, oldest: int | None, now_ms: int) -> list[Trouble]:
    found = []
    if missing:
        found.append(Trouble("canary", missing, lasting=True))
    if stuck is not None:
        words = f"no message has reached anybody since {iso(stuck)}: every channel fails"
        found.append(Trouble("outbox", words, lasting=True))
    elif oldest is not None and now_ms - oldest > OVERDUE_MS:
        words = f"a message to somebody has been due since {iso(oldest)} and has not left"
        found.append(Trouble("outbox", words, lasting=True))
    return found


def _lifeless(path: Path, now_ms: int) -> str | None:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        at_ms, trouble = int(said["at_ms"]), said["trouble"]
    except FileNotFoundError:
        return "is not running"
    except (OSError, ValueError, KeyError, TypeError):
        return "cannot be seen: its sign of life is unreadable"
    if stale(at_ms, now_ms):
        return f"has given no sign of life since {iso(at_ms)}"
    return None if trouble is None else f"says: {trouble}"


def _names(path: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def _engine(data: Path, database_url: str) -> Engine:
    if database_url:
        url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        reading = "-c default_transaction_read_only=on -c statement_timeout=4000"
        return create_engine(url, connect_args={"connect_timeout": 4, "options": reading}, pool_pre_ping=True)
    # Never made where it is missing, and never written to.
    file = (data / "registry.db").absolute()
    return create_engine(f"sqlite:///file:{file}?mode=ro&uri=true", connect_args={"timeout": 3})
