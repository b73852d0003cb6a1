"""Does a Berlinger export agree with itself? Header, history, result and log are compared with each other.

The log holds every fifth or tenth minute of what the history saw minute by minute, so the two differ a little: the
tolerances are those of real, untouched files. What lies beyond them was not written by the logger as it stands.
"""

import itertools
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from coldchain.domain.quantity import milli_text
from sensors.carriers.files.berlinger import BerlingerExport, Day, LogRow, local_moment
from sensors.carriers.files.berlinger_run import against_run

# Minutes out of a day: each sample beyond the limit stands for the interval that follows it, up to local midnight.
MINUTES_METHOD = "berlinger-samples-times-interval@1"
MINUTES_TOLERANCE = 15  # real files: 8 at most
_ROUNDING_MC = 50

Samples = list[tuple[datetime, LogRow]]


def contradictions(export: BerlingerExport) -> tuple[str, ...]:
    """Sentences about what cannot be true together; empty when the file agrees with itself."""
    samples = [(local_moment(row.local[:16]), row) for row in export.rows]
    found = [*_unread(export), *_order(samples), *_against_result(export, samples), *against_run(export)]
    if samples and export.interval_min:
        found += _against_history(export, samples, timedelta(minutes=export.interval_min))
    return tuple(found)


def minutes_out(export: BerlingerExport) -> dict[tuple[date, str], float]:
    """Minutes beyond each limit on each local day, by (day, number of the limit); days without any are absent.

    From the log: each sample stands for the interval that follows it, so a hole in the log counts nothing.
    """
    found: dict[tuple[date, str], float] = defaultdict(float)
    if export.interval_min is None:
        return found
    for row in export.rows:
        beyond = [limit.number for limit in export.limits if limit.beyond(row.temperature_mc)]
        if not beyond:
            continue
        start = local_moment(row.local[:16])
        today = min(float(export.interval_min), 1440.0 - (start.hour * 60 + start.minute))
        for number in beyond:
            found[start.date(), number] += today
            if today < export.interval_min:
                found[start.date() + timedelta(days=1), number] += export.interval_min - today
    return found


def _unread(export: BerlingerExport) -> list[str]:
    return [
        f"line {one.line} of the log is no sample ({one.text[:60]!r}): {one.reason}" for one in export.bad_rows[:20]
    ]


def _order(samples: Samples) -> list[str]:
    for (_, before), (_, row) in itertools.pairwise(samples):
        if row.at_ms <= before.at_ms:
            return [f"the log goes back in time: {row.local} follows {before.local}"]
    return []


def _against_history(export: BerlingerExport, samples: Samples, step: timedelta) -> list[str]:
    by_day: dict[date, Samples] = {}
    for moment, row in samples:
        by_day.setdefault(moment.date(), []).append((moment, row))
    silent = [day.day for day in export.days if day.mean_mc is not None and day.day not in by_day]
    found = []
    if silent:
        span = f"{min(silent)} to {max(silent)}"
        found.append(f"the log has no row on {len(silent)} of the {len(export.days)} days in the history ({span})")
    logged = minutes_out(export)
    for day in export.days:
        if day.day in by_day:
            found += _against_day(day, by_day[day.day], step)
            found += _against_minutes(export, day, logged)
    return found


def _against_day(day: Day, samples: Samples, step: timedelta) -> list[str]:
    measured = [row.temperature_mc for _, row in samples if row.temperature_mc is not None]
    if not measured or day.min_mc is None or day.max_mc is None:
        return []
    found = []
    if min(measured) < day.min_mc - _ROUNDING_MC or max(measured) > day.max_mc + _ROUNDING_MC:
        found.append(
            f"{day.day}: the log reaches {milli_text(min(measured))} to {milli_text(max(measured))}, "
            f"the history {milli_text(day.min_mc)} to {milli_text(day.max_mc)}"
        )
    for name, at in (("lowest", day.min_at), ("highest", day.max_at)):
        if at and not _near(local_moment(f"{day.day} {at}"), samples, step):
            found.append(f"{day.day}: the history's {name} value is of {at}, where the log has no row")
    return found


def _against_minutes(export: BerlingerExport, day: Day, logged: Mapping[tuple[date, str], float]) -> list[str]:
    found = []
    for limit in export.limits:
        counted, minutes = day.alarms.get(limit.number), logged.get((day.day, limit.number), 0.0)
        if counted and limit.mode is None and abs(minutes - counted.minutes_out) > MINUTES_TOLERANCE:
            words = f"{limit.side} of {milli_text(limit.limit_mc)}"
            found.append(f"{day.day}: {minutes:g} minutes {words} in the log, {counted.minutes_out} in the history")
    return found


def _near(moment: datetime, samples: Samples, step: timedelta) -> bool:
    return any(abs(at - moment) <= step for at, _ in samples)


def _against_result(export: BerlingerExport, samples: Samples) -> list[str]:
    result = export.result
    if result is None or not samples or export.interval_min is None:
        return []
    step, found = timedelta(minutes=export.interval_min), []
    ends = (("start", result.start, samples[0][0]), ("stop", result.stop, samples[-1][0]))
    for name, stated, logged in ends:
        if stated and abs(local_moment(stated) - logged) > step:
            found.append(f"the run's {name} is {stated}, the log's {logged:%Y-%m-%d %H:%M}")
    if result.start and result.stop:
        due = (local_moment(result.stop) - local_moment(result.start)) // step + 1
        if abs(due - len(samples)) > 1:
            found.append(f"the run has room for {due} rows, the log has {len(samples)}")
    measured = [row.temperature_mc for _, row in samples if row.temperature_mc is not None]
    if measured and result.mean_mc is not None:
        # The logger cuts off to 0.1 towards zero, and averages samples that the log may not hold.
        mean = Decimal(sum(measured)) / len(measured)
        if abs(mean - result.mean_mc) > 2 * 100:
            found.append(f"the run's mean is {milli_text(result.mean_mc)}, the log's {mean / 1000:.2f}")
    for name, stated_mc, logged_mc in (
        ("lowest", result.min_mc, min(measured, default=None)),
        ("highest", result.max_mc, max(measured, default=None)),
    ):
        if stated_mc is not None and logged_mc is not None and abs(stated_mc - logged_mc) > 2 * _ROUNDING_MC:
            found.append(f"the run's {name} value is {milli_text(stated_mc)}, the log's {milli_text(logged_mc)}")
    return found
