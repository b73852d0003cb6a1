"""Which rows exist for a viewer: the one place where customer and carrier become conditions of a query."""

from typing import Any

from sqlalchemy import ColumnElement, and_, select, true

from coldchain.domain.finding import SubjectKind
from coldchain.registry.schema import fact, shipment
from coldchain.registry.viewer import Viewer


def shipments_of(viewer: Viewer) -> ColumnElement[bool]:
    """The condition on `shipment` under which a row exists for `viewer`; both scopes together narrow each other."""
    conditions: list[ColumnElement[bool]] = []
    if viewer.customer is not None:
        conditions.append(shipment.c.customer == viewer.customer)
    if viewer.carrier is not None:
        conditions.append(shipment.c.carrier == viewer.carrier)
    return and_(true(), *conditions)


def subjects_of(viewer: Viewer, kind: Any, id: Any) -> ColumnElement[bool]:  # noqa: A002  a column named like it
    """The condition on a pair of subject columns; a scoped viewer sees shipments only, no store and no batch."""
    if not viewer.scoped:
        return true()
    visible = select(shipment.c.id).where(shipments_of(viewer))
    return and_(kind == SubjectKind.SHIPMENT.value, id.in_(visible))


def loggers_of(viewer: Viewer, logger: Any) -> ColumnElement[bool]:
    """The condition on a logger column; a scoped viewer sees the loggers that ever served a shipment of its own."""
    if not viewer.scoped:
        return true()
    visible: ColumnElement[bool] = logger.in_(select(fact.c.logger).where(_bound_to_visible(viewer)))
    return visible


def _bound_to_visible(viewer: Viewer) -> ColumnElement[bool]:
    visible = select(shipment.c.id).where(shipments_of(viewer))
    return and_(
        fact.c.kind == "binding",
        fact.c.superseded_ms.is_(None),
        fact.c.subject_kind == SubjectKind.SHIPMENT.value,
        fact.c.subject_id.in_(visible),
    )
