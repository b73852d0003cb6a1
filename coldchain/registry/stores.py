"""Stores: the fridges, cold rooms and warehouse zones that shipments leave from and arrive at."""

from typing import Any

from sqlalchemy import Connection, Row, and_, literal, select

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import bindings
from coldchain.registry.changes import changed
from coldchain.registry.people import checked_text, checked_zone
from coldchain.registry.places import degrees_e7
from coldchain.registry.schema import store, subject_state
from coldchain.registry.scope import subjects_of
from coldchain.registry.store import new_id
from coldchain.registry.viewer import Viewer

KINDS = ("fridge", "freezer", "cold_room", "warehouse_zone")


def create(
    connection: Connection,
    *,
    name: str,
    kind: str,
    zone: str,
    who: str,
    now_ms: int,
    site: str | None = None,
    latitude: float | None = None,
    longitude: float | None = None,
) -> str:
    """Add a store and return its id.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    if kind not in KINDS:
        raise InvalidValue(f"kind: {kind[:40]!r} is none of {', '.join(KINDS)}")
    plain = checked_text("name", name, 200)
    if connection.execute(select(store.c.id).where(store.c.name == plain)).one_or_none() is not None:
        raise InvalidValue(f"name: a store {plain!r} exists already; choose another name")
    id_ = new_id()
    values = {
        "name": plain, "kind": kind, "zone": checked_zone(zone), "site": site and checked_text("site", site, 200),
        "latitude_e7": degrees_e7(latitude), "longitude_e7": degrees_e7(longitude),
    }  # fmt: skip
    connection.execute(store.insert().values(id=id_, created_ms=now_ms, **values))
    changed(connection, who=who, now_ms=now_ms, action="store created", kind="store", id=id_, new=values)
    return id_


def listed(connection: Connection, viewer: Viewer) -> list[dict[str, Any]]:
    """The stores that exist for `viewer`, by name, as JSON with their status; none for a scoped viewer."""
    joined = and_(subject_state.c.subject_kind == SubjectKind.STORE.value, subject_state.c.subject_id == store.c.id)
    kind = literal(SubjectKind.STORE.value)
    query = (
        select(store, subject_state.c.status, subject_state.c.as_of_ms)
        .outerjoin(subject_state, joined)
        .where(store.c.retired_ms.is_(None), subjects_of(viewer, kind, store.c.id))
        .order_by(store.c.name)
    )
    return [_json(row) for row in connection.execute(query)]


def shown(connection: Connection, viewer: Viewer, id: str) -> dict[str, Any]:  # noqa: A002
    """One store with its bindings, its newest values per channel, and the compliance document once it was judged.

    Raises:
        NotFound: no such store for this viewer.
    """
    kind = literal(SubjectKind.STORE.value)
    joined = and_(subject_state.c.subject_kind == SubjectKind.STORE.value, subject_state.c.subject_id == store.c.id)
    query = select(
        store, subject_state.c.status, subject_state.c.as_of_ms, subject_state.c.last, subject_state.c.document
    )
    query = query.outerjoin(subject_state, joined).where(store.c.id == id, subjects_of(viewer, kind, store.c.id))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"no store {id}")
    bound = bindings.of_subject(connection, Subject(SubjectKind.STORE, id))
    return {
        **_json(row),
        "last": row.last or {},
        "document": dict(row.document) if row.document else None,
        "bindings": [bindings.binding_json(one) for one in bound],
    }


def _json(row: Row[Any]) -> dict[str, Any]:
    result = {
        "id": row.id, "name": row.name, "site": row.site, "kind": row.kind, "zone": row.zone,
        "latitude": None if row.latitude_e7 is None else row.latitude_e7 / 10_000_000,
        "longitude": None if row.longitude_e7 is None else row.longitude_e7 / 10_000_000,
        "status": row.status or "unknown", "as_of": None if row.as_of_ms is None else iso(row.as_of_ms),
    }  # fmt: skip
    return {name: value for name, value in result.items() if value is not None}
