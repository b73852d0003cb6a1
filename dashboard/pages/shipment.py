"""One shipment: its temperatures and its way side by side, the figures, the loggers, and what happened."""

from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, Patch, State, dcc, html

from coldchain.domain.profile import DAY_MS
from coldchain.registry import shipments
from coldchain.registry.viewer import Permission
from dashboard.figures.map_style import CREDIT
from dashboard.figures.route import Way, cursor_track, route, route_words
from dashboard.figures.series import HEIGHT, chart, zoomed
from dashboard.parts import as_known_block, judged_by, security, service_acts, stage_blocks
from dashboard.parts import dossier as records
from dashboard.parts.elements import card, head, link
from dashboard.parts.graph import graph
from dashboard.parts.opening_blocks import openings_card
from dashboard.parts.page import Page
from dashboard.parts.shipment_blocks import (
    chart_words,
    figure_block,
    headline,
    logger_table,
    summary,
    timeline,
)
from dashboard.parts.shipment_detail import detail
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.shipment", "Shipment", path_template="/shipments/<shipment_id>")


def layout(shipment_id: str = "", **_query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="shipment-id", data=shipment_id),
            html.Div(skeleton(52, 420, 300), id="shipment-body", className="page"),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The body once and when the display changes; the chart again when it is zoomed."""

    @security.secured(
        app,
        Output("shipment-body", "children"),
        Input("shipment-id", "data"),
        Input("scheme", "data"),
        Input("zone", "data"),
        perm=Permission.VIEW,
    )
    def body(shipment_id: object, scheme: object, zone: object) -> Any:
        return attempt("shipment", lambda: page_body(services, str(shipment_id), _text(scheme), _text(zone)))

    @security.secured(
        app,
        Output("series-chart", "figure"),
        Output("series-note", "children"),
        Input("series-chart", "relayoutData"),
        State("shipment-id", "data"),
        State("scheme", "data"),
        State("zone", "data"),
        perm=Permission.VIEW,
        prevent_initial_call=True,
    )
    def zoom(relayout: object, shipment_id: object, scheme: object, zone: object) -> Any:
        asked = zoomed(relayout)
        if asked is None:
            return dash.no_update, dash.no_update
        found = records.load(services, security.viewer(), str(shipment_id))
        judged, _ = records.tracks(services.telemetry, found)
        window = asked if isinstance(asked, tuple) else None
        drawn = chart(records.series(found, judged), scheme=_text(scheme), zone=_text(zone), zoom=window)
        return patch(drawn.figure, whole=window is None), drawn.note

    judged_by.register(app, services)  # for the page of a store as well
    stage_blocks.register(app, services)
    as_known_block.register(app, services)
    app.clientside_callback(
        ClientsideFunction("coldchain", "chartToMap"), Input("series-chart", "hoverData"), State("route-track", "data")
    )
    app.clientside_callback(ClientsideFunction("coldchain", "mapToChart"), Input("route-map", "hoverData"))


def patch(figure: dict[str, Any], *, whole: bool) -> Patch:
    """Only what a zoom changes: the points, the ticks, and the range when everything is shown again."""
    changed = Patch()
    for place, trace in enumerate(figure["data"]):
        for name in ("x", "y", "text", "customdata"):
            if name in trace:
                changed["data"][place][name] = trace[name]
    axis = figure["layout"]["xaxis"]
    for name in ("tickvals", "ticktext", "title", *(["range"] if whole else [])):
        changed["layout"]["xaxis"][name] = axis[name]
    return changed


def page_body(services: Services, shipment_id: str, scheme: str | None, zone: str | None) -> list[Any]:
    """The page of one shipment.

    Raises:
        NotFound: no such shipment for this viewer.
    """
    viewer = security.viewer()
    found = records.load(services, viewer, shipment_id)
    judged, placing = records.tracks(services.telemetry, found)
    return [
        head(
            found.shown["reference"],
            lead=[*headline(found), service_acts.slot()],
            crumb=[link("Shipments", "/shipments"), " /"],
            actions=_actions(shipment_id, may_export=viewer.may(Permission.EXPORT)),
        ),
        html.Div(_chart_and_map(services, found, (judged, placing), scheme, zone), className="grid-2"),
        card("Figures", figure_block(found), as_known_block.block(shipment_id),
             right=html.Span("of the governing channel", className="dim small")),
        *detail(found),
        service_acts.place("shipment", shipment_id),
        card("Product profile", judged_by.block("shipment", shipment_id)),
        stage_blocks.budget_card(services, found),
        stage_blocks.journey_cards(services, viewer, shipment_id),
        *openings_card(services, shipments.subject(shipment_id), 0, found.now_ms + DAY_MS),
        html.Div(
            [
                html.Div([card("Loggers", logger_table(found)), card("Shipment", summary(found))],
                         className="stack"),
                card("Timeline", timeline(found)),
            ],
            className="grid-even",
        ),
    ]  # fmt: skip


def _chart_and_map(
    services: Services,
    found: records.Dossier,
    tracks: tuple[list[Any], list[Any]],
    scheme: str | None,
    zone: str | None,
) -> list[html.Section]:
    """Both at the same height, so that the linked cursor is followed without scrolling."""
    judged, placing = tracks
    series = records.series(found, judged)
    drawn = chart(series, scheme=scheme, zone=zone)
    if series.tracks:
        left = card(
            "Temperature and humidity" if drawn.height > HEIGHT else "Temperature",
            graph("series-chart", drawn.figure, style={"height": f"{drawn.height}px"}, clear_on_unhover=True),
            html.P([html.Span(drawn.note, id="series-note"), ". ", *chart_words(found)], className="chart-note"),
        )
    else:
        left = card("Temperature", empty("No reading yet", checked_ms=found.now_ms))
    return [left, _map_card(services, found, records.path(found, judged, placing), scheme, drawn.height)]


def _map_card(services: Services, found: records.Dossier, path: Way, scheme: str | None, height: int) -> html.Section:
    stops = records.stops(found)
    if not len(path.time_ms) and not stops:
        return card("Route", empty("No position yet", checked_ms=found.now_ms), dcc.Store(id="route-track"))
    limits = (found.label.low_mc, found.label.high_mc)
    figure = route(path, records.marks(found), stops, limits, scheme=scheme, tiles_url=services.settings.tiles_url)
    return card(
        "Route",
        graph("route-map", figure, map=True, style={"height": f"{height}px"}, clear_on_unhover=True),
        dcc.Store(id="route-track", data=cursor_track(path)),
        html.P([route_words(path), " ", CREDIT], className="chart-note"),
    )


def _actions(shipment_id: str, *, may_export: bool) -> list[Any]:
    if not may_export:
        return []
    return [
        html.A("Readings as CSV", href=f"/api/v1/readings?shipment={shipment_id}&format=csv", className="button",
               download=""),
        html.A("Figures as JSON", href=f"/api/v1/shipments/{shipment_id}/compliance", className="button", download=""),
    ]  # fmt: skip


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
