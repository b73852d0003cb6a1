"""Charts of a summary: mean kinetic temperatures by product, and excursions per hundred shipments, over time."""

from collections.abc import Sequence
from typing import Any

from dashboard.figures.palette import Palette, layout, palette
from dashboard.parts import text

HEIGHT = 300
_SHADES = ("in_range", "dim", "at_risk", "unknown", "excursion", "ink")
_MARKS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
Row = dict[str, Any]


def kinetic(names: Sequence[str], lines: dict[str, dict[str, Row]], scheme: str | None, title: str) -> dict[str, Any]:
    """One line per product over the periods `names`; a period without a figure leaves a hole."""
    colours = palette(scheme)
    data = []
    for place, (product, rows) in enumerate(lines.items()):
        values = [rows[name]["mkt_pooled_c"] if name in rows else None for name in names]
        colour = getattr(colours, _SHADES[place % len(_SHADES)])
        words = [
            f"<b>{text.fixed(value, 2, '°C')}</b><br>{name}: {text.count(rows[name]['shipments'], 'shipment')}"
            if name in rows else "" for name, value in zip(names, values, strict=True)
        ]  # fmt: skip
        data.append(
            {"type": "scatter", "mode": "lines+markers", "name": product, "x": list(names), "y": values, "text": words,
             "connectgaps": False, "hovertemplate": f"%{{text}}<extra>{product}</extra>",
             "line": {"color": colour, "width": 2}, "marker": {"symbol": _MARKS[place % len(_MARKS)], "size": 8}}
        )  # fmt: skip
    return {"data": data, "layout": _layout(colours, "Mean kinetic temperature, °C", title, legend=len(data) > 1)}


def per_hundred(names: Sequence[str], rows: dict[str, Row], scheme: str | None, title: str) -> dict[str, Any]:
    """Bars by severity, stacked, over the periods."""
    colours = palette(scheme)
    shades = {"info": colours.unknown, "minor": colours.at_risk, "major": colours.excursion, "critical": colours.ink}
    data = []
    for severity, colour in shades.items():
        values = [rows[name][f"{severity}_per_100"] if name in rows else 0 for name in names]
        words = [
            f"<b>{rows[name][f'excursions_{severity}']} {severity}</b><br>{name}: "
            f"{text.count(rows[name]['shipments'], 'shipment')}" if name in rows else "" for name in names
        ]  # fmt: skip
        data.append(
            {"type": "bar", "name": severity, "x": list(names), "y": values, "text": words, "textposition": "none",
             "marker": {"color": colour}, "width": 0.5 if len(names) > 3 else 0.12 * len(names),
             "hovertemplate": f"%{{text}}<extra>{severity}</extra>"}
        )  # fmt: skip
    shown = _layout(colours, "Excursions per 100 shipments", title, legend=True)
    return {"data": data, "layout": {**shown, "barmode": "stack"}}


def _layout(colours: Palette, y: str, x: str, *, legend: bool) -> dict[str, Any]:
    axis = {"gridcolor": colours.grid, "zeroline": False, "linecolor": colours.border, "tickcolor": colours.border}
    name = {"font": {"size": 12, "color": colours.dim}}
    return layout(
        colours,
        margin={"l": 56, "r": 18, "t": 34 if legend else 12, "b": 52},
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11.5},
                "traceorder": "normal"},
        hovermode="closest",
        dragmode=False,
        xaxis={**axis, "type": "category", "fixedrange": True, "tickangle": 0, "nticks": 8, "automargin": True,
               "title": {"text": x, **name}},
        yaxis={**axis, "fixedrange": True, "nticks": 6, "title": {"text": y, **name}},
    )  # fmt: skip
