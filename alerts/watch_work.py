"""The work of the other roles, by its progress: judging, delivering, storing; the trail; the people."""

import json
from collections import deque
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, func, select

from alerts.watch import Event
from coldchain import audit
from coldchain.clock import Clock
from coldchain.domain.quantity import iso
from coldchain.journal.port import Journal
from coldchain.pulse import stale
from coldchain.registry import signals, undelivered
from coldchain.registry.schema import cursor, setting, sign_in_attempt
from coldchain.registry.store import Registry, upsert

BEHIND_S = 60.0
OVERDUE_MS = 60_000
TRAIL_MS, WHOLE_TRAIL_MS = 86_400_000, 7 * 86_400_000
GUESSES, GUESSING_MS = 20, 15 * 60_000
_ENTRIES = 5000
_TRAIL = "audit.verified"


class Lag:
    """Whether the engine judges what was committed a minute ago."""

    def __init__(self, journal: Journal, registry: Registry, clock: Clock, behind_s: float = BEHIND_S) -> None:
        self._journal, self._registry, self._clock, self._behind_s = journal, registry, clock, behind_s
        self._heads: deque[tuple[float, int]] = deque()

    def look(self) -> str | None:
        """How many offsets wait that were there a minute ago."""
        now_s, head = self._clock.monotonic_s(), self._journal.head()
        with self._registry.read() as connection:
            row = connection.execute(select(cursor.c.journal_offset).where(cursor.c.name == "engine")).one_or_none()
        judged = row.journal_offset if row else 0
        if not self._heads or self._heads[-1][1] < head:
            self._heads.append((now_s, head))
        while self._heads and self._heads[0][1] <= judged:
            self._heads.popleft()
        if not self._heads or now_s - self._heads[0][0] <= self._behind_s:
            return None
        return f"{head - judged} rows of the journal wait to be judged, the first for {now_s - self._heads[0][0]:.0f} s"


class Role:
    """Whether another role of this installation shows signs of life."""

    def __init__(self, data: Path, role: str, clock: Clock, for_s: float = 45.0) -> None:
        """Tell after it has been silent or in trouble for `for_s` seconds more than one sign takes."""
        self._path, self._roles = data / "run" / f"{role}.pulse", data / "run" / "roles.json"
        self._role, self._clock, self._for_s = role, clock, for_s
        self._since_s: float | None = None

    def look(self) -> str | None:
        """Why it does no work."""
        why = self._trouble()
        if why is None:
            self._since_s = None
            return None
        now_s = self._clock.monotonic_s()
        self._since_s = now_s if self._since_s is None else self._since_s
        return f"{self._role}: {why}" if now_s - self._since_s >= self._for_s else None

    def _trouble(self) -> str | None:
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return "is not running" if self._expected() else None
        except (OSError, ValueError):
            return "its sign of life cannot be read"
        if stale(said["at_ms"], self._clock.now_ms()):
            return f"silent since {iso(said['at_ms'])}"
        return said["trouble"] and str(said["trouble"])

    def _expected(self) -> bool:
        try:
            return self._role in json.loads(self._roles.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False


def overdue(connection: Connection, now_ms: int) -> str | None:
    """Messages that wait for more than a minute while others leave."""
    oldest = undelivered.oldest_due_ms(connection)
    if oldest is None or now_ms - oldest <= OVERDUE_MS or undelivered.stuck_since_ms(connection, now_ms) is not None:
        return None
    return f"a message to somebody has been due since {iso(oldest)} and has not left"


def no_channel(connection: Connection, now_ms: int) -> str | None:
    """Nothing reaches anybody."""
    since = undelivered.stuck_since_ms(connection, now_ms)
    return None if since is None else f"no message has reached anybody since {iso(since)}: every channel fails"


class Settled:
    """A question about what does not leave, asked by who delivers: what waited while nobody worked is no failure yet.

    In the first minute of work an answer counts only where this trouble stood already when work began.
    """

    def __init__(self, kind: str, question: Callable[[Connection, int], str | None], clock: Clock) -> None:
        self._kind, self._question, self._clock = kind, question, clock
        self._began_s = clock.monotonic_s()
        self._stood: bool | None = None

    def __call__(self, connection: Connection, now_ms: int) -> str | None:
        """The question's answer, once it counts."""
        if self._stood is None:
            self._stood = self._kind in signals.held(connection, "notifier")
        said = self._question(connection, now_ms)  # asked in any case: that the registry cannot answer shows here
        settled = self._stood or self._clock.monotonic_s() - self._began_s >= undelivered.STUCK_MS / 1000
        return said if settled else None


def guessing(connection: Connection, now_ms: int) -> list[Event]:
    """Somebody tries passwords."""
    failed = (~sign_in_attempt.c.succeeded, sign_in_attempt.c.at_ms > now_ms - GUESSING_MS)
    query = select(sign_in_attempt.c.email, func.count()).where(*failed).group_by(sign_in_attempt.c.email)
    tried = [row[0] for row in connection.execute(query) if row[1] >= GUESSES]
    total = connection.execute(select(func.count()).select_from(sign_in_attempt).where(*failed)).scalar_one()
    words = [f"many wrong passwords for {email}" for email in tried[:5]]
    if not tried and total >= 5 * GUESSES:
        words = ["many wrong passwords for many accounts"]
    return [Event("security", said) for said in words]


class Trail:
    """The audit trail's chain: each day what is new, each week all of it."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry, self._clock = registry, clock

    def look(self) -> str | None:
        """The first entry that does not fit; a trail that was found broken stays so."""
        now_ms = self._clock.now_ms()
        with self._registry.read() as connection:
            query = select(setting.c.value).where(setting.c.name == _TRAIL)
            known = connection.execute(query).scalar_one_or_none() or {}
        if 0 <= now_ms - known.get("at_ms", 0) < TRAIL_MS:
            return known.get("broken")
        whole = not known or known.get("broken") or now_ms - known.get("whole_ms", 0) >= WHOLE_TRAIL_MS
        start = (0, audit.GENESIS) if whole else (known["number"], known["hash"])
        number, hash_, broken = self._walked(*start)
        words = None if broken is None else f"entry {broken.number} of the audit trail: {broken.why}"
        value = {"at_ms": now_ms, "number": number, "hash": hash_, "broken": words}
        value["whole_ms"] = now_ms if whole else known.get("whole_ms", 0)
        with self._registry.write() as connection:
            upsert(connection, setting, {"name": _TRAIL}, {"value": value})
        return words

    def _walked(self, number: int, hash_: str) -> tuple[int, str, audit.Broken | None]:
        """Walk on in portions, so that no reader holds a moment of the registry for long."""
        while True:
            with self._registry.read() as connection:
                end = audit.follow(connection, number, hash_, _ENTRIES)
            if isinstance(end, audit.Broken):
                return number, hash_, end
            if end[0] == number:
                return number, hash_, None
            number, hash_ = end
