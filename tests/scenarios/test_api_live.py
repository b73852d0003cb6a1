"""The live stream: everything first, then each change once, without a gap across reconnects, and dark when revoked."""

import asyncio
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import uvicorn
from web_cast import MINUTE, NORTH, SOUTH, Web, installed

from coldchain.registry import people
from coldchain.registry.viewer import SYSTEM
from dashboard.api import events
from dashboard.live import hub
from dashboard.live.snapshot import LISTS, apply, difference, snapshot
from dashboard.services import WebSettings


class Served:
    """The application on a free loopback port, in a thread of its own."""

    def __init__(self, web: Web) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        config = uvicorn.Config(web.app, log_level="error", timeout_graceful_shutdown=1, lifespan="on")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})

    def __enter__(self) -> str:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return self.url

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


class Stream:
    """A reader of the stream, as a browser is one."""

    def __init__(self, url: str, key: str, last_id: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self._client = httpx.Client(timeout=20)
        request = self._client.build_request("GET", f"{url}/api/v1/events", headers=headers)
        self.reply = self._client.send(request, stream=True)
        self._lines = self.reply.iter_lines()
        self.last_id = last_id
        self.state: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reply.close()
        self._client.close()

    def message(self) -> dict[str, Any]:
        """The next message with data, ticks included."""
        for line in self._lines:
            if line.startswith("id: "):
                self.last_id = line[4:]
            if line.startswith("data: "):
                return json.loads(line[6:])
        raise EOFError

    def until(self, condition) -> dict[str, Any]:
        """The state once it meets the condition, merged as a browser merges it."""
        while self.state is None or not condition(self.state):
            message = self.message()
            if message["kind"] == "snapshot":
                self.state = message
            elif message["kind"] == "delta":
                assert self.state is not None
                self.state = apply(self.state, message)
        return self.state


def truth(web: Web) -> dict[str, Any]:
    with web.registry.read() as connection:
        return snapshot(connection, SYSTEM, web.clock.now_ms())


def rows(state: dict[str, Any]) -> dict[str, Any]:
    return {name: sorted(state[name], key=lambda row: row["id"]) for name in LISTS} | {"kpis": state["kpis"]}


def test_a_browser_that_merges_every_message_holds_exactly_what_is_true(web: Web) -> None:
    with Served(web) as url, Stream(url, web.keys["viewer"]) as stream:
        assert stream.until(lambda s: True)["shipments"] == []
        assert stream.reply.headers["x-accel-buffering"] == "no"
        for number in range(20):
            shipment = web.shipment(f"S-{number}")
            web.depart(shipment)
            web.judged(shipment, last={"L1/internal": {"event_time": "2026-11-22T12:00:00.000Z", "temperature_c": 4.5}})
            if number % 3 == 0:
                web.alarm(shipment)
                web.excursion(shipment)
        final = truth(web)
        assert rows(stream.until(lambda s: rows(s) == rows(final))) == rows(final)
        assert len(final["shipments"]) == 20


def test_a_reconnecting_browser_misses_nothing(web: Web) -> None:
    with Served(web) as url, Stream(url, web.keys["viewer"]) as watcher:
        watcher.until(lambda s: True)
        with Stream(url, web.keys["viewer"]) as stream:
            state, last_id = stream.until(lambda s: True), stream.last_id
        for number in range(5):
            web.depart(web.shipment(f"S-{number}"))
            watcher.until(lambda s, n=number: len(s["shipments"]) == n + 1)
        with Stream(url, web.keys["viewer"], last_id) as again:
            again.state = state
            first = again.message()
            assert first["kind"] == "delta", "what is still remembered is not sent whole"
            again.state = apply(state, first)
            assert rows(again.until(lambda s: len(s["shipments"]) == 5)) == rows(truth(web))
        with Stream(url, web.keys["viewer"], "j9.r999999") as stranger:
            assert stranger.message()["kind"] == "snapshot"


def test_a_change_arrives_within_a_fraction_of_a_second(web: Web) -> None:
    with Served(web) as url, Stream(url, web.keys["viewer"]) as stream:
        stream.until(lambda s: True)
        waits = []
        for number in range(10):
            shipment = web.shipment(f"S-{number}")
            started = time.monotonic()
            web.depart(shipment)
            stream.until(lambda s, n=number: len(s["shipments"]) == n + 1)
            waits.append(time.monotonic() - started)
        assert sorted(waits)[5] < 0.5, waits


def test_each_scope_sees_its_own_changes_only(web: Web) -> None:
    north = web.key("viewer", scope_customer=NORTH)
    with Served(web) as url, Stream(url, north) as mine, Stream(url, web.keys["viewer"]) as everything:
        mine.until(lambda s: True)
        everything.until(lambda s: True)
        web.depart(web.shipment("SOUTH-1", SOUTH))
        everything.until(lambda s: len(s["shipments"]) == 1)
        web.depart(web.shipment("NORTH-1", NORTH))
        seen = mine.until(lambda s: s["shipments"])
        assert [row["reference"] for row in seen["shipments"]] == ["NORTH-1"]
        assert seen["kpis"]["live"] == 1


def test_a_revoked_session_goes_dark(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BEAT_S", 0.2)
    someone = web.person("viewer")
    cookie = web.cookie(someone)
    with Served(web) as url, httpx.Client(timeout=20) as client:
        with client.stream("GET", f"{url}/api/v1/events", headers={"Cookie": f"coldchain={cookie}"}) as reply:
            lines = reply.iter_lines()
            while next(lines) != ": beat":
                pass
            with web.registry.write() as connection:
                people.change(connection, someone, who="test", now_ms=web.clock.now_ms(), disabled_ms=1)
            rest = list(lines)
        assert "event: signed_out" in rest
        denied = client.get(f"{url}/api/v1/events", headers={"Cookie": f"coldchain={cookie}"})
        assert denied.status_code == 401


def test_listening_keeps_no_session_alive(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BEAT_S", 0.2)
    cookie = web.cookie(web.person("quality"))
    own = {"Cookie": f"coldchain={cookie}"}
    with (
        Served(web) as url,
        httpx.Client(timeout=20) as client,
        client.stream("GET", f"{url}/api/v1/events", headers=own) as reply,
    ):
        lines = reply.iter_lines()
        for _ in range(2):
            while next(lines) != ": beat":
                pass
            web.clock.advance(8 * MINUTE)
        assert "event: signed_out" in list(lines)


def test_more_streams_than_allowed_are_sent_away_with_the_remedy(tmp_path: Path) -> None:
    with (
        installed(tmp_path, WebSettings(max_streams=1)) as web,
        Served(web) as url,
        Stream(url, web.keys["viewer"]) as one,
    ):
        one.until(lambda s: True)
        with Stream(url, web.keys["viewer"]) as two:
            assert two.reply.status_code == 503
            assert "retry-after" in two.reply.headers


def test_a_reader_that_falls_behind_is_given_everything_anew(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_BACKLOG", 3)

    async def slow() -> list[dict[str, Any]]:
        live = web.app.state.hub
        reader, keeper = live.frames(SYSTEM, None), live.frames(SYSTEM, None)
        received = [await anext(reader)]
        await anext(keeper)
        for number in range(8):
            web.depart(web.shipment(f"S-{number}"))
            while b'"tick"' in (await anext(keeper)).wire:
                pass
        while len(json.dumps(state_of(received))) < len(json.dumps(truth(web)["shipments"])):
            received.append(await anext(reader))
        for frames in (reader, keeper):
            await frames.aclose()
        await live.close()
        return received

    received = asyncio.run(slow())
    assert [message_of(frame)["kind"] for frame in received].count("snapshot") == 2
    assert state_of(received) == sorted(truth(web)["shipments"], key=lambda row: row["id"])


def message_of(frame: hub.Frame) -> dict[str, Any]:
    return json.loads(frame.wire.split(b"data: ", 1)[1])


def state_of(received: list[hub.Frame]) -> list[dict[str, Any]]:
    state = message_of(received[0])
    for message in map(message_of, received[1:]):
        state = message if message["kind"] == "snapshot" else state
        state = apply(state, message) if message["kind"] == "delta" else state
    return sorted(state["shipments"], key=lambda row: row["id"])


def test_the_difference_applied_gives_the_new_state_and_nothing_when_only_the_clock_moved(web: Web) -> None:
    before = truth(web)
    web.depart(web.shipment("S-1"))
    after = truth(web)
    delta = difference(before, after)
    assert delta is not None
    assert rows(apply(before, delta)) == rows(after)
    web.clock.advance(1000)
    assert difference(after, truth(web)) is None
