"""From a changed alarm to the rows that must reach somebody."""

from dataclasses import replace
from pathlib import Path

import pytest
from alert_cast import (
    ALICE,
    BOB,
    CHARLIE,
    HIGH,
    MINUTE,
    NOON,
    RETURNED,
    SHIPMENT,
    Story,
    new_registry,
    set_aside,
    store_alarm,
)
from sqlalchemy import select, update

from alerts import lifecycle
from alerts.planner import DIGEST_WAIT_MS, AlertPlanner
from coldchain.domain.finding import AlarmChange, Condition, Severity, Subject, SubjectKind
from coldchain.registry.schema import alarm, alarm_event, outbox, person, signal, store
from coldchain.registry.store import Registry

TO_ALL = [("Alice", "email"), ("Alice", "sms"), ("Bob", "email")]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def story(registry: Registry) -> Story:
    return Story(registry)


def test_a_critical_alarm_goes_to_everybody_on_call_by_every_channel_they_have(story: Story) -> None:
    story.happens(HIGH)
    assert story.messages() == [("raised", *to) for to in TO_ALL]
    assert {row.state for row in story.outbox()} == {"queued"}
    assert story.row().occasion == 1
    assert story.row().occasion_reason == "raised"


def test_the_message_carries_the_facts_of_its_moment(story: Story) -> None:
    story.happens(HIGH)
    [facts] = story.outbox()[0].content["alarms"]
    assert facts["subject"]["label"] == "SHP-2026-0042"
    assert (facts["value_mc"], facts["limit_mc"], facts["onset_ms"]) == (12_400, 8_000, HIGH.onset_ms)


def test_an_address_that_was_never_verified_is_used_and_flagged(story: Story, registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(update(person).where(person.c.id == ALICE).values(email_verified_ms=NOON))
    story.happens(HIGH)
    flags = {(row.recipient, row.channel): row.content["reader"]["verified"] for row in story.outbox()}
    assert flags == {(ALICE, "email"): True, (ALICE, "sms"): False, (BOB, "email"): False}


@pytest.mark.parametrize("severity", [Severity.INFO, Severity.MINOR])
def test_small_alarms_are_recorded_only(story: Story, severity: Severity) -> None:
    story.happens(replace(HIGH, severity=severity))
    assert story.messages() == []
    assert story.timeline() == ["not_told"]


def test_nothing_is_said_before_a_rule_has_fired(story: Story) -> None:
    story.happens(replace(HIGH, condition=Condition.PENDING))
    assert story.messages() == []
    story.happens(HIGH, NOON + MINUTE)
    assert len(story.messages()) == 3


def test_planning_the_same_change_again_queues_nothing(story: Story) -> None:
    story.happens(HIGH)
    story.before = None
    story.happens(HIGH, NOON + 1)
    assert len(story.messages()) == 3
    assert story.row().occasion == 1


def test_worsening_is_announced_even_when_acknowledged_and_takes_the_acknowledgement_back(story: Story) -> None:
    story.happens(replace(HIGH, severity=Severity.MAJOR))
    acknowledge(story)
    story.happens(HIGH, NOON + 5 * MINUTE)
    assert story.messages()[3:] == [("worsened", *to) for to in TO_ALL]
    assert story.row().acknowledged_ms is None
    assert story.row().next_timer_ms == NOON + 15 * MINUTE


def test_a_higher_peak_alone_leaves_the_acknowledgement(story: Story) -> None:
    story.happens(HIGH)
    acknowledge(story)
    story.happens(replace(HIGH, peak_mc=15_000), NOON + 5 * MINUTE)
    assert story.messages()[3:] == [("worsened", *to) for to in TO_ALL]
    assert story.row().acknowledged_by == ALICE


def test_the_end_is_told_to_all_who_were_told_and_to_nobody_else(story: Story, registry: Registry) -> None:
    story.happens(HIGH)
    with registry.write() as connection:
        connection.execute(update(person).where(person.c.id == CHARLIE).values(on_call=True, scope_customer=None))
        connection.execute(update(person).where(person.c.id == BOB).values(on_call=False))
    story.happens(RETURNED, NOON + 30 * MINUTE)
    assert story.messages()[3:] == [("returned", *to) for to in TO_ALL]


def test_an_alarm_that_began_and_ended_unseen_is_announced_as_late(story: Story) -> None:
    story.happens(replace(RETURNED, late=True))
    assert [m[0] for m in story.messages()] == ["raised"] * 3
    assert story.outbox()[0].content["alarms"][0]["late"] is True


def test_later_data_that_refute_an_alarm_correct_what_was_said(story: Story) -> None:
    story.happens(HIGH)
    story.happens(replace(RETURNED, rules=(), excursions=()), NOON + 30 * MINUTE)
    assert {m[0] for m in story.messages()[3:]} == {"amended"}
    assert story.row().next_timer_ms is None


def test_an_unanswered_critical_alarm_repeats_every_ten_minutes_until_somebody_answers(
    story: Story, registry: Registry
) -> None:
    story.happens(HIGH)
    delivered(registry)
    assert story.time_passes(NOON + 10 * MINUTE - 1) == 0
    assert story.time_passes(NOON + 10 * MINUTE) == 1
    assert [m[0] for m in story.messages()] == ["raised"] * 3 + ["repeat"] * 3
    delivered(registry)
    acknowledge(story, NOON + 12 * MINUTE)
    assert story.time_passes(NOON + 41 * MINUTE) == 0
    assert len(story.messages()) == 6


def test_a_major_alarm_repeats_hourly(story: Story) -> None:
    story.happens(replace(HIGH, severity=Severity.MAJOR))
    assert story.row().next_timer_ms == NOON + 60 * MINUTE


def test_repeats_do_not_pile_up_behind_a_server_that_is_down(story: Story) -> None:
    story.happens(HIGH)
    for minutes in (10, 20, 30):
        assert story.time_passes(NOON + minutes * MINUTE) == 1
    assert len(story.messages()) == 3
    assert story.row().next_timer_ms == NOON + 40 * MINUTE


def test_a_step_without_news_does_not_put_a_repeat_off(story: Story) -> None:
    story.happens(HIGH)
    story.happens(replace(HIGH, value_mc=12_500), NOON + 9 * MINUTE)
    assert story.row().next_timer_ms == NOON + 10 * MINUTE


def test_a_shelved_alarm_is_silent_and_speaks_when_the_shelf_ends(story: Story, registry: Registry) -> None:
    story.happens(replace(HIGH, severity=Severity.MINOR))
    set_aside(story, 30)
    story.happens(replace(HIGH, severity=Severity.MAJOR), NOON + 10 * MINUTE)
    assert story.messages() == []
    assert story.time_passes(NOON + 30 * MINUTE) == 1
    assert {m[0] for m in story.messages()} == {"raised"}
    assert story.row().suppression == "none"


def test_a_shelf_that_ends_on_an_alarm_already_told_says_that_it_is_still_active(
    story: Story, registry: Registry
) -> None:
    story.happens(HIGH)
    set_aside(story, 30)
    assert story.time_passes(NOON + 10 * MINUTE) == 0
    story.time_passes(NOON + 30 * MINUTE)
    assert {m[0] for m in story.messages()[3:]} == {"shelf_ended"}


def test_late_findings_of_an_import_go_into_one_mail_per_person_without_sms(registry: Registry) -> None:
    late = replace(RETURNED, late=True, digest=True)
    low = replace(late, cause="low", severity=Severity.MAJOR, limit_mc=2_000, peak_mc=1_000)
    with registry.write() as connection:
        changes = [AlarmChange(store_alarm(connection, c), None, c) for c in (low, late)]
        AlertPlanner().plan(connection, changes, NOON)
    with registry.read() as connection:
        rows = list(connection.execute(select(outbox).order_by(outbox.c.recipient)))
    assert [(row.recipient, row.channel) for row in rows] == [(ALICE, "email"), (BOB, "email")]
    assert [facts["cause"] for facts in rows[0].content["alarms"]] == ["high", "low"]
    assert rows[0].alarm == changes[1].alarm


def test_what_an_import_finds_in_its_next_step_joins_the_digest_that_has_not_left(registry: Registry) -> None:
    late = replace(RETURNED, late=True, digest=True)
    planner = AlertPlanner()
    for n, cause in enumerate(("high", "low", "silence")):
        with registry.write() as connection:
            condition = replace(late, cause=cause)
            change = AlarmChange(store_alarm(connection, condition), None, condition)
            planner.plan(connection, [change], NOON + n)
    with registry.read() as connection:
        rows = list(connection.execute(select(outbox)))
    assert len(rows) == 2
    assert [facts["cause"] for facts in rows[0].content["alarms"]] == ["high", "low", "silence"]
    assert rows[0].next_due_ms == NOON + DIGEST_WAIT_MS


def test_a_person_of_another_customer_hears_nothing(story: Story, registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(update(person).where(person.c.id == CHARLIE).values(on_call=True))
    story.happens(HIGH)
    assert "Charlie" not in {name for _, name, _ in story.messages()}


def test_a_scoped_person_hears_of_its_own_shipments_but_of_no_store(story: Story, registry: Registry) -> None:
    with registry.write() as connection:
        scoped = {"on_call": True, "scope_customer": "Helvetia Pharma"}
        connection.execute(update(person).where(person.c.id == CHARLIE).values(**scoped))
        connection.execute(store.insert().values(id="s1", name="Cold room 3", zone="UTC", created_ms=NOON))
    story.happens(HIGH)
    assert ("raised", "Charlie", "email") in story.messages()
    other = Story(registry)
    other.happens(replace(HIGH, subject=Subject(SubjectKind.STORE, "s1")))
    assert {name for _, name, _ in other.messages()} == {"Alice", "Bob"}


def test_an_alarm_that_nobody_can_hear_is_reported_as_trouble_and_tried_again(story: Story, registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(update(person).values(on_call=False))
    story.happens(HIGH)
    with registry.read() as connection:
        assert connection.execute(select(signal.c.kind)).scalars().all() == ["nobody_on_call"]
    with registry.write() as connection:
        connection.execute(update(person).where(person.c.id == BOB).values(on_call=True))
    story.time_passes(NOON + 10 * MINUTE)
    assert story.messages() == [("repeat", "Bob", "email")]


def test_nothing_is_queued_for_a_channel_that_the_installation_does_not_have(registry: Registry) -> None:
    story = Story(registry, AlertPlanner(channels=("email",)))
    story.happens(HIGH)
    assert {channel for _, _, channel in story.messages()} == {"email"}


def test_a_merged_alarm_leaves_the_word_to_the_other(story: Story, registry: Registry) -> None:
    story.happens(HIGH)
    with registry.write() as connection:
        connection.execute(update(alarm).where(alarm.c.id == story.id).values(merged_into=SHIPMENT))
    story.happens(RETURNED, NOON + 5 * MINUTE)
    assert len(story.messages()) == 3
    assert story.time_passes(NOON + 60 * MINUTE) == 0


def test_the_timeline_says_who_was_told_and_why(story: Story, registry: Registry) -> None:
    story.happens(HIGH)
    with registry.read() as connection:
        [event] = connection.execute(select(alarm_event)).all()
    assert event.kind == "raised"
    assert {(t["person"], t["channel"]) for t in event.body["told"]} == {
        (ALICE, "email"), (ALICE, "sms"), (BOB, "email")
    }  # fmt: skip


def acknowledge(story: Story, now_ms: int = NOON) -> None:
    with story.registry.write() as connection:
        lifecycle.acknowledge(connection, str(story.id), who=ALICE, via="browser", comment="", now_ms=now_ms)


def delivered(registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(update(outbox).values(state="delivered", next_due_ms=None))
