"""Who is judged by which version of a product profile: the shipments and stores that a viewer may see."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, func, null, select

from coldchain.domain.finding import SubjectKind
from coldchain.domain.shipment import FactKind
from coldchain.registry.schema import fact, shipment, store
from coldchain.registry.scope import shipments_of
from coldchain.registry.viewer import Viewer


class Use(NamedTuple):
    """A shipment or a store that a version judges now, since when, given by whom, and why."""

    kind: SubjectKind
    id: str
    name: str
    state: str | None  # of a shipment
    version: int
    since_ms: int
    who: str
    reason: str | None


def uses(
    connection: Connection, viewer: Viewer, profile_id: str, version: int | None = None, *, limit: int = 1000
) -> list[Use]:
    """The subjects of a profile or of one version of it, the newest assignment first, stores before shipments."""
    found: list[Use] = []
    for kind, table, name, state, visible in _kinds(viewer):
        query = (
            select(table.c.id, name, state, _VERSION.label("profile_version"), fact.c.recorded_ms, fact.c.who,
                   fact.c.reason)
            .join(fact, fact.c.subject_id == table.c.id)
            .where(fact.c.subject_kind == kind.value, *_current(profile_id), visible)
            .order_by(fact.c.recorded_ms.desc(), fact.c.id.desc())
            .limit(limit)
        )  # fmt: skip
        if version is not None:
            query = query.where(version == _VERSION)
        found += [Use(kind, *row) for row in connection.execute(query)]
    return found[:limit]


def counted(connection: Connection, viewer: Viewer) -> dict[tuple[str, int], dict[str, int]]:
    """By profile and version: how many subjects of each kind it judges now."""
    found: dict[tuple[str, int], dict[str, int]] = {}
    for kind, table, _name, _state, visible in _kinds(viewer):
        query = (
            select(_ID, _VERSION, func.count())
            .select_from(table)
            .join(fact, fact.c.subject_id == table.c.id)
            .where(fact.c.subject_kind == kind.value, *_current(None), visible)
            .group_by(_ID, _VERSION)
        )
        for profile, version, number in connection.execute(query):
            found.setdefault((profile, version), {})[kind.value] = number
    return found


_ID, _VERSION = fact.c.body["id"].as_string(), fact.c.body["version"].as_integer()


def _kinds(viewer: Viewer) -> list[tuple[SubjectKind, Any, Any, Any, Any]]:
    """What can be judged, each with its name, its state and what the viewer may see of it."""
    shipments = (SubjectKind.SHIPMENT, shipment, shipment.c.reference, shipment.c.state, shipments_of(viewer))
    if viewer.scoped:
        return [shipments]
    nothing = null()  # a store has no state
    return [(SubjectKind.STORE, store, store.c.name, nothing, store.c.retired_ms.is_(None)), shipments]


def _current(profile_id: str | None) -> list[Any]:
    conditions = [
        fact.c.kind == FactKind.PROFILE.value,
        fact.c.superseded_ms.is_(None),
        fact.c.valid_to_ms.is_(None),
    ]
    return conditions if profile_id is None else [*conditions, profile_id == _ID]
