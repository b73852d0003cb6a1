"""Excursions, and the compliance summary over many shipments; both also as CSV."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response

from coldchain.domain.finding import Severity
from coldchain.domain.quantity import iso
from coldchain.registry import excursion_views
from coldchain.registry import summary as summaries
from coldchain.registry.excursion_views import Filter
from coldchain.registry.paging import LARGEST, Page
from coldchain.registry.summary import Period
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.export_stream import Download, TableDocument, export_begun, recorded
from dashboard.api.request import (
    Caller,
    Cursor,
    From,
    Limit,
    To,
    Web,
    demand_export,
    instant,
    list_reply,
    reply,
    shown_as,
    wanted_format,
)
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services

_DAY_MS = 24 * 3_600_000
Word = Literal["info", "minor", "major", "critical"]
Format = Annotated[Literal["json", "csv"] | None, Query(description="json or csv; takes precedence over Accept")]
Sort = Annotated[str, Query(description="onset, end, severity, duration, peak, reference or logger; - turns it")]
Group = Annotated[list[Literal["product_profile", "lane", "customer", "carrier"]] | None, Query(description="group by")]
COLUMNS = (
    "id", "version", "subject_kind", "subject_id", "reference", "customer", "carrier", "lane", "logger", "channel",
    "direction", "onset", "onset_sample", "end", "duration_s", "duration_upper_s", "peak_c", "peak", "limit_c",
    "area_c_min", "severity", "late", "latitude", "longitude", "recorded", "mean_c", "coverage_pct", "custodian", "leg",
    "amends", "monitoring_ended", "raised", "acknowledged", "time_to_acknowledge_s",
)  # fmt: skip
FIGURES = (
    "shipments", "judged", "without_excursion", "excursions", "time_in_range_s", "time_out_s", "time_unknown_s",
    "in_range_pct", "coverage_pct", "mkt_worst_c", "alarms", "alarms_acknowledged", "acknowledged_within_s",
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
        return _csv(web, viewer, "excursions", dict(request.query_params), COLUMNS,
                    lambda: all_of(web, viewer, which, sort))  # fmt: skip
    with web.registry.read() as connection:
        return list_reply(excursion_views.listed(connection, viewer, which, sort=sort, limit=limit, cursor=cursor))


def shown(web: Web, viewer: Caller, excursion: str) -> Response:
    """One excursion with every version of it and the alarms that link it."""
    with web.registry.read() as connection:
        return reply(excursion_views.shown(connection, viewer, excursion))


def summary(
    request: Request, web: Web, viewer: Caller, from_: From = None, to: To = None, by: Group = None,
    format: Format = None,  # noqa: A002
) -> Response:  # fmt: skip
    """Per product and lane (or as `by` says): shipments that departed in the period, 30 days up to now by default."""
    to_ms = instant("to", to)
    end_ms = web.clock.now_ms() if to_ms is None else to_ms
    from_ms = instant("from", from_)
    period = Period(end_ms - 30 * _DAY_MS if from_ms is None else from_ms, end_ms)
    keys = tuple(dict.fromkeys(by or ("product_profile", "lane")))
    with web.registry.read() as connection:
        rows = summaries.summary(connection, viewer, period, keys)
    if wanted_format(request, format) == "csv":
        return _csv(web, viewer, "summary", dict(request.query_params), (*keys, *FIGURES), lambda: iter(rows))
    period_json = {"from": iso(period.from_ms), "to": iso(period.to_ms)}
    return reply(
        {"schema": "coldchain.summary/1", "period": period_json, "by": keys, "items": rows, "next_cursor": None}
    )


def all_of(web: Services, viewer: Viewer, which: Filter, sort: str) -> Iterator[dict[str, Any]]:
    """Every excursion that fits, read page by page."""
    page = Page([], "")
    while page.next_cursor is not None:
        with web.registry.read() as connection:
            page = excursion_views.listed(
                connection, viewer, which, sort=sort, limit=LARGEST, cursor=page.next_cursor or None
            )
        yield from page.items


def _csv(
    web: Services, viewer: Viewer, kind: str, scope: dict[str, Any], columns: tuple[str, ...],
    rows: Callable[[], Iterator[dict[str, Any]]],
) -> Response:  # fmt: skip
    demand_export(viewer)
    id_ = export_begun(web, viewer, f"{kind}.csv", scope)
    chunks = recorded(web, viewer, id_, TableDocument(columns), rows())
    headers = {"Content-Disposition": f'attachment; filename="{kind}-{id_[:8]}.csv"', "X-Export": id_}
    return Download(chunks, headers, "text/csv; charset=utf-8; header=present")


_EXCURSION = {
    "id": "3c0f9b2e-63b1-4f0b-9a4d-0b8d1f3c2a77", "reference": "SHP-2026-0117", "logger": "LOG-0042",
    "channel": "internal", "direction": "high", "onset": "2026-01-05T11:20:00.000Z", "end": None, "duration_s": 1800.0,
    "peak_c": 9.1, "limit_c": 8.0, "severity": "major",
}  # fmt: skip
_GROUP = {"product_profile": "refrigerated-2-8", "lane": "Puurs → Hamburg", "shipments": 12, "in_range_pct": 99.2}
ENDPOINTS = (
    Endpoint("GET", f"{API}/excursions", listed, may(Permission.VIEW), shown_as("A page", _EXCURSION, many=True)),
    Endpoint("GET", f"{API}/excursions/{{excursion}}", shown, may(Permission.VIEW), shown_as("It", _EXCURSION)),
    Endpoint("GET", f"{API}/summary", summary, may(Permission.VIEW), shown_as("The summary", _GROUP, many=True)),
)
