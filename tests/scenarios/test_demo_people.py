"""What the demo's people do: all of it at its time, once, whatever its visitors did before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from coldchain.cli.demo_live import LivePeople, known, perform
from coldchain.cli.demo_world import Deed, people_deeds, world_deeds
from coldchain.clock import HandClock
from coldchain.domain.finding import SubjectKind
from coldchain.domain.shipment import FactKind, Stage
from coldchain.errors import InvalidValue
from coldchain.registry import facts, shipments
from coldchain.registry.migrations import migrate
from coldchain.registry.profiles import seed_profiles
from coldchain.registry.schema import audit, shipment
from coldchain.registry.store import Registry, sqlite_url
from coldchain.registry.viewer import SYSTEM
from compliance.shipped import shipped_bodies
from sensors.fleet.fleet import Fleet

END = 1_795_348_800_000
HOUR = 3_600_000


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = Registry(sqlite_url(tmp_path / "registry.db"))
    migrate(opened)
    with opened.write() as connection:
        seed_profiles(connection, shipped_bodies(), END)
    yield opened
    opened.close()


def test_deeds_happen_at_their_time_and_once_and_how_far_it_is_is_remembered(registry: Registry) -> None:
    done: list[str] = []

    def deed(name: str, at_ms: int) -> Deed:
        return Deed(at_ms, lambda _connection, now_ms: done.append(f"{name}@{now_ms - END}"))

    clock = HandClock(END)
    people = LivePeople(registry, [deed("late", END + 2000), deed("early", END + 1000)], clock, END)
    people.tick()
    assert done == []
    clock.set(END + 1500)
    people.tick()
    people.tick()
    assert done == ["early@1000"]
    assert known(registry) == {"end_ms": END, "lived_until_ms": END + 1501}
    clock.set(END + HOUR)
    people.tick()
    assert done == ["early@1000", "late@2000"]


def test_a_deed_that_a_visitor_has_overtaken_leaves_nothing_behind(registry: Registry) -> None:
    def half(connection: Connection, now_ms: int) -> None:
        connection.execute(audit.delete())
        raise InvalidValue("state: it is closed already")

    with registry.read() as connection:
        before = connection.execute(select(func.count()).select_from(audit)).scalar_one()
    with registry.write() as connection:
        perform(connection, Deed(END, half))
    with registry.read() as connection:
        assert connection.execute(select(func.count()).select_from(audit)).scalar_one() == before > 0


def test_the_live_part_goes_on_departures_arrivals_and_closings_follow(registry: Registry) -> None:
    fleet = Fleet.of(20_260_105, END, days=30)
    deeds = sorted([*people_deeds(fleet), *world_deeds(fleet)], key=lambda deed: deed.at_ms)
    with registry.write() as connection:
        for deed in deeds:
            if deed.at_ms < END:
                perform(connection, deed)

    def states() -> dict[str, str]:
        with registry.read() as connection:
            return {row.reference: row.state for row in connection.execute(select(shipment))}

    before, clock = states(), HandClock(END)
    people = LivePeople(registry, [deed for deed in deeds if deed.at_ms >= END], clock, END)
    for hour in range(1, 72):
        clock.set(END + hour * HOUR)
        people.tick()
    moved = {(before.get(reference, "planned"), state) for reference, state in states().items()}
    assert {("in_transit", "closed")} & moved or {("in_transit", "arrived")} & moved
    assert {before.get(reference) for reference in states()} != set(states().values())
    assert set(before.values()) >= {"in_transit", "closed"}


def test_stages_are_on_record_as_planned_with_where_nothing_can_be_heard(registry: Registry) -> None:
    fleet = Fleet.of(20_260_105, END, days=30)
    with registry.write() as connection:
        for deed in world_deeds(fleet):
            perform(connection, deed)
    silent = 0
    with registry.read() as connection:
        for plan in fleet.shipments:
            id_ = shipments.by_reference(connection, SYSTEM, plan.reference)
            assert id_ is not None
            found = facts.known(connection, subject=shipments.subject(id_), kinds=[FactKind.STAGE])
            assert len(found) == len(plan.stages)
            for fact, stage in zip(found, plan.stages, strict=True):
                assert Stage(fact.body["stage"]).judged
                assert fact.body["radio_silent"] is stage.radio_silent
                assert (fact.valid_from_ms, fact.valid_to_ms) == (stage.from_ms, stage.to_ms)
                assert fact.subject is not None
                assert fact.subject.kind is SubjectKind.SHIPMENT
                silent += stage.radio_silent
    assert silent > 0
