"""A table of columns on its way in: mapping found, layout and dates looked at, then read part by part."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from coldchain.domain.message import Decoded
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading, reading_json
from coldchain.errors import InvalidValue
from coldchain.registry.store import Registry
from ingest import file_mappings
from ingest.timing import timed
from sensors.carriers.files.csv_carrier import Part, part
from sensors.carriers.files.csv_cells import date_parts
from sensors.carriers.files.csv_layout import Layout, layout_of
from sensors.carriers.files.csv_plan import Answers, Need, Plan, plan, recognised
from sensors.carriers.files.csv_rows import Problem, Rows
from sensors.carriers.files.csv_survey import Survey, row_cells, row_lines, survey
from sensors.carriers.files.mapping import Mapping, as_json

SHOWN_PROBLEMS = 50
CONFIRMED = frozenset({"confirm", "mapping"})  # needs that are met by looking at the preview
_SHOWN_ROWS = 12
_LOOKED_AT = 60  # rows in which the column of dates is looked for
_DIFFERENCES = 2000

Progress = Callable[[int, int], None]  # bytes read, bytes in all


def silent(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


class Options(NamedTuple):
    """What a person says beside a file."""

    zone: str | None = None
    logger: str | None = None
    mapping: str | dict[str, Any] | None = None  # a mapping's name, or its body
    order: str | None = None  # of the date, over the mapping's own
    confirm: bool = False  # an untested mapping's result was looked at


@dataclass(slots=True)
class Totals:
    """What a file came to."""

    rows: int = 0
    samples: int = 0
    readings: int = 0
    faults: int = 0
    problems: int = 0
    first_problems: list[Problem] = field(default_factory=list)
    first_ms: int | None = None
    last_ms: int | None = None
    loggers: Counter[str] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)
    steps_ms: list[int] = field(default_factory=list)
    before: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, rows: int, found: Part) -> None:
        """Count one part."""
        self.rows += rows
        self.samples += found.samples
        self.faults += found.faults
        self.problems += len(found.problems)
        self.first_problems += found.problems[: SHOWN_PROBLEMS - len(self.first_problems)]
        for message in found.messages:
            for reading in message.readings:
                self._reading(reading)

    def _reading(self, reading: Reading) -> None:
        at_ms = reading.event_time_ms
        self.readings += 1
        self.loggers[reading.logger] += 1
        self.channels[reading.channel] += 1
        self.first_ms = at_ms if self.first_ms is None else min(self.first_ms, at_ms)
        self.last_ms = at_ms if self.last_ms is None else max(self.last_ms, at_ms)
        key = (reading.logger, reading.channel)
        if key in self.before and len(self.steps_ms) < _DIFFERENCES:
            self.steps_ms.append(abs(at_ms - self.before[key]))
        self.before[key] = at_ms

    @property
    def interval_s(self) -> float | None:
        """The median difference of neighbouring readings, in seconds."""
        steps = [step for step in self.steps_ms if step]
        return statistics.median(steps) / 1000 if steps else None

    def as_json(self) -> dict[str, Any]:
        """The counts under their public names."""
        return {
            "rows": self.rows,
            "readings": self.readings,
            "missing": self.faults,
            "problem_count": self.problems,
            "problems": [one._asdict() for one in self.first_problems],
            "loggers": sorted(self.loggers)[:SHOWN_PROBLEMS],
            "channels": dict(sorted(self.channels.items())),
            "first": None if self.first_ms is None else iso(self.first_ms),
            "last": None if self.last_ms is None else iso(self.last_ms),
            "interval_estimate_s": self.interval_s,
        }


_ASKS_ZONE = Need("zone", "the file holds local times without a zone: state the logger's, such as Europe/Berlin")


def _has_offset(cell: str) -> bool:
    parts = date_parts(cell)
    return parts is not None and parts.clock[5] is not None


class Table:
    """One file, looked at and ready to be read; `needs` says what somebody still has to state."""

    def __init__(self, registry: Registry | None, content: bytes, options: Options, now_ms: int) -> None:
        """Find mapping, layout, order of dates and zone.

        Raises:
            InvalidValue: this is no table, or something that was stated contradicts the file.
            NotFound: no mapping of the stated name.
        """
        self.content, self._now_ms = content, now_ms
        self.mapping, self.how, self.layout = _mapping(registry, content, options)
        bare = Plan(self.layout, self.mapping, (0,), (), None, None, None, frozenset())
        rows = [
            row for line in islice(row_lines(content, bare), _LOOKED_AT) if (row := row_cells(line.text or "", bare))
        ]
        self.plan: Plan = plan(self.layout, self.mapping, Answers(options.zone, options.logger), rows)
        self.survey: Survey = survey(content, self.plan)
        needs = [*self.plan.needs, *self.survey.needs]
        self.rows: Rows | None = None
        if not self.survey.needs:
            self.rows = Rows(content, self.plan, self.survey, now_ms)
            if self.rows.needs_zone:
                needs.append(_ASKS_ZONE)
        elif self.plan.zone is None and not any(_has_offset(one) for row in rows for one in row):
            needs.append(_ASKS_ZONE)
        if self.how == "proposed":
            needs.append(
                Need(
                    "mapping",
                    "no mapping knows these titles: look at the preview, then state mapping = generic or your own",
                )
            )
        if self.mapping.status == "untested" and not options.confirm:
            needs.append(
                Need(
                    "confirm",
                    f"mapping {self.mapping.label} is untested: look at what it makes of the file and confirm it",
                )
            )
        self.needs: tuple[Need, ...] = tuple(needs)

    def parts(self, digest: str, totals: Totals, progress: Progress = silent) -> Iterator[tuple[bytes, Part]]:
        """The messages of the file, part by part, with the bytes that each part stands in; counted into `totals`."""
        assert self.rows is not None
        start, number = 0, 0
        for chunk in self.rows.chunks():
            payload = self.content[start : chunk.end]
            key = digest if number == 0 else f"{digest}:{number}"
            made = part(chunk, self.plan, payload, key, self._now_ms)
            made = made._replace(messages=tuple(self._judged(one) for one in made.messages))
            totals.take(chunk.rows, made)
            yield payload, made
            start, number = chunk.end, number + 1
            progress(start, len(self.content))

    def _judged(self, message: Decoded) -> Decoded:
        return timed(message, self._now_ms)

    def described(self) -> dict[str, Any]:
        """How the file is read, for a preview and a report."""
        uses = {use.at: use for use in self.plan.uses}
        width = max(len(self.layout.titles), *(at + 1 for at in (*uses, *self.plan.time_at)))
        examples = self._examples()
        return {
            "mapping": self.mapping.label,
            "mapping_title": self.mapping.title,
            "mapping_body": as_json(self.mapping),
            "mapping_how": self.how,
            "encoding": self.layout.encoding.name,
            "delimiter": self.layout.delimiter_name,
            "decimal": self.survey.decimal,
            "header_line": self.layout.header or None,
            "first_row_line": self.layout.first_row,
            "date_order": self.survey.order,
            "date_order_evidence": self.survey.evidence,
            "preamble": self.layout.preamble,
            "logger": self.plan.logger,
            "zone": self.plan.zone,
            "columns": [self._column(at, examples) for at in range(width)],
            "needs": [one._asdict() for one in self.needs],
        }

    def _column(self, at: int, examples: list[list[str]]) -> dict[str, Any]:
        becomes: dict[str, Any] | None = None
        if at in self.plan.time_at:
            becomes = {"what": "time"}
        elif at == self.plan.logger_at:
            becomes = {"what": "logger"}
        for use in self.plan.uses:
            if use.at == at:
                unit = use.unit or f"as column {(use.unit_at or 0) + 1} says"
                becomes = {"what": use.quantity, "channel": use.channel, "field": use.field, "unit": unit}
        title = self.layout.titles[at] if at < len(self.layout.titles) else ""
        shown = [row[at][:40] for row in examples if at < len(row)]
        return {"position": at + 1, "title": title[:80], "becomes": becomes, "examples": shown}

    def _examples(self) -> list[list[str]]:
        first = islice(row_lines(self.content, self.plan), 3)
        return [row for line in first if line.text and (row := row_cells(line.text, self.plan))]


def preview(table: Table, digest: str) -> dict[str, Any]:
    """What an import would do, from the whole file; nothing is stored."""
    found, totals = table.described(), Totals()
    rows: list[dict[str, Any]] = []
    open_fields = {need.field for need in table.needs} - CONFIRMED
    if table.rows is not None and not open_fields:
        for _, made in table.parts(digest, totals):
            for message in made.messages:
                rows += [reading_json(one) for one in message.readings[: _SHOWN_ROWS - len(rows)]]
    hidden = ("record_time", "interpretation", "offset", "message", "historical", "time_source")
    found["sample"] = [{name: value for name, value in row.items() if name not in hidden} for row in rows]
    return {**found, **totals.as_json(), "rows": totals.rows or table.survey.rows}


def _mapping(registry: Registry | None, content: bytes, options: Options) -> tuple[Mapping, str, Layout]:
    mapping, how = file_mappings.chosen(registry, options.mapping), "stated"
    layout = layout_of(content, mapping)
    if mapping is None:
        mapping, how = recognised(layout, file_mappings.known(registry)), "recognised"
        if mapping is None:
            mapping, how = file_mappings.named(registry, "generic"), "proposed"
        layout = layout_of(content, mapping)
    if options.order:
        try:
            time = msgspec.convert({**msgspec.to_builtins(mapping.time), "order": options.order}, type(mapping.time))
        except msgspec.ValidationError as error:
            raise InvalidValue(
                f"order: {options.order[:20]!r} is none of auto, ymd, dmy, mdy, epoch_s, epoch_ms"
            ) from error
        mapping = msgspec.structs.replace(mapping, time=time)
    return mapping, how, layout
