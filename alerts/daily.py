"""Minor alarms wake nobody: who takes a daily digest reads of them there, at their own time."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row

from alerts.announcement import Announcement, facts_of, read_announcement
from alerts.announcing import reader_of
from alerts.decisions import Reason
from alerts.digest import merged
from alerts.messages_digest import DAILY
from alerts.policy import Policy
from alerts.reach import EVERYBODY, Seeker
from alerts.rulebook import Rulebook
from alerts.subjects import card_of, routed
from alerts.waiting import tells_at
from coldchain.domain.finding import AlarmCondition
from coldchain.registry import alarm_rows, contacts, outbox
from coldchain.registry.contacts import Recipient

STEP = outbox.DAILY_STEP
NOTE = "daily_digest"


def add(connection: Connection, row: Row[Any], now: AlarmCondition, channels: Collection[str], now_ms: int) -> None:
    """Put a minor alarm into the next digest of everybody whom it concerns and who takes one."""
    if "email" not in channels:
        return
    facts = facts_of(row.id, now, card_of(connection, now.subject))
    already = alarm_rows.last_note(connection, row.id, (NOTE,)) is not None
    told, silent = [], []
    for one in _concerned(connection, now, channels, now_ms):
        contact = one.contact
        habits = None if contact is None else contacts.habits(connection, contact.id)
        if contact is None or habits is None or habits.digest_at is None:
            silent.append({"who": one.id, "why": "takes_no_digest", "target": {}})
            continue
        waiting = outbox.open_daily(connection, contact.id)
        if waiting is not None:
            before = read_announcement(waiting.content)
            outbox.rewrite(connection, waiting.id, merged(before, [facts], now_ms).as_json())
            told.append({"person": contact.id, "channel": "email", "outbox": waiting.id})
        elif not already:
            at_ms = tells_at(now_ms, contact.zone, habits.digest_at, habits.working_hours, habits.quiet_hours)
            reader = reader_of(one, verified=contact.email_verified)
            said = Announcement(Reason.RAISED.value, now_ms, reader, (facts,), digest=True, values=DAILY)
            key = {"alarm": row.id, "occasion": row.occasion, "step": STEP, "recipient": contact.id}
            content = {"channel": "email", "address": contact.email, "content": said.as_json()}
            times = {"reason": Reason.RAISED.value, "created_ms": now_ms, "next_due_ms": at_ms}
            id_ = outbox.queue(connection, {**key, **content, **times})
            told.append({"person": contact.id, "channel": "email", "outbox": id_, "at_ms": at_ms})
    if told:
        body = {"told": told, "silent": silent, "digest": True}
        alarm_rows.note(connection, row.id, at_ms=now_ms, kind=NOTE, who=None, body=body)


def _concerned(connection: Connection, now: AlarmCondition, channels: Collection[str], now_ms: int) -> list[Recipient]:
    """The people who would hear first if it were worse."""
    book = Rulebook(connection, now_ms)
    alarm = routed(connection, now.subject, now.severity, now.cause, now_ms)
    picked = book.routing.pick(alarm)
    policy: Policy | None = None if picked.policy is None else book.policy(picked.policy)
    seeker = Seeker(connection, book, alarm, now.subject, now_ms, channels)
    reach = seeker.reach(EVERYBODY if policy is None else policy.steps[0])
    return [heard.recipient for heard in reach.heard if heard.recipient.kind == "person"]
