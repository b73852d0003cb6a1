"""What one cell of a table says: a moment in one of several orders of its parts, or a number with its decimal sign."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from coldchain.domain.quantity import strict_decimal
from coldchain.errors import InvalidValue

ORDERS = ("ymd", "dmy", "mdy", "epoch_s", "epoch_ms")
MISSING = ("", "--.-", "---", "--", "-", "NaN", "N/A", "NA", "null", "None", "Err", "Error", "ERR!", "OL", "#N/A")

_LONGEST = 64  # characters of a date or a number; patterns are not tried on more, so that blanks cannot slow them
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = (
    r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp])?(?:\.?[Mm]\.?)?\s*(Z|[+-]\d{2}:?\d{2})?)?\Z"
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})" + _CLOCK, re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})" + _CLOCK, re.ASCII)
_NAMED = re.compile(r"(\d{1,2})([- .])([A-Za-z]{3})[a-z]*\.?[- ,](\d{4}|\d{2})" + _CLOCK, re.ASCII)
_EPOCH_TEXT = re.compile(r"\d{9,13}\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d{1,12}(?:[.,]\d{1,12})?|[.,]\d{1,12})\Z", re.ASCII)
_UNIT_BEHIND = re.compile(r"\s*(°C|°F|K|C|F|%RH|% RH|%rh|%|hPa|mbar|V|mV|lx|lux|g)\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(NamedTuple):
    """A time as a cell writes it: the wall clock as if it were UTC, and the offset if the cell states one."""

    wall_ms: int
    offset_ms: int | None = None  # None: the zone has to be stated by somebody


class DateParts(NamedTuple):
    """A date before anybody decided on the order: `first` and `second` are day and month, or month and day."""

    form: str  # ymd | named | either
    year: int
    first: int
    second: int
    clock: tuple[str | None, ...]
    short: bool = False  # two digits, a hyphen, two digits, a hyphen, two digits: the year may stand at either end


def date_parts(text: str) -> DateParts | None:
    """The parts of a cell that looks like a date, with or without a time; None if it does not."""
    if len(text) > _LONGEST:
        return None
    if (found := _YEAR_FIRST.match(text)) is not None:
        year, _, month, day, *clock = found.groups()
        return DateParts("ymd", int(year), int(month), int(day), tuple(clock))
    if (found := _YEAR_LAST.match(text)) is not None:
        first, sign, second, year, *clock = found.groups()
        short = sign == "-" and len(year) == len(first) == 2
        return DateParts("either", _year(year), int(first), int(second), tuple(clock), short)
    if (found := _NAMED.match(text)) is not None:
        day, _, month, year, *clock = found.groups()
        if month.lower() in _MONTHS:
            return DateParts("named", _year(year), _MONTHS.index(month.lower()) + 1, int(day), tuple(clock))
    return None


def readings_of(parts: DateParts) -> tuple[bool, bool]:
    """Whether the date can be read day first, and month first."""
    return (1 <= parts.first <= 31 and 1 <= parts.second <= 12, 1 <= parts.first <= 12 and 1 <= parts.second <= 31)


def moment(text: str, order: str, *, short: bool = False) -> Moment:
    """The moment that a cell names, its parts in this order; `short` where the column begins with years of two digits.

    Raises:
        InvalidValue: it names none; the text quotes the cell.
    """
    if order in ("epoch_s", "epoch_ms"):
        return _epoch(text, order)
    parts = date_parts(text)
    if parts is None:
        raise InvalidValue(f"{text[:40]!r} is no date and time")
    if parts.clock[0] is None:
        raise InvalidValue(f"{text[:40]!r} has no time of day")
    if parts.form == "either" and order == "ymd" and parts.short and short:
        parts = DateParts("ymd", 2000 + parts.first, parts.second, parts.year - 2000, parts.clock)
    if parts.form == "either" and order == "ymd":
        raise InvalidValue(f"{text[:40]!r} does not begin with a year, as the other dates of this column do")
    month, day = (parts.second, parts.first) if parts.form == "either" and order == "dmy" else parts[2:4]
    try:
        at = datetime(parts.year, month, day, *_time_of_day(parts.clock, text), tzinfo=UTC)
    except ValueError as error:
        raise InvalidValue(f"{text[:40]!r} is no date and time of the calendar: {error}") from error
    wall_ms = (at - _EPOCH) // timedelta(milliseconds=1) + int((parts.clock[3] or "0").ljust(3, "0")[:3])
    return Moment(wall_ms, _offset(parts.clock[5]))


def looks_like_time(text: str, order: str | None) -> bool:
    """Whether a cell holds a date (with or without a time of day), or an epoch where that was decided."""
    if order in ("epoch_s", "epoch_ms"):
        return _EPOCH_TEXT.match(text) is not None
    return date_parts(text) is not None


def is_number(text: str) -> bool:
    """Whether a cell is a number, with point or comma, and possibly its unit behind it."""
    if len(text) > _LONGEST:
        return False
    return _NUMBER.match(text) is not None or _NUMBER.match(_UNIT_BEHIND.sub("", text)) is not None


def number(text: str, decimal: str, units: tuple[str, ...]) -> Decimal:
    """The number in a cell.

    Args:
        text: the cell.
        decimal: the file's decimal sign.
        units: how the column's own unit may stand behind the number, in lower case.

    Raises:
        InvalidValue: it is none, is written with the other decimal sign, or carries another unit.
    """
    if len(text) > _LONGEST:
        raise InvalidValue(f"{text[:40]!r} is longer than any number")
    bare = text
    if (behind := _UNIT_BEHIND.search(text)) is not None:
        if behind.group(1).lower() not in units:
            raise InvalidValue(f"{text[:40]!r} is in another unit than its column")
        bare = text[: behind.start()]
    other = "," if decimal == "." else "."
    if other in bare:
        raise InvalidValue(f"{text[:40]!r} is no number with the decimal sign {decimal!r} of this file")
    return strict_decimal(bare.replace(decimal, "."))


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def _time_of_day(clock: tuple[str | None, ...], text: str) -> tuple[int, int, int]:
    hour, minute, second = int(clock[0] or 0), int(clock[1] or 0), int(clock[2] or 0)
    if clock[4] is not None:
        if not 1 <= hour <= 12:
            raise InvalidValue(f"{text[:40]!r} has an hour that AM and PM do not have")
        hour = hour % 12 + (12 if clock[4] in "Pp" else 0)
    return hour, minute, second


def _offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes > 15 * 60:
        raise InvalidValue(f"{text} is no offset from UTC")
    return (-minutes if text[0] == "-" else minutes) * 60_000


def _epoch(text: str, order: str) -> Moment:
    if _EPOCH_TEXT.match(text) is None:
        raise InvalidValue(f"{text[:40]!r} is no count of {'seconds' if order == 'epoch_s' else 'milliseconds'}")
    at_ms = int(text) * (1000 if order == "epoch_s" else 1)
    if at_ms >= 4_102_444_800_000:  # 2100
        raise InvalidValue(f"{text[:40]!r} lies beyond the year 2100: it may count another unit of time")
    return Moment(at_ms, 0)
