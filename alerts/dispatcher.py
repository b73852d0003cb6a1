"""Claim, send, record: the one loop that gets messages out, and the only place that tries again.

A row is committed as `sending` before its message leaves; whoever finds it so after a crash sends it again and says
that it may be a repeat. Messages take turns while servers answer quickly, so that a crash leaves at most one in doubt;
a slow one loses its turn and goes on by itself, so that a hostile server or recipient holds up nobody else.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alerts.channels.port import Channel, Deferred, Refused
from alerts.clock_steps import put_back_ms, put_forward
from alerts.failover import Failover
from alerts.grouping_rows import claim
from alerts.lanes import Lane, Turn
from alerts.outbox import Site, after_deferred, after_refused, after_sent, after_split, fault_of, splits, write
from alerts.timers import too_far_ahead
from coldchain.clock import Clock
from coldchain.errors import TransientError
from coldchain.metrics import DELIVERIES, OUTBOX_DUE
from coldchain.registry import alarm_rows, endpoints, outbox, outbox_groups, signals
from coldchain.registry.outbox import Claimed, Outcome
from coldchain.registry.store import Registry, take_lease

log = structlog.get_logger("notifier")

_ROUNDS_S = 60.0
Decide = Callable[[int, Callable[[], bool]], Outcome]


class Timers(Protocol):
    """Who decides when an alarm's timer runs out (`alerts.planner.AlertPlanner`)."""

    def due(self, connection: Connection, now_ms: int) -> int:
        """Handle what is due inside a writing transaction; how much that was."""
        ...


class Rounds(Protocol):
    """What is looked after from time to time (`alerts.drills.Rounds`); what is due is read from what is stored."""

    def run(self, connection: Connection, now_ms: int) -> int:
        """One round inside a writing transaction; how much was done."""
        ...


@dataclass(frozen=True, slots=True)
class Pacing:
    """How patient the dispatcher is."""

    lease_ms: int = 6_000  # how long a dead dispatcher keeps others waiting
    sending_ms: int = 120_000  # after this the outcome of an attempt counts as lost; longer than any channel's deadline
    patience_s: float = 0.25  # a send that takes longer does not hold up the next
    lane_width: int = 32  # sends at a time, per channel, when servers hang; one while they are quick


class Dispatcher:
    """Sends what is due. Several may run; the one with the lease works, the others stand by."""

    def __init__(
        self,
        registry: Registry,
        channels: Mapping[str, Channel],
        clock: Clock,
        holder: str,
        *,
        site: Site,
        timers: Timers | None = None,
        failover: Failover | None = None,
        rounds: Rounds | None = None,
        pacing: Pacing | None = None,
        apart: Mapping[str, int] | None = None,
    ) -> None:
        """`holder` must be this process's own name (`registry.store.holder_name`).

        `apart`: channels that are slow by nature, with how many sends at a time; they take no turns with the others.
        """
        self._registry = registry
        self._channels = dict(channels)
        self._clock = clock
        self._holder = holder
        self._site = site
        self._timers = timers
        self._failover = failover
        self._rounds = rounds
        self._rounds_at_s = float("-inf")
        self._pacing = pacing or Pacing()
        self._fence: int | None = None
        self._renew_at_s = float("-inf")
        turn = Turn(clock, self._pacing.patience_s)
        widths = dict.fromkeys(channels, self._pacing.lane_width) | dict(apart or {})
        self._lanes = {
            name: Lane(name, self._sender(name), Turn(clock, 0) if apart and name in apart else turn, widths[name])
            for name in channels
        }

    def step(self) -> bool:
        """One look at the outbox: handle timers, start what can be started, wait for nothing.

        Returns:
            True while there is work due or under way.

        Raises:
            TransientError: the registry is busy; nothing was lost.
        """
        if self._lease() is None:
            return False
        handled = self._run_timers()
        with self._registry.read() as connection:
            due = outbox.channels_due(connection, self._clock.now_ms())
        OUTBOX_DUE.set(sum(due.values()))
        for name in due:
            if name in self._lanes:
                self._lanes[name].push()
        return bool(handled or any(n in self._lanes for n in due) or any(x.busy for x in self._lanes.values()))

    def drain(self) -> int:
        """Send all that is due now, one by one in this thread; how many attempts that took."""
        if self._lease() is None:
            return 0
        attempts, before = 0, -1
        while attempts != before:
            before = attempts
            self._run_timers()
            for name in self._channels:
                while self._send_one(name):
                    attempts += 1
                    self._lease()
        return attempts

    def run(self, stop: threading.Event, beat: Callable[[], None] | None = None, idle_s: float = 0.25) -> None:
        """Work until `stop` is set; `beat` is called at every step that went through."""
        while not stop.is_set():
            try:
                working = self.step()
                if beat is not None:
                    beat()
            except (TransientError, DBAPIError) as error:
                log.warning("registry busy or away", why=str(error))
                working = False
            stop.wait(min(idle_s, self._pacing.patience_s) if working else idle_s)
        self.close()

    def close(self, timeout_s: float = 5.0) -> None:
        """Begin nothing new and wait for what is under way; what takes longer is repeated, marked, by the next one."""
        for lane in self._lanes.values():
            lane.close(timeout_s)

    def _lease(self) -> int | None:
        """The fencing number while this dispatcher is the one that works."""
        now_s = self._clock.monotonic_s()
        if self._fence is not None and now_s < self._renew_at_s:
            return self._fence
        with self._registry.write() as connection:
            now_ms = self._clock.now_ms()
            back_ms = put_back_ms(connection, outbox.LEASE, self._pacing.lease_ms, now_ms)
            fence = take_lease(connection, outbox.LEASE, self._holder, now_ms, self._pacing.lease_ms)
            if fence is not None and back_ms:
                log.warning("the clock was put back; deadlines are put forward", seconds=back_ms // 1000)
                put_forward(connection, back_ms, now_ms)
            again = outbox.recover(connection, fence, now_ms) if fence is not None else 0
        if again:
            log.warning("interrupted messages are sent again", count=again)
        self._fence = fence
        self._renew_at_s = now_s + self._pacing.lease_ms / 3000
        return fence

    def _run_timers(self) -> int:
        with self._registry.read() as connection:
            now_ms = self._clock.now_ms()
            alarms = self._timers is not None and alarm_rows.any_due(connection, now_ms, too_far_ahead(now_ms))
            ways = self._failover is not None and outbox_groups.any_overdue(connection, now_ms)
        rounds = self._rounds is not None and self._clock.monotonic_s() >= self._rounds_at_s
        if not (alarms or ways or rounds):
            return 0
        with self._registry.write() as connection:
            now_ms, handled = self._clock.now_ms(), 0
            if rounds and self._rounds is not None:
                handled += self._rounds.run(connection, now_ms)
                self._rounds_at_s = self._clock.monotonic_s() + _ROUNDS_S
            if alarms and self._timers is not None:
                handled += self._timers.due(connection, now_ms)
            if ways and self._failover is not None:
                handled += self._failover.due(connection, now_ms)
            return handled

    def _sender(self, name: str) -> Callable[[], bool]:
        return lambda: self._send_one(name)

    def _send_one(self, name: str) -> bool:
        """Claim, send and record one message; False when there is none to be had."""
        fence, began_s = self._fence, self._clock.monotonic_s()
        if fence is None:
            return False
        with self._registry.write() as connection:
            claimed = claim(
                connection, name, holder=self._holder, fence=fence, now_ms=self._clock.now_ms(),
                lease_ms=self._pacing.sending_ms,
            )  # fmt: skip
        if claimed is None:
            return False
        decide, message_id = self._attempt(claimed, began_s)
        outcome = self._record(claimed, decide, message_id)
        DELIVERIES.labels(name, outcome.state).inc()
        if outcome.state != "accepted":
            log.warning("not delivered", notification=claimed.id, channel=name, state=outcome.state, code=outcome.code)
        return True

    def _attempt(self, claimed: Claimed, began_s: float) -> tuple[Decide, str | None]:
        """Send; the outcome as a function of the time and of whether the alarm is acknowledged by then."""
        message_id = None
        try:
            message = write(claimed, self._site, self._clock.now_ms())
            message_id = message.headers.get("Message-ID")
            if (self._clock.monotonic_s() - began_s) * 1000 > self._pacing.lease_ms:
                raise Deferred("this process stood still; another may have taken the message over", code="lease")
            sent = self._channels[claimed.channel].send(message)
        except Refused as error:
            refused = error
            return (lambda _now, _acked: after_refused(refused)), message_id
        except Deferred as error:
            deferred = error
        except Exception as error:  # a bug in one message must not stop the others
            log.exception("a message could not be written or sent", notification=claimed.id)
            deferred = Deferred(f"{type(error).__name__}: {error}"[:300], code="internal", ambiguous=True)
        else:
            return (lambda _now, _acked: after_sent(sent)), message_id
        return (lambda now, acked: after_deferred(claimed, deferred, now, acknowledged=acked())), message_id

    def _record(self, claimed: Claimed, decide: Decide, message_id: str | None) -> Outcome:
        with self._registry.write() as connection:
            now_ms = self._clock.now_ms()
            outcome = decide(now_ms, lambda: not outbox_groups.unanswered(connection, claimed.alarms))
            if split := splits(claimed, outcome):
                outcome = after_split(outcome, now_ms)
            if outbox.finish(connection, claimed, outcome, message_id, now_ms):
                if split:
                    outbox_groups.part(connection, claimed)
                _tell(connection, claimed, outcome, now_ms)
                if outcome.state == "failed_permanent" and self._failover is not None:
                    self._failover.failed(connection, claimed.rows, now_ms)
        return outcome


def _tell(connection: Connection, claimed: Claimed, outcome: Outcome, now_ms: int) -> None:
    """A contact that refuses messages is trouble of its own; one that takes them again is not."""
    detail = fault_of(claimed.channel, claimed.content)
    if outcome.state == "failed_permanent":
        body = {"person": claimed.recipient, "channel": claimed.channel, "code": outcome.code, "detail": outcome.detail}
        for alarm in sorted(claimed.alarms):
            alarm_rows.note(connection, alarm, at_ms=now_ms, kind="delivery_failed", who=None, body=body)
        signals.report(connection, role="notifier", kind="contact_fault", detail=detail, now_ms=now_ms)
    elif outcome.state == "accepted":
        signals.clear(connection, kind="contact_fault", detail=detail, now_ms=now_ms)
        if claimed.recipient_kind == "endpoint":
            endpoints.answered(connection, claimed.recipient, now_ms)
