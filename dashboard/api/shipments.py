"""Shipments: make, list, show, change, bind loggers, and their figures."""

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response
from pydantic import Field, model_validator

from coldchain.registry import bindings, shipment_views, shipments
from coldchain.registry.shipment_views import Filter
from coldchain.registry.viewer import Permission
from compliance.as_known import document_as_known
from dashboard.api.request import (
    Body,
    Caller,
    Cursor,
    KnownAsOf,
    Limit,
    Web,
    Words,
    instant,
    list_reply,
    past_instant,
    reply,
    required_instant,
    shown_as,
    takes,
)
from dashboard.policy import API, Endpoint, may

_PLACE = {"name": "Puurs", "latitude": 51.08, "longitude": 4.29, "zone": "Europe/Brussels"}
_NEW = {
    "reference": "SHP-2026-0117", "product_profile": "refrigerated-2-8", "customer": "Northwind Pharma",
    "carrier": "Polar Express", "origin": _PLACE,
    "destination": {"name": "Hamburg", "latitude": 53.55, "longitude": 9.99, "zone": "Europe/Berlin"},
    "batches": [{"batch": "A4711", "gtin": "04012345678901"}], "planned_departure": "2026-01-05T06:00:00Z",
    "planned_arrival": "2026-01-05T16:00:00Z",
}  # fmt: skip


Sort = Annotated[str, Query(description="one of reference, created, state, urgency …; - before it turns it round")]


class Place(Body):
    """Where a shipment leaves or arrives; its name alone will do."""

    name: str
    latitude: float | None = None
    longitude: float | None = None
    zone: str | None = None
    radius_m: float | None = None  # inside of it the goods are there; 1000 without it

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given


class Batch(Body):
    """Goods of one batch."""

    batch: str
    gtin: str | None = None


class _Shipment(Body):
    customer: str | None = None
    consignor: str | None = None
    consignee: str | None = None
    carrier: str | None = None
    origin: Place | None = None
    destination: Place | None = None
    lane: str | None = None
    planned_departure: str | None = None
    planned_arrival: str | None = None


class NewShipment(_Shipment):
    """A planned shipment."""

    reference: str
    product_profile: str
    batches: list[Batch] = Field(default_factory=list)


class ShipmentChange(_Shipment):
    """Fields to change; `version` is the one that was read: with it, nobody's change in between is overwritten."""

    version: int | None = None
    reference: str | None = None
    product_profile: str | None = None
    product_profile_version: int | None = Field(None, ge=1, le=2**31 - 1)
    batches: list[Batch] | None = None
    state: str | None = None
    departed: str | None = None
    arrived: str | None = None
    closed: str | None = None
    legal_hold: bool | None = None
    reason: Words | None = None


class NewBinding(Body):
    """A logger that speaks for a shipment; `from` and `to` are event times."""

    logger: str
    channels: list[str] | None = None
    role: str = "product"
    from_: str = Field(alias="from")
    to: str | None = None
    reason: Words | None = None


class NewMilestone(Body):
    """A leg, stop or hand-over."""

    kind: str
    name: str
    mode: str | None = None
    custodian: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    planned: str | None = None
    happened: str | None = None


def create(web: Web, viewer: Caller, body: NewShipment) -> Response:
    """Plan a shipment."""
    given = _values(body, body.model_dump(exclude={"batches"}))
    given["batches"] = [(b.batch, b.gtin) for b in body.batches]
    new = shipments.NewShipment(**given)
    with web.registry.write() as connection:
        id_ = shipments.create(connection, new, by=viewer, now_ms=web.clock.now_ms())
        shown = shipment_views.shown(connection, viewer, id_)
    return reply(shown, 201, {"Location": f"{API}/shipments/{id_}"})


def listed(
    web: Web, viewer: Caller, state: str | None = None, status: str | None = None, customer: str | None = None,
    carrier: str | None = None, lane: str | None = None, product_profile: str | None = None, logger: str | None = None,
    q: Annotated[str | None, Query(description="text in reference, lane, parties or batches")] = None,
    reference: str | None = None,
    sort: Sort = "-created", limit: Limit = 100, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """The shipments that you may see."""
    which = Filter(state, status, customer, carrier, lane, product_profile, logger, q, reference)
    with web.registry.read() as connection:
        return list_reply(shipment_views.listed(connection, viewer, which, sort=sort, limit=limit, cursor=cursor))


def shown(web: Web, viewer: Caller, shipment: str) -> Response:
    """One shipment with batches, bindings, milestones and newest values."""
    with web.registry.read() as connection:
        return reply(shipment_views.shown(connection, viewer, shipment))


def change(web: Web, viewer: Caller, shipment: str, body: ShipmentChange) -> Response:
    """Change fields of a shipment; what is not sent stays. 409 if somebody changed it since `version`."""
    sent = body.model_dump(exclude_unset=True, exclude={"version", "reason", "batches"})
    changes = _values(body, sent)
    if body.batches is not None:
        changes["batches"] = [(b.batch, b.gtin) for b in body.batches]
    with web.registry.write() as connection:
        shipments.change(
            connection, shipment, changes, version=body.version, by=viewer, now_ms=web.clock.now_ms(),
            reason=body.reason,
        )  # fmt: skip
        return reply(shipment_views.shown(connection, viewer, shipment))


def bind(web: Web, viewer: Caller, shipment: str, body: NewBinding) -> Response:
    """Put a logger into the service of a shipment. One without a valid calibration needs a reason."""
    new = bindings.NewBinding(
        body.logger, required_instant("from", body.from_), instant("to", body.to), body.channels, body.role, body.reason
    )
    with web.registry.write() as connection:
        shipments.exists(connection, viewer, shipment)
        made = bindings.bind(connection, shipments.subject(shipment), new, who=viewer.id, now_ms=web.clock.now_ms())
    return reply(bindings.binding_json(made), 201)


def bound(web: Web, viewer: Caller, shipment: str) -> Response:
    """The current bindings of a shipment."""
    with web.registry.read() as connection:
        shipments.exists(connection, viewer, shipment)
        found = bindings.of_subject(connection, shipments.subject(shipment))
    return reply({"items": [bindings.binding_json(b) for b in found], "next_cursor": None})


def add_milestone(web: Web, viewer: Caller, shipment: str, body: NewMilestone) -> Response:
    """Record a leg, stop or hand-over, planned or happened."""
    new = shipments.NewMilestone(
        body.kind, body.name, body.mode, body.custodian, body.latitude, body.longitude,
        instant("planned", body.planned), instant("happened", body.happened),
    )  # fmt: skip
    with web.registry.write() as connection:
        id_ = shipments.add_milestone(connection, shipment, new, by=viewer, now_ms=web.clock.now_ms())
        shown = shipment_views.shown(connection, viewer, shipment)
    return reply(next(m for m in shown["milestones"] if m["id"] == id_), 201)


def compliance(web: Web, viewer: Caller, shipment: str, known_as_of: KnownAsOf = None) -> Response:
    """The figures of a shipment (schema `coldchain.compliance/1`), as the engine last judged it, or would have then.

    With `known_as_of` only what was known at that moment counts: readings that had arrived, facts that were recorded.
    """
    moment = past_instant("known_as_of", known_as_of, web.clock.now_ms())
    with web.registry.read() as connection:
        if moment is None:
            return reply(shipment_views.compliance(connection, viewer, shipment))
        shipments.exists(connection, viewer, shipment)
        subject = shipments.subject(shipment)
        return reply(document_as_known(connection, web.journal, web.history, subject, moment))


def _values(body: _Shipment, sent: dict[str, Any]) -> dict[str, Any]:
    """The registry's fields: times in milliseconds under their own names."""
    values: dict[str, Any] = {}
    for name, value in sent.items():
        if name in ("planned_departure", "planned_arrival", "departed", "arrived", "closed"):
            values[f"{name}_ms"] = instant(name, value)
        elif name in ("origin", "destination"):
            place = getattr(body, name)
            values[name] = None if place is None else place.model_dump(exclude_none=True)
        else:
            values[name] = value
    return values


_SHIPMENT = {
    **_NEW, "id": "7e0b8f5e-6f5e-4b1c-9a55-0d1d2a1f6c10", "state": "planned", "status": "unknown", "version": 1,
    "lane": "Puurs → Hamburg", "product_profile_version": 1,
}  # fmt: skip
_BINDING = {"logger": "LOG-0042", "role": "product", "from": "2026-01-05T05:30:00Z", "reason": "certificate on its way"}
_STOP = {"kind": "handover", "name": "Antwerp airport", "mode": "air", "planned": "2026-01-05T08:00:00Z"}
_CHANGE = {"version": 1, "state": "in_transit", "departed": "2026-01-05T06:10:00Z"}


ENDPOINTS = (
    Endpoint("POST", f"{API}/shipments", create, may(Permission.OPERATE),
             shown_as("Created", _SHIPMENT, status=201) | takes(_NEW)),
    Endpoint("GET", f"{API}/shipments", listed, may(Permission.VIEW), shown_as("A page", _SHIPMENT, many=True)),
    Endpoint("GET", f"{API}/shipments/{{shipment}}", shown, may(Permission.VIEW), shown_as("The shipment", _SHIPMENT)),
    Endpoint("PATCH", f"{API}/shipments/{{shipment}}", change, may(Permission.OPERATE),
             shown_as("The shipment, changed", _SHIPMENT) | takes(_CHANGE)),
    Endpoint("GET", f"{API}/shipments/{{shipment}}/bindings", bound, may(Permission.VIEW),
             shown_as("Its bindings", _BINDING, many=True)),
    # Not for a customer's or carrier's people: a binding opens the logger's readings to its shipment's viewers.
    Endpoint("POST", f"{API}/shipments/{{shipment}}/bindings", bind, may(Permission.OPERATE, unscoped=True),
             shown_as("The binding", _BINDING, status=201) | takes(_BINDING)),
    Endpoint("POST", f"{API}/shipments/{{shipment}}/milestones", add_milestone, may(Permission.OPERATE),
             shown_as("The milestone", _STOP, status=201) | takes(_STOP)),
    Endpoint("GET", f"{API}/shipments/{{shipment}}/compliance", compliance, may(Permission.VIEW),
             shown_as("The figures", {"schema": "coldchain.compliance/1"})),
)  # fmt: skip
