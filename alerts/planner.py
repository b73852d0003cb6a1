"""From what the engine found to rows that must reach somebody: who is told of which alarm, over which channel, and why.

Works inside the caller's writing transaction, so a finding and its messages are committed together or not at all.
Without policies, every person on call hears of major and critical alarms at once, by e-mail and SMS.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row

from alerts.announcement import AlarmFacts, Announcement, Reader, facts_of, read_announcement
from alerts.decisions import Held, Reason, Told, decide, decide_due, reopens
from alerts.held import held_of, shelf_over
from alerts.subjects import card_of, visible_to
from alerts.timers import next_timer_ms, too_far_ahead
from coldchain.domain.finding import AlarmChange, AlarmCondition, Condition, Severity
from coldchain.registry import alarm_rows, contacts, outbox, signals
from coldchain.registry.contacts import Contact
from coldchain.registry.store import bump_revision
from coldchain.registry.viewer import PERMISSIONS, Permission

STEP = 0  # of the escalation; policies will have more
DIGEST_WAIT_MS = 60_000  # how long a digest collects before it leaves
_DUE_BATCH = 200
_NOBODY = "nobody_on_call"


class AlertPlanner:
    """The planner of a fresh installation."""

    def __init__(self, channels: Collection[str] = ("email", "sms")) -> None:
        """`channels` are those that the installation can send by; nothing is queued for any other."""
        self._channels = frozenset(channels)

    def plan(self, connection: Connection, changes: Sequence[AlarmChange], now_ms: int) -> None:
        """Decide about each changed alarm and queue the messages; called inside the engine's transaction.

        The alarm's row must already hold the new condition. Calling it again with the same changes queues nothing.
        """
        late: list[tuple[AlarmFacts, int]] = []
        for change in changes:
            row = alarm_rows.row_of(connection, change.alarm)
            if row.suppression == "shelved" and _outgrown(connection, row, change.after):
                row = _unshelved(connection, row, now_ms, "it became critical")
            held = held_of(connection, row)
            reason = decide(change.after, held)
            if not reason.announces:
                self._stay_silent(connection, row, change, held, reason, now_ms)
            elif change.after.digest:
                late.append(self._to_digest(connection, row, change.after, reason, now_ms))
            else:
                self._announce(connection, row, change.after, held, reason, now_ms)
        if late:
            self._digest(connection, late, now_ms)

    def due(self, connection: Connection, now_ms: int) -> int:
        """Handle the timers that have run out: repeats and ended shelves. Returns how many; call it until 0."""
        rows = alarm_rows.timers_due(connection, now_ms, _DUE_BATCH, too_far_ahead(now_ms))
        for row in rows:
            self._timer(connection, row, now_ms)
        if rows:
            bump_revision(connection)
        return len(rows)

    def _timer(self, connection: Connection, row: Row[Any], now_ms: int) -> None:
        ended = row.suppression != "none" and shelf_over(connection, row, now_ms)
        if ended:
            row = _unshelved(connection, row, now_ms, "time is up")
        now, held = alarm_rows.condition_of(row), held_of(connection, row)
        reason = decide_due(now, held, shelf_ended=ended, now_ms=now_ms)
        if reason.announces and not now.digest:
            self._announce(connection, row, now, held, reason, now_ms)
        else:
            alarm_rows.change(connection, row, next_timer_ms=next_timer_ms(row, now, held, now_ms, asked_ms=None))

    def _stay_silent(
        self, connection: Connection, row: Row[Any], change: AlarmChange, held: Held, reason: Reason, now_ms: int
    ) -> None:
        before, after = change.before, change.after
        if before is None or (before.condition, before.severity) != (after.condition, after.severity):
            body = {
                "reason": reason.value, "condition": after.condition.value, "severity": after.severity.word,
                "monitoring_ended": after.monitoring_ended,
            }  # fmt: skip
            alarm_rows.note(connection, row.id, at_ms=now_ms, kind="not_told", who=None, body=body)
        timer = next_timer_ms(row, after, held, now_ms, asked_ms=row.next_timer_ms)
        if timer != row.next_timer_ms:
            alarm_rows.change(connection, row, next_timer_ms=timer)

    def _announce(
        self, connection: Connection, row: Row[Any], now: AlarmCondition, held: Held, reason: Reason, now_ms: int
    ) -> None:
        occasion: int = row.occasion + 1
        facts = facts_of(row.id, now, card_of(connection, now.subject))
        left_out = outbox.waiting(connection, row.id) if reason is Reason.REPEAT else set()
        told = []
        for contact, channel, address, verified in _recipients(connection, row.id, now, reason, now_ms):
            if channel not in self._channels or (contact.id, channel) in left_out:
                continue
            announcement = Announcement(reason.value, now_ms, _reader(contact, verified), (facts,), number=occasion)
            key = {"alarm": row.id, "occasion": occasion, "step": STEP, "recipient": contact.id, "channel": channel}
            message = {"reason": reason.value, "address": address, "content": announcement.as_json()}
            id_ = outbox.queue(connection, {**key, **message, "created_ms": now_ms, "next_due_ms": now_ms})
            told.append({"person": contact.id, "channel": channel, "outbox": id_, "verified": verified})
        reopened = held.acknowledged and reopens(reason, now, held.told)
        held = replace(held, told=_told(now, now_ms), acknowledged=held.acknowledged and not reopened)
        values: dict[str, Any] = {"occasion": occasion, "occasion_reason": reason.value}
        if reopened:
            # What is asked about again is on the board again, also if somebody had taken it off.
            values |= {"acknowledged_ms": None, "acknowledged_by": None, "acknowledged_via": None, "reset_ms": None}
        alarm_rows.change(connection, row, next_timer_ms=next_timer_ms(row, now, held, now_ms, asked_ms=None), **values)
        body = {"occasion": occasion, "told": told, "waiting": len(left_out), "reopened": reopened, **_said(now)}
        alarm_rows.note(connection, row.id, at_ms=now_ms, kind=reason.value, who=None, body=body)
        if told:
            signals.clear(connection, kind=_NOBODY, now_ms=now_ms)
        elif not left_out:
            _nobody(connection, now_ms)

    def _to_digest(
        self, connection: Connection, row: Row[Any], now: AlarmCondition, reason: Reason, now_ms: int
    ) -> tuple[AlarmFacts, int]:
        occasion: int = row.occasion + 1
        alarm_rows.change(connection, row, occasion=occasion, occasion_reason=reason.value, next_timer_ms=None)
        body = {"occasion": occasion, "digest": True, **_said(now)}
        alarm_rows.note(connection, row.id, at_ms=now_ms, kind=reason.value, who=None, body=body)
        return facts_of(row.id, now, card_of(connection, now.subject)), occasion

    def _digest(self, connection: Connection, late: list[tuple[AlarmFacts, int]], now_ms: int) -> None:
        """One mail per person for all of an import's findings; what follows within a minute joins it."""
        people = contacts.on_call(connection, now_ms) if "email" in self._channels else []
        for contact in people:
            mine = [(f, n) for f, n in late if _may_know(connection, f, contact)]
            if not mine:
                continue
            waiting = outbox.open_digest(connection, contact.id, now_ms)
            if waiting is not None:
                before = read_announcement(waiting.content)
                outbox.rewrite(connection, waiting.id, _merged(before, [f for f, _ in mine], now_ms).as_json())
                continue
            alarms = _worst_first(f for f, _ in mine)
            occasion = next(n for f, n in mine if f.alarm == alarms[0].alarm)
            reader = _reader(contact, contact.email_verified)
            content = Announcement(Reason.RAISED.value, now_ms, reader, alarms, digest=True).as_json()
            key = {"alarm": alarms[0].alarm, "occasion": occasion, "step": STEP, "recipient": contact.id}
            row = {"channel": "email", "address": contact.email, "reason": Reason.RAISED.value, "content": content}
            times = {"created_ms": now_ms, "next_due_ms": now_ms + DIGEST_WAIT_MS}
            outbox.queue(connection, {**key, **row, **times})
        if not people:
            _nobody(connection, now_ms)


def _outgrown(connection: Connection, row: Row[Any], now: AlarmCondition) -> bool:
    """Whether an alarm became critical on a shelf on which it was put as less: nobody has agreed to that."""
    began = alarm_rows.last_note(connection, row.id, ("shelved",))
    before = Severity.INFO if began is None else Severity(began.body.get("severity", int(Severity.CRITICAL)))
    return before < Severity.CRITICAL <= now.severity


def _unshelved(connection: Connection, row: Row[Any], now_ms: int, why: str) -> Row[Any]:
    alarm_rows.change(connection, row, suppression="none", suppressed_until_ms=None)
    alarm_rows.note(connection, row.id, at_ms=now_ms, kind="unshelved", who=None, body={"why": why})
    return alarm_rows.row_of(connection, row.id)


def _recipients(
    connection: Connection, alarm: str, now: AlarmCondition, reason: Reason, now_ms: int
) -> list[tuple[Contact, str, str, bool]]:
    """(contact, channel, address, verified) of everybody who must hear this."""
    if reason is Reason.RETURNED or (reason is Reason.AMENDED and now.condition is Condition.RETURNED):
        told = outbox.told(connection, alarm)
        people = contacts.contacts(connection, {person for person, _ in told}, now_ms)
        return [way for person in people for way in _ways(person) if (person.id, way[1]) in told]
    people = [c for c in contacts.on_call(connection, now_ms) if visible_to(connection, now.subject, c)]
    return [way for person in people for way in _ways(person)]


def _ways(contact: Contact) -> list[tuple[Contact, str, str, bool]]:
    ways = [(contact, "email", contact.email, contact.email_verified)]
    if contact.phone:
        ways.append((contact, "sms", contact.phone, contact.phone_verified))
    return ways


def _may_know(connection: Connection, facts: AlarmFacts, contact: Contact) -> bool:
    row = alarm_rows.row_of(connection, facts.alarm)
    return visible_to(connection, alarm_rows.condition_of(row).subject, contact)


def _reader(contact: Contact, verified: bool) -> Reader:
    may = Permission.ACKNOWLEDGE in PERMISSIONS.get(contact.role, frozenset())
    return Reader(contact.id, contact.name, contact.zone, contact.language, verified, may)


def _nobody(connection: Connection, now_ms: int) -> None:
    detail = "an alarm was raised and nobody who may know of it is on call"
    signals.report(connection, role="notifier", kind=_NOBODY, detail=detail, now_ms=now_ms)


def _merged(before: Announcement, more: list[AlarmFacts], now_ms: int) -> Announcement:
    newest = {facts.alarm: facts for facts in (*before.alarms, *more)}
    # The row belongs to the alarm that it began with, so that one stays first.
    first = newest.pop(before.alarms[0].alarm)
    return replace(before, as_of_ms=now_ms, alarms=(first, *_worst_first(newest.values())))


def _worst_first(facts: Iterable[AlarmFacts]) -> tuple[AlarmFacts, ...]:
    return tuple(sorted(facts, key=lambda f: (-f.severity, f.onset_ms, f.subject.label, f.cause, f.alarm)))


def _told(now: AlarmCondition, at_ms: int) -> Told:
    said = (now.severity, now.condition, now.onset_ms, now.end_ms, now.peak_mc)
    return Told(*said, refuted=not now.rules, at_ms=at_ms)


def _said(now: AlarmCondition) -> dict[str, Any]:
    return {
        "severity": int(now.severity), "condition": now.condition.value, "onset_ms": now.onset_ms,
        "end_ms": now.end_ms, "peak_mc": now.peak_mc, "value_mc": now.value_mc, "limit_mc": now.limit_mc,
        "late": now.late, "refuted": not now.rules, "monitoring_ended": now.monitoring_ended,
    }  # fmt: skip
