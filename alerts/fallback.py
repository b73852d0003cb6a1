"""The next channel of the same person, when the one before is refused, not accepted in time, or not confirmed in time.

Separate from escalation: another way to the same recipient, never another recipient; where every way of a step is
refused for good, `alerts.refused` has the next step come forward. Everything it needs stands in the
outbox, so it goes on after any crash. A message that arrives by the first channel after all is welcome: it is the same
news with the same occasion.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from alerts import refused
from alerts.announcement import read_announcement
from coldchain.registry import alarm_rows, contacts, outbox
from coldchain.registry.contacts import Recipient
from coldchain.registry.schema import alarm
from coldchain.registry.schema import outbox as rows_of
from coldchain.registry.store import bump_revision

NOT_ACCEPTED_MS = 60_000
NOT_CONFIRMED_MS = 180_000
_LONGEST_MS = 3_600_000  # a deadline further away was set by a clock that has been put back
_BATCH = 200
_NEWS = ("returned", "amended")  # is told also when somebody has answered


class ChannelFallback:
    """Moves messages to the next channel; what the dispatcher and the receipts ask for (`alerts.failover`)."""

    def __init__(self, channels: Collection[str] = ("email", "sms"), receipts: Collection[str] = ("sms",)) -> None:
        """`channels` can be sent by, and `receipts` are those of them that confirm that a message arrived."""
        self._channels = frozenset(channels)
        self._receipts = frozenset(receipts)

    def failed(self, connection: Connection, rows: Sequence[str], now_ms: int) -> None:
        """These rows will never be taken by their channel: go on with the next one, or the next step, at once."""
        for part in outbox.parts(list(rows)):
            query = select(rows_of).where(rows_of.c.id.in_(part), rows_of.c.fallback_ms.is_not(None))
            for row in list(connection.execute(query)):
                self._next(connection, row, now_ms, "refused")
        refused.hand_on(connection, rows, now_ms)

    def due(self, connection: Connection, now_ms: int) -> int:
        """Go on with what was not accepted or confirmed in time; how many rows were looked at."""
        late = or_(rows_of.c.fallback_ms <= now_ms, rows_of.c.fallback_ms > now_ms + _LONGEST_MS)
        query = select(rows_of).where(late).order_by(rows_of.c.fallback_ms, rows_of.c.id).limit(_BATCH)
        found = list(connection.execute(query))
        for row in found:
            self._late(connection, row, now_ms)
        if found:
            refused.hand_on(connection, [row.id for row in found], now_ms)
            bump_revision(connection)
        return len(found)

    def _late(self, connection: Connection, row: Row[Any], now_ms: int) -> None:
        if row.state == "delivered" or (row.state == "accepted" and row.channel not in self._receipts):
            _settle(connection, row)
        elif row.state == "accepted":
            deadline = min(row.accepted_ms or now_ms, now_ms) + NOT_CONFIRMED_MS
            if deadline > now_ms:
                connection.execute(update(rows_of).where(rows_of.c.id == row.id).values(fallback_ms=deadline))
            else:
                self._next(connection, row, now_ms, "not_confirmed")
        else:
            self._next(connection, row, now_ms, "refused" if row.state == "failed_permanent" else "not_accepted")

    def _next(self, connection: Connection, row: Row[Any], now_ms: int, why: str) -> None:
        """Queue the same news by the next channel that the recipient has."""
        _settle(connection, row)
        if not _wanted(connection, row):
            return
        recipient = _recipient(connection, row, now_ms)
        left = list(row.fallback or [])
        while left:
            channel, *left = left
            way = next((w for w in (recipient.ways if recipient else ()) if w.channel == channel), None)
            if way is None or channel not in self._channels:
                continue
            said = read_announcement(row.content)
            content = replace(said, reader=replace(said.reader, verified=way.verified)).as_json()
            key = {name: getattr(row, name) for name in ("alarm", "occasion", "step", "recipient", "recipient_kind")}
            more = {"reason": row.reason, "channel": channel, "address": way.address, "content": content}
            times = {"created_ms": now_ms, "next_due_ms": now_ms}
            then = {"fallback": left, "fallback_ms": now_ms + NOT_ACCEPTED_MS} if left else {}
            id_ = outbox.queue(connection, {**key, **more, **times, **then})
            if id_ is not None:
                body = {
                    "person": row.recipient, "channel": channel, "instead_of": row.channel, "reason": why,
                    "outbox": id_, "occasion": row.occasion, "step": row.step,
                }  # fmt: skip
                alarm_rows.note(connection, row.alarm, at_ms=now_ms, kind="fail_over", who=None, body=body)
                return


def _settle(connection: Connection, row: Row[Any]) -> None:
    connection.execute(update(rows_of).where(rows_of.c.id == row.id).values(fallback_ms=None))


def _wanted(connection: Connection, row: Row[Any]) -> bool:
    """Whether anybody still has to hear: somebody who answered has it in hand, what rests or was merged is silent."""
    now = connection.execute(select(alarm).where(alarm.c.id == row.alarm)).one()
    if now.merged_into is not None or now.suppression != "none":
        return False
    return row.reason in _NEWS or now.acknowledged_ms is None


def _recipient(connection: Connection, row: Row[Any], now_ms: int) -> Recipient | None:
    if row.recipient_kind == "party":
        found = contacts.parties(connection, [row.recipient])
    elif row.recipient_kind == "endpoint":
        found = contacts.endpoints(connection, [row.recipient])
    else:
        found = [contacts.recipient(one) for one in contacts.contacts(connection, {row.recipient}, now_ms)]
    return found[0] if found else None
