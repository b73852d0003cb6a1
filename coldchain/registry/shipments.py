"""Shipments: made, changed, listed and shown, each within what the viewer may see."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select, update

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.errors import Forbidden, InvalidValue, NotFound, Stale
from coldchain.registry import facts, profiles
from coldchain.registry.changes import changed
from coldchain.registry.people import checked_text
from coldchain.registry.places import checked_interval, checked_place, degrees_e7
from coldchain.registry.schema import batch, milestone, shipment
from coldchain.registry.scope import shipments_of
from coldchain.registry.store import new_id
from coldchain.registry.viewer import Permission, Viewer

STATES = ("planned", "in_transit", "arrived", "closed")
MILESTONES = ("departure", "leg", "stop", "handover", "arrival")
MODES = ("road", "air", "sea")
_OF_THE_PROFILE = ("product_profile", "product_profile_version")
_PARTIES = ("customer", "consignor", "consignee", "carrier")
_TIMES = ("planned_departure_ms", "planned_arrival_ms", "departed_ms", "arrived_ms", "closed_ms")
_STATE_TIME = {"in_transit": "departed_ms", "arrived": "arrived_ms", "closed": "closed_ms"}


class NewShipment(NamedTuple):
    """What a person or program says of a shipment that it plans; places as in `places.checked_place`."""

    reference: str
    product_profile: str
    customer: str | None = None
    consignor: str | None = None
    consignee: str | None = None
    carrier: str | None = None
    origin: dict[str, Any] | None = None
    destination: dict[str, Any] | None = None
    lane: str | None = None
    batches: Sequence[tuple[str, str | None]] = ()  # (batch, gtin)
    planned_departure_ms: int | None = None
    planned_arrival_ms: int | None = None


class NewMilestone(NamedTuple):
    """A leg, stop or hand-over, planned or happened."""

    kind: str
    name: str
    mode: str | None = None
    custodian: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    planned_ms: int | None = None
    happened_ms: int | None = None


def create(connection: Connection, new: NewShipment, *, by: Viewer, now_ms: int) -> str:
    """Add a planned shipment; return its id.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    values = _checked(new._asdict())
    _within_scope(values, by)
    values.setdefault("lane", _lane(values))
    batches = [_checked_batch(number, gtin) for number, gtin in new.batches]
    taken = select(shipment.c.id).where(shipment.c.reference == values["reference"])
    if connection.execute(taken).one_or_none() is not None:
        raise InvalidValue(f"reference: {values['reference']!r} is taken by another shipment; choose another")
    version = profiles.version_for(connection, new.product_profile)
    id_ = new_id()
    connection.execute(shipment.insert().values(id=id_, state="planned", version=1, created_ms=now_ms, **values))
    for number, gtin in batches:
        connection.execute(batch.insert().values(id=new_id(), shipment=id_, batch=number, gtin=gtin))
    facts.assign_profile(connection, subject(id_), new.product_profile, version, who=by.id, now_ms=now_ms)
    record = {**values, "product_profile": f"{new.product_profile}@{version}", "batches": [list(b) for b in batches]}
    changed(connection, who=by.id, now_ms=now_ms, action="shipment created", kind="shipment", id=id_, new=record)
    return id_


def change(
    connection: Connection,
    id: str,  # noqa: A002
    changes: dict[str, Any],
    *,
    version: int | None,
    by: Viewer,
    now_ms: int,
    reason: str | None = None,
) -> int:
    """Change fields of a shipment (those of `NewShipment`, `state`, times, `legal_hold`); return its new version.

    A new state sets its own time unless that is given. Going back to an earlier state, changing the product profile
    (or its version: `product_profile_version`) or lifting a legal hold needs a reason; once the goods are under way the
    product profile is for who assesses. Without a `version` the change is made to whatever the shipment is now.

    Raises:
        NotFound: no such shipment for this viewer.
        Stale: it is no longer at `version`.
        Forbidden: another product profile judges goods under way, and `by` may not assess.
        InvalidValue: names the field, the value and the remedy.
    """
    row = connection.execute(select(shipment).where(shipment.c.id == id, shipments_of(by))).mappings().one_or_none()
    if row is None:
        raise NotFound(f"no shipment {id}")
    if version is None:
        version = int(row["version"])
    elif row["version"] != version:
        raise Stale(f"version: the shipment is at {row['version']}, not {version}; read it again")
    _needs_reason(row, changes, reason)
    batches, chosen = changes.get("batches"), _chosen_profile(connection, row, changes, by)
    values = _checked({k: v for k, v in changes.items() if k not in ("batches", *_OF_THE_PROFILE)})
    _within_scope({**row, **values}, by)
    _enter_state(row, values, now_ms)
    checked_interval("planned_arrival", *_planned({**row, **values}))
    if values.keys() & {"origin", "destination"} and "lane" not in values:
        values["lane"] = _lane({**row, **values})
    connection.execute(update(shipment).where(shipment.c.id == id).values(**values, version=version + 1))
    old = {name: row[name] for name in values}
    if batches is not None:
        old["batches"] = _replace_batches(connection, id, batches)
    if chosen is not None:
        facts.assign_profile(connection, subject(id), *chosen, who=by.id, reason=reason, now_ms=now_ms)
    if values.keys() & {"state", *_TIMES}:
        facts.mark_dirty(connection, subject(id), 0, "shipment changed", now_ms)
    new = values if chosen is None else {**values, "product_profile": f"{chosen[0]}@{chosen[1]}"}
    if batches is not None:
        new = {**new, "batches": [list(one) for one in batches]}
    changed(
        connection, who=by.id, now_ms=now_ms, action="shipment changed", kind="shipment", id=id, reason=reason,
        old=old, new=new,
    )  # fmt: skip
    return version + 1


def add_milestone(connection: Connection, id: str, new: NewMilestone, *, by: Viewer, now_ms: int) -> str:  # noqa: A002
    """Record a leg, stop or hand-over; return its id.

    Raises:
        NotFound: no such shipment for this viewer.
        InvalidValue: names the field, the value and the remedy.
    """
    exists(connection, by, id)
    if new.kind not in MILESTONES:
        raise InvalidValue(f"kind: {new.kind[:40]!r} is none of {', '.join(MILESTONES)}")
    if new.mode is not None and new.mode not in MODES:
        raise InvalidValue(f"mode: {new.mode[:40]!r} is none of {', '.join(MODES)}")
    if new.planned_ms is None and new.happened_ms is None:
        raise InvalidValue("planned: missing; a milestone has a planned time, a time at which it happened, or both")
    id_ = new_id()
    values = {
        "kind": new.kind, "mode": new.mode, "name": checked_text("name", new.name, 200), "custodian": new.custodian,
        "latitude_e7": degrees_e7(new.latitude), "longitude_e7": degrees_e7(new.longitude),
        "planned_ms": new.planned_ms, "happened_ms": new.happened_ms,
    }  # fmt: skip
    connection.execute(milestone.insert().values(id=id_, shipment=id, recorded_ms=now_ms, **values))
    changed(connection, who=by.id, now_ms=now_ms, action="milestone recorded", kind="shipment", id=id, new=values)
    if new.happened_ms is not None:  # excursions name the leg, and who held the goods
        facts.mark_dirty(connection, subject(id), new.happened_ms, "milestone recorded", now_ms)
    return id_


def exists(connection: Connection, viewer: Viewer, id: str) -> str:  # noqa: A002
    """The shipment's reference.

    Raises:
        NotFound: no such shipment for this viewer.
    """
    query = select(shipment.c.reference).where(shipment.c.id == id, shipments_of(viewer))
    reference = connection.execute(query).scalar_one_or_none()
    if reference is None:
        raise NotFound(f"no shipment {id}")
    return str(reference)


def by_reference(connection: Connection, viewer: Viewer, reference: str) -> str | None:
    """The id of the shipment with this reference, if it exists for the viewer."""
    query = select(shipment.c.id).where(shipment.c.reference == reference, shipments_of(viewer))
    return connection.execute(query).scalar_one_or_none()


def subject(id: str) -> Subject:  # noqa: A002
    """The shipment as something that is judged."""
    return Subject(SubjectKind.SHIPMENT, id)


def _needs_reason(row: Any, changes: dict[str, Any], reason: str | None) -> None:
    if reason and reason.strip():
        return
    back = "state" in changes and changes["state"] in STATES
    if back and STATES.index(changes["state"]) < STATES.index(row["state"]):
        raise InvalidValue(f"reason: missing; going back from {row['state']} to {changes['state']} needs one")
    if changes.keys() & set(_OF_THE_PROFILE) and row["state"] != "planned":
        raise InvalidValue("reason: missing; another product profile changes every figure, so say why")
    if row["legal_hold"] and changes.get("legal_hold") is False:
        raise InvalidValue("reason: missing; lifting a legal hold needs one")


def _chosen_profile(connection: Connection, row: Any, changes: dict[str, Any], by: Viewer) -> tuple[str, int] | None:
    """The profile and version that the changes give to a shipment; None where they leave it as it is."""
    profile, version = (changes.get(name) for name in _OF_THE_PROFILE)
    if profile is None and version is None:
        return None
    held = facts.profile_of(connection, subject(row["id"]))
    wanted = profile or (held[0] if held else "")
    if (wanted, version) == held:
        return None  # also where it is retired by now
    chosen = (wanted, profiles.version_for(connection, wanted, version))
    if chosen == held:
        return None
    if row["state"] != "planned" and not by.may(Permission.ASSESS):
        raise Forbidden(
            f"product_profile: the goods are under way, and the role {by.role} has no permission to "
            f"{Permission.ASSESS.value}; ask somebody of the quality unit"
        )
    return chosen


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """Column values of the given fields."""
    known = {*NewShipment._fields, *_TIMES, "state", "legal_hold"}
    if unknown := sorted(given.keys() - known):
        raise InvalidValue(f"{unknown[0]}: is not a field of a shipment that can be set")
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in ("product_profile", "batches"):
            continue
        if name in ("origin", "destination"):
            values[name] = checked_place(name, value)
        elif name in ("reference", *_PARTIES, "lane"):
            if value is not None or name == "reference":
                values[name] = checked_text(name, value or "", 200)
            elif name != "lane":
                values[name] = None
        else:
            values[name] = value
    if values.get("legal_hold", False) is None:
        raise InvalidValue("legal_hold: null is neither true nor false; leave it out to keep it")
    if values.get("state", "planned") not in STATES:
        raise InvalidValue(f"state: {str(values['state'])[:40]!r} is none of {', '.join(STATES)}")
    checked_interval("planned_arrival", *_planned(values))
    return values


def _planned(values: Any) -> tuple[int, int | None]:
    departure, arrival = values.get("planned_departure_ms"), values.get("planned_arrival_ms")
    return (departure, arrival) if departure is not None else (0, None)


def _within_scope(values: Any, by: Viewer) -> None:
    for field, own in (("customer", by.customer), ("carrier", by.carrier)):
        if own is not None and values.get(field) != own:
            raise InvalidValue(f"{field}: must be {own!r}, you see and make only its shipments")


def _enter_state(row: Any, values: dict[str, Any], now_ms: int) -> None:
    time_field = _STATE_TIME.get(values.get("state", ""))
    if time_field and values["state"] != row["state"] and values.get(time_field) is None:
        values[time_field] = now_ms


def _lane(values: Any) -> str | None:
    names = [(values.get(end) or {}).get("name") for end in ("origin", "destination")]
    return f"{names[0]} → {names[1]}" if all(names) else None


def _checked_batch(number: str, gtin: str | None) -> tuple[str, str | None]:
    plain = checked_text("batches.batch", number, 100)
    if gtin is None:
        return plain, None
    if not (gtin.isascii() and gtin.isdigit() and len(gtin) in (8, 12, 13, 14)):
        raise InvalidValue(f"batches.gtin: {gtin[:20]!r} is not a GTIN of 8, 12, 13 or 14 digits")
    return plain, gtin


def _replace_batches(
    connection: Connection, id_: str, batches: Sequence[tuple[str, str | None]]
) -> list[list[str | None]]:  # fmt: skip
    """Name other batches; return those that stood there, for the audit trail."""
    checked = [_checked_batch(number, gtin) for number, gtin in batches]
    stood = connection.execute(select(batch.c.batch, batch.c.gtin).where(batch.c.shipment == id_)).all()
    connection.execute(delete(batch).where(batch.c.shipment == id_))
    for number, gtin in checked:
        connection.execute(batch.insert().values(id=new_id(), shipment=id_, batch=number, gtin=gtin))
    return [list(one) for one in stood]
