"""Exports: make one, and see every one that was made, with its rows and the hash by which it is recognised."""

from typing import Any
from urllib.parse import urlencode

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from coldchain.registry import exports, people, shipment_views
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security
from dashboard.parts.elements import Column, card, head, link, moment, table, tag
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.parts.subjects import names
from dashboard.services import Services

PAGE = Page("dashboard.pages.exports", "Exports", path="/exports", icon="exports", perm=Permission.EXPORT)
FORMATS = {"csv": "CSV", "ndjson": "NDJSON"}
_NEWEST = 200


def layout(**query: str) -> Any:
    """The form and the list, filled by callbacks under the viewer."""
    fields = [
        dmc.Select(id="export-shipment", label="Shipment", data=[], value=query.get("shipment"), searchable=True,
                   clearable=True, placeholder="choose, or name a logger", size="sm", nothingFoundMessage="none",
                   clearButtonProps={"aria-label": "Clear shipment"}),
        dmc.TextInput(id="export-logger", label="Logger", placeholder="all of the shipment", size="sm"),
        dmc.TextInput(id="export-from", label="From", placeholder="2026-01-05T00:00:00Z", size="sm"),
        dmc.TextInput(id="export-to", label="Until", placeholder="2026-02-05T00:00:00Z", size="sm"),
        dmc.Select(id="export-format", label="Format", value="csv", size="sm", allowDeselect=False,
                   data=[{"value": key, "label": words} for key, words in FORMATS.items()]),
    ]  # fmt: skip
    send = html.Button("Make and download", id="export-send", type="button", className="button primary")
    return html.Div(
        [
            head("Exports", lead="Every reading once, with a last line that says how many and their SHA-256"),
            card(
                "Make one",
                html.Div(
                    [
                        html.Div(fields, className="export-form"),
                        html.P(id="export-refusal", className="status", role="alert", **{"data-status": "at_risk"},
                               hidden=True),
                        html.Div(send, className="dialog-actions"),
                    ],
                    className="body",
                ),
            ),
            card("Made", html.Div(skeleton(200), id="export-list")),
            dcc.Store(id="export-go"),
            dcc.Interval(id="export-tick", interval=1500, n_intervals=0, max_intervals=0),
        ],
        className="page",
    )  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """The choices, the address of a new export, and the list."""

    @security.secured(app, Output("export-shipment", "data"), Input("export-shipment", "id"), perm=Permission.EXPORT)
    def choices(_id: object) -> Any:
        with services.registry.read() as connection:
            page = shipment_views.listed(connection, security.viewer(), limit=_NEWEST)
        return [{"value": item["id"], "label": choice(item)} for item in page.items]

    @security.secured(
        app,
        Output("export-go", "data"),
        Output("export-refusal", "children"),
        Output("export-refusal", "hidden"),
        Output("export-tick", "max_intervals"),
        Output("export-tick", "n_intervals"),
        Input("export-send", "n_clicks"),
        State("export-shipment", "value"),
        State("export-logger", "value"),
        State("export-from", "value"),
        State("export-to", "value"),
        State("export-format", "value"),
        perm=Permission.EXPORT,
        prevent_initial_call=True,
    )
    def make(clicks: int | None, *asked: object) -> Any:
        try:
            return {"to": address(*asked), "click": clicks}, "", True, 8, 0
        except InvalidValue as error:
            return None, str(error), False, 0, 0

    @security.secured(app, Output("export-list", "children"), Input("export-tick", "n_intervals"),
                      perm=Permission.EXPORT)  # fmt: skip
    def listed(_tick: object) -> Any:
        return attempt("list of exports", lambda: made(services, security.viewer()))

    app.clientside_callback(
        ClientsideFunction("coldchain", "download"), Input("export-go", "data"), prevent_initial_call=True
    )


def choice(item: dict[str, Any]) -> str:
    """A shipment in the list of choices."""
    return " · ".join(part for part in (item["reference"], item["lane"], item["customer"]) if part)


def address(*asked: object) -> str:
    """Where the export that a form describes is made and downloaded from.

    Raises:
        InvalidValue: neither a shipment nor a logger, or a time that is none.
    """
    shipment, logger, begin, end, form = (part.strip() if isinstance(part, str) else "" for part in asked)
    if not shipment and not logger:
        raise InvalidValue("Choose a shipment, or name a logger.")
    values = {"shipment": shipment, "logger": logger, "from": begin, "to": end}
    times = [ms_from_iso(value) for value in (begin, end) if value]
    if len(times) == 2 and times[0] >= times[1]:
        raise InvalidValue("The end is not after the beginning.")
    values["format"] = form if form in FORMATS else "csv"
    return f"/api/v1/readings?{urlencode({name: value for name, value in values.items() if value})}"


def made(services: Services, viewer: Viewer) -> Any:
    """The exports that the viewer may know of, newest first."""
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        page = exports.listed(connection, viewer, limit=100)
        who = people.names(connection, {item["who"] for item in page.items})
        wanted = {("shipment", item["scope"]["shipment"]) for item in page.items if item["scope"].get("shipment")}
        called = names(connection, viewer, wanted)
    if not page.items:
        return empty("No export yet", checked_ms=now_ms)
    columns = [Column("Started"), Column("By"), Column("What"), Column("Rows", numeric=True), Column("SHA-256")]
    columns.append(Column("Again"))
    return table(columns, [row(item, who, called) for item in page.items], "Exports that were made")


def row(item: dict[str, Any], who: dict[str, str], called: dict[str, str]) -> tuple[Any, ...]:
    """An export as a row: unfinished and cut-off ones say so."""
    if item["failure"]:
        end: Any = html.Span(f"cut off: {item['failure']}", className="status", **{"data-status": "at_risk"})
    elif item["finished"] is None:
        end = html.Span("under way", className="dim")
    else:
        end = html.Span(item["sha256"] or "–", className="mono")
    rows = "–" if item["rows"] is None else f"{item['rows']:,}"
    by = who.get(item["who"], item["who"])
    return (moment(item["started"]), by, scope_words(item, called), rows, end, again(item))


def again(item: dict[str, Any]) -> Any:
    """The way to make the same export once more: what came late since then is in it, and its hash is its own."""
    kind, scope = item["kind"].partition(".")[0], item["scope"]
    if kind != "readings":
        return html.Span("–", className="dim")
    query = urlencode({name: value for name, value in scope.items() if value})
    return html.A("make again", href=f"/api/v1/readings?{query}", download="")


def scope_words(item: dict[str, Any], called: dict[str, str]) -> Any:
    """What an export holds."""
    scope = item["scope"]
    parts: list[Any] = [tag(str(scope.get("format") or item["kind"])), " "]
    if scope.get("shipment"):
        parts.append(link(called.get(scope["shipment"], "a shipment"), f"/shipments/{scope['shipment']}"))
    if scope.get("logger"):
        parts += [" ", link(scope["logger"], f"/loggers/{scope['logger']}")]
    if len(parts) == 2:
        parts.append(item["kind"].replace("_", " "))
    if scope.get("from") or scope.get("to"):
        parts += [" ", html.Span(f"{scope.get('from', '…')} to {scope.get('to', '…')}", className="dim")]
    return html.Span(parts)
