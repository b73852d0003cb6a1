"""The mail of a digest: what may wait, in one list, each alarm in a line that leads to its page. Pure."""

from collections.abc import Mapping
from email.utils import formatdate

from alerts.announcement import Announcement, severity_of
from alerts.channels.port import Message
from alerts.mail_html import Page, render
from alerts.messages import Links, Sending, plain_text
from alerts.messages_group import crowd_of, sections

DAILY: Mapping[str, str] = {"kind": "daily"}  # an announcement's `values`: what may wait, as against what came late


def digest_mail(to: str, announcement: Announcement, links: Links, sending: Sending, domain: str) -> Message:
    """Write the mail of a digest; nothing in it is urgent, so there is nothing to acknowledge."""
    crowd = crowd_of(announcement)
    words, phrases = crowd.phrases.texts, crowd.phrases
    kind = "daily" if announcement.values.get("kind") == DAILY["kind"] else "digest"
    severity = max(severity_of(facts) for facts in crowd.facts).word
    said = {"count": len(crowd.facts), "severity": phrases.severity(severity)}
    footer = [words("link.group", notification=sending.id)]
    if not announcement.reader.verified:
        footer.append(words("mark.unverified"))
    page = Page(
        severity="info",  # by colour; the words say how bad
        lead=words(f"headline.{kind}.text", **said),
        action=words(f"action_digest.{kind}"),
        marks=(words("mark.possible_repeat"),) if sending.possible_repeat else (),
        acknowledge=None,
        acknowledge_note="",
        open=(words("link.open_alarms"), links.alarms.rstrip("/")),
        sections=sections(crowd, links),
        footer=(*footer, f"{words('field.written')}: {phrases.full_time(announcement.as_of_ms)}"),
    )
    headers = {
        "Date": formatdate(sending.leaves_ms / 1000, usegmt=True),
        "Message-ID": f"<{sending.id}@{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-Coldchain-Alarms": str(len(crowd.facts)),
        "X-Coldchain-Notification": sending.id,
    }
    if sending.possible_repeat:
        headers["X-Coldchain-Repeat"] = "possible"
    prefix = f"[{words('sms.possible_repeat')}] " if sending.possible_repeat else ""
    subject = prefix + words(f"subject.{kind}", **said)
    return Message(sending.id, to, plain_text(page), subject, render(page, words.language), headers)
