"""Waiting for sockets, however many files this process has open."""

import select
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Socket(Protocol):
    """Whatever has a file number: plain sockets and those with TLS."""

    def fileno(self) -> int:
        """The file number; -1 once it is closed."""
        ...


Some = TypeVar("Some", bound=Socket)

_BROKEN = select.POLLHUP | select.POLLERR | select.POLLNVAL


def ready(reading: Iterable[Some], writing: Iterable[Some], wait_s: float) -> tuple[list[Some], list[Some]]:
    """Those of `reading` and `writing` that can go on now; at most `wait_s` seconds are waited for the first one.

    Not `select.select`: that refuses every file number above 1,023, which a process with a thousand loggers connected
    has used up. A connection that broke counts as ready, so that whoever reads or writes it learns of it.

    Raises:
        ValueError: a socket is closed.
    """
    poll = select.poll()
    wanted: dict[int, tuple[Some, int]] = {}
    for event, sockets in ((select.POLLIN, reading), (select.POLLOUT, writing)):
        for one in sockets:
            number = one.fileno()
            before = wanted.get(number, (one, 0))[1]
            wanted[number] = (one, before | event)
    for number, (_, events) in wanted.items():
        poll.register(number, events)
    readable, writable = [], []
    for number, events in poll.poll(wait_s * 1000):
        one, asked = wanted[number]
        if asked & select.POLLIN and events & (select.POLLIN | _BROKEN):
            readable.append(one)
        if asked & select.POLLOUT and events & (select.POLLOUT | _BROKEN):
            writable.append(one)
    return readable, writable
