"""The device-profile format, TOML or the same as JSON: read and checked as a whole."""

import json
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from coldchain.domain.tables import TableReader
from coldchain.errors import InvalidValue
from sensors.carriers.uplink import CODECS
from sensors.device_profiles.examples import failures, read_examples
from sensors.device_profiles.format_fields import (
    read_bounds,
    read_channel,
    read_clock,
    read_place,
    take_getter,
)
from sensors.device_profiles.format_source import read_source
from sensors.device_profiles.profile import Channel, Place, Profile, Records
from sensors.device_profiles.times import Clock
from sensors.faults import NATIVE, Limits

STATUSES = ("untested", "supported")
LARGEST = 128 * 1024  # characters

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:-]{0,62}\Z")
_RESERVED = ("device",)
_NUMBER = "{n}"
_MOST_CHANNELS = 64


class _Common(NamedTuple):
    """What stored records take over from the message where they do not say it themselves."""

    channels: tuple[Channel, ...]
    place: Place | None


def parse(text: str) -> Profile:
    """The profile that `text`, TOML or JSON, describes; its examples have been run.

    Raises:
        InvalidValue: names every mistake with its key, its value and what to do; a failing example with what differs.
    """
    data = tables_of(text)
    reader = TableReader(data)
    profile = _profile(reader, text)
    reader.finish()
    what = f"device profile {profile.id or '?'}"
    reader.raise_problems(what)
    if found := failures(profile):
        raise InvalidValue(f"{what}: " + "; ".join(found))
    return profile


def tables_of(text: str) -> Mapping[str, Any]:
    """The tables of a TOML or JSON document, numbers as they were written.

    Raises:
        InvalidValue: it is neither; the text says where it goes wrong.
    """
    if len(text) > LARGEST:
        raise InvalidValue(f"device profile: has {len(text)} characters, at most {LARGEST} are read")
    try:
        if text.lstrip().startswith("{"):
            data = json.loads(text, parse_float=Decimal)
            return data if isinstance(data, dict) else {}
        return tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InvalidValue(f"device profile: cannot be read: {error}") from None


def _profile(reader: TableReader, text: str) -> Profile:
    stated = reader.has("status")
    status = reader.choice("status", STATUSES, "untested")
    trusted = reader.choice("clock", ("trusted", "untrusted"), "trusted") == "trusted"
    source_table = reader.table("source")
    root = take_getter(reader, "root")
    records = _records(reader, trusted=trusted)
    interval_ms = reader.duration_ms("interval", None)
    ranges = _ranges(reader)
    id_ = _id(reader)
    profile = Profile(
        id=id_,
        version=reader.whole("version", 1, 1, 1_000_000),
        name=reader.text("name", id_ or "-"),
        maker=reader.text("maker", "-").strip("-"),
        status=status,
        asks=stated and status == "untested",
        proof=_prose(reader, "proof"),
        note=_prose(reader, "note"),
        match=_match(reader),
        root=root,
        records=records,
        other=_others(reader),
        trusted_clock=trusted,
        interval_ms=interval_ms,
        codec=reader.choice("codec", tuple(CODECS)) if reader.has("codec") else None,
        limits=ranges,
        accuracy=_accuracies(reader),
        source=None if source_table is None else read_source(source_table),
        examples=read_examples(reader),
        text=text,
    )
    if status == "supported" and not (profile.proof and profile.examples):
        reader.fail("status", "= 'supported' needs `proof` (where the sample comes from) and at least one example")
    if profile.codec is None and not any(records.channels or records.place for records in profile.records):
        reader.fail("channels", "is missing: name at least one channel, or a position")
    return profile


def _id(reader: TableReader) -> str:
    found = reader.text("id")
    if found and _ID.match(found) is None:
        reader.fail("id", f"= {found!r} is not made of lower-case letters, digits, . - and _ (at most 64)")
    return found


def _prose(reader: TableReader, name: str) -> str:
    value = reader.raw(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 2000:
        reader.fail(name, "is not a text of at most 2000 characters")
        return ""
    return value.strip()


def _match(reader: TableReader) -> tuple[Mapping[str, tuple[str, ...]], ...]:
    """Alternatives: within one, every hint has to fit; a hint may fit one of several globs."""
    raw = reader.raw("match")
    alternatives = [raw] if isinstance(raw, dict) else raw or []
    if not isinstance(alternatives, list) or not all(isinstance(one, dict) and one for one in alternatives):
        reader.fail("match", 'is not a list of tables such as {"tts.model_id" = "lht65*"}')
        return ()
    found = []
    for place, one in enumerate(alternatives):
        globs = {name: (value,) if isinstance(value, str) else value for name, value in one.items()}
        for name, value in globs.items():
            if not isinstance(value, list | tuple) or not value or not all(isinstance(g, str) and g for g in value):
                reader.fail(f"match[{place}].{name}", f"= {one[name]!r} is not a text or a list of texts")
                return ()
        found.append({name: tuple(glob.lower() for glob in value) for name, value in globs.items()})
    return tuple(found)


def _records(reader: TableReader, *, trusted: bool) -> tuple[Records, ...]:
    time_table = reader.table("time")
    time = None if time_table is None else read_clock(time_table)
    channels = _channels(reader)
    riding = _riding(reader)
    place_table = reader.table("position")
    place = None if place_table is None else read_place(place_table)
    everywhere = (*channels, riding) if riding is not None else channels
    whole = Records(None, "", time, everywhere, place)
    common = _Common(channels, None)
    lists = []
    for table in reader.tables("records"):
        if not trusted:
            table.fail("time", 'cannot count: with `clock = "untrusted"` nothing says when a stored record was made')
        lists.append(_list(table, common, riding))
    return (whole, *lists)


def _list(table: TableReader, common: _Common, riding: Channel | None) -> Records:
    path = table.text("path")
    get = take_getter(table, "path", path)
    time_table = table.table("time")
    time: Clock | None = None
    if time_table is None:
        table.fail("time", "is missing: a stored record needs its own time, {path = …, format = …}")
    else:
        time = read_clock(time_table, optional=False)
    name, value = take_getter(table, "name"), take_getter(table, "value")
    if (name is None) != (value is None):
        table.fail("name", "and `value` go together: records that name one value each")
    own = table.has("channels")
    channels = _channels(table) if own else common.channels
    if not own and riding is not None and name is not None:
        channels = (*channels, riding)
    historical = table.flag("historical")
    place_table = table.table("position")
    place = None if place_table is None else read_place(place_table)
    table.finish()
    return Records(get, path, time, channels, place, historical, name, value)


def _channels(reader: TableReader) -> tuple[Channel, ...]:
    table = reader.table("channels")
    if table is None:
        return ()
    found: list[Channel] = []
    for name in table.names():
        channel = table.table(name)
        if channel is None:
            continue
        numbers = _numbers(channel)
        if _NUMBER in name:
            first, last = numbers or (1, 8)
            raw = {key: channel.raw(key) for key in channel.names()}
            for number in range(first, last + 1):
                inner = TableReader(_numbered(raw, number), channel.path, channel.problems)
                found.append(_channel(inner, name.replace(_NUMBER, str(number))))
        else:
            if numbers is not None:
                channel.fail("numbers", f"is for families: write {{n}} into the channel's name {name!r}")
            found.append(_channel(channel, name))
    table.problems[:] = list(dict.fromkeys(table.problems))  # a family repeats the mistakes of its one table
    if len(found) > _MOST_CHANNELS:
        reader.fail("channels", f"are {len(found)}: at most {_MOST_CHANNELS} are read")
    return tuple(found)


def _numbers(channel: TableReader) -> tuple[int, int] | None:
    if not channel.has("numbers"):
        return None
    value = channel.raw("numbers")
    fits = isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value)
    if fits and 0 <= value[0] <= value[1] < value[0] + _MOST_CHANNELS:
        return value[0], value[1]
    channel.fail("numbers", f"= {value!r} is not the first and last number of the family, such as [1, 6]")
    return None


def _numbered(raw: Any, number: int) -> Any:
    """A family's table with {n} replaced everywhere."""
    if isinstance(raw, str):
        return raw.replace(_NUMBER, str(number))
    if isinstance(raw, dict):
        return {key: _numbered(value, number) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_numbered(value, number) for value in raw]
    return raw


def _channel(table: TableReader, name: str) -> Channel:
    if _CHANNEL.match(name) is None or name in _RESERVED:
        table.fail("", f"= {name!r} is no name of a channel: letters, digits and - . _ : (at most 63), not `device`")
    channel = read_channel(table, name)
    table.finish()
    return channel


def _riding(reader: TableReader) -> Channel | None:
    """What belongs to the logger and not to a probe: battery, door, light, shock, its own alarm."""
    channel = read_channel(reader, "", only=("battery_pct", "battery_v", "light_lux", "shock_g"))
    return channel if channel.fields or channel.door or channel.alarm else None


def _others(reader: TableReader) -> tuple[Any, ...]:
    value = reader.raw("other")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
        reader.fail("other", f"= {value!r} is not a list of paths")
        return ()
    found = [take_getter(reader, "other", path) for path in value]
    return tuple(get for get in found if get is not None)


def _ranges(reader: TableReader) -> dict[str, Limits]:
    """What the model's sensors can say. Codes that every sensor uses stay codes unless they lie inside its range."""
    table = reader.table("range")
    found: dict[str, Limits] = {}
    for name in () if table is None else table.names():
        assert table is not None
        value = table.raw(name)
        native = NATIVE.get(name)
        if native is None:
            table.fail(name, f"is not one of {', '.join(NATIVE)}")
        elif (bounds := read_bounds(value)) is None:
            table.fail(name, f"= {value!r} is not [lowest, highest] in {native.unit}")
        else:
            low, high = bounds
            codes = {number: fault for number, fault in native.sentinels.items() if not low <= number <= high}
            found[name] = Limits(low, high, native.unit, codes)
    return found


def _accuracies(reader: TableReader) -> dict[str, Decimal]:
    table = reader.table("accuracy")
    found: dict[str, Decimal] = {}
    if table is None:
        return found
    for name in table.names():
        if name not in NATIVE:
            table.fail(name, f"is not one of {', '.join(NATIVE)}")
            table.raw(name)
        elif (value := table.number(name, None, "0", "1000")) is not None:
            found[name] = value
    return found
