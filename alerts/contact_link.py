"""The link by which somebody confirms an address or answers a drill: signed, bound to one of them, ending.

As with the link that acknowledges: a GET only shows, acting takes a POST, because mail scanners open every link.
"""

import struct
from typing import NamedTuple
from uuid import UUID

from alerts.link_token import seal, unseal
from coldchain.errors import Forbidden

_FORM = struct.Struct(">B16sQ")
_PURPOSE = "coldchain.contact/1"
_KINDS = {"proof": 1, "drill": 2}
_NAMES = {number: name for name, number in _KINDS.items()}


class Asked(NamedTuple):
    """What a link answers: the proof of an address, or a drill."""

    kind: str  # proof | drill
    id: str
    expires_ms: int


def make(key: bytes, asked: Asked) -> str:
    """The token: 76 characters that need no escaping in a URL."""
    body = _FORM.pack(_KINDS[asked.kind], UUID(asked.id).bytes, asked.expires_ms)
    return seal(key, _PURPOSE, body)


def read(key: bytes, token: str, now_ms: int) -> Asked:
    """What a token answers.

    Raises:
        Forbidden: it was not made with this key, or its time is over.
    """
    body = unseal(key, _PURPOSE, token)
    if len(body) != _FORM.size:
        raise Forbidden("this link is not one of ours")
    kind, id_, expires_ms = _FORM.unpack(body)
    if expires_ms <= now_ms or kind not in _NAMES:
        raise Forbidden("this link is too old; ask for a new one")
    return Asked(_NAMES[kind], str(UUID(bytes=id_)), expires_ms)
