"""What waits for somebody who moves or leaves follows them, or leaves to nobody."""

from pathlib import Path
from typing import Any

import pytest
from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, SITE, Story, new_registry
from rules_cast import EMIL, Rules, ladder, step, to, told
from sqlalchemy import select

from alerts import drills, proofs
from alerts.channels.port import Deferred, Message, Sent
from alerts.dispatcher import Dispatcher
from alerts.planner import AlertPlanner
from coldchain.clock import HandClock
from coldchain.registry import people
from coldchain.registry.schema import delivery_attempt, outbox
from coldchain.registry.store import Registry

NEW = "+4915199999999"


class Server:
    """Takes messages, or is away."""

    def __init__(self) -> None:
        self.away = True
        self.taken: list[str] = []

    def send(self, message: Message) -> Sent:
        if self.away:
            raise Deferred("nobody there", code="connection")
        self.taken.append(message.to)
        return Sent("id", "250", "kept")


class House:
    """The cast, servers that are away, and the notifier."""

    def __init__(self, registry: Registry) -> None:
        self.registry, self.clock, self.server = registry, HandClock(NOON), Server()
        channels = {"email": self.server, "sms": self.server}
        rounds = drills.Rounds(frozenset(channels), asks=False)
        self.notifier = Dispatcher(
            registry, channels, self.clock, "here:1:1", site=SITE, timers=AlertPlanner(), rounds=rounds
        )

    def changes(self, person: str, **values: Any) -> None:
        with self.registry.write() as connection:
            people.change(connection, person, who="admin", now_ms=self.clock.now_ms(), **values)

    def comes_back(self, minutes: int = 5) -> list[str]:
        """The servers are there again: the addresses that messages went to."""
        self.server.away = False
        self.clock.advance(minutes * MINUTE)
        for _ in range(2):  # what the first round brings forward is due in the second
            self.notifier.drain()
        return sorted(self.server.taken)

    def attempts(self) -> list[tuple[str, str]]:
        query = select(outbox.c.recipient, delivery_attempt.c.detail).where(delivery_attempt.c.code == "withdrawn")
        with self.registry.read() as connection:
            return [tuple(row) for row in connection.execute(query.join(outbox))]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(new_registry(tmp_path))


@pytest.mark.parametrize("gone", [{"disabled_ms": NOON}, {"expires_ms": NOON + MINUTE}])
def test_what_waits_for_somebody_whose_access_ends_leaves_to_nobody(house: House, gone: dict[str, int]) -> None:
    Story(house.registry).happens(HIGH)
    house.notifier.drain()
    house.changes(BOB, **gone)
    assert house.comes_back() == ["+4915100000001", "alice@example.org"]
    assert house.attempts() == [(BOB, "the recipient's access has ended")]


def test_where_nobody_else_was_told_the_next_step_comes_forward(house: House) -> None:
    rules = Rules(house.registry)
    rules.policy("ladder", ladder(step(0, to(BOB)), step(60, to(EMIL))))
    rules.routes(otherwise="ladder")
    story = Story(house.registry)
    story.happens(HIGH)
    house.notifier.drain()
    house.changes(BOB, disabled_ms=NOON)
    assert "emil@example.org" in house.comes_back()
    assert {line[3] for line in told(story) if line[2] == 1} == {"Emil"}


def test_what_waits_for_a_phone_goes_to_the_new_number(house: House) -> None:
    Story(house.registry).happens(HIGH)
    house.notifier.drain()
    house.changes(ALICE, phone=NEW)
    assert house.comes_back() == [NEW, "alice@example.org", "bob@example.org"]


def test_what_waits_for_a_number_that_is_taken_away_leaves_to_nobody(house: House) -> None:
    Story(house.registry).happens(HIGH)
    house.notifier.drain()
    house.changes(ALICE, phone=None)
    assert house.comes_back() == ["alice@example.org", "bob@example.org"]
    assert house.attempts() == [(ALICE, "the address was taken away")]


def test_a_question_to_the_old_number_is_not_put_to_the_new_one(house: House) -> None:
    with house.registry.write() as connection:
        proofs.ask(connection, ALICE, "sms", who=ALICE, now_ms=NOON)
    house.changes(ALICE, phone=NEW)
    assert house.comes_back() == []


def test_another_name_leaves_what_waits_as_it_is(house: House) -> None:
    Story(house.registry).happens(HIGH)
    house.notifier.drain()
    house.changes(ALICE, name="Alicia", phone="+49 151 0000 0001")
    assert house.comes_back() == ["+4915100000001", "alice@example.org", "bob@example.org"]
