"""Where time comes from: the system's clock, or one that a test or the demo's history moves by hand."""

import time
from typing import Protocol


class Clock(Protocol):
    """The time of day and a monotonic timer; injected wherever a decision depends on either."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""
        ...

    def monotonic_s(self) -> float:
        """Seconds of a timer that never steps; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z, by the machine's clock."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds of the machine's monotonic timer."""
        return time.monotonic()


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms
        self._monotonic_s = 0.0

    def now_ms(self) -> int:
        """The time that was last set."""
        return self._now_ms

    def monotonic_s(self) -> float:
        """Seconds by which `advance` has moved the clock in all."""
        return self._monotonic_s

    def advance(self, by_ms: int) -> None:
        """Move both clocks forward by `by_ms` milliseconds."""
        self._now_ms += by_ms
        self._monotonic_s += by_ms / 1000

    def set(self, now_ms: int) -> None:
        """Step the time of day, as an administrator or NTP would; the monotonic timer does not notice."""
        self._now_ms = now_ms
