"""Times, durations, temperatures and names as a person reads them in a message."""

import re
import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.announcement import AlarmFacts, Announcement
from alerts.texts import Texts, texts

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def clean(text: str, longest: int = 80) -> str:
    """A name as one line: control characters, line breaks and direction marks gone, cut at `longest` characters."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co") else c for c in text)
    kept = " ".join(kept.split())
    return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def shown(value_mc: int, limit_mc: int | None = None) -> str:
    """Degrees with one decimal, or as many more as keep the value on its side of the limit: 8.001 is not "8.0"."""
    for step in (100, 10, 1):
        rounded = _half_even(value_mc, step)
        if limit_mc is None or _side(rounded, limit_mc) == _side(value_mc, limit_mc):
            break
    places = {100: 1, 10: 2, 1: 3}[step]
    sign = "-" if rounded < 0 else ""
    whole, part = divmod(abs(rounded), 1000)
    return f"{sign}{whole}.{part:03d}"[: len(f"{sign}{whole}.") + places]


def shown_limit(limit_mc: int) -> str:
    """A limit as it was set: 8000 is "8", 2500 is "2.5"."""
    sign = "-" if limit_mc < 0 else ""
    whole, part = divmod(abs(limit_mc), 1000)
    return f"{sign}{whole}.{part:03d}".rstrip("0").rstrip(".")


def _half_even(value: int, step: int) -> int:
    whole, rest = divmod(value, step)
    up = rest * 2 > step or (rest * 2 == step and whole % 2 == 1)
    return (whole + int(up)) * step


def _side(value: int, limit: int) -> int:
    return (value > limit) - (value < limit)


class Phrases:
    """One reader's language and zone, as of one moment."""

    def __init__(self, language: str, zone: str, as_of_ms: int) -> None:
        self.texts: Texts = texts(language)
        self.zone = zone_of(zone)
        self.as_of_ms = as_of_ms

    def time(self, at_ms: int) -> str:
        """Short: "10:42 CET", with the date when it is not today's."""
        moment, today = self._local(at_ms), self._local(self.as_of_ms)
        if moment.date() == today.date():
            return f"{moment:%H:%M} {moment:%Z}"
        pattern = self.texts("date") if moment.year == today.year else self.texts("date_with_year")
        return f"{moment.strftime(pattern)} {moment:%Z}"

    def span(self, from_ms: int, to_ms: int) -> str:
        """From when to when: "10:42-11:20 CET", with dates where it was not all today."""
        first, last = self._local(from_ms), self._local(to_ms)
        today = self._local(self.as_of_ms).date()
        if first.date() == last.date() == today and first.utcoffset() == last.utcoffset():
            return f"{first:%H:%M}-{self.time(to_ms)}"
        return f"{self.time(from_ms)} - {self.time(to_ms)}"

    def full_time(self, at_ms: int) -> str:
        """With date, zone and UTC: "22 Nov 2026 10:42 CET (09:42 UTC)"."""
        moment = self._local(at_ms)
        utc = moment.astimezone(UTC)
        local = f"{moment.strftime(self.texts('date_with_year'))} {moment:%Z}"
        if not moment.utcoffset():
            return local
        same_day = utc.date() == moment.date()
        return f"{local} ({utc:%H:%M} UTC)" if same_day else f"{local} ({utc.strftime(self.texts('date'))} UTC)"

    def duration(self, length_ms: int) -> str:
        """Two units at most: "45 s", "14 min", "1 h 20 min", "2 d 3 h"."""
        seconds = max(0, length_ms) // 1000
        if seconds < _MINUTE:
            return self.texts("seconds", n=seconds)
        if seconds < _HOUR:
            return self.texts("minutes", n=seconds // _MINUTE)
        if seconds < 2 * _DAY and seconds % _HOUR < _MINUTE:
            return self.texts("whole_hours", h=seconds // _HOUR)
        if seconds < 2 * _DAY:
            return self.texts("hours", h=seconds // _HOUR, m=seconds % _HOUR // _MINUTE)
        return self.texts("days", d=seconds // _DAY, h=seconds % _DAY // _HOUR)

    def degrees(self, value_mc: int | None, limit_mc: int | None = None) -> str:
        """The number alone in this language, "?" where there is none."""
        return "?" if value_mc is None else self._number(shown(value_mc, limit_mc))

    def limit(self, limit_mc: int | None) -> str:
        """A limit's number alone, "?" where the rule has none."""
        return "?" if limit_mc is None else self._number(shown_limit(limit_mc))

    def lasted(self, facts: AlarmFacts) -> str:
        """How long the condition has lasted so far, or lasted in all."""
        return self.duration((facts.end_ms or self.as_of_ms) - facts.onset_ms)

    def severity(self, word: str) -> str:
        """The severity's word in capitals."""
        return self.texts(f"severity.{word}")

    def _number(self, text: str) -> str:
        return text.replace(".", self.texts("decimal"))

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, tz=self.zone)


_ZONE = re.compile(r"[A-Za-z0-9_+\-]{1,30}(/[A-Za-z0-9_+\-]{1,30}){0,2}")


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; UTC for a name that nobody knows, so that no message is lost over it."""
    try:
        return ZoneInfo(name if _ZONE.fullmatch(name) else "UTC")
    except (ZoneInfoNotFoundError, OSError):
        return ZoneInfo("UTC")


def phrases_of(announcement: Announcement) -> Phrases:
    """In the language and zone of whom an announcement is written for, as of its moment."""
    reader = announcement.reader
    return Phrases(reader.language, reader.zone, announcement.as_of_ms)
