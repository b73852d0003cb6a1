"""The small tables of the device-profile format: one field, one time, one position, one channel."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from coldchain.domain.quantity import scaled
from coldchain.domain.reading import FAULTS, Fault
from coldchain.domain.tables import TableReader
from coldchain.errors import InvalidValue
from sensors.device_profiles.fields import ABSENT_WORD, SAME, UNITS, Door, Field, Marks, Telltale, decimal_of
from sensors.device_profiles.paths import Getter, getter
from sensors.device_profiles.profile import Alarm, Channel, Place
from sensors.device_profiles.times import LOGGER_ZONE, NUMERIC, Clock, Pattern, pattern
from sensors.faults import NATIVE

MEANINGS = (*FAULTS, ABSENT_WORD)
_OPEN, _CLOSED = ("open", "opened", "true", "1"), ("closed", "close", "false", "0")


def take_getter(reader: TableReader, name: str, path: str | None = None) -> Getter | None:
    """The compiled path under `name` (or `path`, already taken from there); None where there is none."""
    if path is None:
        if not reader.has(name):
            return None
        path = reader.text(name)
    if not path:
        return None
    try:
        return getter(path)
    except InvalidValue as error:
        reader.fail(name, f"= {path!r} {error}")
        return None


def _nowhere(_tree: Any) -> Any:
    raise AssertionError("a profile with problems is never applied")


def _required(reader: TableReader, name: str) -> tuple[str, Getter]:
    path = reader.text(name)
    return path, take_getter(reader, name, path) or _nowhere


def _table(reader: TableReader, name: str) -> TableReader:
    """The table under `name`; a bare text there is its path."""
    value = reader.raw(name)
    return TableReader({"path": value} if isinstance(value, str) else value, _key(reader, name), reader.problems)


def _key(reader: TableReader, name: str) -> str:
    return f"{reader.path}.{name}" if reader.path else name


# --- fields ---------------------------------------------------------------------------------------------------------


def read_channel(reader: TableReader, name: str, only: tuple[str, ...] = tuple(NATIVE)) -> Channel:
    """The fields of a channel, or (with `only` these) those that stand at the top of a profile."""
    fields = tuple(read_field(_table(reader, public), public) for public in only if reader.has(public))
    door = _door(_table(reader, "door_open")) if reader.has("door_open") else None
    alarm = _alarm(_table(reader, "device_alarm")) if reader.has("device_alarm") else None
    return Channel(name, fields, door, alarm)


def read_field(table: TableReader, name: str) -> Field:
    """One measured value."""
    path, get = _required(table, "path")
    fault = _meaning(table, "fault", "sensor_error", FAULTS)
    unit, unit_get = _unit(table, name)
    low, high = _range(table, name)
    field = Field(
        name=name,
        path=path,
        get=get,
        scale=table.number("scale", None, "-1000000", "1000000"),
        offset=table.number("offset", None, "-1000000", "1000000"),
        unit=unit,
        unit_get=unit_get,
        marks=_marks(table, fault),
        nothing=_meaning(table, "nothing", None, MEANINGS),
        missing=_meaning(table, "missing", None, FAULTS),
        telltale=_telltale(table, fault),
        low=low,
        high=high,
        accuracy=table.number("accuracy", None, "0", "1000"),
    )
    table.finish()
    return field.settled()


def _meaning(table: TableReader, name: str, default: str | None, options: tuple[str, ...]) -> Any:
    return table.choice(name, options) if table.has(name) else default


def _unit(table: TableReader, name: str) -> tuple[Any, Getter | None]:
    value = table.raw("unit")
    if value is None:
        return SAME, None
    known = UNITS[name]
    if isinstance(value, dict):
        inner = TableReader(value, _key(table, "unit"), table.problems)
        _, get = _required(inner, "path")
        inner.finish()
        return SAME, get
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()], None
    table.fail("unit", f"= {value!r} is not one of {', '.join(known)}, nor {{path = …}} where the message says it")
    return SAME, None


def _range(table: TableReader, name: str) -> tuple[int | None, int | None]:
    if not table.has("range"):
        return None, None
    value = table.raw("range")
    bounds = read_bounds(value)
    if bounds is None:
        table.fail("range", f"= {value!r} is not [lowest, highest] in {NATIVE[name].unit}")
        return None, None
    return bounds


def read_bounds(value: Any) -> tuple[int, int] | None:
    """Two numbers, the lower one first, in thousandths."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    if any(type(one) not in (int, float, Decimal) or not -(10**9) < one < 10**9 for one in value):
        return None
    low, high = (scaled(Decimal(str(one)), 3) for one in value)
    return (low, high) if low < high else None


def _marks(table: TableReader, fault: str) -> Marks:
    """Sentinels: a list (all of them `fault`), or a table of lists by what they mean."""
    value = table.raw("sentinels")
    by_meaning = {fault: value} if isinstance(value, list) else {} if value is None else value
    numbers: dict[Decimal, str] = {}
    words: dict[str, str] = {}
    if not isinstance(by_meaning, dict):
        table.fail("sentinels", f"= {value!r} is neither a list of values nor a table of lists")
        return Marks()
    for meaning, codes in by_meaning.items():
        if meaning not in MEANINGS:
            table.fail(f"sentinels.{meaning}", f"is not one of {', '.join(MEANINGS)}")
        for code in codes if isinstance(codes, list) else [codes]:
            if isinstance(code, str):
                words[code.strip().lower()] = meaning
            elif type(code) is not bool and (number := decimal_of(code)) is not None:
                numbers[number] = meaning
            else:
                table.fail(f"sentinels.{meaning}", f"holds {code!r}, which is neither a number nor a text")
    return Marks(numbers, words)


def _telltale(table: TableReader, fault: Fault) -> Telltale | None:
    if not table.has("fault_when"):
        return None
    inner = _table(table, "fault_when")
    _, get = _required(inner, "path")
    words: dict[str, Fault] | None = None
    if inner.has("is"):
        value = inner.raw("is")
        words = {}
        for meaning, texts in value.items() if isinstance(value, dict) else [(fault, value)]:
            if meaning not in FAULTS:
                inner.fail(f"is.{meaning}", f"is not one of {', '.join(FAULTS)}")
            words |= dict.fromkeys(_words(inner, "is", texts), meaning)
    inner.finish()
    return Telltale(get, fault, words)


def _words(table: TableReader, name: str, value: Any) -> frozenset[str]:
    """Words as they are compared: in lower case, true and false spelled."""
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int | Decimal | float) for one in items):
        table.fail(name, f"= {value!r} is not a list of texts and numbers")
        return frozenset()
    return frozenset(str(one).strip().lower() for one in items)


def _door(table: TableReader) -> Door:
    path, get = _required(table, "path")
    opened = _words(table, "open", table.raw("open")) if table.has("open") else frozenset(_OPEN)
    closed = _words(table, "closed", table.raw("closed")) if table.has("closed") else frozenset(_CLOSED) - opened
    if both := opened & closed:
        table.fail("open", f"and `closed` share {', '.join(sorted(both))}")
    table.finish()
    return Door(path, get, opened, closed)


def _alarm(table: TableReader) -> Alarm:
    path, get = _required(table, "path")
    quiet = _words(table, "none", table.raw("none")) if table.has("none") else frozenset()
    table.finish()
    return Alarm(get, path, quiet)


# --- times and places -----------------------------------------------------------------------------------------------


def read_clock(table: TableReader, *, optional: bool = True) -> Clock:
    """Where a time stands, and how it is written."""
    path, get = _required(table, "path")
    form = table.text("format", "iso")
    layout: Pattern | None = None
    if form not in (*NUMERIC, "iso"):
        try:
            layout = pattern(form)
        except InvalidValue as error:
            known = ", ".join(NUMERIC)
            table.fail(
                "format", f"= {form!r} is not one of {known}, iso or a layout such as %d.%m.%Y %H:%M:%S: {error}"
            )
    zone = _zone(table)
    optional = table.flag("optional", default=optional)
    table.finish()
    return Clock(path, get, form, layout, zone, optional)


def _zone(table: TableReader) -> ZoneInfo | None:
    name = table.text("zone", LOGGER_ZONE)
    if name == LOGGER_ZONE:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        table.fail("zone", f'= {name!r} is no zone such as Europe/Berlin or UTC; "logger" takes that of its record')
        return None


def read_place(table: TableReader) -> Place:
    """Where a position stands, and when it counts."""
    latitude, latitude_get = _required(table, "latitude")
    longitude, longitude_get = _required(table, "longitude")
    valid, words = None, frozenset({"true", "1"})
    if table.has("valid"):
        inner = _table(table, "valid")
        _, valid = _required(inner, "path")
        words = _words(inner, "is", inner.raw("is")) if inner.has("is") else words
        inner.finish()
    oldest = table.number("oldest_s", Decimal(600), "0", "100000000") or Decimal(0)
    time_table = table.table("time")
    place = Place(
        latitude, longitude, latitude_get, longitude_get, valid, words,
        age=take_getter(table, "age_s"),
        oldest_ms=scaled(oldest, 3),
        time=None if time_table is None else read_clock(time_table),
        nowhere=frozenset(_marks(table, ABSENT_WORD).numbers),
    )  # fmt: skip
    table.finish()
    return place
