"""From the registry's excursions to InfluxDB's measurement `excursion`: the current version of each, nothing else.

Excursions are amended: an onset may move, one may be withdrawn or merged into another. Each change is a new row, and
the point of a version that no longer holds is removed.
"""

from sqlalchemy import Row, func, select

from coldchain.clock import Clock
from coldchain.domain.finding import Excursion, Severity
from coldchain.errors import InvalidValue, PermanentError, TransientError
from coldchain.metrics import PROJECTION_REFUSED
from coldchain.registry.schema import excursion
from coldchain.registry.store import Registry
from coldchain.telemetry.influx_lines import EXCURSION, excursion_line, excursion_ns
from ingest.projection_mark import RegistryMark
from ingest.projector import Points

NAME = "projector.excursions"
_OVERLAP_MS = 60_000  # a clock that steps back must not hide what was recorded under it


class ExcursionProjector:
    """Forwards changed excursions; `step` is called beside the projector's own."""

    def __init__(self, registry: Registry, points: Points, clock: Clock) -> None:
        self._registry, self._points = registry, points
        self._mark = RegistryMark(registry, clock, NAME)  # its offset is the newest `recorded_ms` that was forwarded

    def step(self) -> bool:
        """Forward what was recorded since the last step; whether that was anything.

        A failure of InfluxDB is left to the projector of readings, which tells people; the next step tries again.
        """
        before = self._mark.offset()
        with self._registry.read() as connection:
            newest = connection.execute(select(func.max(excursion.c.recorded_ms))).scalar_one_or_none() or 0
            if newest <= before:
                return False
            changed = select(excursion.c.id).where(excursion.c.recorded_ms > before - _OVERLAP_MS)
            versions = list(connection.execute(select(excursion).where(excursion.c.id.in_(changed))))
        try:
            self._forward(versions)
        except TransientError:
            return False
        return self._mark.move(before, newest)

    def restart(self) -> None:
        """Forward every excursion again: the measurement was dropped."""
        self._mark.move(self._mark.offset(), 0)

    def _forward(self, versions: list[Row]) -> None:  # type: ignore[type-arg]
        current = [row for row in versions if not (row.superseded or row.withdrawn or row.merged_into)]
        standing = {_place(row) for row in current}
        for place in sorted({_place(row) for row in versions} - standing):
            self._points.forget(EXCURSION, *place)
        for row in current:
            try:
                self._points.write([excursion_line(_excursion(row), row.subject_kind, row.subject_id)])
            except (InvalidValue, PermanentError):
                PROJECTION_REFUSED.inc()


def _place(row: Row) -> tuple[str, str, int]:  # type: ignore[type-arg]
    return row.logger, row.channel, excursion_ns(row.id, row.onset_ms)


def _excursion(row: Row) -> Excursion:  # type: ignore[type-arg]
    return Excursion(
        id=row.id,
        logger=row.logger,
        channel=row.channel,
        direction=row.direction,
        onset_ms=row.onset_ms,
        onset_sample_ms=row.onset_sample_ms,
        end_ms=row.end_ms,
        duration_ms=row.duration_ms,
        duration_upper_ms=row.duration_upper_ms,
        peak_mc=row.peak_mc,
        peak_ms=row.peak_ms,
        area_mc_ms=int(row.area_mc_ms),
        limit_mc=row.limit_mc,
        severity=Severity(row.severity),
    )
