"""Unanswered alarms climb by their policy until a human answers."""

from dataclasses import replace
from pathlib import Path

import pytest
from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, RETURNED, Story, new_registry, set_aside
from rules_cast import (
    DORA,
    EMIL,
    HOOK,
    ROTA_STEP,
    Rules,
    acknowledge,
    delivered,
    ladder,
    notes,
    step,
    to,
    told,
    who,
)
from sqlalchemy import select, update

from alerts.planner import AlertPlanner
from coldchain.domain.finding import Severity
from coldchain.registry.schema import alarm, person, shipment, signal
from coldchain.registry.schema_people import policy
from coldchain.registry.store import Registry

EMAIL = {"channels": ["email"]}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def rules(registry: Registry) -> Rules:
    return Rules(registry)


@pytest.fixture
def story(registry: Registry) -> Story:
    return Story(registry, AlertPlanner(("email", "sms", "webhook")))


def five_levels(rules: Rules) -> None:
    rules.rota(DORA)
    rules.endpoint()
    hook = {"kind": "endpoint", "id": HOOK}
    rules.policy(
        "ladder",
        ladder(
            ROTA_STEP | EMAIL, step(10, to(EMIL), **EMAIL), step(20, to(BOB), **EMAIL), step(30, to(ALICE), **EMAIL),
            step(40, hook, channels=["webhook"]), repeat=15,
        ),
    )  # fmt: skip
    rules.routes(otherwise="ladder")


def test_an_unanswered_alarm_climbs_five_levels_and_repeats_the_last_without_end(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH)
    for minute in range(1, 121):
        story.time_passes(NOON + minute * MINUTE)
        delivered(rules.registry)
    lines = told(story)
    assert [(line[0], line[1], line[2], line[3]) for line in lines[:5]] == [
        ("raised", 1, 0, "Dora"), ("raised", 1, 1, "Emil"), ("raised", 1, 2, "Bob"), ("raised", 1, 3, "Alice"),
        ("raised", 1, 4, "Bridge"),
    ]  # fmt: skip
    # 40 min, then every 15 min: 55, 70, 85, 100, 115
    assert [(line[0], line[1], line[3]) for line in lines[5:]] == [("repeat", n, "Bridge") for n in range(2, 7)]
    assert story.row().next_timer_ms == NOON + 130 * MINUTE
    assert story.timeline().count("escalated") == 4


def test_each_step_is_taken_at_its_minute_and_not_before(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH)
    assert story.time_passes(NOON + 10 * MINUTE - 1) == 0
    assert story.time_passes(NOON + 10 * MINUTE) == 1
    assert (story.row().step, story.row().climb_ms, story.row().next_timer_ms) == (1, NOON, NOON + 20 * MINUTE)
    # The notifier was down: every step that is overdue is taken, and the next one at its own time.
    assert story.time_passes(NOON + 34 * MINUTE) == 1
    assert story.time_passes(NOON + 34 * MINUTE) == 1
    assert story.time_passes(NOON + 34 * MINUTE) == 0
    assert (story.row().step, story.row().next_timer_ms) == (3, NOON + 40 * MINUTE)


@pytest.mark.parametrize("via", ["link", "sms", "browser", "api"])
def test_an_answer_by_any_way_stops_the_climb(story: Story, rules: Rules, via: str) -> None:
    five_levels(rules)
    story.happens(HIGH)
    acknowledge(story, NOON + 5 * MINUTE, via)
    for minute in range(6, 35):
        story.time_passes(NOON + minute * MINUTE)
    assert who(story) == ["Dora"]


def test_an_answer_runs_out_and_the_climb_begins_again_at_the_first_step(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH)
    story.time_passes(NOON + 10 * MINUTE)
    delivered(rules.registry)
    acknowledge(story, NOON + 12 * MINUTE)
    assert story.time_passes(NOON + 42 * MINUTE) == 1
    assert told(story)[-1] == ("ack_timeout", 2, 0, "Dora", "email")
    assert story.row().acknowledged_ms is None
    story.time_passes(NOON + 52 * MINUTE)
    assert told(story)[-1] == ("ack_timeout", 2, 1, "Emil", "email")


def test_an_answer_that_races_with_the_end_leaves_nothing_to_climb(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH)
    story.happens(RETURNED, NOON + 5 * MINUTE)
    acknowledge(story, NOON + 5 * MINUTE)
    assert story.row().next_timer_ms is None
    assert [line[0] for line in told(story)] == ["raised", "returned"]


def test_the_end_is_told_to_everybody_who_was_told(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH)
    for minute in (10, 20, 30, 40):
        story.time_passes(NOON + minute * MINUTE)
    delivered(rules.registry)
    rules.rota(EMIL)
    story.happens(RETURNED, NOON + 41 * MINUTE)
    assert sorted(who(story, since=5)) == ["Alice", "Bob", "Bridge", "Dora", "Emil"]


def test_what_is_over_and_unanswered_climbs_on_slowly_and_never_stops(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH)
    story.happens(RETURNED, NOON + 5 * MINUTE)
    delivered(rules.registry)
    for hour in range(1, 9):
        assert story.time_passes(NOON + 5 * MINUTE + hour * 60 * MINUTE) == 1
        delivered(rules.registry)
    assert [line[3] for line in told(story)[2:]] == ["Emil", "Bob", "Alice"] + ["Bridge"] * 5
    assert story.row().next_timer_ms is not None


def test_a_hole_in_the_rota_hands_on_at_once_and_says_so(story: Story, rules: Rules) -> None:
    five_levels(rules)
    rules.rota(DORA, **{"from": "2026-12-01T00:00"})
    story.happens(HIGH)
    assert told(story) == [("raised", 1, 1, "Emil", "email")]
    assert story.row().next_timer_ms == NOON + 20 * MINUTE
    assert notes(story, "raised")[0]["silent"][0]["why"] == "not_begun"
    with rules.registry.read() as connection:
        details = list(connection.execute(select(signal.c.detail).where(signal.c.kind == "alert_rules")).scalars())
    assert any("step 1 reached nobody (lab/primary: not_begun)" in one for one in details), details


def test_a_second_level_without_contact_is_passed_over_when_it_is_due(story: Story, rules: Rules) -> None:
    five_levels(rules)
    rules.set(EMIL, disabled_ms=NOON)
    story.happens(HIGH)
    story.time_passes(NOON + 10 * MINUTE)
    assert [line[3] for line in told(story)] == ["Dora", "Bob"]
    assert story.row().step == 2


def test_where_nobody_of_the_policy_is_left_everybody_on_call_hears(story: Story, rules: Rules) -> None:
    rules.policy("ladder", ladder(step(0, to(EMIL))))
    rules.routes(otherwise="ladder")
    rules.set(EMIL, disabled_ms=NOON)
    story.happens(HIGH)
    assert who(story) == ["Alice", "Bob"]
    assert story.row().next_timer_ms == NOON + 10 * MINUTE


def test_worsening_looks_through_the_routes_again_and_tells_who_knew_of_it(story: Story, rules: Rules) -> None:
    rules.policy("calm", ladder(step(0, to(EMIL), **EMAIL), repeat=60))
    rules.policy("urgent", ladder(step(0, to(DORA), **EMAIL)))
    rules.routes({"match": {"severity": ["critical"]}, "policy": "urgent"}, otherwise="calm")
    story.happens(replace(HIGH, severity=Severity.MAJOR))
    assert (story.row().policy, who(story)) == ("calm", ["Emil"])
    story.happens(HIGH, NOON + 5 * MINUTE)
    assert sorted(told(story)[1:]) == [("worsened", 2, 0, "Dora", "email"), ("worsened", 2, 0, "Emil", "email")]
    assert (story.row().policy, story.row().climb_ms) == ("urgent", NOON + 5 * MINUTE)


def test_a_peak_further_out_is_told_to_who_knows_and_leaves_the_climb_where_it_is(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH)
    story.time_passes(NOON + 10 * MINUTE)
    story.happens(replace(HIGH, peak_mc=15_500), NOON + 12 * MINUTE)
    assert sorted(line[3] for line in told(story) if line[0] == "worsened") == ["Dora", "Emil"]
    assert (story.row().step, story.row().next_timer_ms) == (1, NOON + 20 * MINUTE)


def test_an_edited_policy_leaves_a_climb_under_way_and_counts_for_the_next_one(story: Story, rules: Rules) -> None:
    rules.policy("ladder", ladder(step(0, to(DORA), **EMAIL), step(10, to(EMIL), **EMAIL)))
    rules.routes(otherwise="ladder")
    story.happens(HIGH)
    rules.policy("ladder", ladder(step(0, to(BOB), **EMAIL), step(30, to(ALICE), **EMAIL)), NOON + MINUTE)
    story.time_passes(NOON + 10 * MINUTE)
    assert (who(story), story.row().policy_version) == (["Dora", "Emil"], 1)
    acknowledge(story, NOON + 11 * MINUTE)
    story.time_passes(NOON + 41 * MINUTE)
    assert (told(story)[-1][:4], story.row().policy_version) == (("ack_timeout", 2, 0, "Bob"), 2)
    assert [n["policy_version"] for kind in ("raised", "escalated", "ack_timeout") for n in notes(story, kind)] == [
        1,
        1,
        2,
    ]


def test_new_routes_leave_a_climb_under_way_alone(story: Story, rules: Rules) -> None:
    rules.policy("ladder", ladder(step(0, to(DORA), **EMAIL), step(10, to(EMIL), **EMAIL)))
    rules.routes(otherwise="ladder")
    story.happens(HIGH)
    rules.routes(otherwise=None, now_ms=NOON + MINUTE)
    story.time_passes(NOON + 10 * MINUTE)
    assert who(story) == ["Dora", "Emil"]


def test_who_is_on_duty_is_asked_of_the_rota_of_the_moment(story: Story, rules: Rules) -> None:
    rules.rota(DORA)
    rules.policy("ladder", ladder(ROTA_STEP | EMAIL, repeat=10))
    rules.routes(otherwise="ladder")
    story.happens(HIGH)
    delivered(rules.registry)
    rules.rota(EMIL)
    story.time_passes(NOON + 10 * MINUTE)
    assert who(story) == ["Dora", "Emil"]


def test_a_policy_that_cannot_be_read_any_more_tells_everybody_and_says_so(story: Story, rules: Rules) -> None:
    rules.policy("ladder", ladder(step(0, to(DORA), **EMAIL)))
    rules.routes(otherwise="ladder")
    with rules.registry.write() as connection:
        connection.execute(update(policy).values(body={"name": "of another release"}))
    story.happens(HIGH)
    assert who(story) == ["Alice", "Bob"]
    with rules.registry.read() as connection:
        kinds = set(connection.execute(select(signal.c.kind)).scalars())
    assert "alert_rules" in kinds


def test_consignor_and_consignee_hear_once_of_the_beginning_and_once_of_the_end(story: Story, rules: Rules) -> None:
    rules.party("c1", "Helvetia Pharma", "Helvetia desk")
    rules.party("c2", "Lisbon Hospital", "Pharmacy")
    with rules.registry.write() as connection:
        connection.execute(update(shipment).values(consignor="Helvetia Pharma", consignee="Lisbon Hospital"))
    rules.policy("ladder", ladder(step(0, to(DORA), **EMAIL), step(10, to(EMIL), **EMAIL)))
    rules.routes({"policy": "ladder", "inform": ["consignor", "consignee"]})
    story.happens(HIGH)
    for minute in range(1, 40):
        story.time_passes(NOON + minute * MINUTE)
        delivered(rules.registry)
    story.happens(RETURNED, NOON + 40 * MINUTE)
    informed = [(line[0], line[3], line[4]) for line in told(story) if line[3] in ("c1", "c2")]
    assert informed == [
        ("raised", "c1", "email"), ("raised", "c2", "email"), ("returned", "c1", "email"), ("returned", "c2", "email"),
    ]  # fmt: skip
    [content] = [row.content for row in story.outbox() if row.recipient == "c1" and row.reason == "raised"]
    assert content["reader"]["may_acknowledge"] is False
    assert {row.recipient_kind for row in story.outbox()} == {"person", "party"}


def test_a_clock_put_back_does_not_hold_up_the_climb(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH, NOON + 60 * MINUTE)
    assert story.time_passes(NOON) == 1  # begun in the future: counted from now on
    assert story.time_passes(NOON) == 0
    assert story.row().climb_ms <= NOON
    assert story.row().next_timer_ms <= NOON + 20 * MINUTE


def test_a_shelf_ends_with_a_new_climb(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH)
    story.time_passes(NOON + 10 * MINUTE)
    set_aside(story, 30, NOON + 11 * MINUTE)
    assert story.time_passes(NOON + 41 * MINUTE) == 1
    assert told(story)[-1] == ("shelf_ended", 2, 0, "Dora", "email")


def test_a_repeat_passes_over_who_has_one_waiting(story: Story, rules: Rules) -> None:
    rules.policy("ladder", ladder(step(0, to(DORA), to(EMIL), **EMAIL)))
    rules.routes(otherwise="ladder")
    story.happens(HIGH)
    story.time_passes(NOON + 10 * MINUTE)
    assert len(told(story)) == 2
    assert story.row().next_timer_ms == NOON + 20 * MINUTE


def test_a_person_in_two_targets_hears_once(story: Story, rules: Rules) -> None:
    rules.rota(DORA)
    rules.policy("ladder", ladder(step(0, to(DORA), ROTA_STEP["targets"][0], {"kind": "on_call"}, **EMAIL)))
    rules.routes(otherwise="ladder")
    story.happens(HIGH)
    assert sorted(who(story)) == ["Alice", "Bob", "Dora"]
    assert len(told(story)) == 3


def test_a_scoped_person_of_a_policy_is_not_told_of_others_goods(story: Story, rules: Rules) -> None:
    rules.policy("ladder", ladder(step(0, to(DORA), to(EMIL), **EMAIL)))
    rules.routes(otherwise="ladder")
    rules.set(DORA, scope_customer="Other Pharma")
    story.happens(HIGH)
    assert who(story) == ["Emil"]
    [silent] = notes(story, "raised")[0]["silent"]
    assert (silent["who"], silent["why"]) == (DORA, "scoped_away")


def test_every_row_of_an_alarm_says_by_which_route_and_policy_it_came(story: Story, rules: Rules) -> None:
    five_levels(rules)
    story.happens(HIGH)
    [body] = notes(story, "raised")
    assert (body["policy"], body["policy_version"], body["step"], body["routing_version"], body["route"]) == (
        "ladder", 1, 0, 1, None,
    )  # fmt: skip
    [entry] = body["told"]
    assert entry["why"] == {"target": {"kind": "rota", "id": "lab", "layer": "primary"}, "duty": "turn"}
    with rules.registry.read() as connection:
        assert connection.execute(select(person.c.name).where(person.c.id == entry["person"])).scalar_one() == "Dora"
        assert connection.execute(select(alarm.c.policy)).scalar_one() == "ladder"
