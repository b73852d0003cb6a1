"""Batches: each with the shipments that carry it and what is left of its stability budget."""

from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html

from coldchain.registry import batches
from coldchain.registry.viewer import Permission, Viewer
from compliance.batch_list import load_many
from compliance.batches import BatchLedger
from dashboard.parts import security, text
from dashboard.parts.budget_blocks import Derives, left_words, of_batch, over
from dashboard.parts.elements import Column, card, head, link, moment, status, table
from dashboard.parts.grid import chosen
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.batches", "Batches", path="/batches", icon="batches")
SHOWN = 40
COLUMNS = (
    Column("Batch"), Column("Status"), Column("GTIN or customer"), Column("Shipments", numeric=True),
    Column("Under way", numeric=True), Column("Stability budget left"), Column("Time left now"), Column("Newest"),
)  # fmt: skip


def layout(**query: str) -> Any:
    """The search field, and grey blocks that the callback fills."""
    search = dmc.TextInput(
        id="batches-text", label="Batch or GTIN", placeholder="search", value=chosen(query.get("text")) or "",
        debounce=250, size="xs", className="field", inputProps={"data-search": "1", "type": "search"},
    )  # fmt: skip
    return html.Div(
        [
            head("Batches", lead="What is left of each batch's stability budget, over all its shipments",
                 actions=[search]),
            html.Div(skeleton(320), id="batches-list", className="goes-stale"),
            dcc.Interval(id="batches-tick", interval=30_000),
        ],
        className="page",
    )  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """The list, at once, as it is searched, and every half minute."""

    @security.secured(
        app,
        Output("batches-list", "children"),
        Input("batches-text", "value"),
        Input("batches-tick", "n_intervals"),
        perm=Permission.VIEW,
    )
    def listed(sought: object, _tick: object) -> Any:
        return attempt("list of batches", lambda: listing(services, security.viewer(), chosen(sought)))


def listing(services: Services, viewer: Viewer, sought: str | None) -> Any:
    """The newest batches that exist for the viewer, as a table."""
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        page = batches.listed(connection, viewer, text=sought, limit=SHOWN)
        ledgers = load_many(connection, services.history, viewer, [one["id"] for one in page.items], now_ms)
    rows = [_row(one, ledgers[one["id"]]) for one in page.items if one["id"] in ledgers]
    if not rows:
        words = "No batch has this in its number or GTIN" if sought else "No batch yet"
        return card(None, empty(words, html.Span("Shipments name the batches that they carry."), checked_ms=now_ms))
    title = text.count(len(rows), "batch", "batches")
    more = [html.P(f"The newest {SHOWN}; search for others.", className="chart-note")] if page.next_cursor else []
    checked = html.Span(["Checked ", moment(now_ms, "second")], className="dim small")
    return card(title, table(COLUMNS, rows, "Batches"), *more, right=checked)


def _row(one: dict[str, Any], found: BatchLedger) -> tuple[Any, ...]:
    page, derived = f"/batches/{one['id']}", of_batch(one["id"])
    stored = any(part.kind == "store" and part.live for part in found.ledger.parts)
    return (
        link(one["batch"], page),
        status(found.status) if one["live"] or stored else html.Span("at rest", className="dim"),
        one["gtin"] or one["customer"] or text.ABSENT,
        link(f"{one['shipments']:,}", page),
        link(f"{one['live']:,}", page) if one["live"] else text.ABSENT,
        rest(found, derived),
        text.ABSENT if found.ledger.left is None or found.partial
        else derived(left_words(found.ledger.left), "time_left.upper_s"),
        moment(one["newest"], "date"),
    )  # fmt: skip


def rest(found: BatchLedger, derived: Derives) -> Any:
    """The band of which the smallest share is left, in a line; each number leads to its derivation."""
    limited = [(place, band) for place, band in enumerate(found.ledger.bands) if band.allowed_ms]
    if not limited:
        return html.Span("no budget", className="dim")
    if found.partial:
        return html.Span("not yours to see", className="dim")
    place, least = min(limited, key=lambda item: (item[1].remaining_ms or 0) / (item[1].allowed_ms or 1))
    remaining, at = least.remaining_ms or 0, f"bands.{place}"
    band = html.Span([" ", html.Span(f"({least.range.text()})", className="nowrap")], className="dim")
    if remaining < 0:
        words = derived(f"overdrawn by {over(remaining)}", f"{at}.remaining_s")
        return html.Span([words, band], className="status", **{"data-status": "excursion"})
    allowed = derived(text.duration((least.allowed_ms or 0) / 1000), f"{at}.allowed_s")
    return html.Span([derived(text.duration(remaining / 1000), f"{at}.remaining_s"), " of ", allowed, band])
