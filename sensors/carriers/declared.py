"""Numbers in a unit that a format declares and that is not ours, converted in decimals."""

from decimal import Decimal
from typing import Any

from coldchain.domain.quantity import strict_decimal
from coldchain.errors import InvalidValue


def number_of(value: Any) -> Decimal | None:
    """A received number, or its text, as a `Decimal`; None where it is none."""
    if type(value) is Decimal:
        return value
    if type(value) is bool or not isinstance(value, int | float | str):
        return None
    try:
        return strict_decimal(value if isinstance(value, str) else repr(value))
    except InvalidValue:
        return None


def from_fahrenheit(value: Any) -> Any:
    """Declared degrees Fahrenheit as degrees Celsius; what is no number stays what it is, to be refused by name."""
    number = number_of(value)
    return value if number is None else (number - 32) * 5 / 9


def times(value: Any, factor: Decimal) -> Any:
    """A declared number in our unit; what is no number stays what it is, to be refused by name."""
    number = number_of(value)
    return value if number is None else number * factor
