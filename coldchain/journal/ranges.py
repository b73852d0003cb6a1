"""Which messages of a logger are committed, as runs of sequence numbers: the watermark, its holes and its gaps.

A message is numbered by the pair (boot, seq); seq starts at 0 in each boot and boots grow. Nothing here is kept per
message: a jump of a million numbers is one hole.
"""

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

Pair = tuple[int, int]

# How often the logger is asked for a hole before it counts as lost (only where its `oldest` does not say so).
REQUESTS = 3


class Hole(NamedTuple):
    """Numbers from `first` to `last` of one boot that are not committed.

    A `probe` asks whether a boot had one message more before the logger restarted: nothing shows that it exists, so
    without an answer it is no gap.
    """

    boot: int
    first: int
    last: int
    probe: bool = False


@dataclass
class Committed:
    """The committed numbers of one logger; `start` is where its count begins.

    There may be more runs than these where a `horizon` is given: all those up to it are here, and of those beyond it
    only the ones that matter for a number that arrived. Then only holes before the horizon are seen.
    """

    start: Pair | None = None
    oldest: Pair | None = None  # the newest `oldest` that the logger stated
    acknowledged: Pair | None = None  # the mark never moves back
    runs: dict[int, list[Pair]] = field(default_factory=dict)  # boot → disjoint (first, last), ascending
    asked: dict[Hole, int] = field(default_factory=dict)
    horizon: Pair | None = None  # where the last of the lowest runs begins

    def __contains__(self, number: Pair) -> bool:
        boot, seq = number
        runs = self.runs.get(boot, [])
        at = bisect_right(runs, (seq, _FAR)) - 1
        return at >= 0 and runs[at][1] >= seq

    def add(self, boot: int, first: int, last: int) -> None:
        """Count the numbers from `first` to `last` as committed."""
        runs = self.runs.setdefault(boot, [])
        low = high = bisect_right(runs, (first, _FAR))
        if low and runs[low - 1][1] >= first - 1:
            low -= 1
            first, last = runs[low][0], max(last, runs[low][1])
        while high < len(runs) and runs[high][0] <= last + 1:
            last = max(last, runs[high][1])
            high += 1
        runs[low:high] = [(first, last)]

    def state_oldest(self, oldest: Pair) -> None:
        """The logger holds nothing older than `oldest` any more."""
        if self.oldest is None or oldest > self.oldest:
            self.oldest = oldest

    def through(self) -> Pair | None:
        """The highest number below which, and with which, everything from the start is committed."""
        return self._walk()[0]

    def holes(self) -> list[Hole]:
        """What is missing between the start and the newest committed number, oldest first."""
        return self._walk()[1]

    def passed(self) -> list[Hole]:
        """Take out of the holes what the logger no longer holds, or was asked for in vain; return those numbers."""
        lost = [gone for hole in self.holes() if (gone := self._gone(hole)) is not None]
        if self.asked and self._answered(set(lost)):
            self.asked = {}  # it is sending: its other holes are given time
        for gone in lost:
            self.add(gone.boot, gone.first, gone.last)
        for hole in sorted(hole for hole in self._open(self.asked) if self.asked[hole] >= REQUESTS):
            if hole.probe:
                self.state_oldest((hole.boot + 1, 0))
            else:
                lost.append(hole)
                self.add(hole.boot, hole.first, hole.last)
        self.asked = {hole: self.asked[hole] for hole in self._open(self.asked)}
        return lost

    def _answered(self, lost: set[Hole]) -> bool:
        """Whether something that was asked for has come, be it only in part."""
        return len({*self._open(self.asked), *(lost & self.asked.keys())}) < len(self.asked)

    def _open(self, wanted: Collection[Hole]) -> list[Hole]:
        """Those of these holes that are still just as they were; beyond the horizon their neighbours are known."""
        if not wanted:
            return []
        seen = set(self.holes())
        return [hole for hole in wanted if hole in seen or (self._beyond(hole.boot, hole.first) and self._empty(hole))]

    def _empty(self, hole: Hole) -> bool:
        """Whether nothing of a hole beyond the horizon has come; behind a probe, nothing else of its boot either."""
        runs = self.runs.get(hole.boot, [])
        at = bisect_right(runs, (hole.last, _FAR)) - 1
        if at >= 0 and runs[at][1] >= hole.first:
            return False
        ended = self._ended(hole.boot) or self.oldest == (hole.boot, hole.first)
        return not hole.probe or (at == len(runs) - 1 and not ended)

    def ask(self, ranges: set[tuple[int, int, int]]) -> None:
        """Count one request for each hole that is in `ranges`.

        A logger that states its `oldest` says itself when a hole is lost; only a probe has no other end.
        """
        for hole in self.holes():
            if (hole.boot, hole.first, hole.last) in ranges and (self.oldest is None or hole.probe):
                self.asked[hole] = self.asked.get(hole, 0) + 1

    def _gone(self, hole: Hole) -> Hole | None:
        """The part of `hole` below `oldest`."""
        if self.oldest is None or hole.probe or (hole.boot, hole.first) >= self.oldest:
            return None
        if hole.boot < self.oldest[0]:
            return hole
        return Hole(hole.boot, hole.first, min(hole.last, self.oldest[1] - 1))

    def _walk(self) -> tuple[Pair | None, list[Hole]]:
        if self.start is None:
            return None, []
        through = self.acknowledged
        begin = self.start if through is None else max(self.start, (through[0], through[1] + 1))
        holes: list[Hole] = []
        boots = self._boots(begin)
        for boot in boots:
            expected = begin[1] if boot == begin[0] else 0
            for first, last in self.runs.get(boot, []):
                if self._beyond(boot, first):
                    return through, holes
                if last < expected:
                    continue
                if first > expected:
                    holes.append(Hole(boot, expected, first - 1))
                expected = last + 1
                if not holes:
                    through = (boot, last)
            if self._beyond(boot, _FAR):
                return through, holes
            if self.oldest is not None and self.oldest[0] == boot and self.oldest[1] > expected:
                holes.append(Hole(boot, expected, self.oldest[1] - 1))
            elif boot != boots[-1] and not self._ended(boot):
                holes.append(Hole(boot, expected, expected, probe=self.oldest != (boot, expected)))
        return through, holes

    def _beyond(self, boot: int, first: int) -> bool:
        return self.horizon is not None and (boot, first) > self.horizon

    def _boots(self, begin: Pair) -> list[int]:
        """The boots to walk: the first one, those heard, and that of `oldest` (what was below it did exist)."""
        boots = {boot for boot in self.runs if boot >= begin[0]} | {begin[0]}
        if self.oldest is not None and self.oldest > begin:
            boots.add(self.oldest[0])
        return sorted(boots)

    def _ended(self, boot: int) -> bool:
        """Whether the boot had no further message, as far as the logger's `oldest` can tell.

        A logger without `oldest` gets the benefit of the doubt: it sends in order, so its next boot ends this one.
        """
        return self.oldest is None or self.oldest[0] > boot


_FAR = 1 << 62
