"""A noisy or hostile logger starves nobody: one sends 2,000 messages a second, one leaps, a thousand connections idle.

The others' alarms reach a person as if nothing was, memory stays bounded, and after a minute the flood is an alarm of
its own that names who sends.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import paho.mqtt.client as mqtt
import pytest
from hostile_publisher import packet, text
from mail_servers import SmtpServer
from paho.mqtt.enums import CallbackAPIVersion
from server_process import free_port, wait_until
from sqlalchemy import select

from coldchain.config import Config, read_config
from coldchain.domain.quantity import iso
from coldchain.registry import bindings, people, shipments
from coldchain.registry.bindings import NewBinding
from coldchain.registry.schema import alarm
from coldchain.registry.shipments import NewShipment
from coldchain.registry.viewer import SYSTEM
from coldchain.wiring import Stores, opened_stores

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

RATE, SECONDS, NORMAL, IDLE = 2000, 20, 199, 1000
FLOOD_S = 120.0  # within which a minute of it is seen on a busy machine
LOUD_S = 1800  # longer than anything here is waited for: it never ends of itself
SHOTS = 20  # of the normal loggers, those that become too warm meanwhile


@pytest.fixture
def config(tmp_path: Path) -> Config:
    settings = {
        "DATA": str(tmp_path / "var"), "MQTT_LISTEN": f"127.0.0.1:{free_port()}", "MQTT_ANONYMOUS": "on",
        "CANARY_S": "0",
    }  # fmt: skip
    return read_config(None, {f"COLDCHAIN_{name}": value for name, value in settings.items()})


@pytest.fixture
def stores(config: Config) -> Iterator[Stores]:
    with opened_stores(config) as opened:
        now_ms = int(time.time() * 1000) - 600_000
        with opened.registry.write() as connection:
            for number in range(SHOTS):
                name = f"LG-{number:03d}"
                people.create(
                    connection, email=f"{name.lower()}@example.org", name=name, role="viewer", who="test",
                    now_ms=now_ms, on_call=True, scope_customer=name,
                )  # fmt: skip
                new = NewShipment(name, "refrigerated-2-8", customer=name)
                made = shipments.create(connection, new, by=SYSTEM, now_ms=now_ms)
                binding = NewBinding(name, now_ms, reason="of this test")
                bindings.bind(connection, shipments.subject(made), binding, who="test", now_ms=now_ms)
                shipments.change(connection, made, {"state": "in_transit"}, by=SYSTEM, version=1, now_ms=now_ms)
        yield opened


class Working:
    """The roles in processes of their own."""

    def __init__(self, config: Config, post: SmtpServer) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("COLDCHAIN_")}
        listen = {"MQTT_LISTEN": str(config.mqtt_listen), "MQTT_ANONYMOUS": "on"}
        settings = listen | {"DATA": str(config.data), "SMTP_URL": post.url(), "MAIL_FROM": "alerts@example.org"}
        self._environment = plain | {f"COLDCHAIN_{name}": value for name, value in settings.items()}
        self._data = config.data
        self._roles: dict[str, subprocess.Popen[bytes]] = {}

    def memory_mib(self) -> float:
        """Of who receives."""
        for line in Path(f"/proc/{self._roles['ingest'].pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("ingest is gone")

    def __enter__(self) -> Self:
        for role in ("ingest", "engine", "notify"):
            command = [sys.executable, "-m", "coldchain", role]
            self._roles[role] = subprocess.Popen(command, env=self._environment, stderr=subprocess.DEVNULL)
        pulses = [self._data / "run" / f"{role}.pulse" for role in self._roles]
        wait_until(lambda: all(pulse.exists() for pulse in pulses), 60, "the roles")
        return self

    def __exit__(self, *_: object) -> None:
        for role in self._roles.values():
            role.terminate()
        for role in self._roles.values():
            role.wait(20)


def connections(port: int) -> list[socket.socket]:
    """A thousand clients that sign in and then say nothing."""
    found = []
    for number in range(IDLE):
        wire = socket.create_connection(("127.0.0.1", port))
        wire.sendall(packet(0x10, text("MQTT") + b"\x04\x02\x00\x3c" + text(f"idle-{number}")))
        found.append(wire)
    return found


def message(name: str, seq: int, *values: float) -> str:
    now_ms = int(time.time() * 1000)
    rows = [
        {"ts": iso(now_ms - 1000 * (len(values) - place)), "values": {"temperature_c": value}}
        for place, value in enumerate(values)
    ]
    return json.dumps({"v": 1, "device": name, "boot": 1, "seq": seq, "readings": rows})


def flooded(stores: Stores) -> list[str]:
    """What the flood's alarm says, once the engine has raised it."""
    with stores.registry.read() as connection:
        query = select(alarm.c.rules).where(alarm.c.cause == "flood", alarm.c.condition == "active")
        return [str(rules[0]) for rules in connection.execute(query).scalars()]


def test_the_alarms_of_others_arrive_in_time_and_memory_stays_bounded(
    config: Config, stores: Stores, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = config.mqtt_listen.port if config.mqtt_listen else 0
    arrived: set[str] = set()
    taken = smtp_server.handle_DATA

    async def noting(server: object, session: object, envelope: object) -> str:
        arrived.add(envelope.rcpt_tos[0].partition("@")[0])  # type: ignore[attr-defined]
        return await taken(server, session, envelope)

    monkeypatch.setattr(smtp_server, "handle_DATA", noting)
    with Working(config, smtp_server) as working:
        # First, because the client's own select() takes no file number above 1023.
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "normal", clean_session=False)
        client.connect("127.0.0.1", port)
        client.loop_start()
        wait_until(client.is_connected, 30, "a connection")
        idle = connections(port)
        before_mib = working.memory_mib()
        program = Path(__file__).parents[1] / "hostile_publisher.py"
        command = [sys.executable, str(program), str(port), str(RATE), str(LOUD_S)]
        loud = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ)
        client.publish("cc/LEAP-1/up", message("LEAP-1", 0, 5.0), qos=1)
        client.publish("cc/LEAP-1/up", message("LEAP-1", 1_000_000, 5.0), qos=1)
        shot: set[str] = set()
        for turn in range(SHOTS):
            for number in range(SHOTS, NORMAL, SHOTS):
                name = f"LG-{number + turn:03d}"
                client.publish(f"cc/{name}/up", message(name, turn, 5.0), qos=1)
            name = f"LG-{turn:03d}"
            shot.add(name.lower())
            client.publish(f"cc/{name}/up", message(name, 0, 5.0, 17.0, 18.0), qos=1)
            time.sleep(SECONDS / SHOTS)  # the pace of the load, not a wait for something
        wait_until(lambda: arrived >= shot, 60, "every mail")
        wait_until(lambda: bool(flooded(stores)), FLOOD_S, "the flood's own alarm")
        assert loud.poll() is None, "it was quiet before the others were heard"
        loud.terminate()
        loud.wait(10)
        used_mib = working.memory_mib() - before_mib
        client.disconnect()
        client.loop_stop()
        for wire in idle:
            wire.close()
        [said] = flooded(stores)
        loggers = {one.logger: one for one in stores.journal.loggers()}
    assert said.startswith("LOUD-1 sends ")
    assert int(said.split()[2]) >= 50, said
    assert used_mib < 150
    assert loggers["LEAP-1"].messages == 2
