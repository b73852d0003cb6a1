"""The rows of a table, one after the other, as samples; a row that cannot be read names its line and costs no other."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from coldchain.domain.identity import logger_id
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from sensors.carriers.files.csv_cells import MISSING, Moment, moment, number
from sensors.carriers.files.csv_plan import Plan, Use
from sensors.carriers.files.csv_survey import Survey, row_cells, row_lines, time_text
from sensors.carriers.files.csv_text import Line, shown
from sensors.carriers.files.units import QUANTITIES, unit_named
from sensors.carriers.files.wall_clock import WallClock
from sensors.carriers.sample import Sample, Stamp

AHEAD_MS = 5 * 60_000
BACK_MS = 3653 * 86_400_000  # ten years
CHUNK_SAMPLES = 8_000

_MISSING = frozenset(marker.lower() for marker in MISSING)
_PROBED = frozenset({"temperature_c", "humidity_pct", "pressure_hpa"})


class Problem(NamedTuple):
    """A row, or one cell of it, that is not believed."""

    line: int
    text: str
    reason: str


@dataclass(slots=True)
class Chunk:
    """Some consecutive rows. `end` is the offset in the file after the last of them."""

    end: int = 0
    rows: int = 0
    missing: int = 0
    samples: dict[str, list[Sample]] = field(default_factory=dict)  # by logger
    texts: dict[int, str] = field(default_factory=dict)  # of the lines, by number
    problems: list[Problem] = field(default_factory=list)
    size: int = 0


@lru_cache(maxsize=1024)
def _known_id(text: str) -> str:
    return logger_id(text)


class Rows:
    """Reads a surveyed file. `now_ms` is when it was brought: nothing was measured after that."""

    def __init__(self, content: bytes, plan: Plan, survey: Survey, now_ms: int) -> None:
        """Nothing may be open any more: `plan.needs` and `survey.needs` are empty but for the zone.

        Raises:
            InvalidValue: there is no such zone or logger, or the clock did not follow the zone.
        """
        self._content, self._plan, self._now_ms = content, plan, now_ms
        self._short = survey.short
        self._order, self._decimal = survey.order or "ymd", survey.decimal or "."
        self._logger = _known_id(plan.logger) if plan.logger is not None else ""
        self.clock = WallClock(plan.zone) if plan.zone is not None else None
        self._unzoned = False
        self._see()

    @property
    def needs_zone(self) -> bool:
        """Whether times without an offset stand in the file and nobody stated their zone."""
        return self._unzoned and self.clock is None

    def _see(self) -> None:
        """Show the clock every time before any is converted."""
        before, logger = "", self._logger
        for line in row_lines(self._content, self._plan):
            row = row_cells(line.text, self._plan) if line.text is not None else None
            if row is None or line.text == before:
                continue
            before = line.text or ""
            try:
                logger = self._named(row, logger)
                at = moment(time_text(row, self._plan), self._order, short=self._short)
            except InvalidValue:
                continue
            if at.offset_ms is not None:
                continue
            self._unzoned = True
            if self.clock is None:
                return
            if abs(at.wall_ms - self._now_ms) < BACK_MS:
                self.clock.see(logger, at.wall_ms, line.number)
        if self.clock is not None:
            self.clock.settle()

    def chunks(self) -> Iterator[Chunk]:
        """Every row, some thousand at a time; the last chunk reaches to the end of the file."""
        chunk, logger = Chunk(), self._logger
        for line in row_lines(self._content, self._plan):
            if chunk.size >= CHUNK_SAMPLES:
                yield chunk
                chunk = Chunk()
            chunk.end = line.end
            chunk.rows += 1
            logger = self._row(chunk, line, logger)
        chunk.end = len(self._content)
        yield chunk

    def _row(self, chunk: Chunk, line: Line, logger: str) -> str:
        row = row_cells(line.text, self._plan) if line.text is not None else None
        try:
            if row is None:
                raise InvalidValue(line.fault or "its quotes do not match")
            logger = self._named(row, logger)
            if not logger:
                raise InvalidValue("no logger is named up to this row")
            text = time_text(row, self._plan)
            stamp = Stamp(
                self._utc_ms(moment(text, self._order, short=self._short), logger, line.number), "device", text[:64]
            )
            if not any(use.at < len(row) for use in self._plan.uses):
                raise InvalidValue(f"has {len(row)} cells: none of those that hold a value is there")
        except InvalidValue as error:
            chunk.problems.append(Problem(line.number, shown(self._content, line), str(error)))
            chunk.size += 1
            return logger
        found = self._samples(chunk, line, row, stamp)
        if found:
            chunk.samples.setdefault(logger, []).extend(found)
            chunk.size += len(found)
            chunk.texts[line.number] = line.text or ""
        return logger

    def _samples(self, chunk: Chunk, line: Line, row: list[str], stamp: Stamp) -> list[Sample]:
        by_channel: dict[str, dict[str, Decimal | None]] = {}
        for use in self._plan.uses:
            try:
                value = self._value(use, row)
            except InvalidValue as error:
                reason = f"{use.title}: {error}"
                chunk.problems.append(Problem(line.number, shown(self._content, line), reason))
                continue
            if value is None:
                chunk.missing += use.field in _PROBED
                if use.field not in _PROBED:
                    continue
            by_channel.setdefault(use.channel, {})[use.field] = value
        within = f"line {line.number}"
        return [
            Sample(values, channel, stamp, historical=True, within=within) for channel, values in by_channel.items()
        ]

    def _value(self, use: Use, row: list[str]) -> Decimal | None:
        text = row[use.at] if use.at < len(row) else ""
        if text.lower() in _MISSING or text.lower() in self._plan.missing:
            return None
        unit = use.unit
        if use.unit_at is not None:
            said = row[use.unit_at] if use.unit_at < len(row) else ""
            unit = unit_named(said, use.quantity)
            if unit is None:
                raise InvalidValue(f"its unit {said[:20]!r} is none of {', '.join(QUANTITIES[use.quantity].units)}")
        assert unit is not None
        kind = QUANTITIES[use.quantity].units[unit]
        return kind.convert(number(text, self._decimal, kind.spelled))

    def _named(self, row: list[str], before: str) -> str:
        at = self._plan.logger_at
        if at is None or at >= len(row) or not row[at]:
            return before
        return _known_id(row[at])

    def _utc_ms(self, at: Moment, logger: str, line: int) -> int:
        if at.offset_ms is not None:
            at_ms = at.wall_ms - at.offset_ms
        elif self.clock is None:
            raise InvalidValue("its time has no zone: state the logger's, such as Europe/Berlin")
        else:
            if abs(at.wall_ms - self._now_ms) >= BACK_MS:
                raise InvalidValue(self._unbelieved(at.wall_ms))
            at_ms = self.clock.utc_ms(logger, at.wall_ms, line)
        if not self._now_ms - BACK_MS <= at_ms <= self._now_ms + AHEAD_MS:
            raise InvalidValue(self._unbelieved(at_ms))
        return at_ms

    def _unbelieved(self, at_ms: int) -> str:
        try:
            when = iso(at_ms)[:19] + "Z"
        except OverflowError:
            when = "its time"
        if at_ms > self._now_ms:
            return f"{when} lies ahead of now: check the zone, the order of the date and the logger's clock"
        return f"{when} lies more than ten years back: the logger's clock was not set"
