"""A Sparkplug edge node with one device, at a real broker or at the built-in listener."""

import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from server_process import wait_until
from sparkplug_payloads import BOOLEAN, bd, metric, payload

CELSIUS = {"engUnit": "°C"}
REBIRTH = b"Node Control/Rebirth"


class EdgeNode:
    """Publishes births, data by alias and, by its will, its death; answers a request for a rebirth.

    Its own temperature has alias 1, that of its device alias 2; every value is told once, a millisecond after the last.
    """

    def __init__(self, port: int, group: str, name: str, device: str = "D", password: str | None = None) -> None:
        self.group, self.name, self.device = group, name, device
        self.bd_seq, self.seq, self.asked = 0, 0, 0
        self.heard: list[tuple[str, bytes, bool]] = []
        self.answering = True
        self._at_ms = int(time.time() * 1000) - 600_000
        self._port, self._password = port, password
        self._guard = threading.RLock()
        self.client = self._client()

    def connect(self, *, born: bool = True) -> None:
        """A new session: the same bdSeq in the will and in the birth; not `born`, its birth was missed."""
        self.client = self._client()
        self.client.will_set(self.topic("NDEATH"), payload(bd(self.bd_seq)), qos=1)
        self.client.connect("127.0.0.1", self._port)
        self.client.loop_start()
        wait_until(self.client.is_connected, what="the node's connection")
        if born:
            self.birth()

    def vanish(self) -> None:
        """The connection breaks without a word, so that the broker publishes the will."""
        wire = self.client.socket()
        assert wire is not None
        self.client.on_connect = None
        self.client.loop_stop()
        wire.close()  # type: ignore[union-attr]
        self.bd_seq += 1

    def leave(self) -> None:
        """End in order."""
        self.client.disconnect()
        self.client.loop_stop()

    def birth(self) -> None:
        """NBIRTH and DBIRTH."""
        with self._guard:
            self.seq = -1
            own = metric("Temperature", 20.0, alias=1, said=CELSIUS)
            control = metric("Node Control/Rebirth", 0, datatype=BOOLEAN)
            self._say("NBIRTH", bd(self.bd_seq), control, own)
            self._say("DBIRTH", metric("Temperature", 5.0, alias=2, said=CELSIUS), device=True)

    def tell(self, celsius: float, *, device: bool = False) -> None:
        """One value by its alias."""
        with self._guard:
            self._say("DDATA" if device else "NDATA", metric(alias=2 if device else 1, value=celsius), device=device)

    def lose(self, messages: int = 1) -> None:
        """Count messages that never reach the broker."""
        with self._guard:
            self.seq = (self.seq + messages) % 256

    def topic(self, kind: str, *, device: bool = False) -> str:
        return f"spBv1.0/{self.group}/{kind}/{self.name}" + (f"/{self.device}" if device else "")

    def _say(self, kind: str, *metrics: bytes, device: bool = False) -> None:
        self.seq = (self.seq + 1) % 256
        self._at_ms += 1
        body = payload(*metrics, at_ms=self._at_ms, seq=self.seq)
        self.client.publish(self.topic(kind, device=device), body, qos=0).wait_for_publish(10)

    def _client(self) -> mqtt.Client:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"{self.group}-{self.name}")
        if self._password is not None:
            client.username_pw_set(f"{self.group}:{self.name}", self._password)
        client.on_connect = lambda connected, *_: connected.subscribe([(self.topic("NCMD"), 1), ("spBv1.0/STATE/#", 1)])
        client.on_message = self._heard
        return client

    def _heard(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload, message.retain))
        if message.topic == self.topic("NCMD") and REBIRTH in message.payload:
            self.asked += 1
            if self.answering:
                # Not from paho's own thread, which has to go on while a publish is waited for.
                threading.Thread(target=self.birth).start()
