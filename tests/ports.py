"""Ports for what comes and goes while its clients stay."""

import os
import socket


def quiet_port() -> int:
    """A free port below those that clients get: one that knocks while the listener is down could be given its port."""
    for port in range(20_000 + os.getpid() % 1000, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no port is free")
