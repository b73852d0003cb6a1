"""From what the engine found to rows that must reach somebody: who is told of which alarm, over which channel, and why.

Works inside the caller's writing transaction, so a finding and its messages are committed together or not at all.
Without policies, every person on call hears of major and critical alarms at once, by e-mail and SMS.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from alerts import configuration, daily, flood, maintenance
from alerts.announcing import Announcer
from alerts.decisions import Held, Reason, decide, decide_due
from alerts.digest import DIGEST_WAIT_MS, Late, to_digest, write_digests
from alerts.held import held_of
from alerts.rulebook import Rulebook
from alerts.suppression import Resting, SentBy, resting, rests_on, still_resting, unknown
from alerts.timers import next_timer_ms, too_far_ahead
from coldchain.domain.finding import AlarmChange, AlarmCondition, Condition, Severity
from coldchain.registry import alarm_rows
from coldchain.registry.store import bump_revision

__all__ = ["DIGEST_WAIT_MS", "AlertPlanner"]
_DUE_BATCH = 200


class AlertPlanner:
    """Plans by the policies and routes on record; without any as a fresh installation does."""

    def __init__(self, channels: Collection[str] = ("email", "sms"), sent_by: SentBy = unknown) -> None:
        """`channels` are those that the installation can send by; nothing is queued for any other."""
        self._channels = frozenset(channels)
        self._sent_by = sent_by

    def plan(self, connection: Connection, changes: Sequence[AlarmChange], now_ms: int) -> None:
        """Decide about each changed alarm and queue the messages; called inside the engine's transaction.

        The alarm's row must already hold the new condition. Calling it again with the same changes queues nothing.
        """
        announcer = self._announcer(connection, now_ms)
        late: list[Late] = []
        # What others rest on comes first, so that nothing is announced that it speaks for.
        for change in sorted(changes, key=lambda one: not rests_on(connection, one)):
            self._changed(announcer, change, late)
        if late:
            write_digests(announcer, late)
        if changes:
            flood.watch(connection, now_ms)

    def _changed(self, announcer: Announcer, change: AlarmChange, late: list[Late]) -> None:
        connection, now_ms = announcer.connection, announcer.now_ms
        row = alarm_rows.row_of(connection, change.alarm)
        if row.suppression == "shelved" and _outgrown(connection, row, change.after):
            row = _unsuppressed(connection, row, now_ms, "it became critical")
        row, _ = _resting(announcer, row, change.after)
        held = held_of(connection, row)
        reason = decide(change.after, held)
        if not reason.announces:
            self._stay_silent(connection, row, change, held, reason, now_ms)
        elif change.after.digest:
            late.append(to_digest(announcer, row, change.after, reason))
        else:
            announcer.announce(row, change.after, held, reason)
        if rests_on(connection, change) and change.after.condition is Condition.RETURNED:
            alarm_rows.wake(connection, "by_design", now_ms)

    def _announcer(self, connection: Connection, now_ms: int) -> Announcer:
        return Announcer(connection, Rulebook(connection, now_ms), self._channels, now_ms, self._sent_by)

    def due(self, connection: Connection, now_ms: int) -> int:
        """Handle the timers that have run out: steps, repeats and ended rests. Returns how many; call it until 0."""
        if alarm_rows.rounds_due(connection, now_ms):
            self._rounds(connection, now_ms)
        rows = alarm_rows.timers_due(connection, now_ms, _DUE_BATCH, too_far_ahead(now_ms))
        if rows:
            announcer = self._announcer(connection, now_ms)
            for row in rows:
                self._timer(announcer, row)
            bump_revision(connection)
        return len(rows)

    def _rounds(self, connection: Connection, now_ms: int) -> None:
        """What is looked over hourly: holes ahead and other trouble of the rules, work under way, floods."""
        alarm_rows.note_rounds(connection, now_ms)
        configuration.watch(connection, now_ms)
        maintenance.remind(connection, now_ms)
        flood.watch(connection, now_ms)

    def _timer(self, announcer: Announcer, row: Row[Any]) -> None:
        connection, now_ms = announcer.connection, announcer.now_ms
        now = alarm_rows.condition_of(row)
        ended = False
        if row.suppression != "none":
            until_ms = still_resting(connection, row, now, now_ms, self._sent_by)
            if until_ms is None:
                row, ended = _unsuppressed(connection, row, now_ms, "time is up"), True
            elif until_ms != row.suppressed_until_ms:
                alarm_rows.change(connection, row, suppressed_until_ms=until_ms)
                row = alarm_rows.row_of(connection, row.id)
        # Work may have been planned for now, or go on behind a shelf that is over: that rest counts in its stead.
        row, rests = _resting(announcer, row, now)
        held = held_of(connection, row)
        reason = decide_due(now, held, shelf_ended=ended and not rests, now_ms=now_ms)
        if reason.announces and not now.digest:
            announcer.announce(row, now, held, reason)
            return
        timer = next_timer_ms(row, now, held, now_ms, asked_ms=None)
        # A climb from the future was begun by a clock that has been put back.
        begun = None if row.climb_ms is None else min(row.climb_ms, now_ms)
        alarm_rows.change(connection, row, next_timer_ms=timer, climb_ms=begun)

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
            if reason is Reason.RECORDED_ONLY and after.severity is Severity.MINOR and after.rules:
                daily.add(connection, row, after, self._channels, now_ms)
        timer = next_timer_ms(row, after, held, now_ms, asked_ms=row.next_timer_ms)
        if timer != row.next_timer_ms:
            alarm_rows.change(connection, row, next_timer_ms=timer)


def _outgrown(connection: Connection, row: Row[Any], now: AlarmCondition) -> bool:
    """Whether an alarm became critical on a shelf on which it was put as less: nobody has agreed to that."""
    began = alarm_rows.last_note(connection, row.id, ("shelved",))
    before = Severity.INFO if began is None else Severity(began.body.get("severity", int(Severity.CRITICAL)))
    return before < Severity.CRITICAL <= now.severity


def _unsuppressed(connection: Connection, row: Row[Any], now_ms: int, why: str) -> Row[Any]:
    alarm_rows.change(connection, row, suppression="none", suppressed_until_ms=None)
    body = {"why": why} | ({} if row.suppression == "shelved" else {"suppression": row.suppression})
    alarm_rows.note(connection, row.id, at_ms=now_ms, kind="unshelved", who=None, body=body)
    return alarm_rows.row_of(connection, row.id)


def _resting(announcer: Announcer, row: Row[Any], now: AlarmCondition) -> tuple[Row[Any], bool]:
    """The row, put to rest if it has to rest from now on, and whether it has."""
    connection, now_ms = announcer.connection, announcer.now_ms
    why = resting(connection, row, now, now_ms, announcer.sent_by) if row.suppression == "none" else None
    return (row, False) if why is None else (_rest(connection, row, why, now_ms), True)


def _rest(connection: Connection, row: Row[Any], why: Resting, now_ms: int) -> Row[Any]:
    alarm_rows.change(connection, row, suppression=why.suppression, suppressed_until_ms=why.until_ms)
    body = {"until_ms": why.until_ms, **why.said}
    alarm_rows.note(connection, row.id, at_ms=now_ms, kind=why.suppression, who=None, body=body)
    return alarm_rows.row_of(connection, row.id)
