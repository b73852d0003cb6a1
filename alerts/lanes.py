"""Who sends next: messages take turns while servers are quick, and go side by side as soon as one is not."""

import threading
from collections import deque
from collections.abc import Callable

import structlog

from coldchain.clock import Clock
from coldchain.errors import TransientError

log = structlog.get_logger("notifier")

_QUICK = 2


class Turn:
    """One sender at a time, in order of asking; who takes longer than is patient loses the turn to the next.

    While some are slow nobody is waited for as long: of ten hostile servers the tenth holds the others up a tenth.
    """

    def __init__(self, clock: Clock, patience_s: float) -> None:
        self._clock = clock
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._waiting: deque[threading.Thread] = deque()
        self._taken: dict[threading.Thread, float] = {}  # when each present sender's turn began
        self._holder: threading.Thread | None = None
        self._until_s = 0.0  # how long the present holder may keep the others waiting

    def take(self) -> None:
        """Wait for the calling thread's turn."""
        me = threading.current_thread()
        with self._changed:
            self._waiting.append(me)
            while self._waiting[0] is not me or self._left_s() > 0:
                self._changed.wait(self._left_s() if self._waiting[0] is me else None)
            self._waiting.popleft()
            self._holder, now_s = me, self._clock.monotonic_s()
            slow = sum(now_s - began_s >= self._patience_s for began_s in self._taken.values())
            self._until_s = now_s + self._patience_s / (1 + slow)
            self._taken[me] = now_s
            self._changed.notify_all()

    def give(self) -> None:
        """End the calling thread's turn, whether it still has it or has lost it."""
        me = threading.current_thread()
        with self._changed:
            self._taken.pop(me, None)
            if self._holder is me:
                self._holder = None
            self._changed.notify_all()

    def slow(self, sender: threading.Thread) -> bool:
        """Whether this sender has been at one message for longer than is patient."""
        with self._changed:
            began = self._taken.get(sender)
        return began is not None and self._clock.monotonic_s() - began >= self._patience_s

    def _left_s(self) -> float:
        if self._holder is None:
            return 0.0
        return max(0.0, self._until_s - self._clock.monotonic_s())


class Lane:
    """The senders of one channel: one at work and one that waits for its turn, and more for each that is slow."""

    def __init__(self, name: str, send_one: Callable[[], bool], turn: Turn, width: int) -> None:
        self._name = name
        self._send_one = send_one
        self._turn = turn
        self._width = width
        self._lock = threading.Lock()
        self._senders: set[threading.Thread] = set()
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a sender is at work."""
        with self._lock:
            return bool(self._senders)

    def push(self) -> None:
        """Start another sender unless two are there that are not slow: who waits goes on when the other hangs."""
        with self._lock:
            quick = sum(not self._turn.slow(sender) for sender in self._senders)
            if self._closed or len(self._senders) >= self._width or quick >= _QUICK:
                return
            sender = threading.Thread(target=self._work, name=f"notify-{self._name}", daemon=True)
            self._senders.add(sender)
        sender.start()

    def close(self, timeout_s: float) -> None:
        """Begin nothing new; wait for the senders, but not for ever."""
        with self._lock:
            self._closed = True
            senders = list(self._senders)
        for sender in senders:
            sender.join(timeout_s / max(1, len(senders)))

    def _work(self) -> None:
        try:
            while self._next():
                pass
        except TransientError as error:
            log.warning("registry busy", channel=self._name, why=str(error))
        except Exception:
            # The next look at the outbox starts another sender; this one's message is found again as interrupted.
            log.exception("a sender failed", channel=self._name)
        finally:
            with self._lock:
                self._senders.discard(threading.current_thread())

    def _next(self) -> bool:
        self._turn.take()
        try:
            with self._lock:
                closed = self._closed
            return not closed and self._send_one()
        finally:
            self._turn.give()
