"""What a telemetry store answers; `tests/contracts/test_telemetry.py` is its specification."""

from collections.abc import Iterator
from typing import Protocol

from coldchain.domain.reading import Reading
from coldchain.domain.track import Track


class Telemetry(Protocol):
    """Only the current interpretation of each reading; times are half-open intervals [start, end) of event time."""

    def channels(self, logger: str) -> tuple[str, ...]:
        """The channels that this logger ever reported, sorted."""
        ...

    def track(self, logger: str, channel: str, start_ms: int, end_ms: int) -> Track:
        """One channel as columns, in order of event time."""
        ...

    def readings(self, logger: str, start_ms: int, end_ms: int, channel: str | None = None) -> Iterator[Reading]:
        """One logger's readings ordered by (event time, channel, boot, seq, value), streamed."""
        ...

    def latest(self) -> dict[tuple[str, str], Reading]:
        """The newest reading of every (logger, channel) that is not flagged `future`."""
        ...


class History(Telemetry, Protocol):
    """A store that can also answer as of an earlier moment: the journal's own, never a projection."""

    def track_through(self, logger: str, channel: str, start_ms: int, end_ms: int, through: int) -> Track:
        """As `track`, from readings with offset ≤ `through` only, by the interpretation that was current then."""
        ...
