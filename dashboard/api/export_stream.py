"""What leaves the product as a stream: its bytes, its rows, its hash, and the record of all three."""

import hashlib
import json
import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from coldchain.domain.quantity import degrees_text, iso, milli_text
from coldchain.domain.reading import JSON_FIELDS, MILLI_FIELDS, Reading, flag_names, reading_json
from coldchain.registry import exports
from coldchain.registry.viewer import Viewer
from dashboard.api.csv_table import CsvTable, Number
from dashboard.services import Services

_ROWS_PER_CHUNK = 500
_log = structlog.get_logger()


class Document(Protocol):
    """A way of writing rows down; `rows` and `sha256` are right once `chunks` has come to its end."""

    rows: int
    sha256: str

    def chunks(self, rows: Any) -> Iterator[bytes]:
        """The bytes, in pieces of bounded size."""
        ...


class CsvDocument:
    """CSV by its contract: header, rows of the shipment (if any), and the closing line with rows and hash."""

    def __init__(self, shipment: str | None) -> None:
        self._shipment = shipment
        self.rows, self.sha256 = 0, ""

    def chunks(self, rows: Iterable[Reading]) -> Iterator[bytes]:
        """The lines, some hundreds at a time."""
        table = CsvTable(("shipment", *JSON_FIELDS))
        for chunk in table.chunks([self._shipment, *_cells(row)] for row in rows):
            self.rows = table.rows
            yield chunk
        self.sha256 = table.sha256


class TableDocument:
    """CSV of rows that are JSON objects: the named columns, absent values empty."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self.rows, self.sha256 = 0, ""

    def chunks(self, rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
        """The lines, some hundreds at a time."""
        table = CsvTable(self._columns)
        for chunk in table.chunks([_inert(row.get(name)) for name in self._columns] for row in rows):
            self.rows = table.rows
            yield chunk
        self.sha256 = table.sha256


class NdjsonDocument:
    """One JSON object per line and nothing else; the hash is in the registry only."""

    def __init__(self) -> None:
        self.rows, self.sha256 = 0, ""

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


def _cells(reading: Reading) -> list[Any]:
    """Exact decimal text of every number; absent values are None."""
    return [_cell(reading, name) for name in JSON_FIELDS]


def _cell(reading: Reading, name: str) -> Any:
    if name in _MILLI:
        value = getattr(reading, _MILLI[name])
        return None if value is None else Number(milli_text(value))
    match name:
        case "event_time" | "record_time":
            return Number(iso(getattr(reading, f"{name}_ms")))
        case "latitude" | "longitude":
            value = getattr(reading, f"{name}_e7")
            return None if value is None else Number(degrees_text(value))
        case "flags":
            return " ".join(flag_names(reading.flags))
        case _:
            return getattr(reading, name)


_MILLI = {public: attribute for attribute, public in MILLI_FIELDS.items()}


def _inert(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def export_begun(web: Services, viewer: Viewer, kind: str, scope: dict[str, Any]) -> str:
    """Record that an export starts; return its id."""
    with web.registry.write() as connection:
        return exports.begin(connection, kind=kind, scope=scope, who=viewer.id, now_ms=web.clock.now_ms())


def recorded(web: Services, viewer: Viewer, id_: str, document: Document, rows: Any) -> Iterator[bytes]:
    """The document's bytes; then, or when the reader went away or something failed, how the export ended."""
    failure: str | None = "the receiver went away before the end"
    try:
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
