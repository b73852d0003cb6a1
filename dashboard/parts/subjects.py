"""The names of subjects: a shipment's reference, a store's name, within what the viewer may see."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from coldchain.domain.finding import SubjectKind
from coldchain.registry.schema import shipment, store
from coldchain.registry.scope import shipments_of
from coldchain.registry.viewer import Viewer


def names(connection: Connection, viewer: Viewer, subjects: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names by id; subjects that do not exist for the viewer are left out."""
    wanted = list(subjects)
    shipments = [id_ for kind, id_ in wanted if kind == SubjectKind.SHIPMENT.value]
    stores = [id_ for kind, id_ in wanted if kind == SubjectKind.STORE.value]
    query = select(shipment.c.id, shipment.c.reference).where(shipment.c.id.in_(shipments), shipments_of(viewer))
    found = {row.id: row.reference for row in connection.execute(query)}
    if stores and not viewer.scoped:
        found |= {row.id: row.name for row in connection.execute(select(store).where(store.c.id.in_(stores)))}
    return found


def href(kind: str | None, id: str | None) -> str | None:  # noqa: A002
    """Where a subject has its page."""
    return f"/shipments/{id}" if kind == SubjectKind.SHIPMENT.value and id else None
