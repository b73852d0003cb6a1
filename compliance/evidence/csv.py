"""CSV for evidence: exact numbers, inert text, and a last line with the count and the hash of everything before it.

UTF-8 without BOM, comma, CRLF, one header. A text cell that a spreadsheet would take for a formula gets one leading
apostrophe; `unguarded` takes exactly one away again.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

from coldchain.domain.quantity import degrees_text, iso, milli_text
from coldchain.domain.reading import DEGREE_FIELDS, JSON_FIELDS, MILLI_FIELDS, Reading, flag_names

_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "'")
_ROWS_PER_CHUNK = 500
_MILLI_OF = {public: attribute for attribute, public in MILLI_FIELDS.items()}
_DEGREES_OF = {public: attribute for attribute, public in DEGREE_FIELDS.items()}


class Exact(str):
    """Text of a number or a time: it may begin with a minus sign and is never guarded."""

    __slots__ = ()


class TableCsv:
    """A table as a stream of bytes, in memory a few hundred rows at a time.

    Cells are text (guarded), `Exact` text, whole numbers, truth values or None. `rows` and `sha256` are right once
    the stream has come to its end.
    """

    def __init__(self, header: Sequence[str]) -> None:
        self._header = tuple(header)
        self.rows = 0
        self.sha256 = ""

    def stream(self, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
        """The file's bytes, its last line included."""
        digest, buffer = hashlib.sha256(), StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\r\n")
        writer.writerow(self._header)
        self.rows = 0
        for row in rows:
            writer.writerow([_cell(value) for value in row])
            self.rows += 1
            if self.rows % _ROWS_PER_CHUNK == 0:
                yield _taken(buffer, digest)
        yield _taken(buffer, digest)
        self.sha256 = digest.hexdigest()
        yield f"# rows={self.rows} sha256={self.sha256}\r\n".encode()


class ReadingsCsv(TableCsv):
    """Readings: `shipment`, then the fields of the reading's JSON in their order; absent values are empty cells."""

    def __init__(self) -> None:
        super().__init__(("shipment", *JSON_FIELDS))

    def readings(self, rows: Iterable[tuple[str | None, Reading]]) -> Iterator[bytes]:
        """The file's bytes for (shipment, reading) pairs."""
        return self.stream([shipment, *reading_cells(reading)] for shipment, reading in rows)


def reading_cells(reading: Reading) -> list[Any]:
    """The cells of one reading, its numbers as the exact decimal text of the stored integers."""
    return [_reading_cell(reading, name) for name in JSON_FIELDS]


def unguarded(cell: str) -> str:
    """A text cell as it was before `TableCsv` guarded it."""
    return cell.removeprefix("'") if cell.startswith("'") else cell


def _reading_cell(reading: Reading, name: str) -> Any:
    if name in _MILLI_OF:
        value = getattr(reading, _MILLI_OF[name])
        return None if value is None else Exact(milli_text(value))
    if name in _DEGREES_OF:
        value = getattr(reading, _DEGREES_OF[name])
        return None if value is None else Exact(degrees_text(value))
    if name in ("event_time", "record_time"):
        return Exact(iso(getattr(reading, f"{name}_ms")))
    if name == "flags":
        return " ".join(flag_names(reading.flags))
    return getattr(reading, name)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Exact) or not isinstance(value, str):
        return str(value)
    return f"'{value}" if value.startswith(_ACTIVE) else value


def _taken(buffer: StringIO, digest: Any) -> bytes:
    # A lone surrogate cannot be UTF-8; everything else is kept as it was sent.
    chunk = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    digest.update(chunk)
    return chunk
