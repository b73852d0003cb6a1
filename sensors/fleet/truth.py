"""What was really so: the planted intervals outside the label range, faults and silences, for tests to compare with."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

# Label ranges of the shipped product profiles, °C; None = no limit on that side.
LABEL_RANGES: dict[str, tuple[float | None, float | None]] = {
    "refrigerated-2-8": (2.0, 8.0),
    "refrigerated-2-8-freeze-sensitive": (2.0, 8.0),
    "cct-2-8": (2.0, 8.0),
    "crt-20-25": (20.0, 25.0),
    "eu-15-25": (15.0, 25.0),
    "below-25": (None, 25.0),
    "below-30": (None, 30.0),
    "frozen-25-15": (-25.0, -15.0),
    "ultra-low": (-90.0, -60.0),
}


class Outside(NamedTuple):
    """One interval in which the sensor's tip was outside the label range; `end_ms` None: it still goes on.

    Onset and end are crossings of the limit between two steps of the simulation, by a straight line.
    """

    channel: str
    direction: Literal["high", "low"]
    onset_ms: int
    end_ms: int | None
    peak_c: float
    peak_ms: int


@dataclass
class Watch:
    """Folds the true temperature of one channel into intervals outside `low_c` … `high_c`."""

    channel: str
    low_c: float | None
    high_c: float | None
    closed: list[Outside] = field(default_factory=list)
    _open: Outside | None = None
    _before: tuple[int, float] | None = None

    def end(self) -> None:
        """The logger is taken off: an interval that is still open ends here, as far as anybody knows."""
        if self._open is not None and self._before is not None:
            self.closed.append(self._open._replace(end_ms=self._before[0]))
            self._open = None

    @property
    def outside(self) -> list[Outside]:
        """All intervals so far, the open one last."""
        return [*self.closed, *([self._open] if self._open else [])]

    def feed(self, time_ms: int, celsius: float) -> None:
        """Take the next step's temperature; times grow."""
        if self._open is None and self._direction(celsius) is None:
            self._before = (time_ms, celsius)
            return
        self._turn(time_ms, celsius)
        self._before = (time_ms, celsius)

    def _turn(self, time_ms: int, celsius: float) -> None:
        direction = self._direction(celsius)
        if self._open is not None and self._open.direction != direction:
            self.closed.append(self._open._replace(end_ms=self._crossing(time_ms, celsius, self._open.direction)))
            self._open = None
        if direction is None:
            return
        if self._open is None:
            onset_ms = self._crossing(time_ms, celsius, direction)
            self._open = Outside(self.channel, direction, onset_ms, None, celsius, time_ms)
        further = celsius > self._open.peak_c if direction == "high" else celsius < self._open.peak_c
        if further:
            self._open = self._open._replace(peak_c=celsius, peak_ms=time_ms)

    def _direction(self, celsius: float) -> Literal["high", "low"] | None:
        if self.high_c is not None and celsius > self.high_c:
            return "high"
        if self.low_c is not None and celsius < self.low_c:
            return "low"
        return None

    def _crossing(self, time_ms: int, celsius: float, direction: Literal["high", "low"]) -> int:
        limit = self.high_c if direction == "high" else self.low_c
        if self._before is None or limit is None:
            return time_ms
        before_ms, before_c = self._before
        share = (limit - before_c) / (celsius - before_c) if celsius != before_c else 1.0
        return round(before_ms + min(1.0, max(0.0, share)) * (time_ms - before_ms))


class Interval(NamedTuple):
    """A period of time, and what it was."""

    kind: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What one logger lived through on one shipment or in one store, as far as it has been simulated."""

    subject: str
    logger: str
    product_profile: str
    outside: tuple[Outside, ...]
    probe_faults: tuple[Interval, ...]
    silences: tuple[Interval, ...]
    happenings: tuple[Interval, ...]
