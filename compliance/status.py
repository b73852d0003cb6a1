"""What lists and the live view show of a subject: one word, and the newest values of each channel."""

from typing import Any

from coldchain.domain.finding import Condition, Findings, Severity
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading, reading_json
from coldchain.domain.shipment import Role
from coldchain.domain.track import ABSENT, Track
from compliance.inputs import Inputs

_RIDERS = ("battery_pct", "battery_v", "light_lux", "door_open", "shock_g", "pressure_hpa", "fault")


def status_of(found: Findings, *, settled: bool, watched: bool = True) -> str:
    """`excursion` while one is open (of settled goods: if there ever was one), then `unknown`, `at_risk`, `in_range`.

    Unknown: nothing was measured, nobody watches, or a logger is silent or its sensor fails. At risk: a rule waits for
    its hold, a warning holds, or the goods have only just come back.
    """
    if any(item.end_ms is None or settled for item in found.excursions):
        return "excursion"
    open_ones = [item for item in found.conditions if item.condition is not Condition.RETURNED]
    blind = any(item.cause in ("silence", "sensor_fault") and item.severity > Severity.INFO for item in open_ones)
    temperature: Any = found.document["temperature"]
    if temperature["max_c"] is None or ((blind or not watched) and not settled):
        return "unknown"
    return "at_risk" if open_ones and not settled else "in_range"


def watched(inputs: Inputs, now_ms: int) -> bool:
    """Whether any channel is still expected to tell how the goods are."""
    judged = [span for bound in inputs.bounds if bound.role is Role.PRODUCT for span in bound.judged]
    return any(span.end_ms is None or span.end_ms > now_ms for span in judged)


def newest_values(inputs: Inputs, before: dict[str, Any], batch: dict[str, list[Reading]]) -> dict[str, Any]:
    """Per "<logger>/<channel>": the newest reading, what rides along, and the newest position.

    `batch` holds the readings of this step by the same name: what rides along is in no track.
    """
    found = {f"{bound.logger}/{bound.channel}": _newest(bound.track, bound.positions) for bound in inputs.bounds}
    for name, values in found.items():
        known = before.get(name, {})
        values.update({rider: known[rider] for rider in _RIDERS if rider in known and rider not in values})
        for reading in batch.get(name, ()):
            if values.get("event_time") == iso(reading.event_time_ms):
                public = reading_json(reading)
                values.update({rider: public[rider] for rider in _RIDERS if rider in public})
                if reading.fault is None:
                    values.pop("fault", None)
    return {name: values for name, values in found.items() if values}


def _newest(track: Track, positions: Track | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if len(track):
        values["event_time"] = iso(int(track.time_ms[-1]))
        for name, column in (("temperature_c", track.temperature_mc), ("humidity_pct", track.humidity_mpct)):
            if column[-1] != ABSENT:
                values[name] = int(column[-1]) / 1000
    if positions is not None:
        last = int((positions.latitude_e7 != ABSENT).nonzero()[0][-1])
        values["latitude"] = int(positions.latitude_e7[last]) / 10_000_000
        values["longitude"] = int(positions.longitude_e7[last]) / 10_000_000
        values["position_time"] = iso(int(positions.time_ms[last]))
    return values
