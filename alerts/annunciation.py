"""When the annunciator on site sounds: while no channel works, every minute, and once when it is over."""

from collections.abc import Callable

import structlog

from alerts.annunciator import OVER, RAISED, announce
from coldchain.clock import Clock
from coldchain.errors import ColdchainError

log = structlog.get_logger("annunciator")

AGAIN_S = 60.0


class Annunciation:
    """Follows one state of affairs; what could not be sounded is tried again at the next look."""

    def __init__(self, target: str, clock: Clock, sound: Callable[[str, str, str], None] = announce) -> None:
        self._target, self._clock, self._sound = target, clock, sound
        self._sounded_s: float | None = None
        self._said = ""

    def follow(self, trouble: str | None) -> str | None:
        """Sound if it has to; why it could not, if it could not."""
        now_s = self._clock.monotonic_s()
        if trouble is None and self._sounded_s is None:
            return None
        if trouble is not None and self._sounded_s is not None and now_s - self._sounded_s < AGAIN_S:
            return None
        self._said = trouble or self._said
        try:
            self._sound(self._target, OVER if trouble is None else RAISED, self._said)
        except ColdchainError as error:
            log.warning("annunciator_failed", error=str(error))
            return str(error)
        self._sounded_s = None if trouble is None else now_s
        return None
