"""Facts that are recorded together stand as if each had been recorded by itself."""

from pathlib import Path

import pytest
from engine_house import House, sample
from judging import DAWN
from sqlalchemy import select

from coldchain import audit
from coldchain.domain.shipment import FactKind
from coldchain.errors import InvalidValue
from coldchain.registry import facts, recorded
from coldchain.registry.facts import NewFact
from coldchain.registry.schema import audit as table


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def interval(logger: str, interval_ms: int) -> NewFact:
    return NewFact(FactKind.INTERVAL, {"interval_ms": interval_ms, "source": "declared"}, 0, logger=logger, reason="x")


def test_each_gets_its_number_its_entry_and_its_subjects_judged_again(house: House) -> None:
    bound = house.shipment("S-1", "LG-2")
    with house.registry.write() as connection:
        recorded.forget_dirty(connection, [n for some in recorded.dirty_subjects(connection).values() for n in some])
        new = [interval(f"LG-{n}", 60_000 + n) for n in range(200)]
        numbers = facts.add_all(connection, new, who="engine", now_ms=DAWN)
        assert facts.add_all(connection, [], who="engine", now_ms=DAWN) == []
    with house.registry.read() as connection:
        known = {item.id: item for item in facts.known(connection, kinds=[FactKind.INTERVAL])}
        assert [known[number].logger for number in numbers] == [f"LG-{n}" for n in range(200)]
        assert [known[number].body["interval_ms"] for number in numbers] == [60_000 + n for n in range(200)]
        assert list(recorded.dirty_subjects(connection)) == [bound]
        entries = [entry for entry in audit.entries(connection) if entry.action == "fact.interval.added"]
        assert [entry.object_id for entry in entries] == [str(number) for number in numbers]
        assert audit.verify(connection) is None


def test_of_facts_together_one_that_is_wrong_keeps_out_all(house: House) -> None:
    wrong = NewFact(FactKind.INTERVAL, {}, 5, 5, logger="LG-1")
    with house.registry.write() as connection, pytest.raises(InvalidValue, match="does not lie after"):
        facts.add_all(connection, [interval("LG-0", 60_000), wrong], who="engine", now_ms=DAWN)
    with house.registry.read() as connection:
        assert facts.known(connection, kinds=[FactKind.INTERVAL]) == []


def test_a_fleet_that_is_heard_for_the_first_time_has_its_intervals_after_one_step(house: House) -> None:
    house.send(*(sample(0, 5.0, logger=f"LG-{n}") for n in range(40)), interval_ms=300_000)
    house.engine.step()
    with house.registry.read() as connection:
        known = facts.known(connection, kinds=[FactKind.INTERVAL])
        seen = connection.execute(select(table.c.object_id).where(table.c.action == "journal.seen"))
        assert {item.logger for item in known} == set(seen.scalars()) == {f"LG-{n}" for n in range(40)}
        assert {item.body["interval_ms"] for item in known} == {300_000}
        assert audit.verify(connection) is None
