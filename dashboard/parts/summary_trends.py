"""How mean kinetic temperatures and excursions went over the weeks or months of a period: two charts, also in words."""

from collections.abc import Sequence
from typing import Any

from dash import html

from coldchain.registry.summary import Period, excursion_figures, gathered, kinetic_figures
from coldchain.registry.summary_members import Member
from dashboard.figures import summary_charts
from dashboard.parts import text
from dashboard.parts.elements import card
from dashboard.parts.graph import graph
from dashboard.parts.states import empty
from dashboard.parts.summary_blocks import NAMES

_LONG_MS = 120 * 86_400_000  # from here on trends go by month
_HEIGHT = {"height": f"{summary_charts.HEIGHT}px"}
Row = dict[str, Any]
Lines = dict[str, dict[str, Row]]  # by product, then by week or month


def trends(
    found: Sequence[Member], period: Period, zone: str, called: dict[str, str], scheme: str | None
) -> list[html.Section]:  # fmt: skip
    """Both charts; `called` are the product profiles' names."""
    kind = "month" if period.to_ms - period.from_ms > _LONG_MS else "week"
    by_time = {name: some for (name,), some in gathered(found, (kind,), zone=zone).items()}
    names = sorted(by_time)
    rows = {name: {"shipments": len(by_time[name]), **excursion_figures(by_time[name])} for name in names}
    lines = _lines(by_time, names, called)
    title = f"{NAMES[kind]} of departure, {zone}"
    left: Any = empty("No mean kinetic temperature within this period")
    if lines:
        left = graph("compliance-kinetic", summary_charts.kinetic(names, lines, scheme, title), style=_HEIGHT)
    right = graph("compliance-rate", summary_charts.per_hundred(names, rows, scheme, title), style=_HEIGHT)
    return [
        card(f"Mean kinetic temperature by {kind}", left, html.P(_kinetic_words(lines, kind), className="chart-note")),
        card(
            f"Excursions per 100 shipments by {kind}", right, html.P(_rate_words(names, rows), className="chart-note")
        ),
    ]


def _lines(by_time: dict[str, list[Member]], names: Sequence[str], called: dict[str, str]) -> Lines:
    lines: Lines = {}
    for name in names:
        by_product = gathered(by_time[name], ("product_profile",))
        for (profile,), some in sorted(by_product.items(), key=lambda item: str(item[0][0] or "")):
            pooled = kinetic_figures([one for one in some if one.in_range_ms is not None])
            if pooled["mkt_pooled_c"] is not None:
                product = called.get(profile, profile) or "no product profile"
                lines.setdefault(product, {})[name] = {"shipments": len(some), **pooled}
    return lines


def _kinetic_words(lines: Lines, kind: str) -> str:
    """The left chart in words: the newest and the hottest of each product."""
    parts = []
    for product, rows in lines.items():
        hottest = max(rows, key=lambda name: rows[name]["mkt_pooled_c"])
        value = text.fixed(rows[hottest]["mkt_pooled_c"], 2, "°C")
        parts.append(f"{product}: at most {value} ({hottest})")
    return f"Pooled over the known time of each {kind}, not averaged. {'; '.join(parts)}." if parts else ""


def _rate_words(names: Sequence[str], rows: dict[str, Row]) -> str:
    worst = max(names, key=lambda name: rows[name]["excursions_per_100"] or 0.0)
    return f"Most in {worst}: {text.fixed(rows[worst]['excursions_per_100'], 1)} per 100 shipments."
