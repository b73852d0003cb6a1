"""The alarm list for triage: what wants somebody, by keyboard on a desk and by thumb on a phone."""

from dataclasses import replace
from typing import Any, NamedTuple

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from sqlalchemy import Connection

from coldchain.domain.finding import Severity
from coldchain.registry import alarm_unrest, alarms
from coldchain.registry.alarms import AlarmFilter
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import alarm_acts, alarm_list, alarm_quality_behind, security, service_acts, text
from dashboard.parts.alarm_quality_behind import Behind
from dashboard.parts.elements import head, moment
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.alarms", "Alarms", path="/alarms", icon="alarms")
MOST = alarm_list.MOST


class View(NamedTuple):
    """One way to look at the alarms; `nothing` is said when there are none."""

    title: str
    nothing: str


VIEWS = {
    "board": View("Needs attention", "Nothing needs attention"),
    "unacknowledged": View("Unacknowledged", "Everything is acknowledged"),
    "mine": View("Mine", "Nothing is handed to you"),
    "shelved": View("Set aside", "Nothing is set aside"),
    "out_of_service": View("Out of service", "Nothing is out of service"),
    "stale": View("Stale", "Nothing has been active for a day"),
    "chattering": View("Chattering", "Nothing came and went too often within the last day"),
    "all": View("All", "No alarm on record"),
}
_BOARD = ("Needs attention", "/alarms")
BEHIND = View("Behind a figure", "No alarm is behind this figure")
NOTES = {
    "stale": "Active for more than 24 hours.",
    "chattering": "Came and went three times within a minute, or within three of the logger's intervals, in the last "
    "24 hours. Nothing is switched off for it.",
    "shelved": "Recorded, but nobody is told until the time is up.",
    "out_of_service": "Under maintenance: recorded, but nobody is told until the work is over.",
}


def layout(**query: str) -> Any:
    """The frame; the list comes when it is known what has changed."""
    view, wanted = chosen(query.get("view")), alarm_quality_behind.asked(query)
    links = [
        html.A(
            [one.title, html.Span("", id=f"alarms-n-{key}", className="n")], href=f"/alarms?view={key}",
            className="button", **({"aria-current": "page"} if key == view and wanted is None else {}),
        )
        for key, one in VIEWS.items()
    ]  # fmt: skip
    return html.Div(
        [
            head("Alarms", lead=html.Span("Loading …", id="alarms-note", role="status")),
            html.Nav(links, className="alarm-views", **{"aria-label": "Which alarms"}),
            _behind(wanted) if wanted else html.P(NOTES[view], className="dim small") if view in NOTES else None,
            service_acts.place(service_acts.ANY, "") if view == "out_of_service" and wanted is None else None,
            html.Div(skeleton(90, 90, 90), id="alarms-list", className="goes-stale"),
            html.P(["Keys: ", *_keys()], className="dim small keys-line"),
            alarm_list.pick_bar() if security.viewer().may(Permission.ACKNOWLEDGE) else None,
            dcc.Store(id="alarms-view", data=wanted._asdict() if wanted else view),
            dcc.Store(id="alarms-seen"),
            dcc.Store(id="alarms-unfolded", data={}),
            *alarm_acts.dialog(),
        ],
        className="page",
    )


def _behind(wanted: Behind) -> html.Div:
    """Whose alarms these are, and the way back to the figure."""
    with security.services().registry.read() as connection:
        words = alarm_quality_behind.title(connection, wanted)
    back = f"/alarm-quality?days={wanted.days}"
    return html.Div([html.Strong(words), html.A("Back to alarm quality", href=back)], className="banner plain")


def _keys() -> list[Any]:
    pairs = (
        (("j", "k"), "next, previous"), (("a",), "acknowledge"), (("s",), "set aside"), (("c",), "comment"),
        (("h",), "hand over"), (("o",), "open"), (("x",), "choose"), (("A",), "acknowledge the chosen"),
        (("?",), "all keys"),
    )  # fmt: skip
    found: list[Any] = []
    for keys, meaning in pairs:
        found += [part for key in keys for part in (html.Kbd(key), " ")] + [f"{meaning}   "]
    return found


def register(app: Dash, services: Services) -> None:
    """The list again whenever the live state's alarms have changed, and after an act."""
    alarm_acts.register(app, services)
    service_acts.register(app, services)  # for the pages of loggers, stores and shipments as well
    app.clientside_callback(
        ClientsideFunction("coldchain_alarms", "changed"),
        Output("alarms-seen", "data"),
        Input("live", "data"),
        State("alarms-seen", "data"),
    )

    @security.secured(
        app,
        Output("alarms-list", "children"),
        Output("alarms-note", "children"),
        *(Output(f"alarms-n-{key}", "children") for key in VIEWS if key != "all"),
        Input("alarms-view", "data"),
        Input("alarms-seen", "data"),
        Input("alarms-unfolded", "data"),
        Input("ack-done", "data"),
        Input("alarm-act-done", "data"),
        perm=Permission.VIEW,
    )
    def listed(view: object, _seen: object, unfolded: object, _acked: object, _done: object) -> Any:
        opened = alarm_list.unfolded_of(unfolded)
        wanted = alarm_quality_behind.asked(view) if isinstance(view, dict) else None
        key, viewer = chosen(view), security.viewer()
        with services.registry.read() as connection:
            numbers = [counted(connection, viewer, which, services) for which in VIEWS if which != "all"]
        shown = attempt("list of alarms", lambda: page_body(services, viewer, wanted or key, opened))
        waiting = numbers[list(VIEWS).index("unacknowledged")]
        words = "Nobody has to answer" if not waiting else f"{text.count(waiting, 'alarm')} to acknowledge"
        return shown, [words, ", checked ", moment(services.clock.now_ms(), "second")], *map(str, numbers)


def chosen(view: object) -> str:
    """A view that there is; the board for everything else."""
    return view if isinstance(view, str) and view in VIEWS else "board"


def which_of(connection: Connection, viewer: Viewer, view: str, now_ms: int) -> AlarmFilter:
    """The filter of a view."""
    match view:
        case "unacknowledged":
            return AlarmFilter(on_board=True, acknowledged=False, shelved=False)
        case "mine":
            return AlarmFilter(on_board=True, assigned=viewer.id)
        case "shelved":
            return AlarmFilter(suppression="shelved")
        case "out_of_service":
            return AlarmFilter(suppression="out_of_service")
        case "stale":
            return AlarmFilter(stale_at_ms=now_ms)
        case "chattering":
            return AlarmFilter(among=frozenset(alarm_unrest.chattering(connection, now_ms)))
        case "all":
            return AlarmFilter()
        case _:
            return AlarmFilter(on_board=True)


def counted(connection: Connection, viewer: Viewer, view: str, services: Services) -> int:
    """How many alarms a view has."""
    return alarms.count(connection, viewer, which_of(connection, viewer, view, services.clock.now_ms()))


def page_body(services: Services, viewer: Viewer, view: str | Behind, unfolded: dict[str, int]) -> Any:
    """The list of one view: unanswered before answered, worst first, newest first, storms as one row."""
    now_ms = services.clock.now_ms()
    words = VIEWS[view] if isinstance(view, str) else BEHIND
    with services.registry.read() as connection:
        if isinstance(view, str):
            which = which_of(connection, viewer, view, now_ms)
        else:
            which = AlarmFilter(among=alarm_quality_behind.behind(connection, viewer, view, now_ms))
        found = alarms.alarms(connection, viewer, which, limit=MOST)
        items = found.items
        if found.next_cursor is not None:  # the worst are never among those that are left out, however old
            worst = alarms.alarms(connection, viewer, replace(which, at_least=Severity.CRITICAL), limit=MOST).items
            known = {item["id"] for item in items}
            items = [*items, *(item for item in worst if item["id"] not in known)]
        flooded = alarm_unrest.flooded(connection, now_ms).get(viewer.id)
    if not items:
        return _nothing(view, words.nothing, now_ms)
    more = "" if found.next_cursor is None else (
        f"The newest {MOST} and every critical one are shown. The others move up as these are answered."
    )  # fmt: skip
    return [
        flood_banner(flooded) if flooded else None,
        alarm_list.listing(alarm_list.folded(items), viewer, words.title, unfolded),
        html.P(more, className="dim small") if more else None,
    ]


def _nothing(view: str | Behind, words: str, now_ms: int) -> html.Section:
    """An empty view, with a way on: that nothing is here is no sign that there is nothing."""
    here = {"board": ("All alarms on record", "/alarms?view=all"), "all": None}
    on = here.get(view, _BOARD) if isinstance(view, str) else _BOARD
    way = [html.A(on[0], href=on[1], className="button")] if on else []
    return html.Section(empty(words, *way, checked_ms=now_ms), className="card", **{"aria-label": "Alarms"})


def flood_banner(number: int) -> html.Div:
    """What a person sees who gets more alarms than anybody can follow."""
    words = f"You were told of {number} alarms within ten minutes. Begin with the first row: the worst stand on top."
    return html.Div([html.Strong("Flood"), html.Span(words)], className="banner", role="status")
