"""What the machine knows of its own clock without asking anybody: what the kernel says, and what most loggers say."""

import ctypes
import platform
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from coldchain.clock import Clock
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading, flag_bits
from coldchain.journal.port import Journal
from coldchain.registry import signals
from coldchain.registry.store import Registry

LOST_S = (
    600.0  # so long may the kernel call its clock unsynchronised before that is told: after a start it takes a while
)
APART_MS = 2000
LEAST_LOGGERS, LEAST_SHARE = 5, 0.8
_READINGS = 2000  # the newest, at each look
_LATELY_MS = 600_000
_PAUSE_S = 60.0
_REMEMBERED = "clock_synchronised"  # which machine's clock was synchronised once
_STA_UNSYNC = 0x40
_SUSPECT = flag_bits("clock_suspect")
_RETAINED = flag_bits("retained")


class Statement(NamedTuple):
    """What the kernel says of its clock."""

    synchronised: bool
    max_error_ms: float


class _Timex(ctypes.Structure):
    """`struct timex` of Linux (adjtimex(2)); asking changes nothing and needs no right."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("rest", ctypes.c_long * 32),
    )  # fmt: skip


def kernel() -> Statement | None:
    """What the kernel says; None where it cannot be asked."""
    if sys.platform != "linux":
        return None
    said = _Timex()
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(said)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return Statement(not said.status & _STA_UNSYNC, said.maxerror / 1000)


class Kernel:
    """Whether a clock that the kernel called synchronised is so no longer.

    Some machines never say so, containers among them: where it was never synchronised nothing is told.
    """

    def __init__(
        self, registry: Registry, clock: Clock, ask: Callable[[], Statement | None] = kernel, machine: str | None = None
    ) -> None:
        """`machine`: a name that another machine does not have, so that a state folder may be moved to one."""
        self._registry, self._clock, self._ask = registry, clock, ask
        self._machine = zlib.crc32((_machine() if machine is None else machine).encode()) or 1
        self._since_s: float | None = None

    def look(self) -> str | None:
        """Since when it has not been synchronised."""
        said, now_s = self._ask(), self._clock.monotonic_s()
        if said is None or said.synchronised:
            self._since_s = None
            if said is not None:
                self._remember()
            return None
        with self._registry.read() as connection:
            if signals.remembered(connection, _REMEMBERED) != self._machine:
                return None
        self._since_s = now_s if self._since_s is None else self._since_s
        if now_s - self._since_s < LOST_S:
            return None
        since = iso(self._clock.now_ms() - round((now_s - self._since_s) * 1000))
        return f"the server's clock has not been synchronised since {since}, says its kernel"

    def _remember(self) -> None:
        with self._registry.read() as connection:
            if signals.remembered(connection, _REMEMBERED) == self._machine:
                return
        with self._registry.write() as connection:
            signals.remember(connection, _REMEMBERED, self._machine)


class Consensus:
    """Whether most loggers agree with each other about the time, and not with us.

    Only a clock of ours that is behind can be told so: one that is ahead looks like loggers that report with delay.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._due_s = float("-inf")
        self._said: list[str | None] = [None, None]

    def look(self) -> str | None:
        """By how much we are behind, if that was so twice in a row; asked once a minute at most."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._due_s:
            self._due_s = now_s + _PAUSE_S
            self._said = [self._said[-1], self._asked()]
        return self._said[-1] if None not in self._said else None

    def _asked(self) -> str | None:
        after = max(0, self._journal.head() - _READINGS)
        since_ms = self._clock.now_ms() - _LATELY_MS
        lately = [row for row in self._journal.read(after, _READINGS) if row.record_time_ms >= since_ms]
        behind = behind_ms(lately)
        if behind is None:
            return None
        return f"the server's clock is {behind / 1000:.0f} s behind those of most loggers, which agree with each other"


def behind_ms(readings: Iterable[Reading]) -> int | None:
    """By how much our clock is behind that of the loggers; None while they do not agree, or agree with us.

    A message cannot arrive before it was measured, so a delay below zero is a difference of clocks. Clocks that are
    wrong by themselves are not wrong by the same: at least five loggers and 80 % of all must lie within two seconds.
    """
    newest: dict[str, list[int]] = {}
    for row in readings:
        delay_ms = _delay_ms(row)
        if delay_ms is not None:
            newest.setdefault(row.logger, []).append(delay_ms)
    delays = [min(of_one) for of_one in newest.values()]
    if len(delays) < LEAST_LOGGERS:
        return None
    middle = median(delays)
    agreeing = sum(abs(delay - middle) <= APART_MS for delay in delays)
    if middle >= -APART_MS or agreeing < max(LEAST_LOGGERS, LEAST_SHARE * len(delays)):
        return None
    return round(-middle)


def _delay_ms(row: Reading) -> int | None:
    """From the measurement to its arrival, where the time is a clock's other than ours; None where it tells nothing."""
    if row.historical or row.flags & _RETAINED:
        return None
    if row.flags & _SUSPECT:
        claimed_ms = _claimed_ms(row.device_time or "")
        return None if claimed_ms is None else row.record_time_ms - claimed_ms
    return row.record_time_ms - row.event_time_ms if row.time_source in ("device", "network") else None


def _claimed_ms(text: str) -> int | None:
    """The time that a device wrote and that was not believed, as far as it is written in a common way."""
    if text.isdigit() and len(text) in (10, 13):
        return int(text) * (1000 if len(text) == 10 else 1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else round(moment.timestamp() * 1000)


def first(*looks: Callable[[], str | None]) -> Callable[[], str | None]:
    """A look of which the first sentence counts; every one of them is made."""

    def look() -> str | None:
        said: Sequence[str | None] = [one() for one in looks]
        return next((one for one in said if one is not None), None)

    return look


def _machine() -> str:
    """A name of this machine, or of this container."""
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip() + platform.node()
    except (OSError, ValueError):
        return platform.node()
