"""The route map: the way in parts below, in and above the label range, and a mark on every excursion."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from coldchain.domain.track import ABSENT, Column, Track
from coldchain.domain.way import leaps
from dashboard.figures.envelope import envelope
from dashboard.figures.fleet_map import tile_layers
from dashboard.figures.map_style import STYLES
from dashboard.figures.palette import Palette, layout, palette
from dashboard.parts import text

POINTS = 2000
_FRAME = (310, 290)  # CSS pixels that a route may fill on the narrowest screen
PARTS = ("unknown", "in_range", "below", "above")
_WORDS = {"unknown": "temperature unknown", "in_range": "in range", "below": "below the range", "above": "above it"}


class Way(NamedTuple):
    """Positions in order of time, each with the temperature that held there (`ABSENT` where none is known)."""

    time_ms: Column
    latitude_e7: Column
    longitude_e7: Column
    temperature_mc: Column


@dataclass(frozen=True, slots=True)
class Mark:
    """An excursion on the map; without a position of its own it stands where the goods were at its peak."""

    name: str
    href: str
    words: str
    peak_ms: int
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """A place on the way: origin, destination, hand-over."""

    name: str
    latitude: float
    longitude: float


def way(positions: list[Track], temperature: Track | None, gap_ms: int) -> Way:
    """The way that one or several channels reported, with the temperature of the nearest earlier sample."""
    having = [track for track in positions if len(track)]
    columns = {
        name: np.concatenate([getattr(track, name) for track in having] or [np.array([], dtype=np.int64)])
        for name in ("time_ms", "latitude_e7", "longitude_e7")
    }
    placed = (columns["latitude_e7"] != ABSENT) & (columns["longitude_e7"] != ABSENT)
    order = np.argsort(columns["time_ms"][placed], kind="stable")
    time, lat, lon = (columns[name][placed][order] for name in ("time_ms", "latitude_e7", "longitude_e7"))
    return Way(time, lat, lon, _temperatures(time, temperature, gap_ms))


def _temperatures(time: Column, track: Track | None, gap_ms: int) -> Column:
    if track is None or not len(track):
        return np.full(len(time), ABSENT, dtype=np.int64)
    place = np.searchsorted(track.time_ms, time, side="right") - 1
    values = track.temperature_mc[np.clip(place, 0, None)].copy()
    values[(place < 0) | (time - track.time_ms[np.clip(place, 0, None)] > gap_ms)] = ABSENT
    return values


def place_at(path: Way, time_ms: int) -> tuple[float, float] | None:
    """Latitude and longitude at a moment: the nearest reported position."""
    if not len(path.time_ms):
        return None
    after = int(np.clip(np.searchsorted(path.time_ms, time_ms), 1, max(len(path.time_ms) - 1, 1)))
    nearest = min(
        (i for i in (after - 1, after) if i < len(path.time_ms)), key=lambda i: abs(path.time_ms[i] - time_ms)
    )
    return int(path.latitude_e7[nearest]) / 1e7, int(path.longitude_e7[nearest]) / 1e7


def thinned(path: Way) -> Way:
    """At most about `POINTS` positions: even ones for the shape, every extreme of the temperature, and jumps."""
    count = len(path.time_ms)
    if count <= POINTS:
        return path
    even = np.linspace(0, count - 1, POINTS // 2).astype(np.int64)
    known = np.flatnonzero(path.temperature_mc != ABSENT)
    extremes = known[envelope(path.temperature_mc[known], POINTS // 2)] if len(known) else known
    jumps = np.flatnonzero(leaps(path.time_ms, path.latitude_e7, path.longitude_e7))
    kept = np.unique(np.concatenate([even, extremes, jumps, jumps + 1]))
    return Way(*(column[kept] for column in path))


def part_of(temperature_mc: int, low_mc: int | None, high_mc: int | None) -> str:
    """Which part of the way a sample belongs to."""
    if temperature_mc == ABSENT:
        return "unknown"
    if low_mc is not None and temperature_mc < low_mc:
        return "below"
    return "above" if high_mc is not None and temperature_mc > high_mc else "in_range"


def route(
    path: Way,
    marks: list[Mark],
    stops: list[Stop],
    limits: tuple[int | None, int | None],
    *,
    scheme: str | None = None,
    tiles_url: str | None = None,
) -> dict[str, Any]:
    """The figure; its traces are the four parts, the stops, the newest position, the cursor, and the excursions."""
    colours = palette(scheme)
    short = thinned(path)
    places = [(mark, _mark_place(mark, path)) for mark in marks]
    shown = [(mark, at) for mark, at in places if at is not None]
    data = [
        *_lines(short, limits, colours),
        _stops(stops, colours),
        _newest(path, colours),
        _cursor(colours),
        _marks(shown, colours),
    ]
    corners = _corners(short, [at for _, at in shown], stops)
    return {
        "data": data,
        "layout": layout(
            colours,
            uirevision="keep",
            map={"style": STYLES["dark" if scheme == "dark" else "light"], "layers": tile_layers(tiles_url), **corners},
        ),
    }


def _mark_place(mark: Mark, path: Way) -> tuple[float, float] | None:
    if mark.latitude is not None and mark.longitude is not None:
        return mark.latitude, mark.longitude
    return place_at(path, mark.peak_ms)


def _lines(path: Way, limits: tuple[int | None, int | None], colours: Palette) -> list[dict[str, Any]]:
    out = colours.excursion
    shades = {"unknown": colours.unknown, "in_range": colours.in_range, "below": out, "above": out}
    lon: dict[str, list[float | None]] = {part: [] for part in PARTS}
    lat: dict[str, list[float | None]] = {part: [] for part in PARTS}
    when: dict[str, list[int | None]] = {part: [] for part in PARTS}
    rows = list(zip(*(column.tolist() for column in path), strict=True))
    before = None
    jumps = leaps(path.time_ms, path.latitude_e7, path.longitude_e7).tolist()
    for (a, b), jump in zip(pairwise(rows), jumps, strict=True):
        if jump:
            before = None  # nobody travelled this: the line ends here and begins again there
            continue
        part = part_of(b[3], *limits)
        if part != before:
            _append(lon[part], lat[part], when[part], None)
            _append(lon[part], lat[part], when[part], a)
        _append(lon[part], lat[part], when[part], b)
        before = part
    return [
        {
            "type": "scattermap", "mode": "lines", "meta": part, "name": _WORDS[part], "lon": lon[part],
            "lat": lat[part], "customdata": when[part],
            "line": {"color": shades[part], "width": 3 if part == "in_range" else 4},
            "hovertemplate": f"{_WORDS[part]}<extra></extra>", "connectgaps": False,
        }
        for part in PARTS
    ]  # fmt: skip


def _append(lon: list[Any], lat: list[Any], when: list[Any], row: tuple[int, int, int, int] | None) -> None:
    lon.append(None if row is None else row[2] / 1e7)
    lat.append(None if row is None else row[1] / 1e7)
    when.append(None if row is None else row[0])


def _stops(stops: list[Stop], colours: Palette) -> dict[str, Any]:
    return {
        "type": "scattermap", "mode": "markers", "meta": "stops", "name": "stop",
        "lon": [stop.longitude for stop in stops], "lat": [stop.latitude for stop in stops],
        "text": [stop.name for stop in stops], "hovertemplate": "%{text}<extra></extra>",
        "marker": {"symbol": "coldchain-hollow", "size": 10, "color": colours.ink, "allowoverlap": True},
    }  # fmt: skip


def _newest(path: Way, colours: Palette) -> dict[str, Any]:
    last = path.time_ms[-1:].tolist()
    return {
        "type": "scattermap", "mode": "markers", "meta": "newest", "name": "newest position",
        "lon": (path.longitude_e7[-1:] / 1e7).tolist(), "lat": (path.latitude_e7[-1:] / 1e7).tolist(),
        "customdata": last, "hovertemplate": "newest position<extra></extra>",
        "marker": {"symbol": "coldchain-diamond", "size": 11, "color": colours.ink, "allowoverlap": True},
    }  # fmt: skip


def _cursor(colours: Palette) -> dict[str, Any]:
    return {
        "type": "scattermap", "mode": "markers", "meta": "cursor", "name": "cursor", "lon": [], "lat": [],
        "hoverinfo": "skip", "marker": {"size": 11, "color": colours.ink, "opacity": 0.85},
    }  # fmt: skip


def _marks(shown: list[tuple[Mark, tuple[float, float]]], colours: Palette) -> dict[str, Any]:
    return {
        "type": "scattermap", "mode": "markers", "meta": "mark", "name": "excursion",
        "lon": [at[1] for _, at in shown], "lat": [at[0] for _, at in shown],
        "text": [f"<b>{mark.name}</b><br>{mark.words}" for mark, _ in shown],
        "customdata": [mark.href for mark, _ in shown], "hovertemplate": "%{text}<extra></extra>",
        "marker": {"symbol": "coldchain-square", "size": 11, "color": colours.excursion, "allowoverlap": True},
    }  # fmt: skip


def _corners(path: Way, marks: list[tuple[float, float]], stops: list[Stop]) -> dict[str, Any]:
    """A centre and a zoom that show everything; a short way is not magnified beyond what the base map holds."""
    places = [
        *zip((path.latitude_e7 / 1e7).tolist(), (path.longitude_e7 / 1e7).tolist(), strict=True),
        *marks,
        *((stop.latitude, stop.longitude) for stop in stops),
    ]
    if not places:
        return {"center": {"lat": 47, "lon": 12}, "zoom": 3}
    lats, lons = [lat for lat, _ in places], [lon for _, lon in places]
    bottom, top = _mercator(min(lats)), _mercator(max(lats))
    wide, high = (max(lons) - min(lons)) / 360, top - bottom
    zoom = min(np.log2(_FRAME[0] / 512 / max(wide, 1e-5)), np.log2(_FRAME[1] / 512 / max(high, 1e-5)))
    middle = np.degrees(2 * np.arctan(np.exp(np.pi * (bottom + top))) - np.pi / 2)
    centre = {"lat": float(middle), "lon": (min(lons) + max(lons)) / 2}
    return {"center": centre, "zoom": round(float(np.clip(zoom, 0.3, 11)), 2)}


def _mercator(latitude: float) -> float:
    """The height of a latitude on the map, as a part of the world's width."""
    return float(np.log(np.tan(np.pi / 4 + np.radians(np.clip(latitude, -85, 85)) / 2)) / (2 * np.pi))


def cursor_track(path: Way) -> dict[str, list[float]]:
    """What the browser needs to find the place of a moment: the thinned way as columns."""
    short = thinned(path)
    return {
        "time": [float(at) for at in short.time_ms.tolist()],
        "lat": (short.latitude_e7 / 1e7).tolist(),
        "lon": (short.longitude_e7 / 1e7).tolist(),
    }


def route_words(path: Way) -> str:
    """The map in a sentence, for who does not see it."""
    if not len(path.time_ms):
        return "No position was reported."
    return f"{text.count(len(path.time_ms), 'position')} reported."
