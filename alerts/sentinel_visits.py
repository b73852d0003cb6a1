"""Who watches the sentinel: it comes by once a minute, and the monitor says so when it stays away.

The sentinel asks the monitor's web role and needs no right to write anything for it. A sentinel that was never seen is
missed by nobody: an installation need not have one.
"""

import http.client
import json
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog

from coldchain.clock import Clock
from coldchain.domain.quantity import iso
from coldchain.registry import sentinel_visits, signals
from coldchain.registry.store import Registry

log = structlog.get_logger("sentinel")

KIND = "sentinel_silent"
PATH = "/api/v1/sentinel"
EVERY_S = 60.0
SILENT_S = 300.0  # so long may a sentinel stay away
ENDED_S = 60.0  # and so long one that said goodbye, as it does when it is started anew
_DEADLINE_S, _FAREWELL_S = 10.0, 3.0


class Missed:
    """The monitor's look: how long ago the sentinel came by, by the timer that never steps."""

    def __init__(self, registry: Registry, clock: Clock, role: str, reachable: Callable[[], bool]) -> None:
        """`reachable`: whether the web role works, without which nobody can come by. `role` is who looks."""
        self._registry, self._clock, self._role, self._reachable = registry, clock, role, reachable
        self._mark: sentinel_visits.Visit | None = None
        self._at_s = 0.0
        self._known = False

    def look(self) -> str | None:
        """Since when it has not come by, if that is too long."""
        now_s = self._clock.monotonic_s()
        self._introduce()
        with self._registry.read() as connection:
            visit = sentinel_visits.last(connection)
            # Who begins to look cannot tell how long it was away itself; what was known to be missing stays so.
            missed = visit is not None and self._mark is None and KIND in signals.held(connection, self._role)
        if visit is None:
            self._mark = None
            return None
        if visit != self._mark or not self._reachable():
            self._mark, self._at_s = visit, now_s
        if missed:
            self._at_s = now_s - SILENT_S - 1
        if now_s - self._at_s <= (ENDED_S if visit.ended else SILENT_S):
            return None
        when = iso(visit.at_ms)
        return f"the sentinel was ended at {when}" if visit.ended else f"the sentinel has not come by since {when}"

    def _introduce(self) -> None:
        if not self._known:
            with self._registry.write() as connection:
                sentinel_visits.ensure_token(connection)
            self._known = True


class Visitor:
    """The sentinel's side: comes by in a thread of its own, and never waits."""

    def __init__(
        self, site_url: str, clock: Clock, send: Callable[[str, dict[str, object], float], None] | None = None
    ) -> None:
        """`send` posts a body to a URL within so many seconds; it may raise OSError."""
        self._url, self._clock, self._send = site_url.rstrip("/") + PATH, clock, send or _posted
        self._due_s = float("-inf")
        self._under_way: threading.Thread | None = None

    def come_by(self, token: str | None) -> None:
        """Say that the sentinel is there, if it is time; `token` is the word, as far as it could be read."""
        now_s = self._clock.monotonic_s()
        if token is None or now_s < self._due_s or (self._under_way is not None and self._under_way.is_alive()):
            return
        self._due_s = now_s + EVERY_S
        self._under_way = threading.Thread(
            target=self._say, args=({"token": token, "ended": False}, _DEADLINE_S), daemon=True
        )
        self._under_way.start()

    def farewell(self, token: str | None) -> None:
        """Say that the sentinel is being ended; waits for three seconds at most."""
        if token is not None:
            self._say({"token": token, "ended": True}, _FAREWELL_S)

    def _say(self, body: dict[str, object], deadline_s: float) -> None:
        try:
            self._send(self._url, body, deadline_s)
        except (OSError, http.client.HTTPException) as error:
            # Whether the web role works is seen by its sign of life; this is only said.
            log.info("monitor_not_visited", error=str(error) or type(error).__name__)


def _posted(url: str, body: dict[str, object], deadline_s: float) -> None:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=deadline_s)
    try:
        connection.request("POST", parts.path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read(4096)
        if answer.status != 204:
            raise ConnectionError(f"it answers {answer.status}")
    finally:
        connection.close()
