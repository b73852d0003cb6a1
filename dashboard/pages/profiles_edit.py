"""Making the next version of a product profile, or a new one: each mistake beside its field, what changes beside it."""

from typing import Any, NamedTuple

import dash
import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, dcc, html

from coldchain.domain.profile_advice import USUAL_INTERVAL_MS
from coldchain.domain.profile_compare import differences
from coldchain.errors import ColdchainError, InvalidValue
from coldchain.registry import profiles
from coldchain.registry.viewer import Permission, Viewer
from dashboard.pages.profiles import EDITOR
from dashboard.parts import product_fields, product_form, security
from dashboard.parts import profile_blocks as blocks
from dashboard.parts.elements import card, head, link
from dashboard.parts.page import Page
from dashboard.parts.product_checks import checked, field_of
from dashboard.parts.product_fields import ACT, BOX, FIELD, NOTE, SUMMARY
from dashboard.parts.product_form import Json
from dashboard.parts.product_preview import preview, remark, rule_line
from dashboard.parts.profile_acts import demand_quality
from dashboard.parts.states import attempt, refusal, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.profiles_edit", "Edit a product profile", path=EDITOR, perm=Permission.ASSESS)
_BLANK: Json = {
    "id": "", "version": 1, "name": "", "storage_class": "refrigerated", "label_range": {},
    "alarm_profile": {"id": "standard", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": []},
}  # fmt: skip


class Begun(NamedTuple):
    """What somebody begins with: the body, what it is compared with, and the version that it would become."""

    body: Json
    against: Json | None
    source: str  # "cct-2-8 version 2", empty for a new one
    next: int
    reason: str


def layout(**query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    asked = {name: query.get(name) for name in ("profile", "version", "copy")}
    return html.Div(
        [
            dcc.Store(id="edit-asked", data=asked),
            dcc.Store(id="edit-base"),
            dcc.Store(id="edit-begun"),
            html.Div(skeleton(52, 200, 420), id="edit-body", className="page"),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The body once; the form again when a row comes or goes; what the parser says after every change."""
    _register_body(app, services)
    _register_rows(app)
    _register_checks(app)
    _register_save(app, services)


def _register_body(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("edit-body", "children"),
        Output("edit-base", "data"),
        Output("edit-begun", "data"),
        Input("edit-asked", "data"),
        perm=Permission.ASSESS,
    )
    def body(asked: object) -> Any:
        made: list[Begun] = []

        def show() -> Any:
            demand_quality(security.viewer())
            made.append(begun(services, asked if isinstance(asked, dict) else {}))
            return page_body(made[0])

        shown = attempt("product profile", show)
        return (shown, made[0].body, made[0]._asdict()) if made else (shown, None, None)


def begun(services: Services, asked: dict[str, Any]) -> Begun:
    """What the editor starts from: nothing, a version to go on from, or a version to copy.

    Raises:
        NotFound: no such product profile or version.
    """
    id_, number = asked.get("profile"), asked.get("version")
    if not isinstance(id_, str) or not id_:
        return Begun(_BLANK, None, "", 1, "")
    with services.registry.read() as connection:
        version = int(number) if isinstance(number, str) and number.isdecimal() and len(number) < 10 else None
        source = profiles.get(connection, id_, version)
        newest = profiles.get(connection, id_)
    called = f"{id_} version {source.profile.version}"
    if asked.get("copy"):
        name = f"Copy of {source.profile.name}" if source.profile.name else ""
        body = {**source.body, "id": f"{id_}-copy", "name": name, "version": 1, "proposal": True}
        return Begun(body, source.body, called, 1, f"copied from {id_}@{source.profile.version}")
    following = newest.profile.version + 1
    return Begun({**source.body, "version": following, "proposal": True}, newest.body, called, following, "")


def page_body(start: Begun) -> list[Any]:
    """The form, and beside it what it would change."""
    new = start.next == 1
    title = "New product profile" if new else f"Edit {start.body.get('name') or start.body['id']}"
    lead = f"Version {start.next}, a proposal until it is approved" + (f"; from {start.source}" if start.source else "")
    interval = dmc.TextInput(
        id="edit-interval", label="Loggers report every (minutes)", value="10", size="sm", debounce=300,
        description="Holds below three of these intervals are worth a second look.",
    )  # fmt: skip
    reason = dmc.Textarea(id="edit-reason", label="Reason", value=start.reason, autosize=True, minRows=2, size="sm",
                          required=not new, description="It goes into the record.")  # fmt: skip
    save = html.Button(f"Save as version {start.next}", id="edit-save", type="button", className="button primary")
    said = html.Div(id="edit-said", **{"aria-live": "polite"})
    aside = [
        card("What changes", html.Div(skeleton(120), id="edit-preview",
                                      **{"aria-live": "polite", "data-tells-unsaved": "1"})),
        card("Save", html.Div([reason, html.Div(save, className="card-actions bare"), said,
                               html.Div(interval, className="made")], className="body")),
        card(None, _as_text()),
    ]  # fmt: skip
    return [
        head(title, lead=lead, crumb=[link("Product profiles", "/product-profiles"), " /"]),
        html.Div(
            [
                html.Div(
                    product_fields.cards(start.body, new=new),
                    id="edit-form",
                    className="stack product-form",
                    **{"data-guarded": "1"},
                ),
                html.Div(aside, className="stack beside"),
            ],
            className="grid-2",
        ),
    ]


def _as_text() -> html.Details:
    field = dmc.Textarea(id="edit-text", label="The profile's format, as JSON or TOML", autosize=True, minRows=8,
                         maxRows=24, className="code")  # fmt: skip
    take = html.Button("Take over this text", id="edit-take", type="button", className="button")
    parts = [field, html.Div(take, className="card-actions bare"),
             html.Div(id="edit-taken", **{"aria-live": "polite"})]  # fmt: skip
    return html.Details([html.Summary("As text"), html.Div(parts, className="body")], className="more")


def _register_rows(app: Dash) -> None:
    every = State({"type": FIELD, "at": ALL}, "value")

    @security.secured(
        app,
        Output("edit-form", "children"),
        Output("edit-base", "data", allow_duplicate=True),
        Input({"type": ACT, "do": ALL, "list": ALL, "place": ALL}, "n_clicks"),
        every,
        State("edit-base", "data"),
        State("edit-begun", "data"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
    )
    def rows(_clicks: object, values: object, base: object, start: object) -> Any:
        asked = dash.ctx.triggered_id
        clicked = bool(dash.ctx.triggered and dash.ctx.triggered[0]["value"])
        if not (clicked and isinstance(asked, dict) and isinstance(base, dict)):
            return dash.no_update, dash.no_update
        made = product_form.assembled(base, given(dash.ctx.states_list[0], values))
        opened: tuple[int, ...] = ()
        if asked.get("do") == "add":
            made = product_form.with_row(made, str(asked["list"]))
            if asked["list"] == product_form.RULES:
                opened = (len(product_form.rows(made, product_form.RULES)) - 1,)
        else:
            made = product_form.without_row(made, str(asked["list"]), int(asked["place"]))
        return product_fields.cards(made, new=_new(start), opened=opened), made

    @security.secured(
        app,
        Output("edit-form", "children", allow_duplicate=True),
        Output("edit-base", "data", allow_duplicate=True),
        Output("edit-taken", "children"),
        Input("edit-take", "n_clicks"),
        State("edit-text", "value"),
        State("edit-begun", "data"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
    )
    def take(clicks: int | None, written: object, start: object) -> Any:
        if not clicks or not isinstance(start, dict):
            return dash.no_update, dash.no_update, dash.no_update
        try:
            body = product_form.read(written if isinstance(written, str) else "")
        except InvalidValue as error:
            return dash.no_update, dash.no_update, refusal(error)
        body |= {"version": start["next"], "proposal": True} | ({} if _new(start) else {"id": start["body"]["id"]})
        return product_fields.cards(body, new=_new(start)), body, html.P("Taken over.", className="dim")


def _new(start: object) -> bool:
    return isinstance(start, dict) and start.get("next") == 1


def given(states: object, values: object) -> dict[str, Any]:
    """What stands in each field, by its path; the browser's word."""
    found: dict[str, Any] = {}
    for one in states if isinstance(states, list) else ():
        path = one.get("id", {}).get("at")
        if isinstance(path, str) and len(path) < 100:
            found[path] = _plain(one.get("value"))
    return found if isinstance(values, list) else {}


def _plain(value: object) -> Any:
    if isinstance(value, list):
        return [str(one)[:100] for one in value[:20]]
    return value[:2000] if isinstance(value, str) else ""


def _register_checks(app: Dash) -> None:
    @security.secured(
        app,
        Output({"type": FIELD, "at": ALL}, "error"),
        Output({"type": BOX, "at": ALL}, "hidden"),
        Output({"type": NOTE, "at": ALL}, "children"),
        Output({"type": SUMMARY, "at": ALL}, "children"),
        Output("edit-preview", "children"),
        Output("edit-text", "value"),
        Input({"type": FIELD, "at": ALL}, "value"),
        Input("edit-interval", "value"),
        State({"type": FIELD, "at": ALL}, "error"),
        State({"type": BOX, "at": ALL}, "hidden"),
        State("edit-base", "data"),
        State("edit-begun", "data"),
        perm=Permission.ASSESS,
    )
    def check(values: object, interval: object, said: object, closed: object, base: object, start: object) -> Any:
        if not (isinstance(base, dict) and isinstance(start, dict)):
            return tuple(dash.no_update for _ in range(6))
        fields = given(dash.ctx.inputs_list[0], values)
        body = product_form.assembled(base, fields)
        found = checked(body, fields, _interval_ms(interval))
        errors, boxes, notes, lines = ([one["id"]["at"] for one in group] for group in dash.ctx.outputs_list[:4])
        remarks = {field_of(one.field, list(fields)): one.words for one in found.remarks}
        return (
            moved([found.mistakes.get(path) for path in errors], said),
            moved([product_form.hidden(path, fields) for path in boxes], closed),
            [remark(remarks.get(path)) for path in notes],
            [rule_line(body, place, found) for place in lines],
            preview(start, body, found),
            product_form.written(body),
        )


def moved(new: list[Any], shown: object) -> list[Any]:
    """Only what differs from what is shown: every field that is set again is drawn again, at each key."""
    old = shown if isinstance(shown, list) and len(shown) == len(new) else [object()] * len(new)
    return [dash.no_update if (one or None) == (was or None) else one for one, was in zip(new, old, strict=True)]


def _interval_ms(value: object) -> int:
    found = value.strip() if isinstance(value, str) else ""
    return int(found) * 60_000 if found.isdecimal() and 0 < len(found) < 5 and int(found) else USUAL_INTERVAL_MS


def _register_save(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("url", "href", allow_duplicate=True),
        Output("edit-said", "children"),
        Output("edit-preview", "children", allow_duplicate=True),
        Input("edit-save", "n_clicks"),
        State({"type": FIELD, "at": ALL}, "value"),
        State("edit-base", "data"),
        State("edit-begun", "data"),
        State("edit-reason", "value"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
        running=[(Output("edit-save", "disabled"), True, False)],
    )
    def save(clicks: int | None, values: object, base: object, start: object, reason: object) -> Any:
        if not clicks or not (isinstance(base, dict) and isinstance(start, dict)):
            return (dash.no_update,) * 3
        body = product_form.assembled(base, given(dash.ctx.states_list[0], values))
        try:
            # Nothing is unsaved any more, and it says so before the page is left.
            return blocks.address(saved(services, security.viewer(), body, reason)), "", html.P("Saved.")
        except ColdchainError as error:
            return dash.no_update, refusal(error), dash.no_update


def saved(services: Services, viewer: Viewer, body: Json, reason: object) -> str:
    """Store the body as the next version; the profile's id.

    Raises:
        Forbidden: the viewer does not change product profiles.
        InvalidValue: the body breaks the format, nothing changed, or a further version has no reason.
        Stale: somebody saved this version meanwhile.
    """
    demand_quality(viewer)
    said = reason.strip()[:2000] if isinstance(reason, str) else ""
    with services.registry.write() as connection:
        known = profiles.history(connection, str(body.get("id")))
        if known and body.get("version") == 1:
            raise InvalidValue(f"Id: {body['id']!r} is taken by another product profile; choose another.")
        if known and not said:
            raise InvalidValue("Reason: say why the profile changes.")
        if known and known[0].state != "retired" and not differences(known[0].body, body):
            raise InvalidValue("Nothing differs from the current version yet.")
        made = profiles.add(connection, body, who=viewer.id, reason=said or None, now_ms=services.clock.now_ms())
    return made.profile.id
