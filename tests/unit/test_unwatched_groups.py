"""A message of several alarms calls nothing recovered that nobody saw come back."""

from dataclasses import replace

import pytest
from alert_cast import ALICE, MINUTE, NOON, RETURNED, SHIPMENT

from alerts.announcement import AlarmFacts, Announcement, Reader, SubjectCard, facts_of
from alerts.channels.port import Message
from alerts.messages import Links, Sending
from alerts.messages_group import group_mail, group_sms

LINKS = Links("https://x/told/1", "https://x/t", "https://x/ack", "1234", "https://x/alarms/")
SENDING = Sending("id", NOON + 20 * MINUTE, NOON + 20 * MINUTE, possible_repeat=False)


def facts(name: str, *, cause: str = "high", unwatched: bool) -> AlarmFacts:
    condition = replace(RETURNED, cause=cause, value_mc=12_000, monitoring_ended=unwatched)
    return facts_of(f"alarm-{name}", condition, SubjectCard("shipment", SHIPMENT, name))


def announced(language: str, *alarms: AlarmFacts) -> Announcement:
    reader = Reader(ALICE, "Alice", language=language)
    reasons = ("returned",) * len(alarms)
    return Announcement("group", NOON + 20 * MINUTE, reader, alarms, group=True, reasons=reasons)


def mail(language: str, *alarms: AlarmFacts) -> Message:
    return group_mail("a@example.org", announced(language, *alarms), LINKS, SENDING, "cold.example.org")


BOTH = (facts("BACK", unwatched=False), facts("GONE", unwatched=True), facts("MUTE", cause="silence", unwatched=True))


@pytest.mark.parametrize(
    ("language", "counts", "head", "still"),
    [
        ("en", "2 unwatched, 1 over", "No longer watched: nobody saw these come back (2)", "still above 8 °C at 12:20"),
        ("de", "2 unüberwacht, 1 vorbei", "niemand hat die Rückkehr gesehen (2)", "um 12:20 UTC noch über 8 °C"),
    ],
)
def test_what_nobody_watches_any_more_is_counted_and_listed_apart_from_what_is_over(
    language: str, counts: str, head: str, still: str
) -> None:
    message = mail(language, *BOTH)
    assert message.subject.startswith(counts)
    assert head in message.text
    [gone] = [line for line in message.text.splitlines() if line.startswith("GONE")]
    assert still in gone
    sms = group_sms("+4915100000001", announced(language, *BOTH), LINKS, SENDING)
    assert sms.text.startswith(counts)


def test_what_came_back_is_over_and_nothing_else_is_said() -> None:
    message = mail("en", BOTH[0], facts("ALSO", unwatched=False))
    assert message.subject.startswith("2 over")
    assert "watched" not in message.text
