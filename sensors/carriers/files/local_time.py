"""Wall-clock times of a file into UTC, by a stated zone; a clock that cannot have run in that zone is refused."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from coldchain.errors import InvalidValue

_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def zone_named(name: str) -> tzinfo:
    """The zone with an IANA name ("Europe/Berlin") or a fixed offset ("+01:00").

    Raises:
        InvalidValue: there is none of this name.
    """
    offset = _OFFSET.match(name)
    if offset:
        sign, hours, minutes = offset.groups()
        shift = timedelta(hours=int(hours), minutes=int(minutes))
        if shift < timedelta(hours=15):
            return timezone(-shift if sign == "-" else shift)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidValue(f"zone {name!r} is unknown: state one such as Europe/Berlin, UTC or +01:00") from error


class LocalClock:
    """Reads wall-clock times "YYYY-MM-DD hh:mm[:ss]" of one zone."""

    def __init__(self, zone: str) -> None:
        self._name = zone
        self._zone = zone_named(zone)

    def utc_ms(self, times: Sequence[str]) -> list[int]:
        """Milliseconds UTC of times in the order in which the clock showed them.

        Where the clock was put back, an hour stands twice: the second time is told from the first by the step back.

        Raises:
            InvalidValue: a time is no time, does not exist in the zone, or an hour that the zone had twice stands
                once although the clock ran through it.
        """
        moments = [self._wall(text) for text in times]
        folded = False
        found = []
        for at, moment in enumerate(moments):
            if self._ambiguous(moment):
                folded = folded or (at > 0 and moment <= moments[at - 1])
            else:
                self._check_left(folded, moments, at)
                folded = False
            found.append(self._utc_ms(moment.replace(fold=int(folded))))
        return found

    def _check_left(self, folded: bool, moments: list[datetime], at: int) -> None:
        """Whether the clock left a doubled hour with both of its passes seen."""
        entered = at > 0 and self._ambiguous(moments[at - 1])
        if entered and not folded and moments[at] - moments[at - 1] < timedelta(hours=1):
            self._refuse(moments[at], "runs through the hour that this zone had twice without repeating it")

    def _wall(self, text: str) -> datetime:
        form = "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M"
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007  the zone follows
        except ValueError as error:
            raise InvalidValue(f"{text[:40]!r} is not a time such as 2022-05-02 04:44") from error
        there_and_back = moment.replace(tzinfo=self._zone).astimezone(UTC).astimezone(self._zone)
        if there_and_back.replace(tzinfo=None) != moment:
            self._refuse(moment, "does not exist: this zone skipped it")
        return moment

    def _ambiguous(self, moment: datetime) -> bool:
        first, second = (moment.replace(tzinfo=self._zone, fold=fold).utcoffset() for fold in (0, 1))
        return first != second

    def _utc_ms(self, moment: datetime) -> int:
        return (moment.replace(tzinfo=self._zone) - _EPOCH) // timedelta(milliseconds=1)

    def _refuse(self, moment: datetime, why: str) -> None:
        raise InvalidValue(
            f"the logger's clock did not follow {self._name}: {moment:%Y-%m-%d %H:%M} {why}; "
            "state the fixed offset it ran on, such as +01:00"
        )
