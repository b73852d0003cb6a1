"""The mail and the SMS: a tired person reads in the first line on a phone what is wrong, how bad, and what to do.

Pure: an announcement and the links that belong to it become text. What an announcement says is decided elsewhere.
"""

from dataclasses import dataclass
from email.utils import formatdate

from alerts import gsm7
from alerts.announcement import AlarmFacts, Announcement, severity_of
from alerts.channels.port import Message
from alerts.mail_html import Page, Section, render
from alerts.phrases import Phrases, clean, phrases_of
from alerts.wording import (
    EXCURSIONS,
    action,
    amount,
    called,
    cause,
    ending,
    found,
    headline,
    short_sentence,
    value_words,
    wording,
)  # fmt: skip
from coldchain.domain.finding import Severity
from coldchain.domain.quantity import degrees_text

_SUBJECT = 70
_DELAY_MS = 5 * 60_000  # a message that leaves later than this says so
_NEWS = ("worsened", "amended", "shelf_ended", "ack_timeout")  # said in subject and SMS as well


@dataclass(frozen=True, slots=True)
class Links:
    """Where a message leads to."""

    open: str
    short: str  # for SMS
    acknowledge: str | None  # None when there is nothing to acknowledge
    code: str | None = None  # what an answer by SMS quotes
    alarms: str = ""  # what an alarm's id is put behind to lead to it


@dataclass(frozen=True, slots=True)
class Sending:
    """One act of sending a message: its lasting id, when it was written and leaves, and whether it may be a repeat."""

    id: str
    written_ms: int
    leaves_ms: int
    possible_repeat: bool


def mail(to: str, announcement: Announcement, links: Links, sending: Sending, domain: str) -> Message:
    """Write the mail; `domain` makes its ids world-wide (RFC 5322), the same for every attempt."""
    phrases = phrases_of(announcement)
    worst = _worst(announcement)
    page = _page(announcement, links, sending, phrases)
    alarm = announcement.alarms[0].alarm
    headers = {
        "Date": formatdate(sending.leaves_ms / 1000, usegmt=True),
        "Message-ID": f"<{sending.id}@{domain}>",
        # Every mail of an alarm refers to the same root, so that a mail program shows them as one conversation.
        "In-Reply-To": f"<alarm.{alarm}@{domain}>",
        "References": f"<alarm.{alarm}@{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-Coldchain-Alarm": alarm,
        "X-Coldchain-Notification": sending.id,
    }
    if sending.possible_repeat:
        headers["X-Coldchain-Repeat"] = "possible"
    if worst >= Severity.CRITICAL and not announcement.alarms[0].returned:
        headers |= {"Importance": "high", "X-Priority": "1"}
    subject = _subject(announcement, sending, phrases)
    return Message(sending.id, to, plain_text(page), subject, render(page, phrases.texts.language), headers)


def sms(to: str, announcement: Announcement, links: Links, sending: Sending) -> Message:
    """Write the SMS: one of 160 septets. The link and then the advice give way first, then the name is cut."""
    phrases, facts = phrases_of(announcement), announcement.alarms[0]
    label = gsm7.gsm7(called(facts.subject, 48))
    if not any(character.isalnum() for character in label):
        label = f"{facts.subject.kind} {facts.subject.id[:8]}"
    head = " ".join([*_sms_marks(announcement, sending, phrases), ""])
    answer = phrases.texts("sms.answer", code=links.code) if links.code else ""
    for length in range(gsm7.septets(label), 5, -1):
        body = head + short_sentence(facts, gsm7.cut(label, length), phrases)
        for parts in _endings(facts, answer, links, phrases):
            text = gsm7.gsm7(" ".join(part for part in (body, *parts) if part))
            if gsm7.fits(text):
                return Message(sending.id, to, text)
    room = gsm7.SEPTETS - gsm7.septets(gsm7.gsm7(answer)) - 1
    return Message(
        sending.id, to, f"{gsm7.cut(gsm7.gsm7(head + short_sentence(facts, label, phrases)), room)} {answer}"
    )


def _endings(facts: AlarmFacts, answer: str, links: Links, phrases: Phrases) -> tuple[tuple[str, ...], ...]:
    """What may follow the sentence of an SMS, best first; what does not fit with its link is named by its number."""
    tail = f"#{facts.alarm[:8]}"
    if facts.returned:
        return (answer, links.short), (answer, tail)
    advice = phrases.texts(key := phrases.texts.choice("sms_action", facts.cause))
    if key.endswith(".other"):  # to open it takes the link
        return (answer, advice, links.short), (answer, links.short), (answer, tail)
    return (answer, advice, links.short), (answer, advice, tail), (answer, tail)


def marks(announcement: Announcement, sending: Sending, phrases: Phrases) -> list[str]:
    """What sets this message apart from a first, timely one."""
    said = []
    if sending.possible_repeat:
        said.append(phrases.texts("mark.possible_repeat"))
    if announcement.reason in ("repeat", "worsened", "amended", "shelf_ended", "ack_timeout"):
        said.append(phrases.texts(f"mark.{announcement.reason}"))
    if any(facts.late for facts in announcement.alarms):
        said.append(phrases.texts("mark.late"))
    if announcement.folded:
        said.append(phrases.texts("mark.folded"))
    if sending.leaves_ms - sending.written_ms > _DELAY_MS:
        said.append(phrases.texts("mark.delayed", written=phrases.full_time(sending.written_ms)))
    return said


def _worst(announcement: Announcement) -> Severity:
    return max(severity_of(facts) for facts in announcement.alarms)


def _subject(announcement: Announcement, sending: Sending, phrases: Phrases) -> str:
    facts, words = announcement.alarms[0], phrases.texts
    prefix = "".join(f"[{words(f'sms.{mark}')}] " for mark in _mark_keys(announcement, sending))
    what = clean(": ".join(part for part in (cause(facts, phrases), found(facts, 45)) if part), 45)
    values = value_words(facts, phrases) | {"severity": phrases.severity(_worst(announcement).word), "cause": what}
    if facts.refuted:
        key = "subject.corrected"
    else:
        key = f"subject.{ending(facts)}" if facts.returned else words.choice("subject", wording(facts))
    for longest in range(_SUBJECT, 5, -1):
        text = prefix + words(key, label=called(facts.subject, longest), **values)
        if len(text) <= _SUBJECT:
            return text
    return text[: _SUBJECT - 1] + "…"


def _mark_keys(announcement: Announcement, sending: Sending) -> list[str]:
    keys = ["possible_repeat"] if sending.possible_repeat else []
    keys += ["repeat"] if announcement.reason == "repeat" else []
    first = announcement.alarms[0]
    keys += [announcement.reason] if announcement.reason in _NEWS and not first.refuted else []
    return keys + (["late"] if first.late else [])


def _sms_marks(announcement: Announcement, sending: Sending, phrases: Phrases) -> list[str]:
    return [phrases.texts(f"sms.{key}") for key in _mark_keys(announcement, sending)]


def _page(announcement: Announcement, links: Links, sending: Sending, phrases: Phrases) -> Page:
    words, first = phrases.texts, announcement.alarms[0]
    footer = [words("link.notification", alarm=first.alarm, notification=sending.id)]
    if not announcement.reader.verified:
        footer.append(words("mark.unverified"))
    return Page(
        severity="over" if first.returned else _worst(announcement).word,
        lead=headline(first, phrases),
        action=action(first, phrases),
        marks=tuple(marks(announcement, sending, phrases)),
        acknowledge=(words("link.acknowledge"), links.acknowledge) if links.acknowledge else None,
        acknowledge_note=words("link.acknowledge_note") if links.acknowledge else "",
        open=(words("link.open"), links.open),
        sections=(Section("", _rows(first, phrases)),),
        footer=(*footer, f"{words('field.written')}: {phrases.full_time(announcement.as_of_ms)}"),
    )


def _rows(facts: AlarmFacts, phrases: Phrases) -> tuple[tuple[str, str], ...]:
    """The table of a message: what the headline left out, in full."""
    words, card = phrases.texts, facts.subject
    rows = [(words(f"field.{card.kind}"), clean(", ".join(part for part in (card.label, card.detail) if part), 140))]
    rows.append((words("field.product"), clean(card.product)))
    if wording(facts) in EXCURSIONS:
        rows.append((words("field.value"), _measured(facts.value_mc, facts, phrases)))
        rows.append((words("field.limit"), amount(facts.limit_mc, facts, phrases, limit=True)))
        extreme = words("field.lowest" if wording(facts) == "low" else "field.peak")
        rows.append((extreme, _measured(facts.peak_mc, facts, phrases)))
    since = {"high": "since_outside", "low": "since_outside", "silence": "since_heard"}.get(wording(facts), "since")
    rows.append((words(f"field.{since}"), phrases.full_time(facts.onset_ms)))
    if facts.end_ms is not None:
        rows.append((words("field.until"), phrases.full_time(facts.end_ms)))
    rows.append((words("field.duration"), phrases.lasted(facts)))
    rows.append((words("field.severity"), phrases.severity(severity_of(facts).word)))
    rows.append((words("field.logger"), clean(" / ".join(part for part in (facts.logger, facts.channel) if part))))
    if card.latitude_e7 is not None and card.longitude_e7 is not None:
        rows.append((words("field.position"), f"{_place(card.latitude_e7)}, {_place(card.longitude_e7)}"))
    rows.append((words("field.found" if found(facts, 1) else "field.rules"), clean(", ".join(facts.rules), 200)))
    return tuple((name, text) for name, text in rows if text)


def _place(degrees_e7: int) -> str:
    """To about a metre."""
    return degrees_text(round(degrees_e7, -2))


def _measured(milli: int | None, facts: AlarmFacts, phrases: Phrases) -> str:
    return "" if milli is None else amount(milli, facts, phrases)


def plain_text(page: Page) -> str:
    """The page as the text part of a mail."""
    lines = [" ".join(part for part in (page.lead, page.action) if part), ""]
    lines += [f"* {mark}" for mark in page.marks] + ([""] if page.marks else [])
    if page.acknowledge is not None:
        lines += [f"{page.acknowledge[0]}:", page.acknowledge[1], page.acknowledge_note, ""]
    lines += [f"{page.open[0]}:", page.open[1], ""] if page.open else []
    for section in page.sections:
        lines += [section.title] if section.title else []
        lines += [f"{name}: {text}" for name, text in section.rows]
        lines.append("")
    return "\n".join([*lines, "-- ", *page.footer, ""])
