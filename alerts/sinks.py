"""Where the demo's mails and SMS arrive: a real SMTP server and a provider-like HTTP server, both on loopback only."""

import asyncio
import base64
import hmac
import http.client
import json
import queue
import secrets
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiosmtpd.smtp import SMTP

from alerts.callbacks import signature
from alerts.inbox import Inbox
from coldchain.clock import Clock

_FORM_BYTES = 64 * 1024


class SmtpSink:
    """An SMTP server that keeps every mail."""

    def __init__(self, inbox: Inbox, clock: Clock, port: int = 0) -> None:
        """Listen on 127.0.0.1, on a free port unless one is given; `start` begins."""
        self._inbox = inbox
        self._clock = clock
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-sink", daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the port is taken.
        """
        self._thread.start()
        make = self._loop.create_server(lambda: SMTP(self, ident="Coldchain inbox"), "127.0.0.1", self._port)
        self._server = asyncio.run_coroutine_threadsafe(_made(make), self._loop).result(10)
        self._port = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """For `COLDCHAIN_SMTP_URL`."""
        return f"smtp://127.0.0.1:{self._port}?starttls=off"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        """Keep the mail, then say so."""
        now_ms = self._clock.now_ms()
        for recipient in envelope.rcpt_tos:
            self._inbox.add_mail(envelope.content, recipient=recipient, at_ms=now_ms)
        return "250 2.0.0 kept"

    def stop(self) -> None:
        """Stop listening and end the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _made(server: Any) -> asyncio.Server:
    made: asyncio.Server = await server
    return made


class SmsSink:
    """Answers like the provider's Messages resource, keeps every SMS, and later calls back that it was delivered."""

    def __init__(self, inbox: Inbox, clock: Clock, port: int = 0, callback_after_s: float = 1.0) -> None:
        """Listen on 127.0.0.1, on a free port unless one is given; `start` begins."""
        self.account = "AC" + secrets.token_hex(16)
        self.token = secrets.token_hex(16)
        self._callback_after_s = callback_after_s
        self._callbacks: queue.SimpleQueue[tuple[str, str, str] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self, inbox, clock))
        self._server.daemon_threads = True
        self._threads = [
            threading.Thread(target=self._server.serve_forever, name="sms-sink", daemon=True),
            threading.Thread(target=self._call_back, name="sms-receipts", daemon=True),
        ]

    @property
    def url(self) -> str:
        """For `COLDCHAIN_SMS_URL`; `account` and `token` belong to it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop answering; receipts that are not out yet are dropped."""
        self._stopping.set()
        self._callbacks.put(None)
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join(10)

    def accepts(self, authorization: str) -> bool:
        """Whether a request carries this account's credentials."""
        wanted = "Basic " + base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        return hmac.compare_digest(wanted.encode(), authorization.encode())

    def promise(self, url: str, sid: str, to: str) -> None:
        """Queue the receipt of a message."""
        self._callbacks.put((url, sid, to))

    def _call_back(self) -> None:
        while (item := self._callbacks.get()) is not None:
            if self._stopping.wait(self._callback_after_s):
                return
            url, sid, to = item
            params = {"MessageSid": sid, "SmsSid": sid, "AccountSid": self.account, "To": to}
            params |= {"MessageStatus": "delivered", "SmsStatus": "delivered"}
            # The web role may be restarting; a provider would try again, for the inbox one receipt less is no harm.
            with suppress(OSError, http.client.HTTPException):
                _post(url, params, signature(self.token, url, params))


def _post(url: str, params: dict[str, str], signed: str) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signed}
        connection.request("POST", f"{parts.path}?{parts.query}", urlencode(params), headers)
        connection.getresponse().read()
    finally:
        connection.close()


def _handler(sink: SmsSink, inbox: Inbox, clock: Clock) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            if self.path != f"/2010-04-01/Accounts/{sink.account}/Messages.json":
                return self._answer(404, {"code": 20404, "message": "not found", "status": 404})
            if not sink.accepts(self.headers.get("Authorization", "")):
                return self._answer(401, {"code": 20003, "message": "Authenticate", "status": 401})
            length = min(int(self.headers.get("Content-Length") or 0), _FORM_BYTES)
            form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
            missing = [name for name in ("To", "From", "Body") if not form.get(name)]
            if missing:
                return self._answer(400, {"code": 21602, "message": f"{missing[0]} is required", "status": 400})
            inbox.add_sms(recipient=form["To"], sender=form["From"], text=form["Body"], at_ms=clock.now_ms())
            sid = "SM" + secrets.token_hex(16)
            if form.get("StatusCallback"):
                sink.promise(form["StatusCallback"], sid, form["To"])
            return self._answer(201, {"sid": sid, "status": "queued", "to": form["To"], "error_code": None})

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the signature is the base class's
            """Say nothing: every message is in the inbox."""

    return Handler
