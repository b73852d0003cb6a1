"""What subjects were found to be by product profiles that no longer judge them: kept beside today's figures."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, literal, select

from coldchain.domain.finding import Subject
from coldchain.errors import NotFound
from coldchain.registry.schema import past_document, subject_state
from coldchain.registry.scope import subjects_of
from coldchain.registry.viewer import Viewer


class PastDocument(NamedTuple):
    """One compliance document with the product profile that made it, and who gave the subject another one, and why."""

    id: int
    profile: str
    version: int
    as_of_ms: int
    status: str
    document: dict[str, Any]
    replaced_ms: int
    who: str
    reason: str | None


def keep(
    connection: Connection, subject: Subject, profile: str, version: int, *, who: str, reason: str | None, now_ms: int
) -> bool:
    """Keep the figures that this product profile gave the subject, before another one judges it.

    False where there are none: nothing was judged yet, or the engine has not come to this product profile. What is
    kept already stays as it is.
    """
    of = (subject_state.c.subject_kind == subject.kind.value, subject_state.c.subject_id == subject.id)
    row = connection.execute(select(subject_state).where(*of)).one_or_none()
    made_by = ((row.document if row else None) or {}).get("profile") or {}
    if row is None or (made_by.get("id"), made_by.get("version")) != (profile, version):
        return False
    key = {
        "subject_kind": subject.kind.value, "subject_id": subject.id, "profile": profile, "profile_version": version,
        "as_of_ms": row.as_of_ms,
    }  # fmt: skip
    there = select(past_document.c.id).where(*(past_document.c[name] == value for name, value in key.items()))
    if connection.execute(there).one_or_none() is None:
        connection.execute(
            past_document.insert().values(
                **key, journal_offset=row.journal_offset, status=row.status, document=row.document, recorded_ms=now_ms,
                who=who, reason=reason,
            )
        )  # fmt: skip
    return True


def listed(connection: Connection, viewer: Viewer, subject: Subject) -> list[PastDocument]:
    """The earlier documents of a subject, newest first; none of a subject that does not exist for the viewer."""
    query = _of(viewer, subject).order_by(past_document.c.recorded_ms.desc(), past_document.c.id.desc())
    return [_past(row) for row in connection.execute(query)]


def get(connection: Connection, viewer: Viewer, subject: Subject, number: int) -> PastDocument:
    """One earlier document.

    Raises:
        NotFound: none of this number for this subject and viewer.
    """
    row = connection.execute(_of(viewer, subject).where(past_document.c.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"there is no earlier document {number} of this {subject.kind.value}")
    return _past(row)


def _of(viewer: Viewer, subject: Subject) -> Any:
    return select(past_document).where(
        past_document.c.subject_kind == subject.kind.value,
        past_document.c.subject_id == subject.id,
        subjects_of(viewer, literal(subject.kind.value), past_document.c.subject_id),
    )


def _past(row: Any) -> PastDocument:
    return PastDocument(
        row.id, row.profile, row.profile_version, row.as_of_ms, row.status, row.document, row.recorded_ms, row.who,
        row.reason,
    )  # fmt: skip
