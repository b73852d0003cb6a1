"""Patterns over many shipments: who has most excursions, and in which months and hours they begin."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, null, select

from coldchain.domain.finding import Severity, SubjectKind
from coldchain.registry.schema import excursion, fact, shipment, shipment_figures
from coldchain.registry.summary import excursion_figures, gathered
from coldchain.registry.summary_members import Member, Period, Which, conditions, current_excursions
from coldchain.registry.viewer import Viewer

KINDS = ("logger", "lane", "carrier", "product_profile", "site", "customer")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JOINED = shipment.outerjoin(shipment_figures, shipment_figures.c.shipment == shipment.c.id)
Row = dict[str, Any]


def repeat_offenders(found: Sequence[Member], kind: str) -> list[Row]:
    """Who of a kind (all but logger) had excursions, most of them first: shipments, with excursions, by severity."""
    return _worst_first(
        [
            _offender(
                name,
                {"shipments": len(some), **excursion_figures(some)},
                sum(one.excursion_count > 0 for one in some),
            )
            for (name,), some in gathered(found, (kind,)).items()
        ]
    )


def loggers(connection: Connection, viewer: Viewer, period: Period, which: Which = Which()) -> list[Row]:  # noqa: B008  immutable
    """The loggers whose readings made the excursions of a period, most of them first."""
    wanted = conditions(viewer, period, which)
    query = (
        select(excursion.c.logger, shipment.c.id, excursion.c.severity, func.count().label("number"))
        .select_from(_JOINED.join(excursion, current_excursions()))
        .where(*wanted)
        .group_by(excursion.c.logger, shipment.c.id, excursion.c.severity)
    )
    severities: dict[str, list[int]] = {}
    hit: dict[str, set[str]] = {}
    for logger, id_, severity, number in connection.execute(query):
        severities.setdefault(logger, [0, 0, 0, 0])[severity] += number
        hit.setdefault(logger, set()).add(id_)
    served = _served(connection, wanted, sorted(severities))
    rows = []
    for logger, counts in severities.items():
        shipments = max(served.get(logger, 0), len(hit[logger]))
        row = {"shipments": shipments, "excursions": sum(counts), "excursions_per_100": 100 * sum(counts) / shipments}
        row |= {f"excursions_{severity.word}": counts[severity] for severity in Severity}
        rows.append(_offender(logger, row, len(hit[logger])))
    return _worst_first(rows)


def of_logger(
    connection: Connection, viewer: Viewer, period: Period, which: Which, logger: str
) -> dict[str, list[int]]:  # fmt: skip
    """By shipment: the excursions of a period that one logger's readings made, counted by severity."""
    query = (
        select(shipment.c.id, excursion.c.severity, func.count())
        .select_from(_JOINED.join(excursion, current_excursions()))
        .where(excursion.c.logger == logger, *conditions(viewer, period, which))
        .group_by(shipment.c.id, excursion.c.severity)
    )
    found: dict[str, list[int]] = {}
    for id_, severity, number in connection.execute(query):
        found.setdefault(id_, [0] * len(Severity))[severity] += number
    return found


def served_by(connection: Connection, viewer: Viewer, period: Period, which: Which, logger: str) -> set[str]:
    """The shipments of a period that a logger was bound to."""
    query = (
        select(shipment.c.id)
        .select_from(_JOINED.join(fact, fact.c.subject_id == shipment.c.id))
        .where(fact.c.subject_kind == SubjectKind.SHIPMENT.value, fact.c.kind == "binding", fact.c.logger == logger)
        .where(fact.c.superseded_ms.is_(None), *conditions(viewer, period, which))
    )
    return set(connection.execute(query).scalars())


def _served(connection: Connection, wanted: list[Any], names: list[str]) -> dict[str, int]:
    """How many of the shipments each logger served."""
    bound = (
        select(fact.c.logger, func.count(func.distinct(shipment.c.id)))
        .select_from(_JOINED.join(fact, fact.c.subject_id == shipment.c.id))
        .where(fact.c.subject_kind == SubjectKind.SHIPMENT.value, fact.c.kind == "binding")
        .where(fact.c.superseded_ms.is_(None), *wanted)
        .group_by(fact.c.logger)
    )
    known = set(names)
    return {logger: number for logger, number in connection.execute(bound) if logger in known}


def _offender(name: Any, row: Row, hit: int) -> Row:
    kept = ("shipments", "excursions", *(f"excursions_{s.word}" for s in Severity), "excursions_per_100")
    return {"name": name, **{key: row[key] for key in kept}, "with_excursions": hit}


def _worst_first(rows: list[Row]) -> list[Row]:
    guilty = [row for row in rows if row["excursions"]]
    return sorted(guilty, key=lambda r: (-r["excursions"], -r["excursions_per_100"], str(r["name"] or "")))


class Began(NamedTuple):
    """An excursion with the month and the hour of day in which it began."""

    shipment: str
    reference: str
    onset_ms: int
    duration_ms: int
    severity: int
    month: str
    hour: int


def began(
    connection: Connection, viewer: Viewer, period: Period, which: Which, zone: str | None, usual: str
) -> Iterator[Began]:  # fmt: skip
    """The excursions of a period, each by the clock of `zone`, else of the site that its shipment left from."""
    origin = shipment.c.origin if zone is None else null()
    query = (
        select(
            shipment.c.id, shipment.c.reference, excursion.c.onset_ms, excursion.c.duration_ms, excursion.c.severity,
            origin,
        )
        .select_from(_JOINED.join(excursion, current_excursions()))
        .where(*conditions(viewer, period, which))
    )  # fmt: skip
    for id_, reference, onset_ms, duration_ms, severity, left in connection.execute(query):
        place = ZoneInfo(zone or (left or {}).get("zone") or usual)
        at = (_EPOCH + timedelta(milliseconds=onset_ms)).astimezone(place)
        yield Began(id_, reference, onset_ms, duration_ms, severity, f"{at.year}-{at.month:02d}", at.hour)


def seasons(
    connection: Connection, viewer: Viewer, period: Period, which: Which, zone: str | None, usual: str = "UTC"
) -> list[Row]:  # fmt: skip
    """When excursions began: one row per month and hour of day in `zone` that saw any, in order of time.

    Without a zone each excursion counts by the clock of the site that its shipment left from, or by `usual` where
    that is not on record. An hour that comes twice when clocks go back counts both times as itself.
    """
    cells: dict[tuple[str, int], list[int]] = {}
    for one in began(connection, viewer, period, which, zone, usual):
        cell = cells.setdefault((one.month, one.hour), [0, 0, 0])
        cell[0] += 1
        cell[1] += one.duration_ms
        cell[2] = max(cell[2], one.severity)
    return [
        {"month": month, "hour": hour, "excursions": number, "outside_s": outside / 1000,
         "worst": Severity(worst).word}
        for (month, hour), (number, outside, worst) in sorted(cells.items())
    ]  # fmt: skip
