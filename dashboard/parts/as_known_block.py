"""A shipment's figures as they were known at an earlier moment, beside those of now."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html

from coldchain.domain.quantity import iso
from coldchain.errors import ColdchainError, InvalidValue, NotFound
from coldchain.registry import shipment_views, shipments
from coldchain.registry.viewer import Permission, Viewer
from compliance.as_known import document_as_known
from dashboard.parts import security, text
from dashboard.parts.budget_blocks import Derives
from dashboard.parts.derivation import number
from dashboard.parts.elements import Column, moment, table
from dashboard.parts.judged_by import kept
from dashboard.parts.logger_forms import folded
from dashboard.parts.profile_blocks import version_link
from dashboard.parts.typed import utc_moment
from dashboard.policy import API
from dashboard.services import Services

Json = dict[str, Any]
_COLUMNS = (Column("Figure"), Column("As known then", numeric=True), Column("Now", numeric=True))


def block(shipment_id: str) -> html.Details:
    """The field for a moment; `register` shows the figures of it below."""
    fields = [
        dmc.TextInput(id="known-at", label="At (UTC)", size="sm", inputProps={"type": "datetime-local"}),
        html.Button("Show", id="known-send", type="button", className="button"),
    ]  # fmt: skip
    return folded("As it was known at an earlier moment", dcc.Store(id="known-of", data=shipment_id),
                  html.Div(fields, className="form-row"), html.Div(id="known-said", **{"aria-live": "polite"}),
                  id="known-form")  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """The figures of the moment that was asked for."""

    @security.secured(
        app,
        Output("known-said", "children"),
        Input("known-send", "n_clicks"),
        State("known-of", "data"),
        State("known-at", "value"),
        perm=Permission.VIEW,
        prevent_initial_call=True,
    )
    def show(clicks: int | None, shipment_id: object, at: object) -> Any:
        if not clicks:
            return dash.no_update
        try:
            return beside(services, security.viewer(), str(shipment_id), at if isinstance(at, str) else "")
        except ColdchainError as error:
            return html.P(str(error), className="problem", role="alert")


def beside(services: Services, viewer: Viewer, shipment_id: str, at: str) -> html.Div:
    """The figures as known then and as they are now, line by line.

    Raises:
        InvalidValue: the moment is missing, no moment, or still to come.
        NotFound: no such shipment for this viewer, or nothing was known of it then.
    """
    moment_ms = _moment(at, services.clock.now_ms())
    subject = shipments.subject(shipment_id)
    with services.registry.read() as connection:
        shipments.exists(connection, viewer, shipment_id)
        try:
            now = shipment_views.compliance(connection, viewer, shipment_id)
        except NotFound:
            now = None
        then = document_as_known(connection, services.journal, services.history, subject, moment_ms)
    of = {"logger": (now or {}).get("governing_logger"), "channel": (now or {}).get("governing_channel")}

    def derived(shown: Any, figure: str) -> Any:
        return number(shown, figure, shipment=shipment_id, **of)

    past = _lines(then, kept)
    today = _lines(now, derived if of["logger"] else kept)
    rows = [(name, value, today.get(name, text.ABSENT)) for name, value in past.items()]
    address = f"{API}/shipments/{shipment_id}/compliance?known_as_of={iso(moment_ms)}"
    words = ["By the readings that had arrived and the facts that were on record at ", moment(moment_ms, "second"),
             ": ", html.A("figures as JSON", href=address, download=""), "."]  # fmt: skip
    return html.Div([table(_COLUMNS, rows, "Figures as known then and now"), html.P(words, className="chart-note")])


def _moment(at: str, now_ms: int) -> int:
    moment_ms = utc_moment("At", at)
    if moment_ms > now_ms:
        raise InvalidValue(f"At: {at.replace('T', ' ')} is still to come; choose a moment that has been.")
    return moment_ms


def _lines(document: Json | None, derived: Derives) -> dict[str, Any]:
    """What one document says, by the names of its figures; the numbers of now lead to their derivations."""
    if document is None:
        return {}
    seen, mkt, profile = document["temperature"], document["mkt"], document["profile"]
    out_s = seen["time_above_s"] + seen["time_below_s"]
    judged_s = seen["time_in_range_s"] + out_s
    coverage, tier = document["coverage_pct"], document["suggestion"]["tier"]
    share = text.percent_floored(seen["time_in_range_s"], judged_s) if judged_s else text.ABSENT
    return {
        "Product profile": version_link(profile["id"], profile["version"], None),
        "Time in range": derived(share, "temperature.in_range_pct"),
        "Time outside": derived(text.duration(out_s), "temperature.time_outside_s"),
        "Unknown": derived(text.duration(seen["time_unknown_s"]), "temperature.time_unknown_s"),
        "Coverage": derived(text.ABSENT if coverage is None else text.percent_floored(coverage, 100), "coverage_pct"),
        "Lowest": derived(text.celsius(seen["min_c"]), "temperature.min_c"),
        "Highest": derived(text.celsius(seen["max_c"]), "temperature.max_c"),
        "MKT": derived(text.fixed(mkt["value_c"], 2, "°C"), "mkt.value_c"),
        "Excursions": derived(f"{len(document['excursions']):,}", "excursions.count"),
        "Suggestion": derived(f"tier {tier}", "suggestion.tier"),
    }
