"""Events for programs: signed, to the address that was checked, and never anywhere else."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alert_cast import HIGH, NOON, RETURNED, SHIPMENT, SITE, Story, new_registry
from mail_servers import certificate
from server_process import PATIENCE
from sqlalchemy import select

from alerts.channels.port import Deferred, Message, Refused
from alerts.channels.webhook import Target, WebhookChannel, checked_url, headers, public
from alerts.dispatcher import Dispatcher
from alerts.endpoint_trial import try_out
from coldchain.clock import HandClock
from coldchain.errors import InvalidValue
from coldchain.registry import endpoints, outbox
from coldchain.registry.schema import outbox as table

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
OLDER = "whsec_" + base64.b64encode(b"o" * 32).decode()


class Receiver:
    """An https endpoint that keeps (headers, body) and answers as it is told."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        self.release = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler's own self is the request
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.append(({k.lower(): v for k, v in self.headers.items()}, body))
                if receiver.status == 0:
                    receiver.release.wait(30)
                    return
                self.send_response(receiver.status)
                for name, value in {**receiver.headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path)


@pytest.fixture
def receiver(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Receiver]:
    receiver = Receiver(tls[0])
    yield receiver
    receiver.stop()


def channel(
    receiver: Receiver, context: ssl.SSLContext, *, private: bool = True, secrets: tuple[str, ...] = (SECRET,)
) -> WebhookChannel:
    return WebhookChannel(lambda _: Target(receiver.url, secrets, private), HandClock(NOON), context)


def verifies(secret: str, got: dict[str, str], body: bytes) -> bool:
    """A receiver's own check, as the guide shows it."""
    signed = f"{got['webhook-id']}.{got['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.removeprefix("v1,") for part in got["webhook-signature"].split()]
    return any(hmac.compare_digest(wanted, one) for one in given)


def test_an_event_arrives_signed_and_a_changed_one_does_not_verify(
    receiver: Receiver, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    channel(receiver, tls[1]).send(Message("id1", "e", '{"a":1}'))
    [(got, body)] = receiver.taken
    assert got["content-type"].startswith("application/cloudevents+json")
    assert got["webhook-id"] == "id1"
    assert got["webhook-timestamp"] == str(NOON // 1000)
    assert verifies(SECRET, got, body)
    assert not verifies(SECRET, got, body + b" ")
    assert not verifies(OLDER, got, body)


def test_while_a_secret_is_being_changed_both_verify(
    receiver: Receiver, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    channel(receiver, tls[1], secrets=(SECRET, OLDER)).send(Message("id1", "e", "{}"))
    [(got, body)] = receiver.taken
    assert verifies(SECRET, got, body)
    assert verifies(OLDER, got, body)


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 422])
def test_what_will_never_work_is_refused_for_good(
    receiver: Receiver, tls: tuple[ssl.SSLContext, ssl.SSLContext], status: int
) -> None:
    receiver.status, receiver.headers = status, {"Location": "https://127.0.0.1/elsewhere"}
    with pytest.raises(Refused) as refused:
        channel(receiver, tls[1]).send(Message("id1", "e", "{}"))
    assert refused.value.code == str(status)
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("status", [401, 408, 429, 500, 503])
def test_what_may_work_later_is_tried_again(
    receiver: Receiver, tls: tuple[ssl.SSLContext, ssl.SSLContext], status: int
) -> None:
    receiver.status, receiver.headers = status, {"Retry-After": "120"}
    with pytest.raises(Deferred) as deferred:
        channel(receiver, tls[1]).send(Message("id1", "e", "{}"))
    assert (deferred.value.code, deferred.value.retry_after_s) == (str(status), 120.0)


def test_silence_ends_after_five_seconds_and_leaves_it_in_doubt(
    receiver: Receiver, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    receiver.status = 0
    with pytest.raises(Deferred) as deferred:
        channel(receiver, tls[1]).send(Message("id1", "e", "{}"))
    assert (deferred.value.code, deferred.value.ambiguous) == ("timeout", True)


def test_a_resolver_that_never_answers_ends_after_five_seconds_too(
    receiver: Receiver, tls: tuple[ssl.SSLContext, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        never.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    began_s = time.monotonic()
    with pytest.raises(Deferred) as deferred:
        channel(receiver, tls[1]).send(Message("id1", "e", "{}"))
    assert time.monotonic() - began_s < 8 * PATIENCE
    never.set()
    assert (deferred.value.code, deferred.value.ambiguous) == ("timeout", False)


def test_an_address_inside_our_own_network_is_never_called_unless_it_is_meant_to_be(
    receiver: Receiver, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with pytest.raises(Refused, match="not a public address"):
        channel(receiver, tls[1], private=False).send(Message("id1", "e", "{}"))
    assert receiver.taken == []


def test_a_certificate_that_nobody_trusts_gets_no_event(receiver: Receiver) -> None:
    with pytest.raises(Deferred) as deferred:
        channel(receiver, ssl.create_default_context()).send(Message("id1", "e", "{}"))
    assert deferred.value.code == "tls"
    assert receiver.taken == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1%eth0", "fd00::1",
     "::ffff:10.0.0.1", "100.64.0.1", "224.0.0.1", "64:ff9b:1::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not public(address)


def test_public_addresses() -> None:
    assert public("93.184.216.34")
    assert public("2606:2800:220:1::1")


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "https://", "https://user@example.org/", "https://example.org/#x", "ftp://x",
            "https://example.org/a b", "https://example.org:99999/", "https://exämple.org/"],
)  # fmt: skip
def test_addresses_that_no_event_is_sent_to(url: str) -> None:
    with pytest.raises(InvalidValue):
        checked_url(url)


def test_an_alarm_opens_and_resolves_under_one_key(
    tmp_path: Path, receiver: Receiver, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    story = Story(new_registry(tmp_path))
    with story.registry.write() as connection:
        id_, secret = endpoints.create(
            connection, name="Pager", url=receiver.url, private=True, who="admin", now_ms=NOON
        )

    def lookup(endpoint: str) -> Target:
        with story.registry.read() as connection:
            known = endpoints.get(connection, endpoint)
        return Target(known.url, known.secrets, known.private)

    for number, condition in enumerate((HIGH, RETURNED), start=1):
        story.happens(condition, NOON + number)
        with story.registry.write() as connection:
            content = next(row.content for row in story.outbox() if row.occasion == number)
            key = {"alarm": story.id, "occasion": number, "step": 0, "recipient": id_, "channel": "webhook"}
            row = {**key, "recipient_kind": "endpoint", "reason": content["reason"], "address": receiver.url}
            outbox.queue(connection, {**row, "content": content, "created_ms": NOON, "next_due_ms": NOON})
    hooks = WebhookChannel(lookup, HandClock(NOON + 10), tls[1])
    Dispatcher(story.registry, {"webhook": hooks}, HandClock(NOON + 10), "one", site=SITE).drain()
    events = [json.loads(body) for _, body in receiver.taken]
    assert all(verifies(secret, got, body) for got, body in receiver.taken)
    assert {event["specversion"] for event in events} == {"1.0"}
    assert [event["type"] for event in events] == ["coldchain.alarm.raised", "coldchain.alarm.returned"]
    assert [event["data"]["action"] for event in events] == ["trigger", "resolve"]
    assert {event["data"]["dedup_key"] for event in events} == {story.id}
    assert {event["data"]["severity"] for event in events} == {"critical"}
    assert {event["data"]["alarms"][0]["subject_id"] for event in events} == {SHIPMENT}
    with story.registry.read() as connection:
        states = connection.execute(select(table.c.state).where(table.c.channel == "webhook")).scalars().all()
        assert endpoints.get(connection, id_).verified_ms == NOON + 10
    assert states == ["accepted", "accepted"]


@pytest.mark.parametrize(("status", "taken"), [(204, True), (410, False), (503, False)])
def test_a_trial_says_what_was_answered_and_only_a_taken_event_counts_as_proof(
    tmp_path: Path, receiver: Receiver, tls: tuple[ssl.SSLContext, ssl.SSLContext], status: int, taken: bool
) -> None:
    registry = new_registry(tmp_path)
    with registry.write() as connection:
        id_, secret = endpoints.create(
            connection, name="Pager", url=receiver.url, private=True, who="admin", now_ms=NOON
        )
        endpoints.switch(connection, id_, on=False, who="admin", now_ms=NOON)
    receiver.status = status
    tried = try_out(registry, HandClock(NOON + 10), id_, "https://cold.example.org", tls[1])
    assert (tried.name, tried.taken, tried.code) == ("Pager", taken, str(status))
    assert tried.detail.startswith(str(status))
    [(got, body)] = receiver.taken
    assert verifies(secret, got, body)
    event = json.loads(body)
    assert (event["type"], event["source"]) == ("coldchain.test", "https://cold.example.org")
    with registry.read() as connection:
        assert endpoints.get(connection, id_).verified_ms == (NOON + 10 if taken else None)


def test_a_secret_is_changed_without_a_moment_in_which_nothing_verifies(tmp_path: Path) -> None:
    registry = new_registry(tmp_path)
    with registry.write() as connection:
        id_, first = endpoints.create(
            connection, name="Pager", url="https://example.org/", private=False, who="admin", now_ms=NOON
        )
        second = endpoints.rotate(connection, id_, who="admin", now_ms=NOON)
        assert endpoints.get(connection, id_).secrets == (second, first)
        endpoints.retire(connection, id_, who="admin", now_ms=NOON)
        assert endpoints.get(connection, id_).secrets == (second,)
        endpoints.switch(connection, id_, on=False, who="admin", now_ms=NOON)
        assert endpoints.get(connection, id_).disabled_ms == NOON


def test_the_receiver_in_the_guide_takes_what_is_signed_once_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "webhooks.md").read_text(encoding="utf-8")
    code = guide.split("```python\n")[1].split("```")[0].replace("whsec_…", SECRET)
    served = code.replace('HTTPServer(("127.0.0.1", 8080), Receiver).serve_forever()', "Receiver")
    names: dict[str, Any] = {}
    exec(served, names)
    names["Receiver"].log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), names["Receiver"])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        body, now_s = b'{"data":{"action":"trigger"}}', int(time.time())

        def answer(signed: dict[str, str], content: bytes = body) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
            connection.request("POST", "/", content, signed)
            return connection.getresponse().status

        good = headers("id1", now_s, body, (SECRET,))
        assert [answer(good), answer(good)] == [204, 204]
        assert answer(headers("id2", now_s, body, (OLDER,))) == 401
        assert answer(headers("id3", now_s - 600, body, (SECRET,))) == 401
        assert answer(good, b'{"data":{"action":"resolve"}}') == 401
        assert answer(headers("id4", now_s, body, (OLDER, SECRET))) == 204
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
    assert capsys.readouterr().out.count("trigger") == 2  # the repeat of id1 was not acted on
