"""On call: who is on duty now and next, the weeks to come, where nobody is, and who stands in for whom."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, dcc, html
from sqlalchemy import Connection

from alerts import rota as duties
from alerts.rota import Rota
from alerts.rulebook import Rulebook
from coldchain.registry import contacts, people, rotas
from coldchain.registry.rotas import ROTAS
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import duty_acts, duty_blocks, retiring, security
from dashboard.parts.duty_blocks import DAY_MS, Week
from dashboard.parts.elements import card, head
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.oncall", "On call", path="/on-call", icon="oncall")
VIEWS = {"week": 1, "month": 5}  # weeks
HOLES_DAYS = 28
_TO_COME_MS = 60 * DAY_MS  # how far "next" is looked for


class Asked(NamedTuple):
    """What the address asks for."""

    rota: str
    view: str
    day: str


def layout(**query: str) -> Any:
    """Grey blocks; the callback fills them for the rota of the address, or the first one."""
    asked = wanted(query)
    return html.Div(
        [
            html.Div(skeleton(52, 120, 300), id="oncall-body", className="page"),
            dcc.Store(id="oncall-asked", data=asked._asdict()),
            dcc.Store(id="oncall-rota"),
            retiring.done(),
            *duty_acts.dialog(),
        ]
    )


def wanted(query: dict[str, str]) -> Asked:
    """What can be shown of what was asked for."""
    view = query.get("view", "")
    return Asked(query.get("rota", "")[:63], view if view in VIEWS else "week", query.get("day", "")[:10])


def register(app: Dash, services: Services) -> None:
    """The body, and again after somebody stood in."""
    duty_acts.register(app, services)

    @security.secured(
        app,
        Output("oncall-body", "children"),
        Output("oncall-rota", "data"),
        Input("oncall-asked", "data"),
        Input("duty-done", "data"),
        Input("retire-done", "data"),
        perm=Permission.VIEW,
    )
    def body(given: object, _done: object, _retired: object) -> Any:
        asked = Asked(**given) if isinstance(given, dict) and given.keys() == set(Asked._fields) else wanted({})
        chosen: list[str] = []
        shown = attempt("calendar", lambda: page_body(services, security.viewer(), asked, chosen))
        return shown, chosen[0] if chosen else None


def page_body(services: Services, viewer: Viewer, asked: Asked, chosen: list[str]) -> list[Any]:
    """The page of one rota; `chosen` is told which one it is."""
    if viewer.scoped:
        return [head("On call"), card(None, empty("Not yours to see", html.Span("You see one party's shipments.")))]
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        stored = ROTAS.listed(connection)
        if not stored:
            return _without(connection, viewer, now_ms)
        id_ = asked.rota if asked.rota in {one.id for one in stored} else stored[0].id
        chosen.append(id_)
        names = {one.id: one.name for one in stored}
        book = Rulebook(connection, now_ms)
        found = book.rota(id_)
        if found is None:
            words = html.Span(book.problems[0] if book.problems else "")
            return [_head(names, id_, asked, viewer), card(None, empty("This rota cannot be read", words)),
                    _retiring(viewer, id_)]  # fmt: skip
        return [_head(names, id_, asked, viewer), *_rota(connection, book, found, viewer, asked, now_ms),
                _retiring(viewer, id_)]  # fmt: skip


def _retiring(viewer: Viewer, id_: str) -> Any:
    return retiring.form("rota", id_) if viewer.may(Permission.ASSESS) else ""


def _without(connection: Connection, viewer: Viewer, now_ms: int) -> list[Any]:
    everybody = ", ".join(one.name for one in contacts.on_call(connection, now_ms))
    who = f"Everybody who is marked as on call hears of each alarm: {everybody or 'nobody is'}."
    make = html.A("Make a rota", href="/alarm-rules/edit?kind=rota", className="button primary")
    more = [make] if viewer.may(Permission.ASSESS) else []
    return [head("On call"), card(None, empty("There is no rota yet", html.Span(who), *more))]


def _head(names: dict[str, str], id_: str, asked: Asked, viewer: Viewer) -> html.Div:
    choose = [
        html.A(name, href=address(asked._replace(rota=one)), className="button",
               **({"aria-current": "page"} if one == id_ else {}))
        for one, name in names.items()
    ]  # fmt: skip
    actions: list[Any] = []
    if viewer.may(Permission.ACKNOWLEDGE):
        actions.append(html.Button("Somebody stands in", type="button", className="button primary",
                                   **{"data-duty-from": "", "data-duty-to": "", "data-duty-layer": "",
                                      "data-duty-person": ""}) if viewer.may(Permission.ASSESS) else None)  # fmt: skip
    if viewer.may(Permission.ASSESS):
        actions += [html.A("Edit the rota", href=f"/alarm-rules/edit?{urlencode({'kind': 'rota', 'id': id_})}",
                           className="button"),
                    html.A("New rota", href="/alarm-rules/edit?kind=rota", className="button")]  # fmt: skip
    which = html.Nav(choose, className="alarm-views", **{"aria-label": "Rotas"}) if len(choose) > 1 else ""
    return html.Div([head("On call", lead=names[id_], actions=[one for one in actions if one]), which],
                    className="stack")  # fmt: skip


def address(asked: Asked) -> str:
    """The page's address for what is asked."""
    return f"/on-call?{urlencode({name: value for name, value in asked._asdict().items() if value})}"


def _rota(connection: Connection, book: Rulebook, found: Rota, viewer: Viewer, asked: Asked, now_ms: int) -> list[Any]:
    zone = ZoneInfo(found.zone)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    first = _day(asked.day) or today
    shown = duty_blocks.weeks(first, VIEWS[asked.view], zone)
    overrides = book.overrides(found.id)
    ahead = duties.calendar(found, overrides, now_ms, now_ms + _TO_COME_MS, book.gone)
    spans = duties.calendar(found, overrides, shown[0].from_ms, shown[-1].to_ms, book.gone)
    holes = [
        hole for hole in duties.holes(found, overrides, now_ms, now_ms + HOLES_DAYS * DAY_MS, book.gone)
        if hole.why != "out_of_hours"
    ]  # fmt: skip
    standing = rotas.overrides(connection, found.id, from_ms=now_ms)
    mentioned = {span.duty.person for span in (*ahead, *spans)} | {row.person for row in standing}
    mentioned |= {row.replaces for row in standing}
    named = people.names(connection, {one for one in mentioned if one})
    return [
        duty_blocks.holes_banner(holes, zone, HOLES_DAYS),
        card("On duty", duty_blocks.now_and_next(found, ahead, now_ms, named), className="duty-now"),
        _turn_pages(asked, found.id, shown, first),
        duty_blocks.strips(found, spans, shown, now_ms, named, viewer),
        card("Who stands in", duty_blocks.standing_in(standing, named, viewer)),
        card("Holidays", _holidays(found, connection)),
    ]


def _turn_pages(asked: Asked, id_: str, shown: list[Week], first: date) -> html.Div:
    step = timedelta(days=7 * len(shown))

    def to(words: str, **more: str) -> html.A:
        return html.A(words, href=address(asked._replace(rota=id_, **more)), className="button")

    views = [
        html.A(view.capitalize(), href=address(asked._replace(rota=id_, view=view)),
               **({"aria-current": "true"} if view == asked.view else {}))
        for view in VIEWS
    ]  # fmt: skip
    return html.Div(
        [to("← Before", day=str(first - step)), to("Today", day=""), to("Later →", day=str(first + step)),
         html.Div(views, className="segments", role="group", **{"aria-label": "How much"})],
        className="duty-turn",
    )  # fmt: skip


def _day(value: str) -> date | None:
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2200 else None


def _holidays(found: Rota, connection: Connection) -> Any:
    if not found.holidays:
        return html.P("None entered. On a holiday somebody else may take the turn.", className="dim body")
    named = people.names(connection, {one for day in found.holidays for one in day.people or ()})
    lines = [
        html.Li([html.Strong(f"{day.date:%a %-d %b %Y}"), f" {day.name}: ",
                 ", ".join(named.get(one, one) for one in day.people) if day.people else "turns as usual"])
        for day in sorted(found.holidays, key=lambda one: one.date)
    ]  # fmt: skip
    return html.Ul(lines, className="plain-list body")
