"""Writing the rules by which people are told: checked as a whole, then kept with who and why.

What is in use cannot lose what it needs: a rota that a policy names keeps the layer, a policy that a route names stays.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from alerts.policy import Policy, TargetKind, policy_from
from alerts.rota import Rota
from alerts.rota_format import rota_from
from alerts.routing import Routing, routing_from
from alerts.rulebook import Rulebook
from coldchain.domain.quantity import iso
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import contacts, rotas, routes
from coldchain.registry.contacts import Contact
from coldchain.registry.policies import POLICIES
from coldchain.registry.rotas import ROTAS
from coldchain.registry.routes import StoredRouting
from coldchain.registry.store import new_id
from coldchain.registry.versioned import Stored
from coldchain.registry.viewer import Permission, Viewer


def put_policy(
    connection: Connection, id_: str, body: Mapping[str, Any], *, by: Viewer, reason: str | None, now_ms: int,
    version: int | None = None,
) -> Stored:  # fmt: skip
    """Add a policy or its next version. Alarms that climb already keep the version that they began with.

    Raises:
        InvalidTable: names every mistake with field, value and remedy.
        InvalidValue: a further version has no reason.
        Stale: `version` is not the next one.
    """
    policy_from(id_, 1, body, Rulebook(connection, now_ms).known())
    return POLICIES.add(connection, id_, dict(body), who=by.id, reason=reason, now_ms=now_ms, version=version)


def retire_policy(connection: Connection, id_: str, *, by: Viewer, reason: str, now_ms: int) -> Stored:
    """Take a policy out of use.

    Raises:
        NotFound: there is none.
        InvalidValue: a route still names it, there is no reason, or it is retired already.
    """
    routing = Rulebook(connection, now_ms).routing
    named = [f"routes[{number}]" for number, route in enumerate(routing.routes) if route.policy == id_]
    named += ["otherwise"] if routing.otherwise == id_ else []
    if named:
        raise InvalidValue(f"policy {id_} is named by {', '.join(named)} of the routes: change these first")
    return POLICIES.retire(connection, id_, who=by.id, reason=reason, now_ms=now_ms)


def put_rota(
    connection: Connection, id_: str, body: Mapping[str, Any], *, by: Viewer, reason: str | None, now_ms: int,
    version: int | None = None,
) -> Stored:  # fmt: skip
    """Add a rota or its next version, which counts at once, also for alarms that climb already.

    Raises:
        InvalidTable: names every mistake with field, value and remedy.
        InvalidValue: a policy in use names a layer that it would lose, or a further version has no reason.
        Stale: `version` is not the next one.
    """
    book = Rulebook(connection, now_ms)
    rota = rota_from(id_, 1, body, book.known())
    on_duty = {one for layer in rota.layers for one in layer.people}
    on_duty |= {one for day in rota.holidays for one in day.people or ()}
    for someone in contacts.contacts(connection, on_duty, now_ms):
        _can_answer(someone, "people")
    kept = {layer.name for layer in rota.layers}
    for policy, layer in _named(book, id_):
        if layer not in kept:
            raise InvalidValue(f"layers: {layer!r} is missing, and policy {policy} names it: keep it, or change that")
    return ROTAS.add(connection, id_, dict(body), who=by.id, reason=reason, now_ms=now_ms, version=version)


def retire_rota(connection: Connection, id_: str, *, by: Viewer, reason: str, now_ms: int) -> Stored:
    """Take a rota out of use.

    Raises:
        NotFound: there is none.
        InvalidValue: a policy in use names it, there is no reason, or it is retired already.
    """
    if named := sorted({policy for policy, _ in _named(Rulebook(connection, now_ms), id_)}):
        raise InvalidValue(f"rota {id_} is named by policy {', '.join(named)}: change that first")
    return ROTAS.retire(connection, id_, who=by.id, reason=reason, now_ms=now_ms)


def put_routing(
    connection: Connection, body: Mapping[str, Any], *, by: Viewer, reason: str | None, now_ms: int,
    version: int | None = None,
) -> StoredRouting:  # fmt: skip
    """Replace the routes.

    Raises:
        InvalidTable: names every mistake with field, value and remedy.
        InvalidValue: a further version has no reason.
        Stale: `version` is not the next one.
    """
    routing_from(1, body, Rulebook(connection, now_ms).known())
    return routes.replace(connection, dict(body), who=by.id, reason=reason, now_ms=now_ms, expected=version)


def stand_in(
    connection: Connection, rota_id: str, *, layer: str | None, person: str, replaces: str | None, from_ms: int,
    to_ms: int, by: Viewer, reason: str | None, now_ms: int, swap: str | None = None, id_: str | None = None,
) -> str:  # fmt: skip
    """Let somebody stand in; who may not change rotas may give away turns of their own, and nothing else.

    Raises:
        NotFound: there is no such rota.
        Forbidden: it is not the caller's own turn, and the caller may not change rotas.
        InvalidValue: an unknown layer or person, or times that cannot be.
    """
    rota = _rota(connection, rota_id)
    if not by.may(Permission.ASSESS) and replaces != by.id:
        raise Forbidden("`replaces` is not you: who is on call may give away their own turns only; ask quality")
    if layer is not None and layer not in {one.name for one in rota.layers}:
        known = ", ".join(one.name for one in rota.layers)
        raise InvalidValue(f"layer: {layer[:60]!r} is no layer of {rota_id}: choose of {known}, or null for all")
    wanted = {person} | ({replaces} if replaces else set())
    there = {one.id: one for one in contacts.contacts(connection, wanted, now_ms)}
    for one in sorted(wanted - there.keys()):
        raise InvalidValue(f"person: {one[:60]!r} is nobody who can be on duty: look the id up")
    _can_answer(there[person], "person")
    return rotas.add_override(
        connection, rota_id, layer=layer, person=person, replaces=replaces, from_ms=from_ms, to_ms=to_ms, who=by.id,
        reason=reason, now_ms=now_ms, swap=swap, id_=id_,
    )  # fmt: skip


def swap(
    connection: Connection, rota_id: str, *, layer: str | None, mine: tuple[str, int, int],
    theirs: tuple[str, int, int], by: Viewer, reason: str | None, now_ms: int,
) -> tuple[str, str]:  # fmt: skip
    """Let two people take each other's turns; returns both overrides.

    Args:
        connection: a writing transaction.
        rota_id: the rota.
        layer: one layer, or None for every one.
        mine: (person, from, to) of the turn that is given away; without the permission to change rotas, one's own.
        theirs: (person, from, to) of the turn that is taken over instead.
        by: who asks.
        reason: why.
        now_ms: the time.

    Raises:
        NotFound, Forbidden, InvalidValue: as `stand_in`; two turns of the same person cannot be swapped.
    """
    (one, *first), (other, *second) = mine, theirs
    if one == other:
        raise InvalidValue(f"person: {one[:60]!r} cannot swap with themselves: name somebody else")
    if not by.may(Permission.ASSESS) and one != by.id:
        raise Forbidden("`mine` is not yours: who is on call may swap their own turns only; ask quality")
    ids = new_id(), new_id()
    stand_in(
        connection, rota_id, person=other, replaces=one, from_ms=first[0], to_ms=first[1], swap=ids[1], id_=ids[0],
        by=by, layer=layer, reason=reason, now_ms=now_ms,
    )  # fmt: skip
    agreed = by if by.may(Permission.ASSESS) else Viewer(by.id, by.name, "quality")
    stand_in(
        connection, rota_id, person=one, replaces=other, from_ms=second[0], to_ms=second[1], swap=ids[0], id_=ids[1],
        by=agreed, layer=layer, reason=reason, now_ms=now_ms,
    )  # fmt: skip
    return ids


def take_back(connection: Connection, override: str, *, by: Viewer, reason: str | None, now_ms: int) -> None:
    """End an override (and the other half of a swap); one's own, or any by who may change rotas.

    Raises:
        NotFound, Forbidden, InvalidValue: there is none, it is not the caller's, or it has ended.
    """
    row = rotas.override(connection, override)
    if not by.may(Permission.ASSESS) and by.id != row.who:
        raise Forbidden("somebody else has entered this; ask them, or quality")
    if row.to_ms <= now_ms:
        raise InvalidValue(f"override: was over at {iso(row.to_ms)}; what has been stays on record")
    rotas.end_override(connection, override, who=by.id, reason=reason, now_ms=now_ms)


def read_policy(stored: Stored) -> Policy:
    """A stored version as a value."""
    return policy_from(stored.id, stored.version, stored.body)


def read_rota(stored: Stored) -> Rota:
    """A stored version as a value."""
    return rota_from(stored.id, stored.version, stored.body)


def read_routing(stored: StoredRouting | None) -> Routing:
    """The stored routes as a value; those of a fresh installation where there are none."""
    return Routing() if stored is None else routing_from(stored.version, stored.body)


def _can_answer(someone: Contact, field: str) -> None:
    """Nothing, if this person may acknowledge what a turn of duty brings.

    Raises:
        InvalidValue: they may only look.
    """
    if not contacts.recipient(someone).may_acknowledge:
        words = f"is {someone.role} and may not acknowledge alarms: name somebody else, or change the role"
        raise InvalidValue(f"{field}: {someone.name} {words}")


def _rota(connection: Connection, id_: str) -> Rota:
    stored = ROTAS.get(connection, id_)
    if stored.retired_ms is not None:
        raise InvalidValue(f"rota: {id_!r} is retired; its next version brings it back")
    return read_rota(stored)


def _named(book: Rulebook, rota: str) -> list[tuple[str, str]]:
    """(policy, layer) wherever a policy in use is aimed at this rota."""
    return [
        (policy.id, target.layer)
        for policy in book.in_use().values()
        for step in policy.steps
        for target in step.targets
        if target.kind is TargetKind.ROTA and target.id == rota
    ]
