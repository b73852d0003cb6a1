"""From the journal to InfluxDB: batches by offset, retried for ever, refused points set aside one by one.

The mark moves only after a batch is in InfluxDB, and writing a point again changes nothing, so a crash at any place
repeats at most one batch. Nothing but that batch is held in memory, however long InfluxDB is away.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from coldchain.clock import Clock
from coldchain.domain.reading import Reading
from coldchain.errors import InvalidValue, PermanentError, TransientError
from coldchain.journal.port import Journal
from coldchain.metrics import PROJECTED_POINTS, PROJECTION_LAG, PROJECTION_REFUSED
from coldchain.telemetry.influx_lines import EXCURSION, READING, reading_line, reading_ns
from ingest.projection_mark import RefusedPoint

BATCH = 5000
IDLE_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0

_log = structlog.get_logger(__name__)


class Points(Protocol):
    """Where points go; `PermanentError` means that some line of the batch will never be taken."""

    def write(self, lines: Sequence[str]) -> None:
        """Store lines, durably and idempotently."""
        ...

    def forget(self, measurement: str, logger: str, channel: str, time_ns: int) -> None:
        """Remove one point."""
        ...

    def drop(self, measurement: str) -> None:
        """Remove every point of a measurement."""
        ...


class Mark(Protocol):
    """How far the projection has come, durably."""

    def offset(self) -> int:
        """The offset up to which everything is written or refused."""
        ...

    def move(self, before: int, after: int, refused: Sequence[RefusedPoint] = ()) -> bool:
        """Compare-and-set of the offset; False if somebody else moved it."""
        ...

    def trouble(self, detail: str) -> None:
        """Tell people that nothing can be written."""
        ...

    def recovered(self) -> None:
        """Tell them that it can again."""
        ...


class Companion(Protocol):
    """Another measurement that is kept up to date beside the readings."""

    def step(self) -> bool:
        """Forward what is new; whether that was anything."""
        ...

    def restart(self) -> None:
        """Forward everything again from now on."""
        ...


class Projector:
    """Forwards the journal's readings; `step` is one batch, `run` is the role's loop."""

    def __init__(self, journal: Journal, mark: Mark, points: Points, clock: Clock, *, batch: int = BATCH) -> None:
        self._journal, self._mark, self._points, self._clock, self._batch = journal, mark, points, clock, batch
        self._pause_s = 0.0
        self._not_before_s = 0.0
        self._troubled = True  # an earlier process may have left a signal open

    def run(
        self, stop: Callable[[], bool], wait: Callable[[float], object], companions: Sequence[Companion] = ()
    ) -> None:
        """Forward until `stop()`; `wait(seconds)` sleeps between steps and may return early (the journal's bell)."""
        while not stop():
            more = self.step()
            for companion in companions:
                more = (not self.away and companion.step()) or more
            if not more:
                wait(self.due_in_s())

    @property
    def away(self) -> bool:
        """Whether the last attempt found InfluxDB unable to write."""
        return self._pause_s > 0

    def due_in_s(self) -> float:
        """Seconds until the next step makes sense."""
        if self.away:
            return max(0.05, self._not_before_s - self._clock.monotonic_s())
        return IDLE_S

    def step(self) -> bool:
        """Forward one batch.

        Returns:
            Whether there may be more to do at once: False when all is forwarded, or InfluxDB is away.
        """
        if self._clock.monotonic_s() < self._not_before_s:
            return False
        try:
            more = self._forward()
        except TransientError as error:
            self._back_off(str(error))
            return False
        if self._troubled:
            self._mark.recovered()
            self._troubled = False
        self._pause_s = 0.0
        return more

    def _forward(self) -> bool:
        before = self._mark.offset()
        head = self._journal.head()
        readings = self._journal.read(before, self._batch)
        full = len(readings) == self._batch
        after = readings[-1].offset if full else max(head, readings[-1].offset if readings else before)
        if after == before:
            PROJECTION_LAG.set(0)
            return False
        refused = self._write(_current(readings))
        for gone in self._journal.superseded(before, after):
            self._points.forget(READING, gone.logger, gone.channel, reading_ns(gone))
        self._mark.move(before, after, refused)
        PROJECTED_POINTS.inc(len(readings) - len(refused))
        PROJECTION_REFUSED.inc(len(refused))
        PROJECTION_LAG.set(max(0, head - after))
        return full

    def _write(self, readings: list[Reading]) -> list[RefusedPoint]:
        lines: list[tuple[Reading, str]] = []
        refused = []
        for reading in readings:
            try:
                lines.append((reading, reading_line(reading)))
            except InvalidValue as error:
                refused.append(RefusedPoint(reading, str(error)))
                continue
            if reading.interpretation > 1:
                # The superseded point may hold a field that this interpretation lacks.
                self._points.forget(READING, reading.logger, reading.channel, reading_ns(reading))
        refused += self._bisect(lines)
        for point in refused[:3]:
            _log.warning("point refused", logger=point.reading.logger, offset=point.reading.offset, why=point.why)
        return sorted(refused, key=lambda point: point.reading.offset)

    def _bisect(self, lines: list[tuple[Reading, str]]) -> list[RefusedPoint]:
        """Write lines; of a refused batch write its halves, down to the culprits."""
        if not lines:
            return []
        try:
            self._points.write([line for _, line in lines])
        except PermanentError as error:
            if len(lines) == 1:
                return [RefusedPoint(lines[0][0], str(error))]
            middle = len(lines) // 2
            return self._bisect(lines[:middle]) + self._bisect(lines[middle:])
        return []

    def _back_off(self, detail: str) -> None:
        self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 2 or _FIRST_PAUSE_S)
        self._not_before_s = self._clock.monotonic_s() + self._pause_s
        PROJECTION_LAG.set(max(0, self._journal.head() - self._mark.offset()))
        self._mark.trouble(detail)
        self._troubled = True
        _log.warning("InfluxDB is away", retry_in_s=self._pause_s, detail=detail)


def _current(readings: list[Reading]) -> list[Reading]:
    """Without those that a later one of the same batch supersedes."""
    newest: dict[tuple[str, str, int, int], Reading] = {}
    for reading in readings:
        newest[reading.logger, reading.channel, reading.event_time_ms, reading.tie] = reading
    return list(newest.values())


def rebuild(
    journal: Journal,
    mark: Mark,
    points: Points,
    clock: Clock,
    progress: Callable[[int, int], object] = lambda _done, _of: None,
    companions: Sequence[Companion] = (),
) -> int:
    """Empty the projection and fill it again from the journal's first reading; returns the offset it reached.

    `companions` are told to begin again and do so with the role's next steps.

    Raises:
        TransientError: InfluxDB went away; the projector role goes on from where this stopped.
    """
    mark.move(mark.offset(), 0)
    points.drop(READING)
    points.drop(EXCURSION)
    for companion in companions:
        companion.restart()
    projector = Projector(journal, mark, points, clock)
    goal = journal.head()
    while mark.offset() < goal:
        projector.step()
        if projector.away:
            raise TransientError(
                f"InfluxDB went away at offset {mark.offset()} of {goal}; the projector goes on from there"
            )
        progress(mark.offset(), goal)
    return goal
