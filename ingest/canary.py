"""The canary's first steps: sent once a minute as any logger sends, and recognised when it arrives."""

import json
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from coldchain.clock import Clock
from coldchain.domain import canary
from coldchain.domain.message import Arrival, Command, Envelope
from ingest.listener import packets
from ingest.listener.access import Credentials
from sensors.carriers.port import PLAIN, Context

_log = structlog.get_logger(__name__)

_ANSWER_S = 10.0
_FAREWELL_S = 1.0  # it may wait for an answer that never comes, and nothing is lost with it


class CanaryCarrier:
    """Recognises the canary that this process has sent; any other message on its topic is dropped, it means nothing.

    What it carries is made anew with each process, so nobody else can pretend that the way is free.
    """

    name = "canary@1"
    source = "canary"

    def __init__(self, tenant: str) -> None:
        self.topic = canary.topic(tenant)
        self.secret = secrets.token_hex(16)

    @property
    def filters(self) -> tuple[str, ...]:
        """Its one topic."""
        return (self.topic,)

    def claims(self, envelope: Envelope) -> bool:
        """Whether it is on the canary's topic."""
        return envelope.transport == "mqtt" and envelope.source == self.topic

    def recognises(self, envelope: Envelope) -> bool:  # noqa: ARG002 - the port's name
        """Never: it comes by MQTT."""
        return False

    def payload(self, road: str, sent_ms: int) -> bytes:
        """What to publish."""
        return json.dumps({"road": road, "sent_ms": sent_ms, "secret": self.secret}).encode()

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:  # noqa: ARG002 - the port's name
        """The mark for the journal."""
        try:
            said = json.loads(envelope.payload)
            known = isinstance(said, dict) and secrets.compare_digest(str(said["secret"]), self.secret)
            mark = (str(said["road"]), int(said["sent_ms"])) if known else ("", 0)
        except (ValueError, KeyError, TypeError):
            mark = ("", 0)
        return Arrival(envelope, mark=mark)


class WithCanary:
    """The loggers' credentials, and the canary's."""

    def __init__(self, loggers: Credentials, secret: str) -> None:
        self._loggers, self._secret = loggers, secret

    def check(self, user: str, password: str) -> str | None:
        """The logger that this user is, or None to refuse it."""
        if user == canary.USER:
            return user if secrets.compare_digest(password, self._secret) else None
        return self._loggers.check(user, password)


class CanarySender:
    """Sends a canary over every road at once, every `every_s` seconds, in a thread of its own."""

    def __init__(self, roads: Mapping[str, Callable[[int], None]], clock: Clock, every_s: float) -> None:
        """`roads`: how to send one that sets out at this moment (ms); may raise OSError."""
        self._roads = dict(roads)
        self._clock = clock
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="canary", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_FAREWELL_S)

    @property
    def roads(self) -> tuple[str, ...]:
        """The names of the ways that it sends over."""
        return tuple(self._roads)

    @property
    def alive(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            for road, send in self._roads.items():
                try:
                    send(self._clock.now_ms())
                except (OSError, packets.Malformed) as error:
                    # What is missing at the end of the way is noticed there; here it is only said why.
                    _log.warning("canary_not_sent", road=road, error=str(error))
            self._stop.wait(self._every_s)


def by_broker(carrier: CanaryCarrier, publish: Callable[[Command], None]) -> Callable[[int], None]:
    """Over a real broker, through the subscriber's own connection: a second one might push it out of its session."""

    def send(now_ms: int) -> None:
        publish(Command(carrier.topic, carrier.payload(canary.BROKER, now_ms), qos=1))

    return send


def by_listener(
    carrier: CanaryCarrier, host: str, port: Callable[[], int], tls: Path | None = None
) -> Callable[[int], None]:
    """Over the built-in listener, as a logger: connect, publish with QoS 1, wait for the acknowledgement."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, never bound
    context = _trusting(tls) if tls is not None else None

    def send(now_ms: int) -> None:
        place = everywhere.get(host, host)
        with socket.create_connection((place, port()), timeout=_ANSWER_S) as plain:
            wire = context.wrap_socket(plain) if context is not None else plain
            wire.settimeout(_ANSWER_S)
            _publish(wire, carrier, now_ms)

    return send


def _trusting(certificate: Path) -> ssl.SSLContext:
    """Trusts exactly the listener's own certificate, whatever its name is; one that is expired is refused."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _publish(wire: socket.socket, carrier: CanaryCarrier, now_ms: int) -> None:
    login = b"".join(_text(part) for part in (canary.USER, canary.USER, carrier.secret))
    wire.sendall(_packet(0x10, _text("MQTT") + b"\x04\xc2\x00\x3c" + login))
    if _answer(wire, 4) != b"\x20\x02\x00\x00":
        raise ConnectionError("the listener refused the canary")
    body = _text(carrier.topic) + b"\x00\x01" + carrier.payload(canary.LISTENER, now_ms)
    wire.sendall(_packet(0x32, body))
    if _answer(wire, 4) != b"\x40\x02\x00\x01":
        raise ConnectionError("the listener did not acknowledge the canary")
    wire.sendall(b"\xe0\x00")


def _answer(wire: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = wire.recv(size - len(got))
        if not part:
            raise ConnectionError("the listener closed the canary's connection")
        got += part
    return got


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(first: int, body: bytes) -> bytes:
    length, size = len(body), bytearray()
    while True:
        length, low = divmod(length, 128)
        size.append(low | (128 if length else 0))
        if not length:
            return bytes([first]) + bytes(size) + body
