"""Each role watches what it can see of the product itself, and says so in signals that become alarms.

A check looks at progress and answers with one sentence or None. It runs beside the role's work, never within it.
"""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from sqlalchemy.exc import DBAPIError

from coldchain.clock import Clock
from coldchain.errors import ColdchainError
from coldchain.registry import signals
from coldchain.registry.store import Registry

log = structlog.get_logger("watch")

_TURN_S = 1.0


class Event(NamedTuple):
    """Trouble that is over as soon as it has happened."""

    kind: str
    detail: str


class Check(NamedTuple):
    """One kind of trouble: how often to look, and the look, which answers with a sentence while there is some."""

    kind: str
    every_s: float
    look: Callable[[], str | None]


class Watchman:
    """Makes one role's checks in turn and keeps their answers in the registry."""

    def __init__(
        self,
        registry: Registry,
        role: str,
        checks: Sequence[Check],
        clock: Clock,
        events: Callable[[], Sequence[Event]] = tuple,
    ) -> None:
        """`events` gives what has happened since it was last asked."""
        self._registry, self._role, self._checks, self._clock = registry, role, tuple(checks), clock
        self._events = events
        self._due_s = dict.fromkeys((check.kind for check in checks), float("-inf"))
        self._known: set[str] | None = None
        self._unsaid: list[Event] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to look, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def turn(self) -> None:
        """Make the checks that are due; a check that cannot be made leaves what was known.

        Raises:
            ColdchainError, DBAPIError: the registry cannot be used now; what was found is said at the next turn.
        """
        now_s = self._clock.monotonic_s()
        if self._known is None:
            with self._registry.read() as connection:
                self._known = signals.held(connection, self._role)
        self._unsaid += self._events()
        for check in self._checks:
            if now_s < self._due_s[check.kind]:
                continue
            try:
                said = check.look()
            except (OSError, ColdchainError, DBAPIError) as error:
                log.warning("check_failed", kind=check.kind, error=str(error))
                self._due_s[check.kind] = now_s + check.every_s
                continue
            self._tell(check.kind, said)
            self._due_s[check.kind] = now_s + check.every_s
        self._tell_events()

    def _tell(self, kind: str, said: str | None) -> None:
        assert self._known is not None
        if (said is not None) == (kind in self._known):
            return
        with self._registry.write() as connection:
            now_ms = self._clock.now_ms()
            signals.hold(connection, role=self._role, kind=kind, detail=said, now_ms=now_ms)
        self._known = self._known - {kind} if said is None else self._known | {kind}
        log.warning("trouble" if said else "trouble_over", kind=kind, detail=said)

    def _tell_events(self) -> None:
        if not self._unsaid:
            return
        with self._registry.write() as connection:
            for kind, detail in dict.fromkeys(self._unsaid):
                now_ms = self._clock.now_ms()
                signals.report_event(connection, role=self._role, kind=kind, detail=detail[:200], now_ms=now_ms)
        self._unsaid.clear()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.turn()
            except (ColdchainError, DBAPIError) as error:
                log.warning("registry busy or away", why=str(error))
            self._stop.wait(_TURN_S)
