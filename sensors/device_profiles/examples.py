"""The examples of a device profile: messages with what has to come out, run each time that the profile is read."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from coldchain.domain.message import Decoded
from coldchain.domain.quantity import ms_from_iso, scaled
from coldchain.domain.reading import FAULTS, JSON_FIELDS, reading_json
from coldchain.domain.tables import TableReader
from coldchain.errors import InvalidValue
from sensors.carriers.fields import Wrong
from sensors.carriers.sample import Head, Stamp, decoded
from sensors.carriers.uplink import tree_of
from sensors.device_profiles.fields import decimal_of
from sensors.device_profiles.profile import Example, Profile
from sensors.device_profiles.read import read
from sensors.faults import NATIVE

ARRIVED_MS = ms_from_iso("2026-01-05T10:00:00Z")  # what examples take for "now", where the message has no time
_COMPARED = JSON_FIELDS[JSON_FIELDS.index("temperature_c") : JSON_FIELDS.index("device_profile")]
_PLACES = {"latitude": 7, "longitude": 7}


def read_examples(reader: TableReader) -> tuple[Example, ...]:
    """The section `[[examples]]`."""
    found = []
    for place, table in enumerate(reader.tables("examples")):
        name = table.text("name", f"example {place + 1}")
        given = _given(table)
        rows = _rows(table)
        status_table = table.table("status")
        status = {} if status_table is None else {key: status_table.raw(key) for key in status_table.names()}
        refused = table.whole("refused", 0, 0, 1000)
        table.finish()
        found.append(Example(name, given, rows, status, refused))
    return tuple(found)


def _given(table: TableReader) -> Any:
    value = table.raw("in")
    if isinstance(value, str):
        try:
            return tree_of(value.encode())
        except Wrong as wrong:
            table.fail("in", f"{wrong.reason}: give a table, or a text with JSON")
            return None
    if not isinstance(value, dict | list):
        table.fail("in", "is missing: give the message's fields, as a table or as a text with JSON")
    return _as_received(value)


def _as_received(value: Any) -> Any:
    """Numbers of TOML as a carrier reads them from JSON."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _as_received(inner) for key, inner in value.items()}
    return [_as_received(inner) for inner in value] if isinstance(value, list) else value


def _rows(table: TableReader) -> tuple[Mapping[str, Any], ...]:
    """What has to come out: rows, or a table by channel whose values may be a temperature or a fault."""
    value = table.raw("out")
    if isinstance(value, dict):
        value = [{"channel": channel, **_short(said)} for channel, said in value.items()]
    if value is None:
        value = []
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        table.fail("out", f"= {value!r} is neither a table of channels nor a list of rows")
        return ()
    for row in value:
        if unknown := sorted(set(row) - {"channel", "time", *_COMPARED}):
            table.fail("out", f"asks for {', '.join(unknown)}: known are channel, time, {', '.join(_COMPARED)}")
    return tuple(value)


def _short(said: Any) -> Mapping[str, Any]:
    if isinstance(said, dict):
        return said
    return {"fault": said} if isinstance(said, str) and said in FAULTS else {"temperature_c": said}


def failures(profile: Profile) -> list[str]:
    """What differs between the examples and what the profile makes of them."""
    return [f"{example.name}: {what}" for example in profile.examples for what in _differences(profile, example)]


def decode_alone(profile: Profile, tree: Any, stamp: Stamp | None = None, zone: Any = None) -> Decoded:
    """What a message with these fields would become, by this profile alone."""
    extract = read(profile, tree, zone)
    at = stamp or Stamp(ARRIVED_MS, "arrival")
    head = Head(
        "example", "", "example", at, ARRIVED_MS, interval_ms=profile.interval_ms, device_profile=profile.label,
        limits={**NATIVE, **profile.limits},
    )  # fmt: skip
    message = decoded(head, extract.samples, b"", refusals=extract.refusals)
    return message if extract.known else message._replace(undecoded=True)


def _differences(profile: Profile, example: Example) -> Iterator[str]:
    message = decode_alone(profile, example.given)
    if message.undecoded:
        yield "the profile knows none of its fields"
        return
    rows = [reading_json(reading) for reading in message.readings]
    for wanted in example.rows:
        row = _taken(rows, wanted)
        if row is None:
            when = f" at {wanted['time']}" if "time" in wanted else ""
            yield f"channel {wanted.get('channel', 'internal')}{when} should come out and does not{_because(message)}"
            continue
        for name in _COMPARED:
            if name in wanted and not _same(name, wanted[name], row.get(name)):
                yield f"{row['channel']}.{name} is {_text(row.get(name))} and should be {_text(wanted[name])}"
    for row in rows:
        values = ", ".join(f"{name} {_text(row[name])}" for name in _COMPARED if name in row)
        yield f"channel {row['channel']} at {row['event_time']} comes out and is not asked for ({values})"
    if len(message.refusals) != example.refused:
        reasons = "; ".join(refusal.reason for refusal in message.refusals) or "none"
        yield f"{len(message.refusals)} values are refused and {example.refused} should be ({reasons})"
    for name, value in example.status.items():
        if not _same(name, value, (message.status or {}).get(name)):
            yield f"status.{name} is {_text((message.status or {}).get(name))} and should be {_text(value)}"


def _because(message: Decoded) -> str:
    return f" ({message.refusals[0].reason})" if message.refusals else ""


def _taken(rows: list[dict[str, Any]], wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row that is meant, taken out of `rows`."""
    for place, row in enumerate(rows):
        at = wanted.get("time")
        if row["channel"] == wanted.get("channel", "internal") and (at is None or _ms(at) == _ms(row["event_time"])):
            return rows.pop(place)
    return None


def _ms(text: Any) -> int | None:
    try:
        return ms_from_iso(str(text))
    except InvalidValue:
        return None


def _same(name: str, wanted: Any, found: Any) -> bool:
    if isinstance(wanted, bool | str) or found is None or isinstance(found, bool | str):
        return bool(wanted == found)
    number, other = decimal_of(wanted), decimal_of(found)
    if number is None or other is None:
        return bool(wanted == found)
    places = _PLACES.get(name, 3)
    return scaled(number, places) == scaled(other, places)


def _text(value: Any) -> str:
    return "nothing" if value is None else str(value)
