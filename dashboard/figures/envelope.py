"""Thinning a long series for the screen without losing a single extreme, and never drawing across missing time."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.track import ABSENT, Track

Indices = NDArray[np.int64]


class Drawn(NamedTuple):
    """What is drawn of a series: samples by index, -1 where the line breaks, and how many there were in all."""

    indices: Indices
    total: int

    @property
    def kept(self) -> int:
        """How many samples are drawn."""
        return int((self.indices >= 0).sum())


def envelope(values: NDArray[np.int64], most: int) -> Indices:
    """Indices of the lowest and highest value of each of `most`/2 equal buckets; all of them when they are few.

    The ends are kept, so at most `most` + 2 indices come back, in order.
    """
    if len(values) <= max(most, 4):
        return np.arange(len(values))
    # Rounded up, so that what is left over is a bucket of its own, smaller than the others: a newest stretch that was
    # thinned to two samples would hide the very part that people look at.
    width = -(-len(values) // max(most // 2, 1))
    buckets = len(values) // width
    whole = buckets * width
    rows = values[:whole].reshape(buckets, width)
    starts = np.arange(buckets) * width
    rest = np.arange(whole, len(values))
    if len(rest):
        tail = values[whole:]
        rest = np.array([whole + int(tail.argmin()), whole + int(tail.argmax())])
    ends = np.array([0, len(values) - 1])
    return np.unique(np.concatenate([ends, rows.argmin(1) + starts, rows.argmax(1) + starts, rest]))


def pieces(track: Track, gap_ms: int) -> list[slice]:
    """The stretches of a track without a hole longer than `gap_ms` and without a sample whose value is unknown."""
    known = track.temperature_mc != ABSENT
    if not len(track):
        return []
    breaks = (np.diff(track.time_ms) > gap_ms) | (known[1:] != known[:-1])
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(track)]
    return [slice(a, b) for a, b in pairwise(edges) if known[a]]


def drawn(track: Track, gap_ms: int, most: int) -> Drawn:
    """The samples of a track to draw, thinned piece by piece; a bucket never spans a gap.

    Pieces share `most` by their length, and each keeps at least its own extremes.
    """
    parts: list[Indices] = []
    found = pieces(track, gap_ms)
    total = sum(piece.stop - piece.start for piece in found)
    for piece in found:
        length = piece.stop - piece.start
        share = most if total <= most else max(4, most * length // total)
        parts += [envelope(track.temperature_mc[piece], share) + piece.start, np.array([-1])]
    return Drawn(np.concatenate(parts[:-1]) if parts else np.array([], dtype=np.int64), total)


def window(track: Track, start_ms: int, end_ms: int) -> Track:
    """The part of a track within [start, end], with one sample beyond on each side so that lines reach the edge."""
    first = max(int(np.searchsorted(track.time_ms, start_ms)) - 1, 0)
    last = min(int(np.searchsorted(track.time_ms, end_ms, side="right")) + 1, len(track))
    part = slice(first, last)
    columns = ("time_ms", "temperature_mc", "humidity_mpct", "latitude_e7", "longitude_e7", "offset", "record_time_ms")
    return Track(track.logger, track.channel, **{name: getattr(track, name)[part] for name in columns})
