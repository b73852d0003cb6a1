"""The link in a mail by which its reader acknowledges without signing in: signed, bound to one person, ending.

A GET only shows; acting takes a POST, because mail scanners open every link.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, select

from alerts import lifecycle
from coldchain.errors import Forbidden, NotFound
from coldchain.registry.contacts import Contact, contacts
from coldchain.registry.schema import setting
from coldchain.registry.viewer import PERMISSIONS, Permission

LIFE_MS = 7 * 24 * 3600_000
_SETTING = "ack_link_key"
_FORM = struct.Struct(">B16s16sIQ")
_VERSION = 1


class Claim(NamedTuple):
    """What a link says: this person may acknowledge this alarm, about which the `occasion`-th message was written."""

    alarm: str
    person: str
    occasion: int
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
    return base64.urlsafe_b64encode(body + _mac(key, body)).decode().rstrip("=")


def read(key: bytes, token: str, now_ms: int) -> Claim:
    """The claim of a token.

    Raises:
        Forbidden: it was not made with this key, or its time is over.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    body, mac = raw[: _FORM.size], raw[_FORM.size :]
    if not key or len(body) != _FORM.size or not hmac.compare_digest(mac, _mac(key, body)) or body[0] != _VERSION:
        raise Forbidden("this link is not one of ours; open the alarm in the browser instead")
    _, alarm, person, occasion, expires_ms = _FORM.unpack(body)
    if expires_ms <= now_ms:
        raise Forbidden("this link is too old; open the alarm in the browser instead")
    return Claim(str(UUID(bytes=alarm)), str(UUID(bytes=person)), occasion, expires_ms)


def show(connection: Connection, key: bytes, token: str, now_ms: int) -> Shown:
    """What a GET of the link shows; changes nothing.

    Raises:
        Forbidden: a bad link, or its reader may no longer acknowledge.
    """
    claim = read(key, token, now_ms)
    people = contacts(connection, {claim.person}, now_ms)
    if not people or Permission.ACKNOWLEDGE not in PERMISSIONS.get(people[0].role, frozenset()):
        raise Forbidden("this link's reader may not acknowledge any more")
    try:
        row = lifecycle.current(connection, claim.alarm)
    except NotFound as error:
        raise Forbidden("this link's alarm does not exist") from error
    return Shown(claim, row, people[0])


def act(
    connection: Connection, key: bytes, token: str, now_ms: int, *, comment: str = "", version: int | None = None
) -> lifecycle.Done:
    """What a POST of the link does, inside a writing transaction: acknowledge in its reader's name.

    Args:
        connection: a writing transaction.
        key: the installation's key.
        token: from the link.
        now_ms: the time.
        comment: what the reader adds.
        version: that of the alarm as the page showed it; then a change since is not acknowledged unseen.

    Raises:
        Forbidden: as `show`.
        Stale: the alarm has changed since the page was shown.
    """
    shown = show(connection, key, token, now_ms)
    return lifecycle.acknowledge(
        connection, shown.alarm.id, who=shown.person.id, via="link", comment=comment, now_ms=now_ms,
        version=version, occasion=shown.claim.occasion,
    )  # fmt: skip


def _mac(key: bytes, body: bytes) -> bytes:
    # Bound to its purpose, so that no other thing signed with this key can pass for a link.
    return hmac.new(key, b"coldchain.ack/1\x00" + body, hashlib.sha256).digest()
