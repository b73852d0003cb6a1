"""The first look at a whole column: in which order its dates are written and which decimal sign its numbers have.

A column is decided by its rows, not by its first ones: where every row can be read both ways, somebody has to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from coldchain.errors import InvalidValue
from sensors.carriers.files.csv_cells import date_parts, is_number, readings_of
from sensors.carriers.files.csv_plan import Need, Plan
from sensors.carriers.files.csv_text import Line, cells, lines

_PROOF = 19  # rows that can be read one way only, for each that says otherwise: that one is then a bad row
# A number written with the other sign is refused and never read wrong, so that a clear majority is enough.
_CLEAR = 3


class Survey(NamedTuple):
    """What the whole file says of itself."""

    rows: int
    order: str | None  # None: undecided
    decimal: str | None
    evidence: str  # why this order, for a person
    short: bool = False  # most dates are three pairs of digits
    needs: tuple[Need, ...] = ()


@dataclass(slots=True)
class _Dates:
    """How the dates of a column can be read; lines are those of the first witness."""

    year_first: int = 0
    either: int = 0
    day_only: int = 0
    month_only: int = 0
    day_line: int = 0
    month_line: int = 0
    example: str = ""
    short: int = 0
    firsts: set[int] = field(default_factory=set)  # of the short dates: what stands first, and what stands last
    lasts: set[int] = field(default_factory=set)

    def take(self, text: str, line: int) -> None:
        parts = date_parts(text)
        if parts is None:
            return
        if parts.form != "either":
            self.year_first += 1
            return
        self.either += 1
        self.example = self.example or text
        if parts.short:
            self.short += 1
            self.firsts.add(parts.first)
            self.lasts.add(parts.year)
        day, month = readings_of(parts)
        if day and not month:
            self.day_only, self.day_line = self.day_only + 1, self.day_line or line
        elif month and not day:
            self.month_only, self.month_line = self.month_only + 1, self.month_line or line


def row_lines(content: bytes, plan: Plan) -> Iterator[Line]:
    """The lines of the table that are not empty."""
    first = plan.layout.first_row
    for line in lines(content, plan.layout.encoding):
        if line.number >= first and (line.text is None or line.text.strip(f" {plan.layout.delimiter}\x00")):
            yield line


def row_cells(text: str, plan: Plan) -> list[str] | None:
    """The cells of a row, with a number that a decimal comma tore in two put together again."""
    row = cells(text, plan.layout.delimiter)
    if row is None or not plan.layout.split_decimal or len(row) != len(plan.layout.titles) + 1:
        return row
    return [*row[:-2], f"{row[-2]},{row[-1]}"] if row[-1].isdecimal() else row


def time_text(row: list[str], plan: Plan) -> str:
    """The text of a row's time; empty where the row is too short to hold it."""
    if max(plan.time_at) >= len(row):
        return ""
    return row[plan.time_at[0]] if len(plan.time_at) == 1 else f"{row[plan.time_at[0]]} {row[plan.time_at[1]]}"


def survey(content: bytes, plan: Plan) -> Survey:
    """Look at every row once.

    Raises:
        InvalidValue: the stated order of the date is not the one that the column has.
    """
    dates, rows, points, commas = _Dates(), 0, 0, 0
    places = [use.at for use in plan.uses]
    for line in row_lines(content, plan):
        rows += 1
        row = row_cells(line.text, plan) if line.text is not None else None
        if row is None:
            continue
        dates.take(time_text(row, plan), line.number)
        for at in places:
            if at < len(row) and is_number(row[at]):
                points += "." in row[at]
                commas += "," in row[at]
    order, evidence = _order(dates, plan)
    decimal = _decimal(points, commas, plan)
    needs = []
    if order is None:
        needs.append(Need("order", evidence))
    if decimal is None:
        needs.append(Need("decimal", f"{points} numbers have a decimal point and {commas} a comma: state which it is"))
    short = dates.short > dates.year_first
    return Survey(rows, order, decimal, evidence, short, tuple(needs))


def _order(dates: _Dates, plan: Plan) -> tuple[str | None, str]:
    stated = plan.mapping.time.order
    if stated in ("epoch_s", "epoch_ms"):
        return stated, "as the mapping says"
    if stated == "ymd" or (stated == "auto" and dates.year_first >= _PROOF * dates.either):
        return "ymd", "the dates begin with the year" if dates.year_first else "as the mapping says"
    if dates.short * 2 > dates.either and stated == "auto":
        # A logger writes many rows a year: of the two ends, the one that stays is the year.
        if len(dates.firsts) < len(dates.lasts):
            return "ymd", "the first part of the dates stays while the last one runs, so it is the year"
        if len(dates.firsts) == len(dates.lasts):
            return (
                None,
                f"{dates.example[:30]!r} does not show where its year stands: state the order (ymd, dmy or mdy)",
            )
    day = f"line {dates.day_line} can be read day first only" if dates.day_only else ""
    month = f"line {dates.month_line} can be read month first only" if dates.month_only else ""
    if stated in ("dmy", "mdy"):
        proved, other, witness = dates.day_only, dates.month_only, month
        if stated == "mdy":
            proved, other, witness = other, proved, day
        if other * _PROOF > proved:
            raise InvalidValue(
                f"order: {stated} is not how this column is written: {witness}, and {other} lines in all"
            )
        return stated, (day if stated == "dmy" else month) or "as stated; every line can be read both ways"
    if dates.day_only and dates.day_only >= _PROOF * dates.month_only:
        return "dmy", day
    if dates.month_only and dates.month_only >= _PROOF * dates.day_only:
        return "mdy", month
    if day and month:
        return None, f"the dates are written in both orders: {day}, {month}; state which one counts (dmy or mdy)"
    return None, (
        f"every date can be read day first and month first, such as {dates.example[:30]!r}: "
        "state the order of its parts (dmy or mdy)"
    )


def _decimal(points: int, commas: int, plan: Plan) -> str | None:
    stated = plan.mapping.text.decimal
    if stated != "auto":
        return stated
    if plan.layout.split_decimal or (commas and commas >= _CLEAR * points):
        return ","
    return "." if points >= _CLEAR * commas else None
