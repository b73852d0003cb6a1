"""Late findings of closed subjects and of imports reach whom the alarms themselves would have reached first."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alert_cast import ALICE, BOB, CHARLIE, MINUTE, NOON, RETURNED, SHIPMENT, Story, new_registry, store_alarm
from rules_cast import DORA, EMIL, HOOK, Rules, ladder, step, to
from sqlalchemy import select, update

from alerts.explain import explanation
from alerts.planner import AlertPlanner
from coldchain.domain.finding import AlarmChange, AlarmCondition, Severity
from coldchain.registry.schema import outbox, person, shipment, signal
from coldchain.registry.store import Registry

LATE = replace(RETURNED, late=True, digest=True)
LOW = replace(LATE, cause="low", severity=Severity.MAJOR, limit_mc=2_000, peak_mc=1_000)
CHANNELS = ("email", "sms", "webhook")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def rules(registry: Registry) -> Rules:
    """What is too cold goes to Dora, what is too warm to Emil; Alice and Bob are on call."""
    made = Rules(registry)
    made.policy("cold", ladder(step(0, to(DORA), channels=["sms"]), step(10, to(ALICE))))
    made.policy("warm", ladder(step(0, to(EMIL))))
    made.routes({"match": {"cause": "low"}, "policy": "cold"}, {"match": {"cause": "high"}, "policy": "warm"})
    return made


def imported(registry: Registry, *conditions: AlarmCondition, now_ms: int = NOON) -> list[str]:
    """What one step of the engine found in a file; the ids of the alarms."""
    with registry.write() as connection:
        changes = [AlarmChange(store_alarm(connection, one, now_ms), None, one) for one in conditions]
        AlertPlanner(CHANNELS).plan(connection, changes, now_ms)
    return [change.alarm for change in changes]


def digests(registry: Registry) -> dict[str, list[str]]:
    """The causes that each recipient's digest lists."""
    with registry.read() as connection:
        rows = list(connection.execute(select(outbox)))
    assert {(row.channel, row.content["digest"]) for row in rows} <= {("email", True)}
    assert len(rows) == len({row.recipient for row in rows})
    return {row.recipient: [facts["cause"] for facts in row.content["alarms"]] for row in rows}


def explained(registry: Registry, alarm: str) -> dict[str, Any]:
    with registry.read() as connection:
        return explanation(connection, alarm)


def test_each_alarm_goes_to_the_first_step_of_its_own_policy_and_to_nobody_else_on_call(
    registry: Registry, rules: Rules
) -> None:
    imported(registry, LATE, LOW)
    assert digests(registry) == {DORA: ["low"], EMIL: ["high"]}


def test_who_is_named_by_both_reads_of_both_in_one_mail(registry: Registry, rules: Rules) -> None:
    rules.policy("warm", ladder(step(0, to(EMIL), to(DORA))))
    imported(registry, LATE)
    imported(registry, LOW, now_ms=NOON + 1000)
    assert digests(registry) == {DORA: ["high", "low"], EMIL: ["high"]}


def test_where_the_first_step_is_a_program_or_gone_the_first_people_after_it_are_told(
    registry: Registry, rules: Rules
) -> None:
    rules.endpoint()
    hook = {"kind": "endpoint", "id": HOOK}
    rules.policy("warm", ladder(step(0, hook, channels=["webhook"]), step(5, to(DORA)), step(9, to(EMIL))))
    rules.set(DORA, disabled_ms=NOON)
    imported(registry, LATE)
    assert digests(registry) == {EMIL: ["high"]}


def test_where_nobody_of_a_policy_is_left_everybody_on_call_is_told(registry: Registry, rules: Rules) -> None:
    rules.set(EMIL, disabled_ms=NOON)
    imported(registry, LATE)
    assert digests(registry) == {ALICE: ["high"], BOB: ["high"]}


def test_without_any_route_everybody_on_call_is_told_of_what_they_may_know(registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(update(person).where(person.c.id == CHARLIE).values(on_call=True))
    imported(registry, LATE, LOW)
    assert digests(registry) == {ALICE: ["high", "low"], BOB: ["high", "low"]}


def test_consignors_and_consignees_are_informed_where_the_route_says_so(registry: Registry, rules: Rules) -> None:
    with registry.write() as connection:
        connection.execute(update(shipment).where(shipment.c.id == SHIPMENT).values(consignee="Lisbon Clinic"))
    rules.party("33333333-0000-4000-8000-000000000001", "Lisbon Clinic", "Ines")
    rules.routes({"policy": "warm", "inform": ["consignee"]})
    imported(registry, LATE)
    assert set(digests(registry)) == {EMIL, "33333333-0000-4000-8000-000000000001"}


def test_a_correction_goes_to_who_was_told_whatever_the_routes_say_by_then(registry: Registry, rules: Rules) -> None:
    story = Story(registry, AlertPlanner(CHANNELS))
    story.happens(LATE)
    with registry.write() as connection:
        connection.execute(update(outbox).values(state="accepted", next_due_ms=None))
    rules.routes(otherwise="cold", now_ms=NOON + MINUTE)
    story.happens(replace(LATE, peak_mc=20_000), NOON + 5 * MINUTE)
    assert [row.recipient for row in story.outbox()] == [EMIL, EMIL]


def test_who_may_know_nothing_of_it_is_not_told_and_an_alarm_for_nobody_is_trouble(
    registry: Registry, rules: Rules
) -> None:
    rules.policy("warm", ladder(step(0, to(CHARLIE))))
    with registry.write() as connection:
        connection.execute(update(person).values(on_call=False))
    imported(registry, LATE, LOW)
    assert digests(registry) == {DORA: ["low"]}
    with registry.read() as connection:
        assert list(connection.execute(select(signal.c.kind)).scalars()) == ["nobody_on_call"]


def test_why_somebody_is_told_and_why_others_are_not_stands_on_every_alarm_of_the_digest(
    registry: Registry, rules: Rules
) -> None:
    rules.policy("warm", ladder(step(0, to(DORA))))
    for alarm, policy in zip(imported(registry, LATE, LOW), ("warm", "cold"), strict=True):
        said = explained(registry, alarm)
        [message] = said["messages"]
        assert (message["name"], message["channel"], message["state"]) == ("Dora", "email", "queued")
        assert (message["why"]["policy"], message["why"]["words"]) == (policy, "is named by the policy")
        silences = {(one["who"], one["why"]["code"]) for one in said["silences"]}
        assert silences == {("everybody", "late_digest"), (ALICE, "not_named"), (BOB, "not_named")}
