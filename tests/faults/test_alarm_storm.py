"""Hundreds of alarms at once: the first word is there in seconds, few messages follow, and every alarm is in them."""

import itertools
import re
import threading
import time
from collections import Counter
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from alert_cast import ALICE, HIGH, KEY, MINUTE, NOON, SITE, Story, new_registry, store_alarm
from mail_servers import SmsServer, SmtpServer
from sqlalchemy import select

from alerts import ack_group, ack_link, grouping_rows
from alerts.channels.port import Channel
from alerts.channels.sms import SmsChannel, SmsSettings
from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher
from alerts.gsm7 import SEPTETS, septets
from coldchain.clock import HandClock, SystemClock
from coldchain.domain.finding import AlarmChange, Severity, Subject, SubjectKind
from coldchain.registry import outbox
from coldchain.registry.outbox import LEASE
from coldchain.registry.schema import alarm, delivery_attempt, shipment, store
from coldchain.registry.schema import outbox as table
from coldchain.registry.store import Registry, holder_name, take_lease

STORM = 500


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = new_registry(tmp_path)
    with registry.write() as connection:
        for n in range(3):
            row = {"id": f"22222222-0000-4000-8000-00000000000{n}", "name": f"Cold room {n}", "site": f"Site {n}"}
            connection.execute(store.insert().values(**row, kind="room", zone="Europe/Berlin", created_ms=NOON))
        goods = [
            {"id": f"33333333-0000-4000-8000-000000000{n:03d}", "reference": f"SHP-{n:04d}", "state": "in_transit",
             "customer": "Helvetia", "carrier": "Northbound", "created_ms": NOON}
            for n in range(50)
        ]  # fmt: skip
        connection.execute(shipment.insert(), goods)
    return registry


def subject(n: int) -> Subject:
    if n % 10 == 0:
        return Subject(SubjectKind.SHIPMENT, f"33333333-0000-4000-8000-000000000{n // 10:03d}")
    return Subject(SubjectKind.STORE, f"22222222-0000-4000-8000-00000000000{n % 3}")


def break_out(story: Story, numbers: range, at_ms: int = NOON) -> list[str]:
    """Alarms that the engine raises in one transaction."""
    changes = []
    with story.registry.write() as connection:
        for n in numbers:
            severity = Severity.CRITICAL if n % 4 == 0 else Severity.MAJOR
            condition = replace(HIGH, subject=subject(n), logger=f"L{n:04d}", severity=severity, changed_ms=at_ms)
            id_ = store_alarm(connection, condition, at_ms)
            changes.append(AlarmChange(id_, None, condition))
        story.planner.plan(connection, changes, at_ms)
    return [change.alarm for change in changes]


def channels(mails: SmtpServer, texts: SmsServer) -> dict[str, Channel]:
    sms = SmsChannel(SmsSettings(texts.url, texts.account, texts.token, "+4930000000"))
    return {"email": SmtpChannel(parse_smtp_url(mails.url()), "Coldchain <a@cold.example.org>"), "sms": sms}


def listed(content: bytes) -> str:
    mail = message_from_bytes(content, policy=default)
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_the_first_message_of_a_storm_reaches_everybody_within_seconds_and_all_are_listed(
    registry: Registry, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    story = Story(registry)
    dispatcher = Dispatcher(registry, channels(smtp_server, sms_server), SystemClock(), holder_name(), site=SITE)
    stop = threading.Event()
    thread = threading.Thread(target=dispatcher.run, args=(stop,))
    thread.start()
    try:
        now_ms = SystemClock().now_ms()
        break_out(story, range(STORM), now_ms)
        committed = time.monotonic()
        while len(set(smtp_server.recipients())) < 2 or not sms_server.forms:
            assert time.monotonic() - committed < 15
            time.sleep(0.01)
        while any(row.state in ("queued", "sending") for row in rows(registry)):
            assert time.monotonic() - committed < 15
            time.sleep(0.05)
    finally:
        stop.set()
        thread.join(20)
    assert Counter(smtp_server.recipients()) == {"alice@example.org": 2, "bob@example.org": 2}
    assert len(sms_server.forms) == 2
    for person in ("alice", "bob"):
        said = "\n".join(listed(content) for to, content in smtp_server.mails if to.startswith(person))
        assert len(set(re.findall(r"L\d{4}", said))) == STORM
    assert {row.state for row in rows(registry)} == {"accepted"}


def rows(registry: Registry) -> list[Any]:
    with registry.read() as connection:
        return list(connection.execute(select(table)))


def test_a_storm_that_goes_on_is_told_in_three_messages_per_five_minutes_without_losing_one(
    registry: Registry, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    story, clock = Story(registry), HandClock(NOON)
    dispatcher = Dispatcher(registry, channels(smtp_server, sms_server), clock, "one", site=SITE)
    arrivals: dict[str, list[int]] = {"alice@example.org": [], "bob@example.org": [], "sms": []}

    def note() -> None:
        for to, times in arrivals.items():
            came = len(sms_server.forms) if to == "sms" else smtp_server.recipients().count(to)
            times.extend([clock.now_ms()] * (came - len(times)))

    for second in range(0, 600, 10):
        if second < 300:
            break_out(story, range(second, second + 10), clock.now_ms())
        dispatcher.drain()
        note()
        clock.advance(10_000)
    for times in arrivals.values():
        assert times[0] == NOON
        for at in times:
            assert sum(at - 300_000 < other <= at for other in times) <= 3
    said = "\n".join(listed(content) for to, content in smtp_server.mails if to.startswith("bob"))
    assert len(set(re.findall(r"L\d{4}", said))) == 300
    with registry.read() as connection:
        states = Counter(connection.execute(select(table.c.state)).scalars())
    assert set(states) == {"accepted"}


def test_the_sms_of_a_storm_names_counts_the_worst_a_code_and_a_page_and_is_one_sms(
    registry: Registry, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    story = Story(registry)
    break_out(story, range(STORM))
    Dispatcher(registry, channels(smtp_server, sms_server), HandClock(NOON), "one", site=SITE).drain()
    bodies = [form["Body"] for form in sms_server.forms]
    assert all(septets(body) <= SEPTETS for body in bodies)
    counted = [tuple(map(int, re.findall(r"(\d+) (?:CRITICAL|MAJOR)", body))) for body in bodies]
    assert sum(itertools.chain.from_iterable(counted)) == STORM
    assert all(re.search(r"Reply ACK \d{4}\. http://127.0.0.1:8050/told/[0-9a-f]{8}$", body) for body in bodies)
    leads = {row.id for row in rows(registry) if row.channel == "sms" and row.lead is None}
    assert {body[-8:] for body in bodies} == {lead[:8] for lead in leads}


def test_one_link_acknowledges_what_its_message_told_and_nothing_else(
    registry: Registry, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    story = Story(registry)
    break_out(story, range(40))
    clock = HandClock(NOON)
    Dispatcher(registry, channels(smtp_server, sms_server), clock, "one", site=SITE).drain()
    told = next(listed(content) for to, content in smtp_server.mails if to.startswith("alice"))
    claim = ack_link.read(KEY, told.split("/api/v1/ack/")[1].split()[0], NOON)
    assert isinstance(claim, ack_link.GroupClaim)
    with registry.write() as connection:
        shown = ack_group.show(connection, claim, NOON)
        done = ack_group.act(connection, claim, NOON, seen=shown.seen)
        by = {row.id: row.acknowledged_by for row in connection.execute(select(alarm))}
    assert {one.alarm for one in done} == {row.id for row in shown.alarms}
    assert {id_ for id_, who in by.items() if who == ALICE} == {one.alarm for one in done}
    assert len(done) == len(set(re.findall(r"L\d{4}", told))) < 40


def test_a_row_that_another_message_carried_names_it_and_attempts_belong_to_that_one(
    registry: Registry, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    story = Story(registry)
    break_out(story, range(1, 3))
    Dispatcher(registry, channels(smtp_server, sms_server), HandClock(NOON), "one", site=SITE).drain()
    with registry.read() as connection:
        tried = set(connection.execute(select(delivery_attempt.c.outbox)).scalars())
    for row in rows(registry):
        assert (row.id in tried) == (row.lead is None)
        assert row.lead is None or row.lead in tried
        assert (row.state, row.accepted_ms) == ("accepted", NOON)


def test_what_waited_for_a_dead_server_leaves_as_one_digest_when_it_is_back(
    registry: Registry, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    story, clock = Story(registry), HandClock(NOON)
    dispatcher = Dispatcher(registry, channels(smtp_server, sms_server), clock, "one", site=SITE)
    smtp_server.pause()
    for minute in range(5):
        break_out(story, range(minute * 4, minute * 4 + 4), clock.now_ms())
        dispatcher.drain()
        clock.advance(MINUTE)
    smtp_server.resume()
    clock.advance(MINUTE)
    dispatcher.drain()
    assert Counter(smtp_server.recipients()) == {"alice@example.org": 1, "bob@example.org": 1}
    for _, content in smtp_server.mails:
        assert len(set(re.findall(r"L\d{4}", listed(content)))) == 20


def test_a_receipt_speaks_for_every_row_that_its_message_carried(
    registry: Registry, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    story = Story(registry)
    break_out(story, range(1, 40, 3))
    Dispatcher(registry, channels(smtp_server, sms_server), HandClock(NOON), "one", site=SITE).drain()
    texts = [row for row in rows(registry) if row.channel == "sms"]
    lead = next(row for row in texts if row.lead is None and any(other.lead == row.id for other in texts))
    carried = {row.id for row in texts if lead.id in (row.id, row.lead)}
    with registry.write() as connection:
        said: dict[str, Any] = {"code": "delivered", "detail": "receipt", "now_ms": NOON}
        changed = outbox.receipt(connection, lead.id, state="delivered", provider_id=lead.provider_id, **said)
        assert {row.id for row in changed} == carried
        assert outbox.receipt(connection, lead.id, state="delivered", provider_id=lead.provider_id, **said) == []
    assert {row.id for row in rows(registry) if row.state == "delivered"} == carried


def test_a_group_that_a_crash_interrupted_is_sent_once_more_marked_with_the_rows_that_it_had(
    registry: Registry, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    story, clock = Story(registry), HandClock(NOON)
    break_out(story, range(1, 40))
    with registry.write() as connection:
        fence = take_lease(connection, LEASE, "dies", NOON, 6_000)
        assert fence is not None
        taken = grouping_rows.claim(connection, "email", holder="dies", fence=fence, now_ms=NOON, lease_ms=60_000)
        assert taken is not None
        assert len(taken.members) > 1
    clock.advance(10_000)
    break_out(story, range(50, 60), clock.now_ms())
    Dispatcher(registry, channels(smtp_server, sms_server), clock, "next", site=SITE).drain()
    again = [content for to, content in smtp_server.mails if to == taken.address and b"X-Coldchain-Repeat" in content]
    assert len(again) == 1
    with registry.read() as connection:
        numbers = {row.id: row.logger for row in connection.execute(select(alarm))}
    assert set(re.findall(r"L\d{4}", listed(again[0]))) == {numbers[id_] for id_ in taken.alarms}
    mine = [row for row in rows(registry) if row.id in taken.rows]
    assert {(row.state, row.possible_repeat) for row in mine} == {("accepted", True)}
