"""The report on a Berlinger export: what its header, history and log say, and how they agree with each other."""

from typing import Any

from coldchain.domain.quantity import iso
from sensors.carriers.files.berlinger import BerlingerExport, Day, RunResult
from sensors.carriers.files.berlinger_carrier import NAME
from sensors.carriers.files.berlinger_checks import MINUTES_METHOD, MINUTES_TOLERANCE, contradictions, minutes_out
from sensors.carriers.files.berlinger_run import checked_run


def report(export: BerlingerExport) -> dict[str, Any]:
    """What the export says, without anything that depends on what was stored before."""
    found, rows = contradictions(export), export.rows
    ours = minutes_out(export)
    values = [row.temperature_mc for row in rows if row.temperature_mc is not None]
    return {
        "format": NAME,
        "state": "contradictory" if found else "imported",
        "contradictions": list(found),
        "logger": export.serial,
        "model": export.model,
        "firmware": export.firmware,
        "zone": export.zone,
        "interval_s": export.interval_min * 60 if export.interval_min else None,
        "rows": len(rows),
        "missing": len(rows) - len(values),
        "problem_count": len(export.bad_rows),
        "problems": [{"line": one.line, "text": one.text, "reason": one.reason} for one in export.bad_rows[:50]],
        "min_c": _celsius(min(values, default=None)),
        "max_c": _celsius(max(values, default=None)),
        "mean_c": sum(values) / len(values) / 1000 if values else None,
        "first": iso(rows[0].at_ms) if rows else None,
        "last": iso(rows[-1].at_ms) if rows else None,
        "first_local": rows[0].local if rows else None,
        "last_local": rows[-1].local if rows else None,
        "certified": export.certified,
        "limits": [
            {
                "number": one.number,
                "side": one.side,
                "mode": one.mode,
                "limit_c": one.limit_mc / 1000,
                "minutes": one.minutes,
            }
            for one in export.limits
        ],
        "days": [_day(day, export, ours) for day in export.days],
        "days_method": {"minutes": MINUTES_METHOD, "tolerance_min": MINUTES_TOLERANCE}
        if rows and export.days
        else None,
        "result": _result(export.result, export) if export.result else None,
        "errors": [{"code": one.code, "count": one.count, "at_local": one.at} for one in export.errors],
    }


def _day(day: Day, export: BerlingerExport, ours: dict[Any, float]) -> dict[str, Any]:
    logged = export.rows and export.interval_min is not None
    return {
        "date": str(day.day),
        "min_c": _celsius(day.min_mc),
        "max_c": _celsius(day.max_mc),
        "mean_c": _celsius(day.mean_mc),
        "minutes_out": {number: alarm.minutes_out for number, alarm in day.alarms.items()},
        "minutes_logged": {number: ours.get((day.day, number), 0.0) for number in day.alarms} if logged else {},
        "alarm_at": {number: alarm.alarm_at for number, alarm in day.alarms.items() if alarm.alarm_at},
    }


def _result(result: RunResult, export: BerlingerExport) -> dict[str, Any]:
    return {
        "start_local": result.start,
        "stop_local": result.stop,
        "min_c": _celsius(result.min_mc),
        "max_c": _celsius(result.max_mc),
        "mean_c": _celsius(result.mean_mc),
        "mkt_c": _celsius(result.mkt_mc),
        "mkt_energy_kj_mol": None if result.mkt_energy_kj_mol is None else float(result.mkt_energy_kj_mol),
        "alarms": [
            {
                "number": one.number,
                "start_local": one.start,
                "alarm_local": one.alarm,
                "end_local": one.end,
                "minutes": one.minutes,
            }
            for one in result.alarms
        ],
        "from_log": checked_run(export),
    }


def _celsius(value_mc: int | None) -> float | None:
    return None if value_mc is None else value_mc / 1000
