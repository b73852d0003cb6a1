"""The open registry: one writer at a time, leases with fencing, and a schema that is never downgraded."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from coldchain.errors import ColdchainError
from coldchain.registry import schema
from coldchain.registry.migrations import current, head, migrate
from coldchain.registry.store import Registry, bump_revision, holder_name, revision, sqlite_url, take_lease


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = Registry(sqlite_url(tmp_path / "registry.db"))
    migrate(opened)
    yield opened
    opened.close()


def test_migrating_twice_changes_nothing(registry: Registry) -> None:
    migrate(registry)
    assert current(registry) == head(registry) != None  # noqa: E711


def test_the_file_of_a_newer_program_is_refused(registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(ColdchainError, match="newer version"):
        migrate(registry)


def test_two_writers_do_not_see_the_same_revision(registry: Registry) -> None:
    seen: list[int] = []

    def bump() -> None:
        for _ in range(20):
            with registry.write() as connection:
                seen.append(bump_revision(connection))

    threads = [threading.Thread(target=bump) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 81))
    with registry.read() as connection:
        assert revision(connection) == 80


def test_a_lease_has_one_holder_and_its_fence_grows_with_each_change_of_holder(registry: Registry) -> None:
    with registry.write() as connection:
        assert take_lease(connection, "engine", "a", 0, 100) == 1
        assert take_lease(connection, "engine", "a", 50, 100) == 1
        assert take_lease(connection, "engine", "b", 149, 100) is None
        assert take_lease(connection, "engine", "b", 150, 100) == 2
        assert take_lease(connection, "engine", "a", 151, 100) is None
        assert take_lease(connection, "notifier", "a", 151, 100) == 1


def test_a_lease_of_a_process_that_ended_is_not_waited_for(registry: Registry) -> None:
    program = "from coldchain.registry.store import holder_name; print(holder_name())"
    dead = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    with registry.write() as connection:
        assert take_lease(connection, "engine", dead, 0, 30_000) == 1
        assert take_lease(connection, "engine", holder_name(), 1, 30_000) == 2
        assert take_lease(connection, "engine", "elsewhere/pid:1:2", 2, 30_000) is None


def test_the_models_and_the_migrated_tables_agree(registry: Registry) -> None:
    with registry.read() as connection:
        for table in schema.metadata.sorted_tables:
            connection.execute(select(table).limit(1))


def test_a_lease_from_the_future_lasts_only_while_it_is_renewed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour, seconds = 3_600_000, [100.0]
    monkeypatch.setattr("coldchain.registry.store.time.monotonic", lambda: seconds[0])
    with registry.write() as connection:
        assert take_lease(connection, "engine", "ahead", hour, 30_000) == 1
        assert take_lease(connection, "engine", "right", 0, 30_000) is None
        seconds[0] += 40
        assert take_lease(connection, "engine", "ahead", hour + 10_000, 30_000) == 1
        assert take_lease(connection, "engine", "right", 40_000, 30_000) is None
        seconds[0] += 40
        assert take_lease(connection, "engine", "right", 80_000, 30_000) is None
        seconds[0] += 10
        assert take_lease(connection, "engine", "right", 90_000, 30_000) == 2
