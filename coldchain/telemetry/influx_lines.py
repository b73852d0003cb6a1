"""Readings and excursions as InfluxDB line protocol, and a point's place in time.

The timestamp is the event time in nanoseconds plus the reading's tie, so two readings of one moment are two points.
"""

import zlib
from functools import lru_cache
from typing import Any

from coldchain.domain.finding import Excursion
from coldchain.domain.reading import DEGREE_FIELDS, MILLI_FIELDS, Reading
from coldchain.errors import InvalidValue

READING, EXCURSION = "reading", "excursion"
NS_PER_MS = 1_000_000

# (position in the tuple, name of the field, divisor): the float fields of the reading JSON
FLOATS = tuple(
    (position, name, divisor)
    for position, attribute in enumerate(Reading._fields)
    for names, divisor in ((MILLI_FIELDS, 1000), (DEGREE_FIELDS, 10_000_000))
    if (name := names.get(attribute))
)


def reading_line(reading: Reading) -> str:
    """One reading as a line, without the line's end; a value is the nearest float64 of the stored integer.

    Raises:
        InvalidValue: the logger's or the channel's name cannot be a tag.
    """
    values: tuple[Any, ...] = reading
    fields = [f"{name}={value / divisor}" for at, name, divisor in FLOATS if (value := values[at]) is not None]
    if reading.boot is not None:
        fields.append(f"boot={reading.boot}i")
    if reading.seq is not None:
        fields.append(f"seq={reading.seq}i")
    if reading.fault is not None:
        fields.append(f"fault={_string(reading.fault)}")
    fields.append(f"journal_offset={reading.offset}i")
    return f"{_series(reading.logger, reading.channel)} {','.join(fields)} {reading_ns(reading)}"


def reading_ns(reading: Reading) -> int:
    """The timestamp of a reading's point, ns since 1970."""
    return reading.event_time_ms * NS_PER_MS + reading.tie


def excursion_line(excursion: Excursion, subject_kind: str, subject_id: str) -> str:
    """One excursion as a line: tags as of a reading, figures as floats, identity and severity as text.

    Raises:
        InvalidValue: the logger's or the channel's name cannot be a tag.
    """
    fields = [
        f"excursion={_string(excursion.id)}",
        f"subject={_string(f'{subject_kind}/{subject_id}')}",
        f"direction={_string(excursion.direction)}",
        f"severity={_string(excursion.severity.word)}",
        f"peak_c={excursion.peak_mc / 1000}",
        f"limit_c={excursion.limit_mc / 1000}",
        f"duration_s={excursion.duration_ms / 1000}",
        f"duration_upper_s={excursion.duration_upper_ms / 1000}",
        f"area_c_min={excursion.area_mc_ms / 60_000_000}",
    ]
    if excursion.end_ms is not None:
        fields.append(f"end_ms={excursion.end_ms}i")
    series = f"{EXCURSION}{_series(excursion.logger, excursion.channel).removeprefix(READING)}"
    return f"{series} {','.join(fields)} {excursion_ns(excursion.id, excursion.onset_ms)}"


def excursion_ns(identity: str, onset_ms: int) -> int:
    """The timestamp of an excursion's point: its onset, plus a part of a millisecond of its own.

    One logger may serve several shipments whose excursions begin together; their ids keep the points apart.
    """
    return onset_ms * NS_PER_MS + zlib.crc32(identity.encode()) % NS_PER_MS


@lru_cache(maxsize=65_536)
def _series(logger: str, channel: str) -> str:
    return f"{READING},channel={_tag('channel', channel)},logger={_tag('logger', logger)}"


def _tag(name: str, value: str) -> str:
    # A backslash escapes what follows it and cannot itself be escaped, so none may stand last.
    if not value or value.endswith("\\") or not value.isprintable():
        raise InvalidValue(
            f"{name} {value!r} cannot be an InfluxDB tag: it is empty, unprintable or ends with a backslash"
        )
    return value.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def _string(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
