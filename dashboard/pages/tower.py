"""The control tower: what is on its way, what is wrong with it, and who has to look at it."""

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from coldchain.registry import maintenance, profiles, stores
from coldchain.registry.summary import Period, summary
from coldchain.registry.viewer import Permission, Viewer
from dashboard.figures.fleet_map import fleet_map
from dashboard.figures.map_style import CREDIT
from dashboard.parts import security, text
from dashboard.parts.elements import STATUS_WORDS
from dashboard.parts.graph import graph
from dashboard.parts.page import Page
from dashboard.parts.subjects import names as subject_names
from dashboard.services import Services

PAGE = Page("dashboard.pages.tower", "Control tower", path="/", icon="tower")

RANGE_MS = 30 * 86_400_000
GROUPS = ("lane", "product_profile", "customer")
FILTERS = (("site", "Site"), ("lane", "Lane"), ("product", "Product"), ("customer", "Customer"))
TILES = (
    ("kpi-live", "Shipments live", "/shipments?state=in_transit"),
    ("kpi-open", "Open excursions", "/excursions?open=1"),
    ("kpi-risk", "At risk", "/shipments?status=at_risk"),
    ("kpi-silent", "Silent loggers", "/loggers?silent=1"),
    ("kpi-range", "Time in range", "/compliance"),
)
LEGEND = (
    ("excursion", "excursion, open"),
    ("ended", "excursion, ended"),
    ("affected", "shipment with one"),
    ("at_risk", "at risk"),
    ("in_range", "in range"),
    ("unknown", "unknown"),
    ("store", "store"),
)


def layout(**query: str) -> Any:
    """The page with grey blocks where the live state will stand; the filters come from the address."""
    settings = security.services().settings
    return html.Div(
        [
            html.Div([html.H1("Control tower"), _filters(query)], className="page-head tower-head"),
            html.Div([_tile(*tile) for tile in TILES], className="kpis goes-stale"),
            html.Div([_map_card(settings.tiles_url), _inbox_card()], className="tower"),
            _map_table(),
            html.A(html.Span("", id="thumb-count"), href="#tower-inbox", className="thumb"),
            dcc.Store(id="tower-base", data=fleet_map(settings.tiles_url)),
            dcc.Store(id="tower-fleet"),
            dcc.Interval(id="tower-minute", interval=60_000),
            dcc.Store(id="tower-may", data=security.viewer().may(Permission.ACKNOWLEDGE)),
        ],
        className="page",
    )


def _filters(query: dict[str, str]) -> html.Div:
    selects = [
        dmc.Select(
            id=f"tower-{name}",
            label=label,
            placeholder="all",
            data=[query[name]] if query.get(name) else [],
            value=query.get(name),
            clearable=True,
            searchable=True,
            size="xs",
            className="field",
            nothingFoundMessage="none",
            clearButtonProps={"aria-label": f"Clear {label.lower()}"},
        )
        for name, label in FILTERS
    ]
    return html.Div(selects, className="filters", role="search", **{"aria-label": "Filter", "data-search": "1"})


def _tile(id: str, label: str, href: str) -> html.A:  # noqa: A002
    wide = " wide" if id == "kpi-range" else ""
    return html.A(
        [
            html.Span(label, className="label"),
            html.Span("–", id=f"{id}-value", className="value"),
            html.Span("loading …", id=f"{id}-sub", className="sub"),
        ],
        id=id,
        href=href,
        className=f"card kpi{wide}",
        **{"data-tone": "calm"},
    )


def _map_card(tiles_url: str | None) -> html.Section:
    rows = [
        html.Div(
            [html.Span(className=f"mark shape-{name}"), words, html.Span("–", id=f"legend-{name}", className="n")],
            className="row",
        )
        for name, words in LEGEND
    ]
    credit = CREDIT if not tiles_url else f"{CREDIT} · tiles of your own server"
    return html.Section(
        [
            html.Div(graph("tower-map", None, map=True, responsive=True, clear_on_unhover=True), className="map-fill"),
            html.Div(credit, className="map-note"),
            html.Div([*rows, html.Div("", id="map-nowhere", className="dim")], className="legend"),
        ],
        className="card map-card goes-stale",
        **{"aria-label": "Live map; the inbox and the list of shipments hold the same as text"},
    )


def _inbox_card() -> html.Section:
    waiting = [html.Div(html.Div(className="skeleton", style={"height": "44px"}), className="inbox-row wait")] * 4
    return html.Section(
        [
            html.Header([html.H2("Inbox"), html.Span("", id="inbox-count", className="dim small right")]),
            html.Div(waiting, id="inbox-wait"),
            html.Ul(id="tower-inbox", className="inbox", **{"aria-label": "Alarms and open excursions"}),
        ],
        className="card inbox-card goes-stale",
        **{"aria-label": "Inbox"},
    )


def _map_table() -> html.Details:
    """The same as the map, for who does not see it or wants it as text; filled when it is opened."""
    return html.Details(
        [
            html.Summary("Map as a table"),
            html.Div(html.Table(id="map-table", className="plain"), className="scroller", tabIndex="0", role="region",
                     **{"aria-label": "Map as a table"}),
        ],
        id="map-as-table",
        className="card more goes-stale",
    )  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """Drawn in the browser, from the live state; what moves slowly is asked for once a minute."""

    @security.secured(app, Output("tower-fleet", "data"), Input("tower-minute", "n_intervals"), perm=Permission.VIEW)
    def fleet(_minute: object) -> Any:
        return background(services, security.viewer())

    app.clientside_callback(
        ClientsideFunction("coldchain", "tower"),
        *(Output(f"tower-{name}", "data") for name, _ in FILTERS),
        Input("live", "data"),
        *(Input(f"tower-{name}", "value") for name, _ in FILTERS),
        Input("scheme", "data"),
        Input("tower-fleet", "data"),
        State("tower-base", "data"),
        State("tower-may", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("coldchain", "follow"),
        Output("url", "href"),
        Input("tower-map", "clickData"),
        prevent_initial_call=True,
    )


def background(services: Services, viewer: Viewer) -> dict[str, Any]:
    """What the live state does not hold: judged time of 30 days by lane, product and customer, stores, and names."""
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        rows = summary(connection, viewer, Period(now_ms - RANGE_MS, now_ms + 1), by=GROUPS)
        found = [stores.shown(connection, viewer, one["id"]) for one in stores.listed(connection, viewer)]
        held = {str(row.subject_id) for row in maintenance.listed(connection, at_ms=now_ms) if row.subject_id}
        named = subject_names(connection, viewer, {(row, one) for row in ("shipment", "store") for one in held})
        products = {stored.profile.id: stored.profile.name for stored in profiles.listed(connection)}
    grouped = [
        {**{name: row[name] for name in GROUPS}, "in_range_s": row["time_in_range_s"],
         "judged_s": row["time_in_range_s"] + row["time_out_s"]}
        for row in rows
    ]  # fmt: skip
    marks = [store_mark(one, worked_on=one["id"] in held) for one in found if "latitude" in one]
    return {"range": grouped, "stores": marks, "products": products, "out_of_service": sorted(named)}


def store_mark(one: dict[str, Any], *, worked_on: bool = False) -> dict[str, Any]:
    """A store as the map shows it; its temperature is the newest of any channel."""
    values = [value for value in one["last"].values() if "temperature_c" in value]
    newest: dict[str, Any] = max(values, key=lambda value: str(value["event_time"]), default={})
    words = f"{STATUS_WORDS[one['status']]} · {text.celsius(newest.get('temperature_c'))}"
    words += " · out of service" if worked_on else ""
    kept = ("id", "name", "status", "latitude", "longitude")
    return {**{name: one[name] for name in kept}, "temperature_c": newest.get("temperature_c"), "words": words}
