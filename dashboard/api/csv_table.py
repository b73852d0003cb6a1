"""CSV by the product's rules: inert in spreadsheets, exact in numbers, and recognised by the hash in its last line."""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "'")
_ROWS_PER_CHUNK = 500


class Number(str):
    """Text that is a number or a time: it may begin with a minus sign and is never guarded."""

    __slots__ = ()


class CsvTable:
    """One header, rows, and `# rows=N sha256=HEX`; `rows` and `sha256` are right once `chunks` has ended."""

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header
        self.rows, self.sha256 = 0, ""

    def chunks(self, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
        """The bytes, some hundreds of rows at a time."""
        digest, buffer = hashlib.sha256(), StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\r\n")
        writer.writerow(self._header)
        for row in rows:
            writer.writerow([_text(cell) for cell in row])
            self.rows += 1
            if self.rows % _ROWS_PER_CHUNK == 0:
                yield _taken(buffer, digest)
        yield _taken(buffer, digest)
        self.sha256 = digest.hexdigest()
        yield f"# rows={self.rows} sha256={self.sha256}\r\n".encode()


def _taken(buffer: StringIO, digest: Any) -> bytes:
    chunk = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    digest.update(chunk)
    return chunk


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Number) or not isinstance(cell, str):
        return str(cell)
    return f"'{cell}" if cell.startswith(_ACTIVE) else cell
