"""A track: one channel's readings in order of event time, as columns for arithmetic and drawing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.reading import Reading

# What an absent value is in an integer column; no sensor can send it.
ABSENT = np.iinfo(np.int64).min

Column = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Columns of equal length, ordered by (event time, boot, seq, temperature); `ABSENT` marks a missing value.

    A reading with a fault keeps its row (the moment is known, the value is not): its temperature is `ABSENT`.
    """

    logger: str
    channel: str
    time_ms: Column
    temperature_mc: Column
    humidity_mpct: Column
    latitude_e7: Column
    longitude_e7: Column
    offset: Column
    record_time_ms: Column

    def __len__(self) -> int:
        return len(self.time_ms)

    @classmethod
    def of(cls, logger: str, channel: str, readings: list[Reading]) -> "Track":
        """The track of readings of one (logger, channel), given in any order."""
        ordered = sorted(readings, key=_order)

        def column(values: list[int | None]) -> Column:
            return np.array([ABSENT if value is None else value for value in values], dtype=np.int64)

        return cls(
            logger,
            channel,
            time_ms=column([r.event_time_ms for r in ordered]),
            temperature_mc=column([None if r.fault else r.temperature_mc for r in ordered]),
            humidity_mpct=column([None if r.fault else r.humidity_mpct for r in ordered]),
            latitude_e7=column([r.latitude_e7 for r in ordered]),
            longitude_e7=column([r.longitude_e7 for r in ordered]),
            offset=column([r.offset for r in ordered]),
            record_time_ms=column([r.record_time_ms for r in ordered]),
        )


def _order(reading: Reading) -> tuple[int, int, int, int]:
    temperature = ABSENT if reading.temperature_mc is None else reading.temperature_mc
    return (reading.event_time_ms, reading.boot or 0, reading.seq or 0, int(temperature))
