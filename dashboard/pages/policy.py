"""One policy: its ladder, where it is used, its versions and what each changed."""

from typing import Any

from dash import Dash, Input, Output, dcc, html

from coldchain.registry import people, routes
from coldchain.registry.policies import POLICIES
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import policy_blocks, retiring, security
from dashboard.parts.elements import card, head, link, tag
from dashboard.parts.page import Page
from dashboard.parts.rule_words import called, match_words
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.policy", "Policy", path_template="/policies/<policy_id>")


def layout(policy_id: str = "", **_query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div([dcc.Store(id="policy-id", data=policy_id), retiring.done(),
                     html.Div(skeleton(52, 200, 200), id="policy-body", className="page")])  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """The body, and again after it was retired."""
    retiring.register(app, services)  # for the page of rotas as well

    @security.secured(
        app,
        Output("policy-body", "children"),
        Input("policy-id", "data"),
        Input("retire-done", "data"),
        perm=Permission.VIEW,
    )
    def body(id_: object, _done: object) -> Any:
        return attempt("policy", lambda: page_body(services, security.viewer(), str(id_)))


def page_body(services: Services, viewer: Viewer, id_: str) -> list[Any]:
    """The page of one policy.

    Raises:
        NotFound: there is none.
    """
    if viewer.scoped:
        return [head("Policy"), card(None, empty("Not yours to see"))]
    with services.registry.read() as connection:
        history = POLICIES.history(connection, id_)
        known = called(connection)
        named = {"system": "Coldchain", **people.names(connection, {one.who for one in history})}
        stored = routes.newest(connection)
    newest = history[0]
    edit = [policy_blocks.edit("Edit", "policy", id_, primary=True)] if viewer.may(Permission.ASSESS) else []
    lead: list[Any] = [f"Version {newest.version}", *([" · ", tag("retired")] if newest.retired_ms is not None else [])]
    return [
        head(newest.name, lead=lead, crumb=[link("Policies", "/policies"), " /"], actions=edit),
        html.Div(
            [card("While nobody answers", policy_blocks.rungs(newest.body, known)),
             card("Used for", _used(id_, stored.body if stored else None))],
            className="grid-2",
        ),
        policy_blocks.versions(history, known, named),
        retiring.form("policy", id_) if edit and newest.retired_ms is None else "",
    ]  # fmt: skip


def _used(id_: str, body: dict[str, Any] | None) -> Any:
    found = [match_words(one.get("match")) for one in (body or {}).get("routes", []) if one.get("policy") == id_]
    if body and body.get("otherwise") == id_:
        found.append("any alarm that no route matches")
    if not found:
        return empty("No route names it", html.Span("So no alarm goes by it."))
    return html.Ul([html.Li(one) for one in found], className="plain-list body")
