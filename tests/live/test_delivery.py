"""From an alarm to a message that arrived, through the real dispatcher and real servers; and the demo's inbox."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from alert_cast import HIGH, NOON, SITE, Story, new_registry
from mail_servers import SmsServer, SmtpServer
from server_process import PATIENCE
from sqlalchemy import insert, select

from alerts.callbacks import Receipt, accept_sms_status
from alerts.channels.port import Channel, Deferred, Message, Refused
from alerts.channels.sms import SmsChannel, SmsSettings
from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher
from alerts.inbox import Inbox
from alerts.sinks import SmsSink, SmtpSink
from coldchain.clock import HandClock, SystemClock
from coldchain.registry import outbox
from coldchain.registry.schema import outbox as table
from coldchain.registry.schema import person
from coldchain.registry.store import holder_name

SENDER = "Coldchain <alerts@cold.example.org>"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(new_registry(tmp_path))


def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait for a condition that another thread brings about."""
    end = time.monotonic() + timeout_s * PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def running(story: Story, **channels: Channel) -> Iterator[Dispatcher]:
    dispatcher = Dispatcher(story.registry, channels, SystemClock(), holder_name(), site=SITE, timers=story.planner)
    stop = threading.Event()
    thread = threading.Thread(target=dispatcher.run, args=(stop,))
    thread.start()
    try:
        yield dispatcher
    finally:
        stop.set()
        thread.join(20)


def undecided(story: Story) -> int:
    with story.registry.read() as connection:
        return outbox.undecided(connection)


def smtp(server: SmtpServer) -> SmtpChannel:
    return SmtpChannel(parse_smtp_url(server.url()), SENDER)


def sms(server: SmsServer) -> SmsChannel:
    return SmsChannel(SmsSettings(server.url, server.account, server.token, "+4930000000"))


def crowd(story: Story, size: int) -> list[str]:
    rows = [
        {"id": f"00000000-0000-4000-8000-0000000{n:05d}", "name": f"P{n}", "email": f"p{n}@example.org",
         "role": "operator", "zone": "UTC", "language": "en", "on_call": True, "created_ms": NOON}
        for n in range(size)
    ]  # fmt: skip
    with story.registry.write() as connection:
        connection.execute(insert(person), rows)
    return [str(row["email"]) for row in rows]


def test_mail_and_sms_leave_by_themselves_as_soon_as_there_is_a_finding(
    story: Story, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    with running(story, email=smtp(smtp_server), sms=sms(sms_server)):
        story.happens(HIGH)
        until(lambda: len(smtp_server.mails) == 2 and len(sms_server.forms) == 1)
        until(lambda: undecided(story) == 0)
    assert {(row.state, row.attempts) for row in story.outbox()} == {("accepted", 1)}


def test_a_server_that_is_down_for_a_while_costs_only_time(story: Story, smtp_server: SmtpServer) -> None:
    smtp_server.pause()
    with running(story, email=smtp(smtp_server)):
        story.happens(HIGH)
        until(lambda: {row.state for row in story.outbox() if row.channel == "email"} == {"failed_temporary"})
        smtp_server.resume()
        until(lambda: len(smtp_server.mails) == 2)
        until(lambda: {row.state for row in story.outbox() if row.channel == "email"} == {"accepted"})
    assert not any(row.possible_repeat for row in story.outbox())


def test_hostile_recipients_delay_nobody_else(story: Story, smtp_server: SmtpServer) -> None:
    people = crowd(story, 40)
    for n, answer in enumerate(("hang", "hang", "550 5.1.1 no such user", "451 4.7.1 later", "421 4.3.2 bye")):
        smtp_server.answers[f"RCPT p{n}@example.org"] = answer
    smtp_server.answers["DATA p5@example.org"] = "hang"
    with running(story, email=smtp(smtp_server)):
        story.happens(HIGH)
        until(lambda: set(people[6:]) <= set(smtp_server.recipients()))
        until(lambda: sum(row.state == "accepted" for row in story.outbox()) == 36)
        states = {row.address: row.state for row in story.outbox() if row.channel == "email"}
        smtp_server.answers.clear()
    assert states["p2@example.org"] == "failed_permanent"
    assert {states[f"p{n}@example.org"] for n in (3, 4)} == {"failed_temporary"}
    assert {states[f"p{n}@example.org"] for n in (0, 1, 5)} == {"sending"}


def test_a_cut_after_the_mail_went_out_repeats_it_once_marked_and_under_the_same_id(
    story: Story, smtp_server: SmtpServer
) -> None:
    smtp_server.answers["DATA bob@example.org"] = "cut"
    with running(story, email=smtp(smtp_server)):
        story.happens(HIGH)
        until(lambda: "bob@example.org" in smtp_server.recipients())
        smtp_server.answers.clear()
        until(lambda: smtp_server.recipients().count("bob@example.org") == 2)
        until(lambda: {row.state for row in story.outbox() if row.channel == "email"} == {"accepted"})
    first, second = (content for recipient, content in smtp_server.mails if recipient == "bob@example.org")
    assert b"X-Coldchain-Repeat" not in first
    assert b"X-Coldchain-Repeat: possible" in second
    assert _message_id(first) == _message_id(second)


def _message_id(content: bytes) -> bytes:
    return next(line for line in content.splitlines() if line.lower().startswith(b"message-id:"))


def test_two_dispatchers_on_one_outbox_send_everything_once(story: Story, smtp_server: SmtpServer) -> None:
    people = crowd(story, 60)
    with running(story, email=smtp(smtp_server)), running(story, email=smtp(smtp_server)):
        story.happens(HIGH)
        until(lambda: len(set(smtp_server.recipients())) == len(people) + 2)
        until(lambda: not any(r.state in ("queued", "sending") for r in story.outbox() if r.channel == "email"))
    assert len(smtp_server.mails) == len(people) + 2


def test_sends_whose_answer_is_lost_are_repeated_once_each_and_marked(story: Story, sms_server: SmsServer) -> None:
    rows = [
        {"id": f"00000000-0000-4000-8000-0000000{n:05d}", "name": f"P{n}", "email": f"p{n}@example.org",
         "phone": f"+49152{n:07d}", "role": "operator", "zone": "UTC", "language": "en", "on_call": True,
         "created_ms": NOON}
        for n in range(200)
    ]  # fmt: skip
    with story.registry.write() as connection:
        connection.execute(insert(person), rows)
    story.happens(HIGH)
    sms_server.script = ["drop"] * 201
    clock = HandClock(NOON)
    dispatcher = Dispatcher(story.registry, {"sms": sms(sms_server)}, clock, "one", site=SITE)
    assert dispatcher.drain() == 201
    clock.advance(60_000)
    assert dispatcher.drain() == 201
    bodies: dict[str, list[str]] = {}
    for form in sms_server.forms:
        bodies.setdefault(form["To"], []).append(form["Body"].split()[0])
    assert len(bodies) == 201
    assert set(map(tuple, bodies.values())) == {("CRITICAL", "REPEAT?")}
    assert {row.state for row in story.outbox() if row.channel == "sms"} == {"accepted"}


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox.db")


def test_the_demos_inbox_keeps_what_was_sent_and_the_sms_are_confirmed(story: Story, inbox: Inbox) -> None:
    mails, texts = SmtpSink(inbox, SystemClock()), SmsSink(inbox, SystemClock(), callback_after_s=0.05)
    mails.start()
    texts.start()
    receipts: list[Receipt] = []
    with _callback_endpoint(story, texts, receipts) as callback_url:
        settings = SmsSettings(texts.url, texts.account, texts.token, "+4930000000", callback_url)
        channels = {"email": SmtpChannel(parse_smtp_url(mails.url), SENDER), "sms": SmsChannel(settings)}
        with running(story, **channels):
            story.happens(HIGH)
            until(lambda: receipts == [Receipt.DELIVERED])
            until(lambda: undecided(story) == 0)
    mails.stop()
    texts.stop()
    kept = inbox.messages()
    assert sorted((message.kind, message.recipient) for message in kept) == [
        ("email", "alice@example.org"), ("email", "bob@example.org"), ("sms", "+4915100000001")
    ]  # fmt: skip
    mail = next(message for message in kept if message.kind == "email")
    assert mail.subject == "CRITICAL: SHP-2026-0042 12.4 °C, above 8 °C"
    assert mail.text.startswith("CRITICAL: SHP-2026-0042 (Munich → Lisbon) is at 12.4 °C")
    assert mail.html.startswith("<!DOCTYPE html>")
    assert inbox.message(mail.id) == mail
    assert inbox.messages(before=kept[-1].id) == []
    assert {row.state for row in story.outbox() if row.channel == "sms"} == {"delivered"}


@contextmanager
def _callback_endpoint(story: Story, sink: SmsSink, receipts: list[Receipt]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            with story.registry.write() as connection:
                receipts.append(
                    accept_sms_status(
                        connection,
                        url=f"http://127.0.0.1:{server.server_address[1]}{self.path}",
                        params=form,
                        signed=self.headers["X-Twilio-Signature"],
                        token=sink.token,
                        now_ms=NOON,
                    )
                )
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api/v1/callbacks/sms"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_the_sms_sink_refuses_like_the_provider(inbox: Inbox) -> None:
    sink = SmsSink(inbox, SystemClock())
    sink.start()
    try:
        stranger = SmsChannel(SmsSettings(sink.url, sink.account, "wrong", "+49"))
        with pytest.raises(Deferred, match="Authenticate"):
            stranger.send(Message("n", "+49151", "x"))
        with pytest.raises(Refused, match="Body is required"):
            SmsChannel(SmsSettings(sink.url, sink.account, sink.token, "+49")).send(Message("n", "+49151", ""))
    finally:
        sink.stop()
    assert inbox.messages() == []


def test_a_sink_on_a_taken_port_says_so(inbox: Inbox, smtp_server: SmtpServer) -> None:
    sink = SmtpSink(inbox, SystemClock(), port=smtp_server.port)
    with pytest.raises(OSError, match="in use"):
        sink.start()
    sink.stop()
    assert inbox.messages() == []


def test_every_accepted_message_has_its_provider_id_or_message_id(
    story: Story, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    with running(story, email=smtp(smtp_server), sms=sms(sms_server)):
        story.happens(HIGH)
        until(lambda: undecided(story) == 0)
    with story.registry.read() as connection:
        rows = connection.execute(select(table.c.channel, table.c.provider_id, table.c.message_id, table.c.id)).all()
    for row in rows:
        wanted = (None, f"<{row.id}@cold.example.org>") if row.channel == "email" else ("SM" + "1".zfill(32), None)
        assert (row.provider_id, row.message_id) == wanted
