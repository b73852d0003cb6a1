"""Which loggers speak for which shipment or store, since when: facts that figures depend on, so they only grow."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, or_, select

from coldchain.domain.finding import Subject
from coldchain.domain.identity import logger_id
from coldchain.domain.quantity import iso
from coldchain.domain.shipment import FactKind, Role
from coldchain.errors import InvalidValue
from coldchain.registry import facts, loggers
from coldchain.registry.people import checked_text
from coldchain.registry.places import checked_interval
from coldchain.registry.schema import fact
from coldchain.registry.scope import subjects_of
from coldchain.registry.viewer import Viewer

_MOST_CHANNELS = 64
ROLES = tuple(role.value for role in Role)


class Binding(NamedTuple):
    """One logger in the service of one subject, from `valid_from_ms` until `valid_to_ms` (None: still)."""

    id: int
    subject: Subject
    logger: str
    channels: list[str] | None
    role: str
    valid_from_ms: int
    valid_to_ms: int | None
    reason: str | None
    who: str
    recorded_ms: int

    def holds(self, at_ms: int) -> bool:
        """Whether the logger serves at this moment."""
        return self.valid_from_ms <= at_ms and (self.valid_to_ms is None or at_ms < self.valid_to_ms)


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
    logger = logger_id(new.logger)
    checked_interval("to", new.from_ms, new.to_ms)
    if new.role not in ROLES:
        raise InvalidValue(f"role: {new.role[:40]!r} is none of {', '.join(ROLES)}")
    _checked_channels(new.channels)
    reason = (new.reason or "").strip() or None
    calibrated = loggers.calibrated(connection, logger, new.from_ms)
    if not calibrated and reason is None:
        raise InvalidValue(
            f"reason: missing; logger {logger} has no calibration valid at {iso(new.from_ms)}: give a reason"
            " or record its calibration first"
        )
    if loggers.get(connection, logger) is None:
        loggers.register(connection, logger, who=who, now_ms=now_ms)
    channels = sorted(set(new.channels)) if new.channels else None
    replaced = [
        b
        for b in of_subject(connection, subject)
        if b.logger == logger and b.channels == channels and _overlap(b, new.from_ms, new.to_ms)
    ]
    for old in replaced:
        facts.withdraw(connection, old.id, who=who, reason=reason or "bound again", now_ms=now_ms)
    id_ = facts.bind(
        connection, subject, logger, channels=channels, role=Role(new.role), from_ms=new.from_ms, to_ms=new.to_ms,
        who=who, reason=reason, now_ms=now_ms,
    )  # fmt: skip
    return next(b for b in of_subject(connection, subject) if b.id == id_)


def of_subject(connection: Connection, subject: Subject) -> list[Binding]:
    """The current bindings of a subject, oldest first."""
    return [_binding(found) for found in facts.known(connection, subject=subject, kinds=[FactKind.BINDING])]


def of_logger(connection: Connection, viewer: Viewer, logger: str) -> list[Binding]:
    """The current bindings of a logger to whatever the viewer may see, oldest first."""
    found = facts.known(connection, loggers=[logger], kinds=[FactKind.BINDING], viewer=viewer)
    return [_binding(one) for one in found]


def busy(connection: Connection, viewer: Viewer, at_ms: int) -> set[str]:
    """The loggers that serve anything at a moment, as far as the viewer may see."""
    held = and_(fact.c.valid_from_ms <= at_ms, or_(fact.c.valid_to_ms.is_(None), fact.c.valid_to_ms > at_ms))
    query = select(fact.c.logger).where(fact.c.kind == FactKind.BINDING.value, fact.c.superseded_ms.is_(None), held)
    return set(connection.execute(query.where(subjects_of(viewer, fact.c.subject_kind, fact.c.subject_id))).scalars())


def serving(
    connection: Connection, viewer: Viewer, at_ms: int, only: Sequence[str] | None = None
) -> dict[str, list[Binding]]:
    """By logger, what it serves at a moment, as far as the viewer may see; who is not in it serves nothing."""
    result: dict[str, list[Binding]] = {}
    for found in facts.known(connection, loggers=only, kinds=[FactKind.BINDING], viewer=viewer):
        binding = _binding(found)
        if binding.holds(at_ms):
            result.setdefault(binding.logger, []).append(binding)
    return result


def binding_json(binding: Binding) -> dict[str, Any]:
    """The public JSON of a binding."""
    return {
        "id": binding.id, "logger": binding.logger, "channels": binding.channels, "role": binding.role,
        "from": iso(binding.valid_from_ms),
        "to": None if binding.valid_to_ms is None else iso(binding.valid_to_ms),
        "reason": binding.reason,
    }  # fmt: skip


def _checked_channels(channels: list[str] | None) -> None:
    if channels is None:
        return
    if not 1 <= len(channels) <= _MOST_CHANNELS:
        raise InvalidValue(f"channels: {len(channels)} named, 1 to {_MOST_CHANNELS} can be; null means every channel")
    for channel in channels:
        checked_text("channels", channel, 64)


def _overlap(binding: Binding, from_ms: int, to_ms: int | None) -> bool:
    ends_later = binding.valid_to_ms is None or binding.valid_to_ms > from_ms
    return ends_later and (to_ms is None or binding.valid_from_ms < to_ms)


def _binding(found: facts.Fact) -> Binding:
    if found.subject is None:
        raise InvalidValue(f"binding {found.id} has no subject")
    channels, role = found.body.get("channels"), found.body.get("role", "product")
    return Binding(
        found.id, found.subject, found.logger or found.body["logger"], channels, role, found.valid_from_ms,
        found.valid_to_ms, found.reason, found.who, found.recorded_ms,
    )  # fmt: skip
