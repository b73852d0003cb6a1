"""Facts that figures depend on: append-only rows, each written with its audit row and `dirty` for whom it concerns.

Nothing is edited: `supersede` writes a successor and closes the old row, so any earlier moment can be asked again.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, or_, select, update

from coldchain import audit
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.shipment import FactKind, Role
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import past_documents
from coldchain.registry.changes import changed
from coldchain.registry.schema import dirty, fact
from coldchain.registry.scope import subjects_of
from coldchain.registry.store import bump_revision
from coldchain.registry.viewer import SYSTEM, Viewer


class Fact(NamedTuple):
    """One fact as it is or was known; `valid_*` is the world's time, `recorded_ms` and `superseded_ms` are ours."""

    id: int
    subject: Subject | None
    logger: str | None
    kind: FactKind
    body: dict[str, Any]
    valid_from_ms: int
    valid_to_ms: int | None
    recorded_ms: int
    superseded_by: int | None
    superseded_ms: int | None
    who: str
    reason: str | None


class NewFact(NamedTuple):
    """A fact that is to be recorded; one without subject concerns every subject that its logger is bound to."""

    kind: FactKind
    body: dict[str, Any]
    valid_from_ms: int
    valid_to_ms: int | None = None
    subject: Subject | None = None
    logger: str | None = None
    reason: str | None = None

    def row(self) -> dict[str, Any]:
        """Its columns, as they also stand in the audit trail."""
        subject = self.subject
        return {
            "subject_kind": subject and subject.kind.value, "subject_id": subject and subject.id,
            "logger": self.logger, "kind": self.kind.value, "body": self.body, "valid_from_ms": self.valid_from_ms,
            "valid_to_ms": self.valid_to_ms,
        }  # fmt: skip


def add(
    connection: Connection,
    *,
    kind: FactKind,
    body: dict[str, Any],
    valid_from_ms: int,
    valid_to_ms: int | None = None,
    subject: Subject | None = None,
    logger: str | None = None,
    who: str,
    reason: str | None = None,
    now_ms: int,
) -> int:
    """Record one fact inside a writing transaction; the engine judges its subjects again. Returns the fact's id.

    A fact without subject concerns every subject that its logger is bound to.

    Raises:
        InvalidValue: the interval is empty, or the fact concerns neither a subject nor a logger.
    """
    one = NewFact(kind, body, valid_from_ms, valid_to_ms, subject, logger, reason)
    return add_all(connection, [one], who=who, now_ms=now_ms)[0]


def add_all(connection: Connection, new: Sequence[NewFact], *, who: str, now_ms: int) -> list[int]:
    """Record facts as `add` would one after the other, by few statements; their ids in the same order.

    Raises:
        InvalidValue: as `add`.
    """
    if not new:
        return []
    for item in new:
        if item.subject is None and item.logger is None:
            raise InvalidValue(f"a fact of kind {item.kind} needs a subject or a logger")
        if item.valid_to_ms is not None and item.valid_to_ms <= item.valid_from_ms:
            raise InvalidValue(f"to = {item.valid_to_ms} does not lie after from = {item.valid_from_ms}")
    rows = [{**item.row(), "recorded_ms": now_ms, "who": who, "reason": item.reason} for item in new]
    numbers = list(connection.execute(_ADD, rows).scalars())
    of_loggers = _bound(connection, {item.logger for item in new if item.subject is None and item.logger})
    for item in new:
        for affected in [item.subject] if item.subject else of_loggers.get(item.logger or "", []):
            mark_dirty(connection, affected, item.valid_from_ms, item.kind.value, now_ms)
    entries = [
        audit.New(who, f"fact.{item.kind.value}.added", "fact", str(number), new=item.row(), reason=item.reason)
        for item, number in zip(new, numbers, strict=True)
    ]
    audit.record_all(connection, entries, at_ms=now_ms)
    bump_revision(connection)
    return numbers


_ADD = fact.insert().returning(fact.c.id, sort_by_parameter_order=True)


def supersede(
    connection: Connection,
    fact_id: int,
    *,
    who: str,
    reason: str,
    now_ms: int,
    body: dict[str, Any] | None = None,
    valid_from_ms: int | None = None,
    valid_to_ms: int | None = None,
) -> int:
    """Replace a fact by one with another body or interval; what is not given stays. Returns the new fact's id.

    Raises:
        NotFound: no current fact of this id.
        InvalidValue: as `add`.
    """
    old = _current(connection, fact_id)
    start = old.valid_from_ms if valid_from_ms is None else valid_from_ms
    new = add(
        connection,
        kind=old.kind,
        body=old.body if body is None else body,
        valid_from_ms=start,
        valid_to_ms=old.valid_to_ms if valid_to_ms is None else valid_to_ms,
        subject=old.subject,
        logger=old.logger,
        who=who,
        reason=reason,
        now_ms=now_ms,
    )
    _close(connection, old, new, who, reason, now_ms)
    return new


def withdraw(connection: Connection, fact_id: int, *, who: str, reason: str, now_ms: int) -> None:
    """End a fact without a successor: it was wrong.

    Raises:
        NotFound: no current fact of this id.
    """
    _close(connection, _current(connection, fact_id), None, who, reason, now_ms)


def _close(connection: Connection, old: Fact, new: int | None, who: str, reason: str, now_ms: int) -> None:
    connection.execute(update(fact).where(fact.c.id == old.id).values(superseded_by=new, superseded_ms=now_ms))
    for affected in _affected(connection, old.subject, old.logger):
        mark_dirty(connection, affected, old.valid_from_ms, old.kind.value, now_ms)
    changed(
        connection, who=who, now_ms=now_ms, action=f"fact.{old.kind.value}.superseded", kind="fact", id=str(old.id),
        old={"body": old.body, "valid_from_ms": old.valid_from_ms, "valid_to_ms": old.valid_to_ms},
        new={"superseded_by": new}, reason=reason,
    )  # fmt: skip


def mark_dirty(connection: Connection, subject: Subject, from_ms: int, reason: str, now_ms: int) -> None:
    """Have the engine judge a subject again from `from_ms` on (event time)."""
    connection.execute(
        dirty.insert().values(
            subject_kind=subject.kind.value, subject_id=subject.id, from_ms=from_ms, reason=reason, recorded_ms=now_ms
        )
    )


def bind(
    connection: Connection,
    subject: Subject,
    logger: str,
    *,
    channels: Sequence[str] | None = None,
    role: Role = Role.PRODUCT,
    from_ms: int,
    to_ms: int | None = None,
    who: str,
    reason: str | None = None,
    now_ms: int,
) -> int:
    """Bind a logger (all its channels, or the named ones) to a subject from `from_ms` until `to_ms`, exclusive."""
    body = {"logger": logger, "channels": None if channels is None else sorted(channels), "role": role.value}
    return add(
        connection, kind=FactKind.BINDING, body=body, valid_from_ms=from_ms, valid_to_ms=to_ms, subject=subject,
        logger=logger, who=who, reason=reason, now_ms=now_ms,
    )  # fmt: skip


def assign_profile(
    connection: Connection,
    subject: Subject,
    profile: str,
    version: int,
    *,
    who: str,
    reason: str | None = None,
    now_ms: int,
) -> int:
    """Judge a subject by this version of a product profile, in place of the one that it had.

    What it was found to be by that one stays on record.
    """
    body = {"id": profile, "version": version}
    held = _profiles(connection, subject)
    if held:
        before = held[-1].body
        past_documents.keep(
            connection, subject, before["id"], before["version"], who=who, reason=reason, now_ms=now_ms
        )  # fmt: skip
        return supersede(connection, held[-1].id, body=body, who=who, reason=reason or "assigned", now_ms=now_ms)
    return add(
        connection, kind=FactKind.PROFILE, body=body, valid_from_ms=0, subject=subject, who=who, reason=reason,
        now_ms=now_ms,
    )  # fmt: skip


def profile_of(connection: Connection, subject: Subject) -> tuple[str, int] | None:
    """The product profile (id, version) that judges a subject now, None if none does."""
    held = _profiles(connection, subject)
    return (held[-1].body["id"], held[-1].body["version"]) if held else None


def _profiles(connection: Connection, subject: Subject) -> list[Fact]:
    return [item for item in known(connection, subject=subject, kinds=[FactKind.PROFILE]) if item.valid_to_ms is None]


def known(
    connection: Connection,
    *,
    subject: Subject | None = None,
    subjects: Iterable[Subject] | None = None,
    loggers: Iterable[str] | None = None,
    kinds: Iterable[FactKind] | None = None,
    at_ms: int | None = None,
    viewer: Viewer = SYSTEM,
) -> list[Fact]:
    """Facts in order of their interval: the current ones, or those known at `at_ms`. For the engine and for pages.

    `subjects` goes by their ids alone; `subject` by kind and id.
    """
    conditions = [_known_at(at_ms)]
    if viewer.scoped:
        conditions.append(subjects_of(viewer, fact.c.subject_kind, fact.c.subject_id))
    if subject is not None:
        conditions.append(and_(fact.c.subject_kind == subject.kind.value, fact.c.subject_id == subject.id))
    if subjects is not None:
        conditions.append(fact.c.subject_id.in_([item.id for item in subjects]))
    if loggers is not None:
        conditions.append(fact.c.logger.in_(list(loggers)))
    if kinds is not None:
        conditions.append(fact.c.kind.in_([kind.value for kind in kinds]))
    query = select(fact).where(*conditions).order_by(fact.c.valid_from_ms, fact.c.id)
    return [_fact(row) for row in connection.execute(query)]


def bound_subjects(connection: Connection, logger: str) -> list[tuple[Subject, Fact]]:
    """Every subject that a logger is bound to, with the binding."""
    found = known(connection, loggers=[logger], kinds=[FactKind.BINDING])
    return [(item.subject, item) for item in found if item.subject is not None]


def _known_at(at_ms: int | None) -> Any:
    if at_ms is None:
        return fact.c.superseded_ms.is_(None)
    return and_(fact.c.recorded_ms <= at_ms, or_(fact.c.superseded_ms.is_(None), fact.c.superseded_ms > at_ms))


def _affected(connection: Connection, subject: Subject | None, logger: str | None) -> list[Subject]:
    if subject is not None:
        return [subject]
    return _bound(connection, {logger or ""}).get(logger or "", [])


def _bound(connection: Connection, loggers: set[str]) -> dict[str, list[Subject]]:
    """The subjects that each of these loggers is bound to, in their order."""
    found: dict[str, set[Subject]] = {}
    for item in known(connection, loggers=loggers, kinds=[FactKind.BINDING]) if loggers else ():
        if item.subject is not None and item.logger is not None:
            found.setdefault(item.logger, set()).add(item.subject)
    return {logger: sorted(subjects) for logger, subjects in found.items()}


def _current(connection: Connection, fact_id: int) -> Fact:
    row = connection.execute(select(fact).where(fact.c.id == fact_id, fact.c.superseded_ms.is_(None))).one_or_none()
    if row is None:
        raise NotFound(f"there is no current fact {fact_id}: somebody replaced it")
    return _fact(row)


def _fact(row: Any) -> Fact:
    subject = None if row.subject_kind is None else Subject(SubjectKind(row.subject_kind), row.subject_id)
    return Fact(
        row.id, subject, row.logger, FactKind(row.kind), row.body, row.valid_from_ms, row.valid_to_ms,
        row.recorded_ms, row.superseded_by, row.superseded_ms, row.who, row.reason,
    )  # fmt: skip
