"""The engine writes the same record into PostgreSQL as into SQLite."""

from pathlib import Path

import pytest
from engine_house import House, sample
from judging import DAWN

from coldchain.registry import excursion_views, profiles, summary
from coldchain.registry.migrations import migrate
from coldchain.registry.store import Registry
from coldchain.registry.viewer import Viewer
from compliance.shipped import shipped_bodies

pytestmark = pytest.mark.server


def test_a_live_excursion_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    house = House(tmp_path)
    house.registry.close()
    house.registry = Registry(postgres_url)
    migrate(house.registry)
    with house.registry.write() as connection:
        profiles.seed_profiles(connection, shipped_bodies(), DAWN)
    house.engine = house.loop()
    box = house.shipment("S-1", "LG-1", customer="Acme", origin=None)
    house.live(*[sample(k, 9.5 if 5 <= k < 15 else 5.0) for k in range(22)])
    stands = house.record(box)
    assert len(stands.excursions) == len(stands.alarms) == 1
    with house.registry.read() as connection:
        acme = Viewer("v", "v", "viewer", customer="Acme")
        [shown] = excursion_views.listed(connection, acme).items
        [row] = summary.summary(connection, acme, summary.Period(0, DAWN + 86_400_000))
        assert excursion_views.shown(connection, acme, shown["id"])["alarms"]
        assert excursion_views.shown(connection, acme, shown["id"])["breaches"]
    assert row["excursions"] == 1
    assert row["time_out_s"] == stands.excursions[0].excursion.duration_ms / 1000
    house.close()
