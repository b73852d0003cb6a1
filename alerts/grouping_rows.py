"""Claiming: the rows that leave next over a channel, as one message, inside a writing transaction."""

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from alerts.announcement import Announcement, read_announcement
from alerts.grouping import WINDOW_MS, Earlier, Key, Pending, Wait, choose, key_of_message
from coldchain.registry import outbox_groups
from coldchain.registry.outbox import Claimed
from coldchain.registry.outbox_groups import Mailbox

GROUPED = ("email", "sms", "apprise")  # people read them; the receiver of a webhook takes each alarm by itself
CODE_LIFE_MS = 7 * 24 * 3600_000  # for how long an answer may quote a code
FALL_OVER_MS = 60_000  # a message put off on purpose is not one that a server did not take
LONGEST_SEND_MS = 45_000  # longer than any channel's deadline: what was claimed before is under way no more
ORDER_MS = 1_000  # until an alarm's next word to a program is looked at again while the one before is on its way
_LOOKS = 100  # mailboxes that may have to wait, in one transaction


def claim(
    connection: Connection, channel: str, *, holder: str, fence: int, now_ms: int, lease_ms: int
) -> Claimed | None:
    """Put the next message of a channel into `sending`; None if none may leave now.

    The lease is checked in the same transaction: who has lost it gets nothing.
    """
    if not outbox_groups.holds(connection, holder, fence):
        return None
    since_ms = now_ms + lease_ms - LONGEST_SEND_MS
    for _ in range(_LOOKS):
        box = outbox_groups.first_due(connection, channel, now_ms, since_ms=since_ms)
        if box is None:
            return None
        rows = outbox_groups.pending(connection, box, now_ms)
        announcements = {row.id: _read(row) for row in rows}
        chosen = choose(_pending(rows, announcements), _earlier(connection, box, now_ms), now_ms)
        if isinstance(chosen, Wait):
            due = [row.id for row in rows if row.due]
            outbox_groups.postpone(connection, due, chosen.until_ms, fence, FALL_OVER_MS)
            continue
        by_id = {row.id: row for row in rows}
        taken = [by_id[id_] for id_ in chosen.rows]
        if channel not in GROUPED and outbox_groups.under_way(connection, box, taken[0].alarm, since_ms):
            alarms = [row.id for row in rows if row.due and row.alarm == taken[0].alarm]
            outbox_groups.postpone(connection, alarms, now_ms + ORDER_MS, fence, FALL_OVER_MS)
            continue
        return outbox_groups.take(
            connection, taken, holder=holder, fence=fence, now_ms=now_ms, lease_ms=lease_ms,
            groups=[list(key) for key in chosen.keys], code=_code(connection, taken, announcements, now_ms),
        )  # fmt: skip
    return None


def _read(row: Row[Any]) -> Announcement | None:
    """The row's content; None for one that cannot be read, which then fails alone."""
    try:
        return read_announcement(row.content)
    except msgspec.ValidationError:
        return None


def _pending(rows: Sequence[Row[Any]], announcements: dict[str, Announcement | None]) -> list[Pending]:
    return [
        Pending(
            row.id, row.alarm, row.occasion, _key(row, announcements[row.id]), row.created_ms, bool(row.due),
            row.attempts, bool(row.possible_repeat), row.lead, row.next_due_ms or 0, row.channel not in GROUPED,
        )
        for row in rows
    ]  # fmt: skip


def _key(row: Row[Any], announcement: Announcement | None) -> Key | None:
    if row.channel not in GROUPED or announcement is None or announcement.form:
        return None
    if row.content.get(outbox_groups.ALONE):
        return None
    return key_of_message(announcement)


def _earlier(connection: Connection, box: Mailbox, now_ms: int) -> list[Earlier]:
    if box.channel not in GROUPED:
        return []
    said = outbox_groups.lately(connection, box, now_ms - WINDOW_MS, now_ms)
    return [Earlier(at_ms, tuple(Key(*group) for group in groups)) for at_ms, groups in said if groups]


def _code(
    connection: Connection, rows: Sequence[Row[Any]], announcements: dict[str, Announcement | None], now_ms: int
) -> str | None:
    """Four digits that no other message of the last days asks this person to quote; the same at every attempt."""
    lead, announcement = rows[0], announcements[rows[0].id]
    if lead.code is not None and lead.attempts and lead.possible_repeat:
        return str(lead.code)
    asks = announcement is not None and announcement.reader.may_acknowledge and not announcement.digest
    if lead.channel != "sms" or not asks:
        return None if announcement is None or not announcement.form else lead.code
    used = outbox_groups.codes_in_use(connection, lead.recipient, lead.address, now_ms - CODE_LIFE_MS)
    free = [code for code in (f"{secrets.randbelow(9000) + 1000}" for _ in range(50)) if code not in used]
    return free[0] if free else None
