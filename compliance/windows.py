"""Time outside, summed over a window: the whole shipment, a rolling length, or a calendar day of a zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from coldchain.domain.profile import Rule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Accumulation:
    """The sum that a cumulative rule waits for; stretches come in order of time.

    A window of the zone `site` has to be given that zone by its name first.
    """

    def __init__(self, rule: Rule, hold_ms: int) -> None:
        self._hold_ms = hold_ms
        self._window = rule.window
        self._zone = ZoneInfo(rule.window.zone) if rule.window else None
        self._stretches: list[tuple[int, int]] = []
        self._total = 0

    def forget(self) -> None:
        """Start again from nothing: the goods came back."""
        self._stretches.clear()
        self._total = 0

    def add(self, start_ms: int, end_ms: int) -> int | None:
        """Add a stretch outside; the moment within it at which the sum stands at the hold, None if it never does."""
        if self._window is None:
            reached = max(start_ms, start_ms + self._hold_ms - self._total)
            self._total += end_ms - start_ms
        elif self._window.calendar:
            return self._add_days(start_ms, end_ms)
        else:
            horizon = start_ms - self._window.length_ms
            self._stretches = [stretch for stretch in self._stretches if stretch[1] > horizon]
            reached = self._rolling(start_ms)
            self._stretches.append((start_ms, end_ms))
        return reached if reached <= end_ms else None

    def expected(self, now_ms: int) -> int | None:
        """When the sum will reach the hold if the goods stay outside from `now_ms` on."""
        if self._window is None or self._window.calendar:  # past midnight the caller finds a new sum and asks again
            return now_ms + max(self._hold_ms - self._total, 1)
        start, _ = self._stretches.pop()
        due = self._rolling(start)
        self._stretches.append((start, now_ms))
        return due if due > now_ms else None

    def _rolling(self, start_ms: int) -> int:
        """The first moment x from `start_ms` on with enough time outside in the window that ends at x."""
        length = self._window.length_ms if self._window else 0
        moment = start_ms
        while True:
            lower = moment - length
            covered = sum(max(0, end - max(start, lower)) for start, end in self._stretches) + moment - start_ms
            # While the window's start runs through an old stretch, what enters equals what leaves: skip to its end.
            leaving = [end for start, end in self._stretches if start <= lower < end]
            missing = self._hold_ms - covered
            if missing <= 0 or moment - start_ms >= self._hold_ms:
                return moment
            if leaving:
                moment = leaving[0] + length
                continue
            until_next = min((start - lower for start, end in self._stretches if start > lower), default=missing)
            moment += min(missing, until_next)

    def _add_days(self, start_ms: int, end_ms: int) -> int | None:
        reached = None
        while start_ms < end_ms or reached is None:
            midnight = self._next_midnight(start_ms)
            part_end = min(end_ms, midnight)
            if self._stretches and self._stretches[0][0] != midnight:
                self.forget()
            self._stretches = [(midnight, midnight)]
            if reached is None and self._total + part_end - start_ms >= self._hold_ms:
                reached = max(start_ms, start_ms + self._hold_ms - self._total)
            self._total += part_end - start_ms
            start_ms = part_end
            if part_end >= end_ms:
                return reached
        return reached

    def _next_midnight(self, time_ms: int) -> int:
        moment = (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(self._zone)
        tomorrow = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return int((tomorrow.astimezone(UTC) - _EPOCH) / timedelta(milliseconds=1))
