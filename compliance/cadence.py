"""How often a channel is expected to report, at each moment: an interval may be set anew while goods are under way."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coldchain.domain.track import Column


class Cadence(NamedTuple):
    """`every_ms[i]` holds from `starts_ms[i]` on; the first one holds before that as well."""

    starts_ms: tuple[int, ...]
    every_ms: tuple[int, ...]

    @classmethod
    def of(cls, steps: Sequence[tuple[int, int]]) -> "Cadence":
        """From (from, interval) in order of time, at least one."""
        return cls(tuple(start for start, _ in steps), tuple(every for _, every in steps))

    @classmethod
    def steady(cls, every_ms: int) -> "Cadence":
        """One interval for ever."""
        return cls((0,), (every_ms,))

    @property
    def newest_ms(self) -> int:
        """The interval that holds now."""
        return self.every_ms[-1]

    def at(self, time_ms: int) -> int:
        """The interval that holds at a moment."""
        return self.every_ms[max(bisect_right(self.starts_ms, time_ms) - 1, 0)]

    def between(self, time_ms: Column) -> Column | int:
        """For each pair of neighbours the longer interval of those at its ends; one for all if it never changes.

        A logger that was set anew between two readings owes the second one by the slower of both clocks.
        """
        if len(self.every_ms) == 1:
            return self.every_ms[0]
        places = np.maximum(np.searchsorted(np.array(self.starts_ms), time_ms, side="right") - 1, 0)
        held: Column = np.array(self.every_ms, dtype=np.int64)[places]
        return np.maximum(held[:-1], held[1:])
