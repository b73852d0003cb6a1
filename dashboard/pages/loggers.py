"""Every logger that was registered or heard: what it serves, when it last spoke, how well it measures."""

from typing import Any

from dash import Dash, Input, Output, html

from coldchain.domain.quantity import ms_from_iso
from coldchain.registry import logger_views, maintenance
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import grid, security, text
from dashboard.parts.elements import head, link, moment
from dashboard.parts.logger_blocks import LOW_BATTERY_PCT
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, skeleton
from dashboard.parts.subjects import logger_href, names
from dashboard.services import Services

PAGE = Page("dashboard.pages.loggers", "Loggers", path="/loggers", icon="loggers")
GRID = "loggers"
KINDS = {"unassigned": "seen, not assigned", "silent": "silent", "calibration": "calibration due or missing",
         "battery": "battery low", "out_of_service": "out of service"}  # fmt: skip
CALIBRATION_SOON_MS = 30 * 86_400_000

COLUMNS = [
    grid.column("logger", "Logger", width=170, sortable=True, pinned="left", cellRenderer="ColdLink"),
    grid.column("condition", "Condition", width=250, sortable=True, cellRenderer="ColdCondition"),
    grid.column("serves", "Serves", width=190, sortable=True),
    grid.column("last_heard", "Last heard", width=150, sortable=True, cellRenderer="ColdAge"),
    grid.column("battery", "Battery", width=96, sortable=True, type="rightAligned"),
    grid.column("interval", "Interval", width=96, type="rightAligned"),
    grid.column("calibration_due", "Calibration due", width=140, sortable=True, cellRenderer="ColdTime",
                cellRendererParams={"show": "date"}),
    grid.column("clock", "Clock off by", width=116, type="rightAligned"),
    grid.column("readings", "Readings", width=104, sortable=True, type="rightAligned"),
    grid.column("quarantined", "Quarantined", width=116, sortable=True, type="rightAligned"),
    grid.column("duplicates", "Duplicates", width=108, type="rightAligned"),
    grid.column("model", "Model", width=130),
]  # fmt: skip


def layout(**query: str) -> Any:
    """The frame with its filters; the list comes under the viewer."""
    kind = "silent" if query.get("silent") else grid.chosen(query.get("kind"), tuple(KINDS))
    filters = [
        grid.search(GRID, "Logger or what it serves", query.get("text")),
        grid.select(GRID, "kind", "Only", list(KINDS.items()), kind),
    ]
    return html.Div(
        [
            head("Loggers", lead=html.Span("Loading …", id=f"{GRID}-note", role="status"), actions=filters),
            html.Div(skeleton(500), id=f"{GRID}-box", className="card goes-stale"),
        ],
        className="page",
    )


def register(app: Dash, services: Services) -> None:
    """One callback: the rows for a filter."""

    @security.secured(
        app,
        Output(f"{GRID}-box", "children"),
        Output(f"{GRID}-note", "children"),
        Input(f"{GRID}-text", "value"),
        Input(f"{GRID}-kind", "value"),
        perm=Permission.VIEW,
    )
    def shown(words: object, kind: object) -> Any:
        now_ms = services.clock.now_ms()
        counted: list[int] = []

        def show() -> Any:
            found = matching(
                rows(services, security.viewer(), now_ms), grid.chosen(words), grid.chosen(kind, tuple(KINDS))
            )
            counted.append(len(found))
            return grid.grid(GRID, COLUMNS, rows=found)

        box = attempt("list of loggers", show)
        said = text.count(counted[0], "logger") if counted else "No list"
        return box, [said, ", checked ", moment(now_ms, "second"), *_workbench(services, security.viewer())]


def _workbench(services: Services, viewer: Viewer) -> list[Any]:
    """The way to what arrives and nobody understands, as long as there is any."""
    if viewer.scoped or not viewer.may(Permission.OPERATE) or not services.journal.unread():
        return []
    return [" · ", link("Something unknown arrives", "/connect")]


def rows(services: Services, viewer: Viewer, now_ms: int) -> list[dict[str, Any]]:
    """The rows of every logger that exists for the viewer, the most troubled first."""
    heard = services.journal.loggers()
    with services.registry.read() as connection:
        found = logger_views.listed(connection, viewer, heard, now_ms)
        wanted = {(one["subject_kind"], one["subject_id"]) for logger in found for one in logger.get("serves", [])}
        called = names(connection, viewer, wanted)
        held = maintenance.listed(connection, at_ms=now_ms)
    for one in found:
        one["out_of_service"] = maintenance.of_subject(held, logger=one["logger"]) is not None
    made = [row(one, called, now_ms) for one in found]
    return sorted(made, key=lambda one: (-len(one["troubles"]), one["logger"]))


def row(one: dict[str, Any], called: dict[str, str], now_ms: int) -> dict[str, Any]:
    """A logger as its grid row; `troubles` are keys of `KINDS`."""
    serves = [called[other["subject_id"]] for other in one.get("serves", []) if other["subject_id"] in called]
    found = troubles(one, now_ms)
    battery = one.get("battery_pct")
    return {
        "id": one["logger"],
        "logger": one["logger"],
        "href": logger_href(one["logger"]),
        "troubles": found,
        "condition": ", ".join(KINDS[name] for name in found) or "as it should be",
        "serves": ", ".join(serves) or None,
        "last_heard": one.get("last_heard"),
        "battery": None if battery is None else f"{battery:.0f} %",
        "interval": text.duration(one["interval_s"]) if "interval_s" in one else None,
        "calibration_due": one.get("calibration_due"),
        "clock": clock_words(one.get("clock_offset_s")),
        "readings": one.get("readings"),
        "quarantined": one.get("quarantined") or None,
        "duplicates": one.get("duplicates") or None,
        "model": one.get("model"),
    }


def troubles(one: dict[str, Any], now_ms: int) -> list[str]:
    """What a person should look at, as keys of `KINDS`."""
    found = []
    if not one["assigned"] and "last_heard" in one:
        found.append("unassigned")
    if one["silent"]:
        found.append("silent")
    due = one.get("calibration_due")
    if one["assigned"] and (due is None or ms_from_iso(due) - now_ms < CALIBRATION_SOON_MS):
        found.append("calibration")
    if one.get("battery_pct") is not None and one["battery_pct"] < LOW_BATTERY_PCT:
        found.append("battery")
    if one.get("out_of_service"):
        found.append("out_of_service")
    return found


def clock_words(offset_s: float | None) -> str | None:
    """How far a logger's clock is off, in words; the time on the way is part of it."""
    if offset_s is None:
        return None
    if abs(offset_s) < text.MINUTE_S:
        return f"{text.minus(f'{round(offset_s)}')} s"
    return ("" if offset_s >= 0 else "−") + text.duration(abs(offset_s))


def matching(found: list[dict[str, Any]], words: str | None, kind: str | None) -> list[dict[str, Any]]:
    """The rows that contain the words and have the trouble."""
    sought = words.casefold() if words else ""
    return [
        one
        for one in found
        if (not kind or kind in one["troubles"])
        and (not sought or sought in f"{one['logger']} {one['serves'] or ''} {one['model'] or ''}".casefold())
    ]
