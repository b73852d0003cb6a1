"""Reading telemetry back from InfluxDB, for charts. Figures, exports and alarms read the journal instead.

InfluxDB holds what the projection's schema holds: measured values, boot, seq, offset and fault. What it does not hold
is absent here too: a reading's arrival is not known (`record_time_ms` equals its event time), nor are its flags.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from coldchain.clock import Clock, SystemClock
from coldchain.domain.reading import Reading
from coldchain.domain.track import ABSENT, Column, Track
from coldchain.telemetry.influx_lines import FLOATS, NS_PER_MS, READING
from coldchain.telemetry.influx_server import InfluxAddress, InfluxServer, literal, quoted

SLICE_MS = 72 * 3_600_000  # later generations refuse to look at much more in one query
_TRACK = ("temperature_c", "humidity_pct", "latitude", "longitude", "journal_offset", "fault", "boot", "seq")
_FIELDS = (*(name for _, name, _ in FLOATS), "boot", "seq", "fault", "journal_offset")
_ATTRIBUTES = {name: (Reading._fields[at], divisor) for at, name, divisor in FLOATS}
_FARTHEST_MS = 9_000_000_000_000  # year 2255: what a nanosecond timestamp can reach


class InfluxTelemetry:
    """The telemetry port on InfluxDB 1.8 or 2.x; every `error` and `partial` of an answer is raised."""

    def __init__(self, address: InfluxAddress, clock: Clock | None = None) -> None:
        self._server = InfluxServer(address)
        self._clock = clock or SystemClock()

    def close(self) -> None:
        """Drop the connections."""
        self._server.close()

    def channels(self, logger: str) -> tuple[str, ...]:
        """The channels that this logger ever reported, sorted."""
        [series] = self._server.select(
            f'SHOW TAG VALUES FROM "{READING}" WITH KEY = "channel" WHERE "logger" = {literal(logger)}'
        )
        return tuple(sorted({value for one in series for _, value in one["values"]}))

    def track(self, logger: str, channel: str, start_ms: int, end_ms: int) -> Track:
        """One channel as columns, in order of event time; the arrival is `ABSENT`."""
        where = f'"logger" = {literal(logger)} AND "channel" = {literal(channel)}'
        rows: list[list[Any]] = []
        for part in self._slices(where, start_ms, end_ms):
            rows += self._rows(f"SELECT {_names(_TRACK)}", part)
        return _track(logger, channel, rows)

    def readings(self, logger: str, start_ms: int, end_ms: int, channel: str | None = None) -> Iterator[Reading]:
        """One logger's readings ordered by (event time, channel, boot, seq, value), one slice in memory at a time."""
        where = f'"logger" = {literal(logger)}'
        if channel is not None:
            where += f' AND "channel" = {literal(channel)}'
        for part in self._slices(where, start_ms, end_ms):
            found = [_reading(logger, row) for row in self._rows(f'SELECT "channel", {_names(_FIELDS)}', part)]
            yield from sorted(found, key=_order)

    def latest(self) -> dict[tuple[str, str], Reading]:
        """The newest reading of every (logger, channel) that is not later than the clock."""
        selected = f'last("journal_offset"), {_names(_FIELDS)}'
        end_ns = (self._clock.now_ms() + 1) * NS_PER_MS
        [series] = self._server.select(
            f'SELECT {selected} FROM "{READING}" WHERE time < {end_ns} GROUP BY "logger", "channel"'  # noqa: S608  names of our own
        )
        newest = {}
        for one in series:
            logger, channel = one["tags"]["logger"], one["tags"]["channel"]
            [[time_ns, _, *values]] = one["values"]
            newest[logger, channel] = _reading(logger, [time_ns, channel, *values])
        return newest

    def _rows(self, select: str, where: str) -> list[list[Any]]:
        [series] = self._server.select(f'{select} FROM "{READING}" WHERE {where}')
        return [row for one in series for row in one["values"]]

    def _slices(self, where: str, start_ms: int, end_ms: int) -> Iterator[str]:
        """The condition for each slice of at most 72 h, oldest first, from the first point to the last."""
        start_ms, end_ms = max(start_ms, -_FARTHEST_MS), min(end_ms, _FARTHEST_MS)
        if end_ms - start_ms > SLICE_MS:
            start_ms, end_ms = self._extent(where, start_ms, end_ms)
        for first in range(start_ms, end_ms, SLICE_MS):
            yield f"{where} AND {_between(first, min(first + SLICE_MS, end_ms))}"

    def _extent(self, where: str, start_ms: int, end_ms: int) -> tuple[int, int]:
        within = f'FROM "{READING}" WHERE {where} AND {_between(start_ms, end_ms)}'
        answers = self._server.select(
            f'SELECT first("journal_offset") {within}; SELECT last("journal_offset") {within}'
        )
        times = [row[0] // NS_PER_MS for series in answers for one in series for row in one["values"]]
        return (min(times), max(times) + 1) if times else (0, 0)


def _between(start_ms: int, end_ms: int) -> str:
    return f"time >= {start_ms * NS_PER_MS} AND time < {end_ms * NS_PER_MS}"


def _names(fields: tuple[str, ...]) -> str:
    return ", ".join(quoted(name) for name in fields)


def _track(logger: str, channel: str, rows: list[list[Any]]) -> Track:
    columns = list(zip(*rows, strict=True)) if rows else [()] * (len(_TRACK) + 1)
    times, temperature, humidity, latitude, longitude, offset, fault, boot, seq = columns
    faulty = np.array([value is not None for value in fault], dtype=bool)
    time_ms = np.array(times, dtype=np.int64) // NS_PER_MS
    measured = _scaled(temperature, 1000)
    # Points of one moment stand in order of arrival; ours are ordered by what the logger numbered and measured.
    order = np.lexsort((measured, _scaled(seq, 1), _scaled(boot, 1), time_ms))
    return Track(
        logger,
        channel,
        time_ms=time_ms[order],
        temperature_mc=np.where(faulty, ABSENT, measured)[order],
        humidity_mpct=np.where(faulty, ABSENT, _scaled(humidity, 1000))[order],
        latitude_e7=_scaled(latitude, 10_000_000)[order],
        longitude_e7=_scaled(longitude, 10_000_000)[order],
        offset=_scaled(offset, 1)[order],
        record_time_ms=np.full(len(time_ms), ABSENT, dtype=np.int64),
    )


def _scaled(values: tuple[Any, ...], factor: int) -> Column:
    floats = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    present = ~np.isnan(floats)
    column = np.full(len(floats), ABSENT, dtype=np.int64)
    column[present] = np.rint(floats[present] * factor)
    return column


def _reading(logger: str, row: list[Any]) -> Reading:
    time_ns, channel, *values = row
    event_time_ms, tie = divmod(time_ns, NS_PER_MS)
    found = dict(zip(_FIELDS, values, strict=True))
    scaled = {
        attribute: round(value * divisor)
        for name, (attribute, divisor) in _ATTRIBUTES.items()
        if (value := found[name]) is not None
    }
    return Reading(
        logger=logger,
        channel=channel,
        event_time_ms=event_time_ms,
        record_time_ms=event_time_ms,
        time_source="device",
        boot=found["boot"],
        seq=found["seq"],
        fault=found["fault"],
        tie=tie,
        offset=found["journal_offset"],
        **scaled,
    )


def _order(reading: Reading) -> tuple[int, str, int, int, int]:
    temperature = int(ABSENT) if reading.temperature_mc is None else reading.temperature_mc
    return (reading.event_time_ms, reading.channel, reading.boot or 0, reading.seq or 0, temperature)
