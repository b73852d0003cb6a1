"""Weekly drills: a test alarm to each person on call over each channel, by the road of real ones, to be answered.

A missing answer is a finding: in earnest that alarm would have gone unheard. An answer proves the address as well.
"""

import secrets
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from alerts import contact_trouble, proofs
from alerts.contact_trouble import UNANSWERED, unanswered_detail
from alerts.grouping_rows import CODE_LIFE_MS
from alerts.phrases import zone_of
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import contact_checks, outbox_groups, parties, people, signals
from coldchain.registry.changes import changed
from coldchain.registry.people import Person
from coldchain.registry.schema import person
from coldchain.registry.store import bump_revision

WEEK_MS = 7 * 24 * 3600_000
ANSWER_MS = 24 * 3600_000
GRACE_MS = 24 * 3600_000  # a new contact has a day to confirm its address before anybody hears of it
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OFFICE: dict[str, list[str]] = {day: ["09:00", "16:00"] for day in _DAYS[:5]}
_LOOK_AHEAD = 15  # days


class Rounds:
    """What the notifier does about its contacts from time to time: send drills, find those without an answer."""

    def __init__(self, channels: frozenset[str], *, asks: bool = True) -> None:
        """`channels` are those that the installation can send by; `asks`: new addresses are to prove themselves."""
        self._channels = channels & frozenset(proofs.CHANNELS)
        self._asks = asks

    def run(self, connection: Connection, now_ms: int) -> int:
        """One round inside a writing transaction; how much was done. What is due is read from what is stored."""
        done = contact_trouble.tidy(connection, now_ms)
        done += self._find_unanswered(connection, now_ms) + self._send_due(connection, now_ms)
        return done + _flag(connection, now_ms) + (self._ask(connection, now_ms) if self._asks else 0)

    def _ask(self, connection: Connection, now_ms: int) -> int:
        """Ask every address that has never been asked: of somebody new, or changed since."""
        asked = 0
        for person_id, channel in contact_checks.never_asked(connection, self._channels):
            # An address that changes faster than proofs may follow one another is asked in a later round.
            with suppress(InvalidValue):
                proofs.ask(connection, person_id, channel, who="notifier", now_ms=now_ms)
                asked += 1
        return asked

    def _find_unanswered(self, connection: Connection, now_ms: int) -> int:
        overdue = contact_checks.overdue_drills(connection, now_ms)
        for row in overdue:
            contact_checks.miss_drill(connection, row.id, now_ms)
            someone = people.get(connection, row.recipient)
            if someone is not None and people.active(someone, now_ms):
                detail = unanswered_detail(someone, row.channel)
                signals.report(connection, role="notifier", kind=UNANSWERED, detail=detail, now_ms=now_ms)
        return len(overdue)

    def _send_due(self, connection: Connection, now_ms: int) -> int:
        newest, sent = contact_checks.newest_drills(connection), 0
        for row in _on_call(connection, now_ms):
            someone = people.get(connection, row.id)
            if someone is None or not at_work(row.working_hours, row.zone, now_ms):
                continue
            for channel in sorted(self._channels):
                last = newest.get((someone.id, channel))
                since = someone.created_ms if last is None else last.sent_ms
                if (channel == "email" or someone.phone) and now_ms - since >= WEEK_MS:
                    send(connection, someone, channel, who="notifier", now_ms=now_ms, hours=row.working_hours)
                    sent += 1
        return sent


def send(
    connection: Connection, someone: Person, channel: str, *, who: str, now_ms: int, hours: dict[str, Any] | None = None
) -> str:
    """Send a drill now, inside a writing transaction; its id.

    Raises:
        InvalidValue: no such channel, or the person has no address there.
    """
    address = someone.phone if channel == "sms" else someone.email
    if channel not in proofs.CHANNELS or not address:
        raise InvalidValue(f"channel: {someone.name} has no address for {channel[:20]!r}")
    record = contact_checks.record_of(connection, someone.id, now_ms)
    due_ms = answer_due(hours, someone.zone, now_ms)
    id_ = contact_checks.begin_drill(
        connection, recipient=someone.id, channel=channel, address=address, alarm_id=record.id, now_ms=now_ms,
        due_ms=due_ms,
    )  # fmt: skip
    used = outbox_groups.codes_in_use(connection, someone.id, someone.phone or "", now_ms - CODE_LIFE_MS)
    code = next(c for c in iter(lambda: f"{secrets.randbelow(9000) + 1000}", "") if c not in used)
    # Its link outlives the time for an answer: a late one still proves that messages arrive.
    values = {"id": id_, "until_ms": str(due_ms), "ends_ms": str(due_ms + WEEK_MS)}
    proofs.send(connection, someone, "drill", channel, address, values, code, now_ms)
    changed(connection, who=who, now_ms=now_ms, action="drill sent", kind="person", id=someone.id,
            new={"channel": channel, "due_ms": due_ms})  # fmt: skip
    return id_


def answer(connection: Connection, id: str, *, via: str, now_ms: int) -> bool:  # noqa: A002
    """Take the answer to a drill; False if it is unknown or was taken before. Too late is still an answer."""
    row = contact_checks.drill_of(connection, id)
    if row is None or not contact_checks.answer_drill(connection, row, via, now_ms):
        return False
    someone = people.get(connection, row.recipient)
    if contact_checks.verify(connection, row.recipient, "person", row.channel, row.address, now_ms):
        proofs.confirmed(connection, row.recipient, row.channel, via=f"drill by {via}", now_ms=now_ms)
    if someone is not None:
        signals.clear(connection, kind=UNANSWERED, detail=unanswered_detail(someone, row.channel), now_ms=now_ms)
    bump_revision(connection)
    return True


def send_to(connection: Connection, person_id: str, channel: str, *, who: str, now_ms: int) -> str:
    """Send a drill to a person now; its id.

    Raises:
        NotFound: no such person.
        InvalidValue: as `send`, or the last one is still open.
    """
    someone = people.get(connection, person_id)
    if someone is None:
        raise NotFound(f"no person {person_id}")
    last = contact_checks.newest_drills(connection).get((person_id, channel))
    if last is not None and last.answered_ms is None and last.due_ms > now_ms and last.address:
        raise InvalidValue("channel: a drill over this channel still waits for its answer")
    hours = connection.execute(select(person.c.working_hours).where(person.c.id == person_id)).scalar_one()
    return send(connection, someone, channel, who=who, now_ms=now_ms, hours=hours)


def at_work(hours: dict[str, Any] | None, zone: str, now_ms: int) -> bool:
    """Whether a drill may disturb now: in somebody's working hours, without any on weekdays from 9 to 16."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone_of(zone))
    span = (hours or _OFFICE).get(_DAYS[moment.weekday()])
    return span is not None and _clock(span[0]) <= moment.time() < _clock(span[1])


def answer_due(hours: dict[str, Any] | None, zone: str, now_ms: int) -> int:
    """When an answer must be there: after a day, or at the end of the working hours that follow it."""
    plan = hours or _OFFICE
    earliest = datetime.fromtimestamp((now_ms + ANSWER_MS) / 1000, UTC).astimezone(zone_of(zone))
    for days in range(_LOOK_AHEAD):
        date = (earliest + timedelta(days=days)).date()
        span = plan.get(_DAYS[date.weekday()])
        if span is None:
            continue
        end = datetime.combine(date, _clock(span[1]), tzinfo=zone_of(zone))
        if end.astimezone(UTC) >= earliest.astimezone(UTC):
            start = datetime.combine(date, _clock(span[0]), tzinfo=zone_of(zone))
            inside = start.astimezone(UTC) <= earliest.astimezone(UTC)
            return int((earliest if inside else end).timestamp() * 1000)
    return now_ms + ANSWER_MS


def _clock(text: str) -> time:
    return time.fromisoformat(text)


def _on_call(connection: Connection, now_ms: int) -> list[Row[Any]]:
    query = select(person).where(person.c.on_call.is_(True), person.c.disabled_ms.is_(None)).order_by(person.c.id)
    return [row for row in connection.execute(query) if row.expires_ms is None or row.expires_ms > now_ms]


def _flag(connection: Connection, now_ms: int) -> int:
    """Report addresses of people on call and of parties that nobody has confirmed; they are used all the same."""
    flagged = 0
    for row in _on_call(connection, now_ms):
        someone = people.get(connection, row.id)
        if someone is None or now_ms - someone.created_ms < GRACE_MS:
            continue
        for channel, known in (("email", row.email_verified_ms), ("sms", row.phone_verified_ms)):
            if known is None and (channel == "email" or row.phone):
                detail = proofs.unverified_detail(someone, channel)
                said = signals.report(connection, role="notifier", kind=proofs.UNVERIFIED, detail=detail, now_ms=now_ms)
                flagged += int(said)
    for contact in parties.listed(connection):
        if contact.email_verified_ms is None and now_ms - contact.created_ms >= GRACE_MS:
            detail = parties.unverified_detail(contact)
            said = signals.report(connection, role="notifier", kind=proofs.UNVERIFIED, detail=detail, now_ms=now_ms)
            flagged += int(said)
    return flagged
