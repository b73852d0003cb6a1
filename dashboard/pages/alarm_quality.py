"""Alarm quality: whether the alarms can be lived with, in figures that each lead to the alarms behind them."""

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, html

from coldchain.registry import alarm_quality
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import alarm_quality_blocks as blocks
from dashboard.parts import security
from dashboard.parts.alarm_amounts import cause_words
from dashboard.parts.alarm_quality_behind import PERIODS, facts_of, period_days
from dashboard.parts.elements import card, head, link, moment
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.alarm_quality", "Alarm quality", path="/alarm-quality", icon="quality",
            perm=Permission.ASSESS)  # fmt: skip


def layout(**query: str) -> Any:
    """The period from the address, and grey blocks that the callback fills."""
    days = period_days(query.get("days"))
    choose = dmc.Select(
        id="quality-days", label="Within", value=days, size="xs", className="field", allowDeselect=False,
        data=[{"value": key, "label": words} for key, words in PERIODS.items()],
    )  # fmt: skip
    return html.Div(
        [
            head("Alarm quality", lead="Whether the alarms can be lived with, and arrive", actions=[choose]),
            html.Div(skeleton(180, 220, 220), id="quality-body", className="stack"),
        ],
        className="page",
    )


def register(app: Dash, services: Services) -> None:
    """The figures whenever the period changes; it stays in the address."""

    @security.secured(app, Output("quality-body", "children"), Input("quality-days", "value"), perm=Permission.ASSESS)
    def body(days: object) -> Any:
        return attempt("alarm quality", lambda: page_body(services, security.viewer(), period_days(days)))

    app.clientside_callback(
        ClientsideFunction("coldchain_alarms", "qualityAddress"), Input("quality-days", "value"),
        prevent_initial_call=True,
    )  # fmt: skip


def page_body(services: Services, viewer: Viewer, days: str) -> list[Any]:
    """The figures for a viewer who sees the whole installation."""
    if viewer.scoped:
        words = "These figures are of the whole installation, and you see one customer's or carrier's shipments."
        return [card(None, empty("Not yours to see", html.Span(words)))]
    now_ms, about = services.clock.now_ms(), blocks.About(days)
    with services.registry.read() as connection:
        found = alarm_quality.document(facts_of(connection, days, now_ms))
    checked = html.Span(["Checked ", moment(now_ms, "second")], className="dim small")
    if not found["raised"] and not found["messages"]:
        return [card(None, empty("No alarm was raised within this period", checked_ms=now_ms))]
    block = blocks.overall(found, about)
    block.className = "figures wide"
    return [
        card("Overall", block, right=checked),
        blocks.load(found["people"], about),
        html.Div(
            [
                blocks.priorities(found["priorities"], about),
                blocks.top("Most frequent causes", found["causes"], about, "cause", cause),
            ],
            className="grid-even",
        ),
        blocks.channels(found["channels"], about),
        blocks.top("Busiest loggers", found["loggers"], about, "logger", lambda name: link(name, f"/loggers/{name}")),
    ]


def cause(name: str) -> str:
    """A cause in words, without a limit."""
    return cause_words({"cause": name}).capitalize()
