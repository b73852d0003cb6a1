"""The mail and the SMS: a tired person reads in the first line on a phone what is wrong, how bad, and what to do.

Pure: an announcement and the links that belong to it become text. What an announcement says is decided elsewhere.
"""

from dataclasses import dataclass
from email.utils import formatdate

from alerts import gsm7
from alerts.announcement import AlarmFacts, Announcement, severity_of
from alerts.channels.port import Message
from alerts.mail_html import Page, Section, render
from alerts.phrases import Phrases, clean
from coldchain.domain.finding import Severity
from coldchain.domain.quantity import degrees_text

_SUBJECT = 70
_DELAY_MS = 5 * 60_000  # a message that leaves later than this says so
_EXCURSIONS = ("high", "low")


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
    phrases = _phrases(announcement)
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
    phrases, facts = _phrases(announcement), announcement.alarms[0]
    label = gsm7.gsm7(clean(facts.subject.label, 40))
    if not any(character.isalnum() for character in label):
        label = f"{facts.subject.kind} {facts.subject.id[:8]}"
    head = " ".join([*_sms_marks(announcement, sending, phrases), ""])
    tail = f"#{facts.alarm[:8]}"
    advice = "" if facts.returned else phrases.texts(phrases.texts.choice("sms_action", facts.cause))
    answer = phrases.texts("sms.answer", code=links.code) if links.code else ""
    for length in range(gsm7.septets(label), 5, -1):
        body = head + short_sentence(facts, gsm7.cut(label, length), phrases)
        for parts in ((answer, advice, links.short, tail), (answer, advice, tail), (answer, tail)):
            text = gsm7.gsm7(" ".join(part for part in (body, *parts) if part))
            if gsm7.fits(text):
                return Message(sending.id, to, text)
    room = gsm7.SEPTETS - gsm7.septets(gsm7.gsm7(answer)) - 1
    return Message(
        sending.id, to, f"{gsm7.cut(gsm7.gsm7(head + short_sentence(facts, label, phrases)), room)} {answer}"
    )


def headline(facts: AlarmFacts, phrases: Phrases) -> str:
    """The one sentence that matters: what, how much, which limit, since when, how bad."""
    card = facts.subject
    detail = clean(card.detail, 60)
    name = clean(card.label) + (f" ({detail})" if detail else "")
    if facts.cause == "silence" and facts.channel:  # one channel of a logger that is heard
        channel, logger = clean(facts.channel, 40), clean(facts.logger, 40)
        name = phrases.texts("channel_of", name=name, channel=channel, logger=logger)
    values = {"name": name, **value_words(facts, phrases)}
    if facts.refuted:
        return phrases.texts("headline.refuted.text", **values)
    stage = _over(facts) if facts.returned else ("active" if _is_outside(facts) else "returning")
    return phrases.texts(phrases.texts.choice("headline", facts.cause, stage), **values)


def value_words(facts: AlarmFacts, phrases: Phrases) -> dict[str, str]:
    """An alarm's figures as its reader writes them: what the wording's names are filled in with."""
    return {
        "severity": phrases.severity(severity_of(facts).word),
        "side": _side(facts, phrases),
        "cause": _cause(facts, 200, phrases),
        "value": f"{phrases.degrees(_value(facts), facts.limit_mc)} °C",
        "peak": f"{phrases.degrees(facts.peak_mc, facts.limit_mc)} °C",
        "limit": f"{phrases.limit(facts.limit_mc)} °C",
        "since": phrases.time(facts.onset_ms),
        "until": phrases.time(facts.end_ms or phrases.as_of_ms),
        "duration": phrases.lasted(facts),
    }


def action(facts: AlarmFacts, phrases: Phrases) -> str:
    """What the reader should do now."""
    if facts.refuted:
        return phrases.texts("action.returned_other")
    if facts.returned:
        return phrases.texts(f"action.{_over(facts)}" + ("" if facts.cause in _EXCURSIONS else "_other"))
    return phrases.texts(phrases.texts.choice("action", facts.cause))


def marks(announcement: Announcement, sending: Sending, phrases: Phrases) -> list[str]:
    """What sets this message apart from a first, timely one."""
    said = []
    if sending.possible_repeat:
        said.append(phrases.texts("mark.possible_repeat"))
    if announcement.reason in ("repeat", "worsened", "amended", "shelf_ended", "ack_timeout"):
        said.append(phrases.texts(f"mark.{announcement.reason}"))
    if not announcement.digest and any(facts.late for facts in announcement.alarms):
        said.append(phrases.texts("mark.late"))
    if announcement.folded:
        said.append(phrases.texts("mark.folded"))
    if sending.leaves_ms - sending.written_ms > _DELAY_MS:
        said.append(phrases.texts("mark.delayed", written=phrases.full_time(sending.written_ms)))
    return said


def _phrases(announcement: Announcement) -> Phrases:
    reader = announcement.reader
    return Phrases(reader.language, reader.zone, announcement.as_of_ms)


def _worst(announcement: Announcement) -> Severity:
    return max(severity_of(facts) for facts in announcement.alarms)


def _value(facts: AlarmFacts) -> int | None:
    return facts.peak_mc if facts.value_mc is None else facts.value_mc


def _over(facts: AlarmFacts) -> str:
    """How a condition came to its end: goods that nobody watches any more have not come back."""
    return "unwatched" if facts.monitoring_ended else "returned"


def _side(facts: AlarmFacts, phrases: Phrases) -> str:
    key = facts.cause if facts.cause in _EXCURSIONS and (facts.returned or _is_outside(facts)) else "back"
    return phrases.texts(f"side.{key}")


def _cause(facts: AlarmFacts, longest: int, phrases: Phrases) -> str:
    """The cause in words; trouble of the product itself says what it is."""
    words = phrases.texts.entries.get(f"cause.{facts.cause}", facts.cause.replace("_", " "))
    said = facts.rules[0] if facts.subject.kind == "system" and facts.rules else ""
    return clean(f"{words}: {said}" if said else words, longest)


def _is_outside(facts: AlarmFacts) -> bool:
    """Whether the newest value is still beyond the limit; other causes go by the condition."""
    value = _value(facts)
    if facts.cause not in _EXCURSIONS or value is None or facts.limit_mc is None:
        return facts.condition != "returning"
    return value > facts.limit_mc if facts.cause == "high" else value < facts.limit_mc


def _subject(announcement: Announcement, sending: Sending, phrases: Phrases) -> str:
    facts, words = announcement.alarms[0], phrases.texts
    prefix = "".join(f"[{words(f'sms.{mark}')}] " for mark in _mark_keys(announcement, sending))
    values = {
        "severity": phrases.severity(_worst(announcement).word),
        "value": f"{phrases.degrees(_value(facts), facts.limit_mc)} °C",
        "limit": f"{phrases.limit(facts.limit_mc)} °C",
        "since": phrases.time(facts.onset_ms),
        "side": _side(facts, phrases),
        "duration": phrases.lasted(facts),
        "cause": _cause(facts, 45, phrases),
        "count": len(announcement.alarms),
    }
    if announcement.digest:
        key = "subject.digest"
    elif facts.refuted:
        key = "subject.corrected"
    else:
        key = f"subject.{_over(facts)}" if facts.returned else words.choice("subject", facts.cause)
    for longest in range(_SUBJECT, 5, -1):
        text = prefix + words(key, label=clean(facts.subject.label, longest), **values)
        if len(text) <= _SUBJECT:
            return text
    return text[: _SUBJECT - 1] + "…"


def _mark_keys(announcement: Announcement, sending: Sending) -> list[str]:
    keys = ["possible_repeat"] if sending.possible_repeat else []
    keys += ["repeat"] if announcement.reason == "repeat" else []
    late = not announcement.digest and announcement.alarms[0].late
    return keys + (["late"] if late else [])


def _sms_marks(announcement: Announcement, sending: Sending, phrases: Phrases) -> list[str]:
    return [phrases.texts(f"sms.{key}") for key in _mark_keys(announcement, sending)]


def short_sentence(facts: AlarmFacts, label: str, phrases: Phrases) -> str:
    """The one sentence of an SMS."""
    values = {
        "severity": phrases.severity(severity_of(facts).word),
        "label": label,
        "cause": _cause(facts, 45, phrases),
        "side": _side(facts, phrases),
        "value": phrases.degrees(_value(facts), facts.limit_mc),
        "peak": phrases.degrees(facts.peak_mc, facts.limit_mc),
        "limit": phrases.limit(facts.limit_mc),
        "since": phrases.time(facts.onset_ms),
        "until": phrases.time(facts.end_ms or phrases.as_of_ms),
        "duration": phrases.lasted(facts),
    }
    if facts.cause in _EXCURSIONS:
        values["extreme"] = phrases.texts(f"extreme.{facts.cause}")
    if facts.refuted:
        return phrases.texts("sms.corrected", **values)
    if facts.returned:
        return phrases.texts(f"sms.{_over(facts)}" + ("" if facts.cause in _EXCURSIONS else "_other"), **values)
    return phrases.texts(phrases.texts.choice("sms", facts.cause), **values)


def _page(announcement: Announcement, links: Links, sending: Sending, phrases: Phrases) -> Page:
    words, first = phrases.texts, announcement.alarms[0]
    worst = phrases.severity(_worst(announcement).word)
    if announcement.digest:
        lead = words("headline.digest.text", count=len(announcement.alarms), severity=worst)
        sections = tuple(Section(headline(facts, phrases), _rows(facts, phrases)) for facts in announcement.alarms)
        advice = ""
    else:
        lead, advice = headline(first, phrases), action(first, phrases)
        sections = (Section("", _rows(first, phrases)),)
    footer = [words("link.notification", alarm=first.alarm, notification=sending.id)]
    if not announcement.reader.verified:
        footer.append(words("mark.unverified"))
    return Page(
        severity="over" if first.returned and not announcement.digest else _worst(announcement).word,
        lead=lead,
        action=advice,
        marks=tuple(marks(announcement, sending, phrases)),
        acknowledge=(words("link.acknowledge"), links.acknowledge) if links.acknowledge else None,
        acknowledge_note=words("link.acknowledge_note") if links.acknowledge else "",
        open=(words("link.open"), links.open),
        sections=sections,
        footer=(*footer, f"{words('field.written')}: {phrases.full_time(announcement.as_of_ms)}"),
    )


def _rows(facts: AlarmFacts, phrases: Phrases) -> tuple[tuple[str, str], ...]:
    """The table of a message: what the headline left out, in full."""
    words, card = phrases.texts, facts.subject
    rows = [(words(f"field.{card.kind}"), clean(", ".join(part for part in (card.label, card.detail) if part), 140))]
    rows.append((words("field.product"), clean(card.product)))
    if facts.cause in _EXCURSIONS:
        rows.append((words("field.value"), _degrees(phrases, facts.value_mc, facts.limit_mc)))
        rows.append((words("field.limit"), f"{phrases.limit(facts.limit_mc)} °C"))
        extreme = words("field.lowest" if facts.cause == "low" else "field.peak")
        rows.append((extreme, _degrees(phrases, facts.peak_mc, facts.limit_mc)))
    rows.append((words("field.since"), phrases.full_time(facts.onset_ms)))
    if facts.end_ms is not None:
        rows.append((words("field.until"), phrases.full_time(facts.end_ms)))
    rows.append((words("field.duration"), phrases.lasted(facts)))
    rows.append((words("field.severity"), phrases.severity(severity_of(facts).word)))
    rows.append((words("field.logger"), clean(" / ".join(part for part in (facts.logger, facts.channel) if part))))
    if card.latitude_e7 is not None and card.longitude_e7 is not None:
        rows.append((words("field.position"), f"{_place(card.latitude_e7)}, {_place(card.longitude_e7)}"))
    rows.append((words("field.rules"), clean(", ".join(facts.rules), 200)))
    return tuple((name, text) for name, text in rows if text)


def _place(degrees_e7: int) -> str:
    """To about a metre."""
    return degrees_text(round(degrees_e7, -2))


def _degrees(phrases: Phrases, value_mc: int | None, limit_mc: int | None) -> str:
    return "" if value_mc is None else f"{phrases.degrees(value_mc, limit_mc)} °C"


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
