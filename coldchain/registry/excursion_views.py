"""Excursions as they are shown: the current version of each, what was amended, and where it happened."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.errors import NotFound
from coldchain.registry.excursion_alarms import answers
from coldchain.registry.paging import Page, in_order
from coldchain.registry.running import FIGURES, running
from coldchain.registry.schema import alarm, breach, excursion, shipment, store
from coldchain.registry.scope import subjects_of
from coldchain.registry.viewer import Viewer


class Filter(NamedTuple):
    """Which excursions; None leaves a field open. Those that overlap [from_ms, to_ms) are shown."""

    subject_kind: str | None = None
    subject_id: str | None = None
    logger: str | None = None
    direction: str | None = None
    at_least: Severity | None = None
    open: bool | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    text: str | None = None  # in the shipment's reference, lane, customer, or the store's name
    withdrawn: bool = False  # also those that later data refuted


_SHIPMENT = and_(excursion.c.subject_kind == SubjectKind.SHIPMENT.value, shipment.c.id == excursion.c.subject_id)
_STORE = and_(excursion.c.subject_kind == SubjectKind.STORE.value, store.c.id == excursion.c.subject_id)
_NAME = func.coalesce(shipment.c.reference, store.c.name)
SORTS: dict[str, Any] = {
    "onset": excursion.c.onset_ms, "end": excursion.c.end_ms, "severity": excursion.c.severity,
    "duration": excursion.c.duration_ms, "peak": excursion.c.peak_mc, "reference": _NAME, "logger": excursion.c.logger,
}  # fmt: skip


def listed(
    connection: Connection,
    viewer: Viewer,
    which: Filter = Filter(),  # noqa: B008  immutable
    *,
    sort: str = "-onset",
    limit: int = 100,
    cursor: str | None = None,
    offset: int = 0,
) -> Page:
    """The excursions that exist for `viewer`, in the order of `sort` (one of `SORTS`, "-" before it turns it round).

    Raises:
        InvalidValue: an unknown order, or a foreign cursor.
    """
    rows, following = in_order(
        connection, _query(viewer, which), SORTS, excursion.c.id, sort=sort, limit=limit, cursor=cursor, offset=offset
    )
    return Page(_as_they_run(connection, rows), following)


def count(connection: Connection, viewer: Viewer, which: Filter = Filter()) -> int:  # noqa: B008  immutable
    """How many excursions the filter leaves."""
    inner = _query(viewer, which).with_only_columns(excursion.c.id).subquery()
    return int(connection.execute(select(func.count()).select_from(inner)).scalar_one())


def shown(connection: Connection, viewer: Viewer, id: str) -> dict[str, Any]:  # noqa: A002
    """One excursion with all its versions (oldest first), the rules that fired on it and the alarms that link it.

    Raises:
        NotFound: none, or none for this viewer.
    """
    base = _joined(viewer).where(excursion.c.id == id)
    rows = list(connection.execute(base.order_by(excursion.c.version)))
    if not rows:
        raise NotFound(f"no excursion {id}")
    current = next((row for row in rows if not row.superseded), rows[-1])
    linking = connection.execute(
        select(alarm.c.id, alarm.c.excursions).where(
            alarm.c.subject_kind == current.subject_kind, alarm.c.subject_id == current.subject_id
        )
    )
    of = and_(breach.c.excursion == id, breach.c.superseded.is_(False))
    fired = connection.execute(select(breach).where(of).order_by(breach.c.fired_ms, breach.c.rule))
    return {
        **_as_they_run(connection, [current])[0],
        "breaches": [
            {"rule": b.rule, "severity": Severity(b.severity).word, "fired_at": iso(b.fired_ms), "alarm": b.alarm}
            for b in fired
        ],
        "versions": [{**excursion_json(row), "superseded": row.superseded} for row in rows],
        "alarms": [row.id for row in linking if id in (row.excursions or [])],
    }


def _as_they_run(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """The rows as JSON, open ones with the figures that the engine saw last; an order goes by what is recorded."""
    ongoing = {Subject(SubjectKind(row.subject_kind), row.subject_id) for row in rows if row.end_ms is None}
    figures = running(connection, ongoing) if ongoing else {}
    told = answers(connection, rows)
    found = []
    for row in rows:
        item = figures.get(row.id, {}) if row.end_ms is None and not row.superseded else {}
        newest = {"peak" if name == "peak_at" else name: item[name] for name in FIGURES if name in item}
        found.append(excursion_json(row) | newest | told.get(row.id, {}))
    return found


def excursion_json(row: Row[Any]) -> dict[str, Any]:
    """The public JSON of one version; absent values are absent, but `end`, which is null while it is open."""
    values = {
        "id": row.id, "version": row.version, "subject_kind": row.subject_kind, "subject_id": row.subject_id,
        "reference": row.reference, "customer": row.customer, "carrier": row.carrier, "lane": row.lane,
        "logger": row.logger, "channel": row.channel, "direction": row.direction,
        "onset": iso(row.onset_ms), "onset_sample": iso(row.onset_sample_ms),
        "duration_s": row.duration_ms / 1000, "duration_upper_s": row.duration_upper_ms / 1000,
        "peak_c": row.peak_mc / 1000, "peak": iso(row.peak_ms), "limit_c": row.limit_mc / 1000,
        "mean_c": row.mean_c, "coverage_pct": row.coverage_pct, "custodian": row.custodian, "leg": row.leg,
        "area_c_min": int(row.area_mc_ms) / 60_000_000, "severity": Severity(row.severity).word, "late": row.late,
        "monitoring_ended": row.monitoring_ended or None,
        "amends": row.amends, "merged_into": row.merged_into, "withdrawn": row.withdrawn or None,
        "latitude": _degrees(row.latitude_e7), "longitude": _degrees(row.longitude_e7),
        "peak_latitude": _degrees(row.peak_latitude_e7), "peak_longitude": _degrees(row.peak_longitude_e7),
        "recorded": iso(row.recorded_ms),
    }  # fmt: skip
    shown = {name: value for name, value in values.items() if value is not None}
    return {**shown, "end": None if row.end_ms is None else iso(row.end_ms)}


def _joined(viewer: Viewer) -> Select[Any]:
    columns = (excursion, _NAME.label("reference"), shipment.c.customer, shipment.c.carrier, shipment.c.lane)
    query = select(*columns).select_from(excursion).outerjoin(shipment, _SHIPMENT).outerjoin(store, _STORE)
    return query.where(subjects_of(viewer, excursion.c.subject_kind, excursion.c.subject_id))


def _query(viewer: Viewer, which: Filter) -> Select[Any]:
    query = _joined(viewer).where(excursion.c.superseded.is_(False), excursion.c.merged_into.is_(None))
    equal = (
        (excursion.c.subject_kind, which.subject_kind), (excursion.c.subject_id, which.subject_id),
        (excursion.c.logger, which.logger), (excursion.c.direction, which.direction),
    )  # fmt: skip
    for column, wanted in equal:
        if wanted is not None:
            query = query.where(column == wanted)
    if not which.withdrawn:
        query = query.where(excursion.c.withdrawn.is_(False))
    if which.at_least is not None:
        query = query.where(excursion.c.severity >= which.at_least.value)
    if which.open is not None:
        query = query.where(excursion.c.end_ms.is_(None) if which.open else excursion.c.end_ms.is_not(None))
    if which.from_ms is not None:
        query = query.where(or_(excursion.c.end_ms.is_(None), excursion.c.end_ms > which.from_ms))
    if which.to_ms is not None:
        query = query.where(excursion.c.onset_ms < which.to_ms)
    if which.text is not None:
        fields = (_NAME, shipment.c.lane, shipment.c.customer, excursion.c.logger)
        query = query.where(or_(*(field.icontains(which.text, autoescape=True) for field in fields)))
    return query


def _degrees(value_e7: int | None) -> float | None:
    return None if value_e7 is None else value_e7 / 10_000_000
