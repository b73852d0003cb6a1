"""What leaves the product as a stream: its bytes, its rows, its hash, and the record of all three."""

import hashlib
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec
import structlog
from anyio import CancelScope
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from coldchain.domain.reading import Reading, reading_json
from coldchain.registry import exports
from coldchain.registry.viewer import Viewer
from compliance.evidence.csv import ReadingsCsv, TableCsv
from dashboard.api.request import demand_export
from dashboard.services import Services

_ROWS_PER_CHUNK = 500
_log = structlog.get_logger()


class Document(Protocol):
    """A way of writing rows down; `rows` and `sha256` are right once `chunks` has come to its end."""

    @property
    def rows(self) -> int:
        """Rows written so far."""
        ...

    @property
    def sha256(self) -> str:
        """Of the bytes, as the registry keeps it."""
        ...

    def chunks(self, rows: Any) -> Iterator[bytes]:
        """The bytes, in pieces of bounded size."""
        ...


class _Csv:
    """CSV by its contract, which counts its rows and closes with their number and its hash."""

    def __init__(self, csv: TableCsv) -> None:
        self._csv = csv

    @property
    def rows(self) -> int:
        """Rows written so far."""
        return self._csv.rows

    @property
    def sha256(self) -> str:
        """The hash in the last line."""
        return self._csv.sha256


class CsvDocument(_Csv):
    """CSV by its contract: header, rows of the shipment (if any), and the closing line with rows and hash."""

    def __init__(self, shipment: str | None) -> None:
        self._shipment = shipment
        self._table = ReadingsCsv()
        super().__init__(self._table)

    def chunks(self, rows: Iterable[Reading]) -> Iterator[bytes]:
        """The lines, some hundreds at a time."""
        return self._table.readings((self._shipment, row) for row in rows)


class TableDocument(_Csv):
    """CSV of rows that are JSON objects: the named columns, absent values empty."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._table = TableCsv(columns)
        super().__init__(self._table)

    def chunks(self, rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
        """The lines, some hundreds at a time."""
        return self._table.stream([row.get(name) for name in self._columns] for row in rows)


class NdjsonDocument:
    """One JSON object per line and nothing else; the hash is in the registry only."""

    def __init__(self) -> None:
        self.rows = 0
        self.sha256 = ""

    def chunks(self, rows: Iterable[Reading]) -> Iterator[bytes]:
        """The lines, some hundreds at a time."""
        digest, buffer = hashlib.sha256(), bytearray()
        for row in rows:
            buffer += msgspec.json.encode(reading_json(row)) + b"\n"
            self.rows += 1
            if self.rows % _ROWS_PER_CHUNK == 0:
                digest.update(buffer)
                yield bytes(buffer)
                buffer.clear()
        digest.update(buffer)
        self.sha256 = digest.hexdigest()
        yield bytes(buffer)


def export_begun(web: Services, viewer: Viewer, kind: str, scope: dict[str, Any]) -> str:
    """Record that an export starts; return its id."""
    with web.registry.write() as connection:
        return exports.begin(connection, kind=kind, scope=scope, who=viewer.id, now_ms=web.clock.now_ms())


def table_reply(
    web: Services, viewer: Viewer, kind: str, scope: dict[str, Any], columns: tuple[str, ...],
    rows: Callable[[], Iterator[dict[str, Any]]],
) -> StreamingResponse:  # fmt: skip
    """A table as CSV by its contract, its export recorded.

    Raises:
        Forbidden: the viewer may not take data out.
    """
    demand_export(viewer)
    id_ = export_begun(web, viewer, f"{kind}.csv", scope)
    chunks = recorded(web, viewer, id_, TableDocument(columns), rows())
    headers = {"Content-Disposition": f'attachment; filename="{kind}-{id_[:8]}.csv"', "X-Export": id_}
    return Download(chunks, headers, "text/csv; charset=utf-8; header=present")


class Download(StreamingResponse):
    """Sends what `recorded` gives, and closes it whatever happens: how an export ended is on record at once."""

    def __init__(self, chunks: Generator[bytes, None, None], headers: dict[str, str], media_type: str) -> None:
        super().__init__(chunks, headers=headers, media_type=media_type)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, to the end or until the receiver goes away."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self._chunks.close)


def recorded(web: Services, viewer: Viewer, id_: str, document: Document, rows: Any) -> Generator[bytes, None, None]:
    """The document's bytes; then, or when the reader went away or something failed, how the export ended."""
    chunks = _recorded(web, viewer, id_, document, rows)
    next(chunks)  # closing a generator that never began would record nothing
    return chunks


def _recorded(web: Services, viewer: Viewer, id_: str, document: Document, rows: Any) -> Generator[bytes, None, None]:
    failure: str | None = "the receiver went away before the end"
    try:
        yield b""
        yield from document.chunks(rows)
        failure = None
    except Exception as error:
        failure = f"{type(error).__name__} while reading"
        _log.error("export failed", export=id_, trace="".join(traceback.format_exception(error)))
        raise
    finally:
        with web.registry.write() as connection:
            exports.finish(
                connection, id_, rows=document.rows, sha256=document.sha256 if failure is None else None,
                who=viewer.id, now_ms=web.clock.now_ms(), failure=failure,
            )  # fmt: skip
