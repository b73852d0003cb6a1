"""Alarms from readings to the outbox, through the engine's loop and the planner on one registry: nothing slips."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN, at
from sqlalchemy import Connection, select

from alerts.announcement import read_announcement
from coldchain.domain.finding import Condition, Subject
from coldchain.registry import signals
from coldchain.registry.schema import alarm, outbox, person
from coldchain.registry.shipments import change
from coldchain.registry.viewer import SYSTEM


@pytest.fixture
def house(house: House) -> House:
    """Alice is on call."""
    with house.registry.write() as connection:
        connection.execute(
            person.insert().values(
                id="00000000-0000-4000-8000-00000000000a", name="Alice", email="alice@example.org", role="quality",
                zone="Europe/Berlin", language="en", created_ms=DAWN, on_call=True,
            )
        )  # fmt: skip
    house.plan_alarms()
    return house


def until(house: House, minute: float) -> None:
    """Time passes; the engine and the planner look whenever something is due."""
    house.pass_until(at(minute))


def rows(house: House, cause: str) -> list[Any]:
    with house.registry.read() as connection:
        query = select(alarm).where(alarm.c.cause == cause, alarm.c.merged_into.is_(None)).order_by(alarm.c.onset_ms)
        return list(connection.execute(query))


def mails(house: House, alarm_id: str) -> list[Any]:
    with house.registry.read() as connection:
        return list(connection.execute(select(outbox).where(outbox.c.alarm == alarm_id).order_by(outbox.c.occasion)))


def test_a_breach_followed_by_silence_still_fires_and_silence_never_clears_it(house: House) -> None:
    house.shipment("S-1", "LG-1")
    house.live(*[sample(k, 5.0) for k in range(20)], sample(20, 9.5))
    until(house, 100 + 31)  # its hold of 30 minutes ends with no further reading
    [warm] = rows(house, "high")
    assert [message.reason for message in mails(house, warm.id)] == ["raised"]
    until(house, 100 + 48 * 60)
    [warm] = rows(house, "high")
    assert warm.condition == Condition.ACTIVE
    reasons = [message.reason for message in mails(house, warm.id)]
    assert set(reasons) <= {"raised", "worsened"}
    [silent] = rows(house, "silence")
    assert silent.condition == Condition.ACTIVE
    first = 20 + 48 * 12 + 1
    house.live(sample(first, 9.5), *[sample(first + k, 7.8) for k in range(1, 6)])
    assert rows(house, "high")[0].condition == Condition.ACTIVE  # inside the limit, not inside the hysteresis
    house.live(*[sample(first + k, 5.0) for k in range(6, 10)])
    assert rows(house, "high")[0].condition == Condition.RETURNED
    assert mails(house, warm.id)[-1].reason == "returned"


@pytest.mark.parametrize(("reach", "most"), [(0.4, 1), (0.7, 24 * 6)])
def test_chatter_round_the_limit_raises_at_most_one_alarm_per_clear_hold(house: House, reach: float, most: int) -> None:
    house.shipment("S-1", "LG-1")
    chance = Random(7)
    house.live(*[sample(k, 8.0 + chance.choice((-reach, -0.2, 0.2, reach))) for k in range(288)])
    raised = rows(house, "high")
    starts = [row.onset_ms for row in raised]
    assert raised
    assert all(b - a >= 10 * 60_000 for a, b in pairwise(starts))
    assert len(raised) <= most  # inside the hysteresis a day of it is one trouble
    told = [message for row in raised for message in mails(house, row.id) if message.reason == "raised"]
    assert len(told) <= len(raised)
    assert any("warm-in-all" in row.rules for row in raised)  # the sum of the time outside fires all the same


@pytest.mark.parametrize("seed", range(12))
def test_an_excursion_that_came_and_went_while_the_engine_was_down_is_told_as_late(house: House, seed: int) -> None:
    chance = Random(seed)
    house.shipment("S-1", "LG-1")
    house.live(*[sample(k, 5.0) for k in range(20)])
    start, length = chance.randint(22, 40), chance.randint(8, 72)
    end = start + length
    for k in range(20, end + 30):
        house.clock.set(DAWN + k * STEP_MS + 400)
        house.send(sample(k, 9.5 if start <= k < end else 5.0))
    house.settle(house.loop())
    [warm] = rows(house, "high")
    [message] = mails(house, warm.id)
    [facts] = read_announcement(message.content).alarms
    assert (facts.onset_ms, facts.late, facts.returned) == (DAWN + start * STEP_MS, True, True)
    assert facts.end_ms == DAWN + end * STEP_MS
    assert facts.peak_mc == 9_500


def test_a_shipment_that_arrives_outside_its_range_is_told_as_no_longer_watched(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    house.live(*[sample(k, 9.5 if k >= 20 else 5.0) for k in range(32)])
    with house.registry.write() as connection:
        _ended(connection, box, house.clock.now_ms())
    until(house, 400)
    [warm] = rows(house, "high")
    last = read_announcement(mails(house, warm.id)[-1].content).alarms[0]
    assert (last.returned, last.monitoring_ended) == (True, True)


def _ended(connection: Connection, box: Subject, now_ms: int) -> None:

    change(connection, box.id, {"state": "arrived"}, version=None, by=SYSTEM, now_ms=now_ms)


def test_trouble_of_the_product_itself_is_told_with_its_detail(house: House) -> None:
    with house.registry.write() as connection:
        signals.report(connection, role="notifier", kind="security", detail="a forged receipt", now_ms=DAWN)
    house.settle()
    [trouble] = rows(house, "security")
    [message] = mails(house, trouble.id)
    [facts] = read_announcement(message.content).alarms
    assert facts.rules == ("a forged receipt",)
    assert not facts.late
    assert facts.subject.kind == "system"
