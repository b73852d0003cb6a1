"""The rota format, JSON: read and checked as a whole."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.policy import Known, checked_id
from alerts.rota import Holiday, Layer, Rota, Turn
from coldchain.domain.tables import TableReader

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", re.ASCII)
_TURN = re.compile(r"([1-9][0-9]{0,2})h\Z", re.ASCII)
_MOST_HOURS = 24 * 28
_MOST_LAYERS, _MOST_PEOPLE = 10, 100
Hours = tuple[tuple[tuple[time, time | None], ...], ...]


def rota_from(id_: str, version: int, body: Mapping[str, Any], known: Known | None = None) -> Rota:
    """Read a rota; with `known` everybody whom it names must be on record.

    Raises:
        InvalidTable: names every mistake with its key, value and remedy.
    """
    reader = TableReader(body)
    checked_id(reader, id_, "rota")
    name, zone = reader.text("name"), reader.text("zone")
    if zone and not _is_zone(zone):
        reader.fail("zone", f"= {zone!r} is no time zone: write an IANA name such as Europe/Berlin")
    layers = tuple(_layer(table, known) for table in reader.tables("layers"))
    if not 0 < len(layers) <= _MOST_LAYERS:
        reader.fail("layers", f"has {len(layers)} entries: give it 1 to {_MOST_LAYERS}")
    names = [layer.name for layer in layers]
    for twice in sorted({one for one in names if names.count(one) > 1}):
        reader.fail("layers", f"has two layers named {twice!r}: give each a name of its own")
    holidays = tuple(_holiday(table, len(layers), known) for table in reader.tables("holidays"))
    reader.finish()
    reader.raise_problems(f"rota {id_}")
    return Rota(id_, version, name, zone, layers, holidays)


def _layer(reader: TableReader, known: Known | None) -> Layer:
    name = reader.text("name")
    people = _people(reader, "people", reader.raw("people"), known)
    if not people:
        reader.fail("people", "is empty: name who takes turns")
    turn = _turn(reader)
    start = _start(reader)
    handover = _clock(reader, "handover", reader.raw("handover")) if reader.has("handover") else start.time()
    if turn.hours and handover not in (None, start.time()):
        reader.fail("handover", "counts for daily and weekly turns only: turns of hours begin at `from`; remove it")
    hours = _hours(reader)
    reader.finish()
    return Layer(name, people, turn, start, handover or time(), hours)


def _people(reader: TableReader, name: str, given: Any, known: Known | None) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(item, str) and item for item in given):
        reader.fail(name, f"= {given!r} is no list of people: write their ids")
        return ()
    if len(given) > _MOST_PEOPLE:
        reader.fail(name, f"has {len(given)} entries: at most {_MOST_PEOPLE} take turns")
    for person in sorted({one for one in given if known is not None and one not in known.people}):
        reader.fail(name, f"has {person!r}, who is nobody on record: look the id up, or add the person first")
    return tuple(given)


def _turn(reader: TableReader) -> Turn:
    given = reader.raw("turn")
    if given in ("daily", "weekly"):
        return Turn(days=1 if given == "daily" else 7)
    found = _TURN.match(given) if isinstance(given, str) else None
    if found is not None and int(found[1]) <= _MOST_HOURS:
        return Turn(hours=int(found[1]))
    reader.fail("turn", f"= {given!r} is no length of a turn: write daily, weekly, or hours such as 12h (at most 672h)")
    return Turn(days=1)


def _start(reader: TableReader) -> datetime:
    given = reader.raw("from")
    try:
        start = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        start = None
    if start is None or start.tzinfo is not None or not 1990 <= start.year <= 2200:
        reader.fail("from", f"= {given!r} is no local date and time without offset: write 2026-11-23T08:00")
        return datetime.fromisoformat("2000-01-01T00:00")
    return start.replace(second=0, microsecond=0)


def _clock(reader: TableReader, name: str, given: Any) -> time | None:
    if isinstance(given, str) and _CLOCK.match(given):
        return time.fromisoformat(given)
    reader.fail(name, f"= {given!r} is no time of day: write 08:00")
    return None


def _hours(reader: TableReader) -> Hours | None:
    given = reader.raw("restrict")
    if given is None:
        return None
    if not isinstance(given, Mapping) or not given:
        reader.fail("restrict", f'= {given!r} names no day: write {{"mon": [["08:00", "17:00"]]}}, or leave it out')
        return None
    for day in sorted(str(day) for day in given if day not in WEEKDAYS):
        reader.fail("restrict", f"has {day!r}, which is no day: use {', '.join(WEEKDAYS)}")
    return tuple(_windows(reader, f"restrict.{day}", given.get(day, [])) for day in WEEKDAYS)


def _windows(reader: TableReader, name: str, given: Any) -> tuple[tuple[time, time | None], ...]:
    if not isinstance(given, list) or not all(isinstance(item, list) and len(item) == 2 for item in given):
        reader.fail(name, f'= {given!r} is no list of pairs: write [["08:00", "17:00"]]')
        return ()
    found: list[tuple[time, time | None]] = []
    for low, high in given:
        start = _clock(reader, name, low)
        end = None if high == "24:00" else _clock(reader, name, high)
        if start is None or (end is None and high != "24:00"):
            continue
        if end is not None and end <= start:
            reader.fail(name, f"ends at {high} and begins at {low}: end later, at 24:00 at the latest")
            continue
        found.append((start, end))
    return tuple(found)


def _holiday(reader: TableReader, layers: int, known: Known | None) -> Holiday:
    given, name = reader.raw("date"), reader.text("name")
    try:
        day = date.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        day = None
    if day is None:
        reader.fail("date", f"= {given!r} is no date: write 2026-12-25")
    stand_in = reader.raw("people")
    people = None if stand_in is None else _people(reader, "people", stand_in, known)
    if people is not None and not 0 < len(people) <= layers:
        reader.fail("people", f"names {len(people)} for {layers} layers: one per layer in their order, or null")
    reader.finish()
    return Holiday(day or date(2000, 1, 1), name, people)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
