"""One fixed store: its temperatures of the last 30 days, its figures, its loggers, and what happened."""

from typing import Any

from dash import Dash, Input, Output, dcc, html

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.registry.viewer import Permission
from dashboard.figures.series import Interval, chart
from dashboard.pages.stores import KIND_WORDS
from dashboard.parts import dossier as records
from dashboard.parts import security, service_acts, text, window_blocks
from dashboard.parts.elements import card, facts, head, link, moment, status
from dashboard.parts.graph import graph
from dashboard.parts.judged_by import block as judgement
from dashboard.parts.opening_blocks import openings_card
from dashboard.parts.page import Page
from dashboard.parts.profile_blocks import judged_by
from dashboard.parts.shipment_blocks import chart_words, figure_block, logger_table, timeline
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.parts.window_blocks import windows_card
from dashboard.services import Services

PAGE = Page("dashboard.pages.store", "Store", path_template="/stores/<store_id>")
SHOWN_MS = 30 * 86_400_000


def layout(store_id: str = "", **_query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="store-id", data=store_id),
            html.Div(skeleton(52, 420, 160), id="store-body", className="page"),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The body once, when the display changes, and when somebody acknowledged."""

    @security.secured(
        app,
        Output("store-body", "children"),
        Input("store-id", "data"),
        Input("scheme", "data"),
        Input("zone", "data"),
        Input("ack-done", "data"),
        perm=Permission.VIEW,
    )
    def body(store_id: object, scheme: object, zone: object, _done: object) -> Any:
        return attempt("store", lambda: page_body(services, str(store_id), str(scheme), str(zone)))

    window_blocks.register(app, services)


def page_body(services: Services, store_id: str, scheme: str, zone: str) -> list[Any]:
    """The page of one store.

    Raises:
        NotFound: no such store for this viewer.
    """
    found = records.load_store(services, security.viewer(), store_id)
    shown = found.shown
    lead: list[Any] = [status(shown["status"]), " · ", KIND_WORDS.get(shown.get("kind", ""), "store")]
    site = [" · ", shown["site"]] if shown.get("site") else []
    period = (found.document or {}).get("period")
    since = html.Span(["since ", moment(period["from"], "date")], className="dim small") if period else None
    return [
        head(shown["name"], lead=[*lead, *site, service_acts.slot()],
             crumb=[link("Stores", "/stores"), " /"]),
        _chart_card(services, found, scheme, zone),
        card("Figures", figure_block(found), right=since),
        windows_card(store_id),
        service_acts.place("store", store_id),
        card("Product profile", judgement("store", store_id)),
        *openings_card(services, Subject(SubjectKind.STORE, store_id), found.now_ms - SHOWN_MS, found.now_ms),
        html.Div(
            [
                html.Div([card("Loggers", logger_table(found)), card("Store", _about(found))], className="stack"),
                card("Timeline", timeline(found)),
            ],
            className="grid-even",
        ),
    ]  # fmt: skip


def _chart_card(services: Services, found: records.Dossier, scheme: str, zone: str) -> html.Section:
    recent = records.latest(found, SHOWN_MS)
    judged, _placing = records.tracks(services.telemetry, recent)
    series = records.series(recent, judged, span=Interval(found.now_ms - SHOWN_MS, found.now_ms))
    if not series.tracks:
        return card("Last 30 days", empty("No reading in the last 30 days", checked_ms=found.now_ms))
    drawn = chart(series, scheme=scheme, zone=zone)
    return card(
        "Last 30 days",
        graph("store-chart", drawn.figure, style={"height": f"{drawn.height}px"}, clear_on_unhover=True),
        html.P([drawn.note, ". ", *chart_words(found)], className="chart-note"),
    )


def _about(found: records.Dossier) -> html.Div:
    shown, label = found.shown, found.label
    low, high = (None if limit is None else limit / 1000 for limit in (label.low_mc, label.high_mc))
    pairs = [
        ("Kind", KIND_WORDS.get(shown.get("kind", ""))), ("Site", shown.get("site")), ("Time zone", shown.get("zone")),
        ("Product profile", judged_by(shown, found.profile_state)), ("Label range", text.label_range(low, high)),
    ]  # fmt: skip
    return html.Div(facts(pairs), className="body")
