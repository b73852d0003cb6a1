"""A product profile as a form: every field has a path of the format, and the server's own parser says what is wrong."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from coldchain.domain.profile_format import as_json
from coldchain.errors import InvalidValue

Json = dict[str, Any]

DURATIONS = ("allowed", "length", "hold", "clear_hold", "ignore_start", "ignore_end", "minor", "major", "critical")
UNITS = ("ms", "s", "min", "h", "d")
NUMBERS = frozenset({
    "low_c", "high_c", "delta_h_kj_mol", "gas_constant_kj_mol_k", "gap_warming_c_per_min", "limit_c", "limit_pct",
    "limit_c_per_h", "hysteresis_c", "hysteresis_pct", "factor", "below_pct", "below_h", "confirm_readings", "peak_c",
    "light_from_lux", "shock_from_g",
})  # fmt: skip
FLAGS = ("freeze_sensitive", "inclusive")
RULES, BUDGET, WINDOWS = "alarm_profile.rules", "stability_budget", "mkt_windows"
MATRIX = "severity_matrix.bands"
LISTS = (BUDGET, WINDOWS, RULES, MATRIX)
MEASURED = ("instant", "consecutive", "cumulative", "rate")
# The fields of a rule beyond id, kind and severity; `limit`, `hysteresis` and `below` take their unit from the kind.
OF_KIND = {
    "instant": ("quantity", "direction", "limit", "inclusive", "confirm_readings", "hysteresis", "clear_hold",
                "stages"),
    "consecutive": ("quantity", "direction", "limit", "inclusive", "hold", "hysteresis", "clear_hold", "stages"),
    "cumulative": ("quantity", "direction", "limit", "inclusive", "hold", "reset", "window.kind", "window.length",
                   "window.zone", "hysteresis", "clear_hold", "stages"),
    "rate": ("direction", "limit", "window.length", "clear_hold", "stages"),
    "no_data": ("factor", "stages"),
    "budget_below": ("below",),
    "mkt_headroom_below": ("below",),
}  # fmt: skip
RULE_FIELDS = tuple(dict.fromkeys(name for names in OF_KIND.values() for name in names))
NEW_ROWS: dict[str, Json] = {
    BUDGET: {},
    WINDOWS: {"id": "", "length_h": 24},
    MATRIX: {"direction": "high"},
    RULES: {"id": "", "kind": "consecutive", "direction": "high", "hold_min": 30, "severity": "major"},
}
USUAL = {"quantity": "temperature", "reset": "never"}  # what an absent key means, shown as if it were there
_ROW = re.compile(r"(?P<list>[a-z_.]+)\[(?P<place>\d+)\](?:\.(?P<field>.+))?\Z")
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,12})?\Z")
_SPAN = re.compile(r"(?P<number>-?\d{1,12}(?:\.\d{1,12})?)\s*(?P<unit>ms|s|min|h|d)\Z")
_LONGEST = 2000
_LARGEST = 200_000
SUFFIX = re.compile(r"(?P<name>limit|hysteresis|below)_(c|pct|c_per_h|h)\Z")


# --- from the format to the fields ------------------------------------------------------------------------------------


def rows(body: Mapping[str, Any], path: str) -> list[Json]:
    """The tables of one of the lists."""
    found: Any = body
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return [dict(one) if isinstance(one, Mapping) else {} for one in found] if isinstance(found, list) else []


def shown(table: Mapping[str, Any], field: str) -> Any:
    """A field's value as its input shows it: text, or the list of stages."""
    head, _, rest = field.partition(".")
    if rest:
        inner = table.get(head)
        if field == "window.kind":
            return "" if not isinstance(inner, Mapping) else inner.get("kind", "rolling")
        return shown(inner, rest) if isinstance(inner, Mapping) else ""
    if field in DURATIONS:
        return _span_shown(table, field)
    if field in FLAGS:
        return "yes" if table.get(field) is True else "no"
    if field == "stages":
        return [str(one) for one in table.get(field) or ()]
    if field in ("limit", "hysteresis", "below"):
        given = [name for name in table if (found := SUFFIX.match(name)) and found["name"] == field]
        return _text(table[given[0]]) if given else ""
    return _text(table.get(field, USUAL.get(field)))


def _span_shown(table: Mapping[str, Any], field: str) -> str:
    for unit in UNITS:
        if f"{field}_{unit}" in table:
            return f"{_text(table[f'{field}_{unit}'])} {unit}"
    return _text(table.get(field))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


# --- from the fields to the format ------------------------------------------------------------------------------------


def assembled(base: Mapping[str, Any], values: Mapping[str, Any]) -> Json:
    """The body that the fields describe; what the form has no field for stays as it is in `base`."""
    body: Json = json.loads(json.dumps(base))
    for path, value in values.items():
        row = _ROW.match(path)
        if row is None:
            _put_path(body, path, value)
    for path in LISTS:
        found = rows(body, path)
        for place, table in enumerate(found):
            given = dict(_of_row(values, path, place))
            _put_row(table, given, rule=path == RULES)
        if found:
            _put_list(body, path, found)
    return body


def _of_row(values: Mapping[str, Any], path: str, place: int) -> Iterator[tuple[str, Any]]:
    start = f"{path}[{place}]."
    return ((one.removeprefix(start), value) for one, value in values.items() if one.startswith(start))


def _put_path(body: Json, path: str, value: Any) -> None:
    head, _, rest = path.partition(".")
    if not rest:
        _put(body, head, value)
        return
    inner = body.get(head)
    table: Json = inner if isinstance(inner, dict) else {}
    _put_path(table, rest, value)
    if table:
        body[head] = table
    else:
        body.pop(head, None)


def _put_list(body: Json, path: str, found: list[Json]) -> None:
    head, _, rest = path.partition(".")
    if rest:
        _put_list(body.setdefault(head, {}), rest, found)
    else:
        body[head] = found


def _put_row(table: Json, given: Mapping[str, Any], *, rule: bool) -> None:
    if not rule:
        for field, value in given.items():
            _put(table, field, value)
        return
    kind = str(given.get("kind") or table.get("kind") or "")
    humid = given.get("quantity") == "humidity"
    for field in ("id", "kind", "severity"):
        if field in given:
            _put(table, field, given[field])
    wanted = OF_KIND.get(kind, RULE_FIELDS)
    for field in RULE_FIELDS:
        if field in given and "." not in field:
            _put(table, _keyed(table, field, kind, humid=humid), given[field] if field in wanted else "")
    if any(field.startswith("window.") for field in given):
        _put_window(table, {field: given.get(f"window.{field}") if f"window.{field}" in wanted else ""
                            for field in ("kind", "length", "zone")}, kind)  # fmt: skip


def _keyed(table: Json, field: str, kind: str, *, humid: bool) -> str:
    """The key of a field whose unit stands in it; the same field in other units is taken away."""
    units = {
        "limit": "c_per_h" if kind == "rate" else "pct" if humid else "c",
        "hysteresis": "pct" if humid else "c",
        "below": "h" if kind == "mkt_headroom_below" else "pct",
    }
    if field not in units:
        return field
    for name in [name for name in table if (found := SUFFIX.match(name)) and found["name"] == field]:
        del table[name]
    return f"{field}_{units[field]}"


def _put_window(table: Json, given: Mapping[str, Any], kind: str) -> None:
    if kind not in ("cumulative", "rate") or (kind == "cumulative" and not given["kind"]):
        table.pop("window", None)
        return
    before = table.get("window")
    window: Json = dict(before) if isinstance(before, dict) else {}
    calendar = given["kind"] == "calendar"
    if kind == "cumulative" and (calendar or "kind" in window):
        window["kind"] = given["kind"]
    _put(window, "length", "" if calendar else given["length"])
    _put(window, "zone", given["zone"] if calendar else "")
    if window:
        table["window"] = window
    else:
        table.pop("window", None)


def _put(table: Json, name: str, value: Any) -> None:
    if name in DURATIONS:
        for unit in UNITS:
            table.pop(f"{name}_{unit}", None)
        table.pop(name, None)
        found = _SPAN.match(value.strip()) if isinstance(value, str) else None
        if found:
            table[f"{name}_{found['unit']}"] = _number(found["number"])
        elif value:
            table[name] = value
        return
    if name in FLAGS:
        if value == "yes" or name in table:
            table[name] = value == "yes"
        return
    plain = value.strip()[:_LONGEST] if isinstance(value, str) else value
    if plain == USUAL.get(name, "") and name not in table:
        return
    if plain in ("", None, []):
        table.pop(name, None)
    elif name in NUMBERS and isinstance(plain, str) and _NUMBER.match(plain.replace("−", "-")):
        table[name] = _number(plain.replace("−", "-"))
    else:
        table[name] = plain


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


def hidden(path: str, values: Mapping[str, Any]) -> bool:
    """Whether a field has no meaning for its rule as the rule is now."""
    row = _ROW.match(path)
    if row is None or row["list"] != RULES or row["field"] not in RULE_FIELDS:
        return False
    start = f"{RULES}[{row['place']}]."
    kind, window = str(values.get(f"{start}kind")), values.get(f"{start}window.kind")
    if row["field"] not in OF_KIND.get(kind, RULE_FIELDS):
        return True
    if kind == "cumulative" and row["field"] == "window.length":
        return window != "rolling"
    return row["field"] == "window.zone" and window != "calendar"


def with_row(body: Json, path: str) -> Json:
    """The body with one more table at the end of a list."""
    if path in LISTS:
        _put_list(body, path, [*rows(body, path), dict(NEW_ROWS[path])])
    return body


def without_row(body: Json, path: str, place: int) -> Json:
    """The body without one table of a list."""
    if path in LISTS:
        _put_list(body, path, [one for at, one in enumerate(rows(body, path)) if at != place])
    return body


def written(body: Mapping[str, Any]) -> str:
    """The body as text that `read` takes back."""
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def read(text: str) -> Json:
    """A body from the text that a person wrote, JSON or TOML; whether it is a profile is not asked here.

    Raises:
        InvalidValue: it is neither, or too long.
    """
    if len(text) > _LARGEST:
        raise InvalidValue("This text is longer than any product profile.")
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"This text is neither JSON nor TOML: {error}") from error
    made: Json = as_json(found)
    return made
