"""The embedded store after compaction: bytes for each reading, and a 30-day series beside InfluxDB's."""

import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import scratch, server
from bench.readings import INTERVAL_MS, START_MS, arrival, fleet
from bench.table import Anchor, absent
from coldchain.domain.reading import Reading
from coldchain.journal.sqlite import SqliteJournal
from coldchain.telemetry.embedded import EmbeddedTelemetry, compact, sizes
from coldchain.telemetry.influx import InfluxTelemetry
from coldchain.telemetry.influx_lines import reading_line
from coldchain.telemetry.influx_server import InfluxAddress
from coldchain.telemetry.influx_writer import InfluxWriter
from coldchain.telemetry.port import Telemetry

DAYS = 30
EACH = DAYS * 86_400_000 // INTERVAL_MS
END_MS = START_MS + DAYS * 86_400_000 + 86_400_000


def measure(scale: float) -> list[Anchor]:
    readings = fleet(loggers=max(2, round(20 * scale)), each=EACH)
    with scratch() as folder:
        journal = SqliteJournal(folder / "journal.db")
        for first in range(0, len(readings), 1000):
            journal.append([arrival(one) for one in readings[first : first + 1000]])
        compact(journal, journal.head(), END_MS + 86_400_000)
        anchors = [*_sizes(journal), *_series(journal, readings, folder)]
        journal.close()
    return anchors


def _sizes(journal: SqliteJournal) -> list[Anchor]:
    held = sizes(journal)
    each = held.segment_bytes / max(1, held.segment_readings)
    originals = held.pack_bytes / max(1, held.segment_readings)
    note = f"{held.segment_readings} of {held.segment_readings + held.hot_readings} readings compacted"
    return [
        Anchor("bytes a reading, compacted, without originals", f"{each:.1f} B", "", each, "<= 10", note),
        Anchor("bytes a reading of originals", f"{originals:.1f} B", "", None, "", "packed by zlib, reported apart"),
    ]


def _series(journal: SqliteJournal, readings: list[Reading], folder: Path) -> list[Anchor]:
    import servers

    embedded = EmbeddedTelemetry(journal)
    loggers = sorted({one.logger for one in readings})
    anchors = []
    for name, make in (("1.8", servers.influx1_server), ("2.x", servers.influx2_server)):
        place = folder / f"influx-{name}"
        place.mkdir()
        influx = server(make, place)
        title = f"30-day series: embedded / InfluxDB {name}"
        if isinstance(influx, str):
            anchors.append(absent(title, influx, ">= 8"))
            continue
        store = InfluxTelemetry(_filled(influx, readings))
        turns = [(logger, kind) for _ in range(3) for logger in loggers for kind in (embedded, store)]
        took = [_took(kind, logger) for logger, kind in turns]
        ours, theirs = took[::2], took[1::2]
        ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
        shown = (f"{median(ours) * 1000:.1f} ms", f"{median(theirs) * 1000:.1f} ms")
        anchors.append(Anchor(title, *shown, ratio, ">= 8", f"{EACH} readings a series"))
        influx.kill()
    return anchors


def _filled(influx: Any, readings: list[Reading]) -> InfluxAddress:
    influx.fresh_bucket()
    address = InfluxAddress(influx.url, influx.token, influx.org, influx.bucket, timeout_s=60)
    writer = InfluxWriter(address)
    for first in range(0, len(readings), 5000):
        writer.write([reading_line(one) for one in readings[first : first + 5000]])
    return address


def _took(store: Telemetry, logger: str) -> float:
    began = time.perf_counter()
    assert len(store.track(logger, "internal", START_MS, END_MS)) == EACH
    return time.perf_counter() - began
