"""Which past shipments the rule lab replays: by product profile and time of departure, or by name."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, select

from coldchain.domain.finding import SubjectKind
from coldchain.domain.shipment import FactKind
from coldchain.errors import InvalidValue
from coldchain.registry.schema import fact, shipment, subject_state
from coldchain.registry.scope import shipments_of
from coldchain.registry.viewer import Viewer

USUAL, MOST = 100, 1000  # shipments of one run


class Choice(NamedTuple):
    """The newest `limit` judged shipments that departed within [from, to); None leaves a field open."""

    product_profile: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    shipments: tuple[str, ...] = ()  # these, whenever they departed
    limit: int = USUAL


class Chosen(NamedTuple):
    """A shipment that is to be replayed, and what people call it."""

    id: str
    reference: str
    lane: str | None
    customer: str | None


def chosen(connection: Connection, viewer: Viewer, choice: Choice) -> list[Chosen]:
    """The shipments of a choice, the one that departed last first.

    Raises:
        InvalidValue: there are none, or a named one does not exist for this viewer or was not judged yet.
    """
    columns = (shipment.c.id, shipment.c.reference, shipment.c.lane, shipment.c.customer)
    judged = and_(
        subject_state.c.subject_kind == SubjectKind.SHIPMENT.value, subject_state.c.subject_id == shipment.c.id
    )
    query = select(*columns).join(subject_state, judged).where(shipments_of(viewer), *_conditions(choice))
    order = (shipment.c.departed_ms.desc(), shipment.c.id)
    found = [Chosen(*row) for row in connection.execute(query.order_by(*order).limit(choice.limit))]
    missing = set(choice.shipments) - {one.id for one in found}
    if missing:
        raise InvalidValue(f"shipments: {min(missing)[:60]!r} does not exist, or has not been judged yet")
    if not found:
        raise InvalidValue("no judged shipment departed within this period: choose another period or product profile")
    return found


def _conditions(choice: Choice) -> list[Any]:
    if choice.shipments:
        return [shipment.c.id.in_(choice.shipments)]
    found: list[Any] = [shipment.c.departed_ms.is_not(None)]
    if choice.from_ms is not None:
        found.append(shipment.c.departed_ms >= choice.from_ms)
    if choice.to_ms is not None:
        found.append(shipment.c.departed_ms < choice.to_ms)
    if choice.product_profile is not None:
        current = (fact.c.kind == FactKind.PROFILE.value, fact.c.superseded_ms.is_(None), fact.c.valid_to_ms.is_(None))
        named = fact.c.body["id"].as_string() == choice.product_profile
        given = select(fact.c.subject_id).where(fact.c.subject_kind == SubjectKind.SHIPMENT.value, *current, named)
        found.append(shipment.c.id.in_(given))
    return found
