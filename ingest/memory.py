"""What carriers remember between messages: kept while the process lives, and written down before an acknowledgement."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from coldchain.domain.message import Arrival
from sensors.carriers.port import NOTHING

FLEETING = "~"  # a key that begins so is kept while the process lives, and not written down

Changes = Mapping[str, Mapping[str, Any]]  # by carrier and key; None forgets


class MemoryStore(Protocol):
    """Where memory outlives the process."""

    def load(self) -> dict[str, dict[str, Any]]:
        """Everything that was saved, by carrier and key.

        Raises:
            TransientError: it cannot be read now.
        """
        ...

    def save(self, changes: Changes) -> None:
        """Write down; None forgets.

        Raises:
            TransientError: nothing was written.
        """
        ...


class Forgetful:
    """Remembers nothing beyond the process: for previews, and for roles that hear no sessions."""

    def load(self) -> dict[str, dict[str, Any]]:
        """Nothing."""
        return {}

    def save(self, changes: Changes) -> None:
        """Nothing is kept."""


class CarrierMemory:
    """The memory of every carrier, as the next message is to see it.

    What the messages of one commit make carriers remember is staged: each of them sees it, and if the commit fails it
    is taken back, so that trying again gives the same. Its owner lets one thread in at a time.
    """

    def __init__(self, store: MemoryStore) -> None:
        """Read from `store` when first asked."""
        self._store = store
        self._kept: dict[str, dict[str, Any]] | None = None
        self._before: dict[tuple[str, str], Any] = {}  # what staging replaced

    def of(self, carrier: str) -> Mapping[str, Any]:
        """What `carrier` remembers now.

        Raises:
            TransientError: what was written down cannot be read yet.
        """
        return self._known().get(carrier, NOTHING)

    def stage(self, arrival: Arrival) -> None:
        """Let the next message see what `arrival` makes its carrier remember."""
        own = self._known().setdefault(arrival.carrier, {})
        for key, body in arrival.memory:
            self._before.setdefault((arrival.carrier, key), own.get(key))
            _put(own, key, body)

    def keep(self) -> None:
        """Write down what was staged.

        Raises:
            TransientError: it was not written; it stays staged.
        """
        if not self._before:
            return
        changes: dict[str, dict[str, Any]] = {}
        for carrier, key in self._lasting():
            changes.setdefault(carrier, {})[key] = self._known()[carrier].get(key)
        if changes:
            self._store.save(changes)
        self._before.clear()

    def take_back(self) -> None:
        """Forget what was staged."""
        for (carrier, key), body in self._before.items():
            _put(self._known()[carrier], key, body)
        self._before.clear()

    def _lasting(self) -> Iterable[tuple[str, str]]:
        for carrier, key in self._before:
            if not key.startswith(FLEETING):
                yield carrier, key

    def _known(self) -> dict[str, dict[str, Any]]:
        if self._kept is None:
            self._kept = self._store.load()
        return self._kept


def _put(own: dict[str, Any], key: str, body: Any) -> None:
    if body is None:
        own.pop(key, None)
    else:
        own[key] = body
