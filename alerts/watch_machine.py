"""The machine under the product: its disk, its clock, its certificate and its backups."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.watch import Event
from coldchain.clock import Clock
from coldchain.domain.quantity import iso

LEAST_FREE, FREE_AGAIN = 0.15, 0.16  # of the disk; the second so that the alarm does not come and go at the edge
CERTIFICATE_DAYS = 21
BACKUP_S = 26 * 3600
CLOCK_MS = 2000
_HOUR_S = 3600


class Disk:
    """How much of the disk with the state folder is free."""

    def __init__(self, folder: Path, usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage) -> None:
        """`usage` gives (total, used, free) bytes."""
        self._folder, self._usage = folder, usage
        self._low = False

    def look(self) -> str | None:
        """Less than 15 % free, until there is 16 % again."""
        total, _, free = self._usage(self._folder)
        share = free / total
        self._low = share < (FREE_AGAIN if self._low else LEAST_FREE)
        if not self._low:
            return None
        return f"{share:.1%} of the disk with {self._folder} is free ({free // 2**20} MiB)"


class Steps:
    """Steps of the machine's clock: what it gained or lost against the timer that never steps."""

    def __init__(self, clock: Clock, last_ms: int | None = None) -> None:
        """`last_ms`: a moment of the past by the clock of then, as far as one is on record."""
        self._clock = clock
        self._apart_ms = self._now_apart_ms()
        self._back_ms = 0 if last_ms is None else last_ms - clock.now_ms()

    def before(self) -> list[Event]:
        """Once: the clock was put back while nobody looked."""
        back_ms, self._back_ms = self._back_ms, 0
        if back_ms <= CLOCK_MS:
            return []
        at = iso(self._clock.now_ms())
        return [Event("clock", f"the server's clock was put back by at least {back_ms / 1000:.0f} s, to {at}")]

    def events(self) -> list[Event]:
        """A step of more than 2 s since the last look."""
        apart_ms = self._now_apart_ms()
        step_ms, self._apart_ms = apart_ms - self._apart_ms, apart_ms
        if abs(step_ms) <= CLOCK_MS:
            return []
        way = "forward" if step_ms > 0 else "back"
        at = iso(self._clock.now_ms())
        return [Event("clock", f"the server's clock was put {way} by {abs(step_ms) / 1000:.0f} s, to {at}")]

    def _now_apart_ms(self) -> float:
        return self._clock.now_ms() - self._clock.monotonic_s() * 1000


class Certificate:
    """How long the certificate that loggers and browsers are shown is still good."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def look(self) -> str | None:
        """Less than 21 days left in any certificate of the chain, or over."""
        from cryptography import x509

        ends = min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(self._path.read_bytes()))
        left = ends - datetime.fromtimestamp(self._clock.now_ms() / 1000, tz=UTC)
        if left >= timedelta(days=CERTIFICATE_DAYS):
            return None
        when = f"{ends:%Y-%m-%d %H:%M} UTC"
        words = "has expired at" if left < timedelta(0) else "expires at"
        return f"the certificate {self._path} {words} {when}"


class Backups:
    """How old the newest backup is, where somebody makes some."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    def look(self) -> str | None:
        """None newer than 26 hours."""
        found = [path.stat().st_mtime for path in self._folder.glob("*")] if self._folder.is_dir() else []
        if not found:
            return f"there is no backup in {self._folder}"
        age_s = self._clock.now_ms() / 1000 - max(found)
        if age_s <= BACKUP_S:
            return None
        return f"the newest backup in {self._folder} is {age_s / _HOUR_S:.0f} h old"
