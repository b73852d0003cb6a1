"""Whatever happens to an alarm, in whatever order: nobody is left untold, nothing is silent for ever."""

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, SITE, Story, new_registry, store_alarm
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select

from alerts import lifecycle, shelving
from alerts.channels.port import Deferred, Message, Sent
from alerts.dispatcher import Dispatcher
from alerts.planner import AlertPlanner
from coldchain import audit
from coldchain.clock import HandClock
from coldchain.domain.finding import AlarmChange, AlarmCondition, Condition, Severity
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry.outbox import WAITING_STATES
from coldchain.registry.schema import outbox

_MOMENTS = st.integers(1, 90)
_STEPS = st.sampled_from([-400 * 24 * 60, -180, -61, -1, 1, 61, 180])  # minutes


class Killed(BaseException):
    """What a `kill -9` looks like from within: nothing after it runs."""


class Wire:
    """A channel that takes messages, or is away, or whose sender dies before or after the other side took one."""

    def __init__(self) -> None:
        self.answer = "takes"
        self.taken: list[Message] = []

    def send(self, message: Message) -> Sent:
        if self.answer == "away":
            raise Deferred("421 later", code="421")
        if self.answer == "dies before":
            raise Killed
        self.taken.append(message)
        if self.answer == "dies after":
            raise Killed
        return Sent(f"id{len(self.taken)}", "250", "kept")


class AlarmStory(RuleBasedStateMachine):
    """The engine, people, crashes and clocks in any order, against what a person on call may expect."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.registry = new_registry(Path(self.folder.name))
        self.story = Story(self.registry)
        self.clock = HandClock(NOON)
        self.wire = Wire()
        self.condition: AlarmCondition | None = None
        self.lives = 0
        self.deaths = 0
        self.dispatcher = self.born()

    def born(self) -> Dispatcher:
        self.lives += 1
        channels = {"email": self.wire, "sms": self.wire}
        name = f"life-{self.lives}"
        return Dispatcher(self.registry, channels, self.clock, name, site=SITE, timers=self.story.planner)

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    def teardown(self) -> None:
        self.registry.close()
        self.folder.cleanup()

    def finding(self, condition: Condition, severity: Severity, peak_mc: int, refuted: bool, late: bool) -> None:
        over = condition is Condition.RETURNED
        self.condition = replace(
            HIGH, condition=condition, severity=severity, peak_mc=peak_mc, end_ms=self.now_ms if over else None,
            rules=() if refuted and over else HIGH.rules, late=late,
            onset_ms=self.now_ms - (300 if late else 14) * MINUTE,
        )  # fmt: skip

    @rule(
        condition=st.sampled_from(list(Condition)),
        severity=st.sampled_from(list(Severity)),
        peak_mc=st.sampled_from([9_000, 12_000, 20_000]),
        refuted=st.booleans(),
        late=st.booleans(),
    )
    def engine_says(self, condition: Condition, severity: Severity, peak_mc: int, refuted: bool, late: bool) -> None:
        self.finding(condition, severity, peak_mc, refuted, late)
        assert self.condition is not None
        self.story.happens(self.condition, self.now_ms)

    @rule(condition=st.sampled_from(list(Condition)), severity=st.sampled_from(list(Severity)))
    def engine_dies_before_its_commit(self, condition: Condition, severity: Severity) -> None:
        kept, id_ = self.condition, self.story.id
        self.finding(condition, severity, 12_000, refuted=False, late=False)
        assert self.condition is not None
        with suppress(Killed), self.registry.write() as connection:
            made = store_alarm(connection, self.condition, self.now_ms, id_)
            self.story.planner.plan(connection, [AlarmChange(made, kept, self.condition)], self.now_ms)
            raise Killed
        self.condition = kept

    @rule(minutes=_MOMENTS)
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes * MINUTE)
        self.all_timers()

    @rule(minutes=_STEPS)
    def the_clock_steps(self, minutes: int) -> None:
        self.clock.set(self.now_ms + minutes * MINUTE)
        self.all_timers()

    def all_timers(self) -> None:
        for _ in range(20):
            if not self.story.time_passes(self.now_ms):
                return
        raise AssertionError("a timer is due again as soon as it was handled")

    @rule(answer=st.sampled_from(["takes", "away", "dies before", "dies after"]))
    def messages_go_out(self, answer: str) -> None:
        self.wire.answer = answer
        try:
            self.dispatcher.drain()
        except Killed:
            self.deaths += 1
            self.clock.advance(7_000)  # the dead one's lease
            self.dispatcher = self.born()
        self.wire.answer = "takes"

    @rule()
    def the_notifier_starts_again(self) -> None:
        self.clock.advance(7_000)
        self.story.planner = AlertPlanner()
        self.dispatcher = self.born()

    @rule(who=st.sampled_from([ALICE, BOB]))
    def somebody_acknowledges(self, who: str) -> None:
        if self.story.id is not None:
            with self.registry.write() as connection:
                lifecycle.acknowledge(connection, self.story.id, who=who, via="link", comment="", now_ms=self.now_ms)

    @rule()
    def somebody_comments(self) -> None:
        if self.story.id is not None:
            with self.registry.write() as connection:
                lifecycle.comment(connection, self.story.id, who=BOB, text="still loading", now_ms=self.now_ms)

    @rule(who=st.sampled_from([ALICE, BOB]), minutes=_MOMENTS)
    def somebody_shelves(self, who: str, minutes: int) -> None:
        if self.story.id is not None:
            with self.registry.write() as connection, suppress(InvalidValue):
                shelving.shelve(
                    connection, self.story.id, who=who, until_ms=self.now_ms + minutes * MINUTE, reason="defrost",
                    now_ms=self.now_ms,
                )  # fmt: skip

    @rule(who=st.sampled_from([ALICE, BOB]))
    def somebody_agrees(self, who: str) -> None:
        if self.story.id is not None:
            with self.registry.write() as connection, suppress(InvalidValue, Forbidden):
                shelving.confirm(connection, self.story.id, who=who, now_ms=self.now_ms)

    @rule()
    def somebody_ends_the_shelf(self) -> None:
        if self.story.id is not None:
            with self.registry.write() as connection, suppress(InvalidValue):
                shelving.unshelve(connection, self.story.id, who=BOB, now_ms=self.now_ms)

    @rule()
    def somebody_resets(self) -> None:
        if self.story.id is not None:
            with self.registry.write() as connection, suppress(InvalidValue):
                lifecycle.reset(connection, self.story.id, who=ALICE, reason="assessed", now_ms=self.now_ms)

    @invariant()
    def no_shelf_lasts_for_ever(self) -> None:
        if self.story.id is not None and (row := self.story.row()).suppression != "none":
            assert row.suppressed_until_ms is not None
            assert row.next_timer_ms == row.suppressed_until_ms
            assert row.suppressed_until_ms <= self.now_ms + 24 * 60 * MINUTE

    @invariant()
    def an_alarm_that_matters_is_told_unless_it_is_shelved(self) -> None:
        if self.story.id is None or self.condition is None:
            return
        row = self.story.row()
        matters = self.condition.severity >= Severity.MAJOR and self.condition.rules
        if matters and self.condition.condition is not Condition.PENDING and row.suppression == "none":
            assert row.occasion >= 1

    @invariant()
    def every_state_that_is_not_final_has_a_next_timer(self) -> None:
        if self.story.id is None or self.condition is None:
            return
        row, now = self.story.row(), self.condition
        silent = now.severity < Severity.MAJOR or not now.rules or now.condition is Condition.PENDING
        answered_for_good = row.acknowledged_ms is not None and now.condition is Condition.RETURNED
        if silent or answered_for_good:
            return
        assert row.next_timer_ms is not None
        longest = 24 * 60 if now.condition is Condition.RETURNED or row.suppression != "none" else 60
        assert row.next_timer_ms <= self.now_ms + longest * MINUTE

    @invariant()
    def no_message_is_both_sent_and_waiting(self) -> None:
        for row in self.story.outbox() if self.story.id is not None else ():
            waiting = row.state in WAITING_STATES
            assert waiting == (row.state == "sending" or row.next_due_ms is not None)
            assert not (waiting and row.accepted_ms)
            assert (row.lease_until_ms is not None) == (row.state == "sending")

    @invariant()
    def a_message_is_taken_once_more_at_most_for_each_death_and_then_says_so(self) -> None:
        taken: dict[str, int] = {}
        for message in self.wire.taken:
            taken[message.id] = taken.get(message.id, 0) + 1
            if taken[message.id] > 1:
                assert message.headers.get("X-Coldchain-Repeat") == "possible" or not message.headers
        assert sum(times - 1 for times in taken.values()) <= self.deaths

    @invariant()
    def every_occasion_tells_each_way_at_most_once(self) -> None:
        ways = (outbox.c.alarm, outbox.c.occasion, outbox.c.recipient, outbox.c.channel)
        with self.registry.read() as connection:
            twice = select(*ways).group_by(*ways).having(func.count() > 1)
            assert connection.execute(twice).first() is None

    @invariant()
    def the_audit_trail_fits(self) -> None:
        with self.registry.read() as connection:
            assert audit.verify(connection) is None


AlarmStory.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestAlarmStory = AlarmStory.TestCase
