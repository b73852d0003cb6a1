"""What people of the demo's company did: shipments planned, loggers put on, departures and arrivals."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.shipment import FactKind, Stage
from coldchain.registry import bindings, contact_checks, facts, loggers, people, profiles, shipments, stores
from coldchain.registry.bindings import NewBinding
from coldchain.registry.loggers import NewCalibration
from coldchain.registry.schema import shipment
from coldchain.registry.shipments import NewMilestone, NewShipment
from coldchain.registry.viewer import SYSTEM
from sensors.fleet.describe import Binding, LoggerPlan, ShipmentPlan, StageOfTrip, StorePlan
from sensors.fleet.fleet import Fleet
from sensors.fleet.places import Place

_DAY_MS = 86_400_000
_WHO = "demo"
_QUALITY = "demo-quality"  # whoever writes a profile does not approve it
# The fleet's names of stages; road, sea and air are all transit to the rules.
_STAGES = {"loading": Stage.LOADING, "hub": Stage.HANDOVER}
# Who they are: e-mail, name, role, phone, on call. The viewer belongs to one customer and sees only its shipments.
ON_CALL = "olivia@demo.example"
PEOPLE = (
    ("ada@demo.example", "Ada Lindqvist", "admin", "+491701234568", False),
    ("quentin@demo.example", "Quentin Moreau", "quality", "+491701234569", False),
    (ON_CALL, "Olivia Brandt", "operator", "+491701234567", True),
    ("victor@demo.example", "Victor Okafor", "viewer", None, False),
    ("aurelia@demo.example", "Aurelia Santos", "auditor", None, False),
)

# Products whose makers know from stability studies how long they may be warmer; the others have no such allowance.
_WITH_BUDGET = {
    "Mabrexa 150 mg": "mabrexa-150-mg", "Cardovel 10 ml vials": "cardovel-10-ml",
    "Immunara 40 mg pens": "immunara-40-mg",
}  # fmt: skip
_BUDGET = ({"low_c": 8, "high_c": 15, "allowed_h": 24}, {"low_c": 15, "high_c": 25, "allowed_h": 4})
_BASED_ON = "refrigerated-2-8"


class Deed(NamedTuple):
    """Something that somebody did at a moment, inside a writing transaction."""

    at_ms: int
    do: Callable[[Connection, int], object]


def people_deeds(fleet: Fleet) -> Iterator[Deed]:
    """The company's people, all there from the first day."""
    customer = fleet.shipments[0].customer
    for email, name, role, phone, on_call in PEOPLE:
        values: dict[str, Any] = {"email": email, "name": name, "role": role, "phone": phone, "on_call": on_call}
        if role == "viewer":
            values["scope_customer"] = customer
        if role == "auditor":
            values["expires_ms"] = fleet.end_ms + 30 * _DAY_MS

        def do(connection: Connection, now_ms: int, values: dict[str, Any] = values) -> None:
            id_ = people.create(connection, **values, zone="Europe/Berlin", who=_WHO, now_ms=now_ms)
            for channel, address in (("email", values["email"]), ("sms", values["phone"])):
                contact_checks.verify(connection, id_, "person", channel, address, now_ms)

        yield Deed(fleet.start_ms, do)


def world_deeds(fleet: Fleet) -> list[Deed]:
    """Everything else that was recorded about loggers, stores and shipments, ordered by when."""
    deeds = [_profiled(product, fleet.start_ms) for product in _WITH_BUDGET]
    deeds += [_registered(plan, fleet.start_ms) for plan in fleet.loggers]
    deeds += [_stored(store, fleet.start_ms) for store in fleet.stores]
    for trip in fleet.shipments:
        deeds += _shipped(trip, fleet.start_ms)
    return sorted(deeds, key=lambda deed: deed.at_ms)


def _profiled(product: str, at_ms: int) -> Deed:
    """The product's own profile: the storage class's, and the stability budget of its study."""

    def do(connection: Connection, now_ms: int) -> None:
        id_ = _WITH_BUDGET[product]
        body = {**profiles.get(connection, _BASED_ON).body, "id": id_, "version": 1, "name": product}
        body["stability_budget"] = [dict(band) for band in _BUDGET]
        profiles.add(connection, body, who=_WHO, reason="stability study", now_ms=now_ms)
        profiles.approve(connection, id_, 1, who=_QUALITY, now_ms=now_ms, reason="stability study reviewed")

    return Deed(at_ms, do)


def _registered(plan: LoggerPlan, at_ms: int) -> Deed:
    def do(connection: Connection, now_ms: int) -> None:
        loggers.register(
            connection,
            plan.id,
            who=_WHO,
            now_ms=now_ms,
            device_profile="native@1",
            model=plan.model,
            serial=plan.serial,
            interval_ms=plan.interval_s * 1000,
        )
        certificate = NewCalibration(
            plan.certificate, plan.calibrated_ms, plan.due_ms, plan.laboratory, plan.calibration
        )
        loggers.calibrate(connection, plan.id, certificate, who=_WHO, now_ms=now_ms)

    return Deed(at_ms, do)


def _stored(plan: StorePlan, at_ms: int) -> Deed:
    def do(connection: Connection, now_ms: int) -> None:
        id_ = stores.create(
            connection,
            name=plan.name,
            kind=plan.kind,
            zone=plan.place.zone,
            site=plan.site,
            latitude=plan.place.latitude,
            longitude=plan.place.longitude,
            who=_WHO,
            now_ms=now_ms,
        )
        subject = Subject(SubjectKind.STORE, id_)
        facts.assign_profile(
            connection, subject, plan.product_profile, 1, who=_WHO, reason="as qualified", now_ms=now_ms
        )
        for binding in plan.bindings:
            _bind(connection, subject, binding, now_ms)

    return Deed(at_ms, do)


def _shipped(plan: ShipmentPlan, start_ms: int) -> Iterator[Deed]:
    ids: dict[str, str] = {}
    first_ms = min([plan.departed_ms, *(binding.from_ms for binding in plan.bindings)])

    def create(connection: Connection, now_ms: int) -> None:
        new = NewShipment(
            reference=plan.reference,
            product_profile=_profile_of(plan),
            customer=plan.customer,
            consignor=plan.consignor,
            consignee=plan.consignee,
            carrier=plan.carrier,
            origin=_place(plan.origin),
            destination=_place(plan.destination),
            lane=plan.lane,
            batches=[(batch.batch, batch.gtin) for batch in plan.batches],
            planned_departure_ms=plan.planned_departure_ms,
            planned_arrival_ms=plan.planned_arrival_ms,
        )
        ids["id"] = shipments.create(connection, new, by=SYSTEM, now_ms=now_ms)
        for binding in plan.bindings:
            _bind(connection, Subject(SubjectKind.SHIPMENT, ids["id"]), binding, now_ms)
        for stage in plan.stages:
            _plan_stage(connection, Subject(SubjectKind.SHIPMENT, ids["id"]), stage, now_ms)

    def enter(state: str) -> Callable[[Connection, int], None]:
        def do(connection: Connection, now_ms: int) -> None:
            id_ = ids.get("id") or shipments.by_reference(connection, SYSTEM, plan.reference)
            if id_ is not None:
                found = connection.execute(select(shipment.c.version).where(shipment.c.id == id_)).scalar_one()
                shipments.change(connection, id_, {"state": state}, version=found, by=SYSTEM, now_ms=now_ms)

        return do

    yield Deed(max(start_ms, first_ms - _DAY_MS // 4), create)
    yield Deed(plan.departed_ms, enter("in_transit"))
    yield Deed(plan.arrived_ms, enter("arrived"))
    yield Deed(plan.closed_ms, enter("closed"))
    for milestone in plan.milestones:

        def reach(connection: Connection, now_ms: int, reached: Any = milestone) -> None:
            id_ = ids.get("id") or shipments.by_reference(connection, SYSTEM, plan.reference)
            if id_ is not None:
                new = NewMilestone(
                    reached.kind,
                    reached.name,
                    reached.mode,
                    reached.custodian,
                    reached.latitude,
                    reached.longitude,
                    reached.planned_ms,
                    reached.happened_ms,
                )
                shipments.add_milestone(connection, id_, new, by=SYSTEM, now_ms=now_ms)

        yield Deed(milestone.happened_ms, reach)


def _profile_of(plan: ShipmentPlan) -> str:
    own = _WITH_BUDGET.get(plan.product)
    return own if own is not None and plan.product_profile == _BASED_ON else plan.product_profile


def _bind(connection: Connection, subject: Subject, binding: Binding, now_ms: int) -> None:
    channels = None if binding.channels is None else list(binding.channels)
    new = NewBinding(binding.logger, binding.from_ms, binding.to_ms, channels, binding.role, reason="demo")
    bindings.bind(connection, subject, new, who=_WHO, now_ms=now_ms)


def _plan_stage(connection: Connection, subject: Subject, stage: StageOfTrip, now_ms: int) -> None:
    """Record a stage as it is planned, and whether loggers can be heard from there: planned silence is no alarm."""
    facts.add(
        connection,
        kind=FactKind.STAGE,
        body={"stage": _STAGES.get(stage.stage, Stage.IN_TRANSIT).value, "radio_silent": stage.radio_silent},
        valid_from_ms=stage.from_ms,
        valid_to_ms=stage.to_ms,
        subject=subject,
        who=_WHO,
        reason="as planned",
        now_ms=now_ms,
    )


def _place(place: Place) -> dict[str, Any]:
    return {"name": place.name, "latitude": place.latitude, "longitude": place.longitude, "zone": place.zone}
