"""The audit trail: every change of any entry is found, and an entry lives or dies with its change."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text

from coldchain import audit
from coldchain.registry.migrations import migrate
from coldchain.registry.store import Registry, sqlite_url


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = Registry(sqlite_url(tmp_path / "registry.db"))
    migrate(opened)
    yield opened
    opened.close()


def fill(registry: Registry, count: int) -> None:
    with registry.write() as connection:
        for number in range(count):
            audit.record(
                connection, at_ms=number, who="ada", action="changed", kind="shipment", id=str(number),
                old={"limit": 8.0}, new={"limit": 8.5, "name": "Grüße"}, reason="because",
            )  # fmt: skip


def broken_at(registry: Registry, *statements: str) -> int | None:
    with registry.write() as connection:
        for statement in statements:
            connection.execute(text(statement))
        found = audit.verify(connection)
    return None if found is None else found.number


def test_an_untouched_chain_is_whole(registry: Registry) -> None:
    fill(registry, 20)
    assert broken_at(registry) is None


def test_entries_that_are_appended_together_are_chained_like_any_others(registry: Registry) -> None:
    fill(registry, 3)
    with registry.write() as connection:
        new = [audit.New("ingest", "journal.seen", "logger", f"LG-{n}", new={"offset": n}) for n in range(5)]
        assert audit.record_all(connection, new, at_ms=7) == 8
        assert audit.record_all(connection, [], at_ms=7) == 8
    fill(registry, 1)
    with registry.read() as connection:
        found = list(audit.entries(connection))
    assert [entry.number for entry in found] == list(range(1, 10))
    assert [entry.object_id for entry in found[3:8]] == [f"LG-{n}" for n in range(5)]
    assert all(after.previous == before.hash for before, after in pairwise(found))
    assert broken_at(registry) is None
    assert broken_at(registry, "update audit set object_id = 'LG-9' where number = 6") == 6


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("update audit set who = 'eve' where number = 7", 7),
        ("update audit set new = '{\"limit\": 9.5}' where number = 3", 3),
        ("update audit set at_ms = 99 where number = 20", 20),
        ("delete from audit where number = 11", 11),
        ("delete from audit where number = 1", 1),
        ("update audit set hash = (select hash from audit where number = 4) where number = 5", 5),
        ("update audit set reason = null where number = 2", 2),
    ],
)
def test_any_change_is_located(registry: Registry, statement: str, number: int) -> None:
    fill(registry, 20)
    assert broken_at(registry, statement) == number


def test_an_entry_disappears_with_the_change_that_failed(registry: Registry) -> None:
    fill(registry, 2)
    with pytest.raises(ZeroDivisionError), registry.write() as connection:
        audit.record(connection, at_ms=1, who="ada", action="changed", kind="shipment", id="1")
        1 / 0  # noqa: B018
    with registry.read() as connection:
        assert [entry.number for entry in audit.entries(connection)] == [1, 2]
