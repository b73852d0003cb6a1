"""A device profile while it is made by clicking fields: the tables of the format, one field after the other."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from coldchain.domain.quantity import strict_decimal
from coldchain.errors import InvalidValue
from sensors.device_profiles.format import parse, tables_of
from sensors.device_profiles.profile import Profile

JsonObject = dict[str, Any]

MEASURED = {"temperature_c": "temperature", "humidity_pct": "humidity", "pressure_hpa": "air pressure"}
RIDING = {"battery_pct": "battery, %", "battery_v": "battery, V", "light_lux": "light", "shock_g": "shock"}
ROLES = {
    **MEASURED, **RIDING, "door_open": "door", "time": "time of the measurement", "latitude": "latitude",
    "longitude": "longitude", "valid": "whether the position is valid", "fault": "fault of a probe",
    "device_alarm": "the logger's own alarm", "device": "who sent it (id)", "seq": "its counter",
    "key": "the message's own id", "other": "nothing that is measured",
}  # fmt: skip
UNITS = {
    "temperature_c": ("C", "F", "K", "mC"), "humidity_pct": ("%", "fraction"), "battery_pct": ("%", "fraction"),
    "pressure_hpa": ("hPa", "mbar", "Pa", "kPa", "bar"), "battery_v": ("V", "mV"), "shock_g": ("g", "mg", "m/s2"),
    "light_lux": ("lux",),
}  # fmt: skip
UNIT_WORDS = {"C": "°C", "F": "°F", "K": "K", "mC": "thousandths of °C", "m/s2": "m/s²", "fraction": "fraction of 1"}
FAULTS = ("probe_open", "probe_short", "sensor_error", "out_of_range", "not_ready", "absent")
FORMATS = {"iso": "text (ISO 8601)", "unix_s": "seconds since 1970", "unix_ms": "milliseconds since 1970"}
_SOURCE = ("device", "seq", "key")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,6})?\Z")


class Said(NamedTuple):
    """What a person said of one field; everything is text, empty where nothing was said."""

    path: str
    role: str
    unit: str = ""
    channel: str = ""
    sentinels: str = ""
    means: str = ""
    low: str = ""
    high: str = ""
    format: str = ""
    zone: str = ""
    words: str = ""


def begun(slug: str, name: str, source: JsonObject | None) -> JsonObject:
    """A draft of a new profile without any field."""
    made: JsonObject = {"id": slug, "version": 1, "name": name}
    if source is not None:
        made["source"] = source
    return made


def continued(profile: Profile, version: int) -> JsonObject:
    """A draft of the next version of a profile. Whoever makes it sees what it reads: it is not untested any more."""
    made = {**tables(profile), "version": version}
    return {key: one for key, one in made.items() if (key, one) != ("status", "untested")}


def tables(profile: Profile) -> JsonObject:
    """A profile's tables as plain JSON."""
    made: JsonObject = json.loads(json.dumps(tables_of(profile.text), default=_plain))
    return made


def _plain(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(value)


def text_of(draft: Mapping[str, Any]) -> str:
    """The draft as it is saved."""
    return json.dumps(draft, indent=2, ensure_ascii=False) + "\n"


def read(draft: Mapping[str, Any]) -> Profile:
    """The profile that a draft describes.

    Raises:
        InvalidValue: names every mistake.
    """
    return parse(text_of(draft))


def with_field(draft: JsonObject, said: Said) -> JsonObject:
    """The draft with one field taken for what a person says it is; what it was before is forgotten.

    Raises:
        InvalidValue: names what is missing; a unit is asked for and never guessed.
    """
    if not said.path:
        raise InvalidValue("Click a field of the message first.")
    if said.role not in ROLES:
        raise InvalidValue("Say what this field is.")
    made = without_path(draft, said.path)
    if said.role in MEASURED:
        channel = _channel(said)
        made.setdefault("channels", {}).setdefault(channel, {})[said.role] = _quantity(said)
    elif said.role in RIDING:
        made[said.role] = _quantity(said)
    elif said.role == "fault":
        _tell_fault(made, said)
    else:
        _place(made, said)
    return made


def _place(made: JsonObject, said: Said) -> None:
    """Everything that is no quantity."""
    match said.role:
        case "time":
            if said.format not in FORMATS:
                raise InvalidValue("Say how the time is written.")
            made["time"] = {"path": said.path, "format": said.format, **({"zone": said.zone} if said.zone else {})}
        case "latitude" | "longitude" | "valid":
            made.setdefault("position", {})[said.role] = said.path
        case "door_open":
            made["door_open"] = {"path": said.path, **({"open": _listed(said.words)} if said.words else {})}
        case "device_alarm":
            made["device_alarm"] = {"path": said.path, **({"none": _listed(said.words)} if said.words else {})}
        case "other":
            made["other"] = [*made.get("other", []), said.path]
        case _:
            if "source" not in made:
                raise InvalidValue(f"Its carrier says already who sent it; {ROLES[said.role]} is not asked for.")
            made["source"][said.role] = said.path


def _quantity(said: Said) -> JsonObject:
    if said.unit not in UNITS[said.role]:
        raise InvalidValue(f"Say in which unit the {ROLES[said.role]} is. It is never guessed.")
    made: JsonObject = {"path": said.path, "unit": said.unit}
    if said.sentinels:
        codes: list[Any] = [_code(one) for one in _listed(said.sentinels)]
        if said.means not in FAULTS:
            raise InvalidValue("Say what the special values mean.")
        if said.means == "absent":
            made["sentinels"] = {"absent": codes}
        else:
            made |= {"sentinels": codes, "fault": said.means}
    if said.low or said.high:
        made["range"] = [_number("Lowest", said.low), _number("Highest", said.high)]
    return made


def _tell_fault(made: JsonObject, said: Said) -> None:
    channel = made.get("channels", {}).get(_channel(said), {})
    measured = [name for name in MEASURED if isinstance(channel.get(name), dict)]
    if not measured:
        raise InvalidValue(
            f"Choose first what channel {_channel(said)} measures; then say which field tells its fault."
        )
    telltale: Any = {"path": said.path, "is": _listed(said.words)} if said.words else said.path
    for name in measured:
        channel[name]["fault_when"] = telltale


def _channel(said: Said) -> str:
    if not said.channel:
        raise InvalidValue("Name the channel: internal, or probe-1, probe-2 … for what lies with the goods.")
    return said.channel


def _listed(words: str) -> list[str]:
    return [one.strip() for one in words.split(",") if one.strip()]


def _code(text: str) -> Any:
    return _number("Special values", text) if _NUMBER.match(text) else text


def _number(field: str, text: str) -> float | int:
    if not _NUMBER.match(text):
        raise InvalidValue(f"{field}: {text[:20]!r} is no number. Give both ends of the range, or none.")
    value = strict_decimal(text)
    return int(value) if value == value.to_integral_value() else float(value)


def without_path(draft: Mapping[str, Any], path: str) -> JsonObject:
    """The draft without anything that is read from `path`."""
    made: JsonObject = json.loads(json.dumps(draft))
    channels = {name: _without(fields, path) for name, fields in (made.get("channels") or {}).items()}
    made["channels"] = {name: fields for name, fields in channels.items() if fields}
    for key in (*RIDING, "time", "door_open", "device_alarm"):
        if _path(made.get(key)) == path:
            del made[key]
    for table in ("position", "source"):
        made[table] = {key: one for key, one in (made.get(table) or {}).items() if one != path or key == "topics"}
    made["other"] = [one for one in made.get("other") or () if one != path]
    return {key: one for key, one in made.items() if one not in ({}, [])}


def _without(fields: JsonObject, path: str) -> JsonObject:
    """The fields of a channel that do not come from `path`, and are told of no fault from there."""
    kept = {key: one for key, one in fields.items() if _path(one) != path}
    for one in kept.values():
        if isinstance(one, dict) and _path(one.get("fault_when")) == path:
            del one["fault_when"]
    return kept


def _path(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    found = value.get("path") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def roles_of(draft: Mapping[str, Any]) -> dict[str, str]:
    """What each path of the draft is taken for, in a few words."""
    return {path: words for path, words in _roles(draft) if path is not None}


def _roles(draft: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
    channels = draft.get("channels")
    for channel, fields in channels.items() if isinstance(channels, dict) else ():
        for name, one in fields.items() if isinstance(fields, dict) else ():
            yield _path(one), f"{ROLES.get(name, name)} of {channel}"
            if isinstance(one, dict):
                yield _path(one.get("fault_when")), f"fault of {channel}"
    for key in (*RIDING, "time", "door_open", "device_alarm"):
        yield _path(draft.get(key)), ROLES[key]
    for table in ("position", "source"):
        inner = draft.get(table)
        for key, one in inner.items() if isinstance(inner, dict) else ():
            if key in ROLES:
                yield _path(one), ROLES[key]
    for one in draft.get("other") or ():
        yield _path(one), ROLES["other"]
