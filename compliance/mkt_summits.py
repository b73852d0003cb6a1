"""Where the mean over a sliding window is highest though the window neither begins nor ends at a sample.

The factor runs straight between samples, so while a window slides over no sample its sum is a parabola. Its summit may
lie inside: where the window leaves a falling flank at its beginning just as it reaches one at its end.
"""

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.track import Column
from compliance.arrhenius import Floats
from compliance.mkt_sums import Cumulated

Known = NDArray[np.bool_]


def summits(sums: Cumulated, starts: Column, length_ms: int) -> Column:
    """Where windows of a length begin whose mean may be higher than beside them, to the millisecond.

    `starts` are in order, with every beginning between the first and the last of them at which a window begins or ends
    at a sample.
    """
    begin, span = starts[:-1], np.diff(starts)
    left, falling, leaves = sums.lines(begin)
    right, rising, enters = sums.lines(begin + length_ms)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Both ends in known time: the sum is level where the factor is the same at both.
        way = np.where(leaves & enters, (right - left) / (falling - rising), np.nan)
        one = np.flatnonzero(leaves != enters)  # next to a gap known time itself grows or shrinks with each step
        if len(one):
            known = _beside_a_gap(sums, begin[one], length_ms)
            level = np.where(enters[one], right[one], left[one]) * known[1]
            slope = np.where(enters[one], rising[one], falling[one])
            root = known[1] - np.sqrt(np.square(known[1]) + np.where(enters[one], 2, -2) * (known[0] - level) / slope)
            way[one] = np.where(enters[one], -root, root)
        inside = (way > 0) & (way < span)
    found: Column = begin[inside] + np.rint(way[inside]).astype(np.int64)
    return found


def _beside_a_gap(sums: Cumulated, begin: Column, length_ms: int) -> tuple[Floats, Floats]:
    """The sum of the factor over the known time of each window, and that time."""
    totals, weights = sums.until(np.concatenate((begin, begin + length_ms)))
    number = len(begin)
    return (totals[number:] - totals[:number]) / 2, (weights[number:] - weights[:number]) / 2
