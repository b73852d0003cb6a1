"""Whatever happens to an alarm, in whatever order: nobody is left untold, nothing is silent for ever."""

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from alert_cast import ALICE, HIGH, MINUTE, NOON, Story, new_registry
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select, update

from alerts import lifecycle
from coldchain import audit
from coldchain.domain.finding import AlarmCondition, Condition, Severity
from coldchain.errors import InvalidValue
from coldchain.registry.schema import outbox

_MOMENTS = st.integers(1, 90)


class AlarmStory(RuleBasedStateMachine):
    """The engine, people and time in any order, against what a person on call may expect."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.registry = new_registry(Path(self.folder.name))
        self.story = Story(self.registry)
        self.now_ms = NOON
        self.condition: AlarmCondition | None = None

    def teardown(self) -> None:
        self.registry.close()
        self.folder.cleanup()

    @rule(
        condition=st.sampled_from(list(Condition)),
        severity=st.sampled_from(list(Severity)),
        peak_mc=st.sampled_from([9_000, 12_000, 20_000]),
        refuted=st.booleans(),
    )
    def engine_says(self, condition: Condition, severity: Severity, peak_mc: int, refuted: bool) -> None:
        over = condition is Condition.RETURNED
        self.condition = replace(
            HIGH, condition=condition, severity=severity, peak_mc=peak_mc, end_ms=self.now_ms if over else None,
            rules=() if refuted and over else HIGH.rules,
        )  # fmt: skip
        self.story.happens(self.condition, self.now_ms)

    @rule(minutes=_MOMENTS)
    def time_passes(self, minutes: int) -> None:
        self.now_ms += minutes * MINUTE
        while self.story.time_passes(self.now_ms):
            pass

    @rule()
    def messages_arrive(self) -> None:
        with self.registry.write() as connection:
            connection.execute(update(outbox).values(state="delivered", next_due_ms=None))

    @rule()
    def somebody_acknowledges(self) -> None:
        if self.story.id is not None:
            with self.registry.write() as connection:
                lifecycle.acknowledge(connection, self.story.id, who=ALICE, via="link", comment="", now_ms=self.now_ms)

    @rule(minutes=_MOMENTS)
    def somebody_shelves(self, minutes: int) -> None:
        if self.story.id is not None:
            with self.registry.write() as connection, suppress(InvalidValue):
                lifecycle.shelve(
                    connection, self.story.id, who=ALICE, until_ms=self.now_ms + minutes * MINUTE, reason="defrost",
                    now_ms=self.now_ms,
                )  # fmt: skip

    @invariant()
    def no_shelf_lasts_for_ever(self) -> None:
        if self.story.id is not None and (row := self.story.row()).suppression != "none":
            assert row.suppressed_until_ms is not None
            assert row.next_timer_ms == row.suppressed_until_ms

    @invariant()
    def an_alarm_that_matters_is_told_unless_it_is_shelved(self) -> None:
        if self.story.id is None or self.condition is None:
            return
        row = self.story.row()
        matters = self.condition.severity >= Severity.MAJOR and self.condition.rules
        if matters and self.condition.condition is not Condition.PENDING and row.suppression == "none":
            assert row.occasion >= 1

    @invariant()
    def an_unanswered_active_alarm_has_a_next_timer(self) -> None:
        if self.story.id is None or self.condition is None:
            return
        row = self.story.row()
        active = self.condition.condition in (Condition.ACTIVE, Condition.RETURNING)
        if active and self.condition.severity >= Severity.MAJOR and row.acknowledged_ms is None:
            assert row.next_timer_ms is not None
            assert row.next_timer_ms <= self.now_ms + 60 * MINUTE or row.suppression != "none"

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
