"""Whoever was told of an alarm hears how it goes on while they may know of it; and the record says who did not."""

from dataclasses import replace
from pathlib import Path

import pytest
from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, RETURNED, Story, new_registry
from rules_cast import DORA, EMIL, Rules, delivered, ladder, step, to, told
from sqlalchemy import select, update

from alerts.explain import explanation
from alerts.planner import AlertPlanner
from coldchain.registry.schema import outbox, signal
from coldchain.registry.store import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def rules(registry: Registry) -> Rules:
    return Rules(registry)


@pytest.fixture
def story(registry: Registry) -> Story:
    return Story(registry, AlertPlanner(("email", "sms", "webhook")))


def silences(story: Story) -> list[tuple[str, str]]:
    """(name or who, code) of every silence."""
    with story.registry.read() as connection:
        found = explanation(connection, str(story.id))["silences"]
    return [(one["name"] or one["who"], one["why"]["code"]) for one in found]


def test_who_may_not_know_of_the_goods_any_more_is_not_told_how_it_ended(story: Story, rules: Rules) -> None:
    story.happens(HIGH)
    rules.set(BOB, scope_customer="Other Pharma")
    story.happens(RETURNED, NOON + 20 * MINUTE)
    assert {message[1] for message in story.messages() if message[0] == "returned"} == {"Alice"}
    assert ("Bob", "scoped_away") in silences(story)


def test_who_has_left_is_not_told_how_it_ended_and_the_explanation_says_so(story: Story, rules: Rules) -> None:
    story.happens(HIGH)
    rules.set(BOB, disabled_ms=NOON + MINUTE)
    story.happens(RETURNED, NOON + 20 * MINUTE)
    assert {message[1] for message in story.messages() if message[0] == "returned"} == {"Alice"}
    assert ("Bob", "access_ended") in silences(story)


def test_that_an_alarm_is_not_over_after_all_reaches_everybody_who_was_told_that_it_is(
    story: Story, rules: Rules
) -> None:
    rules.policy("ladder", ladder(step(0, to(ALICE)), step(10, to(EMIL))))
    rules.routes(otherwise="ladder")
    story.happens(HIGH)
    delivered(rules.registry)
    story.time_passes(NOON + 10 * MINUTE)
    delivered(rules.registry)
    story.happens(RETURNED, NOON + 20 * MINUTE)
    delivered(rules.registry)
    story.happens(replace(HIGH, changed_ms=NOON + 25 * MINUTE), NOON + 25 * MINUTE)
    lines = told(story)
    assert {line[3] for line in lines if line[0] == "returned"} == {"Alice", "Emil"}
    assert {line[3] for line in lines if line[0] == "amended"} == {"Alice", "Emil"}
    assert len(lines) == len(set(lines))


def test_without_a_policy_it_reaches_also_who_has_gone_off_call_since(story: Story, rules: Rules) -> None:
    story.happens(HIGH)
    story.happens(RETURNED, NOON + 20 * MINUTE)
    rules.set(BOB, on_call=False)
    story.happens(replace(HIGH, changed_ms=NOON + 25 * MINUTE), NOON + 25 * MINUTE)
    assert {message[1] for message in story.messages() if message[0] == "amended"} == {"Alice", "Bob"}


def test_a_policy_is_not_blamed_for_who_was_told_before_and_has_left(story: Story, rules: Rules) -> None:
    rules.policy("ladder", ladder(step(0, to(DORA)), step(10, to(EMIL))))
    rules.routes(otherwise="ladder")
    story.happens(HIGH)
    rules.set(DORA, disabled_ms=NOON + MINUTE)
    story.happens(RETURNED, NOON + 20 * MINUTE)
    with rules.registry.read() as connection:
        found = connection.execute(select(signal.c.detail).where(signal.c.kind == "alert_rules")).scalars()
        assert [detail for detail in found if "reached nobody" in detail] == []


def test_only_who_hears_nothing_for_an_earlier_message_is_explained_as_waiting(story: Story, rules: Rules) -> None:
    story.happens(HIGH)
    with rules.registry.write() as connection:
        connection.execute(update(outbox).where(outbox.c.recipient == BOB).values(state="accepted"))
    story.time_passes(NOON + 10 * MINUTE)
    assert [message[1:] for message in story.messages() if message[0] == "repeat"] == [("Bob", "email")]
    assert [one for one in silences(story) if one[1] == "waiting"] == [("Alice", "waiting")]
