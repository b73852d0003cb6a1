"""The live map's empty figure: the traces, their icons and colours; the browser fills in where everything is."""

from typing import Any

from dashboard.figures.map_style import STYLES
from dashboard.figures.palette import LIGHT, SCHEMES, layout

# In drawing order: what must never be covered comes last. Names are the `meta` that the browser looks for.
TRACES = (
    ("store", "store", "coldchain-diamond", 10),
    ("in_range", "in range", None, 9),
    ("unknown", "unknown", "coldchain-hollow", 9),
    ("at_risk", "at risk", "coldchain-triangle", 10),
    ("excursion", "shipment in excursion", "coldchain-circle", 10),
    ("ended", "excursion, ended", "coldchain-framed", 10),
    ("mark", "excursion, open", "coldchain-square", 12),
)


def fleet_map(tiles_url: str | None = None) -> dict[str, Any]:
    """The figure without positions. Only shipments in range cluster; every excursion is drawn, whatever it overlaps."""
    colours = {
        scheme: {
            "in_range": p.in_range, "unknown": p.unknown, "at_risk": p.at_risk, "excursion": p.excursion,
            "ended": p.excursion, "mark": p.excursion, "store": p.dim,
        }
        for scheme, p in SCHEMES.items()
    }  # fmt: skip
    return {
        "data": [_trace(*trace) for trace in TRACES],
        "layout": layout(
            LIGHT,
            paper_bgcolor="rgba(0,0,0,0)",
            uirevision="keep",
            meta={"colours": colours, "styles": STYLES},
            map={
                "style": STYLES["light"],
                "center": {"lon": 12, "lat": 47},
                "zoom": 3,
                "layers": tile_layers(tiles_url),
            },
        ),
    }


def _trace(name: str, words: str, symbol: str | None, size: int) -> dict[str, Any]:
    marker: dict[str, Any] = {"size": size, "color": "#808a93"}
    if symbol is not None:
        # Anything but a circle from our own sprite would be fetched from a public host, and be invisible offline.
        marker |= {"symbol": symbol, "allowoverlap": True}
    trace: dict[str, Any] = {
        "type": "scattermap", "mode": "markers", "meta": name, "name": words, "lon": [], "lat": [], "text": [],
        "customdata": [], "hovertemplate": "%{text}<extra></extra>", "marker": marker,
    }  # fmt: skip
    if name == "in_range":
        trace["cluster"] = {"enabled": True, "maxzoom": 5, "size": [14, 18, 24], "step": [10, 50], "opacity": 0.55}
    return trace


def tile_layers(tiles_url: str | None) -> list[dict[str, Any]]:
    """Real tiles over the offline base, if the installation has a tile server; without it the base stays."""
    if not tiles_url:
        return []
    return [{"sourcetype": "raster", "source": [tiles_url], "below": "traces"}]
