"""InfluxDB's measurement `excursion` holds the current version of each excursion and no other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from sqlalchemy import insert, update

from coldchain.clock import HandClock
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import excursion
from coldchain.registry.store import Registry, sqlite_url
from coldchain.telemetry.influx_lines import EXCURSION
from coldchain.telemetry.influx_server import InfluxAddress
from coldchain.telemetry.influx_writer import InfluxWriter
from ingest.excursion_projector import ExcursionProjector

pytestmark = pytest.mark.server
ONSET = 1_767_600_000_000


class House:
    """A registry and an InfluxDB with the projector of excursions between them."""

    def __init__(self, influx: servers.Influx, registry: Registry) -> None:
        self.influx, self.registry, self.recorded_ms = influx, registry, ONSET
        self.points_writer = InfluxWriter(
            InfluxAddress(influx.url, influx.token, influx.org, influx.bucket, timeout_s=1.0)
        )
        self.projector = ExcursionProjector(registry, self.points_writer, HandClock(ONSET))

    def record(self, identity: str, version: int = 1, **changed: Any) -> None:
        self.recorded_ms += 1000
        row = {
            "id": identity, "version": version, "subject_kind": "shipment", "subject_id": "S", "logger": "LG-1",
            "channel": "internal", "direction": "high", "onset_ms": ONSET, "onset_sample_ms": ONSET, "end_ms": None,
            "duration_ms": 60_500, "duration_upper_ms": 61_000, "peak_mc": 9400, "peak_ms": ONSET, "limit_mc": 8000,
            "area_mc_ms": "120000000", "severity": 2, "late": False, "superseded": False, "withdrawn": False,
            "recorded_ms": self.recorded_ms,
        }  # fmt: skip
        with self.registry.write() as connection:
            connection.execute(update(excursion).where(excursion.c.id == identity).values(superseded=True))
            connection.execute(insert(excursion).values(row | changed))

    def points(self) -> list[tuple[str, float]]:
        return sorted((row["excursion"], row["duration_s"]) for row in self.influx.rows("SELECT * FROM excursion"))


@pytest.fixture
def house(influx: servers.Influx, tmp_path: Path) -> Iterator[House]:
    registry = Registry(sqlite_url(tmp_path / "registry.db"))
    migrate(registry)
    yield House(influx, registry)
    registry.close()


def test_an_excursion_is_a_point_with_its_figures_at_its_onset(house: House) -> None:
    house.record("a")
    assert house.projector.step() is True
    [row] = house.influx.rows("SELECT * FROM excursion")
    assert row["time"] // 10**6 == ONSET
    assert {key: row[key] for key in row if key != "time"} == {
        "excursion": "a", "subject": "shipment/S", "direction": "high", "severity": "major", "peak_c": 9.4,
        "limit_c": 8.0, "duration_s": 60.5, "duration_upper_s": 61.0, "area_c_min": 2.0, "logger": "LG-1",
        "channel": "internal",
    }  # fmt: skip
    assert house.projector.step() is False


def test_two_shipments_with_one_logger_keep_their_own_points(house: House) -> None:
    house.record("a")
    house.record("b", subject_id="T")
    house.projector.step()
    assert [identity for identity, _ in house.points()] == ["a", "b"]


def test_a_moved_onset_leaves_no_point_behind_and_a_withdrawn_excursion_none(house: House) -> None:
    house.record("a")
    house.record("b", subject_id="T")
    house.projector.step()
    house.record("a", version=2, onset_ms=ONSET - 300_000, duration_ms=360_000)
    house.record("b", version=2, subject_id="T", withdrawn=True)
    house.projector.step()
    assert house.points() == [("a", 360.0)]


def test_what_changed_while_influxdb_was_away_is_there_afterwards(house: House) -> None:
    house.influx.stop()
    house.record("a")
    assert house.projector.step() is False
    house.record("a", version=2, duration_ms=90_000)
    house.influx.start()
    assert house.projector.step() is True
    assert house.points() == [("a", 90.0)]


def test_after_a_restart_everything_is_forwarded_again(house: House) -> None:
    house.record("a")
    house.projector.step()
    house.points_writer.drop(EXCURSION)
    house.projector.restart()
    assert house.projector.step() is True
    assert house.points() == [("a", 60.5)]
