"""Which alarms wear people out: chattering, stale, and floods; and how a page explains an alarm."""

from dataclasses import replace
from pathlib import Path

import pytest
from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, RETURNED, Story, new_registry, set_aside
from sqlalchemy import update

from alerts import lifecycle
from alerts.explain import explanation
from coldchain.domain.finding import Condition, Severity
from coldchain.registry import alarms
from coldchain.registry.alarm_unrest import FLOOD_MS, STALE_MS, chattering, flooded, restless
from coldchain.registry.alarms import AlarmFilter
from coldchain.registry.loggers import declare_interval, register
from coldchain.registry.schema import person
from coldchain.registry.store import Registry
from coldchain.registry.viewer import SYSTEM, Viewer
from dashboard.pages.alarm import why
from dashboard.parts.alarm_words import about, isa

RETURNING = replace(HIGH, condition=Condition.RETURNING)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


def swings(story: Story, every_ms: int, times: int) -> None:
    for n in range(times):
        at_ms = NOON + n * every_ms
        story.happens(replace(HIGH if n % 2 == 0 else RETURNING, changed_ms=at_ms), at_ms)


@pytest.mark.parametrize(
    ("gaps", "interval_ms", "chatters"),
    [
        ((20_000, 20_000, 20_000), 0, True),
        ((31_000, 31_000), 0, False),
        ((31_000, 31_000, 31_000), 0, False),
        ((5 * MINUTE, 5 * MINUTE, 5 * MINUTE), 5 * MINUTE, True),
        ((5 * MINUTE, 20 * MINUTE, 5 * MINUTE), 5 * MINUTE, False),
        ((), 0, False),
    ],
)
def test_three_transitions_a_minute_or_in_three_intervals_are_chattering(
    gaps: tuple[int, ...], interval_ms: int, chatters: bool
) -> None:
    steps, at_ms, out = [(0, "active")], 0, True
    for gap in gaps:
        at_ms, out = at_ms + gap, not out
        steps.append((at_ms, "active" if out else "returning"))
    assert restless(steps, interval_ms) is chatters


def test_what_stays_as_it_is_does_not_chatter_however_often_it_is_said() -> None:
    assert not restless([(n * 1000, "active") for n in range(60)], 0)


def test_an_alarm_that_comes_and_goes_is_listed_by_how_often_its_logger_reports(registry: Registry) -> None:
    quick, slow = Story(registry), Story(registry)
    with registry.write() as connection:
        register(connection, "slow-one", who="test", now_ms=NOON, interval_ms=5 * MINUTE)
    swings(quick, 5 * MINUTE, 5)
    slow.happens(replace(HIGH, logger="slow-one"), NOON)
    slow.before = None
    for n in range(1, 5):
        condition = replace(HIGH if n % 2 == 0 else RETURNING, logger="slow-one", changed_ms=NOON + n * 5 * MINUTE)
        slow.happens(condition, NOON + n * 5 * MINUTE)
    with registry.read() as connection:
        assert chattering(connection, NOON + 30 * MINUTE) == {slow.id}
        assert chattering(connection, NOON + 25 * 60 * MINUTE) == set()
    with registry.write() as connection:
        declare_interval(connection, "slow-one", MINUTE, who="test", now_ms=NOON)
        assert chattering(connection, NOON + 30 * MINUTE) == set()


def test_stale_is_what_has_been_active_for_a_day(registry: Registry) -> None:
    old, over = Story(registry), Story(registry)
    old.happens(HIGH)
    over.happens(RETURNED)
    with registry.read() as connection:
        for after, listed in ((STALE_MS - 1, []), (STALE_MS, [old.id])):
            which = AlarmFilter(stale_at_ms=HIGH.onset_ms + after)
            assert [one["id"] for one in alarms.alarms(connection, SYSTEM, which).items] == listed
            assert alarms.count(connection, SYSTEM, which) == len(listed)


def test_the_board_holds_what_wants_somebody_and_the_shelf_what_was_set_aside(registry: Registry) -> None:
    live, answered, aside = Story(registry), Story(registry), Story(registry)
    live.happens(HIGH)
    answered.happens(RETURNED)
    aside.happens(replace(HIGH, severity=Severity.MAJOR))
    set_aside(aside, 60)
    with registry.write() as connection:
        lifecycle.acknowledge(connection, str(answered.id), who=ALICE, via="api", comment="", now_ms=NOON)
        lifecycle.assign(connection, str(live.id), who=ALICE, to=BOB, now_ms=NOON)
    for which, wanted in (
        (AlarmFilter(on_board=True), {live.id, aside.id}),
        (AlarmFilter(on_board=False), {answered.id}),
        (AlarmFilter(shelved=True), {aside.id}),
        (AlarmFilter(shelved=False), {live.id, answered.id}),
        (AlarmFilter(assigned=BOB), {live.id}),
        (AlarmFilter(among=frozenset({str(live.id)})), {live.id}),
        (AlarmFilter(among=frozenset()), set()),
    ):
        with registry.read() as connection:
            assert {one["id"] for one in alarms.alarms(connection, SYSTEM, which).items} == wanted
            assert alarms.count(connection, SYSTEM, which) == len(wanted)


def test_more_alarms_in_ten_minutes_than_anybody_can_follow_are_a_flood(registry: Registry) -> None:
    for _ in range(10):
        Story(registry).happens(HIGH)
    with registry.read() as connection:
        assert flooded(connection, NOON + MINUTE) == {}
    Story(registry).happens(HIGH)
    with registry.read() as connection:
        assert flooded(connection, NOON + MINUTE) == {ALICE: 11, BOB: 11}
        assert flooded(connection, NOON + FLOOD_MS) == {}


def words(registry: Registry, story: Story, reader: Viewer = SYSTEM) -> str:
    with registry.read() as connection:
        shown = alarms.alarm(connection, SYSTEM, str(story.id))
        return str(why(shown, reader, explanation(connection, str(story.id))))


def test_an_alarm_explains_why_somebody_got_it_and_what_comes_next(registry: Registry) -> None:
    story = Story(registry)
    story.happens(HIGH)
    assert "You got this by Mail and SMS" in words(registry, story, Viewer(ALICE, "Alice", "quality"))
    assert "You were not told" in words(registry, story, Viewer("zoe", "Zoe", "quality"))
    assert "unless somebody acknowledges it" in words(registry, story)
    with registry.write() as connection:
        lifecycle.acknowledge(connection, str(story.id), who=ALICE, via="api", comment="", now_ms=NOON)
    assert "Somebody has it in hand" in words(registry, story)
    set_aside(story, 30)
    assert "It is silent until" in words(registry, story)


def test_an_alarm_takes_nobody_for_somebody_of_the_same_name(registry: Registry) -> None:
    story = Story(registry)
    story.happens(HIGH)
    assert "You got this" not in words(registry, story, Viewer("another", "Alice", "quality"))


def test_who_sees_one_customers_goods_is_told_the_truth_about_their_own_messages_only(registry: Registry) -> None:
    with registry.write() as connection:
        scoped = update(person).where(person.c.id == BOB).values(scope_customer="Helvetia Pharma")
        connection.execute(scoped)
    story = Story(registry)
    story.happens(HIGH)
    bob = Viewer(BOB, "Bob", "operator", "Helvetia Pharma")
    assert "You got this by Mail" in words(registry, story, bob)
    other = words(registry, story, Viewer("zoe", "Zoe", "operator", "Helvetia Pharma"))
    assert "You were not told" in other
    assert "Alice" not in other


def test_a_reader_who_may_not_know_of_the_goods_any_more_learns_that_this_is_why(registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(update(person).where(person.c.id == BOB).values(scope_customer="Other Pharma"))
    story = Story(registry)
    story.happens(HIGH)
    assert "may not know of this customer" in words(registry, story, Viewer(BOB, "Bob", "operator"))


def test_an_alarm_explains_why_nobody_was_told(registry: Registry) -> None:
    small = Story(registry)
    small.happens(replace(HIGH, severity=Severity.MINOR))
    assert "Nobody was told: it is below major" in words(registry, small)


def test_an_alarm_leads_to_its_excursion_its_subject_and_its_logger(registry: Registry) -> None:
    story = Story(registry)
    story.happens(HIGH)
    with registry.read() as connection:
        shown = alarms.alarm(connection, SYSTEM, str(story.id))
    assert [where.split("/")[1] for _, where in about(shown)] == ["excursions", "shipments", "loggers"]
    assert isa(shown).value == "active_unacknowledged"
