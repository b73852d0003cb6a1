"""A batch's stays in stores: what is on record, with who and why, and the form by which a person adds or ends one."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html
from sqlalchemy import Connection

from coldchain.errors import ColdchainError, InvalidValue, NotFound
from coldchain.registry import stays, stores
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security
from dashboard.parts.dossier import JsonObject
from dashboard.parts.elements import Column, card, link, moment, table
from dashboard.parts.logger_forms import folded, words
from dashboard.parts.states import empty
from dashboard.parts.typed import utc_moment
from dashboard.services import Services

_TIME = {"type": "datetime-local"}


def stays_card(services: Services, viewer: Viewer, batch: str) -> Any:
    """The stays on record, and the form for who may write them down; nothing for a viewer of shipments only."""
    if viewer.scoped:
        return None
    try:
        listed = stay_body(services, viewer, batch)
    except NotFound:
        return None  # the page's body says so
    form = [stay_form(services, viewer)] if _may_write(viewer) else []
    return card(
        "Stays in stores", html.Div(listed, id="stay-list"), *form,
        right=html.Span("what a store's loggers measure counts while the batch is there", className="dim small"),
    )  # fmt: skip


def _may_write(viewer: Viewer) -> bool:
    return viewer.may(Permission.OPERATE) and not viewer.scoped


def stay_body(services: Services, viewer: Viewer, batch: str) -> Any:
    """The stays of the batch as a table."""
    with services.registry.read() as connection:
        found = stays.stay_json(connection, stays.visible(connection, viewer, batch))
    if not found:
        return empty("No stay on record", html.Span("Time between shipments does not count until it is."))
    may = _may_write(viewer)
    columns = [Column(name) for name in ("Store", "From", "To", "Who and why", *(["Correct"] if may else []))]
    return table(columns, [_row(one, viewer, may=may) for one in found], "Stays of this batch in stores")


def _row(one: JsonObject, viewer: Viewer, *, may: bool) -> tuple[Any, ...]:
    said = html.Div([html.Span(one["who"]), html.Span(one["reason"] or "", className="dim small")], className="lines")
    row: tuple[Any, ...] = (
        link(one["name"], f"/stores/{one['store']}"), moment(one["from"]),
        moment(one["to"]) if one["to"] else "still there", said,
    )  # fmt: skip
    if not may:
        return row
    buttons = [_button("stay-end", "Left", one)] if one["to"] is None else []
    if viewer.may(Permission.ASSESS):
        buttons.append(_button("stay-withdraw", "Take back", one))
    return (*row, html.Div(buttons, className="actions"))


def _button(act: str, name: str, one: JsonObject) -> html.Button:
    label = f"{name}: {one['name']} from {one['from'][:16].replace('T', ' ')}"
    return html.Button(name, id={act: one["id"]}, type="button", className="button", **{"aria-label": label})


def stay_form(services: Services, viewer: Viewer) -> html.Details:
    """The fields of a stay; “Left” of a row takes its moment and its reason from here as well."""
    with services.registry.read() as connection:
        choices = [{"value": one["id"], "label": one["name"]} for one in stores.listed(connection, viewer)]
    fields = [
        dmc.Select(id="stay-store", label="Store", size="sm", data=choices, searchable=True, placeholder="choose"),
        dmc.TextInput(id="stay-from", label="From (UTC)", size="sm", inputProps=_TIME),
        dmc.TextInput(id="stay-to", label="To (UTC), if it left", size="sm", inputProps=_TIME),
        dmc.TextInput(id="stay-reason", label="Reason", size="sm", placeholder="needed, also to end one"),
        html.Button("Record stay", id="stay-send", type="button", className="button primary"),
    ]  # fmt: skip
    return folded("Record or end a stay", html.Div(fields, className="form-row"),
                  html.Div(id="stay-said", **{"aria-live": "polite"}), id="stay-form")  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """Recording, ending and taking back; the list is written anew, the budget follows with the page's next look."""

    @security.secured(
        app,
        Output("stay-list", "children"),
        Output("stay-said", "children"),
        Output("stay-done", "data"),
        Input("stay-send", "n_clicks"),
        Input({"stay-end": dash.ALL}, "n_clicks"),
        Input({"stay-withdraw": dash.ALL}, "n_clicks"),
        State("batch-id", "data"),
        State("stay-store", "value"),
        State("stay-from", "value"),
        State("stay-to", "value"),
        State("stay-reason", "value"),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def changed(
        send: int | None, ended: list[int | None], taken: list[int | None], batch_id: object, *asked: object
    ) -> Any:
        if not send and not any(ended) and not any(taken):
            return dash.no_update, dash.no_update, dash.no_update
        viewer, batch, chosen = security.viewer(), str(batch_id), dash.ctx.triggered_id
        given = words(*asked)
        try:
            with services.registry.write() as connection:
                said = act(connection, viewer, batch, chosen, given, services.clock.now_ms())
        except ColdchainError as error:
            return dash.no_update, html.P(str(error), className="problem", role="alert"), dash.no_update
        return stay_body(services, viewer, batch), html.P(said), services.clock.now_ms()


def act(
    connection: Connection, viewer: Viewer, batch: str, chosen: object, given: list[str], now_ms: int
) -> str:  # fmt: skip
    """Carry out what was pressed; what the person is told.

    Raises:
        InvalidValue: names the field and the remedy.
        Forbidden, NotFound: as the registry says.
    """
    in_store, start, end, reason = given
    if viewer.scoped:
        raise InvalidValue("Stays are recorded by people who see the whole installation.")
    by: dict[str, Any] = {"reason": reason, "by": viewer, "now_ms": now_ms}
    if isinstance(chosen, dict):
        number = next((one for one in chosen.values() if isinstance(one, int)), -1)
        if "stay-withdraw" in chosen:
            stays.withdraw(connection, batch, number, **by)
            return "Taken back; its time no longer counts."
        if not end:
            raise InvalidValue("To: say below when the batch left, and why you know, then press again.")
        stays.end(connection, batch, number, utc_moment("To", end), **by)
        return "Ended under your name."
    if not in_store or not start:
        raise InvalidValue("Store, From: say where the batch was, and since when.")
    until = utc_moment("To", end) if end else None
    stays.put(connection, batch, in_store, utc_moment("From", start), until, **by)
    return "Recorded under your name; the budget is computed with it."
