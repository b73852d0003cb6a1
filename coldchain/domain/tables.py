"""Strict reading of a table (TOML or JSON): every mistake is collected with its key, value and remedy."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from coldchain.domain.quantity import scaled
from coldchain.errors import InvalidValue

_UNITS_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


class InvalidTable(InvalidValue):
    """A table that breaks its format; `problems` holds each mistake by itself, beginning with its key."""

    def __init__(self, what: str, problems: list[str]) -> None:
        super().__init__(f"{what}: " + "; ".join(problems))
        self.problems = tuple(problems)


class TableReader:
    """Takes known keys out of a table; `finish` refuses what is left over. Problems land in one shared list.

    `new` is what somebody writes just now: it is refused digits that would be lost and texts that nobody can read,
    while what was stored before they were refused is still read.
    """

    def __init__(self, data: Any, path: str = "", problems: list[str] | None = None, *, new: bool = False) -> None:
        self.path = path
        self._new = new
        self.problems = [] if problems is None else problems
        self._left: dict[str, Any] = {}
        self._measures: set[str] = set()  # keys of numbers that were asked for, each with its unit
        if isinstance(data, Mapping):
            self._left = dict(data)
        else:
            self._blame("", f"is {data!r}, not a table of keys and values")

    def _key(self, name: str) -> str:
        return ".".join(part for part in (self.path, name) if part)

    def _blame(self, name: str, what: str) -> None:
        self.problems.append(f"{self._key(name)} {what}".strip())

    def fail(self, name: str, what: str) -> None:
        """Note a problem with the key `name`."""
        self._blame(name, what)

    def has(self, name: str) -> bool:
        """Whether the key is there and not yet taken."""
        return name in self._left

    def names(self) -> tuple[str, ...]:
        """The keys that are there and not yet taken, in the order in which they were written."""
        return tuple(self._left)

    def raw(self, name: str) -> Any:
        """Whatever stands under the key, None where it is absent; its taker has to check it."""
        return self._left.pop(name, None)

    def text(self, name: str, default: str | None = None) -> str:
        """A text of 1 to 200 characters; without a default the key is required."""
        value = self._left.pop(name, default)
        if isinstance(value, str) and 0 < len(value) <= 200 and not (self._new and not _readable(value)):
            return value
        if value is None:
            self._blame(name, "is missing: give it a text")
        elif value != default:
            kind = "readable text" if self._new else "text"
            self._blame(name, f"= {_shown(value)} is not a {kind} of 1 to 200 characters")
        return default or ""

    def choice(self, name: str, options: tuple[str, ...], default: str | None = None) -> str:
        """One of the named words."""
        value = self._left.pop(name, default)
        if value in options:
            return str(value)
        known = ", ".join(options)
        self._blame(
            name, f"is missing: choose one of {known}" if value is None else f"= {value!r} is not one of {known}"
        )
        return default or options[0]

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Either true or false."""
        value = self._left.pop(name, default)
        if not isinstance(value, bool):
            self._blame(name, f"= {value!r} is neither true nor false")
            return default
        return value

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number between two bounds."""
        value = self._left.pop(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self._blame(name, f"= {value!r} is not a whole number from {low} to {high}")
        return default

    def number(self, name: str, default: Decimal | None, low: str, high: str) -> Decimal | None:
        """A decimal number between two bounds, as it was written."""
        self._measures.add(name)
        if name not in self._left:
            return default
        given = self._left.pop(name)
        value = _decimal(given)
        if value is not None and Decimal(low) <= value <= Decimal(high):
            return value
        quoted = ": write it without quotes" if isinstance(given, str) and _written(given) is not None else ""
        self._blame(name, f"= {_shown(given)} is not a number from {low} to {high}{quoted}")
        return default

    def milli(self, name: str, default: int | None = None, *, low: str = "-273.15", high: str = "1000") -> int | None:
        """Thousandths of the unit in the key's name."""
        value = self.number(name, None, low, high)
        if value is not None and self._new and value != round(value, 3):
            self._blame(name, f"= {value} has more than three decimals: round it, the others would be lost")
        return default if value is None else scaled(value, 3)

    def duration_ms(self, name: str, default: int | None) -> int | None:
        """A duration; its key carries the unit: `hold_s`, `hold_min`, `hold_h` or `hold_d`."""
        if name in self._left:
            self._blame(
                name, f"= {self._left.pop(name)!r} has no unit: write {name}_s, {name}_min, {name}_h or {name}_d"
            )
        given = [unit for unit in _UNITS_MS if f"{name}_{unit}" in self._left]
        if not given:
            return default
        if len(given) > 1:
            self._blame(
                name, "is given in several units (" + ", ".join(f"{name}_{unit}" for unit in given) + "): keep one"
            )
        values = [(unit, self.number(f"{name}_{unit}", Decimal(0), "0", "100000000")) for unit in given]
        unit, value = values[0]
        return scaled((value or Decimal(0)) * _UNITS_MS[unit], 0)

    def table(self, name: str) -> "TableReader | None":
        """A table inside, None where it is absent."""
        if self._left.get(name) is None:
            self._left.pop(name, None)
            return None
        return TableReader(self._left.pop(name), self._key(name), self.problems, new=self._new)

    def tables(self, name: str) -> Iterator["TableReader"]:
        """The tables of a list, in order."""
        items = self._left.pop(name, None)
        if items is None:
            return
        if not isinstance(items, list):
            self._blame(name, f"= {items!r} is not a list of tables")
            return
        for position, item in enumerate(items):
            yield TableReader(item, f"{self._key(name)}[{position}]", self.problems, new=self._new)

    def texts(self, name: str, options: tuple[str, ...]) -> tuple[str, ...]:
        """A list of the named words."""
        items = self._left.pop(name, None)
        if items is None:
            return ()
        if isinstance(items, list) and all(item in options for item in items):
            return tuple(items)
        self._blame(name, f"= {items!r} is not a list of {', '.join(options)}")
        return ()

    def finish(self) -> None:
        """Note every key that nobody asked for."""
        for name, value in self._left.items():
            with_unit = sorted(key for key in self._measures if key.startswith(f"{name}_"))
            if with_unit:
                self._blame(name, f"= {value!r} has no unit: write {' or '.join(with_unit)}")
            else:
                self._blame(name, "is not a known key: correct its spelling or remove it")

    def raise_problems(self, what: str) -> None:
        """Refuse `what` if anything was wrong.

        Raises:
            InvalidTable: names every problem found.
        """
        if self.problems:
            raise InvalidTable(what, self.problems)


def _shown(value: Any) -> str:
    """A value in an answer: as it was written, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _readable(text: str) -> bool:
    return bool(text.strip()) and text.isprintable()


def _written(text: str) -> Decimal | None:
    """The number that a text spells, None where it spells none."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _decimal(value: Any) -> Decimal | None:
    # A float's shortest text is what its author wrote; TOML is read with Decimal numbers in the first place.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
