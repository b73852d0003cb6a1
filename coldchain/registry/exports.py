"""Exports: who took what out of the product, how much of it, and the hash by which it is recognised."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, update

from coldchain.domain.quantity import iso
from coldchain.registry.changes import changed
from coldchain.registry.paging import Page, beyond, checked_limit, cursor_of, position_of
from coldchain.registry.schema import export
from coldchain.registry.store import new_id
from coldchain.registry.viewer import Permission, Viewer


class Export(NamedTuple):
    """One export; `rows` and `sha256` are those of its last line, None until it has come to its end."""

    id: str
    kind: str
    who: str
    scope: dict[str, Any]
    started_ms: int
    finished_ms: int | None
    rows: int | None
    sha256: str | None
    failure: str | None


def begin(connection: Connection, *, kind: str, scope: dict[str, Any], who: str, now_ms: int) -> str:
    """Record that an export starts; return its id."""
    id_ = new_id()
    connection.execute(export.insert().values(id=id_, kind=kind, who=who, scope=scope, started_ms=now_ms))
    changed(
        connection, who=who, now_ms=now_ms, action="export started", kind="export", id=id_, new={"kind": kind, **scope}
    )
    return id_


def finish(
    connection: Connection,
    id: str,  # noqa: A002
    *,
    rows: int,
    sha256: str | None,
    who: str,
    now_ms: int,
    failure: str | None = None,
) -> None:
    """Record how an export ended: complete with its hash, or cut off with the reason."""
    values = {"rows": rows, "sha256": sha256, "failure": failure}
    connection.execute(update(export).where(export.c.id == id).values(finished_ms=now_ms, **values))
    action = "export finished" if failure is None else "export cut off"
    changed(connection, who=who, now_ms=now_ms, action=action, kind="export", id=id, new=values)


def listed(connection: Connection, viewer: Viewer, *, limit: int = 100, cursor: str | None = None) -> Page:
    """Exports, newest first: everybody's for who reads the audit trail, else one's own."""
    query = select(export).order_by(export.c.started_ms.desc(), export.c.id).limit(checked_limit(limit) + 1)
    if not viewer.may(Permission.AUDIT) or viewer.scoped:
        query = query.where(export.c.who == viewer.id)
    if cursor is not None:
        started_ms, id_ = position_of(cursor, int, str)
        query = query.where(beyond(export.c.started_ms, export.c.id, started_ms, id_, descending=True))
    rows = list(connection.execute(query))
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page([_json(row) for row in rows[:limit]], cursor_of(last.started_ms, last.id) if last else None)


def _json(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "who": row.who, "scope": row.scope, "started": iso(row.started_ms),
        "finished": None if row.finished_ms is None else iso(row.finished_ms),
        "rows": row.rows, "sha256": row.sha256, "failure": row.failure,
    }  # fmt: skip
