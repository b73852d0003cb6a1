"""The colours of figures, by scheme. Status colours were checked for contrast and three colour-vision deficiencies."""

from typing import Any, NamedTuple


class Palette(NamedTuple):
    """Colours that a figure needs; the names are meanings."""

    surface: str
    ink: str
    dim: str
    grid: str
    in_range: str
    at_risk: str
    excursion: str
    unknown: str
    band: str
    water: str
    land: str
    border: str
    place: str


LIGHT = Palette(
    surface="#ffffff", ink="#16212b", dim="#55606b", grid="#e4e9ee", in_range="#0063a6", at_risk="#c27c00",
    excursion="#b3261e", unknown="#808a93", band="rgba(24,100,171,0.07)", water="#d6e0e8", land="#f4f5f3",
    border="#bcc5cc", place="#6a757f",
)  # fmt: skip
DARK = Palette(
    surface="#1f2a33", ink="#e6ecf1", dim="#b3bcc5", grid="#33424e", in_range="#5fb0f5", at_risk="#ffc65c",
    excursion="#f2705b", unknown="#8d99a5", band="rgba(140,200,255,0.08)", water="#131b22", land="#25313b",
    border="#43525f", place="#93a0ac",
)  # fmt: skip
SCHEMES = {"light": LIGHT, "dark": DARK}
FONT = 'system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif'


def palette(scheme: str | None) -> Palette:
    """The palette of a scheme; anything unknown is light."""
    return SCHEMES.get(scheme or "light", LIGHT)


def layout(colours: Palette, **more: Any) -> dict[str, Any]:
    """The part of a layout that every figure shares."""
    return {
        "paper_bgcolor": colours.surface,
        "plot_bgcolor": colours.surface,
        "font": {"family": FONT, "size": 12, "color": colours.ink},
        "hoverlabel": {"bgcolor": colours.surface, "bordercolor": colours.border, "font": {"color": colours.ink}},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "showlegend": False,
        **more,
    }
