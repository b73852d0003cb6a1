"""SMS by an HTTP provider that speaks Twilio's Messages resource: form in, JSON out, status by callback."""

import base64
import http.client
import ipaddress
import json
import ssl
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

from alerts.channels.deadline import cut_off
from alerts.channels.http_answers import LATER, wait_s
from alerts.channels.port import Deferred, Message, Refused, Sent
from coldchain.errors import ConfigError

_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """The provider's address and our account with it; `callback_url` is where it reports what became of a message."""

    url: str
    account: str
    token: str = field(repr=False)
    sender: str
    callback_url: str | None = None
    deadline_s: float = 15.0


class SmsChannel:
    """Hands SMS over one by one."""

    def __init__(self, settings: SmsSettings, context: ssl.SSLContext | None = None) -> None:
        """Raises ConfigError when the URL would send the account's token in the clear over a network."""
        parts = urlsplit(settings.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("the SMS provider's URL must be https://host[:port][/path]")
        if parts.scheme == "http" and not _loopback(parts.hostname):
            raise ConfigError("the SMS provider's URL is plain http:// beyond this machine; use https://")
        self._settings = settings
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}/2010-04-01/Accounts/{quote(settings.account, safe='')}/Messages.json"
        self._context = context or ssl.create_default_context()

    def send(self, message: Message) -> Sent:
        """Hand one SMS over; see `Channel.send`. Once the request is out, silence and 5xx leave it in doubt."""
        connection = self._connection()
        asked = False
        with cut_off(self._settings.deadline_s, lambda: connection.sock) as deadline:
            try:
                connection.connect()
                asked = True
                connection.request("POST", self._path, self._form(message), self._headers())
                response = connection.getresponse()
                body = response.read(_ANSWER_BYTES)
                return _judge(response.status, body, response.getheader("Retry-After"))
            except (OSError, http.client.HTTPException) as error:
                raise deadline.lost(error, ambiguous=asked) from error
            finally:
                connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        timeout = self._settings.deadline_s
        if self._secure:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _form(self, message: Message) -> str:
        fields = {"To": message.to, "From": self._settings.sender, "Body": message.text}
        if self._settings.callback_url:
            fields["StatusCallback"] = f"{self._settings.callback_url}?{urlencode({'notification': message.id})}"
        return urlencode(fields)

    def _headers(self) -> dict[str, str]:
        credentials = f"{self._settings.account}:{self._settings.token}".encode()
        return {
            "Authorization": "Basic " + base64.b64encode(credentials).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "Connection": "close",
        }


def _judge(status: int, body: bytes, retry_after: str | None) -> Sent:
    document = _document(body)
    said = f"{status} {document.get('code', '')} {document.get('message') or document.get('status', '')}"
    said = " ".join(said.split())[:300]
    code = str(document.get("code") or status)
    if 200 <= status < 300:
        sid = document.get("sid")
        if document.get("status") in ("failed", "undelivered"):
            raise Refused(said, code=str(document.get("error_code") or status))
        if not isinstance(sid, str) or not sid:
            raise Deferred(f"{status} without a message id", code=str(status), ambiguous=True)
        return Sent(provider_id=sid, code=str(status), detail=said)
    if status in LATER:
        raise Deferred(said, code=code, retry_after_s=wait_s(retry_after))
    if 400 <= status < 500:
        raise Refused(said, code=code)
    raise Deferred(said, code=code, ambiguous=True, retry_after_s=wait_s(retry_after))


def _document(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
