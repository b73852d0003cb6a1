"""Who sends next: one after the other while servers are quick, past whoever hangs, and never all at one recipient."""

import threading
from dataclasses import replace
from pathlib import Path

from alert_cast import HIGH, NOON, SITE, Story, new_registry, store_alarm
from server_process import wait_until
from sqlalchemy import Connection

from alerts.channels.port import Message, Sent
from alerts.dispatcher import Dispatcher, Pacing
from alerts.grouping_rows import claim
from alerts.lanes import Lane, Turn
from coldchain.clock import HandClock, SystemClock
from coldchain.registry import outbox
from coldchain.registry.outbox_groups import MOST_ABREAST
from coldchain.registry.store import take_lease

LEASE_MS = 120_000


class Sends:
    """Sends that hang until they are let go; remembers how many were under way at once."""

    def __init__(self, count: int, hanging: int) -> None:
        self.left, self.hanging, self.begun, self.done, self.most = count, hanging, 0, 0, 0
        self.release = threading.Event()
        self._lock = threading.Lock()

    def one(self) -> bool:
        with self._lock:
            if not self.left:
                return False
            self.left -= 1
            self.begun += 1
            hangs = self.begun <= self.hanging
            self.most = max(self.most, self.begun - self.done)
        if hangs:
            self.release.wait(60)
        with self._lock:
            self.done += 1
        return True


def test_while_all_are_quick_only_one_message_is_under_way_however_often_the_lane_is_pushed() -> None:
    sends = Sends(count=200, hanging=0)
    lane = Lane("email", sends.one, Turn(SystemClock(), 30.0), 32)
    while sends.left:
        lane.push()
    wait_until(lambda: not lane.busy)
    assert (sends.done, sends.most) == (200, 1)


def test_whoever_waits_for_a_turn_passes_the_one_that_hangs_without_being_pushed_again() -> None:
    sends = Sends(count=50, hanging=1)
    lane = Lane("email", sends.one, Turn(SystemClock(), 0.05), 32)
    lane.push()
    wait_until(lambda: sends.begun == 1)
    lane.push()
    wait_until(lambda: sends.done == 49, what="the others")
    sends.release.set()
    wait_until(lambda: not lane.busy)
    assert sends.done == 50


def test_no_more_hang_at_once_than_the_lane_is_wide() -> None:
    sends = Sends(count=20, hanging=20)
    lane = Lane("email", sends.one, Turn(SystemClock(), 0.01), 3)

    def begun() -> bool:
        lane.push()
        return sends.begun == 3

    wait_until(begun)
    for _ in range(5):
        lane.push()
    assert sends.begun == 3
    sends.release.set()
    lane.close(10)
    assert sends.most == 3


def test_of_a_storm_one_recipient_has_a_few_messages_under_way_and_the_next_recipient_is_not_behind_it(
    tmp_path: Path,
) -> None:
    story = Story(new_registry(tmp_path))
    story.happens(HIGH)
    with story.registry.write() as connection:
        alarms = [store_alarm(connection, replace(HIGH, channel=f"c{number}")) for number in range(10)]
        for place, recipient in enumerate(("hostile", "other")):
            for alarm in alarms:
                queue(connection, story, alarm, recipient, 1, NOON + place)
        one = Claims(connection)
        first = [one.next(NOON + 20) for _ in range(2 * MOST_ABREAST + 1)]
        recipients = [claimed.recipient for claimed in first if claimed is not None]
        assert recipients == ["hostile"] * MOST_ABREAST + ["other"] * MOST_ABREAST
        assert first[-1] is None
        # What nobody could write the outcome of blocks no longer than a send can take.
        later = one.next(NOON + 20 + 60_000)
        assert later is not None
        assert later.recipient == "hostile"


def test_a_program_gets_an_alarms_next_word_only_after_the_one_that_is_still_on_its_way(tmp_path: Path) -> None:
    story = Story(new_registry(tmp_path))
    story.happens(HIGH)
    with story.registry.write() as connection:
        for occasion in (1, 2):
            queue(connection, story, str(story.id), "pager", occasion, NOON)
        one = Claims(connection)
        first = one.next(NOON)
        assert first is not None
        assert one.next(NOON) is None
        assert one.next(NOON + 2_000) is None
        assert outbox.finish(connection, first, outbox.Outcome("accepted", "204", ""), None, NOON + 3_000)
        second = one.next(NOON + 4_000)
        assert second is not None
        assert (first.occasion, second.occasion) == (1, 2)


class Held:
    """A channel whose sends take until they are let go."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()

    def send(self, message: Message) -> Sent:
        self.begun.set()
        self.release.wait(60)
        return Sent(None, "", "")


def test_a_channel_that_is_slow_by_nature_takes_no_turns_with_the_others(tmp_path: Path) -> None:
    story, slow, quick = Story(new_registry(tmp_path)), Held(), Held()
    quick.release.set()
    story.happens(HIGH)
    with story.registry.write() as connection:
        for channel in ("apprise", "webhook"):
            queue(connection, story, str(story.id), channel, 1, NOON, channel=channel)
    made = Dispatcher(
        story.registry, {"apprise": slow, "webhook": quick}, HandClock(NOON + 1), "one", site=SITE,
        pacing=Pacing(patience_s=60.0), apart={"apprise": 2},
    )  # fmt: skip
    made.step()
    wait_until(slow.begun.is_set)

    def state(channel: str) -> str:
        return next(str(row.state) for row in story.outbox() if row.channel == channel)

    wait_until(lambda: state("webhook") == "accepted")
    assert state("apprise") == "sending"
    slow.release.set()
    made.close()
    assert state("apprise") == "accepted"


def queue(
    connection: Connection,
    story: Story,
    alarm: str,
    recipient: str,
    occasion: int,
    due_ms: int,
    channel: str = "webhook",
) -> None:
    """One row for a program, with the content of the story's own alarm."""
    content = story.outbox()[0].content if story.id else {}
    row = {"alarm": alarm, "occasion": occasion, "step": 0, "recipient": recipient, "channel": channel}
    more = {"recipient_kind": "endpoint", "reason": "raised", "address": "https://example.org", "content": content}
    assert outbox.queue(connection, {**row, **more, "created_ms": due_ms, "next_due_ms": due_ms})


class Claims:
    """A dispatcher that claims and does not send."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.fence = take_lease(connection, outbox.LEASE, "one", NOON, 1_000) or 0

    def next(self, now_ms: int) -> outbox.Claimed | None:
        return claim(self.connection, "webhook", holder="one", fence=self.fence, now_ms=now_ms, lease_ms=LEASE_MS)
