"""What people save of device profiles and say of loggers, on SQLite and on PostgreSQL alike."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from coldchain.domain.device_profile import Assignment
from coldchain.errors import InvalidValue, NotFound, Stale, TransientError
from coldchain.registry import device_profiles, loggers
from coldchain.registry.device_profiles import SavedProfiles
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import audit
from coldchain.registry.store import Registry, sqlite_url

BY: dict[str, Any] = {"who": "ada", "now_ms": 1_767_607_200_000, "reason": "a new make"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    url = sqlite_url(tmp_path / "registry.db")
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url").replace("postgresql://", "postgresql+psycopg://", 1)
    opened = Registry(url)
    migrate(opened)
    yield opened
    opened.close()


def test_versions_follow_each_other_and_every_one_stays(registry: Registry) -> None:
    with registry.write() as connection:
        made = device_profiles.add(connection, "duo", 1, "one", **BY)
        device_profiles.add(connection, "duo", 2, "two", **BY)
        device_profiles.add(connection, "ship", 4, "four", elsewhere=3, **BY)
    with registry.read() as connection:
        assert device_profiles.versions(connection, "duo")[0] == made
        assert [(one.id, one.version, one.text) for one in device_profiles.versions(connection)] == [
            ("duo", 1, "one"), ("duo", 2, "two"), ("ship", 4, "four"),
        ]  # fmt: skip
        assert (made.who, made.reason, made.retired_ms) == ("ada", "a new make", None)
        said = [row.action for row in connection.execute(select(audit.c.action).order_by(audit.c.number))]
        assert said == ["device profile saved"] * 3


@pytest.mark.parametrize(("version", "elsewhere", "wanted"), [(2, 0, 1), (1, 1, 2), (0, 0, 1), (3, 1, 2)])
def test_a_version_that_is_not_the_next_one_is_refused(
    registry: Registry, version: int, elsewhere: int, wanted: int
) -> None:
    with pytest.raises(Stale, match=f"send version = {wanted}"), registry.write() as connection:
        device_profiles.add(connection, "duo", version, "text", elsewhere=elsewhere, **BY)


def test_nothing_is_saved_retired_or_assigned_without_a_reason(registry: Registry) -> None:
    without = BY | {"reason": " "}
    with registry.write() as connection:
        device_profiles.add(connection, "duo", 1, "one", **BY)
    for act in (
        lambda c: device_profiles.add(c, "duo", 2, "two", **without),
        lambda c: device_profiles.retire(c, "duo", 1, **without),
        lambda c: device_profiles.assign(c, "LG-1", Assignment("duo"), **without),
    ):
        with pytest.raises(InvalidValue, match="reason"), registry.write() as connection:
            act(connection)
    with registry.read() as connection:
        assert [one.retired_ms for one in device_profiles.versions(connection)] == [None]


def test_a_retired_version_is_kept_and_not_used(registry: Registry) -> None:
    shelf = SavedProfiles(registry)
    with registry.write() as connection:
        device_profiles.add(connection, "duo", 1, "one", **BY)
        device_profiles.add(connection, "duo", 2, "two", **BY)
        device_profiles.retire(connection, "duo", 2, **BY)
    assert shelf.kept().texts == ("one",)
    with registry.read() as connection:
        assert device_profiles.newest(connection, "duo") == 2
    with pytest.raises(NotFound), registry.write() as connection:
        device_profiles.retire(connection, "duo", 2, **BY)


def test_an_assignment_registers_an_unknown_logger_and_can_be_changed_and_taken_back(registry: Registry) -> None:
    with registry.write() as connection:
        loggers.register(connection, "LG-1", who="ada", now_ms=1, device_profile="native@1")
        device_profiles.assign(connection, "LG-1", Assignment("duo", "Europe/Berlin"), **BY)
        device_profiles.assign(connection, "00:11:22:33:44:55:66:77", Assignment("duo@1"), **BY)
    said = SavedProfiles(registry).kept().assignments
    assert said == {"LG-1": Assignment("duo", "Europe/Berlin"), "0011223344556677": Assignment("duo@1")}
    with registry.write() as connection:
        device_profiles.assign(connection, "LG-1", Assignment(None), **BY)
    assert SavedProfiles(registry).kept().assignments == {"0011223344556677": Assignment("duo@1")}
    with pytest.raises(InvalidValue, match="Mars"), registry.write() as connection:
        device_profiles.assign(connection, "LG-1", Assignment(None, "Mars/Base"), **BY)


def test_the_revision_changes_with_profiles_and_assignments_and_with_nothing_else(registry: Registry) -> None:
    shelf = SavedProfiles(registry)
    seen = [shelf.revision()]
    acts = (
        lambda c: device_profiles.add(c, "duo", 1, "one", **BY),
        lambda c: device_profiles.assign(c, "LG-1", Assignment("duo"), **BY),
        lambda c: loggers.register(c, "LG-2", who="ada", now_ms=1, device_profile="duo"),
        lambda c: device_profiles.retire(c, "duo", 1, **BY),
    )
    for act in acts:
        with registry.write() as connection:
            act(connection)
        seen.append(shelf.revision())
    assert seen == sorted(set(seen))
    with registry.write() as connection:
        loggers.new_password(connection, "LG-2", who="ada", now_ms=1)
    assert shelf.revision() == seen[-1]


def test_a_registry_that_cannot_be_asked_is_trouble_that_passes(tmp_path: Path) -> None:
    empty = Registry(sqlite_url(tmp_path / "none" / "registry.db"))
    for ask in (SavedProfiles(empty).revision, SavedProfiles(empty).kept):
        with pytest.raises(TransientError, match="registry cannot be read"):
            ask()
