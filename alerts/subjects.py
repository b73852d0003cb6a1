"""What a person calls the subject of an alarm, and where it is now."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from alerts.announcement import SubjectCard
from alerts.routing import AlarmFor
from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.domain.shipment import FactKind
from coldchain.registry import facts
from coldchain.registry.contacts import Contact
from coldchain.registry.schema import fact, product_profile, shipment, store, subject_state
from coldchain.registry.stages import held

SYSTEM_CARD = SubjectCard("system", "", "Coldchain")


def card_of(connection: Connection, subject: Subject) -> SubjectCard:
    """The card of a subject; one that was never registered shows its id."""
    if not subject.id:
        return SYSTEM_CARD
    position = _position(connection, subject)
    product = _product(connection, subject)
    if subject.kind is SubjectKind.SHIPMENT:
        row = connection.execute(select(shipment).where(shipment.c.id == subject.id)).one_or_none()
        if row is not None:
            zone = (row.destination or row.origin or {}).get("zone") or "UTC"
            return SubjectCard("shipment", subject.id, row.reference, row.lane or "", product, zone, *position)
    if subject.kind is SubjectKind.STORE:
        row = connection.execute(select(store).where(store.c.id == subject.id)).one_or_none()
        if row is not None:
            return SubjectCard("store", subject.id, row.name, row.site or "", product, row.zone, *position)
    return SubjectCard(subject.kind.value, subject.id, subject.id, "", product, "UTC", *position)


def visible_to(connection: Connection, subject: Subject, contact: Contact) -> bool:
    """Whether this person may know of the subject: who is scoped hears of its own shipments only."""
    if contact.scope_customer is None and contact.scope_carrier is None:
        return True
    if subject.kind is not SubjectKind.SHIPMENT or not subject.id:
        return False
    query = select(shipment.c.customer, shipment.c.carrier).where(shipment.c.id == subject.id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return False
    same_customer = contact.scope_customer is None or contact.scope_customer == row.customer
    return same_customer and (contact.scope_carrier is None or contact.scope_carrier == row.carrier)


def routed(connection: Connection, subject: Subject, severity: Severity, cause: str, now_ms: int) -> AlarmFor:
    """What routes look at, as the registry has it: the goods, the parties, the place and the stage of the moment."""
    plain = AlarmFor(severity, cause)
    if not subject.id:
        return plain
    plain = replace(plain, product=_profile(connection, subject).get("id", ""))
    if subject.kind is SubjectKind.STORE:
        site = connection.execute(select(store.c.site).where(store.c.id == subject.id)).scalar_one_or_none()
        return replace(plain, site=site or "")
    if subject.kind is not SubjectKind.SHIPMENT:
        return plain
    row = connection.execute(select(shipment).where(shipment.c.id == subject.id)).one_or_none()
    if row is None:
        return plain
    known = facts.known(connection, subject=subject, kinds=[FactKind.STAGE])
    stage = next((one.stage.value for one in reversed(held(known)) if one.from_ms <= now_ms), "")
    return replace(
        plain, lane=row.lane or "", stage=stage, customer=row.customer or "", carrier=row.carrier or "",
        consignor=row.consignor or "", consignee=row.consignee or "",
    )  # fmt: skip


def _profile(connection: Connection, subject: Subject) -> dict[str, Any]:
    """The fact that names the product profile by which the subject is judged now; empty where there is none."""
    query = select(fact.c.body).where(fact.c.subject_kind == subject.kind.value, fact.c.subject_id == subject.id)
    query = query.where(fact.c.kind == "profile", fact.c.superseded_ms.is_(None)).order_by(fact.c.id.desc()).limit(1)
    body: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
    return body or {}


def _product(connection: Connection, subject: Subject) -> str:
    body = _profile(connection, subject)
    if not body:
        return ""
    named = select(product_profile.c.name).where(
        product_profile.c.id == body["id"], product_profile.c.version == body.get("version")
    )
    return str(connection.execute(named).scalar_one_or_none() or body["id"])


def _position(connection: Connection, subject: Subject) -> tuple[int | None, int | None]:
    """The newest position that the engine has seen of the subject."""
    query = select(subject_state.c.last).where(
        subject_state.c.subject_kind == subject.kind.value, subject_state.c.subject_id == subject.id
    )
    last: dict[str, dict[str, Any]] = connection.execute(query).scalar_one_or_none() or {}
    placed = [v for v in last.values() if v.get("latitude") is not None and v.get("longitude") is not None]
    if not placed:
        return None, None
    newest = max(placed, key=lambda values: str(values.get("event_time", "")))
    return round(float(newest["latitude"]) * 1e7), round(float(newest["longitude"]) * 1e7)
