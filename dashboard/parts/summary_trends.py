"""How mean kinetic temperatures and excursions went over the weeks or months of a period: two charts, also in words."""

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from dash import html

from coldchain.registry.summary import excursion_figures, gathered, kinetic_figures, period_of
from coldchain.registry.summary_members import Member
from dashboard.figures import summary_charts
from dashboard.parts import text
from dashboard.parts.elements import card
from dashboard.parts.graph import graph
from dashboard.parts.states import empty
from dashboard.parts.summary_blocks import NAMES, About

_LONG_MS = 120 * 86_400_000  # from here on trends go by month
_HEIGHT = {"height": f"{summary_charts.HEIGHT}px"}
Row = dict[str, Any]
Within = Callable[[str], About]  # what the page is about, in one week or month of it
Lines = dict[str, dict[str, Row]]  # by product, then by week or month


def trends(
    found: Sequence[Member], whole: About, zone: str, called: dict[str, str], scheme: str | None
) -> list[html.Section]:  # fmt: skip
    """Both charts of what the page is about; `called` are the product profiles' names."""
    kind = "month" if whole.period.to_ms - whole.period.from_ms > _LONG_MS else "week"

    def within(name: str) -> About:
        return whole.within(period_of(name, ZoneInfo(zone)))

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
        card(f"Mean kinetic temperature by {kind}", left,
             html.P(_kinetic_words(lines, kind, within), className="chart-note")),
        card(
            f"Excursions per 100 shipments by {kind}", right,
            html.P(_rate_words(names, rows, within), className="chart-note"),
        ),
    ]  # fmt: skip


def _lines(by_time: dict[str, list[Member]], names: Sequence[str], called: dict[str, str]) -> Lines:
    lines: Lines = {}
    for name in names:
        by_product = gathered(by_time[name], ("product_profile",))
        for (profile,), some in sorted(by_product.items(), key=lambda item: str(item[0][0] or "")):
            pooled = kinetic_figures([one for one in some if one.in_range_ms is not None])
            if pooled["mkt_pooled_c"] is not None:
                product = called.get(profile, profile) or "no product profile"
                row = {"shipments": len(some), "product_profile": profile, **pooled}
                lines.setdefault(product, {})[name] = row
    return lines


def _kinetic_words(lines: Lines, kind: str, within: Within) -> list[Any]:
    """The left chart in words: the hottest week or month of each product, each number with its derivation."""
    parts: list[Any] = []
    for product, rows in lines.items():
        hottest = max(rows, key=lambda name: rows[name]["mkt_pooled_c"])
        row, about = rows[hottest], within(hottest)
        of = about._replace(
            which=about.which._replace(product_profile=row["product_profile"]), named=row["product_profile"] is not None
        )
        value = of.derive(text.fixed(row["mkt_pooled_c"], 2, "°C"), "mkt_pooled_c")
        parts += ["; ", f"{product}: at most ", value, f" ({hottest})"]
    return [f"Pooled over the known time of each {kind}, not averaged. ", *parts[1:], "."] if parts else []


def _rate_words(names: Sequence[str], rows: dict[str, Row], within: Within) -> list[Any]:
    worst = max(names, key=lambda name: rows[name]["excursions_per_100"] or 0.0)
    rate = within(worst).derive(text.fixed(rows[worst]["excursions_per_100"], 1), "excursions_per_100")
    return [f"Most in {worst}: ", rate, " per 100 shipments."]
