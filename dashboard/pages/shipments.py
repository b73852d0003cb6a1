"""All shipments as a grid: searched, filtered and sorted in the database, kept fresh by the live state."""

from typing import Any

from dash import Dash, Input, Output, State, html
from sqlalchemy import Connection, select

from coldchain.domain.finding import SubjectKind
from coldchain.registry import maintenance, profiles, shipment_views
from coldchain.registry.schema import shipment
from coldchain.registry.scope import shipments_of
from coldchain.registry.shipment_views import SORTS, Filter
from coldchain.registry.shipments import STATES
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import grid, security, text
from dashboard.parts.elements import STATE_WORDS, STATUS_WORDS, head, moment
from dashboard.parts.page import Page
from dashboard.services import Services

PAGE = Page("dashboard.pages.shipments", "Shipments", path="/shipments", icon="shipments")
GRID = "shipments"
FILTERS = ("text", "state", "status", "product", "lane")

COLUMNS = [
    grid.column("reference", "Shipment", width=130, sortable=True, pinned="left", cellRenderer="ColdLink"),
    grid.column("urgency", "Status", width=122, sortable=True, cellRenderer="ColdStatus"),
    grid.column("open_excursions", "Open", width=84, type="rightAligned"),
    grid.column("excursions", "Excursions", width=104, type="rightAligned"),
    grid.column("lane", "Lane", width=270, sortable=True),
    grid.column("product_profile", "Product profile", width=250),
    grid.column("state", "State", width=190, sortable=True),
    grid.column("customer", "Customer", width=170, sortable=True),
    grid.column("carrier", "Carrier", width=190, sortable=True),
    grid.column("departed", "Departed", width=180, sortable=True, cellRenderer="ColdTime"),
    grid.column("planned_arrival", "Planned arrival", width=180, sortable=True, cellRenderer="ColdTime"),
]


def layout(**query: str) -> Any:
    """The frame; the rows come as the grid asks for them. The filters come from the address."""
    states = [(state, STATE_WORDS[state]) for state in STATES]
    lanes, products = choices(security.services(), security.viewer())
    filters = [
        grid.search(GRID, "Reference, party, batch", query.get("text")),
        grid.select(GRID, "state", "State", states, grid.chosen(query.get("state"), STATES)),
        grid.select(GRID, "status", "Status", list(STATUS_WORDS.items()),
                    grid.chosen(query.get("status"), tuple(STATUS_WORDS))),
        grid.select(GRID, "product", "Product profile", list(products.items()),
                    grid.chosen(query.get("product"), tuple(products))),
        grid.select(GRID, "lane", "Lane", [(one, one) for one in lanes], grid.chosen(query.get("lane"), lanes)),
    ]  # fmt: skip
    return html.Div(
        [
            head("Shipments", lead=html.Span("Loading …", id=f"{GRID}-note", role="status"), actions=filters),
            html.Div(grid.grid(GRID, COLUMNS), className="card goes-stale"),
        ],
        className="page",
    )


def choices(services: Services, viewer: Viewer) -> tuple[list[str], dict[str, str]]:
    """The lanes of the shipments that the viewer may see, and the product profiles' names by id."""
    with services.registry.read() as connection:
        query = select(shipment.c.lane).where(shipments_of(viewer), shipment.c.lane.is_not(None)).distinct()
        lanes = sorted(connection.execute(query).scalars())
        return lanes, product_names(connection)


def product_names(connection: Connection) -> dict[str, str]:
    """What the product profiles are called, by id."""
    return {stored.profile.id: stored.profile.name for stored in profiles.listed(connection)}


def register(app: Dash, services: Services) -> None:
    """One callback answers the grid's requests."""
    grid.refilter(app, GRID, FILTERS)

    @security.secured(
        app,
        Output(GRID, "getRowsResponse"),
        Output(f"{GRID}-note", "children"),
        Input(GRID, "getRowsRequest"),
        *(State(f"{GRID}-{name}", "value") for name in FILTERS),
        perm=Permission.VIEW,
        prevent_initial_call=True,
    )
    def rows(request: object, words: object, state: object, status: object, product: object, lane: object) -> Any:
        which = Filter(
            text=grid.chosen(words), state=grid.chosen(state, STATES), status=grid.chosen(status, tuple(STATUS_WORDS)),
            product_profile=grid.chosen(product), lane=grid.chosen(lane),
        )  # fmt: skip
        with services.registry.read() as connection:
            wanted = grid.wanted(request, tuple(SORTS))
            found, total = block(connection, security.viewer(), which, wanted, services.clock.now_ms())
        return {"rowData": found, "rowCount": total}, note(total, which, services.clock.now_ms())


def block(
    connection: Connection, viewer: Viewer, which: Filter, wanted: grid.Wanted, now_ms: int
) -> tuple[list[dict[str, Any]], int]:
    """The rows that a grid asks for, and how many there are in all; without an order the most urgent come first."""
    sort = wanted.sort or "-urgency"
    page = shipment_views.listed(connection, viewer, which, sort=sort, limit=wanted.count, offset=wanted.start)
    called = product_names(connection)
    held = maintenance.listed(connection, at_ms=now_ms)
    worked_on = {row.subject_id for row in held if row.subject_kind == SubjectKind.SHIPMENT.value}
    made = [row(item, called, worked_on=item["id"] in worked_on) for item in page.items]
    return made, shipment_views.count(connection, viewer, which)


def row(item: dict[str, Any], called: dict[str, str], *, worked_on: bool = False) -> dict[str, Any]:
    """A shipment as its grid row."""
    names = ("id", "reference", "lane", "customer", "carrier", "departed", "planned_arrival")
    return {
        **{name: item.get(name) for name in names},
        "href": f"/shipments/{item['id']}",
        "urgency": item["status"],
        "product_profile": called.get(item["product_profile"], item["product_profile"]),
        "state": STATE_WORDS.get(item["state"], item["state"]) + (", out of service" if worked_on else ""),
        "excursions": item["excursions"] or None,
        "open_excursions": item["open_excursions"] or None,
    }


def note(total: int, which: Filter, now_ms: int) -> list[Any]:
    """How many rows there are, and when that was true."""
    filtered = any(value is not None for value in which)
    if total == 0:
        words = "No shipment matches these filters" if filtered else "No shipment yet: make one by the API or a file"
    else:
        words = text.count(total, "shipment") + (" match" if filtered else "")
    return [words, ", checked ", moment(now_ms, "second")]
