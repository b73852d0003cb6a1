"""One excursion: the series around it, where it happened, the rules that fired, and what people did."""

from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, dcc, html

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.profile import Direction, Range, Rule, RuleKind
from coldchain.domain.quantity import milli_from_float, ms_from_iso
from coldchain.domain.track import ABSENT
from coldchain.registry import alarms, excursion_views, maintenance, profiles, shipment_views, spans, stores
from coldchain.registry.viewer import Permission, Viewer
from dashboard.figures.map_style import CREDIT
from dashboard.figures.route import Mark, Stop, Way, place_at, route, way
from dashboard.figures.series import HEIGHT, Outside, Series, chart
from dashboard.pages.excursions import title
from dashboard.parts import security, service_blocks, text
from dashboard.parts.alarm_amounts import cause_words
from dashboard.parts.budget_blocks import Derives, plain
from dashboard.parts.derivation import number
from dashboard.parts.elements import Column, Figure, card, figures, head, link, moment, severity, table, tag
from dashboard.parts.graph import graph
from dashboard.parts.page import Page
from dashboard.parts.profile_blocks import address, version_link
from dashboard.parts.shipment_blocks import STATE_WORDS, Event, alarm_events, channel_word, timeline_list
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.parts.subjects import href
from dashboard.services import Services

PAGE = Page("dashboard.pages.excursion", "Excursion", path_template="/excursions/<excursion_id>")
CONTEXT_MS = 6 * 3_600_000
_INTERVAL_MS = 600_000
JsonObject = dict[str, Any]


def layout(excursion_id: str = "", **_query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="excursion-id", data=excursion_id),
            html.Div(skeleton(52, 120, 380), id="excursion-body", className="page"),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The body once, when the display changes, and when somebody acknowledged."""

    @security.secured(
        app,
        Output("excursion-body", "children"),
        Input("excursion-id", "data"),
        Input("scheme", "data"),
        Input("zone", "data"),
        Input("ack-done", "data"),
        perm=Permission.VIEW,
    )
    def body(excursion_id: object, scheme: object, zone: object, _done: object) -> Any:
        return attempt("excursion", lambda: page_body(services, str(excursion_id), str(scheme), str(zone)))


def page_body(services: Services, id: str, scheme: str, zone: str) -> list[Any]:  # noqa: A002
    """The page of one excursion.

    Raises:
        NotFound: no such excursion for this viewer.
    """
    viewer = security.viewer()
    with services.registry.read() as connection:
        shown = excursion_views.shown(connection, viewer, id)
        label, document, rules = _about(connection, viewer, shown)
        linked = [alarms.alarm(connection, viewer, alarm) for alarm in shown["alarms"]]
        start, end = _window(shown, services.clock.now_ms())
        seen = spans.of_loggers(connection, viewer, [shown["logger"]], start, end)
        about = Subject(SubjectKind(shown["subject_kind"]), shown["subject_id"])
        work = maintenance.covering(connection, about, shown["logger"], shown["channel"], services.clock.now_ms())
    interval_ms = round((document.get("interval_s") or _INTERVAL_MS / 1000) * 1000)
    tracks = [
        services.telemetry.track(span.logger, channel, span.start_ms, span.end_ms)
        for span in seen
        for channel in services.telemetry.channels(span.logger)
    ]
    return [
        head(
            title(shown),
            lead=[severity(shown["severity"]), " · ", "open" if shown["end"] is None else "ended", *_whose(shown),
                  *service_blocks.badges([work] if work else [])],
            crumb=[link("Excursions", "/excursions"), " /"],
            actions=_actions(shown, linked, viewer),
        ),
        card(None, figures(facts_of(shown, _derives(shown, document)))),
        html.Div(
            [
                _chart_card(shown, tracks, label, interval_ms, scheme, zone, _derives(shown, document)),
                _map_card(services, shown, tracks, label, scheme),
            ],
            className="grid-2",
        ),
        card("Alarms, and who was told", alarm_table(linked)),
        html.Div(
            [
                html.Div([card("Rules that fired", _rules(document, id, rules)), *_versions(shown)],
                         className="stack"),
                card("Timeline", timeline_list(sorted(events(shown, linked), key=lambda e: e.at, reverse=True))),
            ],
            className="grid-even",
        ),
    ]  # fmt: skip


def _whose(shown: JsonObject) -> list[Any]:
    where, name = href(shown["subject_kind"], shown["subject_id"]), shown.get("reference")
    parts: list[Any] = [" · ", link(name, where) if where and name else name or ""]
    if shown.get("lane"):
        parts += [" · ", shown["lane"]]
    return [*parts, " · ", link(f"{shown['logger']}/{shown['channel']}", f"/loggers/{shown['logger']}")]


def _about(connection: Any, viewer: Viewer, shown: JsonObject) -> tuple[Range, JsonObject, Mapping[str, Rule]]:
    """The label range, the compliance document and the rules by id of what the excursion is about."""
    limit = milli_from_float(shown["limit_c"])
    only = Range(high_mc=limit) if shown["direction"] == "high" else Range(low_mc=limit)
    if shown["subject_kind"] == SubjectKind.SHIPMENT.value:
        document = shipment_views.compliance(connection, viewer, shown["subject_id"])
    elif shown["subject_kind"] == SubjectKind.STORE.value:
        document = stores.shown(connection, viewer, shown["subject_id"])["document"] or {}
    else:
        return only, {}, {}
    profile = document.get("profile")
    if not profile:
        return only, document, {}
    judged_by = profiles.get(connection, profile["id"], profile["version"]).profile
    return judged_by.label, document, {rule.id: rule for rule in judged_by.rules}


def _window(shown: JsonObject, now_ms: int) -> tuple[int, int]:
    onset = ms_from_iso(shown["onset"])
    end = now_ms if shown["end"] is None else ms_from_iso(shown["end"])
    context = max(CONTEXT_MS, (end - onset) // 2)
    return onset - context, min(end + context, now_ms) + 1


def _derives(shown: JsonObject, document: JsonObject) -> Derives:
    """Numbers that lead to their derivation, while the subject's newest document has the excursion."""
    listed = {item["id"] for channel in document.get("channels", []) for item in channel["excursions"]}
    if shown["id"] not in listed:
        return plain
    of = {shown["subject_kind"]: shown["subject_id"], "logger": shown["logger"], "channel": shown["channel"]}
    return lambda said, figure: number(said, f"excursions.{shown['id']}.{figure}", **of)


def facts_of(shown: JsonObject, derived: Derives = plain) -> list[Figure]:
    """The excursion's stored figures."""
    upper = shown["duration_upper_s"]
    most = derived(text.duration(upper), "duration_upper_s")
    wider: Any = "" if upper == shown["duration_s"] else ["up to ", most, " with gaps"]
    side = "above" if shown["direction"] == "high" else "below"
    ends = moment(shown["end"]) if shown["end"] else "still open"
    return [
        Figure(
            text.extreme(shown["direction"]).capitalize(),
            derived(text.celsius(shown["peak_c"], shown["limit_c"]), "peak_c"),
            moment(shown["peak"]),
            "excursion",
        ),
        Figure(
            "Outside for",
            derived(text.duration(shown["duration_s"]), "duration_s"),
            wider or f"{side} {text.limit(shown['limit_c'])}",
        ),
        Figure(
            "Degree-minutes",
            derived(text.fixed(shown["area_c_min"], 1, "°C·min"), "area_c_min"),
            f"{side} the limit, trapezoid",
        ),
        Figure("Began", derived(moment(shown["onset"]), "onset"), ["ended ", ends] if shown["end"] else ends),
    ]


def _actions(shown: JsonObject, linked: list[JsonObject], viewer: Viewer) -> list[Any]:
    buttons: list[Any] = []
    waiting = [alarm for alarm in linked if "acknowledged" not in alarm]
    if viewer.may(Permission.ACKNOWLEDGE):
        buttons += [
            html.Button("Acknowledge", type="button", className="button primary", **{"data-ack": alarm["id"]})
            for alarm in waiting[:1]
        ]
    elif waiting:
        buttons.append(html.Span("Acknowledging needs the permission “acknowledge”", className="dim small"))
    if viewer.may(Permission.EXPORT):
        start, end = shown["onset"], shown["end"]
        query = f"logger={shown['logger']}&from={start}" + (f"&to={end}" if end else "")
        buttons.append(
            html.A("Readings as CSV", href=f"/api/v1/readings?{query}&format=csv", className="button", download="")
        )
    return buttons


def _chart_card(
    shown: JsonObject, tracks: list[Any], label: Range, interval_ms: int, scheme: str, zone: str, derived: Derives
) -> html.Section:
    mine = [track for track in tracks if track.channel == shown["channel"] and len(track)]
    mine = [track for track in mine if bool((track.temperature_mc != ABSENT).any())]
    if not mine:
        return card("Temperature", empty("No reading is at hand for this time"))
    mark = Outside(
        shown["logger"], shown["channel"], shown["direction"], ms_from_iso(shown["onset"]),
        None if shown["end"] is None else ms_from_iso(shown["end"]), ms_from_iso(shown["peak"]),
        milli_from_float(shown["peak_c"]), milli_from_float(shown["limit_c"]),
    )  # fmt: skip
    drawn = chart(Series(tuple(mine), label.low_mc, label.high_mc, interval_ms, (mark,)), scheme=scheme, zone=zone)
    words = [
        html.Span(drawn.note), ". ", html.Span(title(shown)), " for ",
        derived(text.duration(shown["duration_s"]), "duration_s"), f", {text.extreme(shown['direction'])} ",
        derived(text.celsius(shown["peak_c"], shown["limit_c"]), "peak_c"), ".",
    ]  # fmt: skip
    return card(
        "Temperature", graph("excursion-chart", drawn.figure, style={"height": f"{drawn.height}px"}),
        html.P(words, className="chart-note"),
    )  # fmt: skip


def _map_card(services: Services, shown: JsonObject, tracks: list[Any], label: Range, scheme: str) -> html.Section:
    height = HEIGHT
    leading = next((track for track in tracks if track.channel == shown["channel"]), None)
    path = way([track for track in tracks if len(track)], leading, 2 * _INTERVAL_MS)
    peak_ms = ms_from_iso(shown["peak"])
    farthest = f"{text.extreme(shown['direction'])} {text.celsius(shown['peak_c'], shown['limit_c'])}"
    mark = Mark(title(shown), f"/excursions/{shown['id']}", farthest,
                peak_ms, shown.get("peak_latitude"), shown.get("peak_longitude"))  # fmt: skip
    if mark.latitude is None and place_at(path, peak_ms) is None:
        return card("Where", empty("No position was reported around it"))
    stops = [Stop("where it began", *at)] if (at := _onset_place(shown, path)) else []
    limits = (label.low_mc, label.high_mc)
    figure = route(path, [mark], stops, limits, scheme=scheme, tiles_url=services.settings.tiles_url)
    return card(
        "Where", graph("excursion-map", figure, map=True, style={"height": f"{height}px"}),
        html.P([position_words(shown, path), " ", CREDIT], className="chart-note"),
    )  # fmt: skip


def _onset_place(shown: JsonObject, path: Way) -> tuple[float, float] | None:
    if shown.get("latitude") is not None:
        return shown["latitude"], shown["longitude"]
    return place_at(path, ms_from_iso(shown["onset"]))


def position_words(shown: JsonObject, path: Way) -> str:
    """Where it began and where it peaked, in degrees."""
    peak = shown.get("peak_latitude"), shown.get("peak_longitude")
    places = {
        "Began": _onset_place(shown, path),
        "peak": peak if None not in peak else place_at(path, ms_from_iso(shown["peak"])),
    }
    found = [f"{name} at {text.position(*at)}" for name, at in places.items() if at is not None]
    return ", ".join(found) + "." if found else ""


def alarm_table(linked: list[JsonObject]) -> Any:
    """The alarms of the excursion and who was told, with what came of it."""
    if not linked:
        return empty("No alarm was raised", html.Span("It stayed inside the hold of its rules, and is on record."))
    rows = []
    for alarm in linked:
        state = html.Span(f"by {alarm.get('acknowledged_by', 'somebody')}", className="acked") \
            if "acknowledged" in alarm else "not acknowledged"  # fmt: skip
        cause = link(cause_words(alarm), f"/alarms/{alarm['id']}")
        rows.append((severity(alarm["severity"]), cause, moment(alarm["raised"]), state, told(alarm)))
    columns = [Column(name) for name in ("Severity", "Cause", "Raised", "Acknowledged", "Told")]
    return table(columns, rows, "Alarms of this excursion")


def told(alarm: JsonObject) -> Any:
    """Whom messages went to, and what came of the newest one to each by each channel."""
    newest = {(m.get("recipient", "a person"), m["channel"]): m["state"] for m in alarm.get("notifications", [])}
    if not newest:
        return html.Span("nobody", className="dim")
    return [
        html.Div([f"{whom} ", tag(f"{channel_word(channel)}: {STATE_WORDS.get(state, state)}")])
        for (whom, channel), state in newest.items()
    ]


def _rules(document: JsonObject, id: str, rules: Mapping[str, Rule]) -> Any:  # noqa: A002
    fired = [item for item in document.get("breaches", []) if item["excursion"] == id]
    if not fired:
        return empty("No rule has fired on it")
    profile = document["profile"]
    where = address(profile["id"], profile["version"])
    rows = [
        ([tag(item["rule"]), " ", link(rule_words(rules[item["rule"]]), where) if item["rule"] in rules else ""],
         severity(item.get("severity", "info")), moment(item["fired_at"]))
        for item in fired
    ]  # fmt: skip
    table_ = table([Column("Rule"), Column("Severity"), Column("Fired")], rows, "Rules that fired")
    return html.Div([table_, html.P(["By ", version_link(profile["id"], profile["version"], None), "."],
                                    className="chart-note")])  # fmt: skip


def rule_words(rule: Rule) -> str:
    """A rule as a sentence: what it compares, and for how long before it fires."""
    if rule.limit is None or rule.direction is None:
        return rule.kind.value.replace("_", " ")
    unit = "% RH" if rule.quantity == "humidity" else "°C per hour" if rule.kind is RuleKind.RATE else "°C"
    side = "above" if rule.direction is Direction.HIGH else "below"
    words = f"{side} {text.limit(rule.limit / 1000).removesuffix(' °C')} {unit}"
    if rule.hold_ms:
        words += f" for {text.duration(rule.hold_ms / 1000)}"
        words += " in all" if rule.kind is RuleKind.CUMULATIVE else ""
    return words + (f", {rule.confirm_readings} readings" if rule.confirm_readings > 1 else "")


def events(shown: JsonObject, linked: list[JsonObject]) -> list[Event]:
    """The lines of the timeline, unsorted."""
    found = [
        Event(shown["onset"], f"{title(shown)}: began", "excursion"),
        Event(shown["recorded"], "On record" if shown["version"] == 1 else f"Version {shown['version']} recorded"),
    ]
    if shown["end"]:
        found.append(Event(shown["end"], "Back in range", "in_range"))
    for alarm in linked:
        found += alarm_events(alarm)
    return found  # fmt: skip


def _versions(shown: JsonObject) -> list[Any]:
    """Earlier versions, where later data changed what was first recorded."""
    if len(shown["versions"]) < 2:
        return []
    rows = [
        (str(one["version"]), moment(one["recorded"]), text.celsius(one["peak_c"], one["limit_c"]),
         text.duration(one["duration_s"]), "superseded" if one["superseded"] else "current")
        for one in shown["versions"]
    ]  # fmt: skip
    columns = [Column(name) for name in ("Version", "Recorded", "Peak", "Outside for", "State")]
    words = f"{len(rows)} versions, as readings came in"
    return [
        html.Details([html.Summary(words), table(columns, rows, "Versions of this excursion")], className="card more")
    ]
