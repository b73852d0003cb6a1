"""Making the next version of a policy, a rota or the routes: a form, with each mistake beside its field."""

from typing import Any, NamedTuple

import dash
import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, dcc, html
from sqlalchemy import Connection

from alerts import configuration, rulebook_changes
from coldchain.domain.tables import InvalidTable
from coldchain.errors import ColdchainError, Forbidden, InvalidValue
from coldchain.registry import routes
from coldchain.registry.policies import POLICIES
from coldchain.registry.rotas import ROTAS
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import rule_fields, rule_form, rule_kinds, security
from dashboard.parts.elements import card, head, link
from dashboard.parts.page import Page
from dashboard.parts.rule_form import ACT, FIELD, Json
from dashboard.parts.rule_words import called
from dashboard.parts.states import attempt, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.rules_edit", "Edit alarm rules", path="/alarm-rules/edit", perm=Permission.ASSESS)
KINDS = {"policy": "policy", "rota": "rota", "routing": "the routes"}
_NEW = {"policy": "New policy", "rota": "New rota", "routing": "Edit the routes"}


class Start(NamedTuple):
    """What is edited: its kind, id (empty for a new one), and the version that it becomes."""

    kind: str
    id: str
    next: int


def layout(**query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    kind = query.get("kind", "")
    asked = {"kind": kind if kind in KINDS else "policy", "id": query.get("id", "")[:63]}
    return html.Div([dcc.Store(id="rules-asked", data=asked), dcc.Store(id="rules-start"),
                     html.Div(skeleton(52, 200, 420), id="rules-body", className="page")])  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """The page once; the form again when a row comes or goes, and with its mistakes when it is refused."""

    @security.secured(
        app,
        Output("rules-body", "children"),
        Output("rules-start", "data"),
        Input("rules-asked", "data"),
        perm=Permission.ASSESS,
    )
    def body(asked: object) -> Any:
        made: list[Start] = []
        shown = attempt("rule", lambda: page_body(services, security.viewer(), _asked(asked), made))
        return shown, made[0]._asdict() if made else None

    @security.secured(
        app,
        Output("rules-form", "children"),
        Output("rules-said", "children"),
        Output("url", "href", allow_duplicate=True),
        Input({"type": ACT, "do": ALL, "at": ALL}, "n_clicks"),
        Input("rules-save", "n_clicks"),
        State({"type": FIELD, "at": ALL}, "value"),
        State("rules-start", "data"),
        State("rules-reason", "value"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
        running=[(Output("rules-save", "disabled"), True, False)],
    )
    def changed(_rows: object, _save: object, values: object, begun: object, reason: object) -> Any:
        clicked = bool(dash.ctx.triggered and dash.ctx.triggered[0]["value"])
        if not clicked or not isinstance(begun, dict) or begun.get("kind") not in KINDS:
            return (dash.no_update,) * 3
        start = Start(str(begun["kind"]), str(begun.get("id") or ""), int(begun.get("next") or 1))
        form = {**rule_kinds.BLANK[start.kind], **_empty_lists(start.kind),
                **rule_form.tree(rule_form.given(dash.ctx.states_list[0], values))}  # fmt: skip
        asked = dash.ctx.triggered_id
        if isinstance(asked, dict):
            return _drawn(services, start, acted(form, str(asked["do"]), str(asked["at"])), {}), "", dash.no_update
        return _save_it(services, start, form, reason)


def _asked(given: object) -> tuple[str, str]:
    found = given if isinstance(given, dict) else {}
    return str(found.get("kind") or "policy"), str(found.get("id") or "")


def _empty_lists(kind: str) -> Json:
    return {name: [] for name in rule_kinds.ROWS if name in rule_kinds.BLANK[kind]}


def demand_quality(viewer: Viewer) -> None:
    """Nothing, if the viewer may change rules that all customers share.

    Raises:
        Forbidden: it may not.
    """
    if viewer.scoped or not viewer.may(Permission.ASSESS):
        raise Forbidden("Alarm rules are changed by the quality unit of the whole installation.")


def page_body(services: Services, viewer: Viewer, asked: tuple[str, str], made: list[Start]) -> list[Any]:
    """The form and where it is saved; `made` is told what is edited.

    Raises:
        Forbidden: the viewer may not change rules.
        NotFound: there is no such policy or rota.
    """
    demand_quality(viewer)
    with services.registry.read() as connection:
        start, form = begun(connection, *asked)
        known = called(connection)
    made.append(start)
    new = start.next == 1
    back = ("On call", "/on-call") if start.kind == "rota" else ("Policies", "/policies")
    title = _NEW[start.kind] if new or start.kind == "routing" else f"Edit {form['name']}"
    reason = dmc.Textarea(id="rules-reason", label="Reason", autosize=True, minRows=2, size="sm", required=not new,
                          description="It goes into the record.")  # fmt: skip
    save = html.Button(f"Save as version {start.next}", id="rules-save", type="button", className="button primary")
    effect = "It counts at once, also for alarms that climb already." if start.kind == "rota" else \
        "Alarms that climb already keep the version that they began with."  # fmt: skip
    return [
        head(title, lead=f"Version {start.next}. {effect}", crumb=[link(*back), " /"]),
        html.Div(rule_fields.cards(start.kind, form, known, {}, new=new), id="rules-form", className="stack"),
        card("Save", html.Div([reason, html.Div(save, className="card-actions bare"),
                               html.Div(id="rules-said", **{"aria-live": "polite"})], className="body")),
    ]  # fmt: skip


def begun(connection: Connection, kind: str, id_: str) -> tuple[Start, Json]:
    """What the editor starts from: a blank, or the newest version.

    Raises:
        NotFound: there is no such policy or rota.
    """
    if kind == "routing":
        stored = routes.newest(connection)
        form = rule_kinds.BLANK[kind] if stored is None else rule_kinds.to_form(kind, "", stored.body)
        return Start(kind, "", 1 if stored is None else stored.version + 1), form
    if not id_:
        return Start(kind, "", 1), rule_kinds.BLANK[kind]
    found = (POLICIES if kind == "policy" else ROTAS).get(connection, id_)
    return Start(kind, id_, found.version + 1), rule_kinds.to_form(kind, id_, found.body)


def acted(form: Json, do: str, at: str) -> Json:
    """The form with a row more, a row less, or a row moved up."""
    if do == "add" and at in rule_kinds.ROWS:
        return rule_form.with_row(form, at, rule_kinds.ROWS[at])
    name, number = rule_form.row_of(at)
    return rule_form.moved_up(form, name, number) if do == "up" else rule_form.without_row(form, name, number)


def _drawn(services: Services, start: Start, form: Json, mistakes: dict[str, str]) -> list[Any]:
    with services.registry.read() as connection:
        known = called(connection)
    return rule_fields.cards(start.kind, form, known, mistakes, new=start.next == 1)


def _save_it(services: Services, start: Start, form: Json, reason: object) -> Any:
    try:
        where = saved(services, security.viewer(), start, form, reason)
    except InvalidTable as error:
        mistakes = rule_form.mistakes_of(error.problems)
        count = "One mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        rest = rule_form.unplaced(mistakes, rule_form.given(dash.ctx.states_list[0], [1]))
        lines = [f"{count}: see the fields.", *rest]
        return _drawn(services, start, form, mistakes), _refused(lines), dash.no_update
    except ColdchainError as error:
        return dash.no_update, _refused([str(error)]), dash.no_update
    return dash.no_update, "Saved.", where


def _refused(lines: list[str]) -> html.Div:
    return html.Div([html.P(one) for one in lines], className="status refusal", role="alert",
                    **{"data-status": "at_risk"})  # fmt: skip


def saved(services: Services, viewer: Viewer, start: Start, form: Json, reason: object) -> str:
    """Store the next version; the address of where it is seen.

    Raises:
        InvalidTable: names every mistake by field.
        InvalidValue: a new one has the id of another, or a further version has no reason.
        Stale: somebody saved this version meanwhile.
        Forbidden: the viewer may not change rules.
    """
    demand_quality(viewer)
    body, unread = rule_kinds.from_form(start.kind, form)
    if unread:
        raise InvalidTable(KINDS[start.kind], [f"{path} {words}" for path, words in unread.items()])
    said = reason.strip()[:2000] if isinstance(reason, str) else ""
    id_ = start.id or str(form.get("id") or "").strip()
    with services.registry.write() as connection:
        now_ms = services.clock.now_ms()
        given: dict[str, Any] = {"by": viewer, "reason": said or None, "now_ms": now_ms, "version": start.next}
        store = POLICIES if start.kind == "policy" else ROTAS
        if start.kind != "routing" and start.next == 1 and store.newest_version(connection, id_) is not None:
            raise InvalidValue(f"Id: {id_!r} is taken by another one; choose another.")
        match start.kind:
            case "policy":
                rulebook_changes.put_policy(connection, id_, body, **given)
            case "rota":
                rulebook_changes.put_rota(connection, id_, body, **given)
            case _:
                rulebook_changes.put_routing(connection, body, **given)
        configuration.watch(connection, now_ms)
    return {"policy": f"/policies/{id_}", "rota": f"/on-call?rota={id_}", "routing": "/policies"}[start.kind]
