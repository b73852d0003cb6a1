"""The little that the journal asks of a database, so that SQLite and PostgreSQL share everything above it."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Row = tuple[Any, ...]


class Session(Protocol):
    """One open transaction. Statements are written with `?` and in the SQL that both databases speak."""

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a query; all of its rows."""
        ...

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for every row of parameters."""
        ...

    def insert(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Append rows that have a value for every column of `table`, in the table's order."""
        ...


class Database(Protocol):
    """Where the journal lives; safe to use from several threads, and by several processes at once."""

    def write(self) -> AbstractContextManager[Session]:
        """The one writing transaction at a time, of all processes; committed durably at the end of the block.

        Raises:
            TransientError: nothing was changed.
        """
        ...

    def read(self) -> AbstractContextManager[Session]:
        """A transaction that sees one moment and changes nothing.

        Raises:
            TransientError: the database cannot be read now.
        """
        ...

    def close(self) -> None:
        """Release every connection."""
        ...


def listed(numbers: Iterable[int]) -> str:
    """Integers as an SQL list: parameters are limited in number, integers cannot carry foreign SQL.

    No integers are a list that nothing is in.
    """
    return "(" + (",".join(map(str, map(int, numbers))) or "NULL") + ")"


def tabled(pairs: Iterable[tuple[int, int]]) -> str:
    """Pairs of integers as the rows of an SQL `VALUES`."""
    return ",".join([f"({first:d},{second:d})" for first, second in pairs])


def marks(count: int) -> str:
    """`count` placeholders with commas between."""
    return ",".join("?" * count)
