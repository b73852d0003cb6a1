"""Delivery receipts of the SMS provider: true, late, repeated, out of order, or forged."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from alert_cast import HIGH, NOON, SITE, Story, new_registry
from sqlalchemy import select

from alerts import grouping_rows
from alerts.callbacks import Receipt, accept_sms_status, signature
from alerts.channels.port import Message, Sent
from alerts.dispatcher import Dispatcher
from coldchain.clock import HandClock
from coldchain.registry import outbox
from coldchain.registry.outbox import LEASE, Outcome
from coldchain.registry.schema import signal
from coldchain.registry.store import take_lease

TOKEN, SID = "secret", "SM1"


class Provider:
    def send(self, message: Message) -> Sent:
        return Sent(SID, "201", "queued")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(new_registry(tmp_path))
    story.happens(HIGH)
    return story


@pytest.fixture
def accepted(story: Story) -> Story:
    Dispatcher(story.registry, {"sms": Provider()}, HandClock(NOON), "one", site=SITE).drain()
    return story


def sms_row(story: Story) -> Any:
    return next(row for row in story.outbox() if row.channel == "sms")


def report(story: Story, status: str, sid: str = SID, token: str = TOKEN, code: str = "", id_: str = "") -> Receipt:
    url = f"https://cold.example.org/api/v1/callbacks/sms?notification={id_ or sms_row(story).id}"
    params = {"MessageSid": sid, "MessageStatus": status} | ({"ErrorCode": code} if code else {})
    with story.registry.write() as connection:
        return accept_sms_status(
            connection, url=url, params=params, signed=signature(token, url, params), token=TOKEN, now_ms=NOON + 5_000,
            address="192.0.2.7",
        )  # fmt: skip


def test_the_signature_is_the_providers_published_one() -> None:
    params = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
              "To": "+18005551212"}  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, params) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_a_receipt_makes_accepted_delivered(accepted: Story) -> None:
    assert report(accepted, "delivered") is Receipt.DELIVERED
    row = sms_row(accepted)
    assert (row.state, row.delivered_ms) == ("delivered", NOON + 5_000)


def test_an_undelivered_message_is_shown_with_its_code_and_is_a_fault_of_the_contact(accepted: Story) -> None:
    assert report(accepted, "undelivered", code="30003") is Receipt.UNDELIVERED
    assert sms_row(accepted).state == "failed_permanent"
    assert "delivery_failed" in accepted.timeline()
    with accepted.registry.read() as connection:
        assert connection.execute(select(signal.c.kind)).scalars().all() == ["contact_fault"]


@pytest.mark.parametrize("order", list(itertools.permutations(["queued", "sent", "delivered"])))
def test_the_order_of_receipts_does_not_matter(accepted: Story, order: tuple[str, ...]) -> None:
    for status in order:
        report(accepted, status)
    assert sms_row(accepted).state == "delivered"


def test_delivery_is_evidence_and_wins_over_a_failure_in_either_order(accepted: Story) -> None:
    report(accepted, "undelivered", code="30003")
    report(accepted, "delivered")
    assert sms_row(accepted).state == "delivered"
    assert report(accepted, "failed", code="30003") is Receipt.NOTHING_NEW
    assert sms_row(accepted).state == "delivered"


def test_a_replayed_receipt_changes_nothing(accepted: Story) -> None:
    report(accepted, "delivered")
    assert report(accepted, "delivered") is Receipt.NOTHING_NEW


def test_a_failure_of_an_earlier_sending_does_not_spoil_the_later_one(accepted: Story) -> None:
    assert report(accepted, "failed", sid="SM0") is Receipt.NOTHING_NEW
    assert sms_row(accepted).state == "accepted"


def test_a_receipt_that_overtakes_the_answer_is_kept(story: Story) -> None:
    with story.registry.write() as connection:
        fence = take_lease(connection, LEASE, "one", NOON, 6_000) or 0
        claimed = grouping_rows.claim(connection, "sms", holder="one", fence=fence, now_ms=NOON, lease_ms=60_000)
    assert report(story, "delivered") is Receipt.DELIVERED
    with story.registry.write() as connection:
        assert claimed is not None
        outbox.finish(connection, claimed, Outcome("accepted", "201", "", provider_id=SID), None, NOON + 6_000)
    row = sms_row(story)
    assert (row.state, row.accepted_ms, row.delivered_ms) == ("delivered", NOON + 6_000, NOON + 5_000)


def test_a_forged_receipt_changes_nothing_and_is_reported_once(accepted: Story) -> None:
    for _ in range(3):
        assert report(accepted, "delivered", token="guessed") is Receipt.FORGED
    assert sms_row(accepted).state == "accepted"
    with accepted.registry.read() as connection:
        [(kind, detail)] = connection.execute(select(signal.c.kind, signal.c.detail)).all()
    assert (kind, detail) == ("security", "an SMS receipt with a wrong signature came from 192.0.2.7")


def test_without_a_token_every_receipt_is_forged(accepted: Story) -> None:
    url = "https://x.example/api/v1/callbacks/sms"
    with accepted.registry.write() as connection:
        signed = signature("", url, {})
        got = accept_sms_status(connection, url=url, params={}, signed=signed, token="", now_ms=NOON)
    assert got is Receipt.FORGED


def test_a_receipt_for_a_message_that_nobody_sent_is_ignored(accepted: Story) -> None:
    assert report(accepted, "delivered", id_="nope") is Receipt.UNKNOWN
    mail = next(row for row in accepted.outbox() if row.channel == "email")
    assert report(accepted, "delivered", id_=mail.id) is Receipt.UNKNOWN
