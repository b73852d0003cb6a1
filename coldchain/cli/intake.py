"""The ingest role's work: the built-in listener and the subscriber of a real broker, feeding one writer."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from coldchain.clock import Clock
from coldchain.config import Config
from coldchain.domain.canary import BROKER, LISTENER
from coldchain.domain.message import Command
from coldchain.errors import ColdchainError, TransientError
from coldchain.wiring import RegisteredLoggers, Stores, pipeline_of
from ingest.again import finish
from ingest.canary import CanaryCarrier, CanarySender, WithCanary, by_broker, by_listener
from ingest.flood import CROWDED, Rates
from ingest.listener import Listener
from ingest.registered import RegistryTopics, assigned_of
from ingest.sparkplug_host import SparkplugHost
from ingest.writer import Writer
from sensors.carriers.mapped import connected

if TYPE_CHECKING:
    from ingest.subscriber import Subscriber

_START_S = 10.0
_CATCH_UP_S = 2.0
_log = structlog.get_logger(__name__)


class Intake:
    """Whatever of listener and subscriber is configured, from `with` to its end."""

    def __init__(self, config: Config, stores: Stores, clock: Clock) -> None:
        """Prepare; entering the context starts.

        Raises:
            ColdchainError: neither is configured.
        """
        if config.mqtt_listen is None and not config.mqtt_url:
            raise ColdchainError("neither COLDCHAIN_MQTT_LISTEN nor COLDCHAIN_MQTT_URL is set: nothing to receive from")
        self._registry, self._clock = stores.registry, clock
        self._carrier = CanaryCarrier(config.tenant)
        self._rates = Rates(clock)
        first = (self._carrier,)
        self._writer = Writer(pipeline_of(config, stores, clock, hears=True, first=first, heard=self._rates.heard))
        self._host = SparkplugHost(config.sparkplug_host) if config.sparkplug_host else None
        self._subscriber = _subscriber(config, stores, clock, self._writer, self._host)
        self._listener = _listener(config, stores, self._writer, self._host, clock, self._carrier.secret)
        self._canary = CanarySender(self._roads(config), clock, config.canary_s) if config.canary_s else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="listener", daemon=True)
        self._ended = threading.Event()
        self._again = threading.Thread(target=self._catching_up, name="decode-again", daemon=True)

    def __enter__(self) -> Self:
        self._writer.start()
        self._thread.start()
        self._again.start()
        if self._listener is not None:
            try:
                self._run(self._listener.start())
            except OSError as error:
                raise ColdchainError(f"COLDCHAIN_MQTT_LISTEN: cannot listen: {error}") from error
        if self._subscriber is not None:
            self._subscriber.start()
        if self._canary is not None:
            self._canary.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._canary is not None:
            self._canary.stop()
        if self._listener is not None:
            self._run(self._listener.stop())
        if self._subscriber is not None:
            self._subscriber.stop()
        self._writer.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)
        self._again.join(_START_S)

    def _catching_up(self) -> None:
        """Apply what is left of decisions about kept messages: of processes that died, and of the last seconds."""
        while True:
            try:
                finish(self._writer.pipeline, self._registry, self._clock.now_ms())
            except TransientError as error:
                _log.warning("decode_again_waits", error=str(error))
            if self._ended.wait(_CATCH_UP_S):
                return

    def trouble(self) -> str | None:
        """What keeps readings from being stored, if anything does.

        Raises:
            ColdchainError: a thread died; the role has to end so that the supervisor starts it again.
        """
        if not self._writer.alive:
            raise ColdchainError("the journal's writer ended; see the log")
        if self._subscriber is not None and not self._subscriber.alive:
            raise ColdchainError("the subscriber ended; see the log")
        if self._canary is not None and not self._canary.alive:
            raise ColdchainError("the canary's thread ended; see the log")
        subscriber = self._subscriber.trouble if self._subscriber is not None else None
        return self._writer.trouble or subscriber

    @property
    def roads(self) -> tuple[str, ...]:
        """Over which ways in canaries are sent."""
        return self._canary.roads if self._canary is not None else ()

    def unstored(self) -> str | None:
        """What keeps messages from being committed, if anything does."""
        return self._writer.trouble

    def flooded(self) -> str | None:
        """Who sends far too much, if anybody does."""
        if self._listener is not None and self._listener.crowd >= CROWDED:
            return f"{self._listener.crowd:.0%} of the listener's connections are in use"
        return self._rates.noisy()

    @property
    def dropped(self) -> int | None:
        """How many messages the broker says that it has dropped, None where it does not tell."""
        return self._subscriber.dropped if self._subscriber is not None else None

    def trespasses(self) -> list[str]:
        """What somebody tried at the listener without a right to it, since this was asked last."""
        if self._listener is None:
            return []
        tried = self._listener.trespasses
        return [tried.popleft() for _ in range(len(tried))]

    def _roads(self, config: Config) -> dict[str, Callable[[int], None]]:
        """How a canary is sent over each way in."""
        roads: dict[str, Callable[[int], None]] = {}
        listener = self._listener
        if listener is not None and config.mqtt_listen is not None:
            host = config.mqtt_listen.host
            roads[LISTENER] = by_listener(self._carrier, host, lambda: listener.port, config.tls_cert)
        if self._subscriber is not None:
            roads[BROKER] = by_broker(self._carrier, self._subscriber.publish)
        return roads

    def _run(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_S)


def _subscriber(
    config: Config, stores: Stores, clock: Clock, writer: Writer, host: SparkplugHost | None
) -> "Subscriber | None":
    if not config.mqtt_url:
        return None
    # An installation without a broker need not wait for the client's import.
    from ingest.home_assistant import HomeAssistant
    from ingest.subscriber import Subscriber

    topics = RegistryTopics(stores.registry, clock, config.mqtt_topics, partial(connected, writer.pipeline.carriers))
    home = None
    if config.home_assistant:
        home = HomeAssistant(stores.journal, clock, assigned_of(stores.registry, clock), config.home_assistant)
    return Subscriber(writer, config.mqtt_url, topics=topics, host=host, home=home)


def _listener(
    config: Config, stores: Stores, writer: Writer, host: SparkplugHost | None, clock: Clock, canary: str
) -> Listener | None:
    if config.mqtt_listen is None:
        return None
    standing: tuple[Command, ...] = ()
    if host is not None:
        host.begin(clock.now_ms())
        standing = (host.state(online=True),)
    tls = None
    if config.tls_cert is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(config.tls_cert, config.tls_key)
    return Listener(
        writer,
        host=config.mqtt_listen.host,
        port=config.mqtt_listen.port,
        credentials=WithCanary(RegisteredLoggers(stores.registry, anonymous=config.mqtt_anonymous), canary),
        anonymous=config.mqtt_anonymous,
        tls=tls,
        standing=standing,
    )
