"""Compliance over a period, per product and per lane, from the stored figures; every number leads to its shipments."""

from typing import Any
from urllib.parse import quote

from dash import Dash, Input, Output, dcc, html

from coldchain.registry.summary import Period, summary
from coldchain.registry.viewer import Permission
from dashboard.parts import security, text
from dashboard.parts.elements import Column, Figure, card, figures, head, link, moment, table
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.compliance", "Compliance", path="/compliance", icon="compliance")
PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}
DEFAULT = "30"
_DAY_MS = 86_400_000

COLUMNS = (
    Column("Shipments of"), Column("Shipments", numeric=True), Column("Time in range", numeric=True),
    Column("Time outside", numeric=True), Column("Coverage", numeric=True), Column("Excursions", numeric=True),
    Column("per 100 shipments", numeric=True), Column("Highest MKT", numeric=True),
    Column("Alarms acknowledged", numeric=True), Column("median within", numeric=True),
)  # fmt: skip
Row = dict[str, Any]


def layout(**query: str) -> Any:
    """The period in the address, and grey blocks that the callback fills."""
    period = period_of(query.get("days"))
    choices = [
        html.A(words, href=f"/compliance?days={days}", **({"aria-current": "true"} if days == period else {}))
        for days, words in PERIODS.items()
    ]
    return html.Div(
        [
            dcc.Store(id="compliance-days", data=period),
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
        app, Output("compliance-body", "children"), Input("compliance-days", "data"), perm=Permission.VIEW
    )
    def body(days: object) -> Any:
        return attempt("summary", lambda: page_body(services, int(period_of(days))))


def page_body(services: Services, days: int) -> list[Any]:
    """The summary of the last `days` days for the viewer of this request."""
    now_ms, viewer = services.clock.now_ms(), security.viewer()
    period = Period(now_ms - days * _DAY_MS, now_ms + 1)
    with services.registry.read() as connection:
        whole = summary(connection, viewer, period, by=())
        products = summary(connection, viewer, period, by=("product_profile",))
        lanes = summary(connection, viewer, period, by=("lane",))
    if not whole:
        return [card(None, empty("No shipment departed within this period", checked_ms=now_ms))]
    checked = html.Span(["Checked ", moment(now_ms, "second")], className="dim small")
    return [
        card("Overall", figures(overall(whole[0])), right=checked),
        card("By product profile", _table(products, "product_profile", "product", "Compliance by product profile")),
        card("By lane", _table(lanes, "lane", "lane", "Compliance by lane")),
    ]


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


def _table(rows: list[Row], key: str, filter_name: str, caption: str) -> html.Div:
    return table(COLUMNS, [cells(row, key, filter_name) for row in rows], caption)


def cells(row: Row, key: str, filter_name: str) -> tuple[Any, ...]:
    """A group as a row of the table; its name leads to its shipments."""
    judged_s, name = row["time_in_range_s"] + row["time_out_s"], row[key]
    outside: Any = text.duration(row["time_out_s"])
    if row["time_out_s"]:
        outside = html.Span(outside, className="status", **{"data-status": "excursion"})
    return (
        link(name, f"/shipments?{filter_name}={quote(name)}") if name else html.Span("none", className="dim"),
        f"{row['shipments']:,}",
        share(row["time_in_range_s"], judged_s),
        outside,
        share(judged_s, judged_s + row["time_unknown_s"]),
        f"{row['excursions']:,}",
        text.fixed(100 * row["excursions"] / row["shipments"], 1),
        text.fixed(row["mkt_worst_c"], 2, "°C"),
        f"{row['alarms_acknowledged']:,} of {row['alarms']:,}",
        text.duration(row["acknowledged_within_s"]),
    )
