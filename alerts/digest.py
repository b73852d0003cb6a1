"""Late findings of closed subjects and of imports: one mail per person for all of them, no SMS, no climbing."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from alerts.announcement import AlarmFacts, Announcement, facts_of, read_announcement
from alerts.announcing import reader_of, report_nobody, said_of
from alerts.decisions import Reason
from alerts.subjects import card_of, visible_to
from coldchain.domain.finding import AlarmCondition
from coldchain.registry import alarm_rows, contacts, outbox
from coldchain.registry.contacts import Contact

STEP = 0
DIGEST_WAIT_MS = 60_000  # how long a digest collects before it leaves


class Late(NamedTuple):
    """What a digest says of one alarm, and the occasion on which it does."""

    facts: AlarmFacts
    occasion: int


def to_digest(connection: Connection, row: Row[Any], now: AlarmCondition, reason: Reason, now_ms: int) -> Late:
    """Write into an alarm's timeline that a digest tells of it."""
    occasion: int = row.occasion + 1
    alarm_rows.change(connection, row, occasion=occasion, occasion_reason=reason.value, next_timer_ms=None)
    body = {"occasion": occasion, "digest": True, **said_of(now)}
    alarm_rows.note(connection, row.id, at_ms=now_ms, kind=reason.value, who=None, body=body)
    return Late(facts_of(row.id, now, card_of(connection, now.subject)), occasion)


def write_digests(connection: Connection, late: Sequence[Late], channels: Collection[str], now_ms: int) -> None:
    """One mail per person for all of an import's findings; what follows within a minute joins it."""
    people = contacts.on_call(connection, now_ms) if "email" in channels else []
    for contact in people:
        mine = [one for one in late if may_know(connection, one.facts, contact)]
        if not mine:
            continue
        waiting = outbox.open_digest(connection, contact.id, now_ms)
        if waiting is not None:
            before = read_announcement(waiting.content)
            outbox.rewrite(connection, waiting.id, merged(before, [one.facts for one in mine], now_ms).as_json())
            continue
        alarms = worst_first(one.facts for one in mine)
        occasion = next(one.occasion for one in mine if one.facts.alarm == alarms[0].alarm)
        reader = reader_of(contacts.recipient(contact), verified=contact.email_verified)
        content = Announcement(Reason.RAISED.value, now_ms, reader, alarms, digest=True).as_json()
        key = {"alarm": alarms[0].alarm, "occasion": occasion, "step": STEP, "recipient": contact.id}
        row = {"channel": "email", "address": contact.email, "reason": Reason.RAISED.value, "content": content}
        times = {"created_ms": now_ms, "next_due_ms": now_ms + DIGEST_WAIT_MS}
        outbox.queue(connection, {**key, **row, **times})
    if not people:
        report_nobody(connection, now_ms)


def may_know(connection: Connection, facts: AlarmFacts, contact: Contact) -> bool:
    """Whether this person may know of the alarm's subject."""
    row = alarm_rows.row_of(connection, facts.alarm)
    return visible_to(connection, alarm_rows.condition_of(row).subject, contact)


def merged(before: Announcement, more: list[AlarmFacts], now_ms: int) -> Announcement:
    """A digest with further alarms, and with newer words of those that it has."""
    newest = {facts.alarm: facts for facts in (*before.alarms, *more)}
    # The row belongs to the alarm that it began with, so that one stays first.
    first = newest.pop(before.alarms[0].alarm)
    return replace(before, as_of_ms=now_ms, alarms=(first, *worst_first(newest.values())))


def worst_first(facts: Iterable[AlarmFacts]) -> tuple[AlarmFacts, ...]:
    """The order in which alarms are listed."""
    return tuple(sorted(facts, key=lambda f: (-f.severity, f.onset_ms, f.subject.label, f.cause, f.alarm)))
