"""A shipment logger's own result beside what its log gives: alarms, mean and mean kinetic temperature of the run.

A check of the file, not a figure of ours: it counts as the logger does (samples beyond the limit times the logging
interval, results cut off to 0.1 degrees), so that what differs was not written by the logger as it stands.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from coldchain.domain.quantity import milli_text
from sensors.carriers.files.berlinger import AlarmLimit, BerlingerExport, LogRow, RunAlarm, local_moment

RUN_METHOD = "berlinger-samples-times-interval@1"
MKT_METHOD = "berlinger-mkt-of-samples-truncated@1"
_GAS_J_MOL_K = 8.314462618
_ZERO_K = 273.15
_CUT_MC = 100
# How far a run's alarm may stand from the log's: the logger saw every minute, the log has every tenth.
START_MIN, ALARM_MIN, CONSECUTIVE_MIN, CUMULATIVE_MIN = 10, 11, 20, 25


class Counted(NamedTuple):
    """One alarm as the log gives it; `end` is the first sample that was back inside."""

    start: datetime
    alarm: datetime
    end: datetime | None
    minutes: int


def cut(value_mc: float) -> int:
    """Cut off to 0.1 degrees towards zero, as the logger does."""
    return math.trunc(value_mc / _CUT_MC) * _CUT_MC


def mkt_of(values_mc: Sequence[int], energy_kj_mol: float) -> float | None:
    """Mean kinetic temperature of equally spaced samples, milli-degrees Celsius; None without samples."""
    if not values_mc:
        return None
    ratio = energy_kj_mol * 1000 / _GAS_J_MOL_K
    kelvins = [value / 1000 + _ZERO_K for value in values_mc]
    if min(kelvins) <= 0:
        return None
    # Relative to the warmest sample, so that nothing underflows at low temperatures.
    warmest = max(kelvins)
    mean = sum(math.exp(ratio / warmest - ratio / kelvin) for kelvin in kelvins) / len(kelvins)
    return (ratio / (ratio / warmest - math.log(mean)) - _ZERO_K) * 1000


def alarms_of(export: BerlingerExport, limit: AlarmLimit) -> list[Counted]:
    """What the log says of one alarm: each run beyond the limit that lasted, or the sum of all of them."""
    step = timedelta(minutes=export.interval_min or 0)
    runs = list(_runs(export.rows, limit, step))
    if limit.mode == "consecutive":
        hold = timedelta(minutes=limit.minutes)
        return [
            Counted(start, start + hold, back, count * (export.interval_min or 0))
            for start, back, count in runs
            if count * step >= hold
        ]
    total, alarm = 0, None
    for start, _, count in runs:
        before, total = total, total + count * (export.interval_min or 0)
        if alarm is None and total >= limit.minutes:
            alarm = start + timedelta(minutes=limit.minutes - before)
    return [Counted(runs[0][0], alarm, None, total)] if alarm is not None else []


def checked_run(export: BerlingerExport) -> dict[str, Any] | None:
    """The run's figures from the log, with the names of the methods; None where there is no log."""
    result, values = export.result, [row.temperature_mc for row in export.rows if row.temperature_mc is not None]
    if result is None or not values or export.interval_min is None:
        return None
    mean = sum(values) / len(values)
    energy = result.mkt_energy_kj_mol
    mkt = None if energy is None else mkt_of(values, float(energy))
    return {
        "method": RUN_METHOD,
        "min_c": min(values) / 1000,
        "max_c": max(values) / 1000,
        "mean_c": mean / 1000,
        "mean_cut_c": cut(mean) / 1000,
        "mkt_method": MKT_METHOD,
        "mkt_c": None if mkt is None else mkt / 1000,
        "mkt_cut_c": None if mkt is None else cut(mkt) / 1000,
        "alarms": [
            {
                "number": limit.number, "start_local": _text(one.start), "alarm_local": _text(one.alarm),
                "end_local": None if one.end is None else _text(one.end), "minutes": one.minutes,
            }
            for limit in export.limits
            for one in alarms_of(export, limit)
        ],
    }  # fmt: skip


def against_run(export: BerlingerExport) -> list[str]:
    """What the run's result says that its log cannot have: its MKT, and alarms that the samples do not hold."""
    result = export.result
    if result is None or not export.rows or export.interval_min is None:
        return []
    found = []
    values = [row.temperature_mc for row in export.rows if row.temperature_mc is not None]
    energy = result.mkt_energy_kj_mol
    mkt = mkt_of(values, float(energy)) if energy is not None else None
    if mkt is not None and result.mkt_mc is not None and abs(cut(mkt) - result.mkt_mc) > _CUT_MC:
        found.append(f"the run's MKT is {milli_text(result.mkt_mc)}, the log's {mkt / 1000:.2f}")
    limits = {limit.number: limit for limit in export.limits}
    for alarm in result.alarms:
        if alarm.number in limits and alarm.start and alarm.alarm:
            found += _against_alarm(export, alarm, limits[alarm.number])
    return found


def _against_alarm(export: BerlingerExport, alarm: RunAlarm, limit: AlarmLimit) -> list[str]:
    """A short alarm may lie between two samples; one that outlasts hold and tolerance must be in the log."""
    allowed = CONSECUTIVE_MIN if limit.mode == "consecutive" else CUMULATIVE_MIN
    if alarm.minutes < limit.minutes + allowed:
        return []
    words = f"alarm {limit.number} ({limit.mode or ''} {limit.side} of {milli_text(limit.limit_mc)})".replace("( ", "(")
    near = [one for one in alarms_of(export, limit) if _minutes(one.start, alarm.start) <= START_MIN + 1]
    if not near:
        return [f"the result has {words} from {alarm.start}, the log none that begins there"]
    best = min(near, key=lambda one: abs(one.minutes - alarm.minutes))
    found = []
    if abs(best.minutes - alarm.minutes) > allowed:
        found.append(f"{words}: {alarm.minutes} minutes in the result, {best.minutes} in the log")
    if _minutes(best.alarm, alarm.alarm) > ALARM_MIN + (allowed if limit.mode == "cumulative" else 0):
        found.append(f"{words}: tripped at {alarm.alarm} in the result, {_text(best.alarm)} in the log")
    return found


def _minutes(moment: datetime, stated: str | None) -> float:
    return abs((moment - local_moment(stated or "")) / timedelta(minutes=1))


def _runs(
    rows: Sequence[LogRow], limit: AlarmLimit, step: timedelta
) -> Iterator[tuple[datetime, datetime | None, int]]:
    """Stretches beyond a limit: first sample, first sample back inside, count; a hole in the log ends a stretch."""
    start, before, count = None, None, 0
    for row in rows:
        at = local_moment(row.local[:16])
        torn = before is not None and at - before > 2 * step
        if start is not None and (torn or not limit.beyond(row.temperature_mc)):
            yield start, at, count
            start, count = None, 0
        if limit.beyond(row.temperature_mc):
            start, count = start or at, count + 1
        before = at
    if start is not None:
        yield start, None, count


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
