"""Arrhenius factors in floats, as a user of columns would write them: for readings, and under the tents over gaps."""

from typing import Any

import numpy as np

from bench.asked import MINUTE_MS, T0

LOW, HIGH, STEP = -50_000, 100_000, 100


class Kinetics:
    """The factors of one ΔH/R, and their integral over temperature between whole tenths of a degree."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio
        self.nodes = np.arange(LOW, HIGH + STEP, STEP)
        at = self.factor(self.nodes)
        self.rises = np.concatenate(([0.0], np.cumsum(STEP * (at[:-1] + at[1:]))))  # twice the integral

    def factor(self, mc: Any) -> Any:
        return np.exp(self.ratio / T0 - self.ratio / (T0 + mc / 1000))

    def celsius(self, mean: Any) -> Any:
        return self.ratio / (self.ratio / T0 - np.log(mean)) - T0

    def rise(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Twice the integral over temperature, by trapezoid between whole tenths of a degree."""
        first, last = low // STEP + 1, -(-high // STEP) - 1
        start, end, f_low, f_high = first * STEP, last * STEP, self.factor(low), self.factor(high)
        ends = (start - low) * (f_low + self.factor(start)) + (high - end) * (f_high + self.factor(end))
        inner = self.rises[last - LOW // STEP] - self.rises[np.minimum(first, last) - LOW // STEP]
        return np.where(first > last, (high - low) * (f_low + f_high), ends + inner)

    def tent(self, left: np.ndarray, right: np.ndarray, length: np.ndarray, warming: int) -> np.ndarray:
        """Twice the integral over time under a tent that rises from both ends of a gap by `warming` a minute."""
        rise = length * warming
        low, high = np.minimum(left, right), np.maximum(left, right)
        steep = (high - low) * MINUTE_MS >= rise
        line = np.where(high > low, self.rise(low, high) / np.maximum(high - low, 1), 2 * self.factor(low)) * length
        peak = np.maximum(np.minimum(HIGH, (left + right + rise // MINUTE_MS) // 2), high)
        sides = sum(np.where(peak > end, self.rise(end, peak), 0.0) for end in (left, right))
        flat = rise - (2 * peak - left - right) * MINUTE_MS
        return np.where(steep, line, (sides * MINUTE_MS + 2 * flat * self.factor(peak)) / warming)
