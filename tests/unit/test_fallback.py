"""The next channel of the same person when the one before does not work; separate from escalation."""

from pathlib import Path
from typing import Any

import pytest
from alert_cast import HIGH, MINUTE, NOON, RETURNED, Story, new_registry, set_aside
from rules_cast import DORA, Rules, acknowledge, ladder, notes, step, to, told
from sqlalchemy import select, update

from alerts.fallback import ChannelFallback
from alerts.planner import AlertPlanner
from coldchain.registry.schema import outbox, person
from coldchain.registry.store import Registry

SECOND = 1000


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def story(registry: Registry) -> Story:
    """Dora is told by the first channel that works: e-mail, then SMS."""
    rules = Rules(registry)
    rules.policy("ladder", ladder(step(0, to(DORA), channels=["email", "sms"], channel_mode="first"), repeat=60))
    rules.routes(otherwise="ladder")
    story = Story(registry, AlertPlanner(("email", "sms")))
    story.happens(HIGH)
    return story


def becomes(story: Story, channel: str, **values: Any) -> str:
    """What the dispatcher or a receipt would write into the row."""
    with story.registry.write() as connection:
        mine = (outbox.c.alarm == story.id, outbox.c.channel == channel)
        connection.execute(update(outbox).where(*mine).values(**values))
        return str(connection.execute(select(outbox.c.id).where(*mine)).scalar_one())


def looks(story: Story, now_ms: int, fallback: ChannelFallback | None = None) -> list[str]:
    """The channels by which Dora is told after a look at that time."""
    with story.registry.write() as connection:
        (fallback or ChannelFallback()).due(connection, now_ms)
    return [line[4] for line in told(story)]


def test_only_the_first_channel_is_used_at_once(story: Story) -> None:
    assert told(story) == [("raised", 1, 0, "Dora", "email")]
    assert looks(story, NOON + 60 * SECOND - 1) == ["email"]


@pytest.mark.parametrize("state", ["queued", "sending", "failed_temporary", "unknown"])
def test_what_is_not_accepted_within_a_minute_goes_on_by_the_next_channel(story: Story, state: str) -> None:
    becomes(story, "email", state=state)
    assert looks(story, NOON + 60 * SECOND) == ["email", "sms"]
    assert told(story)[1] == ("raised", 1, 0, "Dora", "sms")
    assert looks(story, NOON + 600 * SECOND) == ["email", "sms"]
    [body] = notes(story, "fail_over")
    assert (body["instead_of"], body["channel"], body["reason"]) == ("email", "sms", "not_accepted")


def test_a_refusal_for_good_goes_on_at_once(story: Story) -> None:
    row = becomes(story, "email", state="failed_permanent")
    with story.registry.write() as connection:
        ChannelFallback().failed(connection, [row], NOON + 2 * SECOND)
    assert [line[4] for line in told(story)] == ["email", "sms"]


def test_an_accepted_mail_is_good_enough_where_nothing_confirms_it(story: Story) -> None:
    becomes(story, "email", state="accepted", accepted_ms=NOON + SECOND)
    assert looks(story, NOON + 60 * SECOND) == ["email"]
    assert looks(story, NOON + 600 * SECOND) == ["email"]


def test_a_channel_that_confirms_has_three_minutes_after_the_acceptance(story: Story) -> None:
    becomes(story, "email", state="accepted", accepted_ms=NOON + 30 * SECOND)
    confirms = ChannelFallback(receipts=("email", "sms"))
    assert looks(story, NOON + 60 * SECOND, confirms) == ["email"]
    assert looks(story, NOON + 210 * SECOND - 1, confirms) == ["email"]
    assert looks(story, NOON + 210 * SECOND, confirms) == ["email", "sms"]


def test_a_receipt_in_time_ends_the_wait(story: Story) -> None:
    becomes(story, "email", state="accepted", accepted_ms=NOON + 30 * SECOND)
    confirms = ChannelFallback(receipts=("email", "sms"))
    looks(story, NOON + 60 * SECOND, confirms)
    becomes(story, "email", state="delivered")
    assert looks(story, NOON + 600 * SECOND, confirms) == ["email"]


def test_nobody_is_woken_by_the_next_channel_once_somebody_has_answered(story: Story) -> None:
    acknowledge(story, NOON + 30 * SECOND)
    assert looks(story, NOON + 60 * SECOND) == ["email"]


def test_the_end_is_told_by_the_next_channel_also_when_somebody_has_answered(story: Story) -> None:
    becomes(story, "email", state="delivered", fallback_ms=None)
    acknowledge(story, NOON + 30 * SECOND)
    story.happens(RETURNED, NOON + MINUTE)
    assert [line[0] for line in told(story)] == ["raised", "returned"]


def test_a_shelved_alarm_goes_on_by_no_channel(story: Story) -> None:
    set_aside(story, 30, NOON + 10 * SECOND)
    assert looks(story, NOON + 60 * SECOND) == ["email"]


def test_a_deadline_of_a_clock_that_was_put_back_is_due_at_once(story: Story) -> None:
    assert sorted(looks(story, NOON - 120 * MINUTE)) == ["email", "sms"]


def test_somebody_with_one_channel_has_nothing_to_go_on_by(registry: Registry) -> None:
    rules = Rules(registry)
    rules.set(DORA, phone=None)
    rules.policy("ladder", ladder(step(0, to(DORA), channel_mode="first")))
    rules.routes(otherwise="ladder")
    story = Story(registry)
    story.happens(HIGH)
    assert looks(story, NOON + 600 * SECOND) == ["email"]


def test_a_phone_that_was_taken_away_meanwhile_is_passed_over(story: Story) -> None:
    with story.registry.write() as connection:
        connection.execute(update(person).where(person.c.id == DORA).values(phone=None))
    assert looks(story, NOON + 60 * SECOND) == ["email"]
