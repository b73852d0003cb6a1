"""A role that dies at one exact place: `role_with_failpoint.py ROLE STORE before|after NTH`.

It runs the product's own command and ends the process, without any clean-up, before or after the commit number NTH of
the journal or the registry. The product itself has no such switch.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from coldchain.cli import main
from coldchain.journal.sqlite import SqliteDatabase
from coldchain.registry.store import Registry

KILLED = 9


def arm(store: type[Any], where: str, nth: int) -> None:
    """End the process at the transaction of this store that is number `nth` among those that change something."""
    write, count = store.write, 0

    @contextmanager
    def armed(self: Any) -> Iterator[Any]:
        nonlocal count
        with write(self) as session:
            before = _changes(session)
            yield session
            count += _changes(session) != before
            mine = count == nth
            if mine and where == "before":
                os._exit(KILLED)
        if mine:
            os._exit(KILLED)

    store.write = armed


def _changes(session: Any) -> int:
    """How many rows this connection has changed so far."""
    if hasattr(session, "rows"):
        return session._connection.total_changes
    return session.connection.driver_connection.total_changes


if __name__ == "__main__":
    role, store, where, nth = sys.argv[1:]
    arm({"journal": SqliteDatabase, "registry": Registry}[store], where, int(nth))
    sys.exit(main([role]))
