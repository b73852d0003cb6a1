"""Reading one field of untrusted JSON: its value in our units, or a refusal that names the field and the value."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from coldchain.domain.message import Refusal
from coldchain.domain.quantity import scaled
from coldchain.errors import InvalidValue
from sensors.carriers.strict_json import NumberText, Oddity

_SHOWN = 64
_LARGEST = 10**12


class NeedText(Exception):
    """A binary fraction so near a rounding edge that only the received text can decide."""


class Wrong(Exception):
    """One field that is not believed, with what was received."""

    def __init__(self, field: str, value: Any, reason: str) -> None:
        super().__init__(field)
        self.field = field
        self.value = shown(value)
        self.reason = reason

    def refusal(self, within: str = "", channel: str | None = None, event_time_ms: int | None = None) -> Refusal:
        """The refusal, with the place `within` the message where the field stands."""
        path = f"{within}.{self.field}" if within else self.field
        return Refusal(f"{path} {self.value} {self.reason}", self.field, self.value, channel, event_time_ms)


def shown(value: Any) -> str:
    """Up to 64 printable characters of what was received, for a sentence that a person reads."""
    if type(value) is int or (type(value) is float and value - value == 0):  # a finite one
        text = repr(value)  # as JSON spells it, without JSON's overhead
    else:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")
    return text if text.isprintable() else ascii(text)[1:-1]


def number(tree: dict[str, Any], name: str, places: int) -> int | None:
    """The number × 10^`places`, half-even from the received text; None if it is absent or null.

    Raises:
        Wrong: it is no number, or none that a sensor can send.
        NeedText: it was read as a binary fraction and lies on a rounding edge.
    """
    value = tree.get(name)
    if value is None:
        return None
    if type(value) is float:
        product = value * 10**places
        if not -_LARGEST < product < _LARGEST:
            raise NeedText
        whole: int = round(product)
        # Away from the edges a binary fraction rounds as its decimal text does; its error here is below 0.0003.
        if abs(abs(product - whole) - 0.5) < 0.001:
            raise NeedText
        return whole
    if type(value) is not int and type(value) is not NumberText:
        raise Wrong(name, value, "is not a number: send a finite decimal number, or null with a fault")
    try:
        return scaled(Decimal(value), places)
    except (InvalidValue, InvalidOperation):
        raise Wrong(name, value, "is not a finite number that a sensor can send") from None


def integer(tree: dict[str, Any], name: str, largest: int) -> int | None:
    """A whole number from 0 to `largest`; None if it is absent or null.

    Raises:
        Wrong: it is anything else.
    """
    value = tree.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= largest:
        raise Wrong(name, value, f"is not a whole number from 0 to {largest}")
    return value


def flag(tree: dict[str, Any], name: str) -> bool | None:
    """True, false, or None if it is absent or null.

    Raises:
        Wrong: it is anything else.
    """
    value = tree.get(name)
    if value is not None and type(value) is not bool:
        raise Wrong(name, value, "is neither true nor false")
    return value


def words(tree: dict[str, Any], name: str) -> str | None:
    """A text; None if it is absent or null.

    Raises:
        Wrong: it is anything else.
    """
    value = tree.get(name)
    if value is not None and type(value) is not str:
        raise Wrong(name, value, _TWICE if type(value) is Oddity else "is not a text")
    return value


def section(tree: dict[str, Any], name: str) -> dict[str, Any] | None:
    """An object; None if it is absent or null.

    Raises:
        Wrong: it is anything else.
    """
    value = tree.get(name)
    if value is not None and type(value) is not dict:
        raise Wrong(name, value, "is not an object")
    return value


_TWICE = "is no value that JSON has"
