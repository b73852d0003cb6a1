"""The outbox: what is due, who holds it, what became of it, and that nothing falls between."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alert_cast import ALICE, HIGH, KEY, MINUTE, NOON, SITE, Story, new_registry
from sqlalchemy import Connection, select, update

from alerts import ack_link, grouping_rows, lifecycle
from alerts.channels.port import Deferred, Message, Refused, Sent
from alerts.dispatcher import Dispatcher
from alerts.grouping import JOIN_MS
from alerts.outbox import GIVE_UP_MS, pause_ms
from coldchain.clock import HandClock
from coldchain.registry import outbox
from coldchain.registry.outbox import LEASE, Outcome
from coldchain.registry.schema import delivery_attempt, signal
from coldchain.registry.schema import outbox as table
from coldchain.registry.store import Registry, take_lease

ACCEPTED = Outcome("accepted", "250", "250 kept")


class Desk:
    """A channel of its own kind: it answers what it is told to, else it takes the message."""

    def __init__(self, *answers: Exception) -> None:
        self.answers = list(answers)
        self.taken: list[Message] = []

    def send(self, message: Message) -> Sent:
        if self.answers:
            raise self.answers.pop(0)
        self.taken.append(message)
        return Sent(f"id{len(self.taken)}", "201", "taken")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def story(registry: Registry) -> Story:
    story = Story(registry)
    story.happens(HIGH)
    return story


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


def dispatcher(story: Story, clock: HandClock, mail: Desk, sms: Desk | None = None, name: str = "one") -> Dispatcher:
    channels = {"email": mail, "sms": sms or Desk()}
    return Dispatcher(story.registry, channels, clock, name, site=SITE, timers=story.planner)


@contextmanager
def holding(registry: Registry, holder: str = "one", now_ms: int = NOON) -> Iterator[tuple[Connection, int]]:
    with registry.write() as connection:
        fence = take_lease(connection, LEASE, holder, now_ms, 6_000)
        assert fence is not None
        yield connection, fence


def claim(connection: Connection, fence: int, holder: str = "one", now_ms: int = NOON, channel: str = "email") -> Any:
    return grouping_rows.claim(connection, channel, holder=holder, fence=fence, now_ms=now_ms, lease_ms=60_000)


def attempts(registry: Registry) -> list[tuple[str, str]]:
    with registry.read() as connection:
        query = select(delivery_attempt.c.outcome, delivery_attempt.c.code).order_by(delivery_attempt.c.id)
        return [tuple(row) for row in connection.execute(query)]


def test_a_claimed_row_is_sending_before_anything_leaves_and_is_claimed_once(story: Story) -> None:
    with holding(story.registry) as (connection, fence):
        first, second = claim(connection, fence), claim(connection, fence)
        assert claim(connection, fence) is None
    assert first.id != second.id
    assert [row.state for row in story.outbox() if row.channel == "email"] == ["sending", "sending"]
    assert attempts(story.registry) == [(None, None), (None, None)]


def test_who_lost_the_lease_claims_nothing_and_records_nothing(story: Story) -> None:
    with holding(story.registry) as (connection, fence):
        old = claim(connection, fence)
    with holding(story.registry, "two", NOON + 7_000) as (connection, newer):
        assert outbox.recover(connection, newer, NOON + 7_000) == 1
        assert claim(connection, fence) is None
        assert outbox.finish(connection, old, ACCEPTED, None, NOON + 7_000) is False
    row = next(row for row in story.outbox() if row.id == old.id)
    assert (row.state, row.possible_repeat, row.accepted_ms) == ("unknown", True, None)


def test_a_row_found_in_sending_is_sent_again_and_marked(story: Story, clock: HandClock) -> None:
    with holding(story.registry) as (connection, fence):
        interrupted = claim(connection, fence)
    clock.advance(7_000)
    desk = Desk()
    dispatcher(story, clock, desk, name="two").drain()
    marked = {message.id: message.headers.get("X-Coldchain-Repeat") for message in desk.taken}
    assert marked[interrupted.id] == "possible"
    assert sorted(marked.values(), key=str) == [None, "possible"]
    assert ("unknown", "interrupted") in attempts(story.registry)


def test_an_outcome_that_could_not_be_written_down_is_found_by_its_own_holder(story: Story) -> None:
    with holding(story.registry) as (connection, fence):
        claim(connection, fence)
        assert outbox.recover(connection, fence, NOON + 60_000) == 0
        assert outbox.recover(connection, fence, NOON + 60_001) == 1


def test_everything_due_is_sent_once_and_recorded(story: Story, clock: HandClock) -> None:
    mail, sms = Desk(), Desk()
    sender = dispatcher(story, clock, mail, sms)
    assert sender.drain() == 3
    assert sender.drain() == 0
    assert [message.to for message in mail.taken] == ["alice@example.org", "bob@example.org"]
    assert [message.to for message in sms.taken] == ["+4915100000001"]
    assert {(row.state, row.accepted_ms, row.next_due_ms) for row in story.outbox()} == {("accepted", NOON, None)}
    assert {row.provider_id for row in story.outbox() if row.channel == "sms"} == {"id1"}


def test_the_link_in_the_mail_acknowledges_in_its_readers_name(story: Story, clock: HandClock) -> None:
    mail = Desk()
    dispatcher(story, clock, mail).drain()
    token = mail.taken[0].text.split("/api/v1/ack/")[1].split()[0]
    with story.registry.write() as connection:
        ack_link.act(connection, KEY, token, NOON)
    assert story.row().acknowledged_by == ALICE


def test_a_temporary_failure_is_tried_again_after_a_growing_pause(story: Story, clock: HandClock) -> None:
    mail = Desk(*[Deferred("451 later", code="451")] * 4)
    sender = dispatcher(story, clock, mail)
    sender.drain()
    waits = {row.state: row.next_due_ms - NOON for row in story.outbox() if row.channel == "email"}
    assert waits.keys() == {"failed_temporary"}
    assert all(4_000 <= wait <= 6_000 for wait in waits.values())
    clock.advance(6_000)
    sender.drain()
    assert mail.taken == []
    clock.advance(12_000)
    sender.drain()
    assert len(mail.taken) == 2
    assert not any(row.possible_repeat for row in story.outbox())
    assert [outcome for outcome, _ in attempts(story.registry)].count("failed_temporary") == 4


def test_what_was_put_off_under_a_clock_an_hour_ahead_leaves_when_the_clock_is_put_back(
    story: Story, clock: HandClock
) -> None:
    clock.set(NOON + 60 * MINUTE)
    mail = Desk(*[Deferred("451 later", code="451")] * 2)
    sender = dispatcher(story, clock, mail)
    sender.drain()
    waits = story.row().next_timer_ms - clock.now_ms()
    clock.advance(4_000)
    clock.set(NOON + 4_000)
    sender.drain()
    assert story.row().next_timer_ms - clock.now_ms() <= waits
    clock.advance(12_000)
    sender.drain()
    assert {message.to for message in mail.taken} == {"alice@example.org", "bob@example.org"}


def test_a_doubtful_outcome_is_sent_again_and_marked(story: Story, clock: HandClock) -> None:
    mail = Desk(Deferred("connection lost", code="connection", ambiguous=True))
    sender = dispatcher(story, clock, mail)
    sender.drain()
    clock.advance(MINUTE)
    sender.drain()
    assert [message.headers.get("X-Coldchain-Repeat") for message in mail.taken] == [None, "possible"]


@pytest.mark.parametrize("code", ["552", "554"])
def test_a_message_of_several_that_is_refused_for_what_it_holds_leaves_one_by_one(
    story: Story, clock: HandClock, code: str
) -> None:
    for _ in range(2):
        Story(story.registry).happens(HIGH)
    mail = Desk(Refused(f"{code} message exceeds fixed maximum message size", code=code))
    dispatcher(story, clock, mail).drain()
    split = [message.to for message in mail.taken].count("alice@example.org")
    assert (split, len(mail.taken)) == (3, 4), "one by one to who refused them all, one message to the other"
    with story.registry.read() as connection:
        states = connection.execute(select(table.c.state).where(table.c.channel == "email")).scalars()
        assert set(states) == {"accepted"}
        assert connection.execute(select(signal.c.kind)).all() == []


def test_a_single_message_that_is_refused_for_what_it_holds_is_refused(story: Story, clock: HandClock) -> None:
    mail = Desk(Refused("554 no", code="554"))
    dispatcher(story, clock, mail).drain()
    assert [row.state for row in story.outbox() if row.channel == "email"].count("failed_permanent") == 1


def test_a_refusal_is_final_shown_and_a_fault_of_the_contact(story: Story, clock: HandClock) -> None:
    mail = Desk(Refused("550 no such user", code="550"))
    sender = dispatcher(story, clock, mail)
    sender.drain()
    clock.advance(24 * 60 * MINUTE)
    with story.registry.write() as connection:
        lifecycle.acknowledge(connection, str(story.id), who=ALICE, via="api", comment="", now_ms=clock.now_ms())
    sender.drain()
    assert [message.to for message in mail.taken] == ["bob@example.org"]
    refused = next(row for row in story.outbox() if row.state == "failed_permanent")
    assert (refused.address, refused.next_due_ms) == ("alice@example.org", None)
    assert "delivery_failed" in story.timeline()
    with story.registry.read() as connection:
        assert connection.execute(select(signal.c.kind, signal.c.cleared_ms)).all() == [("contact_fault", None)]


def test_a_contact_that_takes_messages_again_is_no_fault_any_more(story: Story, clock: HandClock) -> None:
    sender = dispatcher(story, clock, Desk(Refused("550 no such user", code="550")))
    sender.drain()
    story.happens(replace(HIGH, peak_mc=20_000), NOON + MINUTE)
    clock.advance(MINUTE)
    sender.drain()
    with story.registry.read() as connection:
        assert connection.execute(select(signal.c.cleared_ms)).scalars().all() == [NOON + MINUTE]


def test_an_alarm_that_nobody_answered_is_never_given_up(story: Story, clock: HandClock) -> None:
    mail = Desk(*[Deferred("451", code="451")] * 1000)
    sender = dispatcher(story, clock, mail)
    sender.drain()
    clock.advance(GIVE_UP_MS + MINUTE)
    sender.drain()
    assert {row.state for row in story.outbox() if row.channel == "email"} == {"failed_temporary"}


def test_an_answered_alarm_is_given_up_after_a_day_and_says_so(story: Story, clock: HandClock) -> None:
    mail = Desk(*[Deferred("451", code="451")] * 1000)
    sender = dispatcher(story, clock, mail)
    sender.drain()
    clock.advance(GIVE_UP_MS + MINUTE)
    with story.registry.write() as connection:
        lifecycle.acknowledge(connection, str(story.id), who=ALICE, via="api", comment="", now_ms=clock.now_ms())
    sender.drain()
    assert {row.state for row in story.outbox() if row.channel == "email"} == {"failed_permanent"}
    assert ("failed_permanent", "gave_up") in attempts(story.registry)


def test_a_message_that_cannot_be_written_stops_no_other(story: Story, clock: HandClock) -> None:
    broken = story.outbox()[0].id
    with story.registry.write() as connection:
        connection.execute(update(table).where(table.c.id == broken).values(content={"reason": "raised"}))
    mail = Desk()
    dispatcher(story, clock, mail).drain()
    assert len(mail.taken) == 1
    assert ("unknown", "internal") in attempts(story.registry)


def test_the_dispatcher_says_again_what_nobody_answers(story: Story, clock: HandClock) -> None:
    mail = Desk()
    sender = dispatcher(story, clock, mail)
    sender.drain()
    clock.advance(10 * MINUTE)
    sender.drain()
    assert [message.subject.startswith("[REPEAT]") for message in mail.taken] == [False, False, True, True]


def test_a_second_dispatcher_stands_by_until_the_first_is_gone(story: Story, clock: HandClock) -> None:
    first, second = Desk(), Desk()
    one, two = dispatcher(story, clock, first, name="one"), dispatcher(story, clock, second, name="two")
    one.drain()
    story.happens(replace(HIGH, peak_mc=20_000), NOON + 1_000)
    clock.advance(1_000)
    assert two.drain() == 0
    clock.advance(JOIN_MS)
    assert two.drain() == 3
    assert one.drain() == 0
    assert (len(first.taken), len(second.taken)) == (2, 2)


def test_a_process_that_stood_still_does_not_send_what_another_may_have_sent(story: Story, clock: HandClock) -> None:
    class Sleepy(HandClock):
        def monotonic_s(self) -> float:
            self.advance(7_000)
            return super().monotonic_s()

    mail = Desk()
    Dispatcher(story.registry, {"email": mail}, Sleepy(NOON), "one", site=SITE).drain()
    assert mail.taken == []


def test_pauses_double_to_five_minutes_and_spread() -> None:
    for attempt, plain in enumerate((5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000), start=1):
        pauses = {pause_ms(f"row{n}", attempt) for n in range(50)}
        assert min(pauses) >= plain * 0.8
        assert max(pauses) <= plain * 1.2
        assert len(pauses) > 10
    assert pause_ms("row", 10_000) <= 360_000


def test_a_server_that_asks_for_patience_gets_it() -> None:
    assert pause_ms("row", 1, asked_s=90.0) == 90_000
    assert pause_ms("row", 8, asked_s=1.0) >= 240_000
