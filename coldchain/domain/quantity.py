"""Numbers and times as integers: milli-units from received decimal text, milliseconds since 1970, and back.

Decimal text becomes an integer by half-even rounding, so the same text always gives the same integer; an integer
becomes text without rounding. Nothing here passes through a binary fraction unless the name says `float`.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from coldchain.errors import InvalidValue

# Plain ASCII digits only: `float` and `Decimal` would also take "1_000", "nan", "inf" and full-width digits.
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})(?:[eE][+-]?[0-9]{1,3})?\Z")
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(Z|z|[+-]\d{2}:?\d{2})\Z", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_LARGEST = Decimal(10) ** 15
_FINE = 2.0**41  # below it, neighbouring binary fractions are less than 0.0003 apart
_EXACT = 28  # digits that `Decimal` keeps whatever it does; nobody here works with fewer
_EARLIEST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_LATEST_MS = (datetime.max.replace(microsecond=0, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


def scaled(number: Decimal, places: int) -> int:
    """`number` × 10^`places` as an integer, ties to even.

    Raises:
        InvalidValue: the number is not finite or absurdly large.
    """
    if not number.is_finite() or number.copy_abs() > _LARGEST:
        raise InvalidValue(f"{str(number)[:40]} is not a finite number that a sensor can send")
    if number.adjusted() < -places - 1:
        return 0  # far below one half
    if len(str(number)) <= _EXACT:
        return int(number.scaleb(places).to_integral_value(ROUND_HALF_EVEN))
    # In integers, because arithmetic with `Decimal` rounds to the digits of its context first.
    sign, digits, exponent = number.as_tuple()
    shift = int(exponent) + places
    coefficient = int(Decimal((0, digits, 0)))
    whole: int
    if shift >= 0:
        whole = coefficient * 10**shift
    else:
        unit: int = 10**-shift
        whole, rest = divmod(coefficient, unit)
        whole += 2 * rest > unit or (2 * rest == unit and whole % 2 == 1)
    return -whole if sign else whole


def strict_decimal(text: str) -> Decimal:
    """Read a plain decimal number.

    Raises:
        InvalidValue: anything else, "nan", "1_000" and full-width digits included.
    """
    if _NUMBER.match(text) is None:
        raise InvalidValue(f"{text[:40]!r} is not a decimal number")
    return Decimal(text)


def milli(number: str | int | Decimal) -> int:
    """Thousandths of a unit (°C to milli-degrees, % RH to 0.001 %), half-even from the received decimal text."""
    if isinstance(number, str):
        number = strict_decimal(number)
    return scaled(Decimal(number), 3)


def milli_from_float(number: float) -> int:
    """Thousandths of a binary fraction, by its shortest decimal text: what the sender wrote, up to 15 digits.

    Raises:
        InvalidValue: it is not finite, or absurdly large.
    """
    product = number * 1000
    if -_FINE < product < _FINE:
        whole: int = round(product)
        # Away from the edges a binary fraction rounds as its decimal text does; its error here is below 0.0003.
        if abs(abs(product - whole) - 0.5) > 0.001:
            return whole
    return scaled(Decimal(repr(number)), 3)


def milli_text(value: int) -> str:
    """The decimal text of thousandths without trailing zeros: 4620 is "4.62", -500 is "-0.5", 8000 is "8"."""
    return _text(value, 3)


def degrees_text(value_e7: int) -> str:
    """The decimal text of 1e-7 degrees of latitude or longitude."""
    return _text(value_e7, 7)


def _text(value: int, places: int) -> str:
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), 10**places)
    if part == 0:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{part:0{places}d}".rstrip("0")


def iso(time_ms: int) -> str:
    """`time_ms` as `YYYY-MM-DDTHH:MM:SS.mmmZ`."""
    return (_NAIVE_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds") + "Z"


def ms_from_iso(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time with `Z` or an offset; digits below a millisecond are cut off.

    Raises:
        InvalidValue: the text is no such time, or has no zone (a zone is never guessed).
    """
    try:  # nearly every stamp is put together from parts that were worked out before
        end = text[19:]
        of_minute_ms = _SECONDS[text[17:19]] + (_ENDS[end] if end in _ENDS else _end_ms(end))
        return _midnight_ms(text[:10]) + _MINUTES[text[10:17]] + of_minute_ms
    except (KeyError, InvalidValue):
        return _thorough_ms(text)


# Parts of a stamp in UTC as they are written: milliseconds of the day.
_MINUTES = {f"T{minute // 60:02}:{minute % 60:02}:": minute * 60_000 for minute in range(24 * 60)}
_SECONDS = {f"{second:02}": second * 1000 for second in range(60)}
_MILLIS = {"": 0} | {f".{milli:03}": milli for milli in range(1000)}
_ENDS = {f"{fraction}Z": milli for fraction, milli in _MILLIS.items()}


@lru_cache(maxsize=1024)
def _midnight_ms(day: str) -> int:
    return _thorough_ms(f"{day}T00:00:00Z")


def _end_ms(end: str) -> int:
    """Milliseconds of a fraction with its zone, UTC.

    Raises:
        KeyError: it is written in a rarer way.
    """
    if end[-1:] == "Z":
        fraction = end[:-1]
    elif end[-6:] == "+00:00":
        fraction = end[:-6]
    else:
        raise KeyError
    further = fraction[4:]
    if further and not (len(further) <= 6 and further.isascii() and further.isdecimal()):
        raise KeyError
    return _MILLIS[fraction[:4]]


def _thorough_ms(text: str) -> int:
    found = _ISO.match(text)
    if found is None:
        raise InvalidValue(f"{text[:40]!r} is not an ISO 8601 time with Z or an offset, such as 2026-01-05T10:00:00Z")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
    except ValueError as error:
        raise InvalidValue(f"{text[:40]!r} is not a date of the calendar: {error}") from error
    if hour > "23" or minute > "59" or second > "60":
        raise InvalidValue(f"{text[:40]!r} is not a time of the day")
    # A leap second is the last second of its minute: readings carry it, calendars of computers do not.
    seconds = (days * 24 + int(hour)) * 3600 + int(minute) * 60 + min(int(second), 59)
    whole_ms = seconds * 1000 - _offset_ms(zone)
    if not _EARLIEST_MS <= whole_ms <= _LATEST_MS:  # its offset leads out of the calendar
        raise InvalidValue(f"{text[:40]!r} lies outside the years 1 to 9999")
    return whole_ms + int((fraction or "0").ljust(3, "0")[:3])


def _offset_ms(zone: str) -> int:
    if zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "")
    if digits[:2] > "23" or digits[2:] > "59":
        raise InvalidValue(f"{zone} is no offset from UTC: write one such as +02:00, or Z")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return (-minutes if zone[0] == "-" else minutes) * 60_000
