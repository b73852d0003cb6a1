"""The fixed stores: fridges, freezers, cold rooms and warehouse zones, each with its status and newest value."""

from typing import Any
from urllib.parse import urlencode

from dash import Dash, Input, Output, dcc, html
from sqlalchemy import Row

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.registry import excursion_views, maintenance, stores
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security, service_blocks, text
from dashboard.parts.derivation import number
from dashboard.parts.elements import Column, card, head, link, moment, status, table
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.stores", "Stores", path="/stores", icon="stores")
KIND_WORDS = {"fridge": "fridge", "freezer": "freezer", "cold_room": "cold room", "warehouse_zone": "warehouse zone"}


def layout(**_query: str) -> Any:
    """Grey blocks that the callback fills."""
    return html.Div(
        [
            head("Stores", lead="Where shipments leave from and arrive at, judged by the same rules"),
            html.Div(skeleton(260), id="stores-list", className="goes-stale"),
            dcc.Interval(id="stores-tick", interval=15_000),
        ],
        className="page",
    )


def register(app: Dash, services: Services) -> None:
    """The list, at once and again every 15 seconds."""

    @security.secured(app, Output("stores-list", "children"), Input("stores-tick", "n_intervals"), perm=Permission.VIEW)
    def listed(_tick: object) -> Any:
        return attempt("list of stores", lambda: listing(services, security.viewer()))


def listing(services: Services, viewer: Viewer) -> Any:
    """The stores that exist for the viewer, as a table."""
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        found = [stores.shown(connection, viewer, one["id"]) for one in stores.listed(connection, viewer)]
        held = maintenance.listed(connection, at_ms=now_ms)
        counts = [
            [
                excursion_views.count(connection, viewer, excursion_views.Filter("store", one["id"], open=is_open))
                for is_open in (True, None)
            ]
            for one in found
        ]
    if not found:
        return card(None, empty("No store yet", html.Span("Add one by the API."), checked_ms=now_ms))
    columns = (
        Column("Store"), Column("Status"), Column("Newest"), Column("Kind"), Column("Site"),
        Column("Open excursions", numeric=True), Column("Excursions", numeric=True),
        Column("Time in range", numeric=True),
    )  # fmt: skip
    worked_on = [maintenance.of_subject(held, subject=Subject(SubjectKind.STORE, one["id"])) for one in found]
    rows = [row(one, *count, work=work) for one, count, work in zip(found, counts, worked_on, strict=True)]
    checked = html.Span(["Checked ", moment(now_ms, "second")], className="dim small")
    return card(text.count(len(found), "store"), table(columns, rows, "Stores"), right=checked)


def row(one: dict[str, Any], is_open: int, in_all: int, *, work: Row[Any] | None = None) -> tuple[Any, ...]:
    """A store as a row of the table."""
    seen = (one["document"] or {}).get("temperature") or {}
    inside = seen.get("time_in_range_s") or 0.0
    judged = inside + (seen.get("time_above_s") or 0.0) + (seen.get("time_below_s") or 0.0)
    document = one["document"] or {}
    of = {"store": one["id"], "logger": document.get("governing_logger"), "channel": document.get("governing_channel")}
    found = f"/excursions?{urlencode({'text': one['name']})}"
    return (
        link(one["name"], f"/stores/{one['id']}"),
        html.Span([status(one["status"]), *service_blocks.badges([work] if work else [])]),
        newest(one["last"]),
        KIND_WORDS.get(one.get("kind", ""), text.ABSENT),
        one.get("site", text.ABSENT),
        link(f"{is_open:,}", f"{found}&open=1") if is_open else text.ABSENT,
        link(f"{in_all:,}", found) if in_all else text.ABSENT,
        number(text.percent_floored(inside, judged), "temperature.in_range_pct", **of) if judged else text.ABSENT,
    )


def newest(last: dict[str, Any]) -> Any:
    """The newest temperature of any channel, and how old it is."""
    values = [(channel, value) for channel, value in last.items() if "temperature_c" in value]
    if not values:
        return html.Span("no reading yet", className="dim")
    channel, found = max(values, key=lambda item: str(item[1]["event_time"]))
    measured = link(text.celsius(found["temperature_c"]), f"/loggers/{channel.rpartition('/')[0]}")
    return html.Span([measured, " ", moment(found["event_time"], "ago")])
