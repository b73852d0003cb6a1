"""Where the table of a file begins, what stands above it, and by what its cells are separated."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from coldchain.errors import InvalidValue
from sensors.carriers.files.csv_cells import MISSING, is_number, looks_like_time
from sensors.carriers.files.csv_text import DELIMITERS, Encoding, Line, cells, encoding_of, lines
from sensors.carriers.files.mapping import Mapping, titles_match
from sensors.carriers.files.units import QUANTITIES, declared

_HEAD_LINES = 400
_LONGEST_TITLE = 200
_SPOILED = 20  # so many rows below the titles may be unreadable before the titles are no longer found
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
    header, titles, first = _titles(head, shape, first, mapping)
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


def _titles(
    head: Sequence[Line], shape: _Shape, first: int, mapping: Mapping | None
) -> tuple[int, tuple[str, ...], int]:
    """The line of the titles, the titles, and the line where the rows begin.

    What stands between the titles and the first row that can be read belongs to the rows: it was one, and is spoiled.
    """
    stated = mapping.text.header if mapping is not None else 0
    if stated < 0:
        return 0, (), first
    if stated > 0:
        if stated > len(head):
            raise InvalidValue(f"mapping: text.header: the file has no line {stated} before its rows")
        return stated, tuple(cell[:_LONGEST_TITLE] for cell in _split(head[stated - 1], shape.delimiter)), stated + 1
    above = [
        (line.number, [cell[:_LONGEST_TITLE] for cell in _split(line, shape.delimiter)])
        for line in head[max(0, first - 1 - _SPOILED) : first - 1]
    ]
    above = [(number, row) for number, row in above if any(row)]
    at = _titles_at(above, shape, mapping)
    if at is None:
        return 0, (), first
    number, row = above[at]
    if at and len(above[at - 1][1]) == len(row) and _are_units(row):
        titles = zip(above[at - 1][1], row, strict=True)
        joined = tuple(f"{title} [{unit.strip('()[] ')}]" if unit else title for title, unit in titles)
        return above[at - 1][0], joined, number + 1
    return number, tuple(row), number + 1


def _titles_at(above: Sequence[tuple[int, list[str]]], shape: _Shape, mapping: Mapping | None) -> int | None:
    """Which line above the rows holds the titles: the nearest that names something, else the nearest that fits."""
    wanted = mapping.match.columns if mapping is not None else ()
    fitting = [
        at
        for at, (_, row) in enumerate(above)
        if len(row) >= 2 and not any(is_number(cell) or looks_like_time(cell, None) for cell in row)
    ]
    for at in reversed(fitting):
        row = above[at][1]
        if any(declared(cell) for cell in row) or any(titles_match(one, cell) for one in wanted for cell in row):
            return at
        if _are_units(row):
            return at
    same = [at for at in fitting if abs(len(above[at][1]) - shape.width) <= 1]
    return same[-1] if same else None


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
