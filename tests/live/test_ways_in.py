"""The pieces that the page prints work as they are printed: run by a shell and by Python against real servers."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from intake import listening, rows_of, written
from servers import missing, wait_until
from web_cast import NOON, Web, installed

from coldchain.registry import loggers
from coldchain.wiring import RegisteredLoggers
from dashboard.parts import ways_in
from dashboard.parts.ways_in import Access

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
            assert '"outcome":"readings"' in run("sh", "-c", ways_in.curl(url, source, web.keys["device"]))
            web.clock.set(web.clock.now_ms() + 60_000)
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.mark.parametrize("name", NAMES)
def test_every_piece_names_the_logger_its_password_and_its_topic(name: str) -> None:
    made = ways_in.snippets(Access("coldchain.example.org", 8883, name, "s3cret-word", tls=True))
    assert [one.key for one in made] == ["shell", "python", "esphome", "tasmota", "arduino"]
    assert all("s3cret-word" in one.text and "coldchain.example.org" in one.text and "8883" in one.text for one in made)
