"""One logger's connection: an MQTT client with its own memory that keeps a message until the receiver has stored it."""

import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from coldchain.errors import ConfigError
from sensors.fleet.device import Device, Kept, bundle
from sensors.fleet.life import down_topic_of, parcels, topic_of

_KEEPALIVE_S = 30
_IN_FLIGHT = 20
_CONNECT_TIMEOUT_S = 3.0
_FIRST_RETRY_MS, _LAST_RETRY_MS = 500, 15_000


@dataclass(frozen=True, slots=True)
class Broker:
    """Where loggers publish to. Without `user`, each logger signs in with its own id and password, if it has one."""

    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = None

    @classmethod
    def of(cls, url: str) -> "Broker":
        """Read `mqtt[s]://[user:password@]host[:port]`.

        Raises:
            ConfigError: the URL is something else.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"the broker's port in {parts.hostname!r} is no port number: {error}") from error
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ConfigError("the broker's URL must look like mqtt://host:1883 or mqtts://host:8883")
        tls = parts.scheme == "mqtts"
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, port or (8883 if tls else 1883), tls, user, password)


@dataclass
class Traffic:
    """What a publisher has done so far. `published` counts messages, repeats included; `stored` those acknowledged."""

    published: int = 0
    acknowledged: int = 0
    watermarks: int = 0
    connects: int = 0


class Link:
    """A logger on the network. Driven from one thread: `attend` it often, and `read`/`write` when its socket is ready.

    Each connection is a new client on the same persistent session, so that what is sent again is decided here: after
    a reconnect everything that the receiver has not confirmed. Confirmed means covered by its watermark; by PUBACK
    alone as long as no watermark has ever been seen (a plain broker).
    """

    def __init__(self, device: Device, broker: Broker, tenant: str, password: str | None, traffic: Traffic) -> None:
        self.device = device
        self.in_reach = True
        self._broker = broker
        self._password = password
        self._traffic = traffic
        self._topic, self._down = topic_of(device, tenant), down_topic_of(device, tenant)
        self._client: mqtt.Client | None = None
        self._ready = False
        self._hears_watermarks = False
        self._to_send: deque[Kept] = deque()
        self._in_flight: dict[int, list[Kept]] = {}
        self._acknowledged: set[tuple[int, int]] = set()
        self._retry_ms, self._next_try_ms = _FIRST_RETRY_MS, 0

    @property
    def connected(self) -> bool:
        """Whether the receiver has accepted the connection."""
        return self._ready

    @property
    def unconfirmed(self) -> list[Kept]:
        """Messages that the receiver has not confirmed yet, oldest first."""
        if self._hears_watermarks:
            return self.device.memory[:]
        return [kept for kept in self.device.memory if (kept.boot, kept.seq) not in self._acknowledged]

    def socket(self) -> socket.socket | None:
        """The socket to wait for, if there is a connection."""
        return cast("socket.socket | None", self._client.socket()) if self._client is not None else None

    def wants_write(self) -> bool:
        """Whether bytes wait for the socket to take them."""
        return self._client is not None and bool(self._client.want_write())

    def offer(self, kept: Kept) -> None:
        """A new message is ready."""
        self._to_send.append(kept)

    def attend(self, now_ms: int) -> None:
        """Connect or disconnect as the radio allows, keep alive, and publish what may go out."""
        if not self.in_reach:
            self.drop()
            return
        if self._client is None:
            if now_ms >= self._next_try_ms:
                self._connect(now_ms)
            return
        if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._lost()
        elif self._ready:
            self._publish()

    def read(self) -> None:
        """Take what the socket has."""
        if self._client is not None and self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._lost()

    def write(self) -> None:
        """Give the socket what it takes."""
        if self._client is not None and self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._lost()

    def drop(self) -> None:
        """Leave the network as a radio does: without a word beyond the socket's end."""
        if self._client is None:
            return
        client, self._client = self._client, None
        client.disconnect()
        self._lost()

    def _connect(self, now_ms: int) -> None:
        self._next_try_ms = now_ms + self._retry_ms
        self._retry_ms = min(_LAST_RETRY_MS, self._retry_ms * 2)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.device.logger, clean_session=False)
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(_IN_FLIGHT)
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        elif self._password is not None:
            client.username_pw_set(self.device.logger, self._password)
        if self._broker.tls:
            client.tls_set()
        client.on_connect = self._accepted
        client.on_publish = self._stored
        client.on_message = self._heard
        try:
            client.connect(self._broker.host, self._broker.port, keepalive=_KEEPALIVE_S)
        except OSError:
            return  # nobody is there: the pause grows, the messages stay in memory
        self._client = client

    def _accepted(self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            return  # the receiver closes the connection, which is noticed on the socket
        self._ready, self._retry_ms = True, _FIRST_RETRY_MS
        self._traffic.connects += 1
        client.subscribe(self._down, qos=1)
        self._to_send = deque(self._in_model_order(self.unconfirmed))

    def _in_model_order(self, messages: list[Kept]) -> list[Kept]:
        return messages[::-1] if self.device.model.newest_first else messages

    def _publish(self) -> None:
        room = _IN_FLIGHT - len(self._in_flight)
        if room <= 0 or not self._to_send or self._client is None:
            return
        for portion in self._portions(room):
            info = self._client.publish(self._topic, bundle(portion), qos=1)
            if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._lost()
                return
            self._in_flight[info.mid] = portion
            self._traffic.published += len(portion)

    def _portions(self, room: int) -> Iterator[list[Kept]]:
        waiting = list(self._to_send)
        taken = 0
        for portion in list(parcels(waiting))[:room]:
            taken += len(portion)
            yield portion
        self._to_send = deque(waiting[taken:])

    def _stored(self, _client: mqtt.Client, _data: Any, mid: int, _reason: ReasonCode, _properties: Any) -> None:
        for kept in self._in_flight.pop(mid, ()):
            self._acknowledged.add((kept.boot, kept.seq))
            self._traffic.acknowledged += 1
        if len(self._acknowledged) > 2 * self.device.model.memory:
            held = {(kept.boot, kept.seq) for kept in self.device.memory}
            self._acknowledged &= held

    def _heard(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._hears_watermarks = True
        self._traffic.watermarks += 1
        asked = self.device.heard(message.payload)
        waiting = {(kept.boot, kept.seq) for kept in self._to_send}
        waiting |= {(kept.boot, kept.seq) for portion in self._in_flight.values() for kept in portion}
        self._to_send.extend(kept for kept in asked if (kept.boot, kept.seq) not in waiting)

    def _lost(self) -> None:
        self._client, self._ready = None, False
        self._in_flight.clear()
        self._to_send.clear()  # the next connection starts from what is unconfirmed
