"""Import a file: drop it, say what it does not say itself, look at what it becomes, and only then store it."""

import re
from typing import Any
from zoneinfo import available_timezones

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update

from coldchain.errors import ColdchainError, NotFound
from coldchain.registry import file_imports
from coldchain.registry.viewer import Permission
from dashboard.parts import file_form, security
from dashboard.parts.elements import card, head, link
from dashboard.parts.file_views import demand_whole, imports, preview, result
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services
from ingest import file_mappings

PAGE = Page("dashboard.pages.files", "Import a file", path="/files", icon="files", perm=Permission.OPERATE)
_ORDERS = {
    "": "as the column shows",
    "dmy": "day, month, year",
    "mdy": "month, day, year",
    "ymd": "year, month, day",
    "epoch_s": "seconds since 1970",
    "epoch_ms": "milliseconds since 1970",
}
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_STATED = ("file-zone", "file-logger", "file-mapping", "file-order")


def layout(again: str = "", **_query: str) -> Any:
    """The frame; the preview and the list are filled by callbacks under the viewer."""
    viewer, kept = security.viewer(), again if _HASH.match(again) else None
    if viewer.scoped:
        return html.Div(attempt("import", lambda: demand_whole(viewer)), className="page")
    drop = html.Div(
        [
            html.Label("Drop a logger's file here, or choose one", htmlFor="file-input"),
            html.Div(id="file-input-box"),
            html.Span(id="file-name", className="dim small"),
            html.Span("Berlinger TXT, or any table of columns (CSV, TXT), up to 64 MB", className="dim small"),
        ],
        id="file-drop",
        className="file-drop",
    )
    return html.Div(
        [
            head(
                "Import a file",
                lead="Looked at first, stored once, and kept byte for byte",
                crumb=[link("Connect a logger", "/connect"), " /"],
            ),
            card(
                "File",
                html.Div(
                    [
                        drop,
                        html.Progress(
                            id="file-progress",
                            className="file-progress",
                            max="1",
                            hidden=True,
                            **{"aria-label": "Sending the file"},
                        ),
                        _fields(_read_before(kept)),
                    ],
                    className="body",
                ),
            ),
            html.Div(id="file-result", className="stack"),
            html.Div(
                html.Div(
                    empty("No file chosen yet", html.Span("Nothing is stored before you say so.")), className="card"
                ),
                id="file-view",
                className="stack",
            ),
            card("Imported", html.Div(skeleton(120), id="file-list")),
            *(dcc.Store(id=one) for one in ("file-chosen", "file-found", "file-done", "file-body")),
            dcc.Store(id="file-kept", data=kept),
        ],
        className="page",
    )


def _read_before(sha256: str | None) -> dict[str, Any]:
    """How a file that is to be read again was read last."""
    if sha256 is None:
        return {}
    with security.services().registry.read() as connection:
        try:
            return file_imports.get(connection, sha256).report
        except NotFound:
            return {}


def _fields(before: dict[str, Any]) -> Any:
    zones = sorted(
        zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))
    )
    fields = [
        dmc.Autocomplete(
            id="file-zone",
            label="Zone of the logger's clock",
            data=["UTC", *zones],
            value=before.get("zone") or "",
            limit=12,
            debounce=500,
            placeholder="Europe/Berlin, or +01:00",
            size="sm",
        ),
        dmc.TextInput(
            id="file-logger",
            label="Logger",
            value=before.get("logger") or "" if before.get("mapping") else "",
            placeholder="where the file does not name it",
            debounce=500,
            size="sm",
        ),
        dmc.Select(id="file-mapping", label="Mapping", data=[], value="", size="sm", allowDeselect=False),
        dmc.Select(
            id="file-order",
            label="Date",
            value="",
            size="sm",
            allowDeselect=False,
            data=[{"value": key, "label": words} for key, words in _ORDERS.items()],
        ),
    ]
    return html.Div(fields, className="file-fields")


def register(app: Dash, services: Services) -> None:
    """Sending happens in the browser; what came back is shown here."""
    app.clientside_callback(
        ClientsideFunction("files", "ready"),
        Output("file-drop", "className"),
        Input("file-input-box", "id"),
        State("file-kept", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("files", "preview"),
        Output("file-found", "data"),
        Input("file-chosen", "data"),
        *(Input(one, "value") for one in _STATED),
        Input("file-body", "data"),
        State({"type": "file-confirm", "at": ALL}, "checked"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("files", "store"),
        Output("file-done", "data"),
        Input({"type": "file-store", "at": ALL}, "n_clicks"),
        State("file-found", "data"),
        *(State(one, "value") for one in _STATED),
        State("file-body", "data"),
        State({"type": "file-confirm", "at": ALL}, "checked"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("files", "again"),
        Output("file-done", "data", allow_duplicate=True),
        Input({"type": "file-again", "at": ALL}, "n_clicks"),
        State("file-found", "data"),
        State({"type": "file-reason", "at": ALL}, "value"),
        *(State(one, "value") for one in _STATED),
        State("file-body", "data"),
        State({"type": "file-confirm", "at": ALL}, "checked"),
        prevent_initial_call=True,
    )
    _register_views(app, services)
    _register_mapping(app, services)


def _register_views(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("file-mapping", "data"),
        Input("file-mapping", "id"),
        Input("file-list", "children"),
        perm=Permission.OPERATE,
    )
    def mappings(_id: object, _list: object) -> Any:
        known = file_mappings.known(services.registry)
        return [
            {"value": "", "label": "as the titles tell"},
            *({"value": one.id, "label": one.title or one.id} for one in known),
        ]

    @security.secured(
        app,
        Output("file-view", "children"),
        Input("file-found", "data"),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def shown(answer: object) -> Any:
        return attempt("preview", lambda: preview(answer, may=security.viewer().may(Permission.ASSESS)))

    @security.secured(
        app,
        Output("file-result", "children"),
        Input("file-done", "data"),
        Input("file-chosen", "data"),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def done(answer: object, _chosen: object) -> Any:
        return attempt("result", lambda: result(answer)) if ctx.triggered_id == "file-done" else None

    @security.secured(app, Output("file-list", "children"), Input("file-done", "data"), perm=Permission.OPERATE)
    def listed(_done: object) -> Any:
        return attempt("list of imports", lambda: imports(services))


def _register_mapping(app: Dash, services: Services) -> None:
    every = [State({"type": kind, "at": ALL}, "value") for kind in (file_form.WHAT, file_form.CHANNEL, file_form.UNIT)]

    @security.secured(
        app,
        Output("file-body", "data"),
        Output("notices", "sendNotifications", allow_duplicate=True),
        Input({"type": "file-apply", "at": ALL}, "n_clicks"),
        Input("file-chosen", "data"),
        Input("file-mapping", "value"),
        State("file-found", "data"),
        State("file-body", "data"),
        *every,
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def applied(clicks: list[Any], _chosen: object, _mapping: object, answer: Any, body: object, *form: Any) -> Any:
        if ctx.triggered_id in ("file-chosen", "file-mapping"):
            return (
                no_update if body is None else None
            ), no_update  # another file or another mapping: what was edited belongs to the one before
        if not any(clicks) or not _is_found(answer):
            return no_update, no_update
        try:
            return file_form.mapping_of(answer["body"], *form), no_update
        except ColdchainError as error:
            return no_update, [_note("Not read", str(error), "red")]

    @security.secured(
        app,
        Output("notices", "sendNotifications", allow_duplicate=True),
        Input({"type": "file-save", "at": ALL}, "n_clicks"),
        State({"type": "file-mapping-id", "at": ALL}, "value"),
        State("file-found", "data"),
        *every,
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def saved(clicks: list[Any], name: list[Any], answer: Any, *form: Any) -> Any:
        if not any(clicks) or not _is_found(answer):
            return no_update
        try:
            body = {
                **file_form.mapping_of(answer["body"], *form),
                "id": str((name or [""])[0] or "").strip(),
                "reason": "kept on the page",
            }
            kept = file_mappings.save(services.registry, body, who=security.viewer().id, now_ms=services.clock.now_ms())
        except ColdchainError as error:
            return [_note("Not kept", str(error), "red")]
        return [
            _note(
                "Kept",
                f"Mapping {kept['id']} version {kept['version']}; its titles are recognised from now on.",
                "blue",
            )
        ]


def _is_found(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("body"), dict) and "columns" in answer["body"]


def _note(title: str, message: str, colour: str) -> dict[str, Any]:
    return {"action": "show", "title": title, "message": message, "color": colour, "autoClose": 8000}
