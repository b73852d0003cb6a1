"""A real broker: where it is, how we introduce ourselves to it, and a client that writes only when it is told to."""

import ssl
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from coldchain.errors import ConfigError
from coldchain.sockets import ready
from ingest.quarantine import LARGEST

RECEIVE_MAXIMUM = 4000  # four batches: a smaller window would stop the broker while a batch is committed
_SESSION_S = 7 * 86_400
_KEEP_ALIVE_S = 30
_DOWN_QUEUE = 10_000


class Broker:
    """A broker by its URL, with the one client id whose persistent session it keeps for us."""

    def __init__(self, url: str, client_id: str, tls: ssl.SSLContext | None = None) -> None:
        """Remember where `url` (`mqtt[s]://user:password@host:port`) leads.

        Raises:
            ConfigError: the URL names no broker.
        """
        self._url = _parsed(url)
        self._client_id = client_id
        self._tls = tls or (ssl.create_default_context() if self._url.scheme == "mqtts" else None)

    @property
    def host(self) -> str:
        """Its name or address."""
        return self._url.hostname or ""

    @property
    def port(self) -> int:
        """Its TCP port."""
        return self._url.port or (8883 if self._url.scheme == "mqtts" else 1883)

    def client(self) -> mqtt.Client:
        """A client that acknowledges by hand, for one connection."""
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(1000)
        client.max_queued_messages_set(_DOWN_QUEUE)
        if self._url.username is not None:
            client.username_pw_set(unquote(self._url.username), unquote(self._url.password or ""))
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.on_socket_register_write = _written_by_the_turn
        return client

    def connect(self, client: mqtt.Client) -> None:
        """Connect `client`, to the session that the broker kept.

        Raises:
            OSError: the broker cannot be reached.
        """
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wishes.SessionExpiryInterval = _SESSION_S
        wishes.ReceiveMaximum = RECEIVE_MAXIMUM
        wishes.MaximumPacketSize = LARGEST + 64 * 1024
        client.connect(self.host, self.port, _KEEP_ALIVE_S, clean_start=False, properties=wishes)


def flush(client: mqtt.Client) -> None:
    """Write what is queued, as far as the socket takes it."""
    while client.want_write() and client.socket() is not None:
        if client.loop_write() != mqtt.MQTT_ERR_SUCCESS or not _drains(client):
            break


def _parsed(url: str) -> SplitResult:
    parts = urlsplit(url)
    try:
        usable = parts.scheme in ("mqtt", "mqtts") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError("the broker's URL is not of the form mqtt[s]://user:password@host:port")
    return parts


def _drains(client: mqtt.Client) -> bool:
    """Whether the socket takes more now; otherwise the next turn goes on."""
    connection = client.socket()
    return connection is not None and bool(ready((), (connection,), 0)[1])


def _written_by_the_turn(_client: mqtt.Client, _data: Any, _socket: Any) -> None:
    """With this callback paho only queues packets; without it each acknowledgement would be a system call at once."""
