"""One logger: what it measured lately, what it serves, its certificates, and what was not believed."""

from typing import Any

from dash import Dash, Input, Output, dcc, html

from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.track import ABSENT, Track
from coldchain.registry import logger_views, spans
from coldchain.registry.viewer import Permission
from dashboard.figures.series import Interval, Series, chart
from dashboard.pages.loggers import KINDS, LOW_BATTERY_PCT, clock_words, troubles
from dashboard.parts import security, text
from dashboard.parts.elements import Column, Figure, card, facts, figures, head, link, moment, table, tag
from dashboard.parts.graph import graph
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.parts.subjects import href, names
from dashboard.services import Services

PAGE = Page("dashboard.pages.logger", "Logger", path_template="/loggers/<logger_id>")
DAYS = 7
_DAY_MS = 86_400_000
JsonObject = dict[str, Any]


def layout(logger_id: str = "", **_query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="logger-id", data=logger_id),
            html.Div(skeleton(52, 120, 380), id="logger-body", className="page"),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The body once and when the display changes."""

    @security.secured(
        app,
        Output("logger-body", "children"),
        Input("logger-id", "data"),
        Input("scheme", "data"),
        Input("zone", "data"),
        perm=Permission.VIEW,
    )
    def body(logger_id: object, scheme: object, zone: object) -> Any:
        return attempt("logger", lambda: page_body(services, str(logger_id), str(scheme), str(zone)))


def page_body(services: Services, logger: str, scheme: str, zone: str) -> list[Any]:
    """The page of one logger.

    Raises:
        NotFound: no such logger for this viewer.
    """
    viewer, now_ms = security.viewer(), services.clock.now_ms()
    state = services.journal.logger(logger)
    with services.registry.read() as connection:
        shown = logger_views.shown(connection, viewer, state, logger, now_ms)
        serves = [(one["subject_kind"], one["subject_id"]) for one in shown["bindings"]]
        called = names(connection, viewer, serves)
        end_ms = ms_from_iso(shown["last_event"]) + 1 if "last_event" in shown else now_ms
        seen = spans.of_loggers(connection, viewer, [logger], end_ms - DAYS * _DAY_MS, end_ms)
    tracks = _tracks(services, seen)
    found = troubles(shown, now_ms)
    lead = ", ".join(KINDS[name] for name in found) or "as it should be"
    return [
        head(logger, lead=_lead(lead, bool(found)), crumb=[link("Loggers", "/loggers"), " /"],
             actions=_actions(logger, may=viewer.may(Permission.EXPORT))),
        card(None, figures(condition(shown))),
        _chart_card(tracks, shown, now_ms, scheme, zone),
        html.Div([card("Serves", serving_table(shown, called)), card("Certificates", certificates(shown))],
                 className="grid-even"),
        card("About", html.Div(facts(_about(shown)), className="body")),
    ]  # fmt: skip


def _lead(words: str, troubled: bool) -> html.Span:
    return html.Span(words, className="status", **{"data-status": "at_risk"}) if troubled else html.Span(words)


def _actions(logger: str, *, may: bool) -> list[Any]:
    if not may:
        return []
    address = f"/api/v1/readings?logger={logger}&format=csv"
    return [html.A("Readings as CSV", href=address, className="button", download="")]


def _tracks(services: Services, seen: list[spans.Span]) -> list[Track]:
    found = [
        services.telemetry.track(span.logger, channel, span.start_ms, span.end_ms)
        for span in seen
        for channel in services.telemetry.channels(span.logger)
        if span.channels is None or channel in span.channels
    ]
    return [track for track in found if len(track) and bool((track.temperature_mc != ABSENT).any())]


def condition(shown: JsonObject) -> list[Figure]:
    """How the logger is, in eight figures."""
    heard = shown.get("last_heard")
    due = shown.get("calibration_due")
    battery, quarantined = shown.get("battery_pct"), shown.get("quarantined", 0)
    return [
        Figure("Last heard", moment(heard, "ago") if heard else "never", moment(heard) if heard else ""),
        Figure("Battery", text.ABSENT if battery is None else f"{battery:.0f} %",
               text.fixed(shown["battery_v"], 2, "V") if "battery_v" in shown else "",
               "at_risk" if battery is not None and battery < LOW_BATTERY_PCT else "calm"),
        Figure("Interval", text.duration(shown.get("interval_s")), "between reports"),
        Figure("Clock off by", clock_words(shown.get("clock_offset_s")) or text.ABSENT, "arrival minus its own stamp"),
        Figure("Calibration due", moment(due, "date") if due else "none on record",
               shown["calibrations"][0]["certificate"] if shown["calibrations"] else "",
               "calm" if shown["calibrated"] else "at_risk"),
        Figure("Readings", f"{shown.get('readings', 0):,}", f"{shown.get('messages', 0):,} messages, "
               f"{shown.get('duplicates', 0):,} sent again and kept once"),
        Figure("Quarantined", f"{quarantined:,}", "not believed, kept with their bytes",
               "at_risk" if quarantined else "calm"),
        Figure("Numbers missing", f"{shown.get('gaps', 0):,}", "messages that were announced and never came"),
    ]  # fmt: skip


def _chart_card(tracks: list[Track], shown: JsonObject, now_ms: int, scheme: str, zone: str) -> html.Section:
    if not tracks:
        return card("Temperature", empty("No temperature in the last days", checked_ms=now_ms))
    interval_ms = round(shown.get("interval_s", 600) * 1000)
    series = Series(tuple(tracks), None, None, interval_ms, span=Interval(min(int(t.time_ms[0]) for t in tracks), None))
    drawn = chart(series, scheme=scheme, zone=zone)
    known = [track.temperature_mc[track.temperature_mc != ABSENT] for track in tracks]
    lowest, highest = min(int(one.min()) for one in known) / 1000, max(int(one.max()) for one in known) / 1000
    words = f"Between {text.celsius(lowest)} and {text.celsius(highest)} within {DAYS} days"
    note = f"{words}; {drawn.note}. Limits belong to what the logger serves."
    return card(
        "Temperature",
        graph("logger-chart", drawn.figure, style={"height": f"{drawn.height}px"}),
        html.P(note, className="chart-note"),
    )


def serving_table(shown: JsonObject, called: dict[str, str]) -> Any:
    """What the logger served and serves."""
    rows = []
    for one in sorted(shown["bindings"], key=lambda item: str(item["from"]), reverse=True):
        name = called.get(one["subject_id"], one["subject_id"])
        where = href(one["subject_kind"], one["subject_id"])
        ends = moment(one["to"]) if one["to"] else "still bound"
        rows.append((link(name, where) if where else name, one["role"], moment(one["from"]), ends, one["reason"] or ""))
    if not rows:
        sentence = "Its readings are kept, and belong to no shipment until somebody binds it."
        return empty("Seen, not assigned", html.Span(sentence))
    return table(
        [Column(name) for name in ("Subject", "Part", "From", "To", "Reason")], rows, "What this logger serves"
    )


def certificates(shown: JsonObject) -> Any:
    """Calibration certificates, newest first."""
    rows = [
        (
            tag(one["certificate"]),
            one["laboratory"] or "",
            moment(one["calibrated"], "date"),
            moment(one["due"], "date"),
        )
        for one in shown["calibrations"]
    ]
    if not rows:
        return empty("No certificate on record", html.Span("Figures that rest on this logger say so."))
    return table([Column(name) for name in ("Certificate", "Laboratory", "Calibrated", "Due")], rows, "Certificates")


def _about(shown: JsonObject) -> list[tuple[str, Any]]:
    return [
        ("Registered", moment(shown["created"]) if "created" in shown else "no"),
        ("Device profile", shown.get("device_profile")),
        ("Model", shown.get("model")),
        ("Serial number", shown.get("serial")),
        ("Note", shown.get("note")),
        ("First heard", moment(shown["first_heard"]) if "first_heard" in shown else "never"),
        ("Newest message", f"boot {shown['boot']}, number {shown['seq']}" if shown.get("seq") is not None else ""),
    ]
