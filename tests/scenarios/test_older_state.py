"""A state folder of the first version: refused until `coldchain migrate`, then whole, and like a new one.

`tests/states/0001` is what the first version left behind, as SQL: one shipment with one excursion, 616 readings in
packed days and 8 that are still rows.
"""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from coldchain.cli import main
from coldchain.clock import HandClock
from coldchain.config import read_config
from coldchain.domain.message import Envelope, Outcome
from coldchain.domain.quantity import iso
from coldchain.domain.shipment import FactKind
from coldchain.journal.tables import VERSION
from coldchain.registry import excursion_views, facts, migrations, profiles
from coldchain.registry.viewer import SYSTEM
from coldchain.wiring import engine_of, opened_stores, pipeline_of
from compliance.shipped import shipped_bodies

OLD = Path(__file__).parents[1] / "states" / "0001"
READINGS = 624
FIRST_MS, STEP_MS = 1_767_571_200_000, 300_000
Schema = dict[tuple[str, str], object]


@pytest.fixture(autouse=True)
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder as the first version left it."""
    for name in [name for name in os.environ if name.startswith("COLDCHAIN_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "old"
    folder.mkdir()
    for name in ("registry", "journal"):
        with closing(sqlite3.connect(folder / f"{name}.db")) as database:
            database.executescript((OLD / f"{name}.sql").read_text())
            database.execute("PRAGMA journal_mode=WAL")
    monkeypatch.setenv("COLDCHAIN_DATA", str(folder))
    return folder


def schema(path: Path) -> Schema:
    """Columns and indexes, whatever their order."""
    with closing(sqlite3.connect(path)) as database:
        kinds = database.execute("SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        return {
            (kind, name): {column[1:4] for column in database.execute(f'PRAGMA table_info("{name}")')}
            if kind == "table" else (table, [row[2] for row in database.execute(f'PRAGMA index_info("{name}")')])
            for kind, name, table in kinds.fetchall()
        }  # fmt: skip


def versions(folder: Path) -> tuple[str, int]:
    with (
        closing(sqlite3.connect(folder / "registry.db")) as registry,
        closing(sqlite3.connect(folder / "journal.db")) as journal,
    ):
        (of_registry,) = registry.execute("SELECT version_num FROM alembic_version").fetchone()
        (of_journal,) = journal.execute("PRAGMA user_version").fetchone()
    return of_registry, of_journal


@pytest.mark.parametrize("command", [["up"], ["export", "-o", "all.csv"], ["apikey", "list"], ["engine"]])
def test_every_command_asks_for_the_migration_and_changes_nothing(
    old: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = versions(old)
    assert main(command) == 2
    assert "is of version 0001" in (said := capsys.readouterr().err)
    assert "run `coldchain migrate`" in said
    assert versions(old) == before == ("0001", 2)


def test_migrating_backs_up_and_leaves_tables_like_those_of_a_new_folder(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["migrate"]) == 0
    assert f"from version 0001 to {migrations.WANTED}" in capsys.readouterr().out
    assert versions(old) == (migrations.WANTED, VERSION)
    (backup,) = (old / "backup").iterdir()
    assert versions(backup) == ("0001", 2)
    monkeypatch.setenv("COLDCHAIN_DATA", str(tmp_path / "new"))
    assert main(["migrate"]) == 0
    for name in ("registry.db", "journal.db"):
        assert schema(old / name) == schema(tmp_path / "new" / name)
    monkeypatch.setenv("COLDCHAIN_DATA", str(old))
    assert main(["migrate"]) == 0
    assert len(list((old / "backup").iterdir())) == 1, "there was nothing left to bring up to date"


def test_what_the_first_version_stored_is_all_there(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate"]) == 0
    out = tmp_path / "all.csv"
    assert main(["export", "-o", str(out)]) == 0
    assert main(["verify", str(out)]) == 0
    assert f"{READINGS} rows" in capsys.readouterr().out
    assert len({line.split(",")[3] for line in out.read_text().splitlines()[1:-1]}) == READINGS


def test_the_texts_that_are_shipped_now_are_offered_once_and_the_old_shipment_keeps_its_own(old: Path) -> None:
    for _ in range(2):
        assert main(["migrate"]) == 0
    with opened_stores(read_config(None)) as stores, stores.registry.read() as connection:
        found = profiles.listed(connection, all_versions=True)
        assert {one.profile.version for one in found} == {1, 2}
        offers = [one for one in found if one.profile.version == 2]
        assert len(offers) == len(shipped_bodies()) == len(found) / 2
        assert all(one.offered and one.reason and one.profile.severity_matrix for one in offers)
        assert not any(one.profile.severity_matrix for one in found if one.profile.version == 1)
        assert {profiles.version_for(connection, one.profile.id) for one in offers} == {1}
        assigned = [one.body["version"] for one in facts.known(connection, kinds=[FactKind.PROFILE])]
        assert assigned == [1]


def test_work_goes_on_where_the_first_version_left_it(old: Path) -> None:
    assert main(["migrate"]) == 0
    config = read_config(None)
    newest = FIRST_MS + READINGS * STEP_MS
    clock = HandClock(newest)
    with opened_stores(config) as stores:
        pipeline, engine = pipeline_of(config, stores, clock), engine_of(config, stores, clock)

        def excursions() -> list[tuple[str, str | None]]:
            with stores.registry.read() as connection:
                page = excursion_views.listed(connection, SYSTEM, excursion_views.Filter())
            return [(one["id"], one["end"]) for one in page.items]

        def send(step: int, celsius: float) -> Outcome:
            at = FIRST_MS + step * STEP_MS
            reading = {"ts": iso(at), "values": {"temperature_c": celsius, "humidity_pct": 45}}
            message = {"v": 1, "device": "LG-1", "boot": 1, "seq": step, "readings": [reading]}
            envelope = Envelope("mqtt", "cc/LG-1/up", json.dumps(message).encode(), max(at, newest), qos=1)
            return pipeline.submit([envelope])[0][0].outcome

        before = excursions()
        assert len(before) == 1
        assert send(3, 5.0) is Outcome.DUPLICATE, "a message that the first version packed is known by its key alone"
        while engine.step():
            pass
        assert excursions() == before
        for step in range(READINGS, READINGS + 6):
            assert send(step, 12.0) is Outcome.READINGS
        clock.set(newest + 6 * STEP_MS)
        while engine.step():
            pass
        assert set(before) < set(excursions())
        assert len(excursions()) == 2
