"""The compliance summary: the figures of groups of shipments, added up exactly from those that each shipment shows.

Shares are taken from sums of milliseconds, never as averages of shares; mean kinetic temperatures are pooled over
known time (`kinetic.METHOD_ID`), never averaged.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from coldchain.domain import kinetic
from coldchain.domain.finding import Severity
from coldchain.registry.summary_members import Member, Period, Which, members
from coldchain.registry.viewer import Viewer

__all__ = ["GROUPS", "PERIODS", "Period", "Which", "figures", "grouped", "members", "pooled", "summary"]

GROUPS = ("product_profile", "lane", "carrier", "site", "customer")
PERIODS = ("week", "month")  # of the departure, by the calendar of a zone
MIXED = "not pooled: these shipments were judged with different activation energies"
NONE = "not applicable: none of these shipments has a mean kinetic temperature"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


def summary(
    connection: Connection,
    viewer: Viewer,
    period: Period,
    by: Iterable[str] = ("product_profile", "lane"),
    which: Which = Which(),  # noqa: B008  immutable
    zone: str = "UTC",
    as_of_ms: int | None = None,
) -> list[Row]:
    """One row per group of `by` (of `GROUPS` and `PERIODS`), worst time in range first; by time with a period first.

    Alarms that nobody took in hand wait until `as_of_ms` (the period's end without one).
    """
    found = members(connection, viewer, period, which)
    return grouped(found, tuple(by), zone=zone, as_of_ms=period.to_ms if as_of_ms is None else as_of_ms)


def grouped(found: Sequence[Member], by: Sequence[str], *, zone: str = "UTC", as_of_ms: int) -> list[Row]:
    """As `summary`, of members that were read before."""
    groups = gathered(found, by, zone=zone)
    rows = [dict(zip(by, group, strict=True)) | figures(some, as_of_ms) for group, some in groups.items()]
    if by and by[0] in PERIODS:
        return sorted(rows, key=lambda row: [str(row[name] or "") for name in by])
    return sorted(
        rows,
        key=lambda r: (r["in_range_pct"] is None, r["in_range_pct"] or 0.0, [str(r[name] or "") for name in by]),
    )


def gathered(found: Iterable[Member], by: Sequence[str], *, zone: str = "UTC") -> dict[tuple[Any, ...], list[Member]]:
    """The members by what they are grouped by, in the order in which the groups were met."""
    keys = [_key_of(name, zone) for name in by]
    groups: dict[tuple[Any, ...], list[Member]] = {}
    for one in found:
        groups.setdefault(tuple([key(one) for key in keys]), []).append(one)
    return groups


def _key_of(name: str, zone: str) -> Callable[[Member], Any]:
    if name not in PERIODS:
        return attrgetter(name)
    place = ZoneInfo(zone)
    return lambda one: period_name(name, one.when_ms, place)


def period_name(kind: str, time_ms: int, zone: ZoneInfo) -> str:
    """The calendar month ("2026-03") or ISO week ("2026-W09") of a moment in a zone."""
    at = (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(zone)
    if kind == "month":
        return f"{at.year}-{at.month:02d}"
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02d}"


def period_of(name: str, zone: ZoneInfo) -> Period:
    """From when until when a month or week named by `period_name` lasts."""
    if "W" in name:
        first = datetime.fromisocalendar(int(name[:4]), int(name[6:]), 1)
        after = first + timedelta(days=7)
    else:
        year, month = int(name[:4]), int(name[5:])
        first = datetime(year, month, 1)  # noqa: DTZ001  a local midnight: the zone comes next
        after = datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001
    return Period(*(_ms(local.replace(tzinfo=zone)) for local in (first, after)))


def _ms(at: datetime) -> int:
    return (at.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def figures(some: Sequence[Member], as_of_ms: int) -> Row:
    """The figures of one group of shipments; of those that were not judged only the number and the alarms count."""
    judged = [one for one in some if one.in_range_ms is not None]
    in_range, out = sum(one.in_range_ms or 0 for one in judged), sum(one.outside_ms for one in judged)
    unknown = sum(one.unknown_ms or 0 for one in judged)
    return {
        "shipments": len(some),
        "judged": len(judged),
        "product_profiles": len({one.product_profile for one in some if one.product_profile is not None}),
        "without_excursion": sum(one.excursion_count == 0 for one in judged),
        "with_excursions": sum(one.excursion_count > 0 for one in some),
        **excursion_figures(some),
        "time_judged_s": (in_range + out) / 1000,
        "time_in_range_s": in_range / 1000,
        "time_out_s": out / 1000,
        "time_unknown_s": unknown / 1000,
        "in_range_pct": 100 * in_range / (in_range + out) if in_range + out else None,
        "coverage_pct": 100 * (in_range + out) / total if (total := in_range + out + unknown) else None,
        "min_c": _degrees(min((one.min_mc for one in judged if one.min_mc is not None), default=None)),
        "max_c": _degrees(max((one.max_mc for one in judged if one.max_mc is not None), default=None)),
        **kinetic_figures(judged),
        **_answered([wait for one in some for wait in one.alarms], as_of_ms),
        **_budget(judged),
    }


def excursion_figures(some: Sequence[Member]) -> Row:
    """Those of the figures that count excursions."""
    by_severity = [sum(one.excursions[severity] for one in some) for severity in Severity]
    number = sum(by_severity)
    return {
        "excursions": number,
        **{f"excursions_{severity.word}": by_severity[severity] for severity in Severity},
        "excursions_per_100": 100 * number / len(some) if some else None,
        **{f"{severity.word}_per_100": 100 * by_severity[severity] / len(some) if some else None
           for severity in Severity},
    }  # fmt: skip


def kinetic_figures(judged: Sequence[Member]) -> Row:
    """Those of the figures that tell mean kinetic temperatures."""
    having = [one for one in judged if one.mkt_c is not None]
    worst = max(having, key=lambda one: (one.mkt_c or 0.0, one.reference), default=None)
    value, reason = pooled(having)
    return {
        "mkt_shipments": len(having),
        "mkt_worst_c": None if worst is None else worst.mkt_c,
        "mkt_worst_shipment": None if worst is None else worst.id,
        "mkt_pooled_c": value,
        "mkt_pooled_reason": reason,
    }


def pooled(some: Sequence[Member]) -> tuple[float | None, str | None]:
    """The mean kinetic temperature over all known time of these shipments, or why there is none."""
    parts = [(one.mkt_ratio, one.mkt_rate, one.known_ms) for one in some if one.mkt_rate is not None and one.known_ms]
    ratios = {ratio for ratio, _, _ in parts if ratio is not None}
    if not ratios:
        return None, NONE
    if len(ratios) > 1:
        return None, MIXED
    total = sum(int(rate or 0) * known_ms for _, rate, known_ms in parts)
    weight = sum(known_ms for _, _, known_ms in parts)
    return float(kinetic.temperature(Decimal(ratios.pop()), total, weight)), None


def _answered(waits: Sequence[Any], as_of_ms: int) -> Row:
    answered = sorted(one.acknowledged_ms - one.raised_ms for one in waits if one.acknowledged_ms is not None)
    waiting = sum(max(as_of_ms - one.raised_ms, 0) for one in waits if one.acknowledged_ms is None)
    return {
        "alarms": len(waits),
        "alarms_acknowledged": len(answered),
        "alarms_waiting": len(waits) - len(answered),
        "acknowledged_within_s": answered[len(answered) // 2] / 1000 if answered else None,
        "unacknowledged_s": (sum(answered) + waiting) / 1000,
    }


def _budget(judged: Sequence[Member]) -> Row:
    having = [one for one in judged if one.budget_allowed_ms]
    worst = max(having, key=_used, default=None)
    return {
        "budget_shipments": len(having),
        "budget_worst_pct": None
        if worst is None
        else 100 * (worst.budget_used_ms or 0) / (worst.budget_allowed_ms or 1),
        "budget_worst_shipment": None if worst is None else worst.id,
        "budget_exceeded": sum((one.budget_used_ms or 0) > (one.budget_allowed_ms or 0) for one in having),
    }


def _used(one: Member) -> tuple[float, str]:
    return (one.budget_used_ms or 0) / (one.budget_allowed_ms or 1), one.reference


def _degrees(milli: int | None) -> float | None:
    return None if milli is None else milli / 1000
