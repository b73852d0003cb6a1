"""The link in a mail by which its reader acknowledges without signing in: signed, bound to one person, ending.

A GET only shows; acting takes a POST, because mail scanners open every link.
"""

import hashlib
import secrets
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, select

from alerts import lifecycle
from alerts.link_token import seal, unseal
from alerts.subjects import visible_to
from coldchain.domain.finding import Condition
from coldchain.errors import Forbidden, NotFound, Stale
from coldchain.registry import alarm_rows
from coldchain.registry.contacts import Contact, contacts
from coldchain.registry.schema import setting
from coldchain.registry.viewer import PERMISSIONS, Permission

LIFE_MS = 7 * 24 * 3600_000
_SETTING = "ack_link_key"
_PURPOSE = "coldchain.ack/1"
_FORM = struct.Struct(">B16s16sIQ")
_VERSION = 1
_GROUP_FORM = struct.Struct(">B16s16sQ")
_GROUP_VERSION = 2


class Claim(NamedTuple):
    """What a link says: this person may acknowledge this alarm, about which the `occasion`-th message was written."""

    alarm: str
    person: str
    occasion: int
    expires_ms: int


class GroupClaim(NamedTuple):
    """What the link of a message about several alarms says: this person may acknowledge what it told of."""

    message: str  # the outbox row that it was named after
    person: str
    expires_ms: int


class Shown(NamedTuple):
    """What the page behind a link shows before anybody acts."""

    claim: Claim
    alarm: Row[Any]
    person: Contact


def installation_key(connection: Connection) -> bytes:
    """The installation's secret for such links, made at first use (inside a writing transaction)."""
    stored = connection.execute(select(setting.c.value).where(setting.c.name == _SETTING)).scalar_one_or_none()
    if stored is not None:
        return bytes.fromhex(str(stored))
    key = secrets.token_bytes(32)
    connection.execute(setting.insert().values(name=_SETTING, value=key.hex()))
    return key


def make(key: bytes, claim: Claim) -> str:
    """The token of a claim: 103 characters that need no escaping in a URL."""
    body = _FORM.pack(_VERSION, UUID(claim.alarm).bytes, UUID(claim.person).bytes, claim.occasion, claim.expires_ms)
    return seal(key, _PURPOSE, body)


def make_group(key: bytes, claim: GroupClaim) -> str:
    """The token of a group's claim: 98 characters that need no escaping in a URL."""
    message, person = UUID(claim.message).bytes, UUID(claim.person).bytes
    body = _GROUP_FORM.pack(_GROUP_VERSION, message, person, claim.expires_ms)
    return seal(key, _PURPOSE, body)


def read(key: bytes, token: str, now_ms: int) -> Claim | GroupClaim:
    """The claim of a token, of one alarm or of a message about several.

    Raises:
        Forbidden: it was not made with this key, or its time is over.
    """
    body = unseal(key, _PURPOSE, token)
    form = {_FORM.size: _VERSION, _GROUP_FORM.size: _GROUP_VERSION}.get(len(body))
    if form is None or body[0] != form:
        raise Forbidden("this link is not one of ours; open the alarm in the browser instead")
    claim: Claim | GroupClaim
    if form == _VERSION:
        _, alarm, person, occasion, expires_ms = _FORM.unpack(body)
        claim = Claim(str(UUID(bytes=alarm)), str(UUID(bytes=person)), occasion, expires_ms)
    else:
        _, message, person, expires_ms = _GROUP_FORM.unpack(body)
        claim = GroupClaim(str(UUID(bytes=message)), str(UUID(bytes=person)), expires_ms)
    if expires_ms <= now_ms:
        raise Forbidden("this link is too old; open the alarm in the browser instead")
    return claim


def show(connection: Connection, key: bytes, token: str, now_ms: int) -> Shown:
    """What a GET of the link shows; changes nothing.

    Raises:
        Forbidden: a bad link, or its reader may no longer acknowledge.
    """
    claim = read(key, token, now_ms)
    if isinstance(claim, GroupClaim):
        raise Forbidden("this link is of several alarms; open it in the browser instead")
    reader = reader_of(connection, claim.person, now_ms)
    try:
        row = lifecycle.current(connection, claim.alarm)
    except NotFound as error:
        raise Forbidden("this link's alarm does not exist") from error
    if not visible_to(connection, alarm_rows.condition_of(row).subject, reader):
        raise Forbidden("this link's reader may not know of this alarm any more")
    return Shown(claim, row, reader)


def reader_of(connection: Connection, person: str, now_ms: int) -> Contact:
    """Whom a link was written to.

    Raises:
        Forbidden: this person may not acknowledge any more.
    """
    people = contacts(connection, {person}, now_ms)
    if not people or Permission.ACKNOWLEDGE not in PERMISSIONS.get(people[0].role, frozenset()):
        raise Forbidden("this link's reader may not acknowledge any more")
    return people[0]


def seen(alarms: Sequence[Row[Any]]) -> str:
    """Changes when somebody would want to look again: not because an alarm climbs or is remarked upon meanwhile."""
    over = Condition.RETURNED.value
    said = sorted(f"{a.id}:{a.condition == over}:{a.severity}:{a.acknowledged_ms is None}" for a in alarms)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]


def act(
    connection: Connection, key: bytes, token: str, now_ms: int, *, comment: str = "", shown_as: str | None = None
) -> lifecycle.Done:
    """What a POST of the link does, inside a writing transaction: acknowledge in its reader's name.

    Args:
        connection: a writing transaction.
        key: the installation's key.
        token: from the link.
        now_ms: the time.
        comment: what the reader adds.
        shown_as: what `seen` said of the alarm when it was shown; then what has changed is not acknowledged unseen.

    Raises:
        Forbidden: as `show`.
        Stale: the alarm has changed since the page was shown.
    """
    shown = show(connection, key, token, now_ms)
    if shown_as and shown.alarm.acknowledged_ms is None and shown_as != seen([shown.alarm]):
        raise Stale("this alarm has changed since it was shown; look at it again")
    return lifecycle.acknowledge(
        connection, shown.alarm.id, who=shown.person.id, via="link", comment=comment, now_ms=now_ms,
        occasion=shown.claim.occasion,
    )  # fmt: skip
