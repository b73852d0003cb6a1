"""What becomes of an outbox row: the message that it turns into, and when a failed attempt is made again. All pure."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from alerts import ack_link, contact_link, messages
from alerts.announcement import Announcement, read_announcement, together
from alerts.channels.port import Deferred, Message, Refused, Sent
from alerts.messages_contact import contact_mail, contact_sms
from alerts.messages_digest import digest_mail
from alerts.messages_event import event
from alerts.messages_group import group_id, group_mail, group_sms
from coldchain.domain.finding import Severity
from coldchain.registry.outbox import LONGEST_WAIT_MS, Claimed, Outcome

FIRST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 300_000
UNREACHABLE_PAUSE_MS = 45_000  # of a server that nobody can reach: what waits is to leave within a minute of its return
GIVE_UP_MS = 24 * 3600_000  # of an acknowledged alarm; one that nobody has answered is never given up
_JITTER_PERCENT = 20


@dataclass(frozen=True, slots=True)
class Site:
    """What messages need to know of the installation: its address, its mail domain, and the key of its links."""

    public_url: str
    mail_domain: str
    ack_key: bytes = field(repr=False)


def write(claimed: Claimed, site: Site, now_ms: int) -> Message:
    """The message of a claimed row, the same at every attempt but for its marks of repetition and delay."""
    announcement = announced(claimed)
    name = group_id(claimed.id, claimed.rows)
    sending = messages.Sending(name, claimed.created_ms, now_ms, claimed.possible_repeat)
    if claimed.channel == "webhook":
        repeat = claimed.possible_repeat
        return event(claimed.recipient, announcement, claimed.id, site.public_url, possible_repeat=repeat)
    if announcement.form:
        return _contact(claimed, announcement, sending, site)
    links = _links(claimed, announcement, site)
    if claimed.channel == "sms":
        short = group_sms if announcement.group else messages.sms
        return replace(short(claimed.address, announcement, links, sending), id=claimed.id)
    mail = _mail(claimed.address, announcement, links, sending, site.mail_domain)
    if claimed.channel == "apprise":
        return Message(claimed.id, claimed.recipient, mail.text, mail.subject, headers={"kind": _kind(announcement)})
    return mail


def _mail(
    to: str, announcement: Announcement, links: messages.Links, sending: messages.Sending, domain: str
) -> Message:
    if announcement.digest:
        return digest_mail(to, announcement, links, sending, domain)
    wording = group_mail if announcement.group else messages.mail
    return wording(to, announcement, links, sending, domain)


def _kind(announcement: Announcement) -> str:
    """What apprise calls it, which is a colour or a sign in most services."""
    open_ = [facts for facts in announcement.alarms if not (facts.returned or facts.refuted)]
    worst = max((facts.severity for facts in open_), default=None)
    return "success" if worst is None else "failure" if worst >= Severity.CRITICAL else "warning"


def _contact(claimed: Claimed, announcement: Announcement, sending: messages.Sending, site: Site) -> Message:
    if claimed.channel == "sms":
        return contact_sms(claimed.address, announcement, sending, claimed.code)
    asked = contact_link.Asked(announcement.form, announcement.values["id"], int(announcement.values["ends_ms"]))
    link = f"{site.public_url}/api/v1/proofs/{contact_link.make(site.ack_key, asked)}"
    return contact_mail(claimed.address, announcement, sending, link, claimed.code, site.mail_domain)


def announced(claimed: Claimed) -> Announcement:
    """What a message says: the content of its one row, or of all that it carries."""
    first = read_announcement(claimed.content)
    if not claimed.members:
        return first
    rest = [(member.occasion, read_announcement(member.content)) for member in claimed.members]
    return together([(claimed.occasion, first), *rest])


def _links(claimed: Claimed, announcement: Announcement, site: Site) -> messages.Links:
    page = f"{site.public_url}/alarms/"
    shared = claimed.channel == "apprise"  # a chat: whoever reads it is not known
    needed = announcement.reader.may_acknowledge and not announcement.digest and not shared
    acknowledge = f"{site.public_url}/api/v1/ack/{_token(claimed, announcement, site)}" if needed else None
    code = claimed.code if needed else None
    if announcement.group:
        listed = f"{site.public_url}/told/{claimed.id[:8]}"
        return messages.Links(listed, listed, acknowledge, code, page)
    return messages.Links(page + claimed.alarm, page + claimed.alarm[:8], acknowledge, code, page)


def _token(claimed: Claimed, announcement: Announcement, site: Site) -> str:
    expires_ms = claimed.created_ms + ack_link.LIFE_MS
    if announcement.group:
        return ack_link.make_group(site.ack_key, ack_link.GroupClaim(claimed.id, claimed.recipient, expires_ms))
    claim = ack_link.Claim(claimed.alarm, claimed.recipient, claimed.occasion, expires_ms)
    return ack_link.make(site.ack_key, claim)


_FOR_ITS_CONTENT = frozenset({"552", "554", "523", "size"})


def fault_of(channel: str, content: Mapping[str, Any]) -> str:
    """How a contact that takes no messages is named in a system alarm."""
    name = (content.get("reader") or {}).get("name", "somebody")
    return f"messages to {name} by {channel} are refused; correct the address"


def pause_ms(id: str, attempts: int, asked_s: float | None = None, most_ms: int = LONGEST_PAUSE_MS) -> int:  # noqa: A002
    """How long to wait after attempt number `attempts`: 5 s doubling to 5 min, ± 20 % so that a crowd spreads out.

    The jitter comes from the row and the attempt, not from chance. What the other side asks for is the least,
    up to an hour.
    """
    plain = min(FIRST_PAUSE_MS << min(attempts - 1, 16), most_ms)
    spread = zlib.crc32(f"{id}:{attempts}".encode()) % (2 * _JITTER_PERCENT + 1) - _JITTER_PERCENT
    return max(plain + plain * spread // 100, min(int((asked_s or 0) * 1000), LONGEST_WAIT_MS))


def after_sent(sent: Sent) -> Outcome:
    """The other side took it."""
    return Outcome("accepted", sent.code, sent.detail, provider_id=sent.provider_id)


def after_refused(refused: Refused) -> Outcome:
    """The other side never will."""
    return Outcome("failed_permanent", refused.code, str(refused))


def splits(claimed: Claimed, outcome: Outcome) -> bool:
    """Whether a message of several was refused for what it holds, not for whom it is for: too large, or disliked."""
    return bool(claimed.members) and outcome.state == "failed_permanent" and outcome.code in _FOR_ITS_CONTENT


def after_split(outcome: Outcome, now_ms: int) -> Outcome:
    """Every row goes out again at once, by itself."""
    return outcome._replace(state="failed_temporary", next_due_ms=now_ms)


def after_deferred(claimed: Claimed, deferred: Deferred, now_ms: int, *, acknowledged: bool) -> Outcome:
    """Not now: due again after a pause, for as long as nobody has answered the alarm."""
    if acknowledged and now_ms - claimed.created_ms > GIVE_UP_MS:
        return Outcome("failed_permanent", "gave_up", f"given up after {claimed.attempts} attempts: {deferred}")
    away = deferred.code == "connection" and not deferred.ambiguous
    most_ms = UNREACHABLE_PAUSE_MS if away else LONGEST_PAUSE_MS
    due_ms = now_ms + pause_ms(claimed.id, claimed.attempts, deferred.retry_after_s, most_ms)
    state = "unknown" if deferred.ambiguous else "failed_temporary"
    return Outcome(state, deferred.code, str(deferred), due_ms, possible_repeat=deferred.ambiguous)
