"""Making a device profile by clicking the fields of a real message; what it reads and what it refuses stands beside."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html

from coldchain.errors import InvalidValue
from coldchain.registry.viewer import Permission
from dashboard.pages import connect_after, connect_draft
from dashboard.parts import bench, bench_forms, grid, security, text
from dashboard.parts.arriving import name
from dashboard.parts.bench import Bench
from dashboard.parts.draft_lists import lacking, roles_in
from dashboard.parts.elements import card, head, link, moment
from dashboard.parts.field_lists import choices, inside
from dashboard.parts.field_tree import across, tree_view, written
from dashboard.parts.page import Page
from dashboard.parts.profile_draft import text_of
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.parts.trial_tables import readings_table, refusal_list, trial_table
from dashboard.services import Services
from sensors.device_profiles.paths import getter

PAGE = Page("dashboard.pages.connect_profile", "Make a device profile", path="/connect/profile",
            perm=Permission.OPERATE)  # fmt: skip
JsonObject = dict[str, Any]


def layout(**query: str) -> Any:
    """Grey blocks of the final sizes; the callbacks fill them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="bench-message", data=query.get("message")),
            dcc.Store(id="bench-start", data=query.get("profile")),
            dcc.Store(id="draft"),
            dcc.Store(id="field-path"),
            dcc.Store(id="bench-saved"),
            html.Div(skeleton(52, 300, 220), id="bench-body", className="page"),
        ]
    )


def unchosen() -> html.Div:
    """The page was opened by its address alone: where the messages are to choose from."""
    where = link("Choose one under “What arrives and is not understood”", "/connect")
    return html.Div([html.H1("A device profile is made from a message"), where], className="state")


def register(app: Dash, services: Services) -> None:
    """The body once; then the draft, and whatever follows from it."""
    _register_body(app, services)
    connect_draft.register(app, services)
    connect_after.register(app, services)


def _register_body(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("bench-body", "children"),
        Output("draft", "data"),
        Input("bench-message", "data"),
        Input("bench-start", "data"),
        perm=Permission.OPERATE,
    )
    def body(message: object, start: object) -> Any:
        made: list[JsonObject] = []

        def show() -> Any:
            if not message:
                return unchosen()
            found = bench.load(services, security.viewer(), message)
            made.append(bench.first_draft(services, found, start))
            return page_body(services, found, made[0], grid.chosen(start))

        shown = attempt("message", show)
        return shown, made[0] if made else None

    @security.secured(app, Output("bench-start", "data"), Input("start-profile", "value"), State("bench-start", "data"),
                      perm=Permission.OPERATE, prevent_initial_call=True)  # fmt: skip
    def start(chosen: object, before: object) -> Any:
        # The field appears with the body, and asks for it again only when somebody chose another one.
        return dash.no_update if (chosen or None) == (before or None) else chosen

    @security.secured(
        app,
        Output("bench-tree", "children"),
        Output("bench-result", "children"),
        Output("draft-text", "value"),
        Input("draft", "data"),
        Input("field-path", "data"),
        Input("bench-look", "value"),
        State("bench-message", "data"),
        perm=Permission.OPERATE,
    )
    def follow(draft: object, path: object, look: object, message: object) -> Any:
        if not isinstance(draft, dict):
            return dash.no_update, dash.no_update, dash.no_update
        found = bench.load(services, security.viewer(), look or message)
        chosen = path if isinstance(path, str) else None
        tree = tree_view(found.tree, roles_in(draft, found.tree), chosen)
        return tree, attempt("result", lambda: result(services, found, draft)), text_of(draft)

    @security.secured(
        app,
        Output("field-about", "children"),
        Output("field-role", "value"),
        Output("field-scope", "data"),
        Output("field-scope", "value"),
        Output("field-box-scope", "hidden"),
        Input("field-path", "data"),
        Input("bench-look", "value"),
        State("bench-message", "data"),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def clicked(path: object, look: object, message: object) -> Any:
        # What was said of the field before is not said of this one.
        found = bench.load(services, security.viewer(), look or message)
        asked_anew = None if dash.ctx.triggered_id == "field-path" else dash.no_update
        where = path if isinstance(path, str) else None
        return about(found, where), asked_anew, *places(found, where)


def page_body(services: Services, found: Bench, draft: JsonObject, start: str | None) -> list[Any]:
    """The page for one source's messages."""
    envelope, viewer = found.message.envelope, security.viewer()
    if found.tree is None:
        why = "Its fields are clicked in JSON. These bytes need a decoder at the sender's network, or a carrier."
        return [_head(found), card(None, empty("This message is no JSON", html.Span(why)))]
    picker = dmc.Select(
        id="bench-look", value=str(found.message.offset), allowDeselect=False, size="xs", className="field wide",
        data=[{"value": str(one.offset), "label": f"{place}. newest of {len(found.kept)}, message {one.offset}"}
              for place, one in enumerate(found.kept, start=1)],
        **{"aria-label": "Message"},
    )  # fmt: skip
    fields = dmc.Textarea(
        id="draft-text", label="Device profile", autosize=True, minRows=8, maxRows=24, className="code"
    )
    taking = html.Button("Take over this text", id="draft-take", type="button", className="button")
    return [
        _head(found),
        card("Begin with", bench_forms.start_form(services, found, viewer, start)),
        html.Div(
            [
                card("Fields of the message", html.Div(id="bench-tree", className="body"), _recalled(found),
                     right=picker),
                html.Div([card("What the field is", bench_forms.field_form(found)),
                          html.Div(id="bench-result", **{"aria-live": "polite"})], className="stack"),
            ],
            className="grid-even",
        ),
        card("The profile", html.Div([bench_forms.whole_form(found, draft), bench_forms.save_form(viewer)],
                                     className="body"),
             html.Details([html.Summary("As text"), html.Div([fields, html.Div(taking, className="card-actions bare"),
                          html.Div(id="draft-said", **{"aria-live": "polite"})], className="body")], className="more"),
             html.P(["From ", html.Span(name(envelope.source), className="mono"), ", arrived ",
                     moment(envelope.received_at_ms, "second")], className="note")),
        html.Div(id="bench-after", **{"aria-live": "polite"}),
    ]  # fmt: skip


def _recalled(found: Bench) -> Any:
    if not found.recalled:
        return None
    words = (
        "Names, types and units are those that its sender declared last. Messages that were kept from before that "
        "declaration are shown by it too, but decoding again reads each by what had been declared until then."
    )
    return html.P(words, className="note")


def _head(found: Bench) -> html.Div:
    by = f"fields as {found.carrier} hands them over" if found.carrier else "nobody knows this source yet"
    who = f"logger {name(found.logger)}, " if found.logger else ""
    return head("Make a device profile", lead=f"{who}{by}", crumb=[link("Connect a logger", "/connect"), " /"])


def about(found: Bench, path: str | None) -> Any:
    """The field that was clicked, with what stands there in the other messages."""
    if not path:
        return "Click a field of the message."
    try:
        value = getter(path)(found.tree)
        return [html.Strong(path, className="mono"), " is ", html.Span(written(value), className="mono"), ". ",
                across(path, [tree for tree in found.trees if tree is not None])]  # fmt: skip
    except InvalidValue as error:
        return str(error)


def places(found: Bench, path: str | None) -> tuple[list[JsonObject], Any, bool]:
    """Where a field of a list may stand besides: the choices, the only one as chosen, and whether to hide them."""
    listed = inside(found.tree, path) if path else None
    ways = [] if listed is None else choices(listed)
    data = [{"value": key, "label": name(told)} for key, told in ways]
    return data, data[0]["value"] if len(data) == 1 else None, listed is None


def result(services: Services, found: Bench, draft: object) -> Any:
    """What the draft reads from the message, every refusal, and the newest messages compared."""
    try:
        profile = bench.profile_of(draft)
    except InvalidValue as error:
        begun = isinstance(draft, dict) and any(draft.get(one) for one in ("channels", "position", "records"))
        said = str(error) if begun else "Click a field of the message and say what it is."
        said = (lacking(draft) if isinstance(draft, dict) else None) or said
        return card("What it becomes", empty("Nothing is read yet", html.Span(said)))
    tried = bench.preview(services, found, profile)
    one = next(one for one in tried if one.offset == found.message.offset)
    read = sum(bool(one.readings) for one in tried)
    refused = sum(len(one.refusals) for one in tried)
    return html.Div(
        [
            card("What it becomes", readings_table(one), refusal_list(one.refusals)),
            card(f"Over the newest {text.count(len(tried), 'message')}", trial_table(tried), className="tall",
                 right=html.Span(f"{read} read, {text.count(refused, 'value')} refused", className="dim small")),
        ],
        className="stack",
    )  # fmt: skip
