"""Group commit: one thread that takes what has arrived, commits it together, and lets each sender acknowledge."""

import gc
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from coldchain.domain.message import Envelope, Receipt
from coldchain.errors import TransientError
from ingest import quarantine
from ingest.pipeline import Pipeline

_log = structlog.get_logger(__name__)

Receipts = list[list[Receipt]]

_COLLECT_SELDOM = (20_000, 50, 100)
_TRIES = 3  # of a commit that fails for no transient reason, before its messages are tried apart
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LONGEST_WINDOW_S = 1.0
_BATCH_BYTES = 1 << 20  # a message may carry a thousand readings: they are in memory until their commit is done


class Parcel(NamedTuple):
    """Envelopes that arrived together, and what to do (in the writer's thread, quickly) once they are committed.

    `abandon` is called instead where `settle` failed: whoever waits for an acknowledgement has to hear that none comes.
    """

    envelopes: Sequence[Envelope]
    settle: Callable[[Receipts], None]
    abandon: Callable[[], None] | None = None
    size: int = 0  # bytes of the payloads, roughly


class Writer:
    """Commits parcels in the order in which they were offered.

    A commit takes up to `batch` envelopes or a mebibyte of them, or what arrived within `window_s` of the first; on a
    disk that is slower than that the window grows with it, up to a second. While a commit fails nothing is settled, so
    nothing is acknowledged; `offer` never blocks, and senders stop reading while `full`, which bounds memory.
    """

    def __init__(self, pipeline: Pipeline, *, batch: int = 1000, window_s: float = 0.02, capacity: int = 4000) -> None:
        """Hold at most about `capacity` envelopes that wait; `start` begins to commit."""
        self.pipeline = pipeline
        self._batch = batch
        self._window_s = window_s
        self._capacity = capacity
        self._parcels: deque[Parcel] = deque()
        self._waiting = 0
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._last_commit_s = 0.0
        self.trouble: str | None = None

    def start(self) -> None:
        """Begin to commit.

        Tells Python's collector to look seldom: what a commit makes lives until its end and holds no cycles, and
        walking it again and again costs an eighth of the whole work.
        """
        gc.set_threshold(*_COLLECT_SELDOM)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Commit what waits, once, and end; what could not be committed stays unacknowledged at its sender."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Whether the writer's thread works; a role whose writer died has to end."""
        return self._thread.is_alive()

    @property
    def full(self) -> bool:
        """Whether senders should stop reading until something of theirs is settled."""
        return self._waiting >= self._capacity

    def offer(self, parcel: Parcel) -> None:
        """Queue `parcel`; from any thread, never blocking."""
        with self._changed:
            self._parcels.append(parcel)
            self._waiting += len(parcel.envelopes)
            self._waiting_bytes += parcel.size
            if len(self._parcels) == 1 or self._enough:
                self._changed.notify()

    @property
    def _enough(self) -> bool:
        """Whether what waits fills a commit."""
        return self._waiting >= self._batch or self._waiting_bytes >= _BATCH_BYTES

    def _run(self) -> None:
        while parcels := self._gather():
            envelopes = [envelope for parcel in parcels for envelope in parcel.envelopes]
            started_s = time.monotonic()
            receipts = self._stored(envelopes)
            if receipts is None:
                return
            self._last_commit_s = time.monotonic() - started_s
            at = 0
            for parcel in parcels:
                self._settle(parcel, receipts[at : at + len(parcel.envelopes)])
                at += len(parcel.envelopes)

    def _gather(self) -> list[Parcel]:
        """The parcels of the next commit; none when it is time to end."""
        with self._changed:
            while not self._parcels and not self._stopping:
                self._changed.wait()
            window_s = min(max(self._window_s, self._last_commit_s), _LONGEST_WINDOW_S)
            deadline_s = time.monotonic() + window_s
            while not self._enough and not self._stopping:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or not self._changed.wait(left_s):
                    break
            parcels: list[Parcel] = []
            taken = taken_bytes = 0
            while self._parcels and taken < self._batch and taken_bytes < _BATCH_BYTES:
                parcel = self._parcels.popleft()
                taken += len(parcel.envelopes)
                taken_bytes += parcel.size
                parcels.append(parcel)
            self._waiting -= taken
            self._waiting_bytes -= taken_bytes
            return parcels

    def _stored(self, envelopes: Sequence[Envelope], tries: int = _TRIES) -> Receipts | None:
        """The receipts once everything is durable, however long that takes; None if we stop before."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                receipts = self.pipeline.submit(envelopes)
            except TransientError as error:
                self._complain(str(error))
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing was acknowledged and it is tried again
                self._complain(quarantine.where(error))
                tries -= 1
                if tries <= 0:
                    return self._apart(envelopes, error)
            else:
                self.trouble = None
                return receipts
            if not self._pause(pause_s):
                return None
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _apart(self, envelopes: Sequence[Envelope], error: Exception) -> Receipts | None:
        """Commit the halves, so that one message that no commit survives does not hold up the others."""
        if len(envelopes) == 1:
            return self._set_aside(envelopes[0], error)
        stored: Receipts = []
        half = (len(envelopes) + 1) // 2
        for part in (envelopes[:half], envelopes[half:]):
            receipts = self._stored(part, 1 if len(part) > 1 else _TRIES)
            if receipts is None:
                return None
            stored += receipts
        return stored

    def _set_aside(self, envelope: Envelope, error: Exception) -> Receipts | None:
        arrival = quarantine.broken(quarantine.bounded(envelope), "its commit", error)
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return self.pipeline.commit([arrival])
            except Exception as again:  # noqa: BLE001 - not even its bytes: the journal is broken, not the message
                self._complain(quarantine.where(again))
            if not self._pause(pause_s):
                return None
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _complain(self, trouble: str) -> None:
        if self.trouble != trouble:
            _log.error("commit_failed", reason=trouble, waiting=self._waiting)
        self.trouble = trouble

    def _pause(self, pause_s: float) -> bool:
        """Wait; False if we are to end instead of trying again."""
        with self._changed:
            return not (self._stopping or self._changed.wait_for(lambda: self._stopping, pause_s))

    def _settle(self, parcel: Parcel, receipts: Receipts) -> None:
        try:
            parcel.settle(receipts)
        except Exception as error:  # noqa: BLE001 - one sender's trouble is not the others'; its messages come again
            _log.error("settle_failed", error=quarantine.where(error), messages=len(parcel.envelopes))
            if parcel.abandon is not None:
                parcel.abandon()
