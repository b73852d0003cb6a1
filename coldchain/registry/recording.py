"""Appends facts: the new row, what it supersedes, and the subjects that must be judged again, in one transaction."""

from typing import Any

from sqlalchemy import Connection, select, update

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.registry.schema import dirty, fact


def add_fact(
    connection: Connection,
    subject: Subject | None,
    *,
    kind: str,
    body: dict[str, Any],
    valid: tuple[int, int | None],
    who: str,
    now_ms: int,
    logger: str | None = None,
    reason: str | None = None,
    replaces: list[int],
) -> int:
    """Append one fact, supersede those that it replaces, and have the subjects judged again; return its id."""
    row = {
        "subject_kind": None if subject is None else subject.kind.value,
        "subject_id": None if subject is None else subject.id,
        "logger": logger, "kind": kind, "body": body, "valid_from_ms": valid[0], "valid_to_ms": valid[1],
        "recorded_ms": now_ms, "who": who, "reason": reason,
    }  # fmt: skip
    inserted = connection.execute(fact.insert().values(**row)).inserted_primary_key
    id_ = int(inserted[0]) if inserted else 0
    if replaces:
        old = update(fact).where(fact.c.id.in_(replaces))
        connection.execute(old.values(superseded_by=id_, superseded_ms=now_ms))
    for judged in [subject] if subject else _subjects_with(connection, logger):
        mark_dirty(connection, judged, from_ms=valid[0], reason=f"{kind} changed", now_ms=now_ms)
    return id_


def mark_dirty(connection: Connection, subject: Subject, *, from_ms: int, reason: str, now_ms: int) -> None:
    """Have the engine judge a subject again from a moment on."""
    row = {"subject_kind": subject.kind.value, "subject_id": subject.id, "from_ms": from_ms, "reason": reason}
    connection.execute(dirty.insert().values(**row, recorded_ms=now_ms))


def _subjects_with(connection: Connection, logger: str | None) -> list[Subject]:
    if logger is None:
        return []
    query = select(fact.c.subject_kind, fact.c.subject_id).distinct()
    query = query.where(fact.c.kind == "binding", fact.c.superseded_ms.is_(None), fact.c.logger == logger)
    return sorted(Subject(SubjectKind(row.subject_kind), row.subject_id) for row in connection.execute(query))
