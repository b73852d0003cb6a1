"""One logger: what it measured lately, what it serves, how well it measures, and what was not believed."""

from typing import Any
from urllib.parse import quote, unquote

import dash
from dash import Dash, Input, Output, State, dcc, html

from coldchain.domain.track import ABSENT, Track
from coldchain.errors import ColdchainError
from coldchain.registry import spans
from coldchain.registry.viewer import Permission, Viewer
from dashboard.figures.series import Interval, Series, chart
from dashboard.pages.loggers import KINDS, clock_words, troubles
from dashboard.parts import binding_form, logger_blocks, logger_forms, security, service_acts, text
from dashboard.parts.elements import card, facts, figures, head, link
from dashboard.parts.graph import graph
from dashboard.parts.logger_profile import profile_card
from dashboard.parts.logger_record import DAYS, JsonObject, Record, load
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, refusal, skeleton
from dashboard.parts.subjects import names
from dashboard.services import Services

PAGE = Page("dashboard.pages.logger", "Logger", path_template="/loggers/<logger_id>")


def layout(logger_id: str = "", **_query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="logger-id", data=unquote(logger_id)),
            dcc.Store(id="logger-done"),
            html.Div(skeleton(52, 120, 380), id="logger-body", className="page"),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The body once, when the display changes and when something was recorded; and what its forms do."""

    @security.secured(
        app,
        Output("logger-body", "children"),
        Input("logger-id", "data"),
        Input("scheme", "data"),
        Input("zone", "data"),
        Input("logger-done", "data"),
        perm=Permission.VIEW,
    )
    def body(logger_id: object, scheme: object, zone: object, _done: object) -> Any:
        return attempt("logger", lambda: page_body(services, str(logger_id), str(scheme), str(zone)))

    @security.secured(
        app,
        Output("logger-point", "children"),
        Input("logger-chart", "clickData"),
        State("logger-id", "data"),
        perm=Permission.VIEW,
        prevent_initial_call=True,
    )
    def point(clicked: object, logger_id: object) -> Any:
        return attempt("reading", lambda: clicked_reading(services, security.viewer(), str(logger_id), clicked))

    _form(app, services, "cert", ("number", "laboratory", "calibrated", "due", "uncertainty"),
          logger_forms.record_certificate, Permission.OPERATE)  # fmt: skip
    _form(app, services, "interval", ("value", "reason"), logger_forms.declare_interval, Permission.OPERATE)
    _form(app, services, "assign", ("profile", "zone", "reason"), logger_forms.assign_profile, Permission.ADMINISTER)
    _form(app, services, "bind", ("subject", "role", "from", "reason"), binding_form.bind, Permission.OPERATE)


def _form(
    app: Dash, services: Services, prefix: str, fields: tuple[str, ...], act: Any, perm: Permission
) -> None:  # fmt: skip
    """A form of the page: it acts for a logger that exists for the viewer, or says why not, in its place."""

    @security.secured(
        app,
        Output("logger-done", "data", allow_duplicate=True),
        Output(f"{prefix}-said", "children"),
        Input(f"{prefix}-send", "n_clicks"),
        State("logger-id", "data"),
        *(State(f"{prefix}-{field}", "value") for field in fields),
        perm=perm,
        prevent_initial_call=True,
    )
    def send(clicks: int | None, logger_id: object, *asked: object) -> Any:
        if not clicks:
            return dash.no_update, dash.no_update
        viewer, logger = security.viewer(), str(logger_id)
        try:
            load(services, viewer, logger, services.clock.now_ms())
            act(services, viewer, logger, *asked)
        except ColdchainError as error:
            return dash.no_update, refusal(error)
        return {"form": prefix, "click": clicks, "at": services.clock.now_ms()}, ""


def page_body(services: Services, logger: str, scheme: str, zone: str) -> list[Any]:
    """The page of one logger.

    Raises:
        NotFound: no such logger for this viewer.
    """
    viewer, now_ms = security.viewer(), services.clock.now_ms()
    record = load(services, viewer, logger, now_ms)
    shown = record.shown
    with services.registry.read() as connection:
        serves = [(one["subject_kind"], one["subject_id"]) for one in shown["bindings"]]
        called = names(connection, viewer, serves)
    found = troubles(shown, now_ms)
    lead = ", ".join(KINDS[name] for name in found) or "as it should be"
    may, whole = viewer.may(Permission.OPERATE), not viewer.scoped
    return [
        head(logger, lead=_lead(lead, bool(found)), crumb=[link("Loggers", "/loggers"), " /"],
             actions=_actions(record, viewer)),
        card(None, figures(logger_blocks.condition(shown, clock_words(shown.get("clock_offset_s")))),
             logger_blocks.completeness(shown)),
        *profile_card(services, viewer, record),
        _chart_card(_tracks(services, record.spans), shown, now_ms, scheme, zone),
        html.Div([_serves(services, viewer, shown, called, may=may), _certificates(shown, may=may)],
                 className="grid-even"),
        html.Div([card("Channels", logger_blocks.channel_table(shown)),
                  card("Faults and holes", logger_blocks.trouble_table(shown))], className="grid-even"),
        card("Newest readings", logger_blocks.newest_readings(record, originals=whole), className="tall"),
        service_acts.place(service_acts.LOGGER, logger),
        card("About", html.Div(facts(logger_blocks.about(shown)), className="body"),
             *([logger_forms.interval_form(shown)] if may else [])),
    ]  # fmt: skip


def _lead(words: str, troubled: bool) -> html.Span:
    return html.Span([
        html.Span(words, className="status", **{"data-status": "at_risk"}) if troubled else html.Span(words),
        service_acts.slot(),
    ])  # fmt: skip


def _actions(record: Record, viewer: Viewer) -> list[Any]:
    logger, actions = record.shown["logger"], []
    if record.unread and viewer.may(Permission.OPERATE):
        actions.append(
            html.A(
                "What is not understood", href=f"/connect?logger={quote(logger, safe='')}", className="button primary"
            )
        )
    if viewer.may(Permission.EXPORT):
        address = f"/api/v1/readings?logger={quote(logger, safe='')}&format=csv"
        actions.append(html.A("Readings as CSV", href=address, className="button", download=""))
    return actions


def _serves(
    services: Services, viewer: Viewer, shown: JsonObject, called: dict[str, str], *, may: bool
) -> html.Section:  # fmt: skip
    form = binding_form.form(services, viewer, "bind") if may else None
    parts = [] if form is None else [
        html.Details([html.Summary("Assign it to a shipment or a store"), html.Div(form, className="body")],
                     className="more", id="bind-form", open=not shown["bindings"])
    ]  # fmt: skip
    return card("Serves", logger_blocks.serving_table(shown, called), *parts)


def _certificates(shown: JsonObject, *, may: bool) -> html.Section:
    return card("Certificates", logger_blocks.certificates(shown), *([logger_forms.certificate_form()] if may else []))


def _tracks(services: Services, seen: list[spans.Span]) -> list[Track]:
    found = [
        services.telemetry.track(span.logger, channel, span.start_ms, span.end_ms)
        for span in seen
        for channel in services.telemetry.channels(span.logger)
        if span.channels is None or channel in span.channels
    ]
    return [track for track in found if len(track) and bool((track.temperature_mc != ABSENT).any())]


def _chart_card(tracks: list[Track], shown: JsonObject, now_ms: int, scheme: str, zone: str) -> html.Section:
    if not tracks:
        return card("Temperature", empty("No temperature in the last days", checked_ms=now_ms))
    interval_ms = round(shown.get("interval_s", 600) * 1000)
    series = Series(tuple(tracks), None, None, interval_ms, span=Interval(min(int(t.time_ms[0]) for t in tracks), None))
    drawn = chart(series, scheme=scheme, zone=zone)
    known = [track.temperature_mc[track.temperature_mc != ABSENT] for track in tracks]
    lowest, highest = min(int(one.min()) for one in known) / 1000, max(int(one.max()) for one in known) / 1000
    words = f"Between {text.celsius(lowest)} and {text.celsius(highest)} within {DAYS} days"
    note = f"{words}; {drawn.note}. Limits belong to what the logger serves. Click a point for its original message."
    return card(
        "Temperature",
        graph("logger-chart", drawn.figure, style={"height": f"{drawn.height}px"}),
        html.P(note, className="chart-note"),
        html.Div(id="logger-point", className="chart-note", **{"aria-live": "polite"}),
    )


def clicked_reading(services: Services, viewer: Viewer, logger: str, clicked: object) -> Any:
    """The reading behind a point of the chart, with its original message; nothing where there is none."""
    points = clicked.get("points") if isinstance(clicked, dict) else None
    at = points[0].get("customdata") if isinstance(points, list) and points and isinstance(points[0], dict) else None
    if not isinstance(at, int) or isinstance(at, bool):
        return ""
    with services.registry.read() as connection:
        seen = spans.of_loggers(connection, viewer, [logger], at, at + 1)
    found = [one for span in seen for one in services.history.readings(logger, span.start_ms, span.end_ms)
             if span.channels is None or one.channel in span.channels]  # fmt: skip
    if not found:
        return ""
    one = found[0]
    value = "no value" if one.temperature_mc is None else text.celsius(one.temperature_mc / 1000)
    original = [] if viewer.scoped else [" came in ", link(f"message {one.message}", f"/messages/{one.message}")]
    return [f"{one.channel}, {value}, read by {one.device_profile}", *original, "."]
