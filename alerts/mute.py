"""Whether anybody can be told of anything now: some channel works, and what is to be told can be written down.

The siren on site follows this, so a look needs nothing written and answers also while the registry is away.
"""

from sqlalchemy.exc import DBAPIError

from alerts.watch_work import Settled, no_channel
from coldchain.clock import Clock
from coldchain.errors import ColdchainError
from coldchain.registry.store import Registry

UNWRITABLE_S = 20.0  # so long may the registry take no writes: no alarm can be raised and no message sent meanwhile


class Mute:
    """Looks from time to time."""

    def __init__(self, registry: Registry, clock: Clock, for_s: float = UNWRITABLE_S) -> None:
        self._registry, self._clock, self._for_s = registry, clock, for_s
        self._since_s: float | None = None
        self._no_channel = Settled("no_channel", no_channel, clock)

    def look(self) -> str | None:
        """Why nobody can be told of anything."""
        said, why = self._asked()
        now_s = self._clock.monotonic_s()
        if why is None:
            self._since_s = None
            return said
        self._since_s = now_s if self._since_s is None else self._since_s
        if said is not None or now_s - self._since_s < self._for_s:
            return said
        return f"no alarm can be raised and no message sent: {why}"

    def _asked(self) -> tuple[str | None, str | None]:
        """What the outbox says, and why nothing could be written into it."""
        try:
            with self._registry.read() as connection:
                said = self._no_channel(connection, self._clock.now_ms())
            return said, self._registry.unwritable()
        except (ColdchainError, DBAPIError, OSError):
            return None, "the registry cannot be read"
