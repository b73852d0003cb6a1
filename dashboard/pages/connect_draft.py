"""What a person says about the fields of a message and about the profile as a whole becomes the draft of a profile."""

from typing import Any

import dash
from dash import Dash, Input, Output, State, html

from coldchain.errors import ColdchainError
from coldchain.registry.viewer import Permission
from dashboard.parts import bench, bench_forms, grid, security
from dashboard.parts.draft_lists import with_field_of, without_field_of
from dashboard.parts.logger_forms import words
from dashboard.parts.profile_draft import ROLES, Said
from dashboard.parts.states import refusal
from dashboard.services import Services

_SAID = ("role", "unit", "channel", "sentinels", "means", "low", "high", "format", "zone", "words")
_WHOLE = ("name", "id", "interval", "topics", "device")
JsonObject = dict[str, Any]


def register(app: Dash, services: Services) -> None:
    """One field, the whole, and a text in place of both."""
    _register_field(app, services)
    _register_whole(app)


def _register_field(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        *(Output(f"field-box-{key}", "hidden") for key in bench_forms.BOXES),
        Output("field-unit", "data"),
        Output("field-unit", "value"),
        Input("field-role", "value"),
        perm=Permission.OPERATE,
    )
    def needs(role: object) -> Any:
        known = grid.chosen(role)
        needed = bench_forms.boxes_of(known)
        return *(key not in needed for key in bench_forms.BOXES), bench_forms.units_of(known), None

    @security.secured(
        app,
        Output("draft", "data", allow_duplicate=True),
        Output("field-said", "children"),
        Input("field-set", "n_clicks"),
        Input("field-drop", "n_clicks"),
        State("draft", "data"),
        State("bench-look", "value"),
        State("bench-message", "data"),
        State("field-path", "data"),
        State("field-scope", "value"),
        *(State(f"field-{key}", "value") for key in _SAID),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def field(
        taken: int | None, dropped: int | None, draft: object, look: object, message: object, *said: object
    ) -> Any:
        if not (taken or dropped) or not isinstance(draft, dict):
            return dash.no_update, dash.no_update
        try:
            tree = bench.load(services, security.viewer(), look or message).tree
            [where, how, *told] = words(*said)
            if dash.ctx.triggered_id == "field-drop":
                return without_field_of(draft, tree, where), ""
            made = with_field_of(draft, Said(where, *told), tree, how)
            return made, html.P(f"{where} is taken for: {ROLES[told[0]]}.", className="dim")
        except ColdchainError as error:
            return dash.no_update, refusal(error)
        except (AttributeError, TypeError, KeyError):
            return dash.no_update, refusal("This text is no device profile; its mistakes stand below.")


def _register_whole(app: Dash) -> None:
    @security.secured(
        app,
        Output("draft", "data", allow_duplicate=True),
        *(Input(f"draft-{key}", "value") for key in _WHOLE),
        State("draft", "data"),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def whole(title: object, id_: object, interval: object, topics: object, device: object, draft: object) -> Any:
        if not isinstance(draft, dict):
            return dash.no_update
        made = with_whole(draft, *words(title, id_, interval, topics, device))
        return dash.no_update if made == draft else made

    @security.secured(
        app,
        Output("draft", "data", allow_duplicate=True),
        Output("draft-said", "children"),
        Input("draft-take", "n_clicks"),
        State("draft-text", "value"),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def take(clicks: int | None, written_: object) -> Any:
        if not clicks:
            return dash.no_update, dash.no_update
        try:
            return bench.draft_of(written_), ""
        except ColdchainError as error:
            return dash.no_update, refusal(error)


def with_whole(draft: JsonObject, title: str, id_: str, interval: str, topics: str, device: str) -> JsonObject:
    """The draft with what the profile says as a whole."""
    made = {**draft, "name": title, "id": id_}
    made.pop("interval_s", None)
    if interval:
        made["interval_s"] = int(interval) if interval.isdecimal() and len(interval) < 9 else interval
    source = made.get("source")
    if isinstance(source, dict):
        source = {**source}
        if "webhook" in source:
            source["webhook"] = topics
        else:
            source["topics"] = [one.strip() for one in topics.split(",") if one.strip()]
        if device:
            source["device"] = device
        made["source"] = source
    return made
