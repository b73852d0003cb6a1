"""What a logger is told: how far its messages are stored, and which of them to send again."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from coldchain.clock import Clock
from coldchain.domain.message import Watermark
from coldchain.errors import TransientError
from coldchain.journal.port import Journal

INTERVAL_S = 1.0


def watermark_json(mark: Watermark) -> bytes | None:
    """The down message; None while the logger never numbered a message."""
    if mark.committed_through is None and not mark.resend:
        return None
    message: dict[str, Any] = {"v": 1}
    if mark.committed_through is not None:
        boot, seq = mark.committed_through
        message["committed_through"] = {"boot": boot, "seq": seq}
    message["resend"] = [{"boot": boot, "from": first, "to": last} for boot, first, last in mark.resend]
    return msgspec.json.encode(message)


class Down(NamedTuple):
    """A down message."""

    logger: str
    payload: bytes
    mark: Watermark


class Downlink:
    """Whom to tell now: every logger of which something was committed, at most once a second each."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        """Read watermarks from `journal`, so that a logger is told what is committed and nothing else."""
        self._journal = journal
        self._clock = clock
        self._pending: dict[str, None] = {}
        self._told_s: dict[str, float] = {}
        self._guard = threading.Lock()

    def note(self, logger: str) -> None:
        """Something of `logger` was committed, or it asked."""
        with self._guard:
            self._pending[logger] = None

    def due(self) -> list[Down]:
        """The loggers to tell now; the others of `note` keep waiting for their second.

        Raises:
            TransientError: the journal cannot be read now; everybody keeps waiting.
        """
        now_s = self._clock.monotonic_s()
        with self._guard:
            self._told_s = {logger: at_s for logger, at_s in self._told_s.items() if now_s - at_s < INTERVAL_S}
            ready = [logger for logger in self._pending if logger not in self._told_s]
            for logger in ready:  # before reading: what is committed from now on is noted anew
                del self._pending[logger]
        if not ready:
            return []
        try:
            marks = self._journal.watermarks(ready)
        except TransientError:
            with self._guard:
                self._pending.update(dict.fromkeys(ready))
            raise
        told = [Down(mark.logger, payload, mark) for mark in marks if (payload := watermark_json(mark)) is not None]
        with self._guard:
            self._told_s.update((down.logger, now_s) for down in told)
        return told

    def sent(self, told: Sequence[Down]) -> None:
        """These went out: what they ask for counts as requested.

        Raises:
            TransientError: the journal cannot be written now; these requests do not count.
        """
        asking = [down.mark for down in told if down.mark.resend]
        if asking:
            self._journal.requested(asking, self._clock.now_ms())
