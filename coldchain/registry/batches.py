"""Batches: what a quality unit releases. One batch may travel in many shipments, and one shipment carry many batches.

A batch is known by its number and its GTIN. A number alone is unique only within one manufacturer, so without a GTIN
the shipment's customer stands in its place. The id is made of these words: it never changes and needs no table.
"""

import base64
import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Text, and_, case, cast, func, null, select

from coldchain.domain.quantity import iso
from coldchain.errors import NotFound
from coldchain.registry.paging import Page, in_order
from coldchain.registry.schema import audit, batch, milestone, shipment, subject_state
from coldchain.registry.scope import shipments_of
from coldchain.registry.viewer import Viewer

LIVE = ("in_transit",)


class BatchKey(NamedTuple):
    """What identifies a batch; `customer` is None wherever there is a GTIN."""

    batch: str
    gtin: str | None
    customer: str | None

    @classmethod
    def of(cls, number: str, gtin: str | None, customer: str | None) -> "BatchKey":
        """The key of a batch as a shipment names it."""
        return cls(number, gtin, customer if gtin is None else None)

    @property
    def id(self) -> str:
        """The key as one word that fits into an address."""
        return base64.urlsafe_b64encode(json.dumps(list(self)).encode()).decode().rstrip("=")

    @classmethod
    def from_id(cls, id_: str) -> "BatchKey":
        """The key in an id.

        Raises:
            NotFound: no batch can have this id.
        """
        try:
            words = json.loads(base64.urlsafe_b64decode(id_.encode("ascii") + b"=" * (-len(id_) % 4)))
        except (ValueError, UnicodeError, RecursionError) as error:
            raise NotFound(f"no batch {id_[:80]}") from error
        texts = isinstance(words, list) and len(words) == 3 and isinstance(words[0], str)
        if not texts or not all(word is None or (isinstance(word, str) and "\x00" not in word) for word in words):
            raise NotFound(f"no batch {id_[:80]}")
        return cls(*words)


class Member(NamedTuple):
    """A shipment that carries a batch, with what the engine found last."""

    id: str
    reference: str
    state: str
    status: str
    document: dict[str, Any] | None
    last: dict[str, Any] | None
    profile: tuple[str, int] | None


_OWNER = case((batch.c.gtin.is_(None), shipment.c.customer), else_=null())
_STATE = and_(subject_state.c.subject_kind == "shipment", subject_state.c.subject_id == shipment.c.id)
_MEMBER = (
    shipment.c.id, shipment.c.reference, shipment.c.state, subject_state.c.status, subject_state.c.document,
    subject_state.c.last,
)  # fmt: skip
_TEXT_ID = batch.c.batch + "\n" + func.coalesce(batch.c.gtin, "") + "\n" + func.coalesce(_OWNER, "")


def listed(
    connection: Connection,
    viewer: Viewer,
    *,
    text: str | None = None,
    sort: str = "-newest",
    limit: int = 100,
    cursor: str | None = None,
) -> Page:
    """The batches of the shipments that exist for `viewer`; `text` is sought in batch number and GTIN.

    Raises:
        InvalidValue: an unknown order or a foreign cursor.
    """
    grouped = (
        select(
            func.min(_TEXT_ID).label("id"), func.min(batch.c.batch).label("batch"),
            func.min(batch.c.gtin).label("gtin"), func.min(_OWNER).label("customer"), func.count().label("shipments"),
            func.sum(case((shipment.c.state.in_(LIVE), 1), else_=0)).label("live"),
            func.max(shipment.c.created_ms).label("newest_ms"),
        )
        .select_from(batch.join(shipment, shipment.c.id == batch.c.shipment))
        .where(shipments_of(viewer))
        .group_by(_TEXT_ID)
    )  # fmt: skip
    if text is not None:
        sought = batch.c.batch.icontains(text, autoescape=True) | batch.c.gtin.icontains(text, autoescape=True)
        grouped = grouped.where(sought)
    found = grouped.subquery()
    sorts = {"newest": found.c.newest_ms, "batch": found.c.batch, "shipments": found.c.shipments}
    rows, following = in_order(connection, select(found), sorts, found.c.id, sort=sort, limit=limit, cursor=cursor)
    return Page([_json(row) for row in rows], following)


def members(
    connection: Connection, viewer: Viewer, key: BatchKey, *, known_ms: int | None = None
) -> tuple[list[Member], int]:  # fmt: skip
    """The shipments of a batch that exist for `viewer`, and how many others carry it; at `known_ms`, as recorded then.

    Raises:
        NotFound: no shipment that this viewer may see carries it, or carried it then.
    """
    carries: ColumnElement[bool] = shipment.c.id.in_(_carrying(key))
    if known_ms is not None:
        carries = and_(shipment.c.id.in_(_carried_then(connection, key, known_ms)), shipment.c.created_ms <= known_ms)
    query = (
        select(*_MEMBER)
        .select_from(shipment.outerjoin(subject_state, _STATE))
        .where(carries, shipments_of(viewer))
        .order_by(shipment.c.created_ms, shipment.c.reference)
    )
    rows = connection.execute(query).all()
    if not rows:
        then = "" if known_ms is None else f" was on record at {iso(known_ms)}: choose a later time"
        raise NotFound(f"no batch {key.batch}{then}")
    every = connection.execute(select(func.count()).select_from(shipment).where(carries)).scalar_one()
    return [_member(row) for row in rows], int(every) - len(rows)


def members_of_many(
    connection: Connection, viewer: Viewer, keys: Collection[BatchKey]
) -> dict[BatchKey, tuple[list[Member], int]]:  # fmt: skip
    """As `members` now, of many batches in one look; a batch that this viewer may not see is not among them."""
    wanted, numbers = set(keys), {key.batch for key in keys}
    carried = batch.join(shipment, shipment.c.id == batch.c.shipment)
    query = (
        select(batch.c.batch, batch.c.gtin, shipment.c.customer, *_MEMBER)
        .select_from(carried.outerjoin(subject_state, _STATE))
        .where(batch.c.batch.in_(numbers), shipments_of(viewer))
        .order_by(shipment.c.created_ms, shipment.c.reference)
    )
    found: dict[BatchKey, dict[str, Any]] = {}
    for row in connection.execute(query):
        found.setdefault(BatchKey.of(*row[:3]), {})[row.id] = row
    every: dict[BatchKey, set[str]] = {}
    if viewer.scoped:  # others see all of them
        carries = select(batch.c.batch, batch.c.gtin, shipment.c.customer, shipment.c.id).select_from(carried)
        for *named, id_ in connection.execute(carries.where(batch.c.batch.in_(numbers))):
            every.setdefault(BatchKey.of(*named), set()).add(id_)
    return {
        key: ([_member(row) for row in rows.values()], len(every.get(key, rows)) - len(rows))
        for key, rows in found.items()
        if key in wanted
    }


def milestones(
    connection: Connection, shipments: Sequence[str], *, known_ms: int | None = None
) -> dict[str, list[Row[Any]]]:  # fmt: skip
    """What happened to shipments, in order of time; at `known_ms`, what was recorded by then."""
    happened = select(milestone).where(milestone.c.shipment.in_(shipments), milestone.c.happened_ms.is_not(None))
    if known_ms is not None:
        happened = happened.where(milestone.c.recorded_ms <= known_ms)
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(happened.order_by(milestone.c.happened_ms, milestone.c.id)):
        found.setdefault(row.shipment, []).append(row)
    return found


def of_shipment(connection: Connection, shipment_id: str) -> list[BatchKey]:
    """The batches that a shipment carries."""
    query = (
        select(batch.c.batch, batch.c.gtin, shipment.c.customer)
        .select_from(batch.join(shipment, shipment.c.id == batch.c.shipment))
        .where(shipment.c.id == shipment_id)
        .order_by(batch.c.batch, batch.c.id)
    )
    return [BatchKey.of(*row) for row in connection.execute(query)]


def _carrying(key: BatchKey) -> Any:
    """The shipments that carry a batch."""
    same: ColumnElement[bool] = batch.c.gtin.is_(None) if key.gtin is None else batch.c.gtin == key.gtin
    query = (
        select(batch.c.shipment)
        .select_from(batch.join(shipment, shipment.c.id == batch.c.shipment))
        .where(batch.c.batch == key.batch, same)
    )
    if key.gtin is not None:
        return query
    return query.where(shipment.c.customer.is_(None) if key.customer is None else shipment.c.customer == key.customer)


def _carried_then(connection: Connection, key: BatchKey, known_ms: int) -> set[str]:
    """The shipments that carried a batch by what was recorded then: changes of batches since are taken back."""
    carrying = set(connection.execute(_carrying(key)).scalars())
    since = select(audit.c.object_id, audit.c.old, shipment.c.customer).join(
        shipment, shipment.c.id == audit.c.object_id
    )
    named = cast(audit.c.old, Text).contains('"batches"', autoescape=True)
    changes = since.where(audit.c.object_kind == "shipment", audit.c.at_ms > known_ms, named)
    for id_, old, customer in connection.execute(changes.order_by(audit.c.number.desc())):
        then = [BatchKey.of(number, gtin, customer) for number, gtin in old["batches"]]
        (carrying.add if key in then else carrying.discard)(id_)
    return carrying


def _member(row: Any) -> Member:
    document = dict(row.document) if row.document else None
    said = document.get("profile") if document else None
    profile = (said["id"], said["version"]) if said else None
    return Member(row.id, row.reference, row.state, row.status or "unknown", document, row.last, profile)


def _json(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": BatchKey(row.batch, row.gtin, row.customer).id,
        "batch": row.batch,
        "gtin": row.gtin,
        "customer": row.customer,
        "shipments": row.shipments,
        "live": int(row.live),
        "newest": iso(row.newest_ms),
    }
