"""Ports for what comes and goes while its clients stay."""

import itertools
import os
import socket

# Four at a time, so that whoever asks for one port may use the three after it as well; none is given out twice.
_CANDIDATES = itertools.count(20_000 + os.getpid() % 1000 * 4, 4)


def quiet_port() -> int:
    """A free port below those that clients get: one that knocks while the listener is down could be given its port."""
    port = next(first for first in _CANDIDATES if not any(_taken(first + offset) for offset in range(4)))
    assert port < 32_000, "no port is free"
    return port


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
