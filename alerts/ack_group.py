"""Acknowledging all that one message told of: by its signed link, or by the code of its SMS."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from alerts import ack_link, lifecycle
from alerts.ack_link import GroupClaim
from alerts.subjects import visible_to
from coldchain.errors import Forbidden, NotFound, Stale
from coldchain.registry import alarm_rows, outbox_groups
from coldchain.registry.contacts import Contact


class Told(NamedTuple):
    """The alarms of a message as they are now, and what stands for having seen exactly this."""

    alarms: list[Row[Any]]
    seen: str
    person: Contact
    message: str


def told_of(connection: Connection, message: str, person: Contact) -> list[Row[Any]]:
    """The alarms that a message spoke of, the worst first; those that this person may not know of are left out."""
    found: dict[str, Row[Any]] = {}
    for row in outbox_groups.carried(connection, message):
        if row.recipient != person.id:
            continue
        try:
            alarm = lifecycle.current(connection, row.alarm)
        except NotFound:
            continue
        if visible_to(connection, alarm_rows.condition_of(alarm).subject, person):
            found[alarm.id] = alarm
    return sorted(found.values(), key=lambda alarm: (alarm.end_ms is not None, -alarm.severity, alarm.onset_ms))


def show(connection: Connection, claim: GroupClaim, now_ms: int) -> Told:
    """What a GET of a group's link shows; changes nothing.

    Raises:
        Forbidden: its reader may no longer acknowledge, or the message is gone.
    """
    person = ack_link.reader_of(connection, claim.person, now_ms)
    alarms = told_of(connection, claim.message, person)
    if not alarms:
        raise Forbidden("this link's message told of no alarm that is still on record")
    return Told(alarms, ack_link.seen(alarms), person, claim.message)


def act(
    connection: Connection, claim: GroupClaim, now_ms: int, *, seen: str, comment: str = ""
) -> list[lifecycle.Done]:
    """Acknowledge what was shown, in the reader's name, inside a writing transaction.

    Raises:
        Forbidden: as `show`.
        Stale: an alarm grew worse, came back or went since; the page has to be looked at again.
    """
    told = show(connection, claim, now_ms)
    if seen != told.seen:
        raise Stale("these alarms have changed since they were shown; look at them again")
    return acknowledge_all(connection, told.alarms, who=told.person.id, via="link", comment=comment, now_ms=now_ms)


def acknowledge_all(
    connection: Connection, alarms: list[Row[Any]], *, who: str, via: str, comment: str, now_ms: int
) -> list[lifecycle.Done]:
    """Acknowledge each of these alarms by itself, with its own entry in its timeline and in the audit trail."""
    return [
        lifecycle.acknowledge(connection, alarm.id, who=who, via=via, comment=comment, now_ms=now_ms)
        for alarm in alarms
    ]
