"""Sends recorded messages to any broker again: QoS 1 where they had it, at their own pace, faster, or at once."""

import threading
import time
from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from coldchain.errors import ConfigError, TransientError
from sensors.recordings import Recorded

_CONNECT_S = 10.0
_WINDOW = 1000  # messages under way without the broker's word for them
_SILENCE_S = 30.0  # how long the broker may take for its next word


def replay(
    messages: Iterable[Recorded],
    url: str,
    *,
    speed: float | None = None,
    client_id: str = "",
    progress: Callable[[int], object] = lambda _sent: None,
) -> int:
    """Publish `messages` in order; return how many, once the broker has acknowledged all of them.

    Args:
        messages: in the order in which they were recorded.
        url: `mqtt[s]://user:password@host:port`.
        speed: 1 is the pace of the recording, 60 plays an hour in a minute, None goes as fast as the broker takes it.
        client_id: fixed for a session that outlives the connection; empty for a fresh one.
        progress: called with the number of messages given to the broker.

    Raises:
        ConfigError: the URL or the speed cannot be used.
        TransientError: the broker refused, vanished, or left messages without an answer.
    """
    if speed is not None and speed <= 0:
        raise ConfigError(f"speed {speed:g} is not above 0")
    client = _connected(url, client_id)
    try:
        return _publish(client, messages, speed, progress)
    finally:
        client.disconnect()
        client.loop_stop()


def _publish(
    client: mqtt.Client, messages: Iterable[Recorded], speed: float | None, progress: Callable[[int], object]
) -> int:
    pending: list[mqtt.MQTTMessageInfo] = []
    began_s, first_ms, sent = time.monotonic(), None, 0
    for sent, message in enumerate(messages, start=1):
        if speed is not None and message.at_ms is not None:
            first_ms = message.at_ms if first_ms is None else first_ms
            due_s = began_s + (message.at_ms - first_ms) / 1000 / speed
            time.sleep(max(0.0, due_s - time.monotonic()))
        pending.append(client.publish(message.topic, message.payload, message.qos, message.retain))
        if len(pending) >= _WINDOW:
            _wait(pending)
        progress(sent)
    _wait(pending)
    return sent


def _wait(pending: list[mqtt.MQTTMessageInfo]) -> None:
    for info in pending:
        try:
            info.wait_for_publish(_SILENCE_S)
        except (RuntimeError, ValueError) as error:
            raise TransientError(f"a message was not sent: {error}") from error
        if not info.is_published():
            raise TransientError(f"the broker left a message without an answer for {_SILENCE_S:g} s")
    pending.clear()


def _connected(url: str, client_id: str) -> mqtt.Client:
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or parts.hostname is None:
        raise ConfigError("the broker's URL is not mqtt://host:port or mqtts://host:port")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=not client_id)
    client.max_queued_messages_set(0)
    client.max_inflight_messages_set(_WINDOW)
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set()
    where = f"{parts.hostname}:{parts.port or (8883 if parts.scheme == 'mqtts' else 1883)}"
    answered = threading.Event()
    refused: list[str] = []

    def on_connect(_client: mqtt.Client, _data: object, _flags: object, reason: object, _properties: object) -> None:
        if getattr(reason, "is_failure", False):
            refused.append(str(reason))
        answered.set()

    client.on_connect = on_connect
    try:
        client.connect(parts.hostname, parts.port or (8883 if parts.scheme == "mqtts" else 1883))
    except OSError as error:
        raise TransientError(f"the broker at {where} does not answer: {error}") from error
    client.loop_start()
    if not answered.wait(_CONNECT_S) or refused:
        client.loop_stop()
        raise TransientError(f"the broker at {where} refused: {refused[0] if refused else 'no answer'}")
    return client
