"""Messages by the real apprise: what it says is believed as far as it is true, and what it may touch is bounded."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alert_cast import HIGH, NOON, SITE, Story, new_registry
from server_process import PATIENCE

from alerts.channels import apprise
from alerts.channels.apprise import REFUSED, AppriseChannel, checked_address
from alerts.channels.port import Deferred, Message, Refused
from alerts.channels.webhook import Target
from alerts.dispatcher import Dispatcher
from alerts.endpoint_entry import enter
from coldchain.clock import HandClock
from coldchain.errors import InvalidValue
from coldchain.registry import endpoints, outbox
from coldchain.registry.schema import outbox as table

MESSAGE = Message("n1", "e1", "CRITICAL: 12.4 °C\n<b>not bold</b>", "Łódź 12.4 °C", headers={"kind": "failure"})


class Receiver:
    """An HTTP server that keeps (path, document); /fail is answered with 500, and /hang byte by byte without end."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.release = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"json://127.0.0.1:{self.port}/{path}"

    def stop(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler's own self is the request
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.taken.append((self.path, document))
                if self.path.startswith("/hang"):
                    with suppress(OSError):
                        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                        while not receiver.release.wait(0.5):
                            self.wfile.write(b"x")
                    return
                self.send_response(500 if self.path.startswith("/fail") else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def channel(url: str, *, private: bool = True, deadline_s: float = 60.0) -> AppriseChannel:
    return AppriseChannel(lambda _: Target("json://…", (url,), private), deadline_s)


def test_what_apprise_sent_counts_as_accepted_and_arrives_as_it_was_written(receiver: Receiver) -> None:
    sent = channel(receiver.url("ok")).send(MESSAGE)
    assert (sent.provider_id, sent.code) == (None, "apprise")
    [(path, document)] = receiver.taken
    assert path == "/ok"
    assert (document["title"], document["message"], document["type"]) == (MESSAGE.subject, MESSAGE.text, "failure")


def test_a_failure_is_tried_again_by_our_own_loop_only_and_is_never_called_a_success(receiver: Receiver) -> None:
    """Apprise tries again by itself where its address says so, and calls a failure a success where that says so."""
    with pytest.raises(Deferred) as deferred:
        channel(receiver.url("fail?retry=3&wait=0&optional=yes")).send(MESSAGE)
    assert (deferred.value.code, deferred.value.ambiguous) == ("failed", True)
    assert len(receiver.taken) == 1


def test_nobody_at_the_address_is_not_in_doubt_and_the_reason_names_no_secret(receiver: Receiver) -> None:
    receiver.stop()
    with pytest.raises(Deferred) as deferred:
        channel(f"json://alice:hunter22@127.0.0.1:{receiver.port}/sesame").send(MESSAGE)
    assert (deferred.value.code, deferred.value.ambiguous) == ("connection", False)
    assert not any(secret in str(deferred.value) for secret in ("hunter22", "sesame", "alice"))


def test_a_service_that_hangs_is_cut_off_and_sends_nothing_later(receiver: Receiver) -> None:
    # A deadline that leaves room for apprise to start on a slow machine.
    with pytest.raises(Deferred) as deferred:
        channel(receiver.url("hang"), deadline_s=8.0 * PATIENCE).send(MESSAGE)
    assert (deferred.value.code, deferred.value.ambiguous) == ("timeout", True)
    assert "deadline" in str(deferred.value)
    receiver.release.set()
    assert len(receiver.taken) == 1


def test_an_address_inside_our_own_network_is_called_only_where_it_is_meant_to_be(receiver: Receiver) -> None:
    with pytest.raises(Refused, match="not a public address") as refused:
        channel(f"json://localhost:{receiver.port}/ok", private=False).send(MESSAGE)
    assert refused.value.code == "address"
    assert receiver.taken == []


@pytest.mark.parametrize(
    "url", ["slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?template={file}", "syslog://"],
)  # fmt: skip
def test_no_file_is_read_and_nothing_on_this_machine_is_used(tmp_path: Path, url: str) -> None:
    (tmp_path / "secret").write_text("{}", encoding="utf-8")
    with pytest.raises(Refused) as refused:
        channel(url.format(file=tmp_path / "secret")).send(MESSAGE)
    assert refused.value.code == "local"


@pytest.mark.parametrize("scheme", sorted(REFUSED))
def test_services_of_this_machine_and_untrue_ones_are_refused_when_they_are_entered(scheme: str) -> None:
    with pytest.raises(InvalidValue, match=f"url: {scheme}:// (reaches only this machine|says that a message)"):
        checked_address(f"{scheme}://somewhere/else")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("json://alice:hunter22@example.org/sesame", "json://…"),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack://…"),
    ],
)
def test_of_an_address_only_the_scheme_is_shown(url: str, shown: str) -> None:
    assert checked_address(url) == shown


@pytest.mark.parametrize("url", ["nosuch://example.org/x", "no address", "json://exämple.org", "json://a b"])
def test_what_is_no_address_of_apprise_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue, match="url: "):
        checked_address(url)


def test_without_the_extra_the_remedy_is_named_and_what_waits_goes_on_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise, "find_spec", lambda _name: None)
    with pytest.raises(InvalidValue, match=r"pip install 'coldchain-monitor\[apprise\]'"):
        checked_address("json://example.org/x")
    with pytest.raises(Deferred, match="pip install") as deferred:
        channel("json://example.org/x").send(MESSAGE)
    assert (deferred.value.code, deferred.value.ambiguous) == ("not_installed", False)


def test_an_endpoint_of_apprise_is_told_and_its_message_is_accepted_and_no_more(
    tmp_path: Path, receiver: Receiver
) -> None:
    story = Story(new_registry(tmp_path))
    id_, secret = enter(
        story.registry, kind="apprise", name="Chat", url=receiver.url("ok"), private=True, who="admin", now_ms=NOON
    )
    assert secret is None
    with story.registry.read() as connection:
        known = endpoints.get(connection, id_)
    assert (known.url, known.channel, known.secrets) == ("json://…", "apprise", (receiver.url("ok"),))
    story.happens(HIGH)
    content = story.outbox()[0].content
    with story.registry.write() as connection:
        connection.execute(table.delete())
        key = {"alarm": story.id, "occasion": 1, "step": 0, "recipient": id_, "channel": "apprise"}
        row = {**key, "recipient_kind": "endpoint", "reason": "raised", "address": known.url, "content": content}
        outbox.queue(connection, {**row, "created_ms": NOON, "next_due_ms": NOON})
    target = Target(known.url, known.secrets, known.private)
    ways = {"apprise": AppriseChannel(lambda one: target if one == id_ else None, 60.0)}
    Dispatcher(story.registry, ways, HandClock(NOON + 10), "one", site=SITE).drain()
    [(_, document)] = receiver.taken
    assert "SHP-2026-0042" in document["message"]
    assert "/api/v1/ack/" not in document["message"]
    assert "12.4 °C" in document["title"]
    assert document["type"] == "failure"
    [told] = story.outbox()
    assert (told.state, told.provider_id, told.delivered_ms) == ("accepted", None, None)
    with story.registry.read() as connection:
        assert endpoints.get(connection, id_).verified_ms == NOON + 10


def test_an_endpoint_of_apprise_has_no_secret_to_change(tmp_path: Path) -> None:
    registry = new_registry(tmp_path)
    with registry.write() as connection:
        id_ = endpoints.create_apprise(
            connection,
            name="Chat",
            address="json://example.org/x",
            shown="json://…",
            private=False,
            who="a",
            now_ms=NOON,
        )
    for change in (endpoints.rotate, endpoints.retire):
        with registry.write() as connection, pytest.raises(InvalidValue, match="has no secret to change"):
            change(connection, id_, who="a", now_ms=NOON)
