"""Everything at once that can happen to alarms: whatever order it comes in, nobody is forgotten.

Planner, dispatcher, fail-over and registry under crashes, restarts, late data, clocks that step, edits of the rules,
answers, shelves, maintenance and channels that come and go. `COLDCHAIN_TEST_ALERT_STATES=5000x200` is the long run.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, SITE, filled, store_alarm
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rules_cast import DORA, EMIL, HOOK, QUALITY, ROTA_STEP, Rules, ladder, step, to
from sqlalchemy import func, select, update

from alerts import lifecycle, maintenance, rulebook_changes, shelving
from alerts.channels.port import Deferred, Message, Refused, Sent
from alerts.dispatcher import Dispatcher
from alerts.fallback import ChannelFallback
from alerts.planner import AlertPlanner
from coldchain.clock import HandClock
from coldchain.domain.finding import AlarmChange, AlarmCondition, Condition, Severity
from coldchain.errors import ColdchainError
from coldchain.registry import alarm_rows
from coldchain.registry import maintenance as kept
from coldchain.registry.schema import alarm, outbox, person
from coldchain.registry.store import Registry, sqlite_url

EXAMPLES, STEPS = map(int, os.environ.get("COLDCHAIN_TEST_ALERT_STATES", "200x50").split("x"))
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
ALARMS = 3
CHANNELS = ("email", "sms", "webhook")
EMAIL = {"channels": ["email"]}
POLICIES = [
    ladder(ROTA_STEP | {"channel_mode": "first"}, step(10, to(EMIL), **EMAIL), step(20, {"kind": "on_call"})),
    ladder(step(0, to(DORA), **EMAIL), repeat=5),
    ladder(step(0, {"kind": "endpoint", "id": HOOK}, channels=["webhook"]), step(240, to(BOB)), repeat=240),
    ladder(ROTA_STEP, ROTA_STEP | {"after_min": 1}, step(2, to(DORA), to(EMIL), channel_mode="first"), repeat=1),
]
ROTAS: list[dict[str, Any]] = [
    {"people": [DORA, EMIL]}, {"people": [EMIL], "turn": "12h"}, {"people": [DORA], "from": "2027-06-01T00:00"},
    {"people": [DORA, EMIL], "restrict": {"mon": [["08:00", "17:00"]]}},
]  # fmt: skip
ROUTES: list[list[dict[str, Any]]] = [
    [], [{"policy": "p0"}], [{"policy": "p1", "match": {"severity": ["major"]}}, {"policy": "p0"}],
    [{"policy": None, "match": {"cause": "high"}}], [{"policy": "p1", "match": {"customer": "Helvetia Pharma"}}],
]  # fmt: skip
which = st.integers(0, ALARMS - 1)
# In plain SQL, because it is asked after every step.
FORGOTTEN = """
    select 'a row is both sent and pending', id from outbox
        where state in ('accepted', 'delivered', 'failed_permanent') and next_due_ms is not null
    union all select 'a row waits for no moment', id from outbox
        where state in ('queued', 'failed_temporary', 'unknown') and next_due_ms is null
    union all select 'a row is being sent for ever', id from outbox
        where state = 'sending' and lease_until_ms is null
    union all select 'a rest without an end, or that nobody looks at', id from alarm
        where suppression != 'none' and (suppressed_until_ms is null or next_timer_ms is null)
    union all select 'active and no timer', id from alarm
        where suppression = 'none' and condition in ('active', 'returning') and next_timer_ms is null
        and merged_into is null and severity >= 2 and rules != '[]' and not digest
    union all select 'over, unanswered and no timer', id from alarm
        where suppression = 'none' and condition = 'returned' and acknowledged_ms is null and next_timer_ms is null
        and merged_into is null and severity >= 2 and rules != '[]' and not digest and occasion > 0
"""
# Asked when everything due was done: a step that every address refused for good is not waited behind.
STUCK = """
    select a.id from alarm a
        where policy is not null and acknowledged_ms is null and suppression = 'none' and merged_into is null
        and next_timer_ms is not null and occasion_reason not in ('returned', 'amended')
        and exists (select 1 from outbox o where o.alarm = a.id and o.occasion = a.occasion and o.step = a.step)
        and not exists (select 1 from outbox o where o.alarm = a.id and o.occasion = a.occasion and o.step = a.step
                        and o.state != 'failed_permanent')
        and not exists (select 1 from alarm_event e where e.alarm = a.id and e.kind = 'step_refused'
                        and json_extract(e.body, '$.occasion') = a.occasion
                        and json_extract(e.body, '$.step') = a.step)
"""


class Crash(BaseException):
    """The process ends here."""


class Scripted:
    """A channel that does what the story says."""

    def __init__(self) -> None:
        self.mood = "up"
        self.sent = 0

    def send(self, message: Message) -> Sent:
        mood, self.mood = self.mood, "up" if self.mood == "crash" else self.mood
        if mood == "crash":
            raise Crash
        if mood == "down":
            raise Deferred("connection refused", code="refused")
        if mood == "unsure":
            raise Deferred("no answer after the data", code="cut", ambiguous=True)
        if mood == "refuses":
            raise Refused("no such address", code="550")
        self.sent += 1
        return Sent(f"id-{message.id}", "250", "taken")


def template() -> Path:
    """A registry with people and rules, made once and copied for each story."""
    folder = Path(tempfile.mkdtemp(prefix="states-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    registry = filled(Registry(sqlite_url(folder / "registry.db")))
    rules = Rules(registry)
    rules.endpoint()
    rules.rota(DORA)
    rules.policy("p0", POLICIES[0])
    rules.policy("p1", POLICIES[1])
    rules.routes({"policy": "p0"})
    registry.close()
    return folder


TEMPLATE = template()
REGISTRY = Registry(sqlite_url(TEMPLATE / "story.db"))


class AlertStates(RuleBasedStateMachine):
    """One installation with a few alarms."""

    @initialize()
    def begins(self) -> None:
        # One engine for all stories: it remembers the statements that it has compiled.
        self.registry = REGISTRY
        self.registry.close()
        for old in TEMPLATE.glob("story.db*"):
            old.unlink()
        shutil.copy(TEMPLATE / "registry.db", TEMPLATE / "story.db")
        self.clock = HandClock(NOON)
        self.channels: Mapping[str, Scripted] = {name: Scripted() for name in CHANNELS}
        self.alarms: dict[int, tuple[str, AlarmCondition]] = {}
        self.works: list[str] = []
        self.starts()

    def starts(self) -> None:
        self.planner = AlertPlanner(CHANNELS)
        self.dispatcher = Dispatcher(
            self.registry, self.channels, self.clock, "one", site=SITE, timers=self.planner,
            failover=ChannelFallback(CHANNELS),
        )  # fmt: skip

    def teardown(self) -> None:
        if hasattr(self, "clock"):
            self.everybody_hears_in_the_end()

    # --- what the engine finds

    def engine(self, number: int, condition: AlarmCondition, crash: str = "") -> None:
        """A step of the engine, which is repeated until it was committed."""
        id_, before = self.alarms.get(number, (None, None))
        try:
            with self.registry.write() as connection:
                made = store_alarm(connection, condition, self.clock.now_ms(), id_)
                self.planner.plan(connection, [AlarmChange(made, before, condition)], self.clock.now_ms())
                if crash == "before commit":
                    raise Crash
        except Crash:
            self.starts()
            self.engine(number, condition)
            return
        self.alarms[number] = (made, condition)
        if crash == "after commit":
            self.starts()
            with self.registry.write() as connection:
                self.planner.plan(connection, [AlarmChange(made, before, condition)], self.clock.now_ms())

    @rule(
        number=which,
        severity=st.sampled_from([Severity.MINOR, Severity.MAJOR, Severity.CRITICAL]),
        condition=st.sampled_from([Condition.PENDING, Condition.ACTIVE, Condition.RETURNING, Condition.RETURNED]),
        peak=st.sampled_from([9_000, 12_000, 15_000]),
        late=st.sampled_from(["no", "no", "no", "late", "digest"]),
        refuted=st.sampled_from([False, False, False, True]),
        crash=st.sampled_from(["", "", "", "before commit", "after commit"]),
    )
    def engine_finds(self, number: int, severity: Severity, condition: Condition, peak: int, late: str, refuted: bool,
                     crash: str) -> None:  # fmt: skip
        now_ms = self.clock.now_ms()
        fired = () if refuted or condition is Condition.PENDING else ("above-8",)
        found = replace(
            HIGH, cause="high", channel=f"probe-{number}", severity=severity, condition=condition, peak_mc=peak,
            onset_ms=min(now_ms, NOON) - 14 * MINUTE, changed_ms=now_ms, rules=fired, late=late != "no",
            end_ms=now_ms if condition is Condition.RETURNED else None, digest=late == "digest",
        )  # fmt: skip
        self.engine(number, found, crash)

    # --- time and machines

    @rule(minutes=st.sampled_from([1, 2, 5, 10, 31, 61, 241]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes * MINUTE)
        self.works_on()

    @rule(minutes=st.sampled_from([-240, -61, -5, 5, 61, 240]))
    def the_clock_steps(self, minutes: int) -> None:
        self.clock.set(self.clock.now_ms() + minutes * MINUTE)
        self.works_on()

    @rule()
    def works_on(self) -> None:
        try:
            self.dispatcher.drain()
        except Crash:
            self.starts()
            return
        with self.registry.read() as connection:
            stuck = connection.exec_driver_sql(STUCK).fetchall()
        assert not stuck, f"{stuck} wait for a step's time though every address refused the one before"

    @rule(name=st.sampled_from(CHANNELS), mood=st.sampled_from(["up", "up", "down", "unsure", "refuses", "crash"]))
    def a_channel_changes(self, name: str, mood: str) -> None:
        self.channels[name].mood = mood

    @rule()
    def everything_restarts(self) -> None:
        self.registry.close()
        self.starts()

    # --- people

    def somebody(self, number: int, act: Any) -> None:
        """Somebody does something to an alarm; what is refused changes nothing."""
        if number not in self.alarms:
            return
        try:
            with self.registry.write() as connection:
                act(connection, self.alarms[number][0], self.clock.now_ms())
        except ColdchainError:
            pass

    @rule(number=which)
    def somebody_acknowledges(self, number: int) -> None:
        self.somebody(
            number, lambda c, id_, now: lifecycle.acknowledge(c, id_, who=ALICE, via="link", comment="", now_ms=now)
        )

    @rule(number=which)
    def somebody_comments(self, number: int) -> None:
        self.somebody(number, lambda c, id_, now: lifecycle.comment(c, id_, who=BOB, text="on my way", now_ms=now))

    @rule(number=which, minutes=st.sampled_from([10, 59, 600]))
    def two_people_shelve(self, number: int, minutes: int) -> None:
        def act(connection: Any, id_: str, now: int) -> None:
            given = {"until_ms": now + minutes * MINUTE, "reason": "defrost", "now_ms": now}
            if shelving.shelve(connection, id_, who=ALICE, **given).act is lifecycle.Act.SHELF_ASKED:
                shelving.confirm(connection, id_, who=BOB, now_ms=now)

        self.somebody(number, act)

    @rule(number=which)
    def somebody_unshelves(self, number: int) -> None:
        self.somebody(number, lambda c, id_, now: shelving.unshelve(c, id_, who=ALICE, now_ms=now))

    @rule(number=which)
    def somebody_resets(self, number: int) -> None:
        self.somebody(number, lambda c, id_, now: lifecycle.reset(c, id_, who=ALICE, reason="seen", now_ms=now))

    @rule(hours=st.sampled_from([1, 30]))
    def work_begins(self, hours: int) -> None:
        now = self.clock.now_ms()
        with self.registry.write() as connection:
            row = maintenance.take_out(
                connection, subject=HIGH.subject, work_order="WO", reason="work", until_ms=now + hours * HOUR,
                who=ALICE, now_ms=now,
            )  # fmt: skip
        self.works.append(row.id)

    @rule()
    def work_ends(self) -> None:
        for id_ in self.works:
            self.somebody_else(lambda c, now, id_=id_: maintenance.put_back(c, id_, who=ALICE, reason="", now_ms=now))

    def somebody_else(self, act: Any) -> None:
        try:
            with self.registry.write() as connection:
                act(connection, self.clock.now_ms())
        except ColdchainError:
            pass

    # --- rules are edited

    @rule(id_=st.sampled_from(["p0", "p1"]), body=st.sampled_from(POLICIES))
    def a_policy_changes(self, id_: str, body: dict[str, Any]) -> None:
        self.somebody_else(
            lambda c, now: rulebook_changes.put_policy(c, id_, body, by=QUALITY, reason="edit", now_ms=now)
        )

    @rule(layer=st.sampled_from(ROTAS))
    def the_rota_changes(self, layer: dict[str, Any]) -> None:
        whole = {"name": "primary", "turn": "daily", "from": "2026-11-22T00:00", **layer}
        body = {"name": "Lab", "zone": "UTC", "layers": [whole], "holidays": []}
        self.somebody_else(
            lambda c, now: rulebook_changes.put_rota(c, "lab", body, by=QUALITY, reason="edit", now_ms=now)
        )

    @rule(routes=st.sampled_from(ROUTES), otherwise=st.sampled_from([None, "p1"]))
    def the_routes_change(self, routes: list[dict[str, Any]], otherwise: str | None) -> None:
        body = {"routes": routes, "otherwise": otherwise}
        self.somebody_else(lambda c, now: rulebook_changes.put_routing(c, body, by=QUALITY, reason="edit", now_ms=now))

    @rule(who=st.sampled_from([BOB, DORA, EMIL]), leaves=st.booleans())
    def somebody_leaves_or_comes_back(self, who: str, leaves: bool) -> None:
        gone = self.clock.now_ms() if leaves else None
        with self.registry.write() as connection:
            connection.execute(update(person).where(person.c.id == who).values(disabled_ms=gone))

    # --- what is always true

    @invariant()
    def nobody_is_forgotten(self) -> None:
        if not hasattr(self, "clock"):
            return
        with self.registry.read() as connection:
            wrong = connection.exec_driver_sql(FORGOTTEN).fetchall()
        assert not wrong, f"{wrong} at {self.clock.now_ms()}"

    def everybody_hears_in_the_end(self) -> None:
        """When everything works again each alarm that is active and unanswered reaches somebody, and no rest lasts."""
        for channel in self.channels.values():
            channel.mood = "up"
        with self.registry.write() as connection:
            connection.execute(update(person).values(disabled_ms=None))
        self.starts()
        self.clock.set(max(self.clock.now_ms(), NOON + 30 * DAY))
        for _ in range(3):
            self.clock.advance(DAY)
            self.dispatcher.drain()
        now = self.clock.now_ms()
        with self.registry.read() as connection:
            assert not kept.listed(connection, at_ms=now)
            assert not alarm_rows.timers_due(connection, now, 10)
            for row in connection.execute(select(alarm)):
                assert row.suppression == "none", f"{row.suppression} for ever"
                if row.condition in ("active", "returning") and row.severity >= 2 and row.rules and not row.digest:
                    heard = select(func.count()).select_from(outbox).where(
                        outbox.c.alarm == row.id, outbox.c.state.in_(("accepted", "delivered"))
                    )  # fmt: skip
                    assert connection.execute(heard).scalar_one() > 0, "nobody ever heard of it"


AlertStates.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Explaining a failure line by line traces every run, which takes longer than the runs.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
TestAlertStates = pytest.mark.timeout(14_400)(AlertStates.TestCase)
