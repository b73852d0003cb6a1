"""Our own line protocol beside the client library's `Point`, for the same readings."""

import time
from collections.abc import Callable, Sequence

from bench.readings import fleet
from bench.table import Anchor, rates
from coldchain.domain.reading import Reading
from coldchain.telemetry.influx_lines import reading_line


def measure(scale: float) -> list[Anchor]:
    readings = fleet(loggers=20, each=round(500 * scale))
    ours, theirs = [], []
    for _ in range(5):
        ours.append(_per_second(reading_line, readings))
        theirs.append(_per_second(_point, readings))
    mine, other, ratio = rates(ours, theirs)
    shown = (f"{1e6 / mine:.1f} µs a reading", f"{1e6 / other:.1f} µs (Point)")
    return [Anchor("own line protocol", *shown, ratio, ">= 5")]


def _point(reading: Reading) -> str:
    from influxdb_client import Point

    point = Point("reading").tag("logger", reading.logger).tag("channel", reading.channel)
    point.field("temperature_c", (reading.temperature_mc or 0) / 1000)
    point.field("humidity_pct", (reading.humidity_mpct or 0) / 1000)
    point.field("battery_pct", (reading.battery_mpct or 0) / 1000)
    point.field("boot", reading.boot).field("seq", reading.seq).field("journal_offset", reading.offset)
    return str(point.time(reading.event_time_ms * 1_000_000).to_line_protocol())


def _per_second(write: Callable[[Reading], str], readings: Sequence[Reading]) -> float:
    began = time.perf_counter()
    for reading in readings:
        write(reading)
    return len(readings) / (time.perf_counter() - began)
