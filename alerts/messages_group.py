"""One message for many alarms: counts and the worst first, then every alarm in a line of its own.

Pure, like `alerts.messages`: who is woken by a storm reads in the first line how much is wrong and what is worst.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate

from alerts import gsm7
from alerts.announcement import AlarmFacts, Announcement, severity_of
from alerts.channels.port import Message
from alerts.mail_html import Page, Section, render
from alerts.messages import Links, Sending, plain_text
from alerts.phrases import Phrases, clean, phrases_of
from alerts.wording import EXCURSIONS, action, called, headline, short_sentence, value_words, wording
from coldchain.domain.finding import Severity

_SUBJECT = 78
_DELAY_MS = 5 * 60_000
_NEWS = ("repeat", "worsened", "amended", "shelf_ended", "ack_timeout")


@dataclass(frozen=True, slots=True)
class Crowd:
    """The alarms of a group in the order in which they are read: what is going on, worst first, then what is over."""

    announcement: Announcement
    phrases: Phrases
    facts: tuple[AlarmFacts, ...]
    reasons: dict[str, str]

    @property
    def worst(self) -> AlarmFacts:
        """What the first line names."""
        return self.facts[0]

    @property
    def worst_word(self) -> str:
        """The severity of the worst, "over" when nothing of it all goes on."""
        return "over" if _over(self.worst) else severity_of(self.worst).word

    @property
    def all_repeats(self) -> bool:
        """Whether all of this has been said before."""
        return set(self.reasons.values()) == {"repeat"}

    def counts(self) -> str:
        """How many there are of each severity, and how many are over: `3 CRITICAL, 9 MAJOR, 2 over`."""
        going = Counter(severity_of(facts) for facts in self.facts if not _over(facts))
        words = [f"{count} {self.phrases.severity(level.word)}" for level, count in sorted(going.items(), reverse=True)]
        unwatched = sum(_unwatched(facts) for facts in self.facts)
        over = len(self.facts) - going.total() - unwatched
        rest = (("group.unwatched", unwatched), ("group.over", over))
        return ", ".join([*words, *(self.phrases.texts(key, count=count) for key, count in rest if count)])


def crowd_of(announcement: Announcement) -> Crowd:
    """Sort a group's alarms."""
    phrases = phrases_of(announcement)
    reasons = dict(zip((facts.alarm for facts in announcement.alarms), announcement.reasons, strict=False))
    ordered = sorted(announcement.alarms, key=lambda f: (_rank(f), -f.severity, -_beyond(f), f.onset_ms, f.alarm))
    return Crowd(announcement, phrases, tuple(ordered), reasons)


def group_id(lead: str, rows: Sequence[str]) -> str:
    """The lasting name of a message: its first row, and which rows it carries, so that no other set shares it."""
    if len(rows) == 1:
        return lead
    return f"{lead}.{hashlib.sha256(' '.join(sorted(rows)).encode()).hexdigest()[:12]}"


def group_mail(to: str, announcement: Announcement, links: Links, sending: Sending, domain: str) -> Message:
    """Write the mail of a group; see `alerts.messages.mail`."""
    crowd = crowd_of(announcement)
    page = _page(crowd, links, sending)
    root = f"<alarm.{announcement.alarms[0].alarm}@{domain}>"
    headers = {
        "Date": formatdate(sending.leaves_ms / 1000, usegmt=True),
        "Message-ID": f"<{sending.id}@{domain}>",
        "In-Reply-To": root,
        "References": root,
        "Auto-Submitted": "auto-generated",
        "X-Coldchain-Alarms": str(len(crowd.facts)),
        "X-Coldchain-Notification": sending.id,
    }
    if sending.possible_repeat:
        headers["X-Coldchain-Repeat"] = "possible"
    if crowd.worst_word == "critical":
        headers |= {"Importance": "high", "X-Priority": "1"}
    html = render(page, crowd.phrases.texts.language)
    return Message(sending.id, to, plain_text(page), _subject(crowd, sending), html, headers)


def group_sms(to: str, announcement: Announcement, links: Links, sending: Sending) -> Message:
    """Write the SMS of a group: counts, the worst, the code to answer with, and the page that lists every alarm."""
    crowd, texts = crowd_of(announcement), crowd_of(announcement).phrases.texts
    label = gsm7.gsm7(called(crowd.worst.subject, 48)) or crowd.worst.subject.kind
    head = "".join(f"{texts(f'sms.{mark}')} " for mark in _marks(crowd, sending))
    head += texts("sms.group", counts=crowd.counts())
    answer = texts("sms.answer", code=links.code) if links.code else ""
    for length in range(gsm7.septets(label), 3, -1):
        said = short_sentence(crowd.worst, gsm7.cut(label, length), crowd.phrases, severity=False)
        text = gsm7.gsm7(" ".join(part for part in (head, said, answer, links.short) if part))
        if gsm7.fits(text):
            return Message(sending.id, to, text)
    room = gsm7.SEPTETS - gsm7.septets(gsm7.gsm7(" ".join(("", answer, links.short))))
    first = gsm7.cut(gsm7.gsm7(f"{head} {short_sentence(crowd.worst, label, crowd.phrases, severity=False)}"), room)
    return Message(sending.id, to, gsm7.gsm7(" ".join(part for part in (first, answer, links.short) if part)))


def line(facts: AlarmFacts, phrases: Phrases) -> str:
    """One alarm in a list: value and limit, since when and for how long; of what is over also until when."""
    key = "refuted" if facts.refuted else "unwatched" if _unwatched(facts) else "over" if _over(facts) else "going"
    kind = wording(facts) if wording(facts) in EXCURSIONS else "other"
    return phrases.texts(f"line.{key}.{kind}", **value_words(facts, phrases))


def _over(facts: AlarmFacts) -> bool:
    return facts.returned or facts.refuted


def _unwatched(facts: AlarmFacts) -> bool:
    """Whether it is over only because nobody watches any more: it was never seen to come back."""
    return facts.returned and facts.monitoring_ended and not facts.refuted


def _rank(facts: AlarmFacts) -> int:
    """What goes on first, then what nobody watches any more, then what is over."""
    return 1 if _unwatched(facts) else 2 * int(_over(facts))


def _beyond(facts: AlarmFacts) -> int:
    value = facts.peak_mc if facts.value_mc is None else facts.value_mc
    return 0 if value is None or facts.limit_mc is None else abs(value - facts.limit_mc)


def _marks(crowd: Crowd, sending: Sending) -> list[str]:
    found = ["possible_repeat"] if sending.possible_repeat else []
    return found + (["repeat"] if crowd.all_repeats else [])


def _subject(crowd: Crowd, sending: Sending) -> str:
    texts = crowd.phrases.texts
    prefix = "".join(f"[{texts(f'sms.{mark}')}] " for mark in _marks(crowd, sending))
    worst = crowd.worst
    plain = wording(worst) not in EXCURSIONS or _over(worst)
    values = {"counts": crowd.counts(), **value_words(worst, crowd.phrases)}
    for longest in range(60, 5, -1):
        key = "subject.group_other" if plain else "subject.group"
        text = prefix + texts(key, label=called(worst.subject, longest), **values)
        if len(text) <= _SUBJECT:
            return text
    return text[: _SUBJECT - 1] + "…"


def _page(crowd: Crowd, links: Links, sending: Sending) -> Page:
    words, phrases = crowd.phrases.texts, crowd.phrases
    marks = [words(f"mark.{mark}") for mark in _marks(crowd, sending)]
    if sending.leaves_ms - sending.written_ms > _DELAY_MS:
        marks.append(words("mark.delayed", written=phrases.full_time(sending.written_ms)))
    footer = [words("link.group", notification=sending.id)]
    if not crowd.announcement.reader.verified:
        footer.append(words("mark.unverified"))
    lead = words("headline.group.text", counts=crowd.counts(), worst=headline(crowd.worst, phrases))
    return Page(
        severity=crowd.worst_word,
        lead=lead,
        action=action(crowd.worst, phrases),
        marks=tuple(marks),
        acknowledge=(words("link.acknowledge_all", count=len(crowd.facts)), links.acknowledge)
        if links.acknowledge
        else None,
        acknowledge_note=words("link.acknowledge_all_note") if links.acknowledge else "",
        open=(words("link.open_group"), links.open),
        sections=sections(crowd, links),
        footer=(*footer, f"{words('field.written')}: {phrases.full_time(crowd.announcement.as_of_ms)}"),
    )


def sections(crowd: Crowd, links: Links) -> tuple[Section, ...]:
    """Every alarm in a line that leads to its page, by severity."""
    by_title: dict[str, list[AlarmFacts]] = {}
    for facts in crowd.facts:
        by_title.setdefault(_title(facts, crowd.phrases), []).append(facts)
    return tuple(
        Section(
            f"{title} ({len(members)})",
            tuple((_name(facts), _line_with_news(facts, crowd)) for facts in members),
            tuple(f"{links.alarms}{facts.alarm[:8]}" for facts in members),
        )
        for title, members in by_title.items()
    )


def _title(facts: AlarmFacts, phrases: Phrases) -> str:
    """Under which head an alarm is listed."""
    if _unwatched(facts):
        return phrases.texts("group.title_unwatched")
    return phrases.texts("group.title_over") if _over(facts) else phrases.severity(severity_of(facts).word)


def _name(facts: AlarmFacts) -> str:
    detail = clean(facts.subject.detail, 40)
    heard_by = "/".join(part for part in (clean(facts.logger, 24), clean(facts.channel, 20)) if part)
    parts = [part for part in (detail, heard_by) if part]
    return clean(facts.subject.label, 60) + (f" ({', '.join(parts)})" if parts else "")


def _line_with_news(facts: AlarmFacts, crowd: Crowd) -> str:
    texts, reason = crowd.phrases.texts, crowd.reasons.get(facts.alarm, "")
    news = [texts(f"news.{reason}")] if reason in _NEWS and not crowd.all_repeats else []
    news += [texts("news.late")] if facts.late else []
    said = line(facts, crowd.phrases)
    if severity_of(facts) >= Severity.MAJOR and _over(facts):
        said = f"{crowd.phrases.severity(severity_of(facts).word)}: {said}"
    return said + (f" [{', '.join(news)}]" if news else "")
