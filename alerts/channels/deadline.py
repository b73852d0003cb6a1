"""A hard end for a conversation: a peer that answers one byte at a time resets every socket timeout, but not this."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from alerts.channels.port import Deferred


class Deadline:
    """Whether the time ran out; true from the moment at which the socket is cut."""

    def __init__(self) -> None:
        self.passed = False

    def lost(self, error: Exception, *, ambiguous: bool) -> Deferred:
        """What a conversation means that broke off with `error`; `ambiguous`: what was to be said may have arrived."""
        late = self.passed or isinstance(error, TimeoutError)
        why = "no answer within the deadline" if late else (str(error) or type(error).__name__)
        return Deferred(why[:300], code="timeout" if late else "connection", ambiguous=ambiguous)


@contextmanager
def cut_off(after_s: float, connected: Callable[[], socket.socket | None]) -> Iterator[Deadline]:
    """Shut the socket that `connected` names down after `after_s` seconds unless the block has ended by then."""
    deadline = Deadline()

    def cut() -> None:
        deadline.passed = True
        stream = connected()
        if stream is not None:
            # shutdown wakes a blocked read in another thread; close alone would not.
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(after_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()
