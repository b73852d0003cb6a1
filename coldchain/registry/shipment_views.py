"""Shipments as they are shown: a filtered, sorted list in pages, and one with everything that hangs on it."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select

from coldchain.domain.finding import SubjectKind
from coldchain.domain.quantity import iso
from coldchain.errors import NotFound
from coldchain.registry import bindings
from coldchain.registry.paging import Page, in_order
from coldchain.registry.schema import batch, excursion, fact, milestone, shipment, subject_state
from coldchain.registry.scope import shipments_of
from coldchain.registry.shipments import subject
from coldchain.registry.viewer import Viewer

_IS_SHIPMENT = SubjectKind.SHIPMENT.value


class Filter(NamedTuple):
    """Which shipments; None leaves a field open. `text` is sought in reference, lane, parties and batches."""

    state: str | None = None
    status: str | None = None
    customer: str | None = None
    carrier: str | None = None
    lane: str | None = None
    product_profile: str | None = None
    logger: str | None = None
    text: str | None = None
    reference: str | None = None


def _fact_of_profile(field: str) -> Any:
    return (
        select(fact.c.body[field].as_string() if field == "id" else fact.c.body[field].as_integer())
        .where(fact.c.subject_kind == _IS_SHIPMENT, fact.c.subject_id == shipment.c.id)
        .where(fact.c.kind == "profile", fact.c.superseded_ms.is_(None))
        .order_by(fact.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _excursions(*conditions: Any) -> Any:
    query = select(func.count()).select_from(excursion).where(excursion.c.subject_kind == _IS_SHIPMENT, *conditions)
    return (
        # Written with NOT: with IS, SQLite takes the index over all current excursions instead of the shipment's own.
        query.where(excursion.c.subject_id == shipment.c.id, ~excursion.c.superseded)
        .where(excursion.c.withdrawn.is_(False), excursion.c.merged_into.is_(None))
        .scalar_subquery()
    )


_STATUS = func.coalesce(subject_state.c.status, "unknown")
_URGENCY = case({"excursion": 3, "at_risk": 2, "unknown": 1}, value=_STATUS, else_=0)
_PROFILE = _fact_of_profile("id")
_COLUMNS = (
    shipment,
    _STATUS.label("status"),
    _URGENCY.label("urgency"),
    subject_state.c.as_of_ms,
    _PROFILE.label("product_profile"),
    _fact_of_profile("version").label("profile_version"),
    _excursions().label("excursions"),
    _excursions(excursion.c.end_ms.is_(None)).label("open_excursions"),
)
SORTS: dict[str, Any] = {
    "reference": shipment.c.reference, "created": shipment.c.created_ms, "state": shipment.c.state,
    "customer": shipment.c.customer, "carrier": shipment.c.carrier, "lane": shipment.c.lane,
    "planned_arrival": shipment.c.planned_arrival_ms, "departed": shipment.c.departed_ms,
    "arrived": shipment.c.arrived_ms, "urgency": _URGENCY,
}  # fmt: skip


def listed(
    connection: Connection,
    viewer: Viewer,
    which: Filter = Filter(),  # noqa: B008  immutable
    *,
    sort: str = "-created",
    limit: int = 100,
    cursor: str | None = None,
    offset: int = 0,
) -> Page:
    """The shipments that exist for `viewer`, in the order of `sort` (one of `SORTS`, "-" before it turns it round).

    `cursor` goes on after a page; `offset` jumps, for grids that scroll.

    Raises:
        InvalidValue: an unknown order, state or status, or a foreign cursor.
    """
    rows, following = in_order(
        connection, _query(viewer, which), SORTS, shipment.c.id, sort=sort, limit=limit, cursor=cursor, offset=offset
    )
    return Page([_json(row) for row in rows], following)


def count(connection: Connection, viewer: Viewer, which: Filter = Filter()) -> int:  # noqa: B008  immutable
    """How many shipments the filter leaves."""
    inner = _query(viewer, which).with_only_columns(shipment.c.id).subquery()
    return int(connection.execute(select(func.count()).select_from(inner)).scalar_one())


def shown(connection: Connection, viewer: Viewer, id: str) -> dict[str, Any]:  # noqa: A002
    """One shipment with its batches, bindings, milestones and newest values per channel.

    Raises:
        NotFound: no such shipment for this viewer.
    """
    query = _query(viewer, Filter()).add_columns(subject_state.c.last).where(shipment.c.id == id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"no shipment {id}")
    batches = connection.execute(select(batch).where(batch.c.shipment == id).order_by(batch.c.batch))
    legs = connection.execute(select(milestone).where(milestone.c.shipment == id))
    return {
        **_json(row),
        "batches": [{"batch": b.batch, "gtin": b.gtin} for b in batches],
        "bindings": [bindings.binding_json(b) for b in bindings.of_subject(connection, subject(id))],
        "milestones": sorted((_milestone(m) for m in legs), key=lambda m: m["happened"] or m["planned"] or ""),
        "last": row.last or {},
    }


def compliance(connection: Connection, viewer: Viewer, id: str) -> dict[str, Any]:  # noqa: A002
    """The newest compliance document of a shipment.

    Raises:
        NotFound: no such shipment for this viewer, or none that was judged yet.
    """
    query = _query(viewer, Filter()).with_only_columns(subject_state.c.document).where(shipment.c.id == id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"no shipment {id}")
    if not row.document:
        raise NotFound(f"shipment {id} has not been judged yet: bind a logger, or wait for its first reading")
    return dict(row.document)


def _query(viewer: Viewer, which: Filter) -> Select[Any]:
    joined = and_(subject_state.c.subject_kind == _IS_SHIPMENT, subject_state.c.subject_id == shipment.c.id)
    query = select(*_COLUMNS).select_from(shipment).outerjoin(subject_state, joined).where(shipments_of(viewer))
    equal: dict[str, Any] = {
        "state": shipment.c.state, "status": _STATUS, "customer": shipment.c.customer, "carrier": shipment.c.carrier,
        "lane": shipment.c.lane, "product_profile": _PROFILE, "reference": shipment.c.reference,
    }  # fmt: skip
    for field, column in equal.items():
        wanted = getattr(which, field)
        if wanted is not None:
            query = query.where(column == wanted)
    if which.logger is not None:
        query = query.where(shipment.c.id.in_(_bound(which.logger)))
    return query if which.text is None else query.where(_contains(which.text))


def _bound(logger: str) -> Any:
    bound = select(fact.c.subject_id).where(fact.c.kind == "binding", fact.c.superseded_ms.is_(None))
    return bound.where(fact.c.subject_kind == _IS_SHIPMENT, fact.c.logger == logger)


def _contains(text: str) -> ColumnElement[bool]:
    in_batch = select(batch.c.shipment).where(batch.c.batch.icontains(text, autoescape=True))
    fields = (shipment.c.reference, shipment.c.lane, shipment.c.customer, shipment.c.carrier, shipment.c.consignee)
    return or_(*(field.icontains(text, autoescape=True) for field in fields), shipment.c.id.in_(in_batch))


def _json(row: Row[Any]) -> dict[str, Any]:
    plain = ("id", "reference", "customer", "consignor", "consignee", "carrier", "origin", "destination", "lane")
    times = ("planned_departure", "planned_arrival", "departed", "arrived", "closed", "created", "as_of")
    return {
        **{name: getattr(row, name) for name in plain},
        "product_profile": row.product_profile,
        "product_profile_version": row.profile_version,
        "state": row.state,
        "status": row.status,
        **{name: _iso(getattr(row, f"{name}_ms")) for name in times},
        "legal_hold": row.legal_hold,
        "excursions": row.excursions,
        "open_excursions": row.open_excursions,
        "version": row.version,
    }


def _milestone(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "mode": row.mode, "name": row.name, "custodian": row.custodian,
        "latitude": None if row.latitude_e7 is None else row.latitude_e7 / 10_000_000,
        "longitude": None if row.longitude_e7 is None else row.longitude_e7 / 10_000_000,
        "planned": _iso(row.planned_ms), "happened": _iso(row.happened_ms),
    }  # fmt: skip


def _iso(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)
