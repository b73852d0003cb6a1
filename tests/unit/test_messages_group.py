"""One message for many alarms: what is worst comes first, every alarm is there, and it stays readable on a phone."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from alert_cast import ALICE, HIGH, NOON, RETURNED, SITE
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.announcement import AlarmFacts, Announcement, Reader, SubjectCard, facts_of
from alerts.channels.port import Message
from alerts.gsm7 import SEPTETS, septets
from alerts.outbox import write
from coldchain.registry.outbox import Claimed, Member

ROOM = SubjectCard("store", "s1", "Cold room 1", "Hub Munich", "Refrigerated 2–8 °C", "Europe/Berlin")
READER = Reader(ALICE, "Alice", "Europe/Berlin", "en")


def facts(
    n: int, *, condition: object = HIGH, label: str = "Cold room 1", severity: int = 3, **more: object
) -> AlarmFacts:
    made = facts_of(f"{n:08x}-0000-4000-8000-000000000001", condition, replace(ROOM, label=label))  # type: ignore[arg-type]
    return replace(made, logger=f"L{n:04d}", severity=severity, **more)  # type: ignore[arg-type]


def said(*alarms: AlarmFacts, reason: str = "raised", language: str = "en") -> list[Announcement]:
    reader = replace(READER, language=language)
    return [Announcement(reason, NOON, reader, (one,)) for one in alarms]


def message(channel: str, parts: list[Announcement], *, repeat: bool = False, code: str | None = "4711") -> Message:
    ids = [f"9f8e7d6c-0000-4000-8000-{n:012d}" for n in range(len(parts))]
    members = tuple(
        Member(id_, part.alarms[0].alarm, n, part.as_json(), NOON)
        for n, (id_, part) in enumerate(zip(ids[1:], parts[1:], strict=True), start=2)
    )
    claimed = Claimed(
        ids[0], parts[0].alarms[0].alarm, 1, ALICE, channel, "+49151" if channel == "sms" else "a@example.org",
        parts[0].as_json(), 1, repeat, NOON, 1, 1, members, code if channel == "sms" else None,
    )  # fmt: skip
    return write(claimed, SITE, NOON + 1000)


STORM = [facts(n, severity=3 if n < 2 else 2, value_mc=9_000 + n) for n in range(5)] + [facts(9, condition=RETURNED)]


def test_the_first_line_has_the_counts_the_worst_and_what_to_do() -> None:
    assert message("email", said(*STORM)).text.splitlines()[0] == (
        "2 CRITICAL, 3 MAJOR, 1 over. Worst: CRITICAL: Cold room 1 (Hub Munich) is at 9.0 °C, above the limit of 8 °C "
        "since 12:46 CET (14 min). Check cooling and doors now; if it cannot be cooled, move the goods."
    )


def test_an_sms_says_the_severity_of_the_worst_once_and_has_room_for_its_name() -> None:
    for language, words in (
        ("en", "2 CRITICAL, 3 MAJOR, 1 over. Worst: Cold room 1 (Hub"),
        ("de", "2 KRITISCH, 3 SCHWER, 1 vorbei. Schwerster: Cold room 1"),
    ):
        assert message("sms", said(*STORM, language=language)).text.startswith(words)


def test_loggers_that_fell_silent_are_told_apart() -> None:
    silent = [facts(n, cause="silence", channel="", value_mc=None, peak_mc=None, limit_mc=None) for n in range(3)]
    text = message("email", said(*silent)).text
    assert [f"Cold room 1 (Hub Munich, L{n:04d}): no data" in text for n in range(3)] == [True] * 3


def test_a_digest_that_carries_another_is_one_list_of_what_may_wait() -> None:
    late = [replace(one, digest=True) for one in said(*STORM)]
    mail = message("email", late)
    assert mail.subject == "CRITICAL: late findings in stored data (6)"
    assert "/ack/" not in mail.text


def test_in_german_as_well() -> None:
    line = message("email", said(*STORM, language="de")).text.splitlines()[0]
    assert line.startswith("2 KRITISCH, 3 SCHWER, 1 vorbei. Schwerster: KRITISCH: Cold room 1 (Hub Munich) hat 9,0")


def test_every_alarm_is_in_a_line_of_its_own_in_text_and_html_worst_first() -> None:
    mail = message("email", said(*STORM))
    assert re.findall(r"L\d{4}", mail.text)[:2] == ["L0001", "L0000"]
    for n in (0, 1, 2, 3, 4, 9):
        assert len(re.findall(f"L{n:04d}", mail.text)) == 1
        assert f'/alarms/{n:08x}"' in mail.html
    assert "CRITICAL: 12:46 CET to 13:20 CET (34 min), limit 8 °C, peak 12.8 °C" in mail.text


def test_a_repeat_says_so_and_keeps_its_id() -> None:
    first, again = message("email", said(*STORM)), message("email", said(*STORM), repeat=True)
    assert first.headers["Message-ID"] == again.headers["Message-ID"]
    assert again.subject.startswith("[REPEAT?] 2 CRITICAL")
    assert "POSSIBLE REPEAT" in again.text
    assert message("sms", said(*STORM), repeat=True).text.startswith("REPEAT? 2 CRITICAL")
    other = message("email", said(*STORM[:3]))
    assert other.headers["Message-ID"] != first.headers["Message-ID"]


def test_a_group_of_repeats_is_a_repeat_and_one_among_news_is_marked_in_its_line() -> None:
    assert message("email", said(*STORM, reason="repeat")).subject.startswith("[REPEAT] ")
    mixed = said(*STORM[:2]) + said(STORM[2], reason="repeat")
    mail = message("email", mixed)
    assert not mail.subject.startswith("[REPEAT]")
    assert mail.text.count("[repeat]") == 1


def test_several_words_of_one_alarm_become_its_last_one() -> None:
    raised, over = facts(1), facts(1, condition=RETURNED)
    mail = message("email", said(raised) + said(over, reason="returned"))
    assert mail.text.splitlines()[0].startswith(
        "CRITICAL, over: Cold room 1 (Hub Munich) was above 8 °C from 12:46 CET"
    )
    assert "TOLD LATE" in mail.text
    assert mail.text.count("Hub Munich") < 4


def test_a_mail_of_five_hundred_is_short_enough_to_be_shown_whole() -> None:
    mail = message("email", said(*(facts(n, label=f"Cold room {n % 40}", severity=2) for n in range(500))))
    assert len(set(re.findall(r"L\d{4}", mail.html))) == 500
    assert len(mail.html.encode()) < 100_000


_NAMES = st.text(min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(_NAMES, st.sampled_from(("en", "de")), st.integers(2, 9), st.booleans())
def test_whatever_things_are_called_the_sms_is_one_with_code_and_link_and_the_mail_is_inert(
    name: str, language: str, size: int, repeat: bool
) -> None:
    alarms = [facts(n, label=name, severity=2 + n % 2) for n in range(size)]
    text = message("sms", said(*alarms, language=language), repeat=repeat).text
    assert septets(text) <= SEPTETS
    assert "ACK 4711." in text
    assert text.endswith("/told/9f8e7d6c")
    mail = message("email", said(*alarms, language=language), repeat=repeat)
    assert "\n" not in mail.subject
    seen = _Tags()
    seen.feed(mail.html)
    assert seen.tags <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "p",
        "a",
        "h2",
        "table",
        "tr",
        "td",
        "br",
    }


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("form", ["proof", "drill"])
def test_what_is_about_the_contact_is_one_sms_and_a_mail_with_one_button(language: str, form: str) -> None:
    values = {
        "id": "9f8e7d6c-0000-4000-8000-000000000002",
        "ends_ms": str(NOON + 1),
        "until_ms": str(NOON),
        "hours": "24",
    }
    content = Announcement(form, NOON, replace(READER, language=language), (), form=form, values=values)
    row = Claimed(
        "9f8e7d6c-0000-4000-8000-000000000001", "a", 1, ALICE, "sms", "+49", content.as_json(), attempts=1,
        possible_repeat=False, created_ms=NOON, fence=1, attempt=1,
    )  # fmt: skip
    sms = write(row._replace(code="123456"), SITE, NOON)
    assert septets(sms.text) <= SEPTETS
    assert "ACK 123456" in sms.text
    mail = write(row._replace(channel="email", address="a@example.org", code="123456"), SITE, NOON)
    assert mail.html.count('href="') == 1
    assert "/api/v1/proofs/" in mail.html
    assert "Alice" in mail.text.splitlines()[0]
