"""What carriers ask to be published to the side that sent: to whoever has a way there, and never as a flood."""

import threading
from collections import deque
from collections.abc import Iterable

import structlog

from coldchain.clock import Clock
from coldchain.domain.message import Command

_log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 320.0
_TOPICS = 10_000
_WAITING = 1000


class Commands:
    """Passes each topic's command on at most every five seconds, and ever more seldom while nothing answers it.

    A command is repeated by the next message that calls for it, so one that is held back is dropped. Safe to use from
    several threads.
    """

    def __init__(self, clock: Clock) -> None:
        """Measure pauses by `clock`."""
        self._clock = clock
        self._guard = threading.Lock()
        self._queues: list[deque[Command]] = []
        self._sent: dict[str, tuple[float, float]] = {}  # by topic: when, and the pause that follows

    def queue(self) -> "deque[Command]":
        """A new way out: every command passed on from now on is put there, the oldest are dropped."""
        way: deque[Command] = deque(maxlen=_WAITING)
        with self._guard:
            self._queues.append(way)
        return way

    def post(self, commands: Iterable[Command]) -> None:
        """Pass on what is not held back."""
        now_s = self._clock.monotonic_s()
        with self._guard:
            for command in commands:
                if self._due(command.topic, now_s):
                    _log.info("command", topic=command.topic)
                    for way in self._queues:
                        way.append(command)

    def _due(self, topic: str, now_s: float) -> bool:
        at_s, pause_s = self._sent.get(topic, (-_LONGEST_PAUSE_S, 0.0))
        if now_s - at_s < pause_s:
            return False
        # Asked again soon after the pause: nobody listens there. Long after: it is another occasion.
        unanswered = now_s - at_s < 2 * pause_s + FIRST_PAUSE_S
        if len(self._sent) >= _TOPICS:
            self._sent.clear()
        self._sent[topic] = (now_s, min(2 * pause_s, _LONGEST_PAUSE_S) if unanswered else FIRST_PAUSE_S)
        return True
