"""One field of a device profile: from what was received to a number in the public unit, a fault, or nothing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from coldchain.domain.quantity import milli_text, strict_decimal
from coldchain.domain.reading import Fault
from coldchain.errors import InvalidValue
from sensors.carriers.fields import Wrong
from sensors.carriers.sample import thousandths
from sensors.device_profiles.paths import ABSENT, Getter
from sensors.faults import NATIVE

ABSENT_WORD = "absent"  # in a profile: such a value says nothing, and is no fault either

# Spelled "nothing" in fields that hold a number elsewhere.
NO_NUMBER = frozenset({"", "null", "none", "nan", "n/a", "na", "-", "--", "--.-", "---"})


class Unit(NamedTuple):
    """How a unit becomes the public one: (value + before) × multiplied ÷ divided + after."""

    multiplied: Decimal = Decimal(1)
    divided: Decimal = Decimal(1)
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)

    def convert(self, value: Decimal) -> Decimal:
        """`value` in the public unit."""
        return (value + self.before) * self.multiplied / self.divided + self.after


SAME = Unit()
_THOUSANDTH = Unit(divided=Decimal(1000))
_CELSIUS = {"c": SAME, "f": Unit(Decimal(5), Decimal(9), before=Decimal(-32)), "k": Unit(after=Decimal("-273.15"))}

# For each public name the units that it may be declared in, in lower case; the first is its own.
UNITS: Mapping[str, Mapping[str, Unit]] = {
    "temperature_c": {
        **_CELSIUS, "°c": SAME, "cel": SAME, "celsius": SAME, "degc": SAME, "°f": _CELSIUS["f"],
        "fahrenheit": _CELSIUS["f"], "degf": _CELSIUS["f"], "kelvin": _CELSIUS["k"], "mc": _THOUSANDTH,
        "m°c": _THOUSANDTH,
    },
    "humidity_pct": {"%": SAME, "%rh": SAME, "% rh": SAME, "rh": SAME, "fraction": Unit(Decimal(100))},
    "pressure_hpa": {
        "hpa": SAME, "mbar": SAME, "pa": Unit(divided=Decimal(100)), "kpa": Unit(Decimal(10)),
        "bar": Unit(Decimal(1000)),
    },
    "light_lux": {"lux": SAME, "lx": SAME},
    "shock_g": {"g": SAME, "mg": _THOUSANDTH, "m/s2": Unit(divided=Decimal("9.80665"))},
    "battery_pct": {"%": SAME, "fraction": Unit(Decimal(100))},
    "battery_v": {"v": SAME, "mv": _THOUSANDTH},
}  # fmt: skip


class Marks(NamedTuple):
    """Received values that stand for something else: a fault, or `absent`."""

    numbers: Mapping[Decimal, str] = {}  # by value, whether sent as a number or as its text
    words: Mapping[str, str] = {}  # texts only, in lower case: "0.00" is not the number 0

    def of(self, received: Any) -> str | None:
        """What `received` stands for; None if it is what it says."""
        if isinstance(received, str) and (found := self.words.get(received.strip().lower())) is not None:
            return found
        if not self.numbers:
            return None
        number = decimal_of(received)
        return None if number is None else self.numbers.get(number)


class Telltale(NamedTuple):
    """A place in the message that says that a sensor failed."""

    get: Getter
    fault: Fault
    words: Mapping[str, Fault] | None = None  # only these, in lower case; None: anything but nothing

    def says(self, tree: Any) -> Fault | None:
        """The fault that `tree` tells of."""
        value = self.get(tree)
        if value is ABSENT or value is None or value is False:
            return None
        if self.words is not None:
            return self.words.get(_word(value))
        return None if value == 0 or _word(value) in ("", "false", "none", "normal", "ok") else self.fault


class Faulted(Exception):
    """The received value says that the sensor measured nothing, and why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Field(NamedTuple):
    """Where a public field stands in a message and how it is written there."""

    name: str
    path: str
    get: Getter
    scale: Decimal | None = None
    offset: Decimal | None = None
    unit: Unit = SAME
    unit_get: Getter | None = None  # the message says the unit itself
    marks: Marks = Marks()
    nothing: str | None = None  # what a null means; None: a probe measured nothing
    missing: Fault | None = None
    telltale: Telltale | None = None
    low: int | None = None  # physical range in thousandths of the public unit
    high: int | None = None
    accuracy: Decimal | None = None
    plain: bool = False  # a received number is the value already
    direct: bool = False  # and so it is unless it is one of the codes, out of range, or a telltale says otherwise
    codes: frozenset[float] = frozenset()  # the numbers among the marks, as they arrive

    def settled(self) -> "Field":
        """The same, knowing whether it is plain."""
        direct = self.scale is None and self.offset is None and self.unit is SAME and self.unit_get is None
        whole = {int(number) for number in self.marks.numbers if number == number.to_integral_value()}
        return self._replace(
            plain=direct and not self.marks.numbers and self.telltale is None and self.low is None,
            direct=direct,
            codes=frozenset(map(float, self.marks.numbers)) | whole,
        )

    def takes(self, number: float, tree: Any) -> bool:
        """Whether a received number is the value already: `value` would make the same of it, only slower."""
        if self.plain:
            return True
        if not self.direct or number in self.codes:
            return False
        # Rounding to thousandths cannot lead out of a range that ends on whole ones.
        if self.low is not None and self.high is not None and not self.low <= number * 1000 <= self.high:
            return False
        return self.telltale is None or self.telltale.says(tree) is None

    def value(self, received: Any, tree: Any) -> Any:
        """The value for the public field, None for "measured nothing", or `ABSENT`.

        Raises:
            Faulted: it stands for a fault.
            Wrong: it is no number, has no unit, or lies outside what the sensor can measure.
        """
        if self.telltale is not None and (fault := self.telltale.says(tree)) is not None:
            raise Faulted(fault)
        meaning = self.marks.of(received)
        if meaning is None and _is_nothing(received):
            meaning = self.nothing
            if meaning is None:
                return None
        if meaning == ABSENT_WORD:
            return ABSENT
        if meaning is not None:
            raise Faulted(meaning)  # type: ignore[arg-type]  # checked to be a fault when the profile was read
        return self._measured(received, tree)

    def _measured(self, received: Any, tree: Any) -> Any:
        number = decimal_of(received)
        if number is None:
            raise Wrong(self.path, received, "is not a number: send a finite decimal number, or nothing")
        if self.scale is not None:
            number *= self.scale
        if self.offset is not None:
            number += self.offset
        unit = self.unit if self.unit_get is None else self._declared(tree)
        if unit is not SAME:
            number = unit.convert(number)
        if self.low is not None and self.high is not None and self._impossible(number):
            low, high = milli_text(self.low), milli_text(self.high)
            reason = f"is outside what such a sensor can measure, {low} to {high} {NATIVE[self.name].unit}"
            raise Wrong(self.path, received, reason)
        return number

    def _impossible(self, number: Decimal) -> bool:
        assert self.low is not None
        assert self.high is not None
        exact = thousandths(self.name, number)
        # What no sensor of the model can say may still be a code that every sensor uses: that is told later.
        return not self.low <= exact <= self.high and exact not in NATIVE[self.name].sentinels

    def _declared(self, tree: Any) -> Unit:
        assert self.unit_get is not None
        said = self.unit_get(tree)
        found = UNITS[self.name].get(_word(said))
        if found is None:
            shown = None if said is ABSENT else said
            raise Wrong(
                self.path, shown, f"is its unit: one of {', '.join(UNITS[self.name])} is needed, none is guessed"
            )
        return found


class Door(NamedTuple):
    """Where a message says that a door is open, and in which words."""

    path: str
    get: Getter
    opened: frozenset[str]
    closed: frozenset[str]

    def value(self, received: Any) -> Any:
        """True (open), false, or `ABSENT`.

        Raises:
            Wrong: it is none of the words.
        """
        if received is None or (isinstance(received, str) and received.strip().lower() in NO_NUMBER):
            return ABSENT
        word = _word(received)
        if word in self.opened:
            return True
        if word in self.closed:
            return False
        raise Wrong(self.path, received, "is no state of the door that the device profile names")


def decimal_of(received: Any) -> Decimal | None:
    """A received number, or the decimal text of one; None for anything else."""
    if type(received) is float:
        received = repr(received)
    elif type(received) is int or type(received) is Decimal:
        number = Decimal(received)
        return number if number.is_finite() else None
    if not isinstance(received, str):
        return None
    try:
        return strict_decimal(received.strip())
    except InvalidValue:
        return None


def _is_nothing(received: Any) -> bool:
    return received is None or (isinstance(received, str) and received.strip().lower() in NO_NUMBER)


def _word(value: Any) -> str:
    if value is ABSENT or value is None:
        return ""
    if type(value) is bool:
        return "true" if value else "false"
    return str(value).strip().lower()
