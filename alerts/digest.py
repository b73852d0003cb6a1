"""Late findings of closed subjects and of imports: one mail per person for all of them, no SMS, no climbing.

They go to whoever the first step of each alarm's policy names, as the alarm itself would have; to everybody on call
where no policy is routed to.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Row

from alerts.announcement import AlarmFacts, Announcement, facts_of, read_announcement
from alerts.announcing import Announcer, reader_of, report_nobody, said_of
from alerts.decisions import Reason
from alerts.policy import Mode, Step, Target, TargetKind
from alerts.reach import EVERYBODY, Heard, Reach, Seeker
from alerts.subjects import card_of, routed, visible_to
from coldchain.domain.finding import AlarmCondition
from coldchain.registry import alarm_rows, contacts, outbox

STEP = 0
DIGEST_WAIT_MS = 60_000  # how long a digest collects before it leaves
_MAIL = "email"
_SAID = tuple(reason.value for reason in Reason if reason.announces)


class Late(NamedTuple):
    """What digests say of one alarm, the occasion on which they do, to whom, and what its timeline says of it."""

    facts: AlarmFacts
    occasion: int
    reason: Reason
    heard: tuple[Heard, ...]
    said: dict[str, Any]


def to_digest(announcer: Announcer, row: Row[Any], now: AlarmCondition, reason: Reason) -> Late:
    """Decide who is told of an alarm by digest, and count the occasion."""
    connection = announcer.connection
    occasion: int = row.occasion + 1
    alarm_rows.change(connection, row, occasion=occasion, occasion_reason=reason.value, next_timer_ms=None)
    reach, rules = _concerned(announcer, row, now, reason)
    said = {"occasion": occasion, "digest": True, **said_of(now), **rules}
    if reach.unheard:
        said["silent"] = [one._asdict() for one in reach.unheard]
    return Late(facts_of(row.id, now, card_of(connection, now.subject)), occasion, reason, reach.heard, said)


def write_digests(announcer: Announcer, late: Sequence[Late]) -> None:
    """One mail per person for all of an import's findings; what follows within a minute joins it."""
    told: dict[str, list[dict[str, Any]]] = {one.facts.alarm: [] for one in late}
    for heard in {heard.recipient.id: heard for one in late for heard in one.heard}.values():
        mine = {one.facts.alarm: why for one in late if (why := _why(one, heard.recipient.id)) is not None}
        id_ = _put(announcer, heard, [one for one in late if one.facts.alarm in mine])
        entry = {
            "person": heard.recipient.id, "kind": heard.recipient.kind, "channel": _MAIL, "outbox": id_, "step": STEP,
            "verified": heard.first[0].verified,
        }  # fmt: skip
        for alarm, why in mine.items():
            told[alarm].append({**entry, "why": why})
    for one in late:
        body = {**one.said, "told": told[one.facts.alarm]}
        kind, at_ms = one.reason.value, announcer.now_ms
        alarm_rows.note(announcer.connection, one.facts.alarm, at_ms=at_ms, kind=kind, who=None, body=body)
    if not all(told.values()):
        report_nobody(announcer.connection, announcer.now_ms)
    announcer.report_problems()


def _why(late: Late, recipient: str) -> dict[str, Any] | None:
    """Why this recipient is told of the alarm; None where it is not."""
    return next((heard.why for heard in late.heard if heard.recipient.id == recipient), None)


# --- whom


def _concerned(
    announcer: Announcer, row: Row[Any], now: AlarmCondition, reason: Reason
) -> tuple[Reach, dict[str, Any]]:
    """Who is told of an alarm by mail, and by which rules."""
    connection, now_ms = announcer.connection, announcer.now_ms
    if _MAIL not in announcer.channels:
        return Reach(), {}
    alarm = routed(connection, now.subject, now.severity, now.cause, now_ms)
    seeker = Seeker(connection, announcer.book, alarm, now.subject, now_ms, (_MAIL,))
    if reason is not Reason.RAISED and (before := _told_before(seeker, row)):
        return Reach(before), {}
    picked = announcer.book.routing.pick(alarm)
    policy = None if picked.policy is None else announcer.book.policy(picked.policy)
    steps = (EVERYBODY,) if policy is None else (*policy.steps, EVERYBODY)
    reach = _first_people(seeker, steps)
    if picked.inform:
        targets = tuple(Target(TargetKind.PARTY, role=role) for role in picked.inform)
        reach = _joined(reach, seeker.reach(Step(0, targets, (_MAIL,))))
    rules: dict[str, Any] = {"routing_version": picked.version, "route": picked.route}
    if policy is not None:
        rules |= {"policy": policy.id, "policy_version": policy.version}
    return reach, rules


def _first_people(seeker: Seeker, steps: Iterable[Step]) -> Reach:
    """The first step with somebody in it who reads mail: nobody climbs for what is over, so a program is not enough."""
    found = Reach()
    for step in steps:
        found = _joined(found, seeker.reach(replace(step, channels=(_MAIL,), mode=Mode.ALL)))
        if any(heard.recipient.kind == "person" for heard in found.heard):
            break
    return found


def _joined(one: Reach, other: Reach) -> Reach:
    known = {heard.recipient.id for heard in one.heard}
    more = (heard for heard in other.heard if heard.recipient.id not in known)
    return Reach((*one.heard, *more), (*one.unheard, *other.unheard))


def _told_before(seeker: Seeker, row: Row[Any]) -> tuple[Heard, ...]:
    """Everybody who was told of this alarm before, live or by digest, and may still know of it."""
    connection = seeker.connection
    ids = {recipient for recipient, _ in outbox.told(connection, row.id)}
    said = alarm_rows.last_note(connection, row.id, _SAID)
    ids |= set() if said is None else {entry["person"] for entry in said.body.get("told", [])}
    people = [contacts.recipient(one) for one in contacts.contacts(connection, ids, seeker.at_ms)]
    heard = []
    for one in (*people, *contacts.parties(connection, ids)):
        ways = tuple(way for way in one.ways if way.channel == _MAIL)
        if ways and (one.contact is None or visible_to(connection, seeker.subject, one.contact)):
            heard.append(Heard(one, ways, (), {"target": {"kind": "told_before"}}))
    return tuple(heard)


# --- what is written


def _put(announcer: Announcer, heard: Heard, late: Sequence[Late]) -> str | None:
    """Into the digest that this recipient has waiting, or into a new one; the row of the outbox."""
    connection, now_ms, recipient = announcer.connection, announcer.now_ms, heard.recipient
    waiting = outbox.open_digest(connection, recipient.id, now_ms)
    if waiting is not None:
        before = read_announcement(waiting.content)
        outbox.rewrite(connection, waiting.id, merged(before, [one.facts for one in late], now_ms).as_json())
        return str(waiting.id)
    alarms = worst_first(one.facts for one in late)
    occasion = next(one.occasion for one in late if one.facts.alarm == alarms[0].alarm)
    way = heard.first[0]
    reader = reader_of(recipient, verified=way.verified)
    content = Announcement(Reason.RAISED.value, now_ms, reader, alarms, digest=True).as_json()
    key = {"alarm": alarms[0].alarm, "occasion": occasion, "step": STEP, "recipient": recipient.id}
    row = {"channel": _MAIL, "address": way.address, "reason": Reason.RAISED.value, "content": content}
    times = {"created_ms": now_ms, "next_due_ms": now_ms + DIGEST_WAIT_MS}
    return outbox.queue(connection, {**key, **row, **times, "recipient_kind": recipient.kind})


def merged(before: Announcement, more: Collection[AlarmFacts], now_ms: int) -> Announcement:
    """A digest with further alarms, and with newer words of those that it has."""
    newest = {facts.alarm: facts for facts in (*before.alarms, *more)}
    # The row belongs to the alarm that it began with, so that one stays first.
    first = newest.pop(before.alarms[0].alarm)
    return replace(before, as_of_ms=now_ms, alarms=(first, *worst_first(newest.values())))


def worst_first(facts: Iterable[AlarmFacts]) -> tuple[AlarmFacts, ...]:
    """The order in which alarms are listed."""
    return tuple(sorted(facts, key=lambda f: (-f.severity, f.onset_ms, f.subject.label, f.cause, f.alarm)))
