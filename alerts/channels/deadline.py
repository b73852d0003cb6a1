"""A hard end for a conversation: a peer that answers one byte at a time resets every socket timeout, but not this."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Deadline:
    """Whether the time ran out; true from the moment at which the socket is cut."""

    def __init__(self) -> None:
        self.passed = False


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
