"""Stamps as models write them: seconds, milliseconds, ISO 8601, or digits in some order; local ones need a zone."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.sample import Stamp
from sensors.device_profiles.fields import decimal_of
from sensors.device_profiles.paths import ABSENT, Getter

LOGGER_ZONE = "logger"  # in a profile: the zone that is on record for the logger
NUMERIC = {"unix_s": Decimal(1000), "unix_ms": Decimal(1)}

_LOCAL_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?\Z", re.ASCII)
# Digits and separators only: names of months and "am" depend on the language of a machine.
_PIECES = {"Y": r"\d{4}", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}", "M": r"\d{1,2}", "S": r"\d{1,2}"}
_NAMES = {"Y": "year", "m": "month", "d": "day", "H": "hour", "M": "minute", "S": "second"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = Decimal(253_402_300_799_000)  # the last millisecond-free moment of year 9999


class Pattern(NamedTuple):
    """A layout of digits, such as `%d.%m.%Y %H:%M:%S`."""

    layout: re.Pattern[str]
    text: str


class Clock(NamedTuple):
    """Where a moment stands in a message, and how it is written there."""

    path: str
    get: Getter
    format: str  # unix_s | unix_ms | iso | pattern
    pattern: Pattern | None = None
    zone: tzinfo | None = None  # of local times; None: the logger's
    optional: bool = True  # without it, the time of the message counts

    def stamp(self, tree: Any, zone: tzinfo | None) -> Stamp | None:
        """The device's stamp in `tree`; None where there is none, or none that can be placed and it is optional.

        Args:
            tree: the record.
            zone: on record for the logger, for local times of profiles that leave the zone to it.

        Raises:
            Wrong: it is no time, or a local one without a zone, and the record means nothing without it.
        """
        received = self.get(tree)
        if received is ABSENT or received is None or received == "":
            if self.optional:
                return None
            raise Wrong(self.path, None, "is missing: nothing says when this was measured")
        try:
            return Stamp(self._ms(received, self.zone or zone), "device", shown(received))
        except InvalidValue as error:
            if self.optional and str(error).startswith(_UNPLACED):
                return None
            raise Wrong(self.path, received, f"is no time: {error}") from None

    def _ms(self, received: Any, zone: tzinfo | None) -> int:
        if (unit := NUMERIC.get(self.format)) is not None:
            number = decimal_of(received)
            if number is None or not 0 <= number * unit <= _LATEST:
                raise InvalidValue(f"a number ({self.format}) is expected")
            return int(number * unit)
        text = str(received).strip()
        if self.pattern is not None:
            return _placed(_laid_out(self.pattern, text), zone)
        if _LOCAL_ISO.match(text) is None:
            return ms_from_iso(text)
        local = datetime.fromisoformat(text.replace(",", ".")[:26])
        return _placed(local, zone)


def pattern(text: str) -> Pattern:
    """The layout that `text` describes with %Y %m %d %H %M %S.

    Raises:
        InvalidValue: it uses another sign, or lacks one of these but %S.
    """
    pieces = re.split(r"%(.)", text)
    signs = pieces[1::2]
    if any(sign not in _PIECES for sign in signs) or len(set(signs)) != len(signs) or not set("YmdHM") <= set(signs):
        raise InvalidValue("a layout has %Y %m %d %H %M, each once, perhaps %S, and no other sign after %")
    layout = "".join(
        f"(?P<{_NAMES[piece]}>{_PIECES[piece]})" if place % 2 else re.escape(piece)
        for place, piece in enumerate(pieces)
    )
    return Pattern(re.compile(layout + r"(?:[.,]\d+)?\Z", re.ASCII), text)


def _laid_out(layout: Pattern, text: str) -> datetime:
    found = layout.layout.match(text)
    if found is None:
        raise InvalidValue(f"it is not written as {layout.text}")
    parts = {name: int(digits) for name, digits in found.groupdict().items()}
    try:
        return datetime(**parts)  # type: ignore[arg-type]  # noqa: DTZ001 - local, placed by the caller
    except ValueError as error:
        raise InvalidValue(str(error)) from None


_UNPLACED = "local time"


def _placed(local: datetime, zone: tzinfo | None) -> int:
    """The moment of a local time.

    Raises:
        InvalidValue: no zone is known, or the clock showed this time twice or never.
    """
    if zone is None:
        raise InvalidValue(f"{_UNPLACED} without a zone: put the logger's zone on record")
    moment, other = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if moment != other:
        raise InvalidValue(f"{_UNPLACED} that the clocks of {zone} showed twice or never")
    return (moment - _EPOCH) // timedelta(milliseconds=1)
