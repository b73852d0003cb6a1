"""What is left of a stability budget over time: a line per band, and how low unknown time may have taken it."""

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from coldchain.domain.quantity import milli_text
from compliance.ledger import BandTotal, Ledger, gaps_of
from dashboard.figures.palette import Palette, layout, palette
from dashboard.figures.ticks import zone_ticks
from dashboard.parts import text

HEIGHT = 300
HOUR_MS = 3_600_000
_DASHES = ("solid", "dash", "dot", "dashdot")


class Course(NamedTuple):
    """One band's course: at each moment what is left if unknown time was harmless, and if all of it was charged."""

    band: BandTotal
    time_ms: list[int]
    left_h: list[float]
    lowest_h: list[float]


def courses(found: Ledger) -> list[Course]:
    """The course of every band that has an allowance, from the first judged moment on."""
    start, end = span_of(found)
    unknown = [gap for part in found.parts for gap in gaps_of(part)]
    made = []
    for band in found.bands:
        if band.allowed_ms is None:
            continue
        lines = [line for line in found.lines if line.range == band.range]
        edges = [edge for line in lines for edge in (line.from_ms, line.to_ms)] + [e for gap in unknown for e in gap]
        times = np.unique(np.array([start, end, *edges], dtype=np.int64))
        used = sum((np.interp(times, [ln.from_ms, ln.to_ms], [0, ln.used_ms]) for ln in lines), np.zeros(len(times)))
        dark = sum((np.interp(times, [a, b], [0, b - a]) for a, b in unknown), np.zeros(len(times)))
        left = (band.allowed_ms - used) / HOUR_MS
        made.append(Course(band, times.tolist(), left.tolist(), (left - dark / HOUR_MS).tolist()))
    return made


def span_of(found: Ledger) -> tuple[int, int]:
    """From the first judged moment to now, or to the last one where nothing is under way."""
    edges = [edge for line in found.lines for edge in (line.from_ms, line.to_ms)]
    edges += [edge for part in found.parts for edge in part.period]
    start = min(edges, default=found.as_of_ms - HOUR_MS)
    end = found.as_of_ms if found.newest is not None else max(edges, default=found.as_of_ms)
    return start, max(end, start + 60_000)


def burndown(found: Ledger, *, scheme: str | None = None, zone: str | None = None) -> dict[str, Any]:
    """The chart of every band with an allowance; its figures are the ledger's, drawn straight from charge to charge."""
    colours, where = palette(scheme), text.zone_of(zone)
    start, end = span_of(found)
    drawn = courses(found)
    shades = (colours.in_range, colours.at_risk, colours.excursion, colours.dim)
    data: list[dict[str, Any]] = []
    for place, course in enumerate(drawn):
        shade = shades[place % len(shades)]
        data += [_lowest(course, colours), _left(course, shade, _DASHES[place % len(_DASHES)], where)]
    return {"data": data, "layout": _layout(drawn, start, end, colours, where)}


def _left(course: Course, shade: str, dash: str, zone: ZoneInfo) -> dict[str, Any]:
    name = course.band.range.text()
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": course.time_ms, "y": course.left_h, "fill": "tonexty",
        "fillcolor": "rgba(128,138,147,0.18)", "line": {"color": shade, "width": 2, "dash": dash},
        "text": [f"<b>{_hours(hours)} left</b><br>{text.moment(at, zone)}"
                 for at, hours in zip(course.time_ms, course.left_h, strict=True)],
        "hovertemplate": f"%{{text}}<extra>{name}</extra>",
    }  # fmt: skip


def _lowest(course: Course, colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": f"{course.band.range.text()}, at the least", "x": course.time_ms,
        "y": course.lowest_h, "line": {"color": colours.unknown, "width": 1}, "hoverinfo": "skip",
    }  # fmt: skip


def _hours(hours: float) -> str:
    return text.duration(hours * 3600) if hours >= 0 else f"{text.minus('-')}{text.duration(-hours * 3600)}"


def _layout(drawn: list[Course], start: int, end: int, colours: Palette, zone: ZoneInfo) -> dict[str, Any]:
    ticks = zone_ticks(start, end, zone, most=6)
    margin = max((end - start) // 50, 60_000)
    axis = {"gridcolor": colours.grid, "zeroline": False, "linecolor": colours.border, "tickcolor": colours.border}
    names = [
        {"xref": "paper", "x": 0.01, "y": course.left_h[0], "text": _short(course.band), "showarrow": False,
         "xanchor": "left", "yanchor": "bottom", "font": {"color": colours.dim, "size": 11}}
        for course in drawn
    ]  # fmt: skip
    lowest = min((min(course.lowest_h) for course in drawn), default=0.0)
    highest = max((course.left_h[0] for course in drawn), default=1.0)
    pad = max((highest - min(lowest, 0.0)) * 0.14, 0.25)
    return layout(
        colours,
        margin={"l": 54, "r": 14, "t": 12, "b": 58},
        hovermode="closest",
        dragmode="zoom",
        annotations=names,
        shapes=[{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "layer": "below",
                 "line": {"color": colours.excursion, "width": 1.5, "dash": "dash"}}],
        xaxis={**axis, "type": "date", "range": [start - margin, end + margin], "tickmode": "array",
               "tickvals": ticks.at_ms, "ticktext": ticks.texts, "tickangle": 0,
               "title": {"text": ticks.title, "font": {"size": 12, "color": colours.dim}}},
        yaxis={**axis, "range": [min(lowest, 0.0) - pad / 2, highest + pad], "fixedrange": True,
               "title": {"text": "Left, hours", "font": {"size": 12, "color": colours.dim}}},
    )  # fmt: skip


def _short(band: BandTotal) -> str:
    low, high = (None if v is None else milli_text(v) for v in (band.range.low_mc, band.range.high_mc))
    return f"{low} … {high} °C" if low is not None and high is not None else band.range.text()
