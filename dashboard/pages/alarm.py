"""One alarm: its readings, who was told when over which channel with what result, who answered, and what comes next."""

from typing import Any

from dash import Dash, Input, Output, dcc, html

from alerts import shelving
from alerts.explain import explanation
from coldchain.domain.finding import SubjectKind
from coldchain.domain.quantity import milli_from_float, ms_from_iso
from coldchain.domain.track import ABSENT
from coldchain.registry import alarm_rows, alarms, excursion_views, spans
from coldchain.registry.loggers import declared_interval
from coldchain.registry.viewer import Permission, Viewer
from dashboard.figures.series import Outside, Series, chart
from dashboard.parts import alarm_acts, alarm_told, security, subjects, text
from dashboard.parts.alarm_amounts import amount, cause_words, detail
from dashboard.parts.alarm_list import buttons
from dashboard.parts.alarm_words import about, badge, coming, explained, name, title, todo
from dashboard.parts.elements import Figure, card, figures, head, link, moment, severity, tag
from dashboard.parts.graph import graph
from dashboard.parts.page import Page
from dashboard.parts.shipment_blocks import Event, alarm_events, timeline_list
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.alarm", "Alarm", path_template="/alarms/<alarm_id>")
CONTEXT_MS = 2 * 3_600_000
_INTERVAL_MS = 600_000
_MARKED = 20  # excursions of one alarm that the chart marks
JsonObject = dict[str, Any]


def layout(alarm_id: str = "", **_query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="alarm-id", data=alarm_id),
            html.Div(skeleton(52, 150, 300), id="alarm-body", className="page"),
            *alarm_acts.dialog(),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The body once, when the display changes, and after an act."""

    @security.secured(
        app,
        Output("alarm-body", "children"),
        Input("alarm-id", "data"),
        Input("scheme", "data"),
        Input("zone", "data"),
        Input("ack-done", "data"),
        Input("alarm-act-done", "data"),
        perm=Permission.VIEW,
    )
    def body(reference: object, scheme: object, zone: object, _acked: object, _done: object) -> Any:
        return attempt("alarm", lambda: page_body(services, security.viewer(), str(reference), str(scheme), str(zone)))


def page_body(services: Services, viewer: Viewer, reference: str, scheme: str, zone: str) -> list[Any]:
    """The page of one alarm.

    Raises:
        NotFound: no such alarm for this viewer.
    """
    with services.registry.read() as connection:
        shown = alarms.alarm(connection, viewer, subjects.alarm_id(connection, viewer, reference) or reference)
        row = alarm_rows.row_of(connection, shown["id"])
        reasons = explanation(connection, shown["id"])
        asked = shelving.asked_for(connection, row, services.clock.now_ms())
        marks = tuple(mark_of(excursion_views.shown(connection, viewer, id_)) for id_ in shown["excursions"][-_MARKED:])
        start, end = _window(shown, services.clock.now_ms())
        logger = shown.get("logger")
        measured = bool(logger) and shown["subject_kind"] != SubjectKind.SYSTEM.value
        seen = spans.of_loggers(connection, viewer, [str(logger)], start, end) if measured else []
        interval_ms = (declared_interval(connection, str(logger)) if measured else None) or _INTERVAL_MS
    tracks = [
        services.telemetry.track(span.logger, channel, span.start_ms, span.end_ms)
        for span in seen
        for channel in ([shown["channel"]] if shown.get("channel") else services.telemetry.channels(span.logger))
    ]
    return [
        head(
            title(shown),
            lead=[severity(shown["severity"]), " · ", badge(shown), *_whose(shown)],
            crumb=[link("Alarms", "/alarms"), " /"],
            actions=buttons(shown, viewer),
        ),
        agreement(asked, shown, viewer),
        card(None, figures(facts_of(shown))),
        html.Div(
            [
                chart_card(shown, tracks, marks, interval_ms, scheme, zone),
                card("What to do, why, and what comes next", why(shown, viewer, reasons)),
            ],
            className="grid-2",
        ),
        card("Who was told", alarm_told.told_table(shown, name(shown)), className="told"),
        card("Timeline", timeline_list(sorted(events(shown), key=lambda one: one.at, reverse=True))),
    ]  # fmt: skip


def agreement(asked: Any, shown: JsonObject, viewer: Viewer) -> Any:
    """The shelf of a critical alarm that waits for a second person, with the button for everybody but the first."""
    if asked is None or viewer.scoped or not viewer.may(Permission.ACKNOWLEDGE):
        return None
    until: list[Any] = ["until ", moment(asked.body["until_ms"]), f": “{asked.body['reason']}”"]
    words: list[Any] = [html.Strong("One more person is needed to set this aside"), html.Span(until)]
    if asked.who != viewer.id:
        words.append(html.Button("Agree", type="button", className="button primary",
                                 **{"data-alarm-act": f"agree:{shown['id']}"}))  # fmt: skip
    else:
        words.append(html.Span("You have asked; somebody else has to agree within 15 minutes.", className="dim"))
    return html.Div(words, className="banner", role="status")


def _whose(shown: JsonObject) -> list[Any]:
    parts: list[Any] = []
    for words, where in about(shown):
        of_logger = "/".join(part for part in (shown.get("logger"), shown.get("channel")) if part)
        parts += [" · ", link(of_logger if words == "Logger" else words, where)]
    if shown.get("assigned_to"):
        parts += [" · ", tag(f"with {shown['assigned_to']}")]
    return parts


def _window(shown: JsonObject, now_ms: int) -> tuple[int, int]:
    onset = ms_from_iso(shown["onset"])
    end = now_ms if "end" not in shown else ms_from_iso(shown["end"])
    context = max(CONTEXT_MS, (end - onset) // 2)
    return onset - context, min(end + context, now_ms) + 1


def facts_of(shown: JsonObject) -> list[Figure]:
    """How far, how long, since when, answered by whom."""
    found = []
    if "peak_c" in shown:
        found.append(Figure("Worst", amount(shown, shown["peak_c"]), cause_words(shown), "excursion"))
    if "value_c" in shown:
        found.append(Figure("Newest value", amount(shown, shown["value_c"]), "when last judged"))
    began = ms_from_iso(shown["onset"])
    since = ["since ", moment(shown["onset"]), _begins_with(shown), ", found late" if shown["late"] else ""]
    if "end" in shown:
        over = ", nobody saw the return" if shown.get("monitoring_ended") else ""
        found.append(Figure("Lasted", text.duration((ms_from_iso(shown["end"]) - began) / 1000), [*since, over]))
    else:
        found.append(Figure("Lasts for", moment(shown["onset"], "age"), since))
    if "acknowledged" in shown:
        found.append(
            Figure(
                "Acknowledged",
                moment(shown["acknowledged"]),
                f"by {shown.get('acknowledged_by', 'somebody')}, {shown.get('acknowledged_via', '')}",
            )
        )
    else:
        found.append(Figure("Acknowledged", "by nobody", "", "at_risk"))
    return found  # fmt: skip


def _begins_with(shown: JsonObject) -> str:
    """At what an alarm's beginning is counted; the excursion's own page has where the line crosses the limit."""
    return ", the last reading" if shown["cause"] == "silence" else ", first reading outside" * ("limit_c" in shown)


def chart_card(
    shown: JsonObject, tracks: list[Any], marks: tuple[Outside, ...], interval_ms: int, scheme: str, zone: str
) -> html.Section:
    """The readings from before the onset to after the end; of the product itself, what was found wrong."""
    if shown["subject_kind"] == SubjectKind.SYSTEM.value:
        words = detail(shown) or "Nothing more is on record than that it happened."
        return card("What was found", html.P(words, className="body"))
    kept = [track for track in tracks if len(track) and bool((track.temperature_mc != ABSENT).any())]
    if not kept:
        return card("Readings around it", empty("No temperature was read around it"))
    limit = milli_from_float(shown["limit_c"]) if "limit_c" in shown else None
    high = limit if shown["cause"] == "high" else None
    low = limit if shown["cause"] == "low" else None
    drawn = chart(Series(tuple(kept), low, high, interval_ms, marks), scheme=scheme, zone=zone)
    words = f"{drawn.note}. {title(shown)}" + (f", worst {amount(shown, shown['peak_c'])}"
                                               if "peak_c" in shown else "")  # fmt: skip
    return card("Readings around it", graph("alarm-chart", drawn.figure, style={"height": f"{drawn.height}px"}),
                html.P(f"{words}.", className="chart-note"), alarm_told.readings(kept, shown))  # fmt: skip


def mark_of(one: JsonObject) -> Outside:
    """An excursion as the chart marks it."""
    end = None if one["end"] is None else ms_from_iso(one["end"])
    peak = (ms_from_iso(one["peak"]), milli_from_float(one["peak_c"]), milli_from_float(one["limit_c"]))
    return Outside(one["logger"], one["channel"], one["direction"], ms_from_iso(one["onset"]), end, *peak)


def why(shown: JsonObject, viewer: Viewer, reasons: JsonObject) -> html.Div:
    """Why the viewer got this or did not, why others did not, and what happens next, from what was written down."""
    told = alarm_told.own(reasons, viewer.id) if viewer.scoped else reasons
    mine = alarm_told.why_mine(told, viewer.id)
    lines = [mine, coming(shown)] if mine else explained(shown, alarm_told.why_not(told, viewer.id))
    rules = [html.P(["Rules that fired: ", *[part for rule in shown["rules"] for part in (tag(rule), " ")]])]
    if detail(shown):
        rules = []  # said as what was found
    do = [html.P([html.Strong("What to do: "), todo(shown)])] if todo(shown) else []
    body = html.Div([*do, *(html.P(line) for line in lines), *(rules if shown["rules"] else [])], className="body why")
    return html.Div([body, alarm_told.silences(told)])


def events(shown: JsonObject) -> list[Event]:
    """The lines of the timeline, unsorted."""
    found = [Event(shown["onset"], f"Began: {cause_words(shown)}", "excursion"), *alarm_events(shown)]
    if "end" in shown and not shown.get("monitoring_ended"):
        found.append(Event(shown["end"], "Back in range", "in_range"))
    return found
