"""What the figures of alarm quality are counted from: a period's alarms, what people did, every message, the drills.

Times are ms UTC. Drills and merged alarms are no alarms here, and canaries, which reach nobody, are no messages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from coldchain.domain.canary import CHANNEL
from coldchain.domain.finding import Condition, Severity
from coldchain.registry import alarm_unrest
from coldchain.registry.contact_checks import CAUSE as CHECKS
from coldchain.registry.people import names
from coldchain.registry.schema import alarm, alarm_event, outbox
from coldchain.registry.schema_people import drill

ACTS = ("acknowledged", "commented", "assigned", "shelved", "shelf_asked")  # what a person does about an alarm


class Period(NamedTuple):
    """From (inclusive) to (exclusive), ms UTC."""

    from_ms: int
    to_ms: int


class Raised(NamedTuple):
    """One alarm that was raised within the period."""

    id: str
    severity: str
    cause: str
    logger: str | None
    raised_ms: int
    end_ms: int | None
    returned: bool
    late: bool
    acknowledged: bool  # as it stands now
    acts: tuple[tuple[str, int], ...]  # what people did about it and when, oldest first


class Message(NamedTuple):
    """One message of the outbox that was written within the period."""

    alarm: str
    occasion: int
    reason: str
    recipient: str
    recipient_kind: str
    channel: str
    state: str
    created_ms: int
    accepted_ms: int | None
    delivered_ms: int | None
    possible_repeat: bool


class Drill(NamedTuple):
    """One test alarm to one person."""

    alarm: str
    sent_ms: int
    answered_ms: int | None
    missed_ms: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened, and what stands at `now_ms`."""

    period: Period
    now_ms: int
    raised: tuple[Raised, ...]
    messages: tuple[Message, ...]
    drills: tuple[Drill, ...]
    stale: frozenset[str]
    chattering: frozenset[str]
    named: Mapping[str, str]
    digests: frozenset[tuple[str, str]] = frozenset()  # (alarm, person) of what a mail of several told of

    @property
    def announced(self) -> frozenset[str]:
        """Alarms that were raised within the period and of which at least one message was written."""
        told = {one.alarm for one in self.messages} | {alarm_id for alarm_id, _ in self.digests}
        return frozenset(one.id for one in self.raised if one.id in told)


def load(connection: Connection, period: Period, now_ms: int) -> Facts:
    """Everything that the figures of a period are counted from; drills and merged alarms are no alarms here."""
    told = (alarm.c.merged_into.is_(None), alarm.c.condition != Condition.PENDING.value)
    real = (*told, alarm.c.cause != CHECKS, alarm.c.id.not_in(select(drill.c.alarm)))
    within = (alarm.c.raised_ms >= period.from_ms, alarm.c.raised_ms < period.to_ms)
    acts = _acts(connection, real, within)
    columns = (alarm.c.id, alarm.c.severity, alarm.c.cause, alarm.c.logger, alarm.c.raised_ms, alarm.c.end_ms,
               alarm.c.condition, alarm.c.late, alarm.c.digest, alarm.c.acknowledged_ms)  # fmt: skip
    raised = tuple(
        Raised(
            row.id, Severity(row.severity).word, row.cause, row.logger, row.raised_ms, row.end_ms,
            row.condition == Condition.RETURNED.value, bool(row.late or row.digest), row.acknowledged_ms is not None,
            tuple(acts.get(row.id, ())),
        )
        for row in connection.execute(select(*columns).where(*real, *within).order_by(alarm.c.raised_ms, alarm.c.id))
    )  # fmt: skip
    messages = _messages(connection, period)
    open_ = (Condition.ACTIVE.value, Condition.RETURNING.value)
    old = (alarm.c.condition.in_(open_), alarm.c.onset_ms <= now_ms - alarm_unrest.STALE_MS)
    stale = frozenset(connection.execute(select(alarm.c.id).where(*real, *old)).scalars())
    restless = frozenset(alarm_unrest.chattering(connection, now_ms))
    people = {one.recipient for one in messages if one.recipient_kind == "person"}
    return Facts(period, now_ms, raised, messages, _drills(connection, period), stale, restless,
                 names(connection, people), _digests(connection, period))  # fmt: skip


def _acts(connection: Connection, *conditions: Iterable[Any]) -> dict[str, list[tuple[str, int]]]:
    query = select(alarm_event.c.alarm, alarm_event.c.kind, alarm_event.c.at_ms)
    query = query.join(alarm, alarm.c.id == alarm_event.c.alarm).where(alarm_event.c.kind.in_(ACTS))
    found: dict[str, list[tuple[str, int]]] = {}
    for id_, kind, at_ms in connection.execute(query.where(*(c for some in conditions for c in some)).order_by(
            alarm_event.c.id)):  # fmt: skip
        found.setdefault(id_, []).append((kind, at_ms))
    return found


def _messages(connection: Connection, period: Period) -> tuple[Message, ...]:
    columns = [outbox.c[name] for name in Message._fields]
    query = select(*columns).where(outbox.c.created_ms >= period.from_ms, outbox.c.created_ms < period.to_ms)
    checks = select(alarm.c.id).where(alarm.c.cause == CHECKS)
    query = query.where(outbox.c.alarm.not_in(select(drill.c.alarm)), outbox.c.alarm.not_in(checks))
    query = query.where(outbox.c.channel != CHANNEL)
    return tuple(Message(*row) for row in connection.execute(query.order_by(outbox.c.created_ms, outbox.c.id)))


def _digests(connection: Connection, period: Period) -> frozenset[tuple[str, str]]:
    """A digest is a message of the alarm that it begins with; the timelines of the others name who read of them."""
    query = select(alarm_event.c.alarm, alarm_event.c.body).where(
        alarm_event.c.at_ms >= period.from_ms, alarm_event.c.at_ms < period.to_ms,
        alarm_event.c.body["digest"].as_boolean(),
    )  # fmt: skip
    rows = connection.execute(query)
    return frozenset((row.alarm, told["person"]) for row in rows for told in row.body.get("told", []))


def _drills(connection: Connection, period: Period) -> tuple[Drill, ...]:
    query = select(drill.c.alarm, drill.c.sent_ms, drill.c.answered_ms, drill.c.missed_ms)
    query = query.where(drill.c.sent_ms >= period.from_ms, drill.c.sent_ms < period.to_ms)
    return tuple(Drill(*row) for row in connection.execute(query.order_by(drill.c.sent_ms, drill.c.id)))
