"""Who hears of an alarm when: policies as ladders, the routes to them, and a simulation with names."""

from typing import Any
from zoneinfo import ZoneInfo

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html
from sqlalchemy import Connection, select

from alerts import configuration
from alerts.simulation import Asked, simulate
from alerts.subjects import routed
from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.errors import ColdchainError
from coldchain.registry import routes
from coldchain.registry.policies import POLICIES
from coldchain.registry.schema import shipment, store
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import policy_blocks, security, simulation_blocks
from dashboard.parts.duty_acts import typed_moment
from dashboard.parts.elements import card, head
from dashboard.parts.page import Page
from dashboard.parts.rule_fields import CAUSES
from dashboard.parts.rule_words import called
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.policies", "Policies", path="/policies", icon="policies")
_MOST = 300
_NOTHING = "none: something of the installation"


def layout(**_query: str) -> Any:
    """The form of the simulation, and grey blocks that the callback fills."""
    if security.viewer().scoped:
        words = html.Span("Who is told of alarms is the affair of the whole installation.")
        return html.Div([head("Policies"), card(None, empty("Not yours to see", words))], className="page")
    services = security.services()
    with services.registry.read() as connection:
        subjects = _subjects(connection)
    return html.Div(
        [
            head("Policies", lead="Who hears of an alarm, when, and by what"),
            html.Div(html.Div(skeleton(220, 160), id="policies-body", className="stack")),
            card("If this alarm rose, who would hear of it when?", _form(subjects, services.settings.zone),
                 html.Div(id="simulated", **{"aria-live": "polite"})),
        ],
        className="page",
    )  # fmt: skip


def _form(subjects: list[dict[str, str]], zone: str) -> html.Div:
    severities = [{"value": one.word, "label": one.word.capitalize()} for one in sorted(Severity, reverse=True)]
    causes = [{"value": key, "label": words.capitalize()} for key, words in CAUSES.items()]
    fields = [
        dmc.Select(id="simulate-about", label="About", data=subjects, value=subjects[0]["value"], searchable=True,
                   allowDeselect=False, size="sm"),
        dmc.Select(id="simulate-severity", label="Severity", data=severities, value="critical", allowDeselect=False,
                   size="sm"),
        dmc.Select(id="simulate-cause", label="Cause", data=causes, value="high", allowDeselect=False, size="sm"),
        dmc.TextInput(id="simulate-at", label=f"When, {zone}", inputProps={"type": "datetime-local"}, size="sm",
                      description="Empty: now"),
    ]  # fmt: skip
    ask = html.Button("Who hears?", id="simulate-go", type="button", className="button primary")
    return html.Div([*fields, ask], className="body rule-fields")


def _subjects(connection: Connection) -> list[dict[str, str]]:
    """What the imagined alarm can be about: shipments under way, stores, or the installation."""
    query = select(shipment.c.id, shipment.c.reference, shipment.c.customer).where(
        shipment.c.state.in_(("planned", "in_transit", "arrived"))
    )
    found = [
        {"value": f"shipment:{row.id}", "label": f"{row.reference}, {row.customer or 'no customer'}"}
        for row in connection.execute(query.order_by(shipment.c.reference).limit(_MOST))
    ]
    stores = connection.execute(select(store.c.id, store.c.name).order_by(store.c.name).limit(_MOST))
    found += [{"value": f"store:{row.id}", "label": row.name} for row in stores]
    return [*found, {"value": "system:", "label": _NOTHING}]


def register(app: Dash, services: Services) -> None:
    """The rules once; the simulation when it is asked for."""

    @security.secured(app, Output("policies-body", "children"), Input("url", "pathname"), perm=Permission.VIEW)
    def body(path: object) -> Any:
        if path != PAGE.path:
            return dash.no_update
        return attempt("list of policies", lambda: page_body(services, security.viewer()))

    @security.secured(
        app,
        Output("simulated", "children"),
        Input("simulate-go", "n_clicks"),
        State("simulate-about", "value"),
        State("simulate-severity", "value"),
        State("simulate-cause", "value"),
        State("simulate-at", "value"),
        perm=Permission.VIEW,
        prevent_initial_call=True,
        running=[(Output("simulate-go", "disabled"), True, False)],
    )
    def answer(clicks: int | None, about: object, severity: object, cause: object, at: object) -> Any:
        if not clicks or security.viewer().scoped:
            return dash.no_update
        try:
            return simulated(services, str(about), str(severity), str(cause), at)
        except ColdchainError as error:
            return html.P(str(error), className="status body", role="alert", **{"data-status": "at_risk"})


def page_body(services: Services, viewer: Viewer) -> list[Any]:
    """What is wrong, the policies, the routes."""
    if viewer.scoped:
        return [card(None, empty("Not yours to see"))]
    may_edit = viewer.may(Permission.ASSESS)
    with services.registry.read() as connection:
        known = called(connection)
        found = POLICIES.listed(connection)
        stored = routes.newest(connection)
        wrong = [f"{one.field}: {one.words}" for one in configuration.problems(connection, services.clock.now_ms())]
    return [
        simulation_blocks.problems(wrong),
        html.Div(
            [policy_blocks.policies(found, known, may_edit=may_edit),
             policy_blocks.routing(stored.body if stored else None, known, may_edit=may_edit)],
            className="grid-even",
        ),
    ]  # fmt: skip


def simulated(services: Services, about: str, severity: str, cause: str, at: object) -> list[Any]:
    """The answer for one imagined alarm.

    Raises:
        InvalidValue: a time that is none.
    """
    kind, _, id_ = about.partition(":")
    subject = Subject(SubjectKind(kind if kind in ("shipment", "store") else "system"), id_)
    worst = Severity[severity.upper()] if severity.upper() in Severity.__members__ else Severity.CRITICAL
    zone = ZoneInfo(services.settings.zone)
    at_ms = typed_moment("when", at, zone) if isinstance(at, str) and at else services.clock.now_ms()
    with services.registry.read() as connection:
        alarm = routed(connection, subject, worst, cause if cause in CAUSES else "high", at_ms)
        return simulation_blocks.shown(simulate(connection, Asked(alarm, subject, at_ms)), called(connection))
