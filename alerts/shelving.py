"""Setting an alarm aside for a while: who, why, until when. It always ends, and a critical one takes two persons.

Only annunciation rests; evaluation and record go on. When the time is over people are told of what is still active.
"""

from typing import Any

from sqlalchemy import Connection, Row

from alerts.lifecycle import Act, Done, checked_words, current, record, unchanged
from alerts.timers import longest_shelf_ms
from coldchain.domain.finding import Severity
from coldchain.domain.quantity import iso
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import alarm_rows, people

ASKED_MS = 15 * 60_000  # for how long a second person may agree to what a first one asked for
_HOUR_MS = 3_600_000


def shelve(
    connection: Connection,
    alarm_id: str,
    *,
    who: str,
    until_ms: int,
    reason: str,
    now_ms: int,
    version: int | None = None,
) -> Done:
    """Say nothing of this alarm until `until_ms`; of a critical one only after a second person has said `confirm`.

    Raises:
        NotFound: no such alarm.
        Stale: it has changed since `version`.
        InvalidValue: no reason, an end in the past, or one further away than 24 h (1 h for a critical alarm).
    """
    why = checked_words(reason)
    if not why:
        raise InvalidValue("reason: is empty; say why this alarm may be set aside")
    row = current(connection, alarm_id)
    unchanged(row, version)
    _within(row, until_ms, now_ms)
    body = {"until_ms": until_ms, "reason": why, "severity": row.severity}
    if row.severity < Severity.CRITICAL:
        return _set_aside(connection, row, body, who, now_ms)
    # The row changes too, so that a page which shows it is asked to look again.
    new = alarm_rows.change(connection, row)
    record(connection, row, Act.SHELF_ASKED, who=who, now_ms=now_ms, body=body, reason=why)
    return Done(Act.SHELF_ASKED, row.id, new)


def confirm(connection: Connection, alarm_id: str, *, who: str, now_ms: int, version: int | None = None) -> Done:
    """Agree, as a second person, to what a first one asked for within the last quarter of an hour.

    Raises:
        NotFound: no such alarm.
        Stale: it has changed since `version`.
        InvalidValue: nobody has asked, or too long ago, or the end has passed.
        Forbidden: it was the same person, or this is no person.
    """
    row = current(connection, alarm_id)
    unchanged(row, version)
    asked = asked_for(connection, row, now_ms)
    if asked is None:
        raise InvalidValue("shelf: nobody has asked for one within the last 15 minutes; ask again")
    if asked.who == who:
        raise Forbidden("a critical alarm is set aside by two persons; somebody else has to agree")
    for one in (who, asked.who):
        if people.get(connection, one) is None:
            raise Forbidden("an API key is not a person; two persons have to agree")
    _within(row, asked.body["until_ms"], now_ms)
    body = {**asked.body, "asked_by": asked.who, "severity": row.severity}
    return _set_aside(connection, row, body, who, now_ms)


def asked_for(connection: Connection, row: Row[Any], now_ms: int) -> Row[Any] | None:
    """The shelf that somebody has asked for and nobody has agreed to yet, while there is time for it."""
    asked = alarm_rows.last_note(connection, row.id, (Act.SHELF_ASKED.value, Act.SHELVED.value, Act.UNSHELVED.value))
    if asked is None or asked.kind != Act.SHELF_ASKED or not asked.at_ms <= now_ms < asked.at_ms + ASKED_MS:
        return None
    return asked if asked.body["until_ms"] > now_ms else None


def unshelve(connection: Connection, alarm_id: str, *, who: str, now_ms: int, reason: str = "") -> Done:
    """End a shelf now: the planner's next look announces what is active.

    Raises:
        NotFound: no such alarm.
        InvalidValue: it is not shelved.
    """
    why = checked_words(reason)
    row = current(connection, alarm_id)
    if row.suppression != "shelved":
        raise InvalidValue("suppression: this alarm is not shelved")
    new = alarm_rows.change(connection, row, suppressed_until_ms=now_ms, next_timer_ms=now_ms)
    record(connection, row, Act.UNSHELVED, who=who, now_ms=now_ms, body={"reason": why}, reason=why or None)
    return Done(Act.UNSHELVED, row.id, new)


def _within(row: Row[Any], until_ms: int, now_ms: int) -> None:
    longest = longest_shelf_ms(Severity(row.severity))
    if not now_ms < until_ms <= now_ms + longest:
        latest = f"{longest // _HOUR_MS} h, until {iso(now_ms + longest)} at the latest"
        raise InvalidValue(f"until: must lie within the next {latest}, for an alarm of this severity")


def _set_aside(connection: Connection, row: Row[Any], body: dict[str, Any], who: str, now_ms: int) -> Done:
    until_ms = body["until_ms"]
    new = alarm_rows.change(
        connection, row, suppression="shelved", suppressed_until_ms=until_ms, next_timer_ms=until_ms
    )
    record(connection, row, Act.SHELVED, who=who, now_ms=now_ms, body=body, reason=body["reason"])
    return Done(Act.SHELVED, row.id, new)
