"""E-mail by SMTP: one transaction per recipient, the reply codes kept, and TLS as demanded or not at all."""

import binascii
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from alerts.channels.deadline import cut_off
from alerts.channels.port import Deferred, Message, Refused, Sent
from coldchain.errors import ConfigError

STARTTLS = ("required", "optional", "off")
_ADDRESS = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.\-\[\]:]{1,255}")
_GRACE_S = 5.0
_REPLY_BYTES = 64 * 1024  # all that a server may say in one conversation
_PLAIN = re.compile(r"[ -~]*")
_HEADER = 76  # name and value of a header that is not folded
_BOUNDARY = "=_between"  # no quoted-printable text can hold it: there = is followed by digits or a line's end


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where mail is handed over, as whom, and how strictly the way is protected."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False  # smtps: TLS from the first byte
    starttls: str = "required"
    deadline_s: float = 30.0


def parse_smtp_url(url: str) -> SmtpSettings:
    """Read `smtp[s]://user:pass@host:port?starttls=required|optional|off`; without a word, STARTTLS is required.

    Raises:
        ConfigError: the text names what is wrong, never the password.
    """
    parts = urlsplit(url)
    options = parse_qs(parts.query, keep_blank_values=True)
    starttls = options.pop("starttls", ["required"])[-1]
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("smtp", "smtps"):
        raise ConfigError(
            f"the mail server's URL begins with {parts.scheme or 'nothing'}://; smtp:// or smtps:// is meant"
        )
    if not parts.hostname or port == -1 or port == 0 or parts.path not in ("", "/"):
        raise ConfigError("the mail server's URL needs a host and a port, such as smtp://mail.example.org:587")
    if starttls not in STARTTLS or options:
        wrong = ", ".join(options) or f"starttls={starttls}"
        raise ConfigError(f"the mail server's URL says {wrong}; starttls=required, optional or off is meant")
    tls = parts.scheme == "smtps"
    return SmtpSettings(
        host=parts.hostname,
        port=port or (465 if tls else 587),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=tls,
        starttls=starttls,
    )


class SmtpChannel:
    """Hands each mail over in its own connection, so that nothing of one recipient touches another."""

    def __init__(self, settings: SmtpSettings, sender: str, context: ssl.SSLContext | None = None) -> None:
        """Send as `sender`; `context` overrides the system's certificate authorities.

        Raises:
            ConfigError: the sender is no address.
        """
        if not _ADDRESS.fullmatch(parseaddr(sender)[1]):
            raise ConfigError(f"{sender[:80]!r} is no sender such as Coldchain <alerts@example.org>")
        self._settings = settings
        self._sender = sender
        self._context = context or ssl.create_default_context()

    def send(self, message: Message) -> Sent:
        """Hand one mail over; see `Channel.send`.

        A refusal of the recipient or of the content (5xx) is for good. A refusal of ourselves (sign-in, sender, TLS)
        is not the recipient's fault and is tried again: somebody repairs a password, nobody repairs a lost alarm.
        """
        if not _ADDRESS.fullmatch(message.to):
            raise Refused("the address is not of the form name@host in plain ASCII", code="address")
        mail = _mail(message, self._sender)
        with self._talking() as talk:
            talk.open()
            return talk.deliver(self._sender, message.to, mail)

    def probe(self) -> str:
        """Connect, protect and sign in as for a mail, and hand none over; how the server is protected.

        Raises:
            Deferred: what a mail would have met.
        """
        with self._talking() as talk:
            try:
                talk.open()
            except ssl.SSLCertVerificationError as error:
                raise Deferred(f"TLS failed: {error.verify_message}", code="tls") from error
        return "with TLS" if talk.protected else "without TLS"

    @contextmanager
    def _talking(self) -> Iterator["_Conversation"]:
        """A conversation that ends within the deadline; whatever breaks it off is a reason to try again."""
        talk = _Conversation(self._settings, self._context)
        with cut_off(self._settings.deadline_s, lambda: talk.sock) as deadline:
            try:
                yield talk
            except smtplib.SMTPResponseException as error:
                said = _said(error.smtp_code, error.smtp_error)
                raise Deferred(said, code=str(error.smtp_code), ambiguous=talk.body_sent) from error
            except ssl.SSLError as error:
                raise Deferred(f"TLS failed: {error.reason or error}", code="tls") from error
            except (OSError, smtplib.SMTPException, ValueError) as error:
                raise deadline.lost(error, ambiguous=talk.body_sent) from error
            finally:
                talk.leave()


class _Conversation(smtplib.SMTP):
    """One connection that remembers whether the message's body has gone out and bounds what the server may say."""

    def __init__(self, settings: SmtpSettings, context: ssl.SSLContext) -> None:
        # No host here: connecting waits until the deadline runs. getfqdn() would ask the DNS, gethostname() does not.
        super().__init__(local_hostname=socket.gethostname() or "localhost", timeout=settings.deadline_s)
        self.settings = settings
        self.context = context
        self.body_sent = False
        self.protected = False

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # smtplib's own hook; assigned early so that the deadline can cut a TLS handshake that never ends.
        self.sock = socket.create_connection((host, port), timeout)
        self.sock.settimeout(timeout + _GRACE_S)  # from here on the deadline ends it
        if self.settings.tls:
            self.sock = self.context.wrap_socket(self.sock, server_hostname=host)
            self.protected = True
        return self.sock

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()

    def open(self) -> None:
        """Connect, protect as the settings demand, sign in.

        Raises:
            Deferred: the demanded protection is not to be had.
        """
        settings = self.settings
        self._host = settings.host  # starttls() checks the certificate against this name
        code, reply = self.connect(settings.host, settings.port)
        if code != 220:
            raise smtplib.SMTPResponseException(code, reply)
        self.ehlo_or_helo_if_needed()
        if not self.protected and settings.starttls != "off":
            self._protect()
        if settings.user is not None:
            if not self.protected and settings.starttls != "off":
                raise Deferred("the server offers no TLS and a password is never sent in the clear", code="tls")
            self.login(settings.user, settings.password or "")

    def _protect(self) -> None:
        if self.has_extn("starttls"):
            code, reply = self.starttls(context=self.context)
            if code != 220:
                raise smtplib.SMTPResponseException(code, reply)
            self.protected = True
            self.ehlo_or_helo_if_needed()
        elif self.settings.starttls == "required":
            raise Deferred("TLS is required and the server does not offer STARTTLS", code="tls")

    def deliver(self, sender: str, recipient: str, mail: bytes) -> Sent:
        """One MAIL, RCPT, DATA transaction.

        Raises:
            Refused: the recipient or the content was turned away for good.
        """
        _expect(self.mail(sender), final=False)
        _expect(self.rcpt(recipient), final=True)
        _expect(self.docmd("DATA"), final=True, wanted=354)
        self.body_sent = True
        self.send(_dotted(mail))
        code, reply = self.getreply()
        self.body_sent = code < 0  # an answer came, so nothing is in doubt, unless it is gibberish
        _expect((code, reply), final=True)
        return Sent(provider_id=None, code=str(code), detail=_said(code, reply))

    def leave(self) -> None:
        """Say QUIT without waiting for an answer: the outcome is known, and a slow farewell must not delay it."""
        with suppress(OSError, smtplib.SMTPException):
            if self.sock is not None:
                self.sock.settimeout(0.2)
                self.putcmd("quit")
        self.close()


class _Bounded:
    """A server's side of a conversation, up to a limit."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = _REPLY_BYTES

    def readline(self, size: int) -> bytes:
        line: bytes = self._stream.readline(min(size, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise smtplib.SMTPException("the server talks without end")
        # Half a line at the end of a connection is no reply: "250" cut short must not count as accepted.
        return line if line.endswith(b"\n") or len(line) == size else b""

    def close(self) -> None:
        self._stream.close()


def _expect(answer: tuple[int, bytes], *, final: bool, wanted: int | None = None) -> None:
    code, reply = answer
    if code == wanted or (wanted is None and 200 <= code < 300):
        return
    if final and 500 <= code < 600:
        raise Refused(_said(code, reply), code=str(code))
    raise smtplib.SMTPResponseException(code, reply)


def _said(code: int, reply: bytes | str) -> str:
    text = reply.decode("ascii", "replace") if isinstance(reply, bytes) else reply
    return f"{code} {' '.join(text.split())}"[:300]


def _dotted(mail: bytes) -> bytes:
    body = mail if mail.endswith(b"\r\n") else mail + b"\r\n"
    escaped = body.replace(b"\r\n.", b"\r\n..")
    return (b"." + escaped if escaped.startswith(b".") else escaped) + b".\r\n"


def _mail(message: Message, sender: str) -> bytes:
    """The mail as bytes, put together here: `email` took a quarter of the dispatcher's time for it."""
    fields = {"From": sender, "To": message.to, "Subject": message.subject, **message.headers, "MIME-Version": "1.0"}
    head = b"".join(_header(name, value) for name, value in fields.items())
    text = _part("plain", message.text)
    if not message.html:
        return head + text
    between = b"--" + _BOUNDARY.encode()
    kind = f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n\r\n'.encode()
    parts = b"\r\n".join((text, between, _part("html", message.html), between))
    return b"".join((head, kind, between, b"\r\n", parts, b"--\r\n"))


def _header(name: str, value: str) -> bytes:
    """One header. `email` folds and encodes what is not plain, and refuses line breaks, so names cannot add any."""
    if len(name) + len(value) <= _HEADER and _PLAIN.fullmatch(value):
        return f"{name}: {value}\r\n".encode()
    mail = EmailMessage(policy=SMTP_POLICY)
    mail[name] = value
    return mail.as_bytes().removesuffix(b"\r\n")


def _part(kind: str, text: str) -> bytes:
    lines = b"\r\n".join(text.encode().splitlines()) + b"\r\n"
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return head.encode() + binascii.b2a_qp(lines, istext=True)
