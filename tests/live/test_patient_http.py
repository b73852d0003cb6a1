"""A client that does not finish what it began is sent away; everybody else is served meanwhile."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from servers import wait_until

from coldchain.cli import patient_http
from coldchain.cli.patient_http import PatientHttp

HEAD_S, BODY_S = 1.0, 1.0
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{"
WHOLE = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def answering(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the whole request, then answer; a request for events is answered for longer than any head may take."""
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.disconnect":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"fi", "more_body": True})
    if scope["path"] == "/events":
        await asyncio.sleep(2.5 * HEAD_S)  # what is tested is that this pause ends nothing
    await send({"type": "http.response.body", "body": b"ne"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where uvicorn serves with our protocol, in a thread of this process."""
    monkeypatch.setattr(patient_http, "HEAD_S", HEAD_S)
    monkeypatch.setattr(patient_http, "BODY_S", BODY_S)
    server = uvicorn.Server(
        uvicorn.Config(answering, port=0, http=PatientHttp, ws="none", lifespan="off", log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 10, "the server to start")
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


def connected(port: int, said: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(said)
    return client


def until_closed_s(client: socket.socket) -> float:
    """How long until the server closes the connection; what it says before does not count."""
    began = time.monotonic()
    while client.recv(1000):
        pass
    return time.monotonic() - began


@pytest.mark.parametrize("said", [b"", HALF_A_HEAD, HALF_A_BODY], ids=["nothing", "half a head", "half a body"])
def test_who_goes_silent_in_the_middle_is_sent_away(port: int, said: bytes) -> None:
    assert 0.5 < until_closed_s(connected(port, said)) < 5


def test_a_head_that_dribbles_has_one_deadline(port: int) -> None:
    client = connected(port, HALF_A_HEAD)
    client.settimeout(0.2)
    began = time.monotonic()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        while time.monotonic() - began < 8:
            client.sendall(b"x")
            try:
                client.recv(100)
            except TimeoutError:
                continue
    assert time.monotonic() - began < 5


def test_a_body_that_keeps_coming_is_waited_for(port: int) -> None:
    client = connected(port, HALF_A_BODY)
    client.settimeout(0.4)
    for _ in range(6):  # 2.4 s in all: longer than the pause that ends a connection
        client.sendall(b" ")
        with pytest.raises(TimeoutError):
            client.recv(100)
    client.sendall(b" " * (999 - 6))
    client.settimeout(10)
    assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_takes_longer_than_a_head_may_is_finished(port: int) -> None:
    client = connected(port, WHOLE.replace(b"/ ", b"/events ", 1))
    heard = b""
    while not heard.endswith(b"fine"):
        piece = client.recv(1000)
        assert piece, heard
        heard += piece


def test_hundreds_that_dawdle_do_not_keep_others_waiting(port: int) -> None:
    slow = [connected(port, HALF_A_HEAD) for _ in range(300)]
    began = time.monotonic()
    client = connected(port, WHOLE)
    assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert time.monotonic() - began < HEAD_S
    assert all(until_closed_s(one) < 10 for one in slow)
