"""Signed webhooks: CloudEvents over https, to the address that was checked, without redirects, within five seconds.

Signed as Standard Webhooks has it: HMAC-SHA256 over `id.timestamp.body`, so that a receiver can tell whom it comes
from, that it is fresh, and that it has seen it before.
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple
from urllib.parse import urlsplit

from alerts.channels.deadline import cut_off
from alerts.channels.http_answers import LATER, wait_s
from alerts.channels.port import Deferred, Message, Refused, Sent
from coldchain.clock import Clock
from coldchain.errors import InvalidValue

DEADLINE_S = 5.0
LARGEST = 64 * 1024  # bytes, of what is sent and of what is read
SECRET_PREFIX = "whsec_"  # noqa: S105  how secrets begin, none itself
_NAT64, _LOCAL_NAT64 = ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48")


class Target(NamedTuple):
    """Where an endpoint is, what its messages are signed with, and whether it may be inside our own network."""

    url: str
    secrets: tuple[str, ...]
    private: bool


class WebhookChannel:
    """Hands each event over in a connection of its own."""

    def __init__(
        self, lookup: Callable[[str], Target | None], clock: Clock, context: ssl.SSLContext | None = None
    ) -> None:
        """`lookup` knows an endpoint by its id as it is now; `context` overrides the certificate authorities."""
        self._lookup = lookup
        self._clock = clock
        self._context = context or ssl.create_default_context()

    def send(self, message: Message) -> Sent:
        """Hand one event over to the endpoint that `message.to` names; see `Channel.send`."""
        target = self._lookup(message.to)
        if target is None:
            raise Refused("the endpoint is switched off or gone", code="disabled")
        host, port, path = checked_url(target.url)
        body = message.text.encode()
        if len(body) > LARGEST:
            raise Refused(f"the event has {len(body)} bytes; {LARGEST} are sent at most", code="size")
        connection = _Checked(host, port, self._context, private=target.private)
        asked = False
        with cut_off(DEADLINE_S, lambda: connection.sock) as deadline:
            try:
                connection.connect()
                asked = True
                stamp = self._clock.now_ms() // 1000
                connection.request("POST", path, body, headers(message.id, stamp, body, target.secrets))
                response = connection.getresponse()
                response.read(LARGEST)
                return _judge(response.status, response.getheader("Retry-After"))
            except ssl.SSLError as error:
                raise Deferred(f"TLS failed: {error.reason or error}", code="tls") from error
            except (OSError, http.client.HTTPException) as error:
                raise deadline.lost(error, ambiguous=asked) from error
            finally:
                connection.close()


class _Checked(http.client.HTTPSConnection):
    """Connects to the very address that was checked, so that a name cannot mean another one a moment later."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, *, private: bool) -> None:
        super().__init__(host, port, timeout=DEADLINE_S, context=context)
        self._tls = context
        self._private = private

    def connect(self) -> None:
        """Resolve, check, connect, and make sure of the name in the certificate.

        Raises:
            Refused: the name leads into our own network, and the endpoint is not meant to be there.
        """
        began_s = time.monotonic()
        addresses = _resolved(self.host, self.port)
        inside = [one for one in addresses if not public(one)]
        if inside and not self._private:
            raise Refused(f"{self.host} leads to {inside[0]}, which is not a public address", code="address")
        left_s = max(0.1, DEADLINE_S - (time.monotonic() - began_s))
        self.sock = socket.create_connection((addresses[0], self.port), left_s)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


def _resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, asked for in a thread, because a resolver knows no deadline of ours.

    Raises:
        OSError: there are none, or no answer came in time.
    """
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            answer.set_exception(error)
        except UnicodeError as error:  # a label that is too long
            answer.set_exception(OSError(str(error)))
        else:
            answer.set_result([str(entry[4][0]) for entry in found])

    threading.Thread(target=ask, name="webhook-name", daemon=True).start()
    return answer.result(DEADLINE_S)


def checked_url(url: str) -> tuple[str, int, str]:
    """(host, port, path) of an endpoint's address.

    Raises:
        InvalidValue: it is not plain https://host[:port][/path][?query].
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError as error:
        raise InvalidValue(f"url: {url[:80]!r} is no address; https://host/path is meant") from error
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
        raise InvalidValue(f"url: {url[:80]!r} is not usable; https://host/path without user and #fragment is meant")
    if any(ord(c) <= 32 or ord(c) >= 127 for c in url):
        raise InvalidValue("url: has spaces or characters beyond ASCII; write them %-encoded")
    return parts.hostname, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def public(address: str) -> bool:
    """Whether an IP address is one of the public internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed in _LOCAL_NAT64:
            return False
        # What leads on to an IPv4 address is as public as that one.
        within = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF) if parsed in _NAT64 else None
        inner = parsed.ipv4_mapped or parsed.sixtofour or within
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return parsed.is_global and not parsed.is_multicast


def headers(id_: str, stamp_s: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of an event; while a secret is being changed, one signature by each."""
    return {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": "Coldchain",
        "webhook-id": id_,
        "webhook-timestamp": str(stamp_s),
        "webhook-signature": " ".join(signature(secret, id_, stamp_s, body) for secret in secrets),
    }


def signature(secret: str, id_: str, stamp_s: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over id, time and body, joined by dots."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{id_}.{stamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _judge(status: int, retry_after: str | None) -> Sent:
    said = f"{status} {http.client.responses.get(status, '')}".strip()
    if 200 <= status < 300:
        return Sent(provider_id=None, code=str(status), detail=said)
    if 300 <= status < 400:
        raise Refused(f"{said}: redirects are not followed; enter the final address", code=str(status))
    if 400 <= status < 500 and status not in LATER:
        raise Refused(said, code=str(status))
    raise Deferred(said, code=str(status), retry_after_s=wait_s(retry_after))
