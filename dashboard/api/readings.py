"""Readings: pages of JSON, or everything as CSV or NDJSON, streamed in bounded memory and recorded as an export."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Request
from fastapi.responses import Response

from coldchain.domain.reading import Reading, flag_bits, reading_json
from coldchain.errors import InvalidValue
from coldchain.registry import loggers, shipments, spans
from coldchain.registry.paging import Page, cursor_of, position_of
from coldchain.registry.spans import Span
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.export_stream import CsvDocument, Download, NdjsonDocument, export_begun, recorded
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
    shown_as,
    wanted_format,
)
from dashboard.policy import API, Endpoint, may
from dashboard.problems import Problem
from dashboard.services import Services

EXCLUDED, OUT_OF_SERVICE = flag_bits("excluded"), flag_bits("out_of_service")
Channel = Annotated[str | None, Query(description="one channel, such as internal")]
Format = Annotated[str | None, Query(description="json, csv or ndjson; takes precedence over Accept")]


def readings(
    request: Request, web: Web, viewer: Caller, logger: str | None = None, shipment: str | None = None,
    channel: Channel = None, from_: From = None, to: To = None, format: Format = None,  # noqa: A002
    limit: Limit = 1000, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """Readings of a logger, of a shipment (while a logger was bound to it), or of everything that you may see.

    JSON comes in pages; `text/csv` and `application/x-ndjson` are streamed to their end.
    """
    start_ms, end_ms = instant("from", from_) or 0, instant("to", to)
    until_ms = spans.FOREVER_MS if end_ms is None else end_ms
    with web.registry.read() as connection:
        if shipment is not None:
            found = spans.of_shipment(connection, viewer, shipment, start_ms, until_ms)
            found = [span for span in found if logger is None or span.logger == logger]
            reference = shipments.exists(connection, viewer, shipment)
        else:
            names = [logger] if logger is not None else [state.logger for state in web.journal.loggers()]
            found, reference = spans.of_loggers(connection, viewer, names, start_ms, until_ms), None
    found = [span for span in found if channel is None or span.channels is None or channel in span.channels]
    wanted = wanted_format(request, format)
    if wanted == "json":
        return list_reply(_page(web, found, channel, limit, cursor))
    if cursor is not None:
        raise InvalidValue("cursor: is for pages of JSON; csv and ndjson are sent whole")
    demand_export(viewer)
    scope = {"logger": logger, "shipment": shipment, "channel": channel, "from": from_, "to": to, "format": wanted}
    rows = rows_of(web, found, channel)
    return _exported(web, viewer, {k: v for k, v in scope.items() if v is not None}, rows, reference, wanted)


def of_shipment(
    request: Request, web: Web, viewer: Caller, shipment: str, channel: Channel = None, from_: From = None,
    to: To = None, format: Format = None, limit: Limit = 1000, cursor: Cursor = None,  # noqa: A002
) -> Response:  # fmt: skip
    """The readings of a shipment, as `GET /readings?shipment=`."""
    return readings(request, web, viewer, None, shipment, channel, from_, to, format, limit, cursor)


def of_logger(
    request: Request, web: Web, viewer: Caller, logger: str, channel: Channel = None, from_: From = None,
    to: To = None, format: Format = None, limit: Limit = 1000, cursor: Cursor = None,  # noqa: A002
) -> Response:  # fmt: skip
    """The readings of a logger, as `GET /readings?logger=`."""
    with web.registry.read() as connection:
        if logger not in loggers.visible(connection, viewer, [logger]):
            raise Problem(404, f"no logger {logger}")
    return readings(request, web, viewer, logger, None, channel, from_, to, format, limit, cursor)


def rows_of(web: Services, found: Iterable[Span], channel: str | None = None) -> Iterator[Reading]:
    """The readings of these spans, one after the other, of one channel or of all."""
    for span in found:
        only = channel if channel is not None else _single(span)
        for reading in web.history.readings(span.logger, span.start_ms, span.end_ms, only):
            if span.channels is None or reading.channel in span.channels:
                marks = 0 if span.judged(reading.event_time_ms) else EXCLUDED
                marks |= 0 if span.in_service(reading.channel, reading.event_time_ms) else OUT_OF_SERVICE
                yield reading._replace(flags=reading.flags | marks) if marks else reading


def _single(span: Span) -> str | None:
    return next(iter(span.channels)) if span.channels is not None and len(span.channels) == 1 else None


class _Place(NamedTuple):
    """Where a page ended: the logger, the event time, and the rows of that time that were given out."""

    logger: str
    time_ms: int
    offsets: list[int]


def _page(web: Services, found: list[Span], channel: str | None, limit: int, cursor: str | None) -> Page:
    after = None if cursor is None else _Place(*_position(cursor))
    if after is not None:
        found = [_beyond(span, after) for span in found if (span.logger, span.end_ms) > (after.logger, after.time_ms)]
    given = frozenset(after.offsets) if after is not None else frozenset()
    fresh = (row for row in rows_of(web, found, channel) if row.offset not in given)
    taken = list(islice(fresh, limit + 1))
    items = [reading_json(row) for row in taken[:limit]]
    if len(taken) <= limit:
        return Page(items, None)
    last = taken[limit - 1]
    offsets = {r.offset for r in taken[:limit] if (r.logger, r.event_time_ms) == (last.logger, last.event_time_ms)}
    if after is not None and (after.logger, after.time_ms) == (last.logger, last.event_time_ms):
        offsets |= given
    return Page(items, cursor_of(last.logger, last.event_time_ms, sorted(offsets)))


def _position(cursor: str) -> list[Any]:
    logger, time_ms, offsets = position_of(cursor, str, int, list)
    if not all(isinstance(one, int) for one in offsets):
        raise InvalidValue(f"cursor: {cursor[:40]!r} belongs to another list; begin without one")
    return [logger, time_ms, offsets]


def _beyond(span: Span, after: _Place) -> Span:
    return span._replace(start_ms=max(span.start_ms, after.time_ms)) if span.logger == after.logger else span


def _exported(
    web: Services, viewer: Viewer, scope: dict[str, Any], rows: Iterator[Reading], reference: str | None, wanted: str
) -> Response:
    """Stream `rows`, and keep in the registry how many they were and their hash."""
    id_ = export_begun(web, viewer, f"readings.{wanted}", scope)
    document = CsvDocument(reference) if wanted == "csv" else NdjsonDocument()
    kind = "text/csv; charset=utf-8; header=present" if wanted == "csv" else "application/x-ndjson"
    headers = {"Content-Disposition": f'attachment; filename="readings-{id_[:8]}.{wanted}"', "X-Export": id_}
    chunks = recorded(web, viewer, id_, document, rows)
    return Download(chunks, headers, kind)


_READING = {
    "logger": "LOG-0042", "channel": "internal", "event_time": "2026-01-05T12:00:00.000Z",
    "record_time": "2026-01-05T12:00:01.204Z", "time_source": "device", "boot": 7, "seq": 1893, "temperature_c": 4.62,
    "humidity_pct": 41.2, "device_profile": "native@1", "interpretation": 1, "historical": False, "offset": 51234,
    "message": 40817,
}  # fmt: skip
_PAGE = shown_as("A page; or text/csv, or application/x-ndjson", _READING, many=True)
_PAGE["responses"][200]["content"]["text/csv"] = {"schema": {"type": "string"}}
_PAGE["responses"][200]["content"]["application/x-ndjson"] = {"schema": {"type": "string"}}
ENDPOINTS = (
    Endpoint("GET", f"{API}/readings", readings, may(Permission.VIEW), _PAGE),
    Endpoint("GET", f"{API}/shipments/{{shipment}}/readings", of_shipment, may(Permission.VIEW), _PAGE),
    Endpoint("GET", f"{API}/loggers/{{logger}}/readings", of_logger, may(Permission.VIEW), _PAGE),
)
