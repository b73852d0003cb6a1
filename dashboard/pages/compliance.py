"""Compliance over a period, per product and per lane, from the stored figures; every number leads to its shipments."""

from typing import Any
from urllib.parse import urlencode

from dash import Dash, Input, Output, dcc, html

from coldchain.registry.summary import Period, summary
from coldchain.registry.viewer import Permission
from dashboard.pages.shipments import product_names
from dashboard.parts import security, text
from dashboard.parts.elements import Column, Figure, card, figures, head, link, moment, table
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.compliance", "Compliance", path="/compliance", icon="compliance")
PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}
DEFAULT = "30"
KEYS = ("product_profile", "lane")
_DAY_MS = 86_400_000

COLUMNS = (
    Column("Name"), Column("Shipments", numeric=True), Column("Time in range", numeric=True),
    Column("Time outside", numeric=True), Column("Coverage", numeric=True),
    Column("Excursions (per 100)", numeric=True), Column("Highest MKT", numeric=True),
    Column("Alarms acknowledged (median)", numeric=True),
)  # fmt: skip
Row = dict[str, Any]


def layout(**query: str) -> Any:
    """The period in the address, and grey blocks that the callback fills."""
    period = period_of(query.get("days"))
    choices = [
        html.A(
            words,
            href=address(days, query.get("product"), query.get("lane")),
            **({"aria-current": "true"} if days == period else {}),
        )
        for days, words in PERIODS.items()
    ]
    return html.Div(
        [
            dcc.Store(id="compliance-days", data=period),
            dcc.Store(id="compliance-product", data=query.get("product")),
            dcc.Store(id="compliance-lane", data=query.get("lane")),
            head(
                "Compliance",
                lead="Shipments that departed within the period, by their stored figures",
                actions=[html.Div(choices, className="segments", role="group", **{"aria-label": "Period"})],
            ),
            html.Div(skeleton(110, 260, 260), id="compliance-body", className="stack"),
        ],
        className="page",
    )


def period_of(days: object) -> str:
    """A period that is offered; anything else is the usual one."""
    return days if isinstance(days, str) and days in PERIODS else DEFAULT


def register(app: Dash, services: Services) -> None:
    """The body once per period."""

    @security.secured(
        app,
        Output("compliance-body", "children"),
        Input("compliance-days", "data"),
        Input("compliance-product", "data"),
        Input("compliance-lane", "data"),
        perm=Permission.VIEW,
    )
    def body(days: object, product: object, lane: object) -> Any:
        narrowed = {name: value for name, value in (("product_profile", product), ("lane", lane))
                    if isinstance(value, str) and value}  # fmt: skip
        return attempt("summary", lambda: page_body(services, int(period_of(days)), narrowed))


def address(days: str, product: str | None = None, lane: str | None = None) -> str:
    """The page for a period, of everything or of one product profile or lane."""
    query = {"days": days, "product": product, "lane": lane}
    return f"/compliance?{urlencode({name: value for name, value in query.items() if value})}"


def page_body(services: Services, days: int, narrowed: dict[str, str]) -> list[Any]:
    """The summary of the last `days` days for the viewer of this request.

    `narrowed` holds the product profile or the lane that somebody went down to: its groups lead to their shipments.
    """
    now_ms, viewer = services.clock.now_ms(), security.viewer()
    period = Period(now_ms - days * _DAY_MS, now_ms + 1)
    with services.registry.read() as connection:
        called = product_names(connection)
        if narrowed:
            both = summary(connection, viewer, period, by=KEYS)
            rows = [row for row in both if all(row[key] == value for key, value in narrowed.items())]
            return [_narrowed(rows, narrowed, called, str(days), now_ms)]
        whole = summary(connection, viewer, period, by=())
        products = summary(connection, viewer, period, by=("product_profile",))
        lanes = summary(connection, viewer, period, by=("lane",))
    if not whole:
        return [card(None, empty("No shipment departed within this period", checked_ms=now_ms))]
    checked = html.Span(["Checked ", moment(now_ms, "second")], className="dim small")
    by_product = [cells(row, _down(row["product_profile"], called, str(days), "product")) for row in products]
    by_lane = [cells(row, _down(row["lane"], {}, str(days), "lane")) for row in lanes]
    return [
        card("Overall", figures(overall(whole[0])), right=checked),
        card("By product profile", table(COLUMNS, by_product, "Compliance by product profile")),
        card("By lane", table(COLUMNS, by_lane, "Compliance by lane")),
    ]


def _down(name: str | None, called: dict[str, str], days: str, kind: str) -> Any:
    """A group's name, leading to what it is made of."""
    if not name:
        return html.Span("none", className="dim")
    where = address(days, product=name) if kind == "product" else address(days, lane=name)
    return link(called.get(name, name), where)


def _narrowed(
    rows: list[Row], narrowed: dict[str, str], called: dict[str, str], days: str, now_ms: int
) -> html.Section:
    """One product profile by lane, or one lane by product profile; each group leads to its shipments."""
    title = ", ".join(called.get(value, value) for value in narrowed.values())
    back = link("All products and lanes", address(days))
    if not rows:
        return card(title, empty("No shipment departed within this period", checked_ms=now_ms), right=back)
    other = "lane" if "product_profile" in narrowed else "product_profile"
    found = []
    for row in rows:
        query = urlencode({"product": row["product_profile"] or "", "lane": row["lane"] or ""})
        name = called.get(row[other], row[other]) or "none"
        found.append(cells(row, link(name, f"/shipments?{query}")))
    return card(title, table(COLUMNS, found, f"Compliance of {title}"), right=back)


def overall(row: Row) -> list[Figure]:
    """The whole period in four figures."""
    judged_s, waiting = row["time_in_range_s"] + row["time_out_s"], row["alarms"] - row["alarms_acknowledged"]
    affected = row["judged"] - row["without_excursion"]
    return [
        Figure("Shipments", f"{row['shipments']:,}", f"{row['judged']:,} judged"),
        Figure("Time in range", share(row["time_in_range_s"], judged_s), f"of {text.duration(judged_s)} judged"),
        Figure("With excursions", f"{affected:,}", text.count(row["excursions"], "excursion"),
               "excursion" if affected else "calm"),
        Figure("Alarms not acknowledged", f"{waiting:,}", f"of {row['alarms']:,} major and critical ones",
               "at_risk" if waiting else "calm"),
    ]  # fmt: skip


def share(part: float, whole: float) -> str:
    """A share in percent, rounded down; a dash of nothing."""
    return text.percent_floored(part, whole) if whole else text.ABSENT


def cells(row: Row, name: Any) -> tuple[Any, ...]:
    """A group as a row of the table; its name leads further down."""
    judged_s = row["time_in_range_s"] + row["time_out_s"]
    outside: Any = text.duration(row["time_out_s"])
    if row["time_out_s"]:
        outside = html.Span(outside, className="status", **{"data-status": "excursion"})
    return (
        name,
        f"{row['shipments']:,}",
        share(row["time_in_range_s"], judged_s),
        outside,
        share(judged_s, judged_s + row["time_unknown_s"]),
        f"{row['excursions']:,} ({text.fixed(100 * row['excursions'] / row['shipments'], 1)})",
        text.fixed(row["mkt_worst_c"], 2, "°C"),
        _answered(row),
    )


def _answered(row: Row) -> str:
    if not row["alarms"]:
        return "no alarm"
    words = f"{row['alarms_acknowledged']:,} of {row['alarms']:,}"
    within = row["acknowledged_within_s"]
    return words if within is None else f"{words} ({text.duration(within)})"
