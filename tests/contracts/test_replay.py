"""Replay through a real broker: everything arrives, in order, as recorded, at the pace that was asked for."""

import threading
import time
from pathlib import Path

import pytest
import servers
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from coldchain.errors import ConfigError, TransientError
from sensors.recordings import Recorded, Told, read_recording
from sensors.replay import replay

pytestmark = pytest.mark.server


class Listener:
    """Collects what a broker delivers."""

    def __init__(self, broker: servers.Mosquitto) -> None:
        self.received: list[tuple[str, bytes]] = []
        ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, message: self.received.append((message.topic, bytes(message.payload)))
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect(broker.host, broker.port)
        self._client.subscribe("#", qos=1)
        self._client.loop_start()
        assert ready.wait(10)

    def wait_for(self, count: int) -> None:
        servers.wait_until(lambda: len(self.received) >= count, 20, f"{count} messages")
        self._client.disconnect()
        self._client.loop_stop()


def test_a_recorded_track_arrives_whole_and_in_order(mosquitto: servers.Mosquitto, recordings: Path) -> None:
    messages = read_recording(recordings / "series" / "gps" / "vehicle-munich-1hz.json", Told(logger="TRUCK"))
    listener = Listener(mosquitto)
    assert replay(messages, mosquitto.url) == 1194
    listener.wait_for(1194)
    assert listener.received == [(one.topic, one.payload) for one in messages]


def test_every_mqtt_vector_can_be_sent(mosquitto: servers.Mosquitto, recordings: Path) -> None:
    files = sorted((recordings / "devices").glob("*.json"))
    messages = [one for path in files for one in read_recording(path) if not one.retain]
    listener = Listener(mosquitto)
    assert replay(messages, mosquitto.url) == len(messages) > 50
    listener.wait_for(len(messages))
    assert sorted(listener.received) == sorted((one.topic, one.payload) for one in messages)


def test_the_pace_is_that_of_the_recording_divided_by_the_speed(mosquitto: servers.Mosquitto) -> None:
    messages = [Recorded("a", b"x", at_ms=at) for at in (0, 30_000, 60_000)]
    began = time.monotonic()
    assert replay(messages, mosquitto.url, speed=120) == 3
    assert 0.5 <= time.monotonic() - began < 5


def test_a_broker_that_is_gone_is_named(mosquitto: servers.Mosquitto) -> None:
    mosquitto.stop()
    with pytest.raises(TransientError, match=str(mosquitto.port)):
        replay([Recorded("a", b"x")], mosquitto.url)
    with pytest.raises(ConfigError, match="mqtt://"):
        replay([], "http://127.0.0.1")
