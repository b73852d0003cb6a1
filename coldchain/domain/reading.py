"""A reading: one row per (logger, channel, event time), as integers, and its public JSON."""

import zlib
from typing import Any, Literal, NamedTuple, get_args

from coldchain.domain.quantity import iso

TimeSource = Literal["device", "network", "gateway", "arrival"]
Fault = Literal["probe_open", "probe_short", "sensor_error", "out_of_range", "not_ready"]
# `excluded` is never stored: it belongs to a reading of one shipment, in a stretch that is not judged there. Nor is
# `out_of_service`: it says that work was under way on the logger, or on the shipment that is read.
Flag = Literal["future", "clock_suspect", "tie", "retained", "uncalibrated", "excluded", "out_of_service"]

FAULTS: tuple[str, ...] = get_args(Fault)
FLAGS: tuple[str, ...] = get_args(Flag)
SHARDS = 64

# Values measured in thousandths: attribute → name in JSON, CSV and InfluxDB.
MILLI_FIELDS = {
    "temperature_mc": "temperature_c",
    "humidity_mpct": "humidity_pct",
    "battery_mpct": "battery_pct",
    "battery_mv": "battery_v",
    "light_mlux": "light_lux",
    "shock_mg": "shock_g",
    "pressure_mhpa": "pressure_hpa",
}
DEGREE_FIELDS = {"latitude_e7": "latitude", "longitude_e7": "longitude"}

JSON_FIELDS = (
    "logger", "channel", "event_time", "record_time", "time_source", "device_time", "boot", "seq", "temperature_c",
    "humidity_pct", "latitude", "longitude", "battery_pct", "battery_v", "light_lux", "door_open", "shock_g",
    "pressure_hpa", "historical", "fault", "device_alarm", "device_profile", "interpretation", "flags", "offset",
    "message",
)  # fmt: skip


class Reading(NamedTuple):
    """What one channel of one logger measured at one moment. Absent values are None, never 0.

    Temperatures are milli-degrees Celsius, humidity 0.001 % RH, positions 1e-7 degrees, times milliseconds UTC since
    1970, everything else thousandths of the unit in its name. `offset`, `tie` and `message` are given by the journal's
    commit and are 0 before it. The order of the fields is the order of the journal's columns.
    """

    logger: str
    channel: str
    event_time_ms: int
    record_time_ms: int
    time_source: str
    device_time: str | None = None
    boot: int | None = None
    seq: int | None = None
    temperature_mc: int | None = None
    humidity_mpct: int | None = None
    latitude_e7: int | None = None
    longitude_e7: int | None = None
    battery_mpct: int | None = None
    battery_mv: int | None = None
    light_mlux: int | None = None
    door_open: bool | None = None
    shock_mg: int | None = None
    pressure_mhpa: int | None = None
    historical: bool = False
    fault: str | None = None
    device_alarm: str | None = None
    device_profile: str = "native@1"
    interpretation: int = 1
    flags: int = 0
    tie: int = 0
    offset: int = 0
    message: int = 0

    @property
    def values(self) -> tuple[object, ...]:
        """What was measured: two readings of one key are duplicates when these are equal."""
        return (*self[8:18], self.fault)


def flag_bits(*names: str) -> int:
    """The named flags as one integer."""
    return sum(1 << FLAGS.index(name) for name in set(names))


def flag_names(bits: int) -> list[str]:
    """The flags in `bits`, in the order of the contract."""
    return [name for position, name in enumerate(FLAGS) if bits >> position & 1]


def shard_of(logger: str) -> int:
    """The partition of a logger: crc32 of its UTF-8 id modulo 64."""
    return zlib.crc32(logger.encode()) % SHARDS


def reading_json(reading: Reading) -> dict[str, Any]:
    """The public JSON of a reading: names and order of the contract, absent values left out."""
    row: dict[str, Any] = {}
    for name in JSON_FIELDS:
        value = _json_value(reading, name)
        if value is not None and value != []:
            row[name] = value
    return row


def _json_value(reading: Reading, name: str) -> Any:
    match name:
        case "event_time":
            return iso(reading.event_time_ms)
        case "record_time":
            return iso(reading.record_time_ms)
        case "flags":
            return flag_names(reading.flags)
        case "latitude" | "longitude":
            scaled = getattr(reading, f"{name}_e7")
            return None if scaled is None else scaled / 10_000_000
        case _ if name in _MILLI_BY_JSON:
            scaled = getattr(reading, _MILLI_BY_JSON[name])
            return None if scaled is None else scaled / 1000
        case _:
            return getattr(reading, name)


_MILLI_BY_JSON = {public: attribute for attribute, public in MILLI_FIELDS.items()}
