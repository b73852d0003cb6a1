"""Failures that other alerting systems are known for, one test each, named after the failure; none of them is ours."""

import time
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from alert_cast import HIGH, MINUTE, NOON, SITE, Story, new_registry
from mail_servers import SmsServer, SmtpServer
from server_process import PATIENCE
from sqlalchemy import select

from alerts import grouping_rows
from alerts.channels.sms import SmsChannel, SmsSettings
from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher
from coldchain.clock import HandClock
from coldchain.domain.finding import AlarmCondition, Condition
from coldchain.registry.outbox import LEASE
from coldchain.registry.schema import outbox, person
from coldchain.registry.store import Registry, take_lease

SENDER = "Coldchain <alerts@cold.example.org>"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(new_registry(tmp_path))


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


def mailer(
    story: Story, clock: HandClock, server: SmtpServer, name: str = "one", deadline_s: float = 30.0
) -> Dispatcher:
    settings = replace(parse_smtp_url(server.url()), deadline_s=deadline_s)
    return Dispatcher(story.registry, {"email": SmtpChannel(settings, SENDER)}, clock, name, site=SITE)


def texter(story: Story, clock: HandClock, server: SmsServer) -> Dispatcher:
    channel = SmsChannel(SmsSettings(server.url, server.account, server.token, "+4930000000"))
    return Dispatcher(story.registry, {"sms": channel}, clock, "one", site=SITE)


def first_line(content: bytes) -> str:
    part = message_from_bytes(content, policy=default).get_body(("plain",))
    assert part is not None
    return str(part.get_content()).splitlines()[0]


def over(minutes: int) -> AlarmCondition:
    return replace(HIGH, condition=Condition.RETURNED, end_ms=NOON + minutes * MINUTE, value_mc=6_000)


def test_alertmanager_an_alert_that_began_and_ended_during_an_outage_of_the_receiver_was_never_announced(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    smtp_server.pause()
    story.happens(HIGH)
    sender = mailer(story, clock, smtp_server)
    sender.drain()
    clock.advance(20 * MINUTE)
    story.happens(over(20), clock.now_ms())
    sender.drain()
    smtp_server.resume()
    clock.advance(2 * MINUTE)
    sender.drain()
    assert sorted(smtp_server.recipients()) == ["alice@example.org", "bob@example.org"]
    for _, content in smtp_server.mails:
        line = first_line(content)
        assert "from 12:46 CET to 13:20 CET (34 min), peak 12.8 °C" in line
        assert b"TOLD LATE" in content
    assert {row.state for row in story.outbox() if row.channel == "email"} == {"accepted"}


def test_alertmanager_an_alert_shorter_than_group_wait_was_never_announced(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    story.happens(HIGH)
    clock.advance(1_000)
    story.happens(over(0), clock.now_ms())
    mailer(story, clock, smtp_server).drain()
    assert len(smtp_server.mails) == 2
    assert all("peak 12.8 °C" in first_line(content) for _, content in smtp_server.mails)


def test_alertmanager_an_alert_that_was_accepted_before_kill_9_was_never_announced(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    story.happens(HIGH)
    # Nothing is handed over to the next process but the file.
    reopened = Registry(str(story.registry.engine.url))
    story.registry.close()
    story.registry = reopened
    mailer(story, clock, smtp_server).drain()
    assert len(smtp_server.mails) == 2


def test_alertmanager_after_kill_9_everything_was_notified_again(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    story.happens(HIGH)
    mailer(story, clock, smtp_server, "before").drain()
    clock.advance(10_000)
    mailer(story, clock, smtp_server, "after").drain()
    assert len(smtp_server.mails) == 2


def test_alertmanager_one_refused_recipient_failed_the_mail_for_all(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    smtp_server.answers["RCPT alice@example.org"] = "550 5.1.1 no such user"
    story.happens(HIGH)
    mailer(story, clock, smtp_server).drain()
    assert smtp_server.recipients() == ["bob@example.org"]
    states = {row.address: row.state for row in story.outbox() if row.channel == "email"}
    assert states == {"alice@example.org": "failed_permanent", "bob@example.org": "accepted"}


def test_healthchecks_a_flip_marked_as_processed_before_it_was_sent_was_lost_by_a_crash(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    story.happens(HIGH)
    with story.registry.write() as connection:
        fence = take_lease(connection, LEASE, "dies", NOON, 6_000)
        assert fence is not None
        taken = grouping_rows.claim(connection, "email", holder="dies", fence=fence, now_ms=NOON, lease_ms=60_000)
        assert taken is not None
    clock.advance(10_000)
    mailer(story, clock, smtp_server, "next").drain()
    mails = dict(smtp_server.mails)
    assert len(mails) == 2
    assert b"X-Coldchain-Repeat: possible" in mails[taken.address]


def test_grafana_notifications_were_lost_when_it_restarted_between_attempts(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    story.happens(HIGH)
    smtp_server.pause()
    mailer(story, clock, smtp_server, "before").drain()
    smtp_server.resume()
    clock.advance(MINUTE)
    mailer(story, clock, smtp_server, "after").drain()
    assert len(smtp_server.mails) == 2
    assert not any(row.possible_repeat for row in story.outbox())


def test_apprise_an_sms_answered_with_201_and_status_failed_counted_as_sent(
    story: Story, clock: HandClock, sms_server: SmsServer
) -> None:
    sms_server.script = [(201, {}, {"sid": "SM1", "status": "failed", "error_code": 30003})]
    story.happens(HIGH)
    texter(story, clock, sms_server).drain()
    [row] = [row for row in story.outbox() if row.channel == "sms"]
    assert row.state == "failed_permanent"


def test_apprise_a_send_that_timed_out_went_on_and_arrived_unmarked_later(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    smtp_server.answers["RCPT alice@example.org"] = "hang"
    story.happens(HIGH)
    sender = mailer(story, clock, smtp_server, deadline_s=0.5)
    sender.drain()
    smtp_server.answers.clear()
    clock.advance(10_000)
    sender.drain()
    # Had the first attempt lived on, Alice would have two mails by now.
    assert sorted(smtp_server.recipients()) == ["alice@example.org", "bob@example.org"]


def test_apprise_a_connection_cut_after_the_data_delivered_twice_without_saying_so(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    smtp_server.answers["DATA alice@example.org"] = "cut"
    story.happens(HIGH)
    sender = mailer(story, clock, smtp_server)
    sender.drain()
    smtp_server.answers.clear()
    clock.advance(10_000)
    sender.drain()
    first, second = [content for to, content in smtp_server.mails if to == "alice@example.org"]
    assert b"X-Coldchain-Repeat" not in first
    assert b"X-Coldchain-Repeat: possible" in second
    ids = [message_from_bytes(content, policy=default)["Message-ID"] for content in (first, second)]
    assert ids[0] == ids[1]


def test_apprise_five_alerts_through_one_object_took_twenty_two_seconds(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    with story.registry.write() as connection:
        for n in range(5):
            row = {"id": f"00000000-0000-4000-8000-00000000010{n}", "name": f"P{n}", "email": f"p{n}@example.org"}
            more = {"role": "operator", "zone": "UTC", "language": "en", "on_call": True, "created_ms": NOON}
            connection.execute(person.insert().values(**row, **more))
    story.happens(HIGH)
    began = time.monotonic()
    mailer(story, clock, smtp_server).drain()
    assert len(smtp_server.mails) == 7
    assert time.monotonic() - began < 5.0 * PATIENCE


def test_apprise_a_message_id_of_ones_own_gave_the_mail_two(
    story: Story, clock: HandClock, smtp_server: SmtpServer
) -> None:
    story.happens(HIGH)
    mailer(story, clock, smtp_server).drain()
    with story.registry.read() as connection:
        ids = set(connection.execute(select(outbox.c.message_id).where(outbox.c.channel == "email")).scalars())
    found = [message_from_bytes(content, policy=default).get_all("Message-ID", []) for _, content in smtp_server.mails]
    assert all(len(one) == 1 for one in found)
    assert {one[0] for one in found} == ids
