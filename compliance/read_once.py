"""Readings for one look at many stays: a stretch that several of them ask for is read from the store once."""

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from coldchain.domain.profile import DAY_MS
from coldchain.domain.reading import Reading
from coldchain.domain.track import Track
from coldchain.telemetry.port import History

CHUNK_MS = 8 * DAY_MS
_COLUMNS = tuple(field.name for field in fields(Track) if field.name not in ("logger", "channel"))


class ReadOnce:
    """A store of readings that keeps what it has read. For one request: what arrives meanwhile is not seen."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._channels: dict[str, tuple[str, ...]] = {}
        self._chunks: dict[tuple[str, str, int, int], Track] = {}

    def channels(self, logger: str) -> tuple[str, ...]:
        """As the store says, asked once."""
        if logger not in self._channels:
            self._channels[logger] = self._history.channels(logger)
        return self._channels[logger]

    def track_through(self, logger: str, channel: str, start_ms: int, end_ms: int, through: int) -> Track:
        """The same track as the store's, cut out of whole stretches that are read once each."""
        numbers = range(start_ms // CHUNK_MS, -(-end_ms // CHUNK_MS))
        parts = [self._chunk(logger, channel, number, through) for number in numbers]
        if not parts:
            return Track.of(logger, channel, [])
        times = [part.time_ms for part in parts]
        first, last = int(times[0].searchsorted(start_ms)), int(times[-1].searchsorted(end_ms))
        columns = {}
        for name in _COLUMNS:
            stripes = [getattr(part, name) for part in parts]
            stripes[-1] = stripes[-1][:last]
            stripes[0] = stripes[0][first:]
            columns[name] = stripes[0] if len(stripes) == 1 else np.concatenate(stripes)
        return Track(logger, channel, **columns)

    def _chunk(self, logger: str, channel: str, number: int, through: int) -> Track:
        key = (logger, channel, number, through)
        if key not in self._chunks:
            start_ms = number * CHUNK_MS
            self._chunks[key] = self._history.track_through(logger, channel, start_ms, start_ms + CHUNK_MS, through)
        return self._chunks[key]

    def track(self, logger: str, channel: str, start_ms: int, end_ms: int) -> Track:
        """As the store answers."""
        return self._history.track(logger, channel, start_ms, end_ms)

    def readings(self, logger: str, start_ms: int, end_ms: int, channel: str | None = None) -> Iterator[Reading]:
        """As the store answers."""
        return self._history.readings(logger, start_ms, end_ms, channel)

    def latest(self) -> dict[tuple[str, str], Reading]:
        """As the store answers."""
        return self._history.latest()
