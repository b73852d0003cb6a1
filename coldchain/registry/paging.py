"""Pages of a list: an opaque cursor that names the last row seen, so that no row is shown twice or left out."""

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_

from coldchain.errors import InvalidValue

LARGEST = 1000
_LARGEST_NUMBER = 2**63 - 1  # what a database column can be compared with

Kind = type | tuple[type, ...]


class Page(NamedTuple):
    """Some rows of a list, and where the next ones begin (None: there are none)."""

    items: list[dict[str, Any]]
    next_cursor: str | None


def checked_limit(limit: int) -> int:
    """`limit` itself.

    Raises:
        InvalidValue: not within 1 … 1000.
    """
    if not 1 <= limit <= LARGEST:
        raise InvalidValue(f"limit: {limit} is not within 1 to {LARGEST}; ask for several pages")
    return limit


def in_order(
    connection: Connection,
    query: Select[Any],
    sorts: Mapping[str, Any],
    id_column: Any,
    *,
    sort: str,
    limit: int,
    cursor: str | None,
    offset: int = 0,
) -> tuple[list[Row[Any]], str | None]:
    """The rows of one page, ordered by one of `sorts` ("-" before its name turns it round), and the next cursor.

    Raises:
        InvalidValue: an unknown order, a foreign cursor, a limit out of range.
    """
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    if name not in sorts:
        raise InvalidValue(f"sort: {sort[:40]!r} is none of {', '.join(sorts)} (with - before it for descending)")
    column = sorts[name]
    ordered = column.desc().nulls_last() if descending else column.asc().nulls_first()
    query = query.order_by(ordered, id_column).limit(checked_limit(limit) + 1).offset(offset)
    if cursor is not None:
        value, id_ = position_of(cursor, sort_kind(column), str)
        query = query.where(beyond(column, id_column, value, id_, descending=descending))
    rows = list(connection.execute(query.add_columns(column.label("position"))))
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], cursor_of(last.position, last.id) if last else None


def cursor_of(*position: Any) -> str:
    """The opaque text of a position: the values of the row's sort columns."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def sort_kind(column: Any) -> Kind:
    """What a position may hold for this column: its own kind, or nothing."""
    return (column.type.python_type, type(None))


def position_of(cursor: str, *kinds: Kind) -> list[Any]:
    """The values that `cursor_of` was given, which are of these kinds.

    Raises:
        InvalidValue: this list never gave out such a cursor.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, UnicodeError, RecursionError) as error:
        raise InvalidValue(f"cursor: {cursor[:40]!r} was not given out by this list; begin without one") from error
    if not isinstance(position, list) or len(position) != len(kinds) or not all(map(_fits, position, kinds)):
        raise InvalidValue(f"cursor: {cursor[:40]!r} belongs to another list or order; begin without one")
    return position


def _fits(value: Any, kind: Kind) -> bool:
    numbers = value if isinstance(value, list) else [value]
    in_range = all(abs(n) <= _LARGEST_NUMBER for n in numbers if isinstance(n, int | float))
    return isinstance(value, kind) and in_range and not (isinstance(value, str) and "\x00" in value)


def beyond(column: Any, id_column: Any, value: Any, id_value: Any, *, descending: bool) -> ColumnElement[bool]:
    """The keyset condition for rows after (value, id); NULL sorts before everything, ids break ties upwards."""
    tie = and_(column.is_(None) if value is None else column == value, id_column > id_value)
    if descending:
        if value is None:
            return tie
        return or_(column < value, column.is_(None), tie)
    if value is None:
        return or_(column.is_not(None), tie)
    return or_(column > value, tie)
