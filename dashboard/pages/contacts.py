"""Contacts and drills: how each person is reached, whether that was proved, and whom else an alarm informs."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from sqlalchemy import Connection, select

from alerts.rulebook import Rulebook
from coldchain.errors import ColdchainError
from coldchain.registry import contact_checks, endpoints, parties, people
from coldchain.registry.people import LANGUAGES, Person
from coldchain.registry.rotas import ROTAS
from coldchain.registry.schema import person
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import contact_acts, contact_blocks, hours_form, security
from dashboard.parts.contact_blocks import Reached
from dashboard.parts.elements import card, head
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, refusal, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.contacts", "Contacts", path="/contacts", icon="contacts")
_PARTY = ("party", "name", "email", "phone", "zone", "language")


def layout(**_query: str) -> Any:
    """The lists under the viewer, and the forms for who may use them."""
    viewer = security.viewer()
    parts: list[Any] = [
        head("Contacts", lead="How people are reached, and whether that works"),
        dcc.Store(id="contact-act"),
        dcc.Store(id="contact-done"),
        dcc.Store(id="contact-start", data=1),
        html.Div(skeleton(240), id="contact-people"),
    ]
    if not viewer.scoped:
        # Who has something to confirm finds it on top, and not below forty others.
        parts.insert(1 if _unproved(viewer) else len(parts), _code())
    if viewer.may(Permission.ACKNOWLEDGE) and not viewer.scoped:
        parts.append(hours_form.dialog())
    if viewer.may(Permission.ADMINISTER) and not viewer.scoped:
        parts += [
            card("Parties of a shipment", html.Div(skeleton(90), id="contact-parties"), _party_form()),
            card("Programs that are told", html.Div(skeleton(90), id="contact-endpoints"), _endpoint_form()),
        ]
    return html.Div(parts, className="page")


def _unproved(viewer: Viewer) -> bool:
    with security.services().registry.read() as connection:
        own = people.get(connection, viewer.id)
    return own is not None and (own.email_verified_ms is None or (bool(own.phone) and own.phone_verified_ms is None))


def _code() -> html.Section:
    field = dmc.TextInput(id="contact-code", label="Code", size="sm", inputProps={"inputMode": "numeric"},
                          description="Of the mail or SMS that “Verify” sent to you.")  # fmt: skip
    send = html.Button("Confirm", id="contact-code-send", type="button", className="button primary")
    said = html.Div(id="contact-code-said", **{"aria-live": "polite"})
    return card("Confirm an address of yours", html.Div([field, send, said], className="body rule-fields"))


def _party_form() -> html.Details:
    fields = [
        dmc.TextInput(id="party-party", label="Party", size="sm", description="Written as on shipments"),
        dmc.TextInput(id="party-name", label="Name", size="sm"),
        dmc.TextInput(id="party-email", label="Mail", size="sm"),
        dmc.TextInput(id="party-phone", label="Phone", size="sm"),
        dmc.TextInput(id="party-zone", label="Time zone", size="sm", value="UTC"),
        dmc.Select(id="party-language", label="Language", size="sm", value="en", allowDeselect=False,
                   data=[{"value": one, "label": contact_blocks.LANGUAGES[one]} for one in LANGUAGES]),
        html.Button("Enter", id="party-send", type="button", className="button primary"),
        html.Div(id="party-said", **{"aria-live": "polite"}),
    ]  # fmt: skip
    return html.Details([html.Summary("Enter a contact"), html.Div(fields, className="body rule-fields")],
                        className="more")  # fmt: skip


def _endpoint_form() -> html.Details:
    fields = [
        dmc.TextInput(id="endpoint-name", label="Name", size="sm"),
        dmc.Select(id="endpoint-kind", label="Told by", size="sm", value="webhook", allowDeselect=False,
                   data=[{"value": "webhook", "label": "signed webhook"}, {"value": "apprise", "label": "apprise"}]),
        dmc.TextInput(id="endpoint-url", label="Address", size="sm",
                      description="https://… of a webhook, or an address of apprise, which stays secret."),
        dmc.Checkbox(id="endpoint-private", label="It is inside our own network", size="sm", mt=24),
        html.Button("Enter", id="endpoint-send", type="button", className="button primary"),
        html.Div(id="endpoint-said", **{"aria-live": "polite"}),
    ]  # fmt: skip
    return html.Details([html.Summary("Enter an endpoint"), html.Div(fields, className="body rule-fields")],
                        className="more")  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """The lists, and again after each act."""
    _register_lists(app, services)
    _register_acts(app, services)
    _register_forms(app, services)
    hours_form.register(app, services)


def _register_lists(app: Dash, services: Services) -> None:
    # With the start as a second input: the lists would wait for ever for an act that does nothing at first.
    start = Input("contact-start", "data")

    @security.secured(
        app, Output("contact-people", "children"), start, Input("contact-done", "data"), perm=Permission.VIEW
    )
    def listed(_start: object, _done: object) -> Any:
        return attempt("list of people", lambda: _people(services, security.viewer()))

    @security.secured(
        app,
        Output("contact-parties", "children"),
        Output("contact-endpoints", "children"),
        start,
        Input("contact-done", "data"),
        perm=Permission.ADMINISTER,
    )
    def others(_start: object, _done: object) -> Any:
        contact_acts.demand_admin(security.viewer())
        return (
            attempt("list of parties", lambda: _parties(services)),
            attempt("list of endpoints", lambda: _endpoints(services)),
        )


def _people(services: Services, viewer: Viewer) -> Any:
    if viewer.scoped:
        return card("People", empty("Not yours to see", html.Span("You see one party's shipments.")))
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        found = reached(connection, viewer, now_ms)
    may_send = viewer.may(Permission.ADMINISTER)
    mine = {one.person.id for one in found if hours_form.may_edit(viewer, one.person.id)}
    return contact_blocks.people(found, me=viewer.id, may_send=may_send, now_ms=now_ms, hours_of=mine)


def reached(connection: Connection, viewer: Viewer, now_ms: int) -> list[Reached]:
    """Everybody with access, those on call first."""
    known = [one for one in people.listed(connection, viewer) if people.active(one, now_ms)]
    columns = (person.c.id, person.c.phone, person.c.working_hours, person.c.quiet_hours, person.c.digest_at)
    rows = {row.id: row for row in connection.execute(select(*columns))}
    drills = contact_checks.newest_drills(connection)
    duties = on_duty(connection, now_ms)
    found = [_reached(one, rows[one.id], duties, drills) for one in known]
    return sorted(found, key=lambda one: (not one.duties, not one.person.on_call))


def _reached(one: Person, row: Any, duties: dict[str, list[str]], drills: dict[tuple[str, str], Any]) -> Reached:
    mine = {channel: drills[one.id, channel] for channel in ("email", "sms") if (one.id, channel) in drills}
    return Reached(
        one, bool(row.phone), row.working_hours, row.quiet_hours, row.digest_at, duties.get(one.id, []), mine
    )


def on_duty(connection: Connection, now_ms: int) -> dict[str, list[str]]:
    """Person → the layers in which they are on duty now."""
    book = Rulebook(connection, now_ms)
    found: dict[str, list[str]] = {}
    for stored in ROTAS.listed(connection):
        for layer in stored.body["layers"]:
            duty = book.duty(stored.id, str(layer["name"]), now_ms)
            if duty.person is not None:
                found.setdefault(duty.person, []).append(f"{stored.name}, {layer['name']}")
    return found


def _parties(services: Services) -> Any:
    with services.registry.read() as connection:
        return contact_blocks.parties(parties.listed(connection))


def _endpoints(services: Services) -> Any:
    with services.registry.read() as connection:
        return contact_blocks.endpoints(endpoints.listed(connection))


def _register_acts(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("contact-done", "data"),
        Output("notices", "sendNotifications", allow_duplicate=True),
        Input("contact-act", "data"),
        perm=Permission.VIEW,
        prevent_initial_call=True,
    )
    def acted(asked: object) -> Any:
        what = asked.get("ask") if isinstance(asked, dict) else None
        if not isinstance(what, str) or hours_form.whose(asked) is not None:
            return dash.no_update, dash.no_update
        title, words = contact_acts.do(services, security.viewer(), what)
        return asked, [_note(title, words)]

    @security.secured(
        app,
        Output("contact-done", "data", allow_duplicate=True),
        Output("contact-code-said", "children"),
        Input("contact-code-send", "n_clicks"),
        State("contact-code", "value"),
        perm=Permission.VIEW,
        prevent_initial_call=True,
    )
    def confirmed(clicks: int | None, code: object) -> Any:
        if not clicks:
            return dash.no_update, dash.no_update
        try:
            title, words = contact_acts.by_code(services, security.viewer(), _typed(code)[:20])
        except ColdchainError as error:
            return dash.no_update, refusal(error)
        return {"code": clicks}, f"{title}. {words}"


def _register_forms(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("contact-done", "data", allow_duplicate=True),
        Output("party-said", "children"),
        Input("party-send", "n_clicks"),
        *(State(f"party-{name}", "value") for name in _PARTY),
        perm=Permission.ADMINISTER,
        prevent_initial_call=True,
    )
    def party(clicks: int | None, *given: object) -> Any:
        if not clicks:
            return dash.no_update, dash.no_update
        said: dict[str, Any] = {name: _typed(value) for name, value in zip(_PARTY, given, strict=True)}
        try:
            title, words = contact_acts.add_party(services, security.viewer(), {**said, "phone": said["phone"] or None})
        except ColdchainError as error:
            return dash.no_update, refusal(error)
        return {"party": clicks}, f"{title}. {words}"

    @security.secured(
        app,
        Output("contact-done", "data", allow_duplicate=True),
        Output("endpoint-said", "children"),
        Input("endpoint-send", "n_clicks"),
        State("endpoint-kind", "value"),
        State("endpoint-name", "value"),
        State("endpoint-url", "value"),
        State("endpoint-private", "checked"),
        perm=Permission.ADMINISTER,
        prevent_initial_call=True,
    )
    def endpoint(clicks: int | None, kind: object, name: object, url: object, private: object) -> Any:
        if not clicks:
            return dash.no_update, dash.no_update
        try:
            secret = contact_acts.add_endpoint(
                services, security.viewer(), _typed(kind), _typed(name), _typed(url, 2_100), private=private is True
            )
        except ColdchainError as error:
            return dash.no_update, refusal(error)
        if secret is None:
            return {"endpoint": clicks}, html.P("It is told by apprise. Its address is not shown again.")
        words = ["Its events are signed with ", html.Span(secret, className="mono"), ". This is shown only now."]
        return {"endpoint": clicks}, html.P(words)


def _typed(value: object, longest: int = 500) -> str:
    return value.strip()[:longest] if isinstance(value, str) else ""


def _note(title: str, words: str) -> dict[str, Any]:
    return {"action": "show", "title": title, "message": words, "color": "blue", "autoClose": 6000}
