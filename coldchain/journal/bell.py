"""A bell between processes of one machine: a writer rings the new head, and whoever waits for it wakes at once.

Ringing is a hint only. A reader that missed it, or was never told, still finds everything by polling the journal.
"""

import contextlib
import errno
import os
import socket
import struct
from pathlib import Path
from typing import Protocol

_HEAD = struct.Struct("<q")
_LOOPBACK = "127.0.0.1"


class Bell(Protocol):
    """What a journal rings after each commit."""

    def ring(self, head: int) -> None:
        """Tell every reader that the journal now ends at `head`; never fails."""
        ...

    def listen(self) -> None:
        """Begin to hear, so that nothing rung from now on is missed; `wait` does this itself."""
        ...

    def wait(self, timeout_s: float) -> int | None:
        """The newest head that was rung, waiting for one up to `timeout_s`; None if nobody rang."""
        ...

    def close(self) -> None:
        """Stop hearing."""
        ...


class LoopbackBell:
    """A bell by datagrams on loopback; `folder` holds one empty file per waiting reader, named by its port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ear: socket.socket | None = None
        self._mark: Path | None = None

    def ring(self, head: int) -> None:
        """Tell every reader that the journal now ends at `head`; never fails."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208  called at every commit
        except OSError:
            return
        for name in names:
            if name.isdecimal():
                self._send(int(name), head)

    def listen(self) -> None:
        """Begin to hear, so that nothing rung from now on is missed; `wait` does this itself."""
        if self._ear is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ear.bind((_LOOPBACK, 0))
        self._mark = self._folder / str(self._ear.getsockname()[1])
        self._mark.touch()

    def wait(self, timeout_s: float) -> int | None:
        """The newest head that was rung, waiting for one up to `timeout_s`; None if nobody rang."""
        self.listen()
        assert self._ear is not None
        self._ear.settimeout(max(timeout_s, 0.0001))
        newest: int | None = None
        with contextlib.suppress(TimeoutError, BlockingIOError):
            while True:
                data = self._ear.recv(64)
                if len(data) == _HEAD.size:
                    newest = max(newest or 0, _HEAD.unpack(data)[0])
                    self._ear.settimeout(0)  # take what else was rung, but wait no longer
        return newest

    def fileno(self) -> int:
        """The socket to select on."""
        self.listen()
        assert self._ear is not None
        return self._ear.fileno()

    def close(self) -> None:
        """Stop hearing."""
        if self._mark is not None:
            self._mark.unlink(missing_ok=True)
        if self._ear is not None:
            self._ear.close()
        self._ear = self._mark = None

    def _send(self, port: int, head: int) -> None:
        # A socket for one letter: connected, so that the kernel tells when nobody lives there any more.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
            try:
                mouth.settimeout(0)
                mouth.connect((_LOOPBACK, port))
                mouth.send(_HEAD.pack(head))
                refused = mouth.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
            except OSError as error:
                refused = error.errno == errno.ECONNREFUSED
        if refused:  # its reader died without a word
            (self._folder / str(port)).unlink(missing_ok=True)
