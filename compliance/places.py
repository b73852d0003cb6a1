"""Where a logger was: the position nearest in time, if one is near enough to mean anything."""

import numpy as np

from coldchain.domain.track import ABSENT, Track

NEAR_MS = 2 * 3_600_000


class Places:
    """The positions of one logger."""

    def __init__(self, track: Track) -> None:
        if len(track) == 0 or int(track.latitude_e7.max()) == ABSENT:  # nothing is smaller
            self._time_ms = self._latitude = self._longitude = track.time_ms[:0]
            return
        known = (track.latitude_e7 != ABSENT) & (track.longitude_e7 != ABSENT)
        self._time_ms = track.time_ms[known]
        self._latitude, self._longitude = track.latitude_e7[known], track.longitude_e7[known]

    def at(self, time_ms: int) -> tuple[int, int] | tuple[None, None]:
        """(latitude, longitude) in 1e-7 degrees at a moment; None without a position within two hours."""
        if len(self._time_ms) == 0:
            return None, None
        after = int(np.searchsorted(self._time_ms, time_ms))
        near = [position for position in (after - 1, after) if 0 <= position < len(self._time_ms)]
        best = min(near, key=lambda position: abs(int(self._time_ms[position]) - time_ms))
        if abs(int(self._time_ms[best]) - time_ms) > NEAR_MS:
            return None, None
        return int(self._latitude[best]), int(self._longitude[best])
