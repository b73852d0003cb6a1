"""Excursions, as JSON and as CSV."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from sqlalchemy import Row

from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.domain.quantity import ms_from_iso
from coldchain.registry import excursion_views, maintenance
from coldchain.registry.excursion_views import Filter
from coldchain.registry.paging import LARGEST, Page
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.export_stream import table_reply
from dashboard.api.request import (
    Caller,
    Cursor,
    From,
    Limit,
    To,
    Web,
    instant,
    list_reply,
    reply,
    shown_as,
    wanted_format,
)
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services

Word = Literal["info", "minor", "major", "critical"]
Format = Annotated[Literal["json", "csv"] | None, Query(description="json or csv; takes precedence over Accept")]
Sort = Annotated[str, Query(description="onset, end, severity, duration, peak, reference or logger; - turns it")]
COLUMNS = (
    "id", "version", "subject_kind", "subject_id", "reference", "customer", "carrier", "lane", "logger", "channel",
    "direction", "onset", "onset_sample", "end", "duration_s", "duration_upper_s", "peak_c", "peak", "limit_c",
    "area_c_min", "severity", "late", "latitude", "longitude", "recorded", "mean_c", "coverage_pct", "custodian", "leg",
    "amends", "monitoring_ended", "raised", "acknowledged", "time_to_acknowledge_s", "out_of_service",
)  # fmt: skip


def listed(
    request: Request, web: Web, viewer: Caller, shipment: str | None = None, store: str | None = None,
    logger: str | None = None, direction: Literal["high", "low"] | None = None,
    severity: Annotated[Word | None, Query(description="at least this bad")] = None,
    open: bool | None = None, from_: From = None, to: To = None, q: str | None = None,  # noqa: A002
    sort: Sort = "-onset",
    format: Format = None, limit: Limit = 100, cursor: Cursor = None,  # noqa: A002
) -> Response:  # fmt: skip
    """Excursions that you may see; those that overlap the period, newest first. `text/csv` gives all of them."""
    kind = "shipment" if shipment is not None else "store" if store is not None else None
    which = Filter(
        kind, shipment or store, logger, direction, None if severity is None else Severity[severity.upper()], open,
        instant("from", from_), instant("to", to), q,
    )  # fmt: skip
    if wanted_format(request, format) == "csv":
        return table_reply(web, viewer, "excursions", dict(request.query_params), COLUMNS,
                           lambda: all_of(web, viewer, which, sort))  # fmt: skip
    with web.registry.read() as connection:
        return list_reply(excursion_views.listed(connection, viewer, which, sort=sort, limit=limit, cursor=cursor))


def shown(web: Web, viewer: Caller, excursion: str) -> Response:
    """One excursion with every version of it and the alarms that link it."""
    with web.registry.read() as connection:
        return reply(excursion_views.shown(connection, viewer, excursion))


def all_of(web: Services, viewer: Viewer, which: Filter, sort: str) -> Iterator[dict[str, Any]]:
    """Every excursion that fits, read page by page, each with whether its channel was out of service meanwhile."""
    page = Page([], "")
    while page.next_cursor is not None:
        with web.registry.read() as connection:
            page = excursion_views.listed(
                connection, viewer, which, sort=sort, limit=LARGEST, cursor=page.next_cursor or None
            )
            work = maintenance.listed(connection)
        yield from ({**item, "out_of_service": _touched(work, item)} for item in page.items)


def _touched(work: Sequence[Row[Any]], item: dict[str, Any]) -> bool:
    about = Subject(SubjectKind(item["subject_kind"]), item["subject_id"])
    end = item.get("end")
    start_ms, end_ms = ms_from_iso(item["onset"]), None if end is None else ms_from_iso(end)
    return maintenance.touched(work, about, item["logger"], item["channel"], start_ms, end_ms)


_EXCURSION = {
    "id": "3c0f9b2e-63b1-4f0b-9a4d-0b8d1f3c2a77", "reference": "SHP-2026-0117", "logger": "LOG-0042",
    "channel": "internal", "direction": "high", "onset": "2026-01-05T11:20:00.000Z", "end": None, "duration_s": 1800.0,
    "peak_c": 9.1, "limit_c": 8.0, "severity": "major",
}  # fmt: skip
ENDPOINTS = (
    Endpoint("GET", f"{API}/excursions", listed, may(Permission.VIEW), shown_as("A page", _EXCURSION, many=True)),
    Endpoint("GET", f"{API}/excursions/{{excursion}}", shown, may(Permission.VIEW), shown_as("It", _EXCURSION)),
)
