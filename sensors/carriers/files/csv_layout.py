"""Where the table of a file begins, what stands above it, and by what its cells are separated."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from coldchain.errors import InvalidValue
from sensors.carriers.files.csv_cells import MISSING, is_number, looks_like_time
from sensors.carriers.files.csv_text import DELIMITERS, Encoding, Line, cells, encoding_of, lines
from sensors.carriers.files.mapping import Mapping
from sensors.carriers.files.units import QUANTITIES

_HEAD_LINES = 400
_SPELLED = frozenset(text for one in QUANTITIES.values() for unit in one.units.values() for text in unit.spelled)
_MISSING = frozenset(marker.lower() for marker in MISSING)
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "|"}


class Layout(NamedTuple):
    """How a file is laid out. Lines count from 1; `header` is 0 where the table has no titles."""

    encoding: Encoding
    delimiter: str
    header: int
    first_row: int
    titles: tuple[str, ...]
    preamble: dict[str, str]
    split_decimal: bool  # decimal commas in a table separated by commas: a number fills two cells

    @property
    def delimiter_name(self) -> str:
        """The delimiter as a word."""
        return _NAMES[self.delimiter]


class _Shape(NamedTuple):
    delimiter: str
    width: int
    time_at: int
    rows: int


def layout_of(content: bytes, mapping: Mapping | None = None) -> Layout:
    """Find the table in a file, with what `mapping` knows of it.

    Raises:
        InvalidValue: there is no table with a column of dates; the text says what was looked for.
    """
    stated = mapping.text if mapping is not None else None
    order = mapping.time.order if mapping is not None else None
    encoding = encoding_of(content, None if stated is None or stated.encoding == "auto" else stated.encoding)
    head = list(islice(lines(content, encoding), _HEAD_LINES))
    delimiters = DELIMITERS if stated is None or stated.delimiter == "auto" else (stated.delimiter,)
    shapes = [shape for one in delimiters if (shape := _shape(head, one, order)) is not None]
    if not shapes:
        raise InvalidValue(
            "this is no table that can be read: no column of dates with a number beside it in the first "
            f"{len(head)} lines, whichever of comma, semicolon, tab and | separates them"
        )
    shape = max(shapes, key=lambda one: (one.rows, one.width))
    first = next(line.number for line in head if _is_row(_split(line, shape.delimiter), shape, order))
    header, titles = _titles(head, shape, first, stated.header if stated is not None else 0)
    if header and stated is not None and stated.header > 0:
        later = (line.number for line in head if line.number > header)
        first = next((n for n in later if _is_row(_split(head[n - 1], shape.delimiter), shape, order)), first)
    above = head[: (header or first) - 1]
    return Layout(encoding, shape.delimiter, header, first, titles, _preamble(above, shape.delimiter),
                  shape.delimiter == "," and len(titles) + 1 == shape.width)  # fmt: skip


def _split(line: Line, delimiter: str) -> list[str]:
    return (cells(line.text, delimiter) or []) if line.text else []


def _shape(head: Sequence[Line], delimiter: str, order: str | None) -> _Shape | None:
    """The commonest (number of cells, place of the date) among lines that hold a date and a value beside it."""
    counted: Counter[tuple[int, int]] = Counter()
    for line in head:
        row = _split(line, delimiter)
        at = next((at for at, cell in enumerate(row) if looks_like_time(cell, order)), None)
        if at is not None and any(_is_value(cell) for cell in row[at + 1 :] + row[:at]):
            counted[len(row), at] += 1
    if not counted:
        return None
    (width, at), rows = counted.most_common(1)[0]
    return _Shape(delimiter, width, at, rows)


def _is_value(cell: str) -> bool:
    return is_number(cell) or (cell != "" and cell.lower() in _MISSING)


def _is_row(row: list[str], shape: _Shape, order: str | None) -> bool:
    if len(row) <= shape.time_at or not looks_like_time(row[shape.time_at], order):
        return False
    return abs(len(row) - shape.width) <= 1 and any(
        _is_value(cell) for at, cell in enumerate(row) if at != shape.time_at
    )


def _titles(head: Sequence[Line], shape: _Shape, first: int, stated: int) -> tuple[int, tuple[str, ...]]:
    """The line of the titles and the titles; a line of units between them and the rows is joined to them."""
    if stated < 0:
        return 0, ()
    if stated > 0:
        if stated > len(head):
            raise InvalidValue(f"mapping: text.header: the file has no line {stated} before its rows")
        return stated, tuple(_split(head[stated - 1], shape.delimiter))
    above = [(line.number, row) for line in head[: first - 1] if any(row := _split(line, shape.delimiter))]
    if not above:
        return 0, ()
    number, row = above[-1]
    if len(row) < 2 or any(is_number(cell) for cell in row):
        return 0, ()
    if len(above) > 1 and len(above[-2][1]) == len(row) and _are_units(row):
        number, titles = above[-2]
        return number, tuple(
            f"{title} [{unit.strip('()[] ')}]" if unit else title for title, unit in zip(titles, row, strict=True)
        )
    return number, tuple(row)


def _are_units(row: list[str]) -> bool:
    found = [cell.strip("()[] ").lower() for cell in row if cell]
    return bool(found) and all(cell in _SPELLED for cell in found)


def _preamble(above: Sequence[Line], delimiter: str) -> dict[str, str]:
    """The "key: value" lines above the table; the first of a key counts."""
    found: dict[str, str] = {}
    for line in above:
        text = (line.text or "").strip().strip(delimiter).strip()
        for sign in (": ", ":\t", "? ", delimiter, "=", ":"):
            key, separator, value = text.partition(sign)
            if separator and key.strip() and len(key) <= 80:
                found.setdefault(key.strip().strip('"'), value.strip().strip(delimiter).strip().strip('"')[:200])
                break
    return found
