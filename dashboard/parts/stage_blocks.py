"""A shipment's stages and legs: what is on record, with who and why, and the form by which a person corrects it."""

from collections.abc import Sequence
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html

from coldchain.domain.shipment import Stage
from coldchain.errors import ColdchainError, InvalidValue
from coldchain.registry import batches, shipments, stages
from coldchain.registry.viewer import Permission, Viewer
from compliance.ledger import Ledger
from compliance.legs import Leg, legs_of_shipment
from compliance.shipment_budget import ledger_alone
from dashboard.parts import security, text
from dashboard.parts.budget_blocks import Derives, budget_block, of_shipment
from dashboard.parts.derivation import number
from dashboard.parts.dossier import Dossier, JsonObject
from dashboard.parts.elements import Column, card, link, moment, table, tag
from dashboard.parts.logger_forms import folded, words
from dashboard.parts.states import empty
from dashboard.parts.typed import utc_moment
from dashboard.services import Services

STAGE_WORDS = {
    Stage.CONDITIONING: "conditioning", Stage.LOADING: "loading", Stage.IN_TRANSIT: "in transit",
    Stage.HANDOVER: "hand-over", Stage.ARRIVED: "arrived", Stage.POST_REMOVAL: "after removal",
}  # fmt: skip
SOURCES = {"hand": "by hand", "geofence": "by position", "event": "by an event", "plan": "as planned"}


def budget_card(services: Services, dossier: Dossier) -> html.Section:
    """What this shipment has used of the stability budget, and where the rest of each batch's use is found."""
    shipment_id = dossier.shown["id"]
    with services.registry.read() as connection:
        carried = batches.of_shipment(connection, shipment_id)
    names = [part for key in carried for part in (", ", link(key.batch, f"/batches/{key.id}"))][1:]
    return card(
        "Stability budget",
        budget_block(ledger_of(services, dossier), derived=of_shipment(shipment_id, dossier.document)),
        right=html.Span(["this shipment alone", *([", all of batch ", *names] if names else [])],
                        className="dim small"),
    )  # fmt: skip


def ledger_of(services: Services, dossier: Dossier) -> Ledger:
    """The ledger of this shipment alone."""
    with services.registry.read() as connection:
        return ledger_alone(connection, dossier.shown, dossier.document, dossier.now_ms)


def journey_cards(services: Services, viewer: Viewer, shipment_id: str) -> html.Div:
    """Legs and stages side by side."""
    with services.registry.read() as connection:
        legs = legs_of_shipment(connection, services.history, shipment_id)
    return html.Div(
        [
            card("Legs", leg_table(legs, shipment_id),
                 right=html.Span("cut where one ends and the next begins", className="dim small")),
            card("Stages", html.Div(stage_body(services, viewer, shipment_id), id="stage-list"),
                 *([stage_form(viewer)] if viewer.may(Permission.OPERATE) else [])),
        ],
        className="stack",
    )  # fmt: skip


def leg_table(legs: Sequence[Leg], shipment_id: str) -> Any:
    """The figures of each leg."""
    if not legs:
        return empty("No leg on record", html.Span("Departures, legs and arrivals are milestones of the shipment."))
    columns = (
        Column("Leg"), Column("Custodian"), Column("Lowest", numeric=True), Column("Highest", numeric=True),
        Column("MKT", numeric=True), Column("In range", numeric=True), Column("Outside", numeric=True),
        Column("Unknown", numeric=True), Column("Excursions", numeric=True),
    )  # fmt: skip
    rows = [_leg_row(leg, place, shipment_id) for place, leg in enumerate(legs)]
    return table(columns, rows, "Legs of this shipment")


def _leg_row(leg: Leg, place: int, shipment_id: str) -> tuple[Any, ...]:
    span = [moment(leg.span.start_ms), *([" to ", moment(leg.span.end_ms)] if leg.span.end_ms else [" until now"])]
    about = (
        html.Div([html.Span(leg.name), html.Span(span, className="dim small")], className="lines"),
        ", ".join(leg.custodians) or text.ABSENT,
    )
    said = leg.document
    if said is None:
        return (*about, *[text.ABSENT] * 7)

    def derived(shown: Any, figure: str) -> Any:
        of = {"logger": said["logger"], "channel": said["channel"], "leg": place}
        return number(shown, figure, shipment=shipment_id, **of)

    seen, label = said["temperature"], leg.inputs.profile.label
    low, high = (None if limit is None else limit / 1000 for limit in (label.low_mc, label.high_mc))
    out_s = seen["time_above_s"] + seen["time_below_s"]
    outside: Any = derived(text.duration(out_s), "temperature.time_outside_s")
    if out_s:
        outside = html.Span(outside, className="status", **{"data-status": "excursion"})
    return (
        *about,
        *(derived(text.within(seen[name], low, high), f"temperature.{name}") for name in ("min_c", "max_c")),
        _mkt(said["mkt"], derived),
        derived(text.duration(seen["time_in_range_s"]), "temperature.time_in_range_s"),
        outside,
        derived(text.duration(seen["time_unknown_s"]), "temperature.time_unknown_s") if seen["time_unknown_s"]
        else text.ABSENT,
        derived(f"{len(said['excursions']):,}", "excursions.count") if said["excursions"] else text.ABSENT,
    )  # fmt: skip


def _mkt(mkt: JsonObject, derived: Derives) -> Any:
    if mkt["value_c"] is None:
        return html.Span(text.ABSENT, title=mkt["reason"])
    lower, upper = text.fixed(mkt["lower_c"]), text.fixed(mkt["upper_c"])
    value = derived(text.fixed(mkt["value_c"], 2, "°C"), "mkt.value_c")
    if lower == upper:
        return value
    bounds = [derived(lower, "mkt.lower_c"), " … ", derived(upper, "mkt.upper_c")]
    return html.Div([value, html.Span(bounds, className="dim small")], className="lines")


# --- stages ----------------------------------------------------------------------------------------------------------


def stage_body(services: Services, viewer: Viewer, shipment_id: str) -> Any:
    """The stages on record; those that are not judged say so."""
    with services.registry.read() as connection:
        found = stages.stage_json(connection, stages.of_shipment(connection, viewer, shipment_id))
    if not found:
        return empty("No stage on record", html.Span("Every reading counts until somebody says otherwise."))
    may = viewer.may(Permission.OPERATE)
    columns = [Column(name) for name in ("Stage", "From", "To", "Judged", "Who and why", *(["Correct"] if may else []))]
    return table(columns, [_stage_row(one, may=may) for one in found], "Stages of this shipment")


def _stage_row(one: JsonObject, *, may: bool) -> tuple[Any, ...]:
    where = f" at {one['place']}" if one["place"] else ""
    judged = "yes" if one["judged"] else [tag("excluded"), html.Span(" shown, not judged", className="dim")]
    said = html.Div(
        [html.Span(f"{one['who']}, {SOURCES.get(one['source'], one['source'])}"),
         html.Span(one["reason"] or "", className="dim small")], className="lines",
    )  # fmt: skip
    row: tuple[Any, ...] = (
        STAGE_WORDS[Stage(one["stage"])] + where, moment(one["from"]),
        moment(one["to"]) if one["to"] else "until the next one", judged, said,
    )  # fmt: skip
    if not may:
        return row
    name = f"Take back {STAGE_WORDS[Stage(one['stage'])]} from {one['from'][:16].replace('T', ' ')}"
    button = html.Button("Take back", id={"stage-withdraw": one["id"]}, type="button", className="button",
                         **{"aria-label": name})  # fmt: skip
    return (*row, button)


def stage_form(viewer: Viewer) -> html.Details:
    """The fields by which a person sets a stage; what takes readings out of judgement is for who assesses."""
    choices = [stage for stage in Stage if stage.judged or viewer.may(Permission.ASSESS)]
    fields = [
        dmc.Select(id="stage-name", label="Stage", size="sm", value=Stage.IN_TRANSIT.value, allowDeselect=False,
                   data=[{"value": stage.value, "label": STAGE_WORDS[stage]
                          + ("" if stage.judged else " (not judged)")} for stage in choices]),
        dmc.TextInput(id="stage-from", label="From (UTC)", size="sm", inputProps={"type": "datetime-local"}),
        dmc.TextInput(id="stage-to", label="To (UTC), if it ended", size="sm", inputProps={"type": "datetime-local"}),
        dmc.TextInput(id="stage-reason", label="Reason", size="sm", placeholder="needed, also to take one back"),
        html.Button("Set stage", id="stage-send", type="button", className="button primary"),
    ]  # fmt: skip
    return folded("Set or correct a stage", html.Div(fields, className="form-row"),
                  html.Div(id="stage-said", **{"aria-live": "polite"}), id="stage-form")  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """Setting a stage and taking one back; the list is written anew, the figures follow with the engine."""

    @security.secured(
        app,
        Output("stage-list", "children"),
        Output("stage-said", "children"),
        Input("stage-send", "n_clicks"),
        Input({"stage-withdraw": dash.ALL}, "n_clicks"),
        State("shipment-id", "data"),
        State("stage-name", "value"),
        State("stage-from", "value"),
        State("stage-to", "value"),
        State("stage-reason", "value"),
        perm=Permission.OPERATE,
        prevent_initial_call=True,
    )
    def changed(send: int | None, taken: list[int | None], shipment_id: object, *asked: object) -> Any:
        if not send and not any(taken):
            return dash.no_update, dash.no_update
        viewer, shipment = security.viewer(), str(shipment_id)
        chosen = dash.ctx.triggered_id
        try:
            if isinstance(chosen, dict):
                reason = words(asked[3])[0]
                said = take_back(services, viewer, shipment, chosen.get("stage-withdraw"), reason)
            else:
                said = set_stage(services, viewer, shipment, *asked)
        except ColdchainError as error:
            return dash.no_update, html.P(str(error), className="problem", role="alert")
        return stage_body(services, viewer, shipment), html.P(said)


def set_stage(services: Services, viewer: Viewer, shipment_id: str, *asked: object) -> str:
    """Carry the form out; what the person is told.

    Raises:
        InvalidValue: names the field and the remedy.
        Forbidden: readings would no longer be judged, and the viewer may not assess.
        NotFound: no such shipment for this viewer.
    """
    stage, start, end, reason = words(*asked)
    if not start:
        raise InvalidValue("From: say when the stage began.")
    from_ms, to_ms = utc_moment("From", start), utc_moment("To", end) if end else None
    with services.registry.write() as connection:
        stages.put(connection, shipment_id, stage, from_ms, to_ms, reason=reason, by=viewer,
                   now_ms=services.clock.now_ms())  # fmt: skip
    return "Recorded under your name; the figures are computed again."


def take_back(services: Services, viewer: Viewer, shipment_id: str, fact_id: object, reason: str) -> str:
    """Withdraw a stage; what the person is told.

    Raises:
        InvalidValue: without a reason.
        NotFound: it is gone already, or no such shipment for this viewer.
    """
    if not reason:
        raise InvalidValue("Reason: say below why the stage is taken back, then press again.")
    with services.registry.write() as connection:
        shipments.exists(connection, viewer, shipment_id)
        number = fact_id if isinstance(fact_id, int) else -1
        stages.withdraw(connection, shipment_id, number, reason=reason, by=viewer, now_ms=services.clock.now_ms())
    return "Taken back; the figures are computed again."
