"""When what may wait is told: a person's daily time, within working hours and outside quiet ones. All pure.

Only minor alarms wait. Major and critical ones are never held back.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", re.ASCII)
_AHEAD = 8  # days: every weekday comes up


def tells_at(
    now_ms: int, zone: str, at: str, working: Mapping[str, Sequence[str]] | None, quiet: Sequence[str] | None
) -> int:
    """The next moment, ms UTC, at which a daily digest may leave.

    Args:
        now_ms: the time.
        zone: the person's.
        at: local time of day, such as 07:30.
        working: {"mon": ["08:00", "17:00"], …}; a day that is not named is free. None: every hour of every day.
        quiet: ["22:00", "06:00"], which may pass midnight. None: no hour.
    """
    tz = ZoneInfo(zone)
    today = datetime.fromtimestamp(now_ms / 1000, tz).date()
    for day in (today + timedelta(days=n) for n in range(_AHEAD + 1)):
        for local in _tries(day, at, working, quiet):
            moment = round(local.replace(tzinfo=tz).astimezone(UTC).timestamp() * 1000)
            if moment > now_ms:
                return moment
    return now_ms + 86_400_000  # somebody who never works and is always to be left alone hears after a day


def _tries(
    day: date, at: str, working: Mapping[str, Sequence[str]] | None, quiet: Sequence[str] | None
) -> Iterator[datetime]:
    """The digest's time of a day, moved behind what must be left alone; nothing on a free day."""
    wanted = _clock(at) or time(8)
    if working is not None:
        hours = [_clock(one) for one in working.get(_DAYS[day.weekday()], ())]
        if len(hours) != 2 or hours[0] is None or hours[1] is None:
            return
        wanted = max(wanted, hours[0])
        if wanted > hours[1]:
            wanted = hours[0]
    if quiet is not None and len(quiet) == 2:
        low, high = _clock(quiet[0]), _clock(quiet[1])
        if low is not None and high is not None and _within(wanted, low, high):
            wanted = high
    yield datetime.combine(day, wanted)


def _within(moment: time, low: time, high: time) -> bool:
    return low <= moment < high if low <= high else moment >= low or moment < high


def _clock(text: Any) -> time | None:
    return time.fromisoformat(text) if isinstance(text, str) and _CLOCK.match(text) else None
