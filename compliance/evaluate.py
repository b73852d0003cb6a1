"""`coldchain evaluate`: a CSV file judged by a product profile, with the engine's own code and no store."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import milli, ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.domain.track import Track
from coldchain.errors import InvalidValue
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import profile_named
from compliance.trace import median

_REQUIRED = ("event_time", "temperature_c")
_OPTIONAL = ("humidity_pct", "channel")
_LONGEST_S = 366 * 86_400
_LATEST_MS = ms_from_iso("9000-01-01T00:00:00Z")  # calendars end a little behind it
_COLDEST_MC, _HOTTEST_MC = -273_150, 1_000_000


def evaluate_file(
    path: str | Path, profile: str, interval_s: float | None = None, check: bool = False, *, by: str | None = None,
    zone: str = "UTC",
) -> dict[str, Any]:  # fmt: skip
    """The compliance document of the readings in a CSV file; with `check` compared with the decimal twin.

    With `by` (day, week, month) the document of its figures over the calendar windows of `zone` instead.

    Raises:
        InvalidValue: names the file's line, the value and the remedy, or the figure in which the twin differs.
    """
    inputs = inputs_of(read_rows(Path(path)), profile, interval_s)
    newest = max(int(bound.track.time_ms[-1]) for bound in inputs.bounds)
    if by is not None:
        from compliance.recheck import over_parts

        parts = over_parts(inputs, newest, by, zone, check=check)
        return _agreeing(parts.document, parts.differences)
    document = findings(inputs, newest).document
    if check:
        from compliance.twin import differences

        return _agreeing(document, differences(inputs, document))
    return document


def _agreeing(document: dict[str, Any], found: list[str]) -> dict[str, Any]:
    if found:
        raise InvalidValue("the decimal twin differs: " + "; ".join(found))
    return document


def inputs_of(channels: dict[str, list[Reading]], profile: str, interval_s: float | None) -> Inputs:
    """The engine's inputs for the readings of a file: each channel is product, judged from first to last reading."""
    tracks = [Track.of("file", channel, rows) for channel, rows in sorted(channels.items())]
    if interval_s is not None and not 0.001 <= interval_s <= _LONGEST_S:  # what is no number is not between them
        raise InvalidValue(
            f"interval = {interval_s} s is not between 0.001 and {_LONGEST_S}: give the seconds between two readings"
        )
    interval = _median_interval(tracks) if interval_s is None else round(interval_s * 1000)
    source = "estimated" if interval_s is None else "declared"
    spans = [Span(int(track.time_ms[0]), int(track.time_ms[-1]) + 1) for track in tracks]
    bounds = tuple(
        Bound(track, (span,), interval_ms=interval, interval_source=source)
        for track, span in zip(tracks, spans, strict=True)
    )
    subject = Subject(SubjectKind.SHIPMENT, "file")
    return Inputs(subject, profile_named(profile), bounds, silence=False)


def _median_interval(tracks: list[Track]) -> int:
    differences = np.sort(np.concatenate([np.diff(track.time_ms) for track in tracks]))
    return median(differences) if len(differences) else 60_000


def read_rows(path: Path) -> dict[str, list[Reading]]:
    """The readings of a CSV file by channel; equal duplicates once.

    Raises:
        InvalidValue: names the line, the column, the value and the remedy.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = list(csv.reader(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidValue(f"{path} cannot be read as UTF-8 CSV: {error}") from error
    if not rows:
        raise InvalidValue(f"{path} is empty: its first line must name the columns event_time and temperature_c")
    columns = _columns(rows[0])
    found: dict[tuple[str, int], tuple[int, Reading]] = {}
    for line, cells in enumerate(rows[1:], start=2):
        if not cells or cells[0].startswith("#"):
            continue
        if len(cells) > len(rows[0]) and any(cell.strip() for cell in cells[len(rows[0]) :]):
            raise InvalidValue(
                f"line {line}: has {len(cells)} cells, and the header {len(rows[0])} columns: "
                f"{','.join(cells)[:80]!r} may have a decimal comma; write a point"
            )
        reading = _reading(line, cells, columns)
        key = (reading.channel, reading.event_time_ms)
        first, other = found.setdefault(key, (line, reading))
        if other.values != reading.values:
            raise InvalidValue(
                f"lines {first} and {line} give {cells[columns['event_time']]} different values: remove one"
            )
    channels: dict[str, list[Reading]] = {}
    for _, reading in found.values():
        channels.setdefault(reading.channel, []).append(reading)
    if not channels:
        raise InvalidValue(f"{path} has no reading below its header")
    return channels


def _columns(header: list[str]) -> dict[str, int]:
    names = [name.strip() for name in header]
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise InvalidValue(f"line 1: the column {missing[0]} is missing; there are {', '.join(names)[:200]}")
    for name in (*_REQUIRED, *_OPTIONAL):
        if names.count(name) > 1:
            raise InvalidValue(f"line 1: the column {name} stands there twice: remove one")
    return {name: names.index(name) for name in (*_REQUIRED, *_OPTIONAL) if name in names}


def _reading(line: int, cells: list[str], columns: dict[str, int]) -> Reading:
    def cell(name: str) -> str:
        position = columns.get(name)
        if position is None:
            return ""
        if position >= len(cells):
            raise InvalidValue(f"line {line}: the column {name} is missing: the line has only {len(cells)} cells")
        return cells[position].strip()

    try:
        time_ms = ms_from_iso(cell("event_time"))
        if not 0 <= time_ms < _LATEST_MS:
            raise InvalidValue(f"event_time = {cell('event_time')} lies outside the years 1970 to 8999: correct it")
        temperature, humidity = cell("temperature_c"), cell("humidity_pct")
        return Reading(
            "file", cell("channel") or "internal", time_ms, time_ms, "device",
            temperature_mc=_temperature(temperature) if temperature else None,
            humidity_mpct=milli(humidity) if humidity else None,
        )  # fmt: skip
    except InvalidValue as error:
        raise InvalidValue(f"line {line}: {error}") from error


def _temperature(text: str) -> int:
    found = milli(text)
    if not _COLDEST_MC < found <= _HOTTEST_MC:
        raise InvalidValue(
            f"temperature_c = {text[:40]} is no temperature of goods: leave the cell empty where there is none"
        )
    return found
