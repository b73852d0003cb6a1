"""Real servers that take mails and SMS and misbehave as a test asks: a scripted SMTP server and an SMS provider."""

import asyncio
import datetime
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class SmtpServer:
    """An SMTP server on loopback that keeps mails as (recipient, bytes).

    `answers` maps "MAIL", "RCPT <address>" or "DATA <address>" to a reply such as "450 later", to "hang", or for DATA
    to "cut" (the mail is kept, the connection ends without a reply).
    """

    def __init__(self, context: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> None:
        self.mails: list[tuple[str, bytes]] = []
        self.times: list[float] = []  # monotonic, of each mail
        self.answers: dict[str, str] = {}
        self.connections = 0
        self._options: dict[str, Any] = {"tls_context": context, "ident": "test"}
        if login is not None:
            self._login = tuple(part.encode() for part in login)
            self._options |= {"authenticator": self._authenticate, "auth_require_tls": False}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(self._listen(0))
        self.port = self._server.sockets[0].getsockname()[1]

    def url(self, starttls: str = "off", user: str = "") -> str:
        return f"smtp://{user}127.0.0.1:{self.port}?starttls={starttls}"

    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.mails]

    def pause(self) -> None:
        """Refuse connections until `resume`."""
        self._call(self._close())

    def resume(self) -> None:
        self._server = self._call(self._listen(self.port))

    def stop(self) -> None:
        self._call(self._close())
        self._call(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    async def _listen(self, port: int) -> asyncio.Server:
        return await self._loop.create_server(self._protocol, "127.0.0.1", port)

    def _protocol(self) -> SMTP:
        self.connections += 1
        return SMTP(self, loop=self._loop, **self._options)

    def _authenticate(self, *args: Any) -> AuthResult:
        return AuthResult(success=(args[-1].login, args[-1].password) == self._login, handled=False)

    async def _close(self) -> None:
        self._server.close()

    async def _cancel_all(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _scripted(self, step: str) -> str | None:
        answer = self.answers.get(step)
        if answer == "hang":
            await asyncio.Event().wait()
        return answer

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        answer = await self._scripted("MAIL")
        if answer is None:
            envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        answer = await self._scripted(f"RCPT {address}")
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        [recipient] = envelope.rcpt_tos
        answer = await self._scripted(f"DATA {recipient}")
        if answer in (None, "cut"):
            self.mails.append((recipient, envelope.content))
            self.times.append(time.monotonic())
        if answer == "cut":
            server.transport.abort()
            return "250 nobody hears this"
        return answer or "250 2.0.0 kept"


class SmsServer:
    """An HTTP server that answers like the provider's Messages resource and keeps the forms that it took.

    `script` holds (status, headers, document) for the next requests, or "hang" (accept, never answer) or "drop"
    (accept, then close); without a script every message is taken.
    """

    account, token = "AC" + "0" * 32, "secret-token"

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.script: list[tuple[int, dict[str, str], dict[str, Any]] | str] = []
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler's own self is the request
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                server.forms.append(dict(parse_qsl(body, keep_blank_values=True)))
                server.headers.append({**self.headers, "path": self.path})
                step = server.script.pop(0) if server.script else (201, {}, {"sid": sid(), "status": "queued"})
                if step == "hang":
                    server.released.wait(60)
                if isinstance(step, str):
                    self.close_connection = True
                    return
                status, headers, document = step
                content = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        def sid() -> str:
            return f"SM{len(server.forms):032x}"

        return Handler


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that hands its first connection to `talk`; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                connection, _ = listener.accept()
                with connection:
                    talk(connection)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.close()
    thread.join(10)


def certificate(folder: Path, *, name: str = "127.0.0.1", days: int = 30) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(server's context, client's context that trusts it); negative `days` make it expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    alternative: x509.GeneralName
    try:
        alternative = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return server, client


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    """A scripted SMTP server without TLS."""
    server = SmtpServer()
    yield server
    server.stop()


@pytest.fixture
def sms_server() -> Iterator[SmsServer]:
    """A scripted SMS provider."""
    server = SmsServer()
    yield server
    server.stop()
