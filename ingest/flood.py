"""Who sends far more than anybody measures: one logger for a whole minute, or too many connections at once."""

import threading
from collections import Counter, deque
from collections.abc import Iterable

from coldchain.clock import Clock
from coldchain.domain.message import Receipt

_LOGGERS = 10_000  # that are counted apart in one stretch; hostile names must not grow the process
_OTHERS = "many names"
CROWDED = 0.8  # of the connections that are allowed


class Rates:
    """Messages of each sender in the last stretches of time. Safe to use from several threads.

    Noisy is who sent at least `messages` in each of the last `stretches`. A logger that comes back after days and sends
    all it holds is busy for seconds, not for a minute.
    """

    def __init__(self, clock: Clock, *, stretch_s: float = 10.0, stretches: int = 6, messages: int = 500) -> None:
        self._clock, self._stretch_s, self._messages = clock, stretch_s, messages
        self._guard = threading.Lock()
        self._now: Counter[str] = Counter()
        self._began_s = clock.monotonic_s()
        self._past: deque[Counter[str]] = deque(maxlen=stretches)

    def heard(self, receipts: Iterable[Receipt]) -> None:
        """Count what was committed."""
        with self._guard:
            self._turn()
            for receipt in receipts:
                name = receipt.logger or "somebody unknown"
                if name not in self._now and len(self._now) >= _LOGGERS:
                    name = _OTHERS
                self._now[name] += 1

    def noisy(self) -> str | None:
        """The noisiest sender with its messages per second, if anybody is."""
        with self._guard:
            self._turn()
            if len(self._past) < (self._past.maxlen or 0):
                return None
            steady = [name for name, count in self._past[-1].items() if count >= self._messages]
            loud = [name for name in steady if all(past[name] >= self._messages for past in self._past)]
            if not loud:
                return None
            worst = max(loud, key=lambda name: self._past[-1][name])
            rate = self._past[-1][worst] / self._stretch_s
        more = f" and {len(loud) - 1} more" if len(loud) > 1 else ""
        return f"{worst}{more} sends {rate:.0f} messages per second"

    def _turn(self) -> None:
        """Close the stretches that are over."""
        behind = int((self._clock.monotonic_s() - self._began_s) // self._stretch_s)
        for _ in range(min(behind, (self._past.maxlen or 0) + 1)):
            self._past.append(self._now)
            self._now = Counter()
        self._began_s += behind * self._stretch_s
