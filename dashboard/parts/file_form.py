"""The form that says what each column of a table is, and the mapping that it makes."""

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html

from coldchain.errors import InvalidValue
from dashboard.parts.elements import Column, card, table
from sensors.carriers.files.units import QUANTITIES

UNUSED, TIME, LOGGER = "unused", "time", "logger"
WHAT = "file-what"
CHANNEL = "file-channel"
UNIT = "file-unit"
_TITLE = "title"


def columns(found: dict[str, Any]) -> Any:
    """Each column with its title, examples and what it becomes; None for files that are no tables."""
    if "columns" not in found:
        return None
    rows = [_row(column) for column in found["columns"]]
    titles = [Column("Title"), Column("First cells"), Column("Becomes"), Column("Channel"), Column("Unit")]
    apply_ = html.Button("Read it this way", id={"type": "file-apply", "at": 0}, type="button", className="button")
    save = [
        apply_,
        dmc.TextInput(
            id={"type": "file-mapping-id", "at": 0},
            label="Keep this mapping as",
            placeholder="our-logger",
            size="sm",
            className="field",
        ),
        html.Button("Keep mapping", id={"type": "file-save", "at": 0}, type="button", className="button"),
    ]
    shown = html.Div(table(titles, rows, "Columns and what they become"), className="file-map")
    return card("Columns", shown, html.Div(save, className="file-save"))


def _row(column: dict[str, Any]) -> tuple[Any, ...]:
    becomes, at = column["becomes"] or {}, column["position"]
    name = column["title"] or f"column {at}"
    choices = [(UNUSED, "not used"), (TIME, "time"), (LOGGER, "logger's id"), *((one, one) for one in QUANTITIES)]
    units = [(_TITLE, "as the title says")]
    units += list(dict.fromkeys((unit, unit) for one in QUANTITIES.values() for unit in one.units))
    unit = becomes.get("unit", _TITLE)
    return (
        name,
        html.Span(", ".join(column["examples"]) or "–", className="mono"),
        _select(WHAT, at, choices, becomes.get("what", UNUSED), f"What {name} becomes"),
        dmc.TextInput(
            id={"type": CHANNEL, "at": at},
            value=becomes.get("channel") or "",
            size="xs",
            placeholder="internal",
            className="field",
            **{"aria-label": f"Channel of {name}"},
        ),
        _select(UNIT, at, units, unit if unit in dict(units) else _TITLE, f"Unit of {name}"),
    )


def _select(kind: str, at: int, choices: Sequence[tuple[str, str]], value: str, label: str) -> Any:
    data = [{"value": key, "label": words} for key, words in choices]
    return dmc.Select(
        id={"type": kind, "at": at},
        data=data,
        value=value,
        size="xs",
        allowDeselect=False,
        className="field",
        **{"aria-label": label},
    )


def mapping_of(
    found: dict[str, Any], what: Sequence[str], channels: Sequence[str], units: Sequence[str]
) -> dict[str, Any]:
    """The mapping that the form describes, beside what the file's own mapping said of its text and its zone.

    Raises:
        InvalidValue: no time, more than two columns of time or one of loggers, or nothing that is measured.
    """
    base = found.get("mapping_body") or {}
    before = {one["column"]: one for one in base.get("channels", ())}
    named: dict[str, list[Any]] = {TIME: [], LOGGER: []}
    chosen = []
    for column, kind, channel, unit in zip(found["columns"], what, channels, units, strict=True):
        place = _place(column, found["columns"])
        if kind in named:
            named[kind].append(place)
        elif kind != UNUSED:
            made = {"column": place, "channel": (channel or "").strip() or _usual(kind), "quantity": kind, "unit": unit}
            old = before.get(place)
            if old and unit == _TITLE and old.get("unit_column") is not None:
                made["unit_column"] = old["unit_column"]
            chosen.append(made)
    if not 1 <= len(named[TIME]) <= 2:
        raise InvalidValue("Say which column holds the time, or which two hold date and time.")
    if len(named[LOGGER]) > 1:
        raise InvalidValue("Only one column can hold the logger's id.")
    if not chosen:
        raise InvalidValue("Say of at least one column what it measures.")
    text = {name: value for name, value in base.get("text", {}).items() if name != "header"}
    body: dict[str, Any] = {"text": text, "time": {**base.get("time", {}), "columns": named[TIME]}, "channels": chosen}
    body["logger"] = {"column": named[LOGGER][0]} if named[LOGGER] else base.get("logger", {})
    if found.get("header_line"):
        body["match"] = {"columns": [column["title"] for column in found["columns"] if column["title"]]}
    return body


def _place(column: dict[str, Any], every: Sequence[dict[str, Any]]) -> str | int:
    """A column by its title, or by its number where the title does not tell it from others."""
    title = column["title"]
    same = sum(one["title"].lower() == title.lower() for one in every)
    return str(title) if title and same == 1 and not set("*?") & set(title) else int(column["position"])


def _usual(kind: str) -> str:
    return "internal" if kind in ("temperature", "humidity", "pressure") else ""
