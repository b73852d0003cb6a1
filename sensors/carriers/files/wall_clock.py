"""Wall-clock times of a whole column into UTC: which pass of a doubled hour each belongs to, and what cannot have been.

The rows of a file are seen once in its order before any of them is converted. A clock that followed the zone shows the
doubled hour of autumn twice and the skipped hour of spring never; one that did not is found out here and refused,
because every time behind that night would be an hour off.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from sensors.carriers.files.local_time import zone_named

_QUARTER_MS = 900_000
_HOUR_MS = 3_600_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  a wall clock, on purpose
_MOST_CACHED = 200_000


class _Quarter(NamedTuple):
    """What a zone does in one quarter of an hour on its wall clock; offsets are milliseconds east of UTC."""

    first_ms: int
    second_ms: int  # another one than `first_ms` where the quarter stands twice
    skipped: bool


@dataclass(slots=True)
class _Night:
    """One doubled hour as the rows of one logger pass through it."""

    first_line: int
    entered: bool  # the row before lies within the hour before
    step_line: int | None = None  # where the clock was seen to go back (or on, in a file that runs backwards)
    left: bool = False  # the row behind lies within the hour behind


@dataclass(slots=True)
class _Track:
    """The rows of one logger so far."""

    wall_ms: int | None = None
    night: int | None = None  # the day number of the doubled hour that the last row stood in
    nights: dict[int, _Night] = field(default_factory=dict)
    ups: int = 0
    downs: int = 0


class WallClock:
    """First `see` every row, then `settle`, then `utc_ms` of any of them."""

    def __init__(self, zone: str) -> None:
        """`zone` is an IANA name or a fixed offset.

        Raises:
            InvalidValue: there is no such zone.
        """
        self.zone = zone
        self._tz = zone_named(zone)
        self._quarters: dict[int, _Quarter] = {}
        self._tracks: dict[str, _Track] = {}
        self.doubled = 0  # rows in a doubled hour
        self.undecided = 0  # of these, rows of which nothing tells the pass

    def see(self, logger: str, wall_ms: int, line: int) -> None:
        """Take note of a row, in the order of the file.

        Raises:
            InvalidValue: the zone never showed this time.
        """
        quarter = self._quarter(wall_ms)
        if quarter.skipped:
            raise InvalidValue(self._refusal(wall_ms, line, "the zone skipped that hour"))
        track = self._tracks.setdefault(logger, _Track())
        before = track.wall_ms
        if quarter.first_ms != quarter.second_ms:
            self.doubled += 1
            self._inside(track, wall_ms, line)
        elif track.night is not None and before is not None:
            track.nights[track.night].left = abs(wall_ms - before) <= _HOUR_MS
            track.night = None
        if before is not None:
            track.ups += wall_ms > before
            track.downs += wall_ms < before
        track.wall_ms = wall_ms

    def _inside(self, track: _Track, wall_ms: int, line: int) -> None:
        day, before = wall_ms // 86_400_000, track.wall_ms
        if track.night != day:
            entered = before is not None and abs(wall_ms - before) <= _HOUR_MS
            track.nights.setdefault(day, _Night(line, entered))
            track.night = day
            return
        backwards = track.downs > track.ups
        if before is not None and (wall_ms >= before if backwards else wall_ms <= before):
            night = track.nights[day]
            night.step_line = night.step_line or line

    def settle(self) -> None:
        """Check what was seen.

        Raises:
            InvalidValue: the clock ran through a doubled hour once, so it did not follow the zone.
        """
        for track in self._tracks.values():
            for day, night in track.nights.items():
                if night.step_line is None and night.entered and night.left:
                    raise InvalidValue(
                        self._refusal(
                            day * 86_400_000, night.first_line, "the zone had an hour twice that the file has once"
                        )
                    )

    def utc_ms(self, logger: str, wall_ms: int, line: int) -> int:
        """Milliseconds UTC.

        Raises:
            InvalidValue: the time stood twice and nothing in the file tells which of the two is meant.
        """
        quarter = self._quarter(wall_ms)
        if quarter.first_ms == quarter.second_ms:
            return wall_ms - quarter.first_ms
        track = self._tracks[logger]
        second = self._second(track, track.nights[wall_ms // 86_400_000], line)
        if second is None:
            self.undecided += 1
            raise InvalidValue(
                f"{_shown(wall_ms)} stood twice in {self.zone}, and the file does not show which of the two is meant: "
                "state the fixed offset that the logger's clock ran on, such as +01:00"
            )
        return wall_ms - (quarter.second_ms if second else quarter.first_ms)

    def _second(self, track: _Track, night: _Night, line: int) -> bool | None:
        backwards = track.downs > track.ups
        if night.step_line is not None:
            return (line >= night.step_line) != backwards
        if night.entered:
            return backwards
        return not backwards if night.left else None

    def _quarter(self, wall_ms: int) -> _Quarter:
        key = wall_ms // _QUARTER_MS
        found = self._quarters.get(key)
        if found is None:
            if len(self._quarters) > _MOST_CACHED:
                self._quarters.clear()
            found = self._quarters[key] = self._looked_up(key * _QUARTER_MS)
        return found

    def _looked_up(self, wall_ms: int) -> _Quarter:
        wall = _EPOCH + timedelta(milliseconds=wall_ms)
        first, second = (wall.replace(tzinfo=self._tz, fold=fold) for fold in (0, 1))
        offsets = [(one.utcoffset() or timedelta(0)) // timedelta(milliseconds=1) for one in (first, second)]
        try:
            back = first.astimezone(UTC).astimezone(self._tz).replace(tzinfo=None)
        except OverflowError as error:
            raise InvalidValue(f"{_shown(wall_ms)} lies outside the calendar") from error
        skipped = back != wall
        return _Quarter(offsets[0], offsets[0] if skipped else offsets[1], skipped)

    def _refusal(self, wall_ms: int, line: int, why: str) -> str:
        return (
            f"line {line}: the logger's clock did not follow {self.zone}: at {_shown(wall_ms)} {why}; "
            "state the fixed offset it ran on, such as +01:00"
        )


def _shown(wall_ms: int) -> str:
    return iso(wall_ms)[:16].replace("T", " ")
