"""The recorded device messages beside the project: how one is fed to `coldchain decode`, and what it has to give."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings" / "devices"

Vector = dict[str, Any]
Result = dict[str, Any]

_ACCEPTED = {
    "readings": {"readings"},
    "readings_or_undecoded": {"readings", "undecoded"},
    "no_reading": {"no_reading"},
    "fault": {"fault"},
    "fault_or_undecoded": {"fault", "undecoded"},
    "undecoded": {"undecoded"},
    "reject": {"quarantined", "undecoded"},
    "aggregate": {"aggregate"},
}
_PROBED = ("temperature_c", "humidity_pct", "pressure_hpa")
_VALUES = (*_PROBED, "latitude", "battery_pct", "battery_v", "light_lux", "door_open", "shock_g")
_TOLERANCE = {
    "temperature_c": 0.005, "humidity_pct": 0.05, "latitude": 1e-6, "longitude": 1e-6, "battery_pct": 0.5,
    "battery_v": 0.005, "pressure_hpa": 0.1, "light_lux": 0.5,
}  # fmt: skip


def vectors(*, formats: Sequence[str] = ()) -> Iterator[Vector]:
    """Every recorded vector, or those of some formats; none where the recordings are absent."""
    for path in sorted(RECORDINGS.glob("*.json")):
        for vector in json.loads(path.read_text("utf-8"))["vectors"]:
            if not formats or vector["format"] in formats:
                yield vector


def lines(vector: Vector) -> list[dict[str, Any]]:
    """The vector as lines of `coldchain decode`."""
    transport = vector["transport"]
    if transport["kind"] == "mqtt-sequence":
        return [_line(vector, {"kind": "mqtt", **one}) for one in transport["messages"]]
    return [_line(vector, transport)]


def _line(vector: Vector, transport: dict[str, Any]) -> dict[str, Any]:
    payload = {name: value for name, value in transport.items() if name.startswith("payload_")}
    line = {
        "received_at": transport.get("received_at", vector["received_at"]),
        "transport": transport["kind"],
        **payload,
    }
    match transport["kind"]:
        case "mqtt":
            return line | {name: transport[name] for name in ("topic", "qos", "retain") if name in transport}
        case "http":
            return line | {"source": "auto", "content_type": transport.get("content_type")}
        case "file":
            return line | {"path": transport["path"], "zone": "UTC"}
        case other:
            raise ValueError(f"no road for {other}")


def problems(vector: Vector, results: Sequence[Result]) -> list[str]:
    """What is not as the vector demands; none where all is well."""
    expect = vector["expect"]
    outcomes = [result["outcome"] for result in results]
    rows = [row for result in results for row in result["readings"]]
    accepted = _ACCEPTED[expect["outcome"]] | {expect.get("alternative_outcome", expect["outcome"])}
    if not accepted & set(outcomes):
        return [f"outcome {outcomes} is none of {sorted(accepted)}: {[r['reason'] for r in results]}"]
    found = list(_broken_promises(expect, results))
    if "readings" not in accepted or "readings" not in outcomes:
        return found + [f"stored {row}" for row in rows if any(row.get(name) is not None for name in _PROBED)]
    found += _count_problems(expect, rows)
    unused = list(rows)
    for wanted in expect["readings"]:
        found += _match(wanted, unused, vector)
    return found


def _broken_promises(expect: dict[str, Any], results: Sequence[Result]) -> Iterator[str]:
    faults = sum(len(result["faults"]) for result in results)
    quarantined = sum(len(result["quarantined"]) for result in results)
    if (
        "fault" in (expect["outcome"], expect.get("alternative_outcome"))
        and not faults
        and expect["outcome"] == "fault"
    ):
        yield "no fault is visible"
    if faults < len(expect.get("faults", ())):
        yield f"{faults} faults are visible"
    if quarantined < expect.get("quarantined", 0):
        yield f"{quarantined} values are in quarantine"


def _count_problems(expect: dict[str, Any], rows: Sequence[Result]) -> Iterator[str]:
    grouped = any("channels" in wanted for wanted in expect["readings"])
    measured = [row for row in rows if any(row.get(name) is not None for name in _VALUES)]
    count = len({row["event_time"] for row in measured}) if grouped else len(measured)
    if "count_min" in expect:
        if count < expect["count_min"]:
            yield f"{count} readings, not at least {expect['count_min']}"
    elif "count" in expect and count != expect["count"]:
        yield f"{count} readings, not {expect['count']}: {measured}"


def _match(wanted: dict[str, Any], unused: list[Result], vector: Vector) -> list[str]:
    reasons = []
    for row in unused:
        several = "channels" in wanted
        group = [one for one in unused if one["event_time"] == row["event_time"]] if several else [row]
        differences = list(_differences(wanted, group, vector))
        if not differences:
            for one in group:
                unused.remove(one)
            return []
        reasons.append(differences)
    nearest = min(reasons, key=len, default=["nothing is left"])
    return [f"expected {wanted}: {'; '.join(nearest)}"]


def _differences(wanted: dict[str, Any], group: Sequence[Result], vector: Vector) -> Iterator[str]:
    row = {name: value for one in reversed(group) for name, value in one.items()}
    devices = [_plain(one) for one in wanted.get("device_any_of", ())]
    if devices and not any(_plain(row["logger"]).endswith(one) for one in devices):
        yield f"logger {row['logger']}"
    yield from _time_differences(wanted, row, vector)
    for name, value in wanted.items():
        exact = name in ("seq", "historical", "door_open")
        if (exact and row.get(name, False) != value) or (name in _TOLERANCE and not _equal(row, name, value, vector)):
            yield f"{name} {row.get(name)}"
    if wanted.get("device_alarm") and not row.get("device_alarm"):
        yield "no device_alarm"
    if "channels" in wanted:
        measured = sorted(one["temperature_c"] for one in group if one.get("temperature_c") is not None)
        if [round(one, 3) for one in measured] != sorted(wanted["channels"].values()):
            yield f"channels {measured}"


def _time_differences(wanted: dict[str, Any], row: Result, vector: Vector) -> Iterator[str]:
    times = [wanted["time"]] if "time" in wanted else wanted.get("time_any_of", [])
    arrived = "@received_at" in times and row["time_source"] == "arrival"
    if arrived:
        return
    if times and not any(_near(row["event_time"], vector["received_at"] if t == "@received_at" else t) for t in times):
        yield f"event_time {row['event_time']}"
    # An event of a supply chain has one clock only: the one of who wrote it, which is the device's as far as we know.
    clock = {"event": "device"}.get(wanted.get("time_from", ""), wanted.get("time_from"))
    if clock not in (None, row["time_source"]):
        yield f"time_source {row['time_source']}"


def _plain(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.lower())


def _near(one: str, other: str | None) -> bool:
    return other is not None and abs((_moment(one) - _moment(other)).total_seconds()) <= 1


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _equal(row: Result, name: str, wanted: float | None, vector: Vector) -> bool:
    value = row.get(name)
    if value is None or wanted is None:
        return value is wanted
    coarse = name == "temperature_c" and "fahrenheit" in vector["tags"]
    return bool(abs(value - wanted) <= (0.05 if coarse else _TOLERANCE[name]) + 1e-9)
