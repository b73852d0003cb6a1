"""What becomes of an outbox row: the message that it turns into, and when a failed attempt is made again. All pure."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts import ack_link, messages
from alerts.announcement import Announcement, read_announcement
from alerts.channels.port import Deferred, Message, Refused, Sent
from coldchain.registry.outbox import LONGEST_WAIT_MS, Claimed, Outcome

FIRST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 300_000
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
    announcement = read_announcement(claimed.content)
    sending = messages.Sending(claimed.id, claimed.created_ms, now_ms, claimed.possible_repeat)
    links = _links(claimed, announcement, site)
    if claimed.channel == "sms":
        return messages.sms(claimed.address, announcement, links, sending)
    return messages.mail(claimed.address, announcement, links, sending, site.mail_domain)


def _links(claimed: Claimed, announcement: Announcement, site: Site) -> messages.Links:
    page = f"{site.public_url}/alarms/"
    needed = announcement.reader.may_acknowledge and not announcement.digest
    token = ack_link.Claim(claimed.alarm, claimed.recipient, claimed.occasion, claimed.created_ms + ack_link.LIFE_MS)
    acknowledge = f"{site.public_url}/api/v1/ack/{ack_link.make(site.ack_key, token)}" if needed else None
    return messages.Links(page + claimed.alarm, page + claimed.alarm[:8], acknowledge)


def fault_of(channel: str, content: Mapping[str, Any]) -> str:
    """How a contact that takes no messages is named in a system alarm."""
    name = (content.get("reader") or {}).get("name", "somebody")
    return f"messages to {name} by {channel} are refused; correct the address"


def pause_ms(id: str, attempts: int, asked_s: float | None = None) -> int:  # noqa: A002  the row's id
    """How long to wait after attempt number `attempts`: 5 s doubling to 5 min, ± 20 % so that a crowd spreads out.

    The jitter comes from the row and the attempt, not from chance. What the other side asks for is the least,
    up to an hour.
    """
    plain = min(FIRST_PAUSE_MS << min(attempts - 1, 16), LONGEST_PAUSE_MS)
    spread = zlib.crc32(f"{id}:{attempts}".encode()) % (2 * _JITTER_PERCENT + 1) - _JITTER_PERCENT
    return max(plain + plain * spread // 100, min(int((asked_s or 0) * 1000), LONGEST_WAIT_MS))


def after_sent(sent: Sent) -> Outcome:
    """The other side took it."""
    return Outcome("accepted", sent.code, sent.detail, provider_id=sent.provider_id)


def after_refused(refused: Refused) -> Outcome:
    """The other side never will."""
    return Outcome("failed_permanent", refused.code, str(refused))


def after_deferred(claimed: Claimed, deferred: Deferred, now_ms: int, *, acknowledged: bool) -> Outcome:
    """Not now: due again after a pause, for as long as nobody has answered the alarm."""
    if acknowledged and now_ms - claimed.created_ms > GIVE_UP_MS:
        return Outcome("failed_permanent", "gave_up", f"given up after {claimed.attempts} attempts: {deferred}")
    due_ms = now_ms + pause_ms(claimed.id, claimed.attempts, deferred.retry_after_s)
    state = "unknown" if deferred.ambiguous else "failed_temporary"
    return Outcome(state, deferred.code, str(deferred), due_ms, possible_repeat=deferred.ambiguous)
