"""All excursions as a grid: severity by glyph and word, peak, how long outside, where it stands."""

from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from sqlalchemy import Connection

from coldchain.domain.finding import Severity
from coldchain.registry import excursion_views
from coldchain.registry.excursion_views import SORTS, Filter
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import grid, security, text
from dashboard.parts.elements import head, moment
from dashboard.parts.page import Page
from dashboard.parts.states import missing
from dashboard.parts.subjects import alarm_href
from dashboard.services import Services

PAGE = Page("dashboard.pages.excursions", "Excursions", path="/excursions", icon="excursions")
GRID = "excursions"
FILTERS = ("text", "open", "severity")
OPEN = {"1": "open", "0": "ended"}
SEVERITIES = {
    severity.word: f"{severity.word} or worse" for severity in (Severity.MINOR, Severity.MAJOR, Severity.CRITICAL)
}

COLUMNS = [
    grid.column("severity", "Severity", width=116, sortable=True, cellRenderer="ColdSeverity"),
    grid.column("reference", "Shipment or store", width=170, sortable=True, cellRenderer="ColdLink"),
    grid.column("name", "Excursion", width=140),
    grid.column("peak", "Peak", width=100, sortable=True, type="rightAligned"),
    grid.column("duration", "Outside for", width=120, sortable=True, type="rightAligned"),
    grid.column("state", "State", width=116),
    grid.column("onset", "Began", width=196, sortable=True, cellRenderer="ColdTime"),
    grid.column("end", "Ended", width=196, sortable=True, cellRenderer="ColdTime"),
    grid.column("lane", "Lane", width=260),
    grid.column("customer", "Customer", width=160),
    grid.column("logger", "Logger", width=150, sortable=True),
    grid.column("remark", "Remark", width=160),
]


def layout(**query: str) -> Any:
    """The frame; the rows come as the grid asks for them. A link in a message (`?alarm=`) leads on to its excursion."""
    if query.get("alarm"):
        services = security.services()
        with services.registry.read() as connection:
            target = alarm_href(connection, security.viewer(), query["alarm"])
        if target is None:
            return html.Div(html.Div(missing("alarm"), className="card"), className="page")
        return html.Div(dcc.Location(id="alarm-target", href=target, refresh=True))
    filters = [
        grid.search(GRID, "Reference, lane, logger", query.get("text")),
        grid.select(GRID, "open", "State", list(OPEN.items()), grid.chosen(query.get("open"), tuple(OPEN))),
        grid.select(GRID, "severity", "Severity", list(SEVERITIES.items()),
                    grid.chosen(query.get("severity"), tuple(SEVERITIES))),
    ]  # fmt: skip
    return html.Div(
        [
            head("Excursions", lead=html.Span("Loading …", id=f"{GRID}-note", role="status"), actions=filters),
            html.Div(grid.grid(GRID, COLUMNS), className="card goes-stale"),
        ],
        className="page",
    )


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
    def rows(request: object, words: object, is_open: object, severity: object) -> Any:
        which = filter_of(words, is_open, severity)
        with services.registry.read() as connection:
            found, total = block(connection, security.viewer(), which, grid.wanted(request, tuple(SORTS)))
        return {"rowData": found, "rowCount": total}, note(total, which, services.clock.now_ms())


def filter_of(words: object, is_open: object, severity: object) -> Filter:
    """The filter that the page's fields describe; what they cannot offer is ignored."""
    asked, least = grid.chosen(is_open, tuple(OPEN)), grid.chosen(severity, tuple(SEVERITIES))
    return Filter(
        text=grid.chosen(words),
        open=None if asked is None else asked == "1",
        at_least=None if least is None else Severity[least.upper()],
    )


def block(
    connection: Connection, viewer: Viewer, which: Filter, wanted: grid.Wanted
) -> tuple[list[dict[str, Any]], int]:
    """The rows that a grid asks for, and how many there are in all; without an order the newest come first."""
    page = excursion_views.listed(
        connection, viewer, which, sort=wanted.sort or "-onset", limit=wanted.count, offset=wanted.start
    )
    return [row(item) for item in page.items], excursion_views.count(connection, viewer, which)


def row(item: dict[str, Any]) -> dict[str, Any]:
    """An excursion as its grid row."""
    remarks = [words for words, said in (("found late", item["late"]), ("amended", item.get("amends"))) if said]
    return {
        **{name: item.get(name) for name in ("id", "severity", "onset", "end", "lane", "customer")},
        "href": f"/excursions/{item['id']}",
        "reference": item.get("reference") or item["logger"],
        "name": title(item).replace("Above", "above").replace("Below", "below"),
        "peak": text.celsius(item["peak_c"], item["limit_c"]),
        "duration": text.duration(item["duration_s"]),
        "state": "open" if item["end"] is None else "unwatched" if item.get("monitoring_ended") else "ended",
        "logger": f"{item['logger']}/{item['channel']}",
        "remark": ", ".join(remarks) or None,
    }


def title(item: dict[str, Any]) -> str:
    """An excursion in three words."""
    return f"{'Above' if item['direction'] == 'high' else 'Below'} {text.limit(item['limit_c'])}"


def note(total: int, which: Filter, now_ms: int) -> list[Any]:
    """How many rows there are, and when that was true."""
    filtered = which != Filter()
    if total == 0:
        words = "No excursion matches these filters" if filtered else "No excursion on record"
        words = "No open excursions" if which == Filter(open=True) else words
    else:
        words = text.count(total, "excursion") + (" match" if filtered else "")
    return [words, ", checked ", moment(now_ms, "second")]
