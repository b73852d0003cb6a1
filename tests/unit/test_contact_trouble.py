"""Trouble with somebody who cannot end it any more does not stand for ever."""

from pathlib import Path
from typing import Any

import pytest
from alert_cast import ALICE, BOB, NOON, new_registry
from sqlalchemy import select

from alerts import drills
from alerts.contact_trouble import FAULT
from alerts.drills import Rounds
from alerts.outbox import fault_of
from coldchain.registry import endpoints, parties, people, signals
from coldchain.registry.schema import signal
from coldchain.registry.store import Registry

DAY = 86_400_000
ROUNDS = Rounds(frozenset({"email", "sms"}), asks=False)
GONE: list[dict[str, Any]] = [{"name": "Robert"}, {"disabled_ms": NOON + DAY}, {"on_call": False}]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


def about(registry: Registry, name: str, kind: str) -> list[str]:
    """The open trouble of this kind that names somebody."""
    query = select(signal.c.detail).where(signal.c.kind == kind, signal.c.cleared_ms.is_(None))
    with registry.read() as connection:
        return [detail for detail in connection.execute(query).scalars() if name in detail]


def becomes(registry: Registry, person: str, now_ms: int, **values: Any) -> None:
    with registry.write() as connection:
        people.change(connection, person, who="test", now_ms=now_ms, **values)
        ROUNDS.run(connection, now_ms + 60_000)


@pytest.mark.parametrize("change", GONE)
def test_an_address_need_not_be_confirmed_by_who_is_gone_or_bears_another_name(
    registry: Registry, change: dict[str, Any]
) -> None:
    with registry.write() as connection:
        ROUNDS.run(connection, NOON + 2 * DAY)
    assert about(registry, "Bob", "contact_unverified")
    becomes(registry, BOB, NOON + 2 * DAY, **change)
    assert about(registry, "Bob", "contact_unverified") == []
    assert bool(about(registry, "Robert", "contact_unverified")) is ("name" in change)


def test_a_number_that_was_taken_away_need_not_be_confirmed(registry: Registry) -> None:
    with registry.write() as connection:
        ROUNDS.run(connection, NOON + 2 * DAY)
    assert len(about(registry, "Alice", "contact_unverified")) == 2
    becomes(registry, ALICE, NOON + 2 * DAY, phone=None)
    [left] = about(registry, "Alice", "contact_unverified")
    assert "e-mail address" in left


@pytest.mark.parametrize("change", GONE)
def test_a_drill_waits_for_no_answer_of_who_is_gone_or_bears_another_name(
    registry: Registry, change: dict[str, Any]
) -> None:
    with registry.write() as connection:
        someone = people.get(connection, BOB)
        assert someone is not None
        drills.send(connection, someone, "email", who="test", now_ms=NOON)
        ROUNDS.run(connection, NOON + 5 * DAY)
        ROUNDS.run(connection, NOON + 5 * DAY + 60_000)
    assert about(registry, "Bob", "drill_unanswered")
    becomes(registry, BOB, NOON + 6 * DAY, **change)
    assert about(registry, "Bob", "drill_unanswered") == []


def test_refused_messages_trouble_nobody_once_their_recipient_is_gone(registry: Registry) -> None:
    with registry.write() as connection:
        bridge, _ = endpoints.create(
            connection, name="Bridge", url="https://bridge.example.org/", private=False, who="test", now_ms=NOON
        )
        desk = parties.create(
            connection, party="Helvetia Pharma", name="Desk", email="desk@example.org", who="test", now_ms=NOON
        )
        for name, channel in (("Alice", "sms"), ("Alice", "email"), ("Bridge", "webhook"), ("Desk", "email")):
            fault = fault_of(channel, {"reader": {"name": name}})
            signals.report(connection, role="notifier", kind=FAULT, detail=fault, now_ms=NOON)
        ROUNDS.run(connection, NOON + 60_000)
    assert [len(about(registry, name, FAULT)) for name in ("Alice", "Bridge", "Desk")] == [2, 1, 1]
    with registry.write() as connection:
        endpoints.switch(connection, bridge, on=False, who="test", now_ms=NOON)
        parties.end(connection, desk, who="test", now_ms=NOON)
    becomes(registry, ALICE, NOON + DAY, phone=None)
    assert [len(about(registry, name, FAULT)) for name in ("Alice", "Bridge", "Desk")] == [1, 0, 0]
