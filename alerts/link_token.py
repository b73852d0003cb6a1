"""The token in a link of ours: a few bytes and the HMAC over them, written so that nothing needs escaping in a URL."""

import base64
import binascii
import hashlib
import hmac

_MAC_BYTES = 32


def seal(key: bytes, purpose: str, body: bytes) -> str:
    """The token of `body`. `purpose` binds it, so that nothing else signed with this key can pass for such a link."""
    return base64.urlsafe_b64encode(body + _mac(key, purpose, body)).decode().rstrip("=")


def unseal(key: bytes, purpose: str, token: str) -> bytes:
    """What was sealed for this purpose with this key; nothing if the token is not such a one, or there is no key."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    return body if key and hmac.compare_digest(mac, _mac(key, purpose, body)) else b""


def _mac(key: bytes, purpose: str, body: bytes) -> bytes:
    return hmac.new(key, purpose.encode() + b"\x00" + body, hashlib.sha256).digest()
