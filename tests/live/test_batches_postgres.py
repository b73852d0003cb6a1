"""Batches, their ledger and stages by position on PostgreSQL, as on SQLite."""

from pathlib import Path

import pytest
from engine_house import House, sample
from judging import DAWN

from coldchain.registry import batches, profiles, stages
from coldchain.registry.batches import BatchKey
from coldchain.registry.migrations import migrate
from coldchain.registry.store import Registry
from coldchain.registry.viewer import SYSTEM
from compliance.batches import load
from compliance.shipped import shipped_bodies

pytestmark = pytest.mark.server
HOME = {"name": "Munich", "latitude": 48.0, "longitude": 11.0}


def test_a_batch_and_the_stages_of_its_shipment_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    house = House(tmp_path)
    house.registry.close()
    house.registry = Registry(postgres_url)
    migrate(house.registry)
    with house.registry.write() as connection:
        profiles.seed_profiles(connection, shipped_bodies(), DAWN)
    house.engine = house.loop()
    box = house.shipment("S-1", "LG-1", "cct-2-8", customer="Acme", origin=HOME, batches=[("A1", None), ("B2", None)])
    here = [480_000_000 if k < 4 else 490_000_000 for k in range(12)]
    house.live(
        *(sample(k, 11.0 if 5 <= k < 8 else 5.0, latitude_e7=here[k], longitude_e7=110_000_000) for k in range(12))
    )
    with house.registry.write() as connection:
        first, departed = stages.of_shipment(connection, SYSTEM, box.id)
        stages.withdraw(connection, box.id, first.fact.id, reason="before that", by=SYSTEM, now_ms=house.clock.now_ms())
    house.settle()
    house.live(sample(12, 5.0, latitude_e7=490_000_000, longitude_e7=110_000_000))
    key = BatchKey.of("A1", None, "Acme")
    with house.registry.read() as connection:
        page = batches.listed(connection, SYSTEM, sort="batch", limit=1)
        rest = batches.listed(connection, SYSTEM, sort="batch", limit=1, cursor=page.next_cursor)
        found = load(connection, house.history, SYSTEM, key.id, house.clock.now_ms())
        left = stages.of_shipment(connection, SYSTEM, box.id)
    assert [one["batch"] for one in (*page.items, *rest.items)] == ["A1", "B2"]
    assert page.items[0]["id"] == key.id
    assert found.ledger.bands[0].used_ms > 0
    assert [one.fact.id for one in left] == [departed.fact.id]
    house.close()
