"""What intake reads from the registry while it runs: gateways, topics to listen to, and what carriers remembered."""

import threading
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from coldchain.clock import Clock
from coldchain.errors import TransientError
from coldchain.registry import bindings, carrier_memory, gateways, topic_filters
from coldchain.registry.store import Registry
from coldchain.registry.viewer import SYSTEM
from ingest.memory import Changes

_log = structlog.get_logger(__name__)

FRESH_S = 0.9  # how old an answer may be
_SESSION = "subscriber"  # beside the carriers, in the table of what is remembered

Answer = TypeVar("Answer")


class _Recent(Generic[Answer]):
    """An answer of the registry that is asked again once it is old; while the registry is busy the old one holds."""

    def __init__(self, registry: Registry, clock: Clock, ask: Callable[[Connection], Answer]) -> None:
        self._registry, self._clock, self._ask = registry, clock, ask
        self._guard = threading.Lock()
        self._answer: Answer | None = None
        self._asked_s = 0.0

    def __call__(self) -> Answer:
        """The answer of at most a second ago.

        Raises:
            TransientError: the registry cannot be read, and never could.
        """
        now_s = self._clock.monotonic_s()
        with self._guard:
            if self._answer is None or now_s - self._asked_s >= FRESH_S:
                try:
                    with self._registry.read() as connection:
                        self._answer = self._ask(connection)
                except (DBAPIError, TransientError) as error:
                    if self._answer is None:
                        raise TransientError(f"the registry cannot be read: {error}") from error
                    _log.warning("registry_unavailable", reason=str(error))
                self._asked_s = now_s
            return self._answer


def gateways_of(registry: Registry, clock: Clock) -> Callable[[], Mapping[str, frozenset[str] | None]]:
    """The gateways as they are registered now."""
    return _Recent(registry, clock, gateways.known)


def assigned_of(registry: Registry, clock: Clock) -> Callable[[], AbstractSet[str]]:
    """The loggers that serve a shipment or a store now."""
    return _Recent(registry, clock, lambda connection: bindings.busy(connection, SYSTEM, clock.now_ms()))


class RegistryTopics:
    """The topic filters of configuration and registry, and those that the broker's session may still have."""

    def __init__(
        self, registry: Registry, clock: Clock, configured: tuple[str, ...] = (),
        connected: Callable[[], Iterable[str]] = tuple,
    ) -> None:  # fmt: skip
        """`configured` are listened to as long as the process lives, `connected` gives those of device profiles."""
        self._registry, self._clock, self._configured = registry, clock, configured
        self._connected = connected
        self._recent = _Recent(registry, clock, topic_filters.wanted)

    def wanted(self) -> frozenset[str]:
        """The filters to listen to now, beside those of the carriers.

        Raises:
            TransientError: the registry cannot be read, and never could.
        """
        return frozenset((*self._configured, *self._connected(), *self._recent()))

    def subscribed(self, session: str) -> frozenset[str]:
        """What was asked for last in the broker's session of this name, perhaps by an earlier process.

        Raises:
            TransientError: the registry cannot be read.
        """
        try:
            with self._registry.read() as connection:
                return frozenset(carrier_memory.load(connection).get(_SESSION, {}).get(session, ()))
        except DBAPIError as error:
            raise TransientError(f"the registry cannot be read: {error.orig}") from error

    def note(self, session: str, filters: frozenset[str]) -> None:
        """Write down what is asked for in the broker's session of this name.

        Raises:
            TransientError: it was not written.
        """
        with self._registry.write() as connection:
            carrier_memory.save(connection, _SESSION, {session: sorted(filters)}, self._clock.now_ms())


class RegistryMemory:
    """What carriers remember, in the registry's table `carrier_memory`."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry, self._clock = registry, clock

    def load(self) -> dict[str, dict[str, Any]]:
        """Everything that was saved, by carrier and key.

        Raises:
            TransientError: the registry cannot be read.
        """
        try:
            with self._registry.read() as connection:
                return carrier_memory.load(connection)
        except DBAPIError as error:
            raise TransientError(f"the registry cannot be read: {error.orig}") from error

    def save(self, changes: Changes) -> None:
        """Write down; None forgets.

        Raises:
            TransientError: nothing was written.
        """
        now_ms = self._clock.now_ms()
        try:
            with self._registry.write() as connection:
                for carrier, bodies in changes.items():
                    carrier_memory.save(connection, carrier, bodies, now_ms)
        except DBAPIError as error:
            raise TransientError(f"the registry cannot be written: {error.orig}") from error
