"""One batch: what is left of its stability budget, how it got there, and which shipments used it."""

from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, dcc, html
from sqlalchemy import Row

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.registry import maintenance
from coldchain.registry.viewer import Permission, Viewer
from compliance.batches import BatchLedger, load
from dashboard.figures.burndown import HEIGHT, burndown, courses
from dashboard.parts import security, service_blocks, stay_blocks, text
from dashboard.parts.budget_blocks import budget_block, line_table, of_batch, part_table
from dashboard.parts.elements import card, head, link, moment, status
from dashboard.parts.graph import graph
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.batch", "Batch", path_template="/batches/<batch_id>")


def layout(batch_id: str = "", **_query: str) -> Any:
    """Grey blocks that the callback fills under the viewer."""
    return html.Div(
        [
            dcc.Store(id="batch-id", data=batch_id),
            dcc.Store(id="stay-done"),
            html.Div(skeleton(52, 150, HEIGHT, 240), id="batch-body", className="page goes-stale"),
            # Apart from what is written anew every half minute: a form keeps what somebody is typing.
            html.Div(id="batch-stays", className="page page-more"),
            dcc.Interval(id="batch-tick", interval=30_000),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The page at once, when the display changes, and every half minute: the budget burns down."""

    @security.secured(
        app,
        Output("batch-body", "children"),
        Input("batch-id", "data"),
        Input("scheme", "data"),
        Input("zone", "data"),
        Input("batch-tick", "n_intervals"),
        Input("stay-done", "data"),
        perm=Permission.VIEW,
    )
    def body(batch_id: object, scheme: object, zone: object, _tick: object, _stays: object) -> Any:
        look = tuple(one if isinstance(one, str) else None for one in (scheme, zone))
        return attempt("batch", lambda: page_body(services, security.viewer(), str(batch_id), *look))

    @security.secured(app, Output("batch-stays", "children"), Input("batch-id", "data"), perm=Permission.VIEW)
    def stays(batch_id: object) -> Any:
        return attempt("stays", lambda: stay_blocks.stays_card(services, security.viewer(), str(batch_id)))

    stay_blocks.register(app, services)


def page_body(services: Services, viewer: Viewer, batch: str, scheme: str | None, zone: str | None) -> list[Any]:
    """The page of one batch.

    Raises:
        NotFound: no such batch for this viewer.
    """
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        found = load(connection, services.history, viewer, batch, now_ms)
        held = maintenance.listed(connection, at_ms=now_ms)
    derived = of_batch(batch)
    checked = html.Span(["Checked ", moment(now_ms, "second")], className="dim small")
    export = html.A("Ledger as JSON", href=f"/api/v1/batches/{batch}", className="button", download="")
    return [
        head(
            found.key.batch,
            lead=[*headline(found), *worked_on(found, held)],
            crumb=[link("Batches", "/batches"), " /"],
            actions=[export] if viewer.may(Permission.EXPORT) else [],
        ),
        card("Stability budget", budget_block(found.ledger, hidden=found.partial, derived=derived), right=checked),
        _chart(found, scheme, zone),
        card("Shipments and stays", part_table(found.ledger, derived), id="batch-parts"),
        card("Ledger", line_table(found.ledger, derived),
             right=html.Span("what charged which band, newest first", className="dim small")),
    ]  # fmt: skip


def headline(found: BatchLedger) -> list[Any]:
    """Status, GTIN and shipments in a line."""
    words: list[Any] = [status(found.status)]
    if found.key.gtin:
        words.append(f" · GTIN {found.key.gtin}")
    if found.key.customer:
        words.append(f" · {found.key.customer}")
    words += [" · ", link(text.count(len(found.members), "shipment"), "#batch-parts")]
    if found.hidden:
        words.append(f", {found.hidden} more that are not yours to see")
    if found.unseen:
        words.append(f", {text.count(found.unseen, 'stay')} in stores that are not yours to see")
    return words


def worked_on(found: BatchLedger, held: Sequence[Row[Any]]) -> list[Any]:
    """Each shipment or store in which the goods are now and that is out of service, or whose logger is, by name."""
    said: list[Any] = []
    for part in found.ledger.parts:
        about = Subject(SubjectKind.STORE, part.store) if part.store else Subject(SubjectKind.SHIPMENT, part.id)
        heard_by = {channel.split("/")[0] for channel in part.last or {}}
        work = [maintenance.of_subject(held, subject=about),
                *(maintenance.of_subject(held, logger=logger) for logger in heard_by)]  # fmt: skip
        rows = [row for row in work if row is not None]
        if part.live and rows:
            said += [" · ", part.name, *service_blocks.badges([max(rows, key=lambda row: int(row.until_ms))])]
    return said


def _chart(found: BatchLedger, scheme: str | None, zone: str | None) -> html.Section:
    if found.partial or not courses(found.ledger):
        why = "Others may have used of it." if found.partial else "No band of its budget has an allowance."
        return card("Burn-down", empty("Nothing to draw", html.Span(why)))
    figure = burndown(found.ledger, scheme=scheme, zone=zone)
    words = "Hours left per band. The grey area below a line is unknown time, which may have used as much again."
    return card(
        "Burn-down", graph("batch-burndown", figure, style={"height": f"{HEIGHT}px"}),
        html.P(words, className="chart-note"),
    )  # fmt: skip
