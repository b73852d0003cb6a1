"""Messages about the way to a person and not about goods: proof of an address, drill, answer to an SMS. Pure."""

from email.utils import formatdate

from alerts import gsm7
from alerts.announcement import Announcement
from alerts.channels.port import Message
from alerts.mail_html import Page, render
from alerts.messages import Sending, plain_text
from alerts.phrases import clean, phrases_of

FORMS = ("proof", "drill", "notice")


def contact_sms(to: str, announcement: Announcement, sending: Sending, code: str | None) -> Message:
    """The SMS of one of the forms; `values` of the announcement fill in what the wording names."""
    texts = phrases_of(announcement).texts
    key = announcement.values.get("text", announcement.form)
    text = texts(f"sms.{key}", code=code or "", **_words(announcement))
    mark = f"{texts('sms.possible_repeat')} " if sending.possible_repeat else ""
    return Message(sending.id, to, gsm7.cut(gsm7.gsm7(mark + text), gsm7.SEPTETS))


def contact_mail(
    to: str, announcement: Announcement, sending: Sending, link: str, code: str | None, domain: str
) -> Message:
    """The mail of a proof or a drill: what to do, one button, and the code to type where the button does not work."""
    phrases, form = phrases_of(announcement), announcement.form
    texts, words = phrases.texts, _words(announcement)
    verb = "confirm" if form == "proof" else "answer_drill"
    marks = (texts("mark.possible_repeat"),) if sending.possible_repeat else ()
    page = Page(
        severity="info",
        lead=texts(f"headline.{form}.text", name=clean(announcement.reader.name), **words),
        # Who has no page to enter a code on gets none.
        action=texts(
            f"action_contact.{form}" + ("_link" if form == "proof" and not code else ""), code=code or "", **words
        ),
        marks=marks,
        acknowledge=(texts(f"link.{verb}"), link),
        acknowledge_note=texts(f"link.{verb}_note"),
        open=None,
        sections=(),
        footer=(
            texts("link.contact", notification=sending.id),
            f"{texts('field.written')}: {phrases.full_time(announcement.as_of_ms)}",
        ),
    )
    headers = {
        "Date": formatdate(sending.leaves_ms / 1000, usegmt=True),
        "Message-ID": f"<{sending.id}@{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-Coldchain-Notification": sending.id,
    }
    if sending.possible_repeat:
        headers["X-Coldchain-Repeat"] = "possible"
    prefix = f"[{texts('sms.possible_repeat')}] " if sending.possible_repeat else ""
    return Message(
        sending.id, to, plain_text(page), prefix + texts(f"subject.{form}"), render(page, texts.language), headers
    )


def _words(announcement: Announcement) -> dict[str, str]:
    """What the wording names, with times as the reader's clock shows them."""
    phrases = phrases_of(announcement)
    words = {name: value for name, value in announcement.values.items() if name != "until_ms"}
    if "until_ms" in announcement.values:
        words["until"] = phrases.time(int(announcement.values["until_ms"]))
    return words
