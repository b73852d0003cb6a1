"""The compliance summary: per product and lane, from the same figures that each shipment shows."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, func, select

from coldchain.domain.finding import Severity, SubjectKind
from coldchain.registry.schema import alarm, excursion, fact, shipment, subject_state
from coldchain.registry.scope import shipments_of
from coldchain.registry.viewer import Viewer

_IS_SHIPMENT = SubjectKind.SHIPMENT.value
# When a shipment belongs to a period: its departure, as it happened, else as it was planned, else when it was made.
_WHEN = func.coalesce(shipment.c.departed_ms, shipment.c.planned_departure_ms, shipment.c.created_ms)


class Period(NamedTuple):
    """Shipments that departed in [from_ms, to_ms)."""

    from_ms: int
    to_ms: int


def summary(
    connection: Connection, viewer: Viewer, period: Period, by: Iterable[str] = ("product_profile", "lane")
) -> list[dict[str, Any]]:
    """One row per group of `by` (product_profile, lane, customer, carrier), worst time in range first.

    `in_range_pct` is the time in range over the time that was judged (gaps are neither); `mkt_worst_c` the highest MKT
    of one shipment; alarms count from major up, `acknowledged_within_s` is the median from raised to acknowledged.
    """
    keys = tuple(by)
    groups: dict[tuple[Any, ...], list[Row[Any]]] = {}
    for row in connection.execute(_figures(viewer, period)):
        groups.setdefault(tuple(getattr(row, key) for key in keys), []).append(row)
    alarms = _alarms(connection, viewer, period)
    rows = [dict(zip(keys, group, strict=True)) | _row(members, alarms) for group, members in groups.items()]
    return sorted(
        rows, key=lambda r: (r["in_range_pct"] is None, r["in_range_pct"] or 0.0, *map(_text, map(r.get, keys)))
    )


def _figures(viewer: Viewer, period: Period) -> Any:
    profile = (
        select(fact.c.body["id"].as_string())
        .where(fact.c.subject_kind == _IS_SHIPMENT, fact.c.subject_id == shipment.c.id, fact.c.kind == "profile")
        .where(fact.c.superseded_ms.is_(None))
        .order_by(fact.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    excursions = (
        select(func.count())
        .where(excursion.c.subject_kind == _IS_SHIPMENT, excursion.c.subject_id == shipment.c.id)
        .where(~excursion.c.superseded, excursion.c.withdrawn.is_(False), excursion.c.merged_into.is_(None))
        .scalar_subquery()
    )
    document = subject_state.c.document
    times = [document["temperature"][f"time_{name}_s"].as_float() for name in ("in_range", "above", "below", "unknown")]
    joined = and_(subject_state.c.subject_kind == _IS_SHIPMENT, subject_state.c.subject_id == shipment.c.id)
    return (
        select(
            shipment.c.id,
            shipment.c.customer,
            shipment.c.carrier,
            shipment.c.lane,
            profile.label("product_profile"),
            excursions.label("excursions"),
            times[0].label("in_range_s"),
            times[1].label("above_s"),
            times[2].label("below_s"),
            times[3].label("unknown_s"),
            document["mkt"]["value_c"].as_float().label("mkt_c"),
            document["coverage_pct"].as_float().label("coverage_pct"),
        )
        .select_from(shipment)
        .outerjoin(subject_state, joined)
        .where(shipments_of(viewer), period.from_ms <= _WHEN, period.to_ms > _WHEN)
    )


def _alarms(connection: Connection, viewer: Viewer, period: Period) -> dict[str, list[Row[Any]]]:
    query = (
        select(alarm.c.subject_id, alarm.c.raised_ms, alarm.c.acknowledged_ms)
        .join(shipment, and_(alarm.c.subject_kind == _IS_SHIPMENT, alarm.c.subject_id == shipment.c.id))
        .where(shipments_of(viewer), period.from_ms <= _WHEN, period.to_ms > _WHEN)
        .where(alarm.c.severity >= Severity.MAJOR.value, alarm.c.merged_into.is_(None), alarm.c.condition != "pending")
    )
    result: dict[str, list[Row[Any]]] = {}
    rows: Iterable[Row[Any]] = connection.execute(query)
    for row in rows:
        result.setdefault(row.subject_id, []).append(row)
    return result


def _row(members: list[Row[Any]], alarms: dict[str, list[Row[Any]]]) -> dict[str, Any]:
    in_range = sum(row.in_range_s or 0.0 for row in members)
    out = sum((row.above_s or 0.0) + (row.below_s or 0.0) for row in members)
    unknown = sum(row.unknown_s or 0.0 for row in members)
    raised = [one for row in members for one in alarms.get(row.id, [])]
    waits = sorted(one.acknowledged_ms - one.raised_ms for one in raised if one.acknowledged_ms is not None)
    clean = sum(row.excursions == 0 for row in members if row.in_range_s is not None)
    judged = sum(row.in_range_s is not None for row in members)
    return {
        "shipments": len(members),
        "judged": judged,
        "without_excursion": clean,
        "excursions": sum(row.excursions for row in members),
        "time_in_range_s": in_range,
        "time_out_s": out,
        "time_unknown_s": unknown,
        "in_range_pct": 100 * in_range / (in_range + out) if in_range + out else None,
        "coverage_pct": 100 * (in_range + out) / total if (total := in_range + out + unknown) else None,
        "mkt_worst_c": max((row.mkt_c for row in members if row.mkt_c is not None), default=None),
        "alarms": len(raised),
        "alarms_acknowledged": len(waits),
        "acknowledged_within_s": waits[len(waits) // 2] / 1000 if waits else None,
    }


def _text(value: Any) -> str:
    return "" if value is None else str(value)
