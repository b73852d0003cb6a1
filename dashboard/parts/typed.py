"""What a person has typed into a form, as the value that it stands for."""

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue


def utc_moment(field: str, typed: str) -> int:
    """The milliseconds of a day and time in UTC, with or without seconds.

    Raises:
        InvalidValue: it is none; names the field and the remedy.
    """
    try:
        return ms_from_iso(f"{typed}:00Z" if len(typed) == len("2026-11-22T12:00") else f"{typed}Z")
    except InvalidValue:
        raise InvalidValue(f"{field}: choose a day and a time.") from None
