"""Which loggers speak for which shipment or store, since when: facts that figures depend on, so they only grow."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from coldchain.domain.finding import Subject
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry import loggers
from coldchain.registry.changes import changed
from coldchain.registry.places import checked_interval, checked_logger
from coldchain.registry.recording import add_fact
from coldchain.registry.schema import fact

ROLES = ("product", "ambient", "excluded")


class Binding(NamedTuple):
    """One logger in the service of one subject, from `valid_from_ms` until `valid_to_ms` (None: still)."""

    id: int
    subject_kind: str
    subject_id: str
    logger: str
    channels: list[str] | None
    role: str
    valid_from_ms: int
    valid_to_ms: int | None
    reason: str | None
    who: str
    recorded_ms: int


class NewBinding(NamedTuple):
    """What a person asks for."""

    logger: str
    from_ms: int
    to_ms: int | None = None
    channels: list[str] | None = None
    role: str = "product"
    reason: str | None = None


def bind(connection: Connection, subject: Subject, new: NewBinding, *, who: str, now_ms: int) -> Binding:
    """Put a logger into the service of a subject; one of the same logger and channels that overlaps is replaced.

    A logger that nobody registered is registered by this. One without a calibration that covers the beginning needs a
    reason.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    logger = checked_logger(new.logger)
    checked_interval("to", new.from_ms, new.to_ms)
    if new.role not in ROLES:
        raise InvalidValue(f"role: {new.role[:40]!r} is none of {', '.join(ROLES)}")
    if new.channels is not None and not new.channels:
        raise InvalidValue("channels: an empty list binds nothing; null means every channel")
    reason = (new.reason or "").strip() or None
    calibrated = loggers.calibrated(connection, logger, new.from_ms)
    if not calibrated and reason is None:
        raise InvalidValue(
            f"reason: missing; logger {logger} has no calibration valid at {iso(new.from_ms)}: give a reason"
            " or record its calibration first"
        )
    if loggers.get(connection, logger) is None:
        loggers.register(connection, logger, who=who, now_ms=now_ms)
    body = {"logger": logger, "channels": sorted(set(new.channels)) if new.channels else None, "role": new.role}
    replaced = [
        b for b in of_subject(connection, subject)
        if b.logger == logger and b.channels == body["channels"] and _overlap(b, new.from_ms, new.to_ms)
    ]  # fmt: skip
    id_ = add_fact(
        connection, subject, kind="binding", body=body, logger=logger, valid=(new.from_ms, new.to_ms), who=who,
        now_ms=now_ms, reason=reason, replaces=[b.id for b in replaced],
    )  # fmt: skip
    changed(
        connection, who=who, now_ms=now_ms, action="logger bound", kind=subject.kind.value, id=subject.id,
        reason=reason, old=[binding_json(b) for b in replaced] or None,
        new={**body, "from": iso(new.from_ms), "to": None if new.to_ms is None else iso(new.to_ms),
             "calibrated": calibrated},
    )  # fmt: skip
    return next(b for b in of_subject(connection, subject) if b.id == id_)


def of_subject(connection: Connection, subject: Subject) -> list[Binding]:
    """The current bindings of a subject, oldest first."""
    query = select(fact).where(fact.c.kind == "binding", fact.c.superseded_ms.is_(None))
    query = query.where(fact.c.subject_kind == subject.kind.value, fact.c.subject_id == subject.id)
    return [_binding(row) for row in connection.execute(query.order_by(fact.c.valid_from_ms, fact.c.id))]


def of_logger(connection: Connection, logger: str) -> list[Binding]:
    """The current bindings of a logger, to whatever subject, oldest first."""
    query = select(fact).where(fact.c.kind == "binding", fact.c.superseded_ms.is_(None), fact.c.logger == logger)
    return [_binding(row) for row in connection.execute(query.order_by(fact.c.valid_from_ms, fact.c.id))]


def binding_json(binding: Binding) -> dict[str, Any]:
    """The public JSON of a binding."""
    return {
        "id": binding.id, "logger": binding.logger, "channels": binding.channels, "role": binding.role,
        "from": iso(binding.valid_from_ms),
        "to": None if binding.valid_to_ms is None else iso(binding.valid_to_ms),
        "reason": binding.reason,
    }  # fmt: skip


def _overlap(binding: Binding, from_ms: int, to_ms: int | None) -> bool:
    ends_later = binding.valid_to_ms is None or binding.valid_to_ms > from_ms
    return ends_later and (to_ms is None or binding.valid_from_ms < to_ms)


def _binding(row: Row[Any]) -> Binding:
    return Binding(
        row.id, row.subject_kind, row.subject_id, row.logger, row.body.get("channels"), row.body.get("role", "product"),
        row.valid_from_ms, row.valid_to_ms, row.reason, row.who, row.recorded_ms,
    )  # fmt: skip
