"""Saved file mappings as versioned rows: a change is a new version with who and why; nothing is overwritten.

The bodies are JSON whose format belongs to the carriers of files; it is checked there before it comes here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from coldchain.errors import InvalidValue, Stale
from coldchain.registry.changes import changed
from coldchain.registry.schema import file_mapping


class StoredMapping(NamedTuple):
    """One version with its history."""

    id: str
    version: int
    body: dict[str, Any]
    recorded_ms: int
    who: str
    reason: str | None


def add(
    connection: Connection, mapping_id: str, version: int, body: Mapping[str, Any], *, who: str, reason: str | None,
    now_ms: int,
) -> None:  # fmt: skip
    """Store a new mapping, or the next version of an existing one, in a writing transaction.

    Raises:
        Stale: the version is not the next one.
        InvalidValue: a further version has no reason.
    """
    expected = next_version(connection, mapping_id)
    if version != expected:
        raise Stale(f"version = {version} of {mapping_id} is not the next one: send version = {expected}")
    if expected > 1 and not reason:
        raise InvalidValue("reason is missing: say why the mapping changes")
    row = {"id": mapping_id, "version": version, "body": dict(body), "recorded_ms": now_ms, "who": who}
    connection.execute(file_mapping.insert().values(**row, reason=reason))
    changed(
        connection, who=who, now_ms=now_ms, action="file_mapping.added", kind="file_mapping",
        id=f"{mapping_id}@{version}", new=dict(body), reason=reason,
    )  # fmt: skip


def next_version(connection: Connection, mapping_id: str) -> int:
    """The version that the next change of a mapping has to have; 1 for one that does not exist."""
    newest = connection.execute(
        select(func.max(file_mapping.c.version)).where(file_mapping.c.id == mapping_id)
    ).scalar_one()
    return int(newest or 0) + 1


def listed(connection: Connection, *, all_versions: bool = False) -> list[StoredMapping]:
    """The newest version of every saved mapping by id, or every version; retired ones are left out."""
    query = select(file_mapping).where(file_mapping.c.retired_ms.is_(None))
    rows = connection.execute(query.order_by(file_mapping.c.id, file_mapping.c.version))
    stored = [StoredMapping(row.id, row.version, row.body, row.recorded_ms, row.who, row.reason) for row in rows]
    return stored if all_versions else list({one.id: one for one in stored}.values())
