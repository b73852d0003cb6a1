"""Silence is judged by what should have come, never by what came; and chatter neither floods nor hides anything.

The engine and the planner of alarms on real stores, with a clock that is moved by hand.
"""

from typing import Any

import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN
from sqlalchemy import select

from coldchain.domain.finding import Subject
from coldchain.domain.reading import Reading
from coldchain.domain.shipment import FactKind
from coldchain.registry import facts, gateways, loggers, recorded
from coldchain.registry.alarm_unrest import chattering
from coldchain.registry.schema import alarm, alarm_event, outbox

MINUTE, HOUR = 60_000, 3_600_000
EVERY = STEP_MS  # five minutes


@pytest.fixture
def house(house: House) -> House:
    """Anna is on call."""
    house.put_on_call("Anna")
    return house


def alarms(house: House, cause: str) -> list[Any]:
    with house.registry.read() as connection:
        query = select(alarm).where(alarm.c.cause == cause, alarm.c.condition != "pending")
        return list(connection.execute(query.order_by(alarm.c.logger, alarm.c.onset_ms)))


def severe(house: House, cause: str) -> list[Any]:
    return [row for row in alarms(house, cause) if row.severity >= 2]


def raised_ms(house: House, row: Any) -> int:
    """When people were told of it first."""
    with house.registry.read() as connection:
        query = select(alarm_event.c.at_ms).where(alarm_event.c.alarm == row.id)
        kinds = alarm_event.c.kind.in_(("raised", "worsened"))
        return int(connection.execute(query.where(kinds).order_by(alarm_event.c.id.desc())).scalars().first() or 0)


def fleet(house: House, count: int) -> list[str]:
    names = [f"LG-{number:03d}" for number in range(count)]
    for name in names:
        house.declare(name, EVERY)
        house.shipment(f"S-{name}", name)
    return names


def report(house: House, names: list[str], steps: range) -> None:
    for step in steps:
        house.clock.set(DAWN + step * EVERY + 400)
        house.send(*(sample(step, 5.0, name) for name in names))
        house.settle()


@pytest.mark.parametrize("stopped", [1, 10, 200])
def test_every_logger_that_falls_silent_is_an_alarm_after_three_intervals(house: House, stopped: int) -> None:
    names = fleet(house, stopped + 2)
    report(house, names, range(4))
    last_ms = DAWN + 3 * EVERY
    for step in range(4, 9):
        house.pass_until(DAWN + step * EVERY + 400)
        house.send(*(sample(step, 5.0, name) for name in names[stopped:]))
        house.settle()
    found = severe(house, "silence")
    assert [row.logger for row in found] == names[:stopped]
    for row in found:
        assert abs(raised_ms(house, row) - (last_ms + 3 * EVERY)) <= 10_000
    with house.registry.read() as connection:
        told = set(connection.execute(select(outbox.c.alarm)).scalars())
    assert told >= {row.id for row in found}


def test_a_logger_that_was_never_heard_is_an_alarm_too(house: House) -> None:
    [name] = fleet(house, 1)
    house.settle()
    house.pass_until(DAWN + 4 * EVERY)
    [found] = severe(house, "silence")
    assert found.logger == name
    assert abs(raised_ms(house, found) - (DAWN + 3 * EVERY)) <= 10_000


def test_silence_is_noticed_after_everything_was_started_anew(house: House) -> None:
    names = fleet(house, 3)
    report(house, names, range(4))
    house.engine = house.loop()  # knows nothing but what is stored
    house.pass_until(DAWN + 8 * EVERY)
    assert [row.logger for row in severe(house, "silence")] == names


def test_a_silent_gateway_speaks_for_its_loggers_and_each_of_them_is_still_listed(house: House) -> None:
    names = [*fleet(house, 5), "GW-1"]
    house.declare("GW-1", EVERY)
    house.shipment("S-GW", "GW-1")
    with house.registry.write() as connection:
        loggers.register(connection, "GW-1", who="test", now_ms=DAWN)
        gateways.declare(connection, "GW-1", gateway=True, gateway_for=names[:5], who="test", now_ms=DAWN)
    report(house, names, range(4))
    house.pass_until(DAWN + 8 * EVERY)
    found = severe(house, "silence")
    assert [row.logger for row in found] == ["GW-1", *names[:5]]
    assert {row.suppression for row in found if row.logger != "GW-1"} == {"by_design"}
    with house.registry.read() as connection:
        told = set(connection.execute(select(outbox.c.alarm)).scalars())
    assert told == {found[0].id}


def test_a_logger_that_was_taken_off_duty_stays_quiet(house: House) -> None:
    fleet(house, 2)
    report(house, ["LG-000", "LG-001"], range(4))
    with house.registry.write() as connection:
        [binding] = facts.known(connection, loggers=["LG-000"], kinds=[FactKind.BINDING])
        now_ms = house.clock.now_ms()
        facts.supersede(connection, binding.id, valid_to_ms=now_ms, who="test", reason="retired", now_ms=now_ms)
    house.pass_until(DAWN + 48 * HOUR)
    assert [row.logger for row in severe(house, "silence")] == ["LG-001"]


def test_a_breach_followed_by_silence_fires_and_no_silence_ever_clears_it(house: House) -> None:
    [name] = fleet(house, 1)
    house.live(sample(0, 5.0, name), sample(1, 9.5, name), sample(2, 9.5, name))
    outside_ms = DAWN + EVERY
    house.pass_until(outside_ms + 29 * MINUTE)
    assert severe(house, "high") == []
    house.pass_until(outside_ms + 31 * MINUTE)
    [found] = severe(house, "high")
    assert abs(raised_ms(house, found) - (outside_ms + 30 * MINUTE)) <= 10_000
    house.pass_until(outside_ms + 48 * HOUR)
    [still] = severe(house, "high")
    assert (still.id, still.condition, still.end_ms) == (found.id, "active", None)
    assert [row.condition for row in severe(house, "silence")] == ["active"]


def test_only_good_readings_inside_the_deadband_for_long_enough_clear(house: House) -> None:
    [name] = fleet(house, 1)
    house.live(sample(0, 5.0, name), sample(1, 9.5, name), sample(2, 9.5, name))
    house.pass_until(DAWN + 48 * HOUR)
    step = 48 * 12 + 1
    states = []
    for celsius in (7.8, 7.8, 7.8, 5.0, 5.0, 5.0):
        house.live(sample(step, celsius, name))
        states.append(severe(house, "high")[0].condition)
        step += 1
    assert states == ["active", "active", "active", "returning", "returning", "returned"]
    assert severe(house, "high")[0].end_ms == DAWN + (step - 3) * EVERY


def chatter(house: House, name: str) -> Subject:
    """A day of one reading a minute, one outside and one well inside in turn; the logger reports every two hours."""
    house.declare(name, MINUTE)
    subject = house.shipment("S-CHATTER", name)
    for part in range(0, 24 * 60, 120):
        rows = []
        for minute in range(part, part + 120):
            at, value = DAWN + minute * MINUTE, 8400 if minute % 2 else 7400
            rows.append(Reading(name, "internal", at, at, "device", boot=1, seq=minute, temperature_mc=value))
        house.clock.set(rows[-1].event_time_ms + 400)
        house.send(*rows)
        house.settle()
    return subject


def test_a_value_that_swings_round_the_limit_for_a_day_neither_floods_nor_hides(house: House) -> None:
    subject = chatter(house, "LG-1")
    found = severe(house, "high")
    clear_holds = 24 * 60 // 10
    assert 1 <= len(found) <= clear_holds
    with house.registry.read() as connection:
        announced = list(connection.execute(select(outbox).where(outbox.c.channel == "email")))
        document = recorded.on_record(connection, [subject])[subject].state.document  # type: ignore[union-attr]
    assert len(announced) <= clear_holds
    [channel] = document["channels"]
    # Of each minute's swing of 1.0 °C the part above 8.0 °C is two fifths.
    outside_s = channel["temperature"]["time_above_s"]
    assert outside_s == pytest.approx(24 * 3600 * 0.4, rel=0.01)
    assert "warm-in-all" in {one["rule"] for one in document["breaches"]}, document["breaches"][:3]


def test_an_alarm_that_comes_and_goes_with_every_reading_is_flagged_as_chattering(house: House) -> None:
    house.declare("LG-1", MINUTE)
    house.shipment("S-CHATTER", "LG-1")
    for minute, value in enumerate((16_000, 16_000, 14_000, 16_000, 14_000, 16_000, 14_000, 16_000)):
        at = DAWN + minute * MINUTE
        house.live(Reading("LG-1", "internal", at, at, "device", boot=1, seq=minute, temperature_mc=value))
    [found] = severe(house, "high")
    with house.registry.read() as connection:
        assert chattering(connection, house.clock.now_ms()) == {found.id}
        assert len(list(connection.execute(select(outbox)))) == 1
