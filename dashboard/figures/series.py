"""The temperature chart: each logger's line, the label range, gaps as holes, excursions as their own trace."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from coldchain.domain.track import ABSENT, Track
from dashboard.figures.envelope import drawn, window
from dashboard.figures.palette import Palette, layout, palette
from dashboard.figures.ticks import zone_ticks
from dashboard.parts import text

POINTS = 2000
HEIGHT, HUMIDITY_HEIGHT = 380, 110
_TEMPERATURE_DOMAIN = (0.34, 1.0)  # of the plot, where there is humidity below


class Interval(NamedTuple):
    """A stretch of time; `end_ms` is None while it lasts."""

    start_ms: int
    end_ms: int | None


@dataclass(frozen=True, slots=True)
class Outside:
    """A stored excursion, as the chart marks it. Its figures come from the record, never from the picture."""

    logger: str
    channel: str
    direction: str
    onset_ms: int
    end_ms: int | None
    peak_ms: int
    peak_mc: int
    limit_mc: int


@dataclass(frozen=True, slots=True)
class Series:
    """Everything that the chart of one shipment or logger shows."""

    tracks: tuple[Track, ...]
    low_mc: int | None
    high_mc: int | None
    interval_ms: int
    outside: tuple[Outside, ...] = ()
    gaps: tuple[Interval, ...] = ()
    span: Interval | None = None  # of the time axis at first; the tracks' own without it
    excluded: tuple[Interval, ...] = ()  # shown, but not judged


class Chart(NamedTuple):
    """The figure, and the sentence that says how much of the data it shows."""

    figure: dict[str, Any]
    note: str
    height: int = HEIGHT  # CSS pixels that it wants


def chart(
    series: Series, *, scheme: str | None = None, zone: str | None = None, zoom: tuple[int, int] | None = None
) -> Chart:
    """Draw a series; with `zoom` (milliseconds UTC) only that part, in as much detail as fits."""
    colours, where = palette(scheme), text.zone_of(zone)
    start, end = zoom or _span(series)
    bottom, top = _value_range(series)
    lines, kept, total = _lines(series, start, end, colours, where)
    data = [
        _gaps(series, start, end, bottom, top, colours),
        *lines,
        _outside(series, start, end, colours, where),
        _peaks(series, start, end, colours, where),
        _faults(series, start, end, bottom, colours, where),
        *_humidities(series, start, end, colours, where),
    ]
    note = f"{kept:,} of {total:,} samples drawn" + ("; the extremes of every stretch are kept" if kept < total else "")
    figure = {"data": data, "layout": _layout(series, start, end, (bottom, top), colours, where)}
    return Chart(figure, note, HEIGHT + HUMIDITY_HEIGHT if _damp(series) else HEIGHT)


def _span(series: Series) -> tuple[int, int]:
    times = [int(t.time_ms[i]) for t in series.tracks if len(t) for i in (0, -1)]
    start = series.span.start_ms if series.span else min(times, default=0)
    end = series.span.end_ms if series.span and series.span.end_ms else max(times, default=start + 3_600_000)
    margin = max((end - start) // 60, 60_000)
    return start - margin, end + margin


def _value_range(series: Series) -> tuple[float, float]:
    """Lowest and highest degree shown: every sample, and the limits never leave the screen."""
    values = [limit for limit in (series.low_mc, series.high_mc) if limit is not None]
    for track in series.tracks:
        known = track.temperature_mc[track.temperature_mc != ABSENT]
        if len(known):
            values += [int(known.min()), int(known.max())]
    low, high = min(values, default=0) / 1000, max(values, default=10_000) / 1000
    margin = max((high - low) * 0.12, 0.8)
    return low - margin, high + margin


def _lines(
    series: Series, start: int, end: int, colours: Palette, zone: ZoneInfo
) -> tuple[list[dict[str, Any]], int, int]:
    shades = (colours.in_range, colours.dim, colours.at_risk, colours.unknown)
    traces, kept, total = [], 0, 0
    for place, track in enumerate(series.tracks):
        part = window(track, start, end)
        chosen = drawn(part, 2 * series.interval_ms, POINTS)
        kept, total = kept + chosen.kept, total + chosen.total
        line = {"color": shades[place % len(shades)], "width": 1.5, "dash": "solid" if place < 4 else "dot"}
        points = _points(part, chosen.indices, zone, series)
        name = f"{track.logger}/{track.channel}"
        traces.append(
            {"type": "scatter", "mode": "lines", "meta": "line", "name": name, "line": line,
             "connectgaps": False, "hovertemplate": f"%{{text}}<extra>{name}</extra>", **points}
        )  # fmt: skip
    return traces, kept, total


def _points(track: Track, indices: Any, zone: ZoneInfo, series: Series) -> dict[str, list[Any]]:
    x: list[int | None] = []
    y: list[float | None] = []
    words: list[str] = []
    for index in indices.tolist():
        if index < 0:
            x.append(None)
            y.append(None)
            words.append("")
            continue
        at, value = int(track.time_ms[index]), int(track.temperature_mc[index])
        x.append(at)
        y.append(value / 1000)
        words.append(f"<b>{_judged(value, series)}</b><br>{text.moment(at, zone)}")
    return {"x": x, "y": y, "text": words, "customdata": list(x)}


def _judged(value_mc: int, series: Series) -> str:
    low, high = (None if limit is None else limit / 1000 for limit in (series.low_mc, series.high_mc))
    return text.within(value_mc / 1000, low, high)


def _gaps(series: Series, start: int, end: int, bottom: float, top: float, colours: Palette) -> dict[str, Any]:
    x: list[int | None] = []
    y: list[float | None] = []
    for gap in series.gaps:
        left, right = max(gap.start_ms, start), min(gap.end_ms or end, end)
        if left < right:
            x += [left, left, right, right, left, None]
            y += [bottom, top, top, bottom, bottom, None]
    return {
        "type": "scatter", "mode": "lines", "meta": "gaps", "name": "no reading: unknown", "x": x, "y": y,
        "fill": "toself", "line": {"width": 0}, "hoverinfo": "skip",
        "fillcolor": "rgba(128,138,147,0.18)", "fillpattern": {"shape": "/", "size": 7, "fgcolor": colours.unknown,
        "bgcolor": "rgba(0,0,0,0)", "solidity": 0.12},
    }  # fmt: skip


def _outside(series: Series, start: int, end: int, colours: Palette, zone: ZoneInfo) -> dict[str, Any]:
    """The samples inside stored excursions, drawn again in their colour, crossing to crossing."""
    x: list[int | None] = []
    y: list[float | None] = []
    words: list[str] = []
    by_name = {(track.logger, track.channel): track for track in series.tracks}
    for one in series.outside:
        track = by_name.get((one.logger, one.channel))
        if track is None or one.onset_ms > end or (one.end_ms or end) < start:
            continue
        inside = _between(track, one.onset_ms, one.end_ms)
        edge = [(one.onset_ms, one.limit_mc)]
        close = [(one.end_ms, one.limit_mc)] if one.end_ms is not None else []
        samples = [(int(inside.time_ms[i]), int(inside.temperature_mc[i])) if i >= 0 else None
                   for i in drawn(inside, 2 * series.interval_ms, POINTS // 4).indices.tolist()]  # fmt: skip
        for point in [*edge, *samples, *close, None]:
            x.append(None if point is None else point[0])
            y.append(None if point is None else point[1] / 1000)
            words.append(
                "" if point is None else f"<b>{_judged(point[1], series)}</b><br>{text.moment(point[0], zone)}"
            )
    return {
        "type": "scatter", "mode": "lines", "meta": "outside", "name": "excursion", "x": x, "y": y, "text": words,
        "customdata": list(x), "line": {"color": colours.excursion, "width": 3}, "connectgaps": False,
        "hovertemplate": "%{text}<extra>excursion</extra>",
    }  # fmt: skip


def _between(track: Track, start_ms: int, end_ms: int | None) -> Track:
    last = len(track) if end_ms is None else int(np.searchsorted(track.time_ms, end_ms, side="right"))
    part = slice(int(np.searchsorted(track.time_ms, start_ms)), last)
    columns = ("time_ms", "temperature_mc", "humidity_mpct", "latitude_e7", "longitude_e7", "offset", "record_time_ms")
    return Track(track.logger, track.channel, **{name: getattr(track, name)[part] for name in columns})


def _peaks(series: Series, start: int, end: int, colours: Palette, zone: ZoneInfo) -> dict[str, Any]:
    shown = [one for one in series.outside if start <= one.peak_ms <= end]
    return {
        "type": "scatter", "mode": "markers", "meta": "peaks", "name": "peak",
        "x": [one.peak_ms for one in shown], "y": [one.peak_mc / 1000 for one in shown],
        "customdata": [one.peak_ms for one in shown],
        "text": [
            f"<b>peak {text.celsius(one.peak_mc / 1000, one.limit_mc / 1000)}</b><br>{text.moment(one.peak_ms, zone)}"
            for one in shown
        ],
        "marker": {"symbol": "square", "size": 9, "color": colours.excursion},
        "hovertemplate": "%{text}<extra>excursion</extra>",
    }  # fmt: skip


def _faults(series: Series, start: int, end: int, bottom: float, colours: Palette, zone: ZoneInfo) -> dict[str, Any]:
    times = [
        int(at) for track in series.tracks for at in track.time_ms[track.temperature_mc == ABSENT] if start <= at <= end
    ]
    return {
        "type": "scatter", "mode": "markers", "meta": "faults", "name": "sensor fault: no value",
        "x": times[:POINTS], "y": [bottom + 0.15] * len(times[:POINTS]),
        "text": [f"<b>no value: sensor fault</b><br>{text.moment(at, zone)}" for at in times[:POINTS]],
        "marker": {"symbol": "x-thin-open", "size": 8, "color": colours.unknown, "line": {"width": 2}},
        "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _damp(series: Series) -> list[Track]:
    """The tracks that measured humidity, with the humidity in the temperature's place, so that it is thinned alike."""
    return [
        replace(track, temperature_mc=track.humidity_mpct)
        for track in series.tracks
        if bool((track.humidity_mpct != ABSENT).any())
    ]


def _excluded(
    series: Series, start: int, end: int, colours: Palette
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The stretches that are not judged, as veiled parts of the plot with their word."""
    parts = [(max(one.start_ms, start), min(one.end_ms or end, end)) for one in series.excluded]
    shown = [(left, right) for left, right in parts if left < right]
    veils = [
        {"type": "rect", "xref": "x", "yref": "paper", "x0": left, "x1": right, "y0": 0, "y1": 1, "layer": "below",
         "line": {"width": 1, "color": colours.border, "dash": "dot"}, "fillcolor": "rgba(128,138,147,0.22)"}
        for left, right in shown
    ]  # fmt: skip
    words = [
        {"xref": "x", "yref": "paper", "x": left, "y": 1, "text": "excluded", "showarrow": False, "xanchor": "left",
         "yanchor": "top", "font": {"color": colours.dim, "size": 11}}
        for left, _ in shown
    ]  # fmt: skip
    return veils, words


def _humidities(series: Series, start: int, end: int, colours: Palette, zone: ZoneInfo) -> list[dict[str, Any]]:
    shades = (colours.in_range, colours.dim, colours.at_risk, colours.unknown)
    traces = []
    for place, track in enumerate(_damp(series)):
        part = window(track, start, end)
        samples = [None if i < 0 else (int(part.time_ms[i]), int(part.temperature_mc[i]) / 1000)
                   for i in drawn(part, 2 * series.interval_ms, POINTS).indices.tolist()]  # fmt: skip
        times = [None if one is None else one[0] for one in samples]
        words = ["" if one is None else f"<b>{one[1]:.1f} % RH</b><br>{text.moment(one[0], zone)}" for one in samples]
        name = f"{track.logger}/{track.channel}"
        traces.append(
            {"type": "scatter", "mode": "lines", "meta": "humidity", "name": name, "yaxis": "y2", "connectgaps": False,
             "line": {"color": shades[place % len(shades)], "width": 1.2},
             "hovertemplate": f"%{{text}}<extra>{name}</extra>", "x": times, "customdata": times, "text": words,
             "y": [None if one is None else one[1] for one in samples]}
        )  # fmt: skip
    return traces


def _layout(
    series: Series, start: int, end: int, values: tuple[float, float], colours: Palette, zone: ZoneInfo
) -> dict[str, Any]:
    ticks = zone_ticks(start, end, zone)
    limits = [limit / 1000 for limit in (series.low_mc, series.high_mc) if limit is not None]
    low = values[0] if series.low_mc is None else series.low_mc / 1000
    high = values[1] if series.high_mc is None else series.high_mc / 1000
    band = {
        "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": low, "y1": high, "line": {"width": 0},
        "fillcolor": colours.band, "layer": "below",
    }  # fmt: skip
    rules = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": limit, "y1": limit, "layer": "below",
         "line": {"color": colours.dim, "width": 1, "dash": "dash"}}
        for limit in limits
    ]  # fmt: skip
    names = [
        {"xref": "paper", "x": 1, "y": limit, "text": text.limit(limit), "showarrow": False, "xanchor": "left",
         "yanchor": "middle", "xshift": 4, "font": {"color": colours.dim, "size": 11}}
        for limit in limits
    ]  # fmt: skip
    veils, veiled = _excluded(series, start, end, colours)
    axis = {"gridcolor": colours.grid, "zeroline": False, "linecolor": colours.border, "tickcolor": colours.border}
    damp = bool(_damp(series))
    below = {
        "yaxis2": {**axis, "domain": [0, _TEMPERATURE_DOMAIN[0] - 0.09], "anchor": "x", "fixedrange": True, "nticks": 4,
                   "rangemode": "normal",
                   "title": {"text": "% RH", "font": {"size": 12, "color": colours.dim}}},
    }  # fmt: skip
    return layout(
        colours,
        **(below if damp else {}),
        margin={"l": 54, "r": 48 if limits else 18, "t": 12, "b": 58},
        uirevision="keep",
        hovermode="closest",
        dragmode="zoom",
        shapes=[*([band, *rules] if limits else []), *veils],
        annotations=[*names, *veiled],
        xaxis={**axis, "type": "date", **({"anchor": "y2"} if damp else {}),
               "range": [start, end], "tickmode": "array", "tickvals": ticks.at_ms,
               "ticktext": ticks.texts, "tickangle": 0,
               "title": {"text": ticks.title, "font": {"size": 12, "color": colours.dim}}},
        yaxis={**axis, "range": list(values), "fixedrange": True, **({"domain": _TEMPERATURE_DOMAIN} if damp else {}),
               "title": {"text": "Temperature, °C", "font": {"size": 12, "color": colours.dim}}},
    )  # fmt: skip


def zoomed(relayout: object) -> tuple[int, int] | str | None:
    """What a client's `relayoutData` asks for: (start, end) in milliseconds, "all", or None for anything else."""
    if not isinstance(relayout, dict):
        return None
    if relayout.get("xaxis.autorange"):
        return "all"
    pair = relayout.get("xaxis.range") or [relayout.get(f"xaxis.range[{i}]") for i in (0, 1)]
    if not isinstance(pair, list) or len(pair) != 2:
        return None
    start, end = (_moment(value) for value in pair)
    return (start, end) if start is not None and end is not None and start < end else None


def _moment(value: object) -> int | None:
    try:
        if isinstance(value, int | float):
            return int(value)
        return int(np.datetime64(str(value).replace(" ", "T").rstrip("Z"), "ms").astype(np.int64))
    except (ValueError, OverflowError):
        return None
