"""A file mapping: how the columns of one program's export are to be read. Data, with a version; the format is strict.

What a mapping leaves at "auto" is found out from the file and shown; what cannot be found out is asked, never guessed.
"""

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

from coldchain.errors import InvalidValue
from sensors.carriers.files.csv_text import DELIMITERS, ENCODINGS
from sensors.carriers.files.units import QUANTITIES
from sensors.carriers.sample import RIDES

SCHEMA = "coldchain.file_mapping/1"
GENERIC = "generic"
_MOST_CHANNELS = 16


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """By what a mapping recognises its files: titles that must all be there, with * and ? for anything."""

    columns: tuple[str, ...] = ()
    preamble: tuple[str, ...] = ()  # keys that must stand above the table


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the file is written."""

    encoding: str = "auto"
    delimiter: str = "auto"
    decimal: Literal["auto", ".", ","] = "auto"
    header: int = 0  # the line of the titles, from 1; 0: found out; -1: there are none
    missing: tuple[str, ...] = ()  # markers of a missing value, beside the usual ones


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where and how the time is written. `zone` holds for every file of this mapping; without it the zone is asked."""

    columns: tuple[str | int, ...] = ()  # one, or date and time; empty: the one column that holds dates
    order: Literal["auto", "ymd", "dmy", "mdy", "epoch_s", "epoch_ms"] = "auto"
    zone: str | None = None


class Logger(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the logger's id is; nowhere: it is asked."""

    preamble: str | None = None
    column: str | int | None = None


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one column becomes. `unit` "title": as the column's title declares it."""

    column: str | int
    channel: str
    quantity: str = "temperature"
    unit: str = "title"
    unit_column: str | int | None = None  # a column that names the unit in each row
    optional: bool = False  # some of the files lack it


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mapping; `status` "untested" asks for a person's confirmation before its readings count."""

    id: str
    version: int = 1
    title: str = ""
    status: Literal["supported", "untested"] = "supported"
    match: Match = Match()
    text: Text = Text()
    time: Time = Time()
    logger: Logger = Logger()
    channels: tuple[Channel, ...] = ()  # empty: every column whose title declares a quantity and its unit
    interval_s: int | None = None

    @property
    def label(self) -> str:
        """`id@version`, stored with each reading."""
        return f"{self.id}@{self.version}"


def mapping_from(body: Any) -> Mapping:
    """Read and check a mapping.

    Raises:
        InvalidValue: it breaks the format; the text names the field and what it may be.
    """
    try:
        found = msgspec.convert(body, Mapping)
    except msgspec.ValidationError as error:
        raise InvalidValue(f"mapping: {error}") from error
    _check(found)
    return found


def as_json(mapping: Mapping) -> dict[str, Any]:
    """The mapping as plain JSON."""
    body: dict[str, Any] = msgspec.to_builtins(mapping)
    return {**body, "id": mapping.id, "version": mapping.version}


@cache
def shipped() -> tuple[Mapping, ...]:
    """The mappings that come with the program, by id."""
    folder = files("sensors.carriers.files") / "mappings"
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)
    return tuple(mapping_from(tomllib.loads(item.read_text(encoding="utf-8"))) for item in found)


def titles_match(pattern: str, title: str) -> bool:
    """Whether a title is meant by a pattern; case and repeated blanks do not count."""
    return fnmatchcase(plain(title), plain(pattern))


def plain(title: str) -> str:
    """A title as it is compared."""
    return " ".join(title.lower().replace("[", "(").replace("]", ")").split())


def _check(mapping: Mapping) -> None:
    problems = (
        (not _is_id(mapping.id), f"id: {mapping.id[:40]!r} is not 1 to 60 lower-case letters, digits and -"),
        (not 1 <= mapping.version < 2**31, f"version: {mapping.version} is no count from 1"),
        (mapping.text.encoding not in ("auto", *ENCODINGS),
         f"text.encoding: {mapping.text.encoding[:20]!r} is none of auto, {', '.join(ENCODINGS)}"),
        (mapping.text.delimiter not in ("auto", *DELIMITERS),
         f"text.delimiter: {mapping.text.delimiter[:8]!r} is none of auto, comma, semicolon, tab, |"),
        (not -1 <= mapping.text.header <= 1000, f"text.header: {mapping.text.header} is no line from 1 to 1000"),
        (len(mapping.text.missing) > 50, "text.missing: has more than 50 markers"),
        (len(mapping.time.columns) > 2, "time.columns: are more than two; name one, or date and time"),
        (len(mapping.channels) > _MOST_CHANNELS, f"channels: are more than {_MOST_CHANNELS}"),
        (mapping.interval_s is not None and not 1 <= mapping.interval_s <= 604_800,
         f"interval_s: {mapping.interval_s} is not within 1 s and a week"),
    )  # fmt: skip
    for wrong, sentence in problems:
        if wrong:
            raise InvalidValue(f"mapping: {sentence}")
    for at, channel in enumerate(mapping.channels):
        _check_channel(channel, f"mapping: channels[{at}]")
    taken = [(one.channel, one.quantity) for one in mapping.channels]
    if len(taken) != len(set(taken)):
        raise InvalidValue("mapping: channels: two columns become the same quantity of the same channel")


def _check_channel(channel: Channel, where: str) -> None:
    quantity = QUANTITIES.get(channel.quantity)
    if quantity is None:
        raise InvalidValue(f"{where}.quantity: {channel.quantity[:30]!r} is none of {', '.join(QUANTITIES)}")
    if channel.unit != "title" and channel.unit not in quantity.units:
        raise InvalidValue(f"{where}.unit: {channel.unit[:20]!r} is none of title, {', '.join(quantity.units)}")
    name = channel.channel
    rides = quantity.field not in ("temperature_c", "humidity_pct", "pressure_hpa")
    if not (0 < len(name) <= 64 and name.isprintable() and not set("/+#") & set(name)) and not (
        rides and name == RIDES
    ):
        raise InvalidValue(f"{where}.channel: {name[:40]!r} is no name of a channel such as internal or probe-1")


def _is_id(name: str) -> bool:
    return 0 < len(name) <= 60 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") and name[0] != "-"
