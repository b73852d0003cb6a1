"""The names of subjects: a shipment's reference, a store's name, within what the viewer may see."""

from collections.abc import Iterable
from urllib.parse import quote

from sqlalchemy import Connection, select

from coldchain.domain.finding import SubjectKind
from coldchain.registry.schema import alarm, shipment, store
from coldchain.registry.scope import shipments_of, subjects_of
from coldchain.registry.viewer import Viewer

_SHORTEST = 8


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
    folder = {SubjectKind.SHIPMENT.value: "shipments", SubjectKind.STORE.value: "stores"}.get(kind or "")
    return f"/{folder}/{id}" if folder and id else None


def logger_href(logger: str) -> str:
    """Where a logger has its page; an id may hold spaces and signs."""
    return f"/loggers/{quote(logger, safe='')}"


def alarm_id(connection: Connection, viewer: Viewer, reference: str) -> str | None:
    """The alarm that a message names, within what the viewer may see.

    `reference` is the alarm's id, or the first eight characters of it, which is what an SMS has room for.
    """
    if len(reference) < _SHORTEST:
        return None
    query = select(alarm.c.id).where(alarm.c.id.startswith(reference, autoescape=True))
    query = query.where(subjects_of(viewer, alarm.c.subject_kind, alarm.c.subject_id))
    found = list(connection.execute(query.limit(2)).scalars())
    return str(found[0]) if len(found) == 1 else None


def alarm_href(connection: Connection, viewer: Viewer, reference: str) -> str | None:
    """Where the alarm that a message names has its page."""
    found = alarm_id(connection, viewer, reference)
    return None if found is None else f"/alarms/{found}"
