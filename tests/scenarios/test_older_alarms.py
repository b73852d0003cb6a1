"""An alarm that is active while the program is upgraded or its rules change: nothing is cleared, no timer is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alert_cast import MINUTE
from sqlalchemy import select

from alerts.planner import AlertPlanner
from coldchain.errors import ColdchainError
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import alarm, outbox
from coldchain.registry.store import Registry, sqlite_url

OLD = Path(__file__).parents[1] / "states" / "0001" / "registry.sql"
THEN = 1_767_608_100_000


@pytest.fixture
def upgraded(tmp_path: Path) -> Registry:
    """The first version's registry with its alarm active, unanswered and due in a minute; then brought up to date."""
    path = tmp_path / "registry.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(OLD.read_text())
        active = "update alarm set condition = 'active', end_ms = null, severity = 3, next_timer_ms = ?"
        database.execute(active, (THEN + MINUTE,))
        database.execute("update outbox set state = 'delivered', next_due_ms = null")
        database.commit()
    registry = Registry(sqlite_url(path))
    migrate(registry)
    return registry


def test_an_active_alarm_keeps_its_state_and_its_timer_through_every_migration(upgraded: Registry) -> None:
    with upgraded.read() as connection:
        [row] = connection.execute(select(alarm)).all()
        before = len(connection.execute(select(outbox.c.id)).all())
    assert (row.condition, row.suppression, row.acknowledged_ms, row.occasion) == ("active", "none", None, 2)
    assert (row.policy, row.step, row.next_timer_ms) == (None, None, THEN + MINUTE)
    with upgraded.write() as connection:
        assert AlertPlanner().due(connection, THEN) == 0
        assert AlertPlanner().due(connection, THEN + MINUTE) == 1
    with upgraded.read() as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.occasion.desc())).all()
        [row] = connection.execute(select(alarm)).all()
    assert len(rows) > before
    assert (rows[0].reason, rows[0].recipient_kind) == ("repeat", "person")
    assert row.next_timer_ms == THEN + 11 * MINUTE


def test_a_registry_of_a_newer_program_is_refused_and_left_as_it_is(upgraded: Registry) -> None:
    with upgraded.write() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(ColdchainError, match="9999"):
        migrate(upgraded)
    with upgraded.read() as connection:
        assert connection.execute(select(alarm.c.next_timer_ms)).scalar_one() == THEN + MINUTE
