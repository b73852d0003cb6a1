"""A store's figures by calendar day, week or month of its site's zone, each number with its derivation."""

from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.errors import NotFound
from coldchain.registry import stores
from coldchain.registry.viewer import Permission, Viewer
from compliance.calendar import Unit
from compliance.subject_windows import windows_of_subject
from dashboard.parts import security, text
from dashboard.parts.derivation import number
from dashboard.parts.elements import Column, card, table
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

Json = dict[str, Any]
UNITS = {"day": "Day", "week": "Week", "month": "Month"}
_DAY_MS = 86_400_000
_BACK_MS = {Unit.DAY: 13 * _DAY_MS, Unit.WEEK: 11 * 7 * _DAY_MS, Unit.MONTH: 334 * _DAY_MS}
_COLUMNS = (
    Column("In range", numeric=True), Column("Outside", numeric=True), Column("Unknown", numeric=True),
    Column("Lowest", numeric=True), Column("Highest", numeric=True), Column("Mean", numeric=True),
    Column("MKT", numeric=True), Column("Excursions", numeric=True),
)  # fmt: skip


def windows_card(store_id: str) -> html.Section:
    """The place for it on the page of a store; `register` fills it."""
    choice = dmc.SegmentedControl(
        id="store-window-unit", value="day", size="sm",
        data=[{"value": unit, "label": words} for unit, words in UNITS.items()],
    )  # fmt: skip
    choice = html.Div(choice, role="group", **{"aria-label": "Length of the calendar windows"})
    body = html.Div(skeleton(180), id="store-windows")
    return card("By calendar", dcc.Store(id="store-window-of", data=store_id), body, right=choice)


def register(app: Dash, services: Services) -> None:
    """The table when the page opens, and of another length when one is chosen."""

    @security.secured(
        app,
        Output("store-windows", "children"),
        Input("store-window-of", "data"),
        Input("store-window-unit", "value"),
        perm=Permission.VIEW,
    )
    def body(store_id: object, unit: object) -> Any:
        chosen = Unit(unit) if unit in UNITS else Unit.DAY
        return attempt("calendar", lambda: windows_table(services, security.viewer(), str(store_id), chosen))


def windows_table(services: Services, viewer: Viewer, store_id: str, unit: Unit) -> Any:
    """The newest windows of one length, newest first.

    Raises:
        NotFound: no such store for this viewer.
    """
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        shown = stores.shown(connection, viewer, store_id)
        begun = ((shown["document"] or {}).get("period") or {}).get("from")
        if not begun:
            return empty("Not judged yet", "Figures appear with the first reading of a bound logger.")
        try:
            found = windows_of_subject(
                connection,
                services.history,
                Subject(SubjectKind.STORE, store_id),
                unit,
                now_ms - _BACK_MS[unit],
                now_ms,
            )
        except NotFound:
            return empty("Not judged yet", "Figures appear with the first reading of a bound logger.")
    seen = [(one, block) for one in found["windows"] if (block := _governing(one)) is not None]
    if not seen:
        return empty(f"No reading within the last {len(found['windows'])} {unit.value}s", checked_ms=now_ms)
    rows = [_row(one, block, store_id) for one, block in reversed(seen)]
    columns = (Column(UNITS[unit.value]), *_COLUMNS)
    words = f"Each begins at midnight in {found['zone']}; at its edges the line between two readings is cut."
    return html.Div([table(columns, rows, f"Figures by {unit.value}"), html.P(words, className="chart-note")])


def _governing(window: Json) -> Json | None:
    """The block of the window's governing channel; None where nothing was measured or missed in it."""
    wanted = (window["governing_logger"], window["governing_channel"])
    block = next((one for one in window["channels"] if (one["logger"], one["channel"]) == wanted), None)
    if block is None or (block["coverage_pct"] is None and block["temperature"]["min_c"] is None):
        return None
    return dict(block)


def _row(window: Json, block: Json, store_id: str) -> tuple[Any, ...]:
    of = {"store": store_id, "logger": block["logger"], "channel": block["channel"], "from": window["from"],
          "to": window["to"]}  # fmt: skip

    def derived(shown: Any, figure: str) -> Any:
        return number(shown, figure, **of)

    seen = block["temperature"]
    out_s = seen["time_above_s"] + seen["time_below_s"]
    judged_s = seen["time_in_range_s"] + out_s
    outside: Any = derived(text.duration(out_s), "temperature.time_outside_s")
    if out_s:
        outside = html.Span(outside, className="status", **{"data-status": "excursion"})
    return (
        [html.Span(window["name"]), *_length(window)],
        derived(text.percent_floored(seen["time_in_range_s"], judged_s), "temperature.in_range_pct") if judged_s
        else text.ABSENT,
        outside,
        derived(text.duration(seen["time_unknown_s"]), "temperature.time_unknown_s") if seen["time_unknown_s"]
        else text.ABSENT,
        derived(text.celsius(seen["min_c"]), "temperature.min_c") if seen["min_c"] is not None else text.ABSENT,
        derived(text.celsius(seen["max_c"]), "temperature.max_c") if seen["max_c"] is not None else text.ABSENT,
        derived(text.fixed(seen["mean_c"], 2, "°C"), "temperature.mean_c"),
        derived(text.fixed(block["mkt"]["value_c"], 2, "°C"), "mkt.value_c"),
        derived(f"{len(block['excursions']):,}", "excursions.count") if block["excursions"] else text.ABSENT,
    )  # fmt: skip


def _length(window: Json) -> list[Any]:
    """A day of 23 or 25 hours says so."""
    hours = window["hours"]
    return [html.Span(f" {hours:g} h", className="dim small")] if len(window["name"]) == 10 and hours != 24 else []
