"""The map's own style: an offline base from our assets, drawn with the browser's fonts; nothing asks the outside."""

from typing import Any

from dashboard.figures.palette import palette

CREDIT = "Natural Earth · © GeoNames (CC BY 4.0) · borders not authoritative"
STYLES = {"light": "/map/style-light.json", "dark": "/map/style-dark.json"}


def style(scheme: str, root: str) -> dict[str, Any]:
    """A style document; `root` is the absolute address of this installation (a relative sprite is refused).

    There is no `glyphs` entry on purpose: the browser's own fonts write the names.
    """
    colours = palette(scheme)
    assets = f"{root.rstrip('/')}/assets/map"
    sources = {name: {"type": "geojson", "data": f"{assets}/{name}.json"} for name in ("countries", "labels", "cities")}
    halo = {"text-color": colours.place, "text-halo-color": colours.land, "text-halo-width": 1.2}
    layers: list[dict[str, Any]] = [
        {"id": "water", "type": "background", "paint": {"background-color": colours.water}},
        {"id": "land", "type": "fill", "source": "countries", "paint": {"fill-color": colours.land}},
        {
            "id": "borders", "type": "line", "source": "countries",
            "paint": {"line-color": colours.border, "line-width": 0.8},
        },
    ]  # fmt: skip
    for rank, zoom in ((1, 0.6), (2, 2.2), (3, 3.2), (4, 4.6)):
        layers.append(_names("labels", rank, zoom, 11, halo, upper=True))
    for rank, zoom in ((1, 3.4), (2, 4.4), (3, 5.4), (4, 6.4)):
        layers.append(_names("cities", rank, zoom, 11, halo, upper=False))
    return {
        "version": 8, "name": f"coldchain-{scheme}", "sprite": f"{assets}/sprite", "sources": sources, "layers": layers,
    }  # fmt: skip


def _names(source: str, rank: int, zoom: float, size: int, paint: dict[str, Any], *, upper: bool) -> dict[str, Any]:
    return {
        "id": f"{source}-{rank}",
        "type": "symbol",
        "source": source,
        "minzoom": zoom,
        "filter": ["==", ["get", "rank"], rank],
        "layout": {
            "text-field": ["get", "name"],
            "text-font": ["sans-serif"],
            "text-size": size,
            "text-transform": "uppercase" if upper else "none",
            "text-letter-spacing": 0.08 if upper else 0,
            "text-max-width": 8,
        },
        "paint": paint,
    }
