"""Taking a policy or a rota out of use from its page, with a reason; refused while something still names it."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from sqlalchemy import Connection

from alerts import configuration, rulebook_changes
from alerts.policy import TargetKind
from alerts.rulebook import Rulebook
from coldchain.errors import ColdchainError, Forbidden, InvalidValue
from coldchain.registry import routes
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security
from dashboard.parts.rule_words import match_words
from dashboard.parts.states import refusal
from dashboard.services import Services

KINDS = {"policy": "policy", "rota": "rota"}


def done() -> dcc.Store:
    """What a page listens to; it stands outside what is drawn anew."""
    return dcc.Store(id="retire-done")


def form(kind: str, id_: str) -> html.Details:
    """The form for one policy or rota in use."""
    fields = [
        dmc.TextInput(id="retire-reason", label="Reason", size="sm"),
        html.Button("Retire", id="retire-send", type="button", className="button"),
    ]
    words = "Nobody is told by it any more. Its versions stay on record, and a next version brings it back."
    parts = [dcc.Store(id="retire-of", data=[kind, id_]), html.P(words, className="dim small"),
             html.Div(fields, className="form-row"), html.Div(id="retire-said", **{"aria-live": "polite"})]  # fmt: skip
    return html.Details([html.Summary(f"Retire this {KINDS[kind]}"), html.Div(parts, className="body")],
                        className="card more", id="retire-form")  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """What the form does; once for both pages."""

    @security.secured(
        app,
        Output("retire-done", "data"),
        Output("retire-said", "children"),
        Output("retire-reason", "error"),
        Output("notices", "sendNotifications", allow_duplicate=True),
        Input("retire-send", "n_clicks"),
        State("retire-of", "data"),
        State("retire-reason", "value"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
        running=[(Output("retire-send", "disabled"), True, False)],
    )
    def sent(clicks: int | None, asked: object, reason: object) -> Any:
        if not clicks or not isinstance(asked, list) or len(asked) != 2:
            return (dash.no_update,) * 4
        kind, id_ = map(str, asked)
        typed = reason.strip()[:500] if isinstance(reason, str) else ""
        if not typed:
            return dash.no_update, "", "Say why it goes out of use", dash.no_update
        try:
            name = retire(services, security.viewer(), kind, id_, typed)
        except ColdchainError as error:
            return dash.no_update, refusal(error), None, dash.no_update
        note = {"action": "show", "title": "Retired", "message": f"{name} is out of use.", "color": "blue",
                "autoClose": 6000}  # fmt: skip
        return {"kind": kind, "id": id_, "click": clicks}, "", None, [note]


def retire(services: Services, viewer: Viewer, kind: str, id_: str, reason: str) -> str:
    """Take it out of use; returns its name.

    Raises:
        Forbidden: not the viewer's to do.
        NotFound: there is none.
        InvalidValue: a route names the policy, a policy names the rota, or it is retired already.
    """
    if viewer.scoped or not viewer.may(Permission.ASSESS):
        raise Forbidden("Only the quality unit of the whole installation retires rules.")
    now_ms = services.clock.now_ms()
    with services.registry.write() as connection:
        if kind == "policy":
            _demand_no_route(connection, id_)
            made = rulebook_changes.retire_policy(connection, id_, by=viewer, reason=reason, now_ms=now_ms)
        else:
            _demand_no_policy(connection, id_, now_ms)
            made = rulebook_changes.retire_rota(connection, id_, by=viewer, reason=reason, now_ms=now_ms)
        configuration.watch(connection, now_ms)
    return made.name


def _demand_no_route(connection: Connection, id_: str) -> None:
    """Nothing, if no route names the policy; said as the table of the routes counts and writes them."""
    stored = routes.newest(connection)
    body = stored.body if stored else {"routes": []}
    named = [
        f"route {number} ({match_words(route.get('match'))})"
        for number, route in enumerate(body["routes"], start=1)
        if route.get("policy") == id_
    ]
    named += ["what no route matches"] if body.get("otherwise") == id_ else []
    if named:
        raise InvalidValue(f"It is still used for {', '.join(named)}. Edit the routes first.")


def _demand_no_policy(connection: Connection, id_: str, now_ms: int) -> None:
    book = Rulebook(connection, now_ms)
    named = sorted(
        policy.name for policy in book.in_use().values()
        if any(target.kind is TargetKind.ROTA and target.id == id_ for step in policy.steps for target in step.targets)
    )  # fmt: skip
    if named:
        raise InvalidValue(f"It is still named by policy {', '.join(named)}. Change that first.")
