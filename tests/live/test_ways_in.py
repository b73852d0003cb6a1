"""The pieces that the page prints work as they are printed: run by a shell and by Python against real servers."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
import yaml
from intake import listening, rows_of, written
from servers import missing, wait_until
from web_cast import NOON, Web, installed

from coldchain.clock import HandClock
from coldchain.domain.message import Envelope, Outcome
from coldchain.registry import loggers
from coldchain.wiring import RegisteredLoggers
from dashboard.parts import ways_in
from dashboard.parts.ways_in import Access
from ingest.pipeline import Pipeline

# Ids that a shell, a program or JSON could trip over.
NAMES = ("fridge-7", 'Jane\'s 100% "fridge"', "Kühlraum $HOME `id`", "back\\slash")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as web:
        yield web


@pytest.fixture
def port(web: Web) -> Iterator[int]:
    credentials = RegisteredLoggers(web.registry, anonymous=False)
    with written(web.journal) as writer, listening(writer, credentials=credentials) as listener:
        yield listener.port


def access(web: Web, port: int, name: str) -> Access:
    with web.registry.write() as connection:
        loggers.register(connection, name, who="test", now_ms=NOON)
        secret = loggers.new_password(connection, name, who="test", now_ms=NOON)
    return ways_in.access(f"127.0.0.1:{port}", name, secret, tls=False)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_what_is_printed_for_the_shell_stores_a_reading(web: Web, port: int, name: str) -> None:
    if shutil.which("mosquitto_pub") is None:
        missing("mosquitto_pub", "apt-get install mosquitto-clients")
    run("sh", "-c", ways_in.mosquitto_pub(access(web, port, name)))
    wait_until(lambda: len(rows_of(web.journal)) == 1, what="the reading")
    [reading] = web.journal.read(0, 10)
    assert (reading.logger, reading.temperature_mc, reading.humidity_mpct) == (name, 4600, 51_000)
    assert reading.time_source == "device"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_printed_for_python_stores_a_reading(web: Web, port: int, name: str, tmp_path: Path) -> None:
    program = tmp_path / "send.py"
    program.write_text(ways_in.paho(access(web, port, name)))
    assert run(sys.executable, str(program)) == "stored\n"
    [reading] = web.journal.read(0, 10)
    assert (reading.logger, reading.temperature_mc) == (name, 4600)


def test_what_is_printed_for_a_webhook_stores_a_reading(web: Web) -> None:
    if shutil.which("curl") is None:
        missing("curl", "apt-get install curl")
    server = uvicorn.Server(uvicorn.Config(web.app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the web server")
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        for source in ("native", "auto"):
            for name in NAMES:
                said = run("sh", "-c", ways_in.curl(url, source, web.keys["device"], name))
                assert '"outcome":"readings"' in said, said
                web.clock.set(web.clock.now_ms() + 60_000)
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.mark.parametrize("name", NAMES)
def test_every_piece_names_the_logger_its_password_and_its_topic(name: str) -> None:
    made = ways_in.snippets(Access("coldchain.example.org", 8883, name, "s3cret-word", tls=True))
    assert [one.key for one in made] == ["shell", "python", "esphome", "tasmota", "arduino"]
    assert all("s3cret-word" in one.text and "coldchain.example.org" in one.text and "8883" in one.text for one in made)


STAMP = "2026-11-22T11:59:00Z"
LONG = "Ü" * 64  # the longest id, in characters that take more than a byte
SMALL_MQTT = """
#include <cstdio>
#include <string>
struct Net {}; using WiFiClient = Net; using WiFiClientSecure = Net;
struct { void begin(const char*, const char*) {} int status() { return 3; } } WiFi;
const int WL_CONNECTED = 3;
inline void delay(int) {}
inline void configTime(int, int, const char*) {}
"""
SMALL_CLIENT = """
struct MQTTClient {
  MQTTClient(int) {}
  void begin(const char* host, int port, Net&) { printf("%s %d\\n", host, port); }
  void setKeepAlive(int) {}
  bool connected() { return false; }
  bool connect(const char* id, const char* user, const char* secret) {
    printf("%s\\n%s\\n%s\\n", id, user, secret);
    return true;
  }
  bool loop() { return true; }
  bool publish(const char* topic, const char* body, bool, int qos) {
    printf("%s\\n%s\\n%d\\n", topic, body, qos);
    return true;
  }
};
"""


def piece(kind: str, name: str) -> str:
    made = ways_in.snippets(Access("coldchain.example.org", 1883, name, "s3cret-word"))
    return next(one.text for one in made if one.key == kind)


def understood(web: Web, topic: str, body: str, name: str) -> bool:
    """Whether the intake reads a device's message as that logger's."""
    pipeline = Pipeline(web.journal, HandClock(NOON))
    [[receipt]] = pipeline.submit([Envelope("mqtt", topic, body.encode(), NOON, 1)])
    return receipt.outcome is Outcome.READINGS and receipt.logger == name and len(receipt.stored) == 1


class Node(yaml.SafeLoader):
    """YAML as ESPHome reads it, with its own tags."""


Node.add_constructor("!secret", lambda _loader, node: f"secret {node.value}")


@pytest.mark.parametrize("name", [*NAMES, LONG])
@pytest.mark.parametrize("tls", [False, True])
def test_what_is_printed_for_esphome_is_a_node_that_sends_as_this_logger(web: Web, name: str, *, tls: bool) -> None:
    text = ways_in.esphome(Access("coldchain.example.org", 8883, name, "s3cret-word", tls=tls))
    node = yaml.load(text, Node)
    mqtt = node["mqtt"]
    assert (mqtt["broker"], mqtt["port"], mqtt["username"], mqtt["password"]) == (
        "coldchain.example.org", 8883, name, "s3cret-word",
    )  # fmt: skip
    assert ("certificate_authority" in mqtt) == tls
    [act] = node["sensor"][0]["on_value"]
    sent = act["mqtt.publish_json"]
    assert (sent["topic"], sent["qos"]) == (f"cc/{name}/up", 1)
    # The lambda's lines, one assignment each, by hand: what they make of an empty object is the message.
    lines = dict(re.findall(r"root((?:\[[^\]]+\])+) = (.+?);", sent["payload"]))
    assert json.loads(lines['["device"]']) == name
    assert {*lines} == {'["v"]', '["device"]', '["readings"][0]["ts"]', '["readings"][0]["values"]["temperature_c"]'}
    body = {"v": 1, "device": name, "readings": [{"ts": STAMP, "values": {"temperature_c": 4.6}}]}
    assert understood(web, sent["topic"], json.dumps(body), name)


def test_what_is_printed_for_tasmota_is_a_rule_that_sends_as_this_logger(web: Web) -> None:
    lines = piece("tasmota", "fridge-7").splitlines()
    assert (
        lines[-1]
        == "Backlog MqttHost coldchain.example.org; MqttPort 1883; MqttUser fridge-7; MqttPassword s3cret-word"
    )
    found = re.fullmatch(r"Rule1 ON Tele-DS18B20#Temperature DO Publish (\S+) (\{\S+\}) ENDON", lines[2])
    assert found is not None
    body = found[2].replace("%value%", "4.6").replace("%timestamp%", STAMP.removesuffix("Z"))
    assert "%" not in body
    assert understood(web, found[1], body, "fridge-7")


@pytest.mark.parametrize("name", [*NAMES, LONG])
def test_what_is_printed_for_arduino_compiles_and_sends_as_this_logger(web: Web, name: str, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not here: apt-get install g++")
    (tmp_path / "WiFi.h").write_text(SMALL_MQTT)
    (tmp_path / "MQTT.h").write_text(SMALL_CLIENT)
    (tmp_path / "sketch.cpp").write_text(piece("arduino", name) + "int main() { setup(); loop(); }\n")
    run("g++", "-Wall", "-Werror", "-I", str(tmp_path), str(tmp_path / "sketch.cpp"), "-o", str(tmp_path / "sketch"))
    host, id_, user, secret, topic, body, qos = run(str(tmp_path / "sketch")).splitlines()
    assert (host, id_, user, secret, qos) == ("coldchain.example.org 1883", name, name, "s3cret-word", "1")
    told = json.loads(body)
    told["readings"][0]["ts"] = STAMP  # the test's clock stands still
    assert understood(web, topic, json.dumps(told), name)
