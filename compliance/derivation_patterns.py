"""How a figure of a pattern over many shipments was computed: of one logger's excursions, or of one hour of a month."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import Connection

from coldchain.domain.finding import Severity
from coldchain.domain.quantity import iso
from coldchain.errors import NotFound
from coldchain.registry import summary_patterns as patterns
from coldchain.registry.summary_members import Member, Period, Which, members
from coldchain.registry.summary_patterns import Began
from coldchain.registry.viewer import Viewer
from compliance.derivation_groups import COUNTS, envelope
from compliance.derived import Derived, Json, Rows, seconds


class Hour(NamedTuple):
    """One cell of the seasons: a month such as 2026-07 and an hour of the day, by the clock of `zone` or the site's."""

    month: str
    hour: int
    zone: str | None = None
    usual: str = "UTC"


def of_logger(
    connection: Connection, viewer: Viewer, period: Period, which: Which, logger: str, figure: str, as_of_ms: int
) -> Json:  # fmt: skip
    """How a figure of a logger among the repeat offenders was computed, such as `excursions_per_100`.

    Raises:
        NotFound: the logger had no excursion there, or an offender has no such figure.
    """
    row = next((one for one in patterns.loggers(connection, viewer, period, which) if one["name"] == logger), None)
    if row is None:
        raise NotFound(f"logger: {logger[:60]!r} had no excursion within this period")
    by_shipment = patterns.of_logger(connection, viewer, period, which, logger)
    served = patterns.served_by(connection, viewer, period, which, logger) | by_shipment.keys()
    some = [one for one in members(connection, viewer, period, which) if one.id in served]
    derived = _of_logger(some, by_shipment, logger, figure)
    if derived is None:
        raise NotFound(f"a logger among the offenders has no figure {figure[:60]!r}")
    return {**envelope(figure, derived, row[figure], some, as_of_ms), "logger": logger}


def of_hour(
    connection: Connection, viewer: Viewer, period: Period, which: Which, cell: Hour, figure: str, as_of_ms: int
) -> Json:  # fmt: skip
    """How a figure of one hour of a month was computed: `excursions` or `outside_s`.

    Raises:
        NotFound: no excursion began in that hour, or a cell has no such figure.
    """
    began = [one for one in patterns.began(connection, viewer, period, which, cell.zone, cell.usual)
             if (one.month, one.hour) == (cell.month, cell.hour)]  # fmt: skip
    rows = patterns.seasons(connection, viewer, period, which, cell.zone, cell.usual)
    row = next((one for one in rows if (one["month"], one["hour"]) == (cell.month, cell.hour)), None)
    if row is None:
        raise NotFound(f"month and hour: no excursion began in {cell.month[:20]} at {cell.hour} o'clock")
    derived = _of_hour(sorted(began, key=lambda one: one.onset_ms), cell, figure)
    if derived is None:
        raise NotFound(f"an hour of a month has no figure {figure[:60]!r}; it has excursions and outside_s")
    hit = {one.shipment for one in began}
    some = [one for one in members(connection, viewer, period, which) if one.id in hit]
    return {**envelope(figure, derived, row[figure], some, as_of_ms), "month": cell.month, "hour": cell.hour}


def _of_logger(some: Sequence[Member], by_shipment: dict[str, list[int]], logger: str, figure: str) -> Derived | None:
    def of(one: Member) -> int:
        counts, name = by_shipment.get(one.id, [0, 0, 0, 0]), figure.removeprefix("excursions_")
        words = [severity.word for severity in Severity]
        return counts[words.index(name)] if name in words else sum(counts)

    hit = sorted((one for one in some if of(one)), key=lambda one: -of(one))
    number = sum(of(one) for one in hit)
    table = Rows(("shipment", "excursions"), hit, lambda one: (one.reference, str(of(one))))
    more = (f"Excursions on record that the readings of {logger} made; a shipment counts as served if it was bound.",)
    titles = {"excursions": "Excursions", **{f"excursions_{one.word}": f"Excursions, {one.word}" for one in Severity}}
    if figure in titles:
        title = f"{titles[figure]} of {logger}"
        return Derived(title, "", COUNTS, "Σ excursions on record", number, f"Σ of {len(hit)} shipments", table=table,
                       more=more)  # fmt: skip
    every = Rows(("shipment", "excursions"), some, lambda one: (one.reference, str(of(one))))
    if figure == "excursions_per_100":
        steps = (("excursions", str(number)), ("shipments served", str(len(some))))
        return Derived(f"Excursions of {logger}, per 100 shipments", "", COUNTS, "100 · excursions / shipments served",
                       Fraction(100 * number, len(some)), f"100 · {number} / {len(some)}", steps, every,
                       more=more)  # fmt: skip
    if figure == "with_excursions":
        return Derived(f"Shipments hit by {logger}", "", COUNTS, "how many", len(hit), table=table, more=more)
    if figure == "shipments":
        return Derived(f"Shipments served by {logger}", "", COUNTS, "how many", len(some), table=every, more=more)
    return None


def _of_hour(began: Sequence[Began], cell: Hour, figure: str) -> Derived | None:
    where = f"{cell.month}, {cell.hour:02d} to {(cell.hour + 1) % 24:02d} o'clock"
    table = Rows(("shipment", "onset", "outside for", "severity"), began, lambda one: (
        one.reference, iso(one.onset_ms), seconds(one.duration_ms), Severity(one.severity).word))  # fmt: skip
    clock = f"By the clock of {cell.zone}."
    if cell.zone is None:
        clock = f"Each by the clock of the site that its shipment left from; of {cell.usual} where none is on record."
    if figure == "excursions":
        return Derived(f"Excursions that began in {where}", "", COUNTS, "how many", len(began), table=table,
                       more=(clock,))  # fmt: skip
    if figure == "outside_s":
        total = sum(one.duration_ms for one in began)
        return Derived(f"Time outside of excursions that began in {where}", "s", "sum/1", "Σ outside for",
                       Fraction(total, 1000), f"Σ = {seconds(total)}", table=table, more=(clock,))  # fmt: skip
    return None
