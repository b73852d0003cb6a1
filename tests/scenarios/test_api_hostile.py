"""Requests that no honest client sends: each is refused by name, and none of them breaks anything."""

import base64
import gc
import hashlib
import json
import math
import re
import socket
import threading
import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from web_cast import NOON, Web, installed

from dashboard import gate
from dashboard.policy import PUBLIC, Endpoint

JSON = {"Content-Type": "application/json"}
LISTS = ("shipments", "readings", "excursions", "alarms", "loggers", "audit", "quarantine", "exports")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with installed(tmp_path_factory.mktemp("hostile")) as web:
        for number in range(3):
            web.alarm(web.shipment(f"S-{number}"))
        yield web


class Served:
    """The application on a free loopback port, as the web role serves it."""

    def __init__(self, web: Web) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        config = uvicorn.Config(web.app, log_level="critical", timeout_graceful_shutdown=1, lifespan="on")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})

    def __enter__(self) -> int:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return int(self.port)

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()


def cursor(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


POSITIONS = [
    [{"a": 1}, "x"], [10**30, "x"], ["x", None], [[1], [2]], [True, 1], [{}], [10**30], [None], [1.5], ["a", "b", [1]],
    ["a", 10**30, [1]], ["a", 1, "x"], ["a", 1, [[1]]], [1, 1, [1]], ["a", 1, [10**30]], ["a\x00", 1, [1]], [],
    ["\x00", "\x00"], [math.inf, "x"],
]  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_that_a_list_never_gave_out_is_refused(web: Web, name: str) -> None:
    client = web.as_role("quality")
    for position in POSITIONS:
        reply = client.get(f"/api/v1/{name}", params={"cursor": cursor(*position)})
        assert reply.status_code == 422, (position, reply.text)
        assert reply.json()["detail"].startswith("cursor:")
    for text in ("!!", "é", base64.urlsafe_b64encode(b"[" * 5000).decode()):
        assert client.get(f"/api/v1/{name}", params={"cursor": text}).status_code == 422


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"messages/{10**30}", 404),
        (f"messages/{2**63}", 404),
        ("messages/-1", 404),
        (f"product-profiles/below-25?version={10**30}", 422),
        ("shipments?q=a%00b", 422),
        (f"shipments?limit={10**30}", 422),
        ("readings?from=0001-01-01T00:00:00%2B23:59", 422),
    ],
)
def test_numbers_and_texts_that_no_database_takes_are_refused(web: Web, path: str, status: int) -> None:
    reply = web.as_role("operator").get(f"/api/v1/{path}")
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    ["summary", "summary/shipments", "summary/offenders", "summary/seasons", "alarm-quality", "shipments/{}/windows"],
)
@pytest.mark.parametrize("field", ["from", "to"])
def test_a_period_at_the_edge_of_the_calendar_is_refused_by_its_field(web: Web, path: str, field: str) -> None:
    shipment = web.as_role("quality").get("/api/v1/shipments").json()["items"][0]["id"]
    for moment in ("0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z"):
        reply = web.as_role("quality").get(f"/api/v1/{path.format(shipment)}", params={field: moment})
        assert (reply.status_code, reply.json()["detail"].startswith(f"{field}: ")) == (422, True), reply.text
        assert "choose a later moment" in reply.json()["detail"]


@pytest.mark.parametrize("version", [2**63, 10**40, 0, -1])
def test_a_version_that_no_profile_can_have_is_refused_by_its_field(web: Web, version: int) -> None:
    for act, body in (("copy", {"id": "another"}), ("approve", {"reason": "r", "password": "p"})):
        answer = web.as_role("quality").post(
            f"/api/v1/product-profiles/cct-2-8/{act}", json={**body, "version": version}
        )
        assert (answer.status_code, answer.json()["detail"].startswith("version: ")) == (422, True), answer.text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_finite_number_is_refused_wherever_a_number_may_stand(web: Web, number: str) -> None:
    admin = web.as_role("admin")
    certificate = '"certificate": "C", "calibrated": "2026-01-01T00:00:00Z", "due": "2027-01-01T00:00:00Z"'
    bodies = {
        "shipments": '{"reference": "N", "product_profile": "below-25", "origin": {"name": "X", "latitude": %s, '
        '"longitude": 1}}',
        "loggers": '{"logger": "N1", "interval_s": %s}',
        "loggers/N2/calibrations": "{" + certificate + ', "uncertainty_c": %s}',
        "stores": '{"name": "N", "kind": "fridge", "zone": "UTC", "latitude": %s, "longitude": 1}',
    }
    for path, body in bodies.items():
        reply = admin.post(f"/api/v1/{path}", content=body % number, headers=JSON)
        assert reply.status_code == 422, (path, reply.text)


@pytest.mark.parametrize("body", [b"[" * 50_000, b'{"id": ' + b"[" * 50_000, b"9" * 6000, b"\xff\xfe", b"null", b""])
def test_a_body_that_is_no_object_is_refused_by_every_route_that_takes_one(web: Web, body: bytes) -> None:
    admin = web.as_role("admin")
    for path in ("shipments", "loggers", "people", "stores", "product-profiles", "api-keys"):
        assert admin.post(f"/api/v1/{path}", content=body, headers=JSON).status_code in (400, 422), path


@pytest.mark.parametrize("exponent", ["999999", "999999999", "-999999999"])
def test_a_profile_with_an_absurd_exponent_is_refused_and_not_written_out(web: Web, exponent: str) -> None:
    body = dict(web.as_role("admin").get("/api/v1/product-profiles/refrigerated-2-8").json())
    text = json.dumps({**body, "id": "absurd", "version": 1, "label_range": {"low_c": 2, "high_c": "HIGH"}})
    began = time.process_time()
    reply = web.as_role("admin").post(
        "/api/v1/product-profiles", content=text.replace('"HIGH"', f"1e{exponent}"), headers=JSON
    )
    assert reply.status_code == 422, reply.text
    assert time.process_time() - began < 2


def test_nul_is_refused_in_every_text_that_is_kept(web: Web) -> None:
    operator, alarm = web.as_role("operator"), web.alarm(web.shipment("NUL-1"))
    at = operator.post("/api/v1/shipments", json={"reference": "NUL", "product_profile": "below-25"}).headers[
        "location"
    ]
    binding = {"logger": "NUL", "from": "2026-11-22T11:00:00Z", "reason": "a\x00b"}
    sent = [
        (f"{at}/bindings", binding),
        (f"{at}/bindings", {**binding, "reason": "r", "channels": ["a\x00"]}),
        (f"{at}/milestones", {"kind": "stop", "name": "X", "custodian": "\x00", "planned": "2026-11-22T11:00:00Z"}),
        (f"/api/v1/alarms/{alarm}/comment", {"comment": "\x00"}),
        (f"/api/v1/alarms/{alarm}/acknowledge", {"comment": "\x00"}),
    ]
    for path, body in sent:
        assert operator.post(path, json=body).status_code == 422, path


# --- a client with this design's page in hand ----------------------------------------------------------------------


def test_a_place_may_be_sent_by_its_name_and_a_change_without_a_version(web: Web) -> None:
    operator = web.as_role("operator")
    new = {"reference": "NAMED", "product_profile": "below-25", "origin": "Puurs", "destination": "Hamburg"}
    made = operator.post("/api/v1/shipments", json=new)
    assert (made.status_code, made.json()["lane"]) == (201, "Puurs → Hamburg")
    at = made.headers["location"]
    assert operator.patch(at, json={"carrier": "Polar"}).json()["carrier"] == "Polar"
    assert operator.patch(at, json={"carrier": "Boreal", "version": 1}).status_code == 409
    assert operator.patch(at, json={"carrier": "Boreal"}).json()["version"] == 3


def test_a_plus_sign_in_a_query_need_not_be_escaped(web: Web) -> None:
    reply = web.as_role("viewer").get("/api/v1/readings?from=2026-11-22T00:00:00+01:00")
    assert reply.status_code == 200


def test_a_product_profile_that_was_read_can_be_sent_back_as_its_next_version(web: Web) -> None:
    admin = web.as_role("admin")
    read = admin.get("/api/v1/product-profiles/cct-2-8").json()
    reply = admin.post("/api/v1/product-profiles", json={**read, "version": 2, "reason": "reviewed"})
    assert (reply.status_code, reply.json()["version"]) == (201, 2)


def test_a_file_sent_by_a_form_is_the_same_file_byte_by_byte(web: Web) -> None:
    device, content = web.as_role("device"), b"Device: unknown\r\n\x00\xff\r\rlone\n" * 50
    bare = device.post("/api/v1/files?name=a.txt&zone=UTC", content=content)
    form = device.post("/api/v1/files", files={"file": ("a.txt", content)}, data={"zone": "UTC"})
    assert bare.status_code == form.status_code == 422
    assert bare.json()["detail"] == form.json()["detail"]
    with web.registry.read() as connection:
        kept = connection.exec_driver_sql("select sha256 from file_import").scalars().all()
    assert set(kept) <= {hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv;q=0.1, application/json", "application/json"),
        ("application/json;q=0.5, text/csv", "text/csv"),
        ("text/csv;q=0, */*", "application/json"),
        ("application/x-ndjson, text/csv", "application/x-ndjson"),
        ("text/csv;q=nonsense", "application/json"),
    ],
)
def test_accept_is_read_with_its_weights(web: Web, accept: str, kind: str) -> None:
    reply = web.as_role("viewer").get("/api/v1/readings", headers={"Accept": accept})
    assert reply.headers["content-type"].startswith(kind)


# --- on the wire ---------------------------------------------------------------------------------------------------


def test_a_failure_here_does_not_cut_the_clients_connection(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        broken = Endpoint("GET", "/broken", lambda: 1 // 0, PUBLIC)
        web.app.state.gate._table._patterns.append((re.compile("^/broken$"), broken))
        web.app.add_api_route("/broken", broken.call)
        with Served(web) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            replies = [client.get(path).status_code for path in ("/broken", "/healthz", "/broken", "/healthz")]
    assert replies == [500, 200, 500, 200]


def test_a_body_that_stops_coming_ends_the_request(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_BODY_PAUSE_S", 0.2)
    with Served(web) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\nemail=a")
        assert b" 408 " in wire.recv(4096).split(b"\r\n")[0]


def test_two_lengths_of_one_body_are_refused(web: Web) -> None:
    with Served(web) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        head = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        wire.sendall(head + b"0\r\n\r\n")
        assert b" 400 " in wire.recv(4096).split(b"\r\n")[0]


# --- what would open more than it says -----------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["customer", "carrier"])
@pytest.mark.parametrize("scope", ["", "   ", "a\nb", "x" * 201])
def test_an_empty_scope_is_refused_and_does_not_open_everything(web: Web, field: str, scope: str) -> None:
    admin = web.as_role("admin")
    key = admin.post("/api/v1/api-keys", json={"name": "portal", "role": "viewer", field: scope})
    someone = {"name": "A", "email": f"{field}{len(scope)}@example.org", "role": "viewer", field: scope}
    person = admin.post("/api/v1/people", json=someone)
    assert (key.status_code, person.status_code) == (422, 422)
    assert key.json()["detail"].startswith(f"{field}:")


def test_nobody_becomes_an_auditor_without_an_end_or_loses_what_everybody_has(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        at, admin = f"/api/v1/people/{web.person('viewer')}", web.as_role("admin")
        assert admin.patch(at, json={"role": "auditor"}).status_code == 422
        limited = {"role": "auditor", "expires": "2026-12-01T00:00:00Z"}
        assert admin.patch(at, json=limited).status_code == 200
        assert admin.patch(at, json={"expires": None}).status_code == 422
        for name in ("name", "role", "zone", "language", "on_call"):
            reply = admin.patch(at, json={name: None})
            assert (reply.status_code, reply.json()["detail"].partition(":")[0]) == (422, name)


@pytest.mark.parametrize("name", ["legal_hold", "state", "reference"])
def test_null_does_not_stand_for_a_value_that_a_shipment_must_have(web: Web, name: str) -> None:
    at = f"/api/v1/shipments/{web.shipment(f'NULL-{name}')}"
    assert web.as_role("operator").patch(at, json={name: None}).status_code == 422


@pytest.mark.parametrize("channels", [[], [""], ["x" * 65], ["a\nb"], [f"c{n}" for n in range(65)]])
def test_channels_are_few_and_have_names(web: Web, channels: list[str]) -> None:
    at = f"/api/v1/shipments/{web.shipment(f'CH-{len(channels)}-{len(str(channels))}')}/bindings"
    body = {"logger": "CH", "channels": channels, "from": "2026-11-22T11:00:00Z", "reason": "r"}
    assert web.as_role("operator").post(at, json=body).status_code == 422


def test_an_interval_beyond_all_measure_is_refused(web: Web) -> None:
    body = '{"logger": "SLOW", "interval_s": 1e308}'
    assert web.as_role("admin").post("/api/v1/loggers", content=body, headers=JSON).status_code == 422


def test_what_a_person_writes_down_has_an_end(web: Web) -> None:
    alarm = web.alarm(web.shipment("LONG-1"))
    reply = web.as_role("operator").post(f"/api/v1/alarms/{alarm}/comment", json={"comment": "x" * 2001})
    assert reply.status_code == 422


def test_a_reader_who_goes_away_is_on_record_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with installed(tmp_path) as web:
        web.send("LONG", *((NOON - n * 1000, 4.5) for n in range(1, 301)))
        whole = list(web.services.history.readings("LONG", 0, 2**53))
        assert len(whole) == 300
        # Far more than the buffers between here and the reader hold.
        monkeypatch.setattr(type(web.services.history), "readings", lambda *_: chain.from_iterable(repeat(whole, 1000)))
        viewer = {"Authorization": f"Bearer {web.keys['viewer']}"}
        gc.disable()
        try:
            with Served(web) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=viewer) as client:
                with client.stream("GET", "/api/v1/readings?logger=LONG&format=csv") as reply:
                    next(reply.iter_bytes(100))
                until = time.monotonic() + 10
                while (ended := client.get("/api/v1/exports").json()["items"][0])["finished"] is None:
                    assert time.monotonic() < until, "nobody wrote down that the reader went away"
                    time.sleep(0.02)
        finally:
            gc.enable()
    assert (ended["failure"], ended["sha256"]) == ("the receiver went away before the end", None)
    assert ended["rows"] < 300_000


def test_an_origin_that_is_no_address_is_a_foreign_one(web: Web) -> None:
    reply = web.client(Origin="http://[").post("/sign-in", data={"email": "a@example.org", "password": "x"})
    assert reply.status_code == 403


def test_a_failure_of_the_gate_itself_is_answered_as_any_other(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr(gate.Gate, "identify", broken)
    reply = web.as_role("viewer").get("/api/v1/shipments")
    assert (reply.status_code, reply.headers["content-type"]) == (500, "application/problem+json")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "disk" not in reply.text
