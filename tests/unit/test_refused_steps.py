"""A step that every address refuses for good does not wait for its time: the next one comes at once, and only once."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, RETURNED, SHIPMENT, SITE, Story, new_registry, set_aside
from rules_cast import DORA, EMIL, Rules, acknowledge, ladder, notes, step, to, told, who
from sqlalchemy import select, update

from alerts.channels.port import Deferred, Message, Refused, Sent
from alerts.dispatcher import Dispatcher
from alerts.explain import explanation
from alerts.fallback import ChannelFallback
from alerts.planner import AlertPlanner
from coldchain.clock import HandClock
from coldchain.registry.schema import outbox, shipment, signal
from coldchain.registry.store import Registry

MAIL = {"channels": ["email"]}
BOTH = {"channels": ["email", "sms"], "channel_mode": "first"}


class Server:
    """Takes everything but what is for the addresses that it refuses for good, or puts off."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.puts_off: set[str] = set()
        self.tried: list[str] = []

    def send(self, message: Message) -> Sent:
        self.tried.append(message.to)
        if message.to in self.refuses:
            raise Refused("no such address", code="550")
        if message.to in self.puts_off:
            raise Deferred("try later", code="451")
        return Sent(message.id, "250", "taken")


class Post:
    """Planner and dispatcher over servers that refuse, under a clock moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.registry: Registry = new_registry(folder)
        self.rules = Rules(self.registry)
        self.clock = HandClock(NOON)
        self.servers: Mapping[str, Server] = {"email": Server(), "sms": Server()}
        self.story = Story(self.registry, AlertPlanner(("email", "sms")))
        self.restarts()

    def restarts(self) -> None:
        self.dispatcher = Dispatcher(
            self.registry, self.servers, self.clock, "one", site=SITE, timers=AlertPlanner(("email", "sms")),
            failover=ChannelFallback(),
        )  # fmt: skip

    def refuse(self, *names: str) -> None:
        self.servers["email"].refuses |= {f"{name}@example.org" for name in names}

    def route(self, *steps: dict[str, object], repeat: int = 10) -> None:
        self.rules.policy("ladder", ladder(*steps, repeat=repeat))
        self.rules.routes(otherwise="ladder")

    def goes_on(self, minutes: int = 0) -> int:
        self.clock.advance(minutes * MINUTE)
        return self.dispatcher.drain()

    def explained(self) -> dict[str, list[dict[str, object]]]:
        with self.registry.read() as connection:
            return explanation(connection, str(self.story.id))


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def test_the_next_step_is_told_at_once_and_the_one_after_it_at_its_own_time(post: Post) -> None:
    post.route(step(0, to(DORA), **MAIL), step(10, to(EMIL), **MAIL), step(20, to(BOB), **MAIL))
    post.refuse("dora")
    post.story.happens(HIGH)
    post.goes_on()
    assert told(post.story) == [("raised", 1, 0, "Dora", "email"), ("raised", 1, 1, "Emil", "email")]
    assert post.goes_on(10) == 0
    assert post.story.row().next_timer_ms == NOON + 20 * MINUTE
    post.goes_on(10)
    assert who(post.story) == ["Dora", "Emil", "Bob"]


@pytest.mark.parametrize(
    ("names", "phone", "handed_on"),
    [(["dora"], True, False), (["dora", "bob"], False, False), (["dora", "bob"], True, True)],
)
def test_every_recipient_and_every_channel_of_the_step_must_have_refused(
    post: Post, names: list[str], phone: bool, handed_on: bool
) -> None:
    post.route(step(0, to(DORA), to(BOB), **BOTH), step(10, to(EMIL), **MAIL))
    post.refuse(*names)
    post.servers["sms"].refuses |= {"+4915100000009"} if phone else set()
    post.story.happens(HIGH)
    post.goes_on()
    assert ("Emil" in who(post.story)) is handed_on


def test_an_address_that_puts_off_is_waited_for(post: Post) -> None:
    post.route(step(0, to(DORA), to(BOB), **MAIL), step(10, to(EMIL), **MAIL))
    post.refuse("dora")
    post.servers["email"].puts_off.add("bob@example.org")
    post.story.happens(HIGH)
    post.goes_on(1)
    assert "Emil" not in who(post.story)
    post.refuse("bob")
    post.goes_on(6)
    assert "Emil" in who(post.story)


def test_behind_the_last_step_stands_everybody_on_call_once_for_each_repeat_and_nothing_loops(post: Post) -> None:
    post.route(step(0, to(DORA), **MAIL), step(10, to(EMIL), **MAIL), repeat=30)
    post.refuse("dora", "emil", "alice", "bob")
    post.servers["sms"].refuses.add("+4915100000001")
    post.story.happens(HIGH)
    attempts = post.goes_on()
    assert told(post.story) == [
        ("raised", 1, 0, "Dora", "email"), ("raised", 1, 1, "Alice", "email"), ("raised", 1, 1, "Alice", "sms"),
        ("raised", 1, 1, "Bob", "email"), ("raised", 1, 1, "Emil", "email"),
    ]  # fmt: skip
    assert attempts == 5
    assert post.goes_on(1) == 0
    assert post.story.row().next_timer_ms == NOON + 30 * MINUTE
    assert post.goes_on(29) == 4  # Emil again, and everybody on call at once again
    assert post.goes_on(1) == 0


def test_it_happens_once_also_when_the_process_dies_between_the_refusal_and_the_step(post: Post) -> None:
    post.route(step(0, to(DORA), **MAIL), step(10, to(EMIL), **MAIL))
    post.story.happens(HIGH)
    with post.registry.write() as connection:
        connection.execute(update(outbox).values(state="failed_permanent", next_due_ms=None))
        [row] = connection.execute(select(outbox.c.id)).scalars()
        ChannelFallback().failed(connection, [row], NOON)
        ChannelFallback().failed(connection, [row], NOON)  # a receipt that comes twice
    assert len(notes(post.story, "step_refused")) == 1
    post.restarts()
    post.goes_on()
    post.restarts()
    post.goes_on(1)
    assert who(post.story) == ["Dora", "Emil"]
    assert len(told(post.story)) == 2


@pytest.mark.parametrize("meanwhile", ["acknowledged", "shelved", "over"])
def test_what_is_in_hand_set_aside_or_told_as_over_stays_as_it_is(post: Post, meanwhile: str) -> None:
    post.route(step(0, to(DORA), **MAIL), step(10, to(EMIL), **MAIL))
    post.story.happens(HIGH)
    if meanwhile == "over":
        post.goes_on()
        post.story.happens(RETURNED, NOON + MINUTE)
    elif meanwhile == "shelved":
        set_aside(post.story, 30)
    else:
        acknowledge(post.story, NOON)
    post.refuse("dora")
    post.goes_on(1)
    assert who(post.story) == ["Dora"]


def test_that_a_consignor_was_informed_does_not_count_as_somebody_who_was_told(post: Post) -> None:
    with post.registry.write() as connection:
        connection.execute(update(shipment).where(shipment.c.id == SHIPMENT).values(consignor="Helvetia Pharma"))
    post.rules.party("33333333-0000-4000-8000-000000000001", "Helvetia Pharma", "Paul")
    post.rules.policy("ladder", ladder(step(0, to(DORA), **MAIL), step(10, to(EMIL), **MAIL)))
    post.rules.routes({"policy": "ladder", "inform": ["consignor"]})
    post.refuse("dora")
    post.story.happens(HIGH)
    post.goes_on()
    assert "Emil" in who(post.story)


def test_the_explanation_says_why_somebody_was_told_so_early(post: Post) -> None:
    post.route(step(0, to(DORA), **MAIL), step(10, to(EMIL), **MAIL))
    post.refuse("dora")
    post.story.happens(HIGH)
    post.goes_on()
    said = post.explained()
    words = {line["name"]: line["why"]["words"] for line in said["messages"]}  # type: ignore[index]
    assert words["Emil"] == (
        "is named by the policy; step 1 was refused by every address for good, so this came at once"
    )
    assert (DORA, "refused") in {(one["who"], one["why"]["code"]) for one in said["silences"]}  # type: ignore[index]


def test_without_a_policy_nothing_comes_forward_because_everybody_was_told_at_once(post: Post) -> None:
    post.refuse("alice", "bob")
    post.servers["sms"].refuses.add("+4915100000001")
    post.story.happens(HIGH)
    assert post.goes_on() == 3
    assert post.goes_on(1) == 0
    assert post.story.row().next_timer_ms == NOON + 10 * MINUTE
    with post.registry.read() as connection:
        kinds = set(connection.execute(select(signal.c.kind)).scalars())
    assert kinds == {"contact_fault"}
    assert {ALICE, BOB} == {row.recipient for row in post.story.outbox()}
