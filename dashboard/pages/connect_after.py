"""What follows a device profile: saving it, decoding what was kept, and putting its loggers to work."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html

from coldchain.errors import ColdchainError
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import bench, bench_forms, binding_form, security, text
from dashboard.parts.arriving import name
from dashboard.parts.elements import card, link
from dashboard.parts.logger_forms import words
from dashboard.parts.states import attempt, refusal
from dashboard.parts.subjects import logger_href
from dashboard.services import Services
from ingest import again
from ingest.open_decisions import Request

_MOST = 50  # loggers of one source that are offered at once


def register(app: Dash, services: Services) -> None:
    """Saving, using a profile as it is, decoding again, and assigning."""
    _register_saving(app, services)

    @security.secured(
        app,
        Output("bench-after", "children"),
        Input("bench-saved", "data"),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def after(saved: object) -> Any:
        if not isinstance(saved, dict):
            return dash.no_update
        return attempt("next step", lambda: next_steps(services, security.viewer(), saved))

    @security.secured(
        app,
        Output("again-said", "children"),
        Input("again-send", "n_clicks"),
        State("again-reason", "value"),
        State("bench-saved", "data"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
        running=[(Output("again-send", "disabled"), True, False)],
    )
    def decode(clicks: int | None, reason: object, saved: object) -> Any:
        if not clicks or not isinstance(saved, dict):
            return dash.no_update
        try:
            [why] = words(reason)
            return decoded(services, security.viewer(), _loggers(saved), why)
        except ColdchainError as error:
            return refusal(error)

    @security.secured(
        app,
        Output("after-said", "children"),
        Input("after-send", "n_clicks"),
        State("after-logger", "value"),
        *(State(f"after-{field}", "value") for field in ("subject", "role", "from", "reason")),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def assign(clicks: int | None, logger: object, *asked: object) -> Any:
        if not clicks:
            return dash.no_update
        try:
            [whose] = words(logger)
            page = binding_form.bind(services, bench.whole(security.viewer()), whose, *asked)
        except ColdchainError as error:
            return refusal(error)
        return html.P([f"{name(whose)} is assigned. ", link("Open what it serves", page), " or ",
                       link("the logger", logger_href(whose)), "."])  # fmt: skip


def _register_saving(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("bench-saved", "data", allow_duplicate=True),
        Output("save-said", "children"),
        Input("save-send", "n_clicks"),
        State("save-reason", "value"),
        State("draft", "data"),
        State("bench-message", "data"),
        perm=Permission.ADMINISTER,
        prevent_initial_call=True,
        running=[(Output("save-send", "disabled"), True, False)],
    )
    def save(clicks: int | None, reason: object, draft: object, message: object) -> Any:
        if not clicks:
            return dash.no_update, dash.no_update
        try:
            viewer, [why] = security.viewer(), words(reason)
            found = bench.load(services, viewer, message)
            profile = bench.save(services, viewer, found, draft, why)
            loggers = bench.senders(bench.preview(services, found, profile))
        except ColdchainError as error:
            return dash.no_update, refusal(error)
        said = html.P(f"{profile.label} is saved, and counts from now on.", className="once")
        return {"label": profile.label, "loggers": loggers, "click": clicks}, said

    @security.secured(
        app,
        Output("bench-saved", "data", allow_duplicate=True),
        Output("start-said", "children"),
        Input("start-take", "n_clicks"),
        State("start-reason", "value"),
        State("start-profile", "value"),
        State("bench-message", "data"),
        perm=Permission.ADMINISTER,
        prevent_initial_call=True,
    )
    def take(clicks: int | None, reason: object, chosen: object, message: object) -> Any:
        if not clicks:
            return dash.no_update, dash.no_update
        try:
            viewer, [why] = security.viewer(), words(reason)
            found = bench.load(services, viewer, message)
            profile = bench.take(services, viewer, found, chosen, why)
        except ColdchainError as error:
            return dash.no_update, refusal(error)
        said = html.P(f"{profile.label} is confirmed for {name(found.logger or '')}.", className="once")
        return {"label": profile.label, "loggers": [found.logger], "click": clicks}, said


def _loggers(saved: dict[str, Any]) -> list[str]:
    given = saved.get("loggers")
    return [one for one in given if isinstance(one, str)][:_MOST] if isinstance(given, list) else []


def next_steps(services: Services, viewer: Viewer, saved: dict[str, Any]) -> Any:
    """What was kept, and what the loggers serve."""
    bench.whole(viewer)
    loggers = _loggers(saved)
    looked = [again.look(services.pipeline, Request(logger)) for logger in loggers]
    return html.Div([_decoding(viewer, looked), _assigning(services, viewer, loggers)], className="grid-even")


def _decoding(viewer: Viewer, looked: list[again.Again]) -> html.Section:
    title = "Decode what was kept"
    lines = [bench_forms.outlook(one) for one in looked]
    if not any(one.changed for one in looked):
        return card(title, *lines)
    if not viewer.may(Permission.ASSESS):
        return card(title, *lines, html.P("Quality decides about readings that were kept.", className="note"))
    fields = [
        dmc.TextInput(id="again-reason", label="Reason", size="sm", placeholder="its device profile was missing"),
        html.Button("Decode again", id="again-send", type="button", className="button primary"),
    ]
    form = html.Div([html.Div(fields, className="form-row"), html.Div(id="again-said", **{"aria-live": "polite"})],
                    className="body")  # fmt: skip
    return card(title, *lines, form)


def _assigning(services: Services, viewer: Viewer, loggers: list[str]) -> html.Section:
    which = dmc.Select(id="after-logger", label="Logger", value=loggers[0] if loggers else None, size="sm",
                       allowDeselect=False, data=[{"value": one, "label": name(one)} for one in loggers])  # fmt: skip
    form = binding_form.form(services, viewer, "after")
    return card("Put it to work", html.Div([html.Div(which, className="form-row"), form], className="body"))


def decoded(services: Services, viewer: Viewer, loggers: list[str], reason: str) -> Any:
    """Decode what was kept of these loggers; what came of it."""
    bench.whole(viewer)
    lines: list[Any] = []
    for logger in loggers:
        done = again.decode_again(
            services.pipeline, services.registry, Request(logger), who=viewer.id, reason=reason,
            now_ms=services.clock.now_ms(),
        )  # fmt: skip
        told = f": {text.count(done.changed, 'message')} became {text.count(done.readings_after, 'reading')}."
        lines.append(html.P([link(name(logger), logger_href(logger)), told]))
    return html.Div(lines)
