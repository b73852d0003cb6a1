"""Clouds send until they are answered: a connection that breaks after the commit, and repeats, add nothing."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from servers import wait_until
from vendor_examples import CLOUDS, EFENTO, FLESPI, coded
from web_cast import Web, installed

from coldchain.domain.reading import Reading
from coldchain.journal.sqlite import SqliteJournal
from ingest.pipeline import Pipeline
from sensors.carriers.port import Profiles
from sensors.carriers.shipped import carriers
from sensors.device_profiles.catalogue import Snapshot
from sensors.device_profiles.library import shipped


def snapshot() -> Profiles:
    return Snapshot(shipped())


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    journal = SqliteJournal(tmp_path / "journal.db")
    try:
        with installed(
            tmp_path, reading=lambda clock: Pipeline(journal, clock, carriers=carriers(), profiles=snapshot)
        ) as web:
            yield web
    finally:
        journal.close()


@contextmanager
def served(web: Web) -> Iterator[int]:
    """The application behind a real socket; its port."""
    config = uvicorn.Config(web.app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the start of the web server")
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


class Cloud:
    """A sender as vendors run them: it posts, and posts again until somebody answers with 2xx."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key

    def post(self, source: str, body: bytes, *, hang_up: Callable[[], bool] | None = None) -> int | None:
        """The status; None where the connection was dropped as soon as `hang_up` said so, before any answer."""
        head = (
            f"POST /api/v1/ingest/{source} HTTP/1.1\r\nHost: 127.0.0.1:8050\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as line:
            line.sendall(head.encode() + body)
            if hang_up is not None:
                wait_until(hang_up, what="the commit of the message")
                # Reset instead of a goodbye: what the server still writes has nobody to go to.
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                return None
            answer = b""
            while piece := line.recv(65_536):
                answer += piece
        return int(answer.split(b" ", 2)[1])


def stored(web: Web) -> list[Reading]:
    return web.journal.read(0, 1000)


@pytest.mark.parametrize("name", [name for name in CLOUDS if name != "samsara"])
def test_a_message_whose_answer_was_lost_is_stored_once(name: str, web: Web) -> None:
    body = coded(CLOUDS[name][1])
    with served(web) as port:
        cloud = Cloud(port, web.keys["device"])
        assert cloud.post(name, body, hang_up=lambda: bool(stored(web))) is None
        first = stored(web)
        web.clock.advance(10 * 60_000)  # later than any content is remembered
        statuses = [cloud.post(source, body) for source in (name, name, "auto")]
    assert all(status is not None and 200 <= status < 300 for status in statuses)
    assert stored(web) == first


def test_a_sender_that_waits_for_201_gets_it(web: Web) -> None:
    with served(web) as port:
        cloud = Cloud(port, web.keys["device"])
        assert [cloud.post("efento", coded(EFENTO)) for _ in range(3)] == [201, 201, 201]
        assert cloud.post("flespi", coded(FLESPI)) == 202


def test_a_gateway_that_repeats_old_measurements_among_new_ones_adds_only_the_new(web: Web) -> None:
    one, two = EFENTO["measurements"]
    later = {**one, "measured_at": "2026-01-05 10:00:00"}
    with served(web) as port:
        cloud = Cloud(port, web.keys["device"])
        for batch in ([one], [one, two], [two, later, one]):
            assert cloud.post("efento", coded({"measurements": batch})) == 201
    rows = stored(web)
    assert len(rows) == 4
    assert len({(row.logger, row.channel, row.event_time_ms) for row in rows}) == 4


def test_retries_that_arrive_together_store_one_message(web: Web) -> None:
    with served(web) as port:
        cloud = Cloud(port, web.keys["device"])
        senders = [threading.Thread(target=cloud.post, args=("flespi", coded(FLESPI))) for _ in range(8)]
        began = time.monotonic()
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(20)
        assert time.monotonic() - began < 20
    assert len(stored(web)) == 3


def test_a_sender_that_comes_while_nobody_can_be_asked_is_told_to_come_again(web: Web, tmp_path: Path) -> None:
    place, aside = tmp_path / "registry.db", tmp_path / "aside.db"
    with served(web) as port:
        cloud = Cloud(port, web.keys["device"])
        web.registry.engine.dispose()
        place.rename(aside)
        place.mkdir()  # where the file was there is none that can be opened
        refused = [cloud.post("flespi", coded(FLESPI)) for _ in range(3)]
        place.rmdir()
        aside.rename(place)
        assert refused == [503, 503, 503]
        assert stored(web) == []
        assert [cloud.post("flespi", coded(FLESPI)) for _ in range(3)] == [202, 202, 202]
    assert len(stored(web)) == 3
