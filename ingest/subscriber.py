"""Messages from a real broker: acknowledged to it after the commit, in the order in which they came."""

import socket
import ssl
import threading
import time
from collections import deque
from functools import partial
from typing import Any

import paho.mqtt.client as mqtt
import structlog

from coldchain.domain.message import Command, Envelope
from coldchain.errors import TransientError
from coldchain.sockets import ready
from ingest.broker import Broker, flush
from ingest.downlink import Down, Downlink
from ingest.home_assistant import HomeAssistant
from ingest.listening import Listening, NoTopics, Topics
from ingest.quarantine import where
from ingest.sparkplug_host import SparkplugHost
from ingest.writer import Parcel, Receipts, Writer

_log = structlog.get_logger(__name__)

_DROPPED = "$SYS/broker/publish/messages/dropped"
_BURST = 256  # messages that are read before they are handed on
_MOST_BYTES = 64 * 1024 * 1024  # unsettled, before we stop reading
_TURN_S = 0.1
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0


class Subscriber:
    """Keeps one persistent MQTT 5 session at a broker, in a thread of its own that outlives every failure.

    paho's own threads are not used: an exception in a callback would end them while the client still says that it is
    connected. Here each connection is a new client object, and an acknowledgement is sent only by the client that
    received the message, because packet ids mean nothing to the next connection.
    """

    def __init__(
        self,
        writer: Writer,
        url: str,
        *,
        client_id: str | None = None,
        tls: ssl.SSLContext | None = None,
        topics: Topics | None = None,
        host: SparkplugHost | None = None,
        home: HomeAssistant | None = None,
    ) -> None:
        """Subscribe at `url` (`mqtt[s]://user:password@host:port`); `start` connects.

        Args:
            writer: where messages go; started and stopped by its owner.
            url: the broker's.
            client_id: names the session at the broker.
            tls: None for the system's.
            topics: what to listen to beside the carriers' own filters; it may change at any time.
            host: the Sparkplug host to be, None to be none.
            home: what Home Assistant is told through this connection, None for nothing.

        Raises:
            ConfigError: the URL names no broker.
        """
        pipeline = writer.pipeline
        client_id = client_id or f"coldchain-ingest-{pipeline.tenant}"
        self._broker = Broker(url, client_id, tls)
        self._writer = writer
        session = f"{client_id}@{self._broker.host}:{self._broker.port}"
        self._listening = Listening(self._of_carriers, topics or NoTopics(), pipeline.clock, session, host)
        self._commands = pipeline.commands.queue()
        self._host = host
        self._home = home
        self._downlink = Downlink(writer.pipeline.journal, writer.pipeline.clock)
        self._down_topics: dict[str, str] = {}
        self._client: mqtt.Client | None = None
        self._lost = False
        self._envelopes: list[Envelope] = []
        self._packet_ids: list[int] = []
        self._acknowledgeable: deque[tuple[mqtt.Client, list[int], int]] = deque()
        self._unsettled_bytes = 0
        self._bell, self._ringer = socket.socketpair()
        for end in (self._bell, self._ringer):
            end.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-subscriber", daemon=True)
        self._trouble: str | None = "not connected yet"
        self.dropped: int | None = None  # what the broker says that it has dropped since its start
        self.turned_s = time.monotonic()

    def start(self) -> None:
        """Connect, and reconnect for ever."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Disconnect; the broker keeps what was not acknowledged."""
        self._stopping.set()
        self._ring()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._bell.close()
            self._ringer.close()

    @property
    def alive(self) -> bool:
        """Whether the thread lives; a role whose subscriber died has to end."""
        return self._thread.is_alive()

    def publish(self, command: Command) -> None:
        """Publish something over this connection, soon; from any thread.

        Raises:
            ConnectionError: there is none.
        """
        if not self.connected:
            raise ConnectionError(self._trouble or "not connected")
        self._commands.append(command)
        self._ring()

    @property
    def connected(self) -> bool:
        """Whether the subscription stands; the broker may still refuse single topics, which `trouble` names."""
        return self._trouble is None

    @property
    def trouble(self) -> str | None:
        """What keeps messages from arriving, if anything does."""
        return self._trouble or self._listening.trouble

    # --- the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                client = self._connect()
                while not self._stopping.is_set() and not self._lost:
                    self._turn(client)
                    if self.connected:
                        pause_s = _FIRST_PAUSE_S
            except OSError as error:
                self._say(f"the broker at {self._broker.host}:{self._broker.port} cannot be reached: {error}")
            except Exception as error:  # noqa: BLE001 - whatever it was: a new connection gets everything again
                self._say(f"the subscriber failed: {where(error)}")
            self._disconnect()
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _turn(self, client: mqtt.Client) -> None:
        """Read, hand on, acknowledge, tell loggers: once round, at least ten times a second."""
        connection = client.socket()
        if connection is None:
            self._lost = True
            return
        listening: list[Any] = [self._bell]
        if self._unsettled_bytes < _MOST_BYTES and not self._writer.full:
            listening.append(connection)
        pending = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
        writing = [connection] if client.want_write() else []
        readable, _ = ready(listening, writing, 0 if pending else _TURN_S)
        if self._bell in readable:
            self._bell.recv(4096)
        if connection in readable or pending:
            self._read(client)
        self._acknowledge(client)
        if self.connected:
            self._tell(client)
            self._order(client)
            self._listening.follow(client)
        flush(client)
        if client.loop_misc() != mqtt.MQTT_ERR_SUCCESS:
            self._lost = True
        self.turned_s = time.monotonic()

    def _read(self, client: mqtt.Client) -> None:
        for _ in range(_BURST):
            had = len(self._envelopes)
            if client.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                self._lost = True
            if len(self._envelopes) == had:
                break
        if not self._envelopes:
            return
        envelopes, packet_ids = self._envelopes, self._packet_ids
        self._envelopes, self._packet_ids = [], []
        size = sum(len(envelope.payload) for envelope in envelopes)
        self._unsettled_bytes += size
        settle = partial(self._settled, client, packet_ids, size, envelopes)
        self._writer.offer(Parcel(envelopes, settle, partial(self._abandoned, client, size), size))

    def _acknowledge(self, client: mqtt.Client) -> None:
        while self._acknowledgeable:
            receiver, packet_ids, size = self._acknowledgeable.popleft()
            self._unsettled_bytes -= size
            if receiver is client:
                for packet_id in packet_ids:
                    client.ack(packet_id, 1)

    def _tell(self, client: mqtt.Client) -> None:
        try:
            sent = [down for down in self._downlink.due() if self._told(client, down)]
            self._downlink.sent(sent)
        except TransientError as error:
            _log.warning("watermark_unavailable", reason=str(error))

    def _of_carriers(self) -> list[str]:
        """The carriers' filters as they are now: connections by configuration come and go."""
        return [topic for carrier in self._writer.pipeline.carriers for topic in carrier.filters]

    def _order(self, client: mqtt.Client) -> None:
        """Publish what carriers ask for: from the broker it goes to whoever listens there."""
        while self._commands:
            command = self._commands.popleft()
            client.publish(command.topic, command.payload, qos=command.qos, retain=command.retain)
        for told in self._home.due() if self._home is not None else ():
            client.publish(told.topic, told.payload, qos=told.qos, retain=told.retain)

    def _told(self, client: mqtt.Client, down: Down) -> bool:
        code = client.publish(self._down_topics[down.logger], down.payload, qos=1, retain=True).rc
        return code == mqtt.MQTT_ERR_SUCCESS

    # --- the writer's thread ----------------------------------------------------------------------------------------

    def _settled(
        self, client: mqtt.Client, packet_ids: list[int], size: int, envelopes: list[Envelope], receipts: Receipts
    ) -> None:
        for envelope, group in zip(envelopes, receipts, strict=True):
            # Network servers have topics that end so as well, and no logger behind them hears a watermark.
            if not (envelope.source.startswith("cc/") and envelope.source.endswith("/up")):
                continue
            for receipt in group:
                if receipt.logger is not None:
                    # The sibling of the topic on which the logger speaks: it may spell its id in its own way.
                    self._down_topics[receipt.logger] = envelope.source[:-2] + "down"
                    self._downlink.note(receipt.logger)
        self._acknowledgeable.append((client, packet_ids, size))
        self._ring()

    def _abandoned(self, client: mqtt.Client, size: int) -> None:
        self._acknowledgeable.append((client, [], size))
        if client is self._client:
            self._lost = True  # the next connection gets again what was not acknowledged
        self._ring()

    def _ring(self) -> None:
        try:
            self._ringer.send(b"!")
        except (BlockingIOError, OSError):
            return  # it rings already, or nobody is there any more

    # --- the connection -------------------------------------------------------------------------------------------

    def _connect(self) -> mqtt.Client:
        self._lost = False
        self._envelopes, self._packet_ids = [], []
        client = self._client = self._broker.client()
        if self._home is not None:
            self._home.begin()
        client.on_connect = self._guarded(self._on_connect)
        client.on_subscribe = self._guarded(self._on_subscribe)
        client.on_message = self._guarded(self._on_message)
        client.on_disconnect = self._guarded(self._on_disconnect)
        if self._host is not None:
            self._host.begin(self._writer.pipeline.clock.now_ms())
            will = self._host.state(online=False)
            client.will_set(will.topic, will.payload, will.qos, retain=will.retain)
        self._broker.connect(client)
        return client

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if self._host is not None and client.is_connected():
                gone = self._host.state(online=False)  # the broker publishes no will of who takes leave
                client.publish(gone.topic, gone.payload, qos=0, retain=gone.retain)
            client.disconnect()
            flush(client)
        except (OSError, ValueError):
            _log.debug("disconnect_failed")
        connection = client.socket()
        if connection is not None:
            connection.close()

    def _guarded(self, callback: Any) -> Any:
        """`callback`, which must never raise into paho: what goes wrong in it ends this connection instead."""

        def safe(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:  # noqa: BLE001 - see above; unacknowledged, the message comes again
                self._say(f"a callback failed: {where(error)}")
                self._lost = True

        return safe

    def _say(self, trouble: str) -> None:
        if self._trouble != trouble:
            _log.warning("broker_unavailable", reason=trouble)
        self._trouble = trouble

    def _on_connect(self, client: mqtt.Client, _data: Any, flags: Any, code: Any, _said: Any) -> None:
        if code.is_failure:
            self._say(f"the broker refuses us: {code}")
            self._lost = True
            return
        _log.info("connected", host=self._broker.host, port=self._broker.port, session_present=flags.session_present)
        self._listening.begin(client, kept=flags.session_present)
        client.subscribe(_DROPPED, 0)  # a broker that does not tell is none the worse for it

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, mid: int, codes: Any, _said: Any) -> None:
        self._listening.answered(mid, codes)
        if self._trouble is not None and self._host is not None:
            self._commands.append(self._host.state(online=True))
        self._trouble = None

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode(errors="backslashreplace")
        now_ms = self._writer.pipeline.clock.now_ms()
        payload = bytes(message.payload)
        if topic == _DROPPED:
            self.dropped = int(payload) if payload.isdigit() else self.dropped
            return
        if self._host is not None and topic == self._host.topic:
            self._own_state(client, message)
            return
        self._envelopes.append(
            Envelope("mqtt", topic, payload, now_ms, message.qos, retain=message.retain, dup=message.dup)
        )
        if message.qos:
            self._packet_ids.append(message.mid)

    def _own_state(self, client: mqtt.Client, message: mqtt.MQTTMessage) -> None:
        """Our state as the broker tells it: if somebody's will calls us offline, say that we are here."""
        assert self._host is not None
        if self._host.denied(message.topic, bytes(message.payload)):
            self._commands.append(self._host.state(online=True))
        if message.qos:
            client.ack(message.mid, message.qos)

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, code: Any, _said: Any) -> None:
        self._lost = True
        if not self._stopping.is_set():
            self._say(f"the connection to the broker ended: {code}")
