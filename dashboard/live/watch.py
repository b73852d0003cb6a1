"""Notices that the registry changed, by whichever process: cheap enough to ask many times a second."""

import time
from threading import Event
from typing import Any

from sqlalchemy.pool import PoolProxiedConnection

from coldchain.registry.store import revision
from dashboard.services import Services

_SQLITE_POLL_S = 0.02  # one PRAGMA that reads no table
_SERVER_POLL_S = 0.2


class Watch:
    """A connection of its own that asks for the version of the data. To be used from one thread at a time."""

    def __init__(self, services: Services, stop: Event) -> None:
        self._registry, self._bell, self._stop = services.registry, services.bell, stop
        self._sqlite = services.registry.engine.dialect.name == "sqlite"
        self._poll_s = _SQLITE_POLL_S if self._sqlite else _SERVER_POLL_S
        self._connection: PoolProxiedConnection | None = None
        self._data: Any = None
        self._revision = self._read_revision()
        self._data_changed()

    def wait(self, timeout_s: float) -> bool:
        """Whether the revision moved before `timeout_s` had passed; returns as soon as it did.

        A writer that committed since the last call is noticed even if nobody waited at that moment.
        """
        until = time.monotonic() + timeout_s
        while not self._stop.is_set():
            if self._data_changed() and (current := self._read_revision()) != self._revision:
                self._revision = current
                return True
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            self._pause(min(self._poll_s, left_s))
        return False

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _pause(self, seconds: float) -> None:
        # The bell shortens a server's longer pause: what the journal got is judged within milliseconds.
        if self._bell is not None and not self._sqlite:
            self._bell.wait(seconds)
        else:
            self._stop.wait(seconds)

    def _data_changed(self) -> bool:
        """False only if certainly nothing was committed since the last call."""
        if not self._sqlite:
            return True
        if self._connection is None:
            # Beneath SQLAlchemy: inside one of its transactions the version would stand still.
            self._connection = self._registry.engine.raw_connection()
        before = self._data
        self._data = self._connection.cursor().execute("PRAGMA data_version").fetchone()
        return bool(self._data != before)

    def _read_revision(self) -> int:
        with self._registry.read() as connection:
            return revision(connection)
