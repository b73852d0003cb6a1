"""What a derivation is made of: a formula, the numbers put into it, the rows that they come from, and the result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

from coldchain.domain.quantity import iso

SCHEMA = "coldchain.derivation/1"
HEAD, TAIL = 12, 6  # rows of a long table that are shown; the export of the readings has them all
_D = Context(prec=50, rounding=ROUND_HALF_EVEN)
_DIGITS = Context(prec=17, rounding=ROUND_HALF_EVEN)
Number = int | Fraction | Decimal
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """The parts of a sum, one per row, in order of time. `show` writes one as cells; only those shown are written."""

    columns: tuple[str, ...]
    rows: Sequence[Any]
    show: Callable[[Any], tuple[str, ...]] = tuple

    @property
    def json(self) -> Json:
        """The first and the last rows, and how many lie between them."""
        few = len(self.rows) <= HEAD + TAIL
        head, tail = (self.rows, ()) if few else (self.rows[:HEAD], self.rows[-TAIL:])
        return {
            "columns": list(self.columns), "head": [list(self.show(row)) for row in head],
            "tail": [list(self.show(row)) for row in tail], "left_out": len(self.rows) - len(head) - len(tail),
            "rows": len(self.rows),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Derived:
    """How one figure comes about. `result` None means that there is none, and `why` says why.

    A text result is a moment or a word; a number is exact (or of 50 digits, where there is a logarithm).
    """

    title: str
    unit: str
    method_id: str
    formula: str
    result: Number | str | None
    numbers: str = ""
    steps: tuple[tuple[str, str], ...] = ()  # what it is, and its value, in the order in which they are taken
    table: Rows | None = None
    why: str | None = None
    more: tuple[str, ...] = field(default=())  # remarks

    def called(self, title: str, method_id: str, more: tuple[str, ...]) -> "Derived":
        """The same steps under another name: of a figure that is made in the same way."""
        return replace(self, title=title, method_id=method_id, more=more)

    def without(self, why: str) -> "Derived":
        """The same figure where it cannot be told, and why."""
        return replace(self, result=None, numbers="", steps=(), table=None, why=why)

    def json(self) -> Json:
        """As the API and the page show it."""
        number = self.result is not None and not isinstance(self.result, str)
        rounding = "half-even, 2 decimals; the figure itself is the float64 nearest to the exact value"
        return {
            "title": self.title, "unit": self.unit, "method_id": self.method_id, "formula": self.formula,
            "numbers": self.numbers, "steps": [{"what": what, "value": value} for what, value in self.steps],
            "table": None if self.table is None else self.table.json,
            "exact": digits(self.result) if number else self.result,  # type: ignore[arg-type]
            "rounding": rounding if number else "none",
            "printed": printed(self.result), "reason": self.why, "remarks": list(self.more),
        }  # fmt: skip


def decimal(value: Number) -> Decimal:
    """The number with 50 digits."""
    if isinstance(value, Fraction):
        return _D.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Decimal(value)


def printed(value: Number | float | str | None) -> str | None:
    """The printed form: 2 decimals, half-even; text as it is."""
    if value is None or isinstance(value, str):
        return value
    exact = Decimal(repr(value)) if isinstance(value, float) else decimal(value)
    return str(exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN, _D) + 0)


def digits(value: Number) -> str:
    """The number as text: all of its digits, or seventeen and the sign that more follow."""
    exact = decimal(value)
    short = _DIGITS.plus(exact)
    text = f"{short.normalize():f}" if -7 < short.adjusted() < 24 or not short else f"{short:.16E}"
    return text if short == exact and not _endless(value) else f"{text} …"


def _endless(value: Number) -> bool:
    return isinstance(value, Fraction) and decimal(value) * value.denominator != value.numerator


def seconds(milliseconds: Number) -> str:
    """Milliseconds as seconds."""
    return f"{digits(Fraction(milliseconds) / 1000)} s"


def degrees(milli: Number) -> str:
    """Thousandths of a degree as degrees."""
    return f"{digits(Fraction(milli) / 1000)} °C"


def moment(time_ms: int | None) -> str:
    """A moment in UTC, to the millisecond; what has not ended says so."""
    return "still open" if time_ms is None else iso(time_ms)
