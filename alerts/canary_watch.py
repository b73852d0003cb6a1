"""Whether canaries come through in time, measured by the timer that never steps: a clock that was moved delays none.

Passages are kept as times of day. How old the newest one is by that clock is asked only once, when the watch begins;
from then on what counts is when it was first seen here.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from coldchain.clock import Clock
from coldchain.domain.quantity import iso
from coldchain.registry import canary

# So many may pass without a canary before it counts as missing: with a look every five seconds that is told within two.
INTERVALS = 1.9


class _Seen(NamedTuple):
    """The newest passage of a road, by the clock that wrote it down and by the timer of who saw it."""

    passed_ms: int
    at_s: float


class CanaryWatch:
    """Looks from time to time; of who looks for the first time nobody can say what was before."""

    def __init__(self, clock: Clock, intervals: float = INTERVALS) -> None:
        self._clock, self._intervals = clock, intervals
        self._seen: dict[str, _Seen] = {}
        self._looked_s: float | None = None

    def missing(self, connection: Connection) -> str | None:
        """One sentence if any road's canary has not come through in time, else None.

        A road that has just been put to use is given as long for its first one, and so is one whose newest passage
        lies in the future: it was written down under a clock that has been put back since.
        """
        wanted = canary.expected(connection)
        if wanted is None:
            return None
        now_ms, now_s = self._clock.now_ms(), self._clock.monotonic_s()
        passages = canary.passages(connection)
        late = []
        for road in wanted.roads:
            silent_s = self._silent_s(road, passages.get(road, wanted.since_ms), now_ms, now_s)
            if silent_s > self._intervals * wanted.every_s:
                late.append(f"{road} (since {iso(now_ms - round(silent_s * 1000))})")
        self._looked_s = now_s
        if not late:
            return None
        return f"the test message that passes the whole chain every {wanted.every_s:g} s is missing: {', '.join(late)}"

    def _silent_s(self, road: str, passed_ms: int, now_ms: int, now_s: float) -> float:
        seen = self._seen.get(road)
        if seen is None or seen.passed_ms != passed_ms:
            age_s = max(0.0, (now_ms - passed_ms) / 1000)
            if seen is not None and self._looked_s is not None:
                age_s = min(age_s, now_s - self._looked_s)  # it was not there at the last look
            seen = self._seen[road] = _Seen(passed_ms, now_s - age_s)
        return now_s - seen.at_s
