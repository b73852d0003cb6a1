"""Ticks of a time axis in a zone that the plotting library does not know: where they stand and what they say."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dashboard.parts.text import offset

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_STEPS = (
    *(m * _MINUTE for m in (1, 2, 5, 10, 15, 30)),
    *(h * _HOUR for h in (1, 2, 3, 6, 12)),
    *(d * _DAY for d in (1, 2, 7, 14, 30, 90, 365)),
)


class Ticks(NamedTuple):
    """Positions in milliseconds UTC, their texts, and the title that names the zone."""

    at_ms: list[int]
    texts: list[str]
    title: str


def zone_ticks(start_ms: int, end_ms: int, zone: ZoneInfo, most: int = 9) -> Ticks:
    """At most about `most` round local times between two moments; an hour that comes twice says its offset."""
    span = max(end_ms - start_ms, _MINUTE)
    step = next((s for s in _STEPS if span / s <= most), _STEPS[-1])
    found = _days(start_ms, end_ms, zone, step) if step >= _DAY else _clock_times(start_ms, end_ms, zone, step)
    texts, day, last = [], None, ""
    for at_ms in found:
        at = _local(at_ms, zone)
        text = f"{at.day} {at:%b %Y}" if step >= 30 * _DAY else f"{at.day} {at:%b}" if step >= _DAY else f"{at:%H:%M}"
        if text == last:
            text += f" {offset(at, zone)}"
        last = text
        if step < _DAY and at.date() != day:
            text += f"<br>{at.day} {at:%b}"
        day = at.date()
        texts.append(text)
    return Ticks(found, texts, f"Time, {_zone_title(start_ms, end_ms, zone)}")


def _clock_times(start_ms: int, end_ms: int, zone: ZoneInfo, step: int) -> list[int]:
    grain = min(step, 15 * _MINUTE)  # no zone of today is off the quarter of an hour
    first = -(-start_ms // grain) * grain
    return [at for at in range(first, end_ms + 1, grain) if _since_midnight(at, zone) % step == 0]


def _since_midnight(at_ms: int, zone: ZoneInfo) -> int:
    at = _local(at_ms, zone)
    return (at.hour * 60 + at.minute) * _MINUTE


def _days(start_ms: int, end_ms: int, zone: ZoneInfo, step: int) -> list[int]:
    day = _local(start_ms, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[int] = []
    while True:
        at_ms = round(day.astimezone(UTC).timestamp() * 1000)
        if at_ms > end_ms:
            return found
        if at_ms >= start_ms:
            found.append(at_ms)
        # Local midnights are 23, 24 or 25 hours apart.
        naive = day.replace(tzinfo=None) + timedelta(days=max(step // _DAY, 1) if found else 1)
        day = naive.replace(tzinfo=zone)


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def _zone_title(start_ms: int, end_ms: int, zone: ZoneInfo) -> str:
    first, last = offset(_local(start_ms, zone), zone), offset(_local(end_ms, zone), zone)
    if zone.key == "UTC":
        return "UTC"
    return f"{zone.key} ({first})" if first == last else f"{zone.key} ({first}, then {last})"
