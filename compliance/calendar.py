"""Calendar windows of a zone: days, weeks from Monday on, and months, each from one local midnight to another."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coldchain.errors import InvalidValue

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
MOST = 800  # windows of one question


class Unit(StrEnum):
    """How long a calendar window is; a day of 23 or 25 hours is a day."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Window(NamedTuple):
    """A named stretch of time, `end_ms` exclusive."""

    name: str  # "2026-03-29", "2026-W13", "2026-03", or a leg's
    start_ms: int
    end_ms: int


def calendar_windows(zone: str, unit: Unit, from_ms: int, to_ms: int) -> list[Window]:
    """The whole windows that touch [from_ms, to_ms), in order.

    Raises:
        InvalidValue: there would be more than 800, or none.
    """
    if to_ms <= from_ms:
        raise InvalidValue("to: does not lie after from; give a later moment")
    found: list[Window] = []
    place = ZoneInfo(zone)
    first = _first(unit, (_EPOCH + from_ms * _MILLISECOND).astimezone(place).date())
    for start, after in _steps(unit, first):
        window = Window(_name(unit, start), _midnight_ms(start, place), _midnight_ms(after, place))
        if window.start_ms >= to_ms:
            return found
        if window.end_ms == window.start_ms:  # a zone that moved across the date line left a day out
            continue
        if len(found) == MOST:
            raise InvalidValue(f"from, to: more than {MOST} windows of one {unit}; ask for a shorter period")
        found.append(window)
    return found


def _first(unit: Unit, day: date) -> date:
    if unit is Unit.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit is Unit.MONTH else day


def _steps(unit: Unit, day: date) -> Iterator[tuple[date, date]]:
    while True:
        if unit is Unit.MONTH:
            after = (day + timedelta(days=31)).replace(day=1)
        else:
            after = day + timedelta(days=7 if unit is Unit.WEEK else 1)
        yield day, after
        day = after


def _name(unit: Unit, day: date) -> str:
    if unit is Unit.WEEK:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return day.isoformat()[:7] if unit is Unit.MONTH else day.isoformat()


def _midnight_ms(day: date, place: ZoneInfo) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=place)
    return int((midnight.astimezone(UTC) - _EPOCH) / _MILLISECOND)
