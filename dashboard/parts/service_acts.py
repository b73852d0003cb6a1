"""Taking a store, shipment, logger or channel out of service, and putting it back, from the pages of all of these."""

from typing import Any
from zoneinfo import ZoneInfo

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from sqlalchemy import Connection, Row, select

from alerts import maintenance as outage
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.errors import ColdchainError, Forbidden, InvalidValue
from coldchain.registry import maintenance, people
from coldchain.registry.schema import logger as logger_table
from coldchain.registry.schema import shipment, store
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security, service_blocks
from dashboard.parts.duty_acts import typed_moment
from dashboard.parts.elements import card
from dashboard.parts.field_errors import beside
from dashboard.parts.states import attempt, refusal, skeleton
from dashboard.parts.subjects import names
from dashboard.services import Services

LOGGER, ANY = "logger", ""
FIELDS = ("subject", "channel", "work_order", "reason", "until")
_HIDDEN = {"display": "none"}
_MOST = 500


def slot() -> html.Span:
    """Where the badge of a page's subject stands."""
    return html.Span(id="service-badge")


def place(kind: str, id_: str) -> Any:
    """The card on the page of one subject or logger; with `ANY` that of everything. Scoped viewers see no card."""
    viewer = security.viewer()
    parts = [
        dcc.Store(id="service-of", data=[kind, id_]),
        dcc.Store(id="service-done"),
    ]
    if viewer.may(Permission.ASSESS) and not viewer.scoped:
        # Dash asks as soon as it is there, so who may not end anything has none.
        parts.append(dcc.Store(id="service-end"))
    if kind == ANY:
        parts.append(html.Span(slot(), hidden=True))  # of no single subject
    if viewer.scoped:
        return html.Div([*parts, html.Div(id="service-list")], style=_HIDDEN)
    form = _form(security.services(), kind) if viewer.may(Permission.ASSESS) else ""
    return card("Out of service", *parts, html.Div(skeleton(60), id="service-list"), form)


def _form(services: Services, kind: str) -> html.Details:
    zone = services.settings.zone
    choices: list[Any] = []
    if kind == ANY:
        with services.registry.read() as connection:
            choices = subjects(connection)
    shown = {True: {}, False: _HIDDEN}
    fields = [
        html.Div(dmc.Select(id="service-subject", label="What", data=choices, searchable=True, size="sm"),
                 style=shown[kind == ANY]),
        html.Div(dmc.TextInput(id="service-channel", label="Channel", placeholder="all of the logger", size="sm"),
                 style=shown[kind in (ANY, LOGGER)]),
        dmc.TextInput(id="service-work_order", label="Work order", size="sm"),
        dmc.TextInput(id="service-reason", label="Why", size="sm"),
        dmc.TextInput(id="service-until", label=f"Until, {zone}", inputProps={"type": "datetime-local"}, size="sm"),
        html.Button("Take out of service", id="service-send", type="button", className="button primary"),
    ]  # fmt: skip
    words = html.P("Everything is recorded and judged; nobody is told until it ends, and it ends by itself.",
                   className="dim small")  # fmt: skip
    said = html.Div(id="service-said", **{"aria-live": "polite"})
    return html.Details([html.Summary("Take out of service"),
                         html.Div([words, html.Div(fields, className="form-row"), said], className="body")],
                        className="more", id="service-form")  # fmt: skip


def subjects(connection: Connection) -> list[dict[str, str]]:
    """What can be taken out of service: stores, shipments under way, registered loggers."""
    found = connection.execute(select(store.c.id, store.c.name).order_by(store.c.name).limit(_MOST))
    chosen = [{"value": f"store:{row.id}", "label": row.name} for row in found]
    live = shipment.c.state.in_(("planned", "in_transit", "arrived"))
    query = select(shipment.c.id, shipment.c.reference).where(live).order_by(shipment.c.reference).limit(_MOST)
    chosen += [{"value": f"shipment:{row.id}", "label": row.reference} for row in connection.execute(query)]
    loggers = connection.execute(select(logger_table.c.id).order_by(logger_table.c.id).limit(_MOST)).scalars()
    return chosen + [{"value": f"{LOGGER}:{one}", "label": f"logger {one}"} for one in loggers]


def register(app: Dash, services: Services) -> None:
    """The list and the badge, the form, and what ends it; once for every page."""

    @security.secured(
        app,
        Output("service-list", "children"),
        Input("service-of", "data"),
        Input("service-done", "data"),
        perm=Permission.VIEW,
    )
    def listed(asked: object, _done: object) -> Any:
        return attempt("list of what is out of service", lambda: page_list(services, security.viewer(), *_of(asked)))

    @security.secured(
        app,
        Output("service-badge", "children"),
        Input("service-of", "data"),
        Input("service-done", "data"),
        perm=Permission.VIEW,
    )
    def marked(asked: object, _done: object) -> Any:
        kind, id_ = _of(asked)
        with services.registry.read() as connection:
            called = names(connection, security.viewer(), [(kind, id_)]) if kind != LOGGER else {id_: id_}
            return service_blocks.badges(of(connection, kind, id_, services.clock.now_ms()) if id_ in called else [])

    @security.secured(
        app,
        Output("service-done", "data"),
        Output("service-said", "children"),
        *(Output(f"service-{name}", "error") for name in FIELDS),
        Input("service-send", "n_clicks"),
        State("service-of", "data"),
        *(State(f"service-{name}", "value") for name in FIELDS),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
        running=[(Output("service-send", "disabled"), True, False)],
    )
    def sent(clicks: int | None, asked: object, *given: object) -> Any:
        if not clicks:
            return (dash.no_update,) * (len(FIELDS) + 2)
        said = {name: _typed(value) for name, value in zip(FIELDS, given, strict=True)}
        try:
            take_out(services, security.viewer(), *_of(asked), said)
        except ColdchainError as error:
            wrong, rest = mistakes(str(error), _of(asked)[0])
            return dash.no_update, refusal(rest) if rest else "", *(wrong.get(name) for name in FIELDS)
        words = "Out of service. Nobody is told until it ends."
        return {"click": clicks, "at": services.clock.now_ms()}, words, *(None for _ in FIELDS)

    @security.secured(
        app,
        Output("service-done", "data", allow_duplicate=True),
        Output("notices", "sendNotifications", allow_duplicate=True),
        Input("service-end", "data"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
    )
    def ended(asked: object) -> Any:
        id_ = asked.get("id") if isinstance(asked, dict) else None
        if not isinstance(id_, str):
            return dash.no_update, dash.no_update
        put_back(services, security.viewer(), id_)
        note = {"action": "show", "title": "Back in service", "message": "What is active is announced.",
                "color": "blue", "autoClose": 6000}  # fmt: skip
        return {"ended": id_, "at": services.clock.now_ms()}, [note]


def mistakes(words: str, kind: str) -> tuple[dict[str, str], str]:
    """What a refusal says by field of the form, and what belongs to no field that the page shows."""
    if kind != ANY:
        return beside(words, FIELDS[1:])
    return beside(f"subject:{words.removeprefix('logger:')}" if words.startswith("logger:") else words, FIELDS)


def of(connection: Connection, kind: str, id_: str, now_ms: int) -> list[Row[Any]]:
    """What holds now for one subject or logger; with `ANY` everything that holds."""
    held = maintenance.listed(connection, at_ms=now_ms)
    return [row for row in held if kind == ANY or _about(row) == (kind, id_)]


def page_list(services: Services, viewer: Viewer, kind: str, id_: str) -> Any:
    """The work on one subject, or on everything, that is under way or still to come."""
    if viewer.scoped:
        return ""
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        found = [
            row for row in maintenance.listed(connection)
            if row.ended_ms is None and row.until_ms > now_ms and (kind == ANY or _about(row) == (kind, id_))
        ]  # fmt: skip
        called = names(connection, viewer, {_about(row) for row in found})
        named = people.names(connection, {row.who for row in found})
    return service_blocks.work(found, called, named, may_end=viewer.may(Permission.ASSESS), now_ms=now_ms)


def take_out(services: Services, viewer: Viewer, kind: str, id_: str, said: dict[str, str]) -> None:
    """Take it out of service from now on.

    Raises:
        Forbidden: not the viewer's to do.
        InvalidValue: names the field, the value and the remedy.
    """
    _demand(viewer)
    if kind == ANY:
        kind, _, id_ = said["subject"].partition(":")
        if not id_:
            raise InvalidValue("subject: choose what goes out of service")
    until_ms = typed_moment("until", said["until"], ZoneInfo(services.settings.zone))
    with services.registry.write() as connection:
        outage.take_out(
            connection, subject=None if kind == LOGGER else _subject(kind, id_), logger=id_ if kind == LOGGER else None,
            channel=said["channel"] or None, work_order=said["work_order"][:200], reason=said["reason"],
            until_ms=until_ms, who=viewer.id, now_ms=services.clock.now_ms(),
        )  # fmt: skip


def put_back(services: Services, viewer: Viewer, id_: str) -> None:
    """End it now.

    Raises:
        Forbidden: not the viewer's to do.
        NotFound, InvalidValue: there is none, or it has ended.
    """
    _demand(viewer)
    with services.registry.write() as connection:
        outage.put_back(connection, id_, who=viewer.id, reason=None, now_ms=services.clock.now_ms())


def _demand(viewer: Viewer) -> None:
    if viewer.scoped or not viewer.may(Permission.ASSESS):
        raise Forbidden("Only the quality unit of the whole installation takes something out of service.")


def _subject(kind: str, id_: str) -> Subject:
    if kind not in (SubjectKind.STORE.value, SubjectKind.SHIPMENT.value):
        raise InvalidValue("subject: is neither a store, a shipment nor a logger")
    return Subject(SubjectKind(kind), id_)


def _about(row: Row[Any]) -> tuple[str, str]:
    return (LOGGER, str(row.logger)) if row.logger else (str(row.subject_kind), str(row.subject_id))


def _of(asked: object) -> tuple[str, str]:
    """What a page is about; the browser's word, so anything else is nothing."""
    kind, id_ = asked if isinstance(asked, list) and len(asked) == 2 else ("none", "none")
    return str(kind), str(id_)


def _typed(value: object) -> str:
    return value.strip()[:500] if isinstance(value, str) else ""
