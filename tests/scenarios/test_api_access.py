"""Who may reach what: every route × every role, by key and by session, and what a browser must prove."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from web_cast import HOST, MINUTE, NOON, NORTH, ROLES, SOUTH, Web, installed

from coldchain.errors import ColdchainError
from coldchain.registry import people, sessions
from coldchain.registry.viewer import PERMISSIONS, Permission
from dashboard import security
from dashboard.app import endpoints
from dashboard.policy import PUBLIC, Endpoint, PolicyTable
from dashboard.services import WebSettings

GUARDED = [e for e in endpoints() if e.policy.permission is not None]
OPEN = {(e.method, e.path) for e in endpoints() if e.policy.permission is None}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with installed(tmp_path_factory.mktemp("access")) as web:
        yield web


def asked(endpoint: Endpoint) -> tuple[str, str]:
    # HEAD of the stream stands for the stream itself, which would not end.
    method = "HEAD" if endpoint.path == "/api/v1/events" else endpoint.method
    return method, re.sub(r"\{\w+\}", "7", endpoint.path)


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def test_what_needs_no_credentials_is_this_short_list_and_nothing_else() -> None:
    assert {
        ("GET", "/healthz"), ("GET", "/readyz"), ("HEAD", "/healthz"), ("HEAD", "/readyz"),
        ("GET", "/sign-in"), ("POST", "/sign-in"),
        ("GET", "/sign-in/link/{token}"), ("POST", "/sign-in/link/{token}"), ("GET", "/api/v1/ack/{token}"),
        ("POST", "/api/v1/ack/{token}"), ("POST", "/api/v1/callbacks/sms"), ("GET", "/api/v1/proofs/{token}"),
        ("POST", "/api/v1/proofs/{token}"), ("POST", "/api/v1/sentinel"),
    } == OPEN  # fmt: skip


@pytest.mark.parametrize("endpoint", GUARDED, ids=named)
def test_nobody_gets_in_without_credentials(web: Web, endpoint: Endpoint) -> None:
    assert web.client()(*asked(endpoint)).status_code == 401
    assert web.client(Authorization="Bearer cck_wrong")(*asked(endpoint)).status_code == 401
    assert web.client(Cookie="coldchain=wrong")(*asked(endpoint)).status_code == 401


@pytest.mark.parametrize("endpoint", GUARDED, ids=named)
def test_a_role_reaches_a_route_exactly_when_the_policy_table_says_so(web: Web, endpoint: Endpoint) -> None:
    for role in ROLES:
        status = web.as_role(role)(*asked(endpoint)).status_code
        allowed = endpoint.policy.permission in PERMISSIONS[role]
        assert (status == 403) == (not allowed), f"{role}: {status}"
        assert status not in (401, 500), f"{role}: {status}"


@pytest.mark.parametrize("endpoint", [e for e in GUARDED if e.policy.unscoped], ids=named)
def test_what_shows_the_whole_installation_is_closed_to_a_customers_people(web: Web, endpoint: Endpoint) -> None:
    key = web.key("admin", scope_customer=NORTH)
    assert web.client(Authorization=f"Bearer {key}")(*asked(endpoint)).status_code == 403


def test_a_device_can_only_send(web: Web) -> None:
    reached = {e.path for e in GUARDED if web.as_role("device")(*asked(e)).status_code != 403}
    assert reached == {"/api/v1/ingest/{source}", "/api/v1/files"}


def test_a_route_without_a_policy_fails_the_build() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    table = PolicyTable([Endpoint("GET", "/known", lambda: None, PUBLIC)], (), None)
    table.install(app)
    table.check(app)
    app.add_api_route("/unknown", lambda: None)
    with pytest.raises(ColdchainError, match="GET /unknown"):
        table.check(app)


def test_fastapis_own_pages_fail_the_build_too() -> None:
    table = PolicyTable([], (), None)
    with pytest.raises(ColdchainError, match="openapi"):
        table.check(FastAPI())


def test_what_is_not_in_the_table_does_not_exist(web: Web) -> None:
    for path in ("/docs", "/openapi.json", "/api/v1/nothing", "/api/v1/../metrics", "//metrics", "/metrics/"):
        assert web.as_role("admin").get(path).status_code in (404, 403, 401), path
    assert web.as_role("admin")("DELETE", "/api/v1/shipments").status_code == 405


# --- browsers ------------------------------------------------------------------------------------------------------

NEW = {"reference": "CSRF-1", "product_profile": "refrigerated-2-8"}


@pytest.fixture
def operator(web: Web) -> str:
    with web.registry.read() as connection:
        known = people.by_email(connection, "operator@example.org")
    return known.id if known else web.person("operator")


@pytest.mark.parametrize(
    "headers",
    [
        {security.CSRF_HEADER: None},
        {security.CSRF_HEADER: "guess"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_another_site_cannot_write_in_a_persons_name(web: Web, operator: str, headers: dict[str, str | None]) -> None:
    reply = web.signed_in(operator).post("/api/v1/shipments", json=NEW, headers=headers)
    assert reply.status_code == 403
    assert web.as_role("viewer").get("/api/v1/shipments?reference=CSRF-1").json()["items"] == []


def test_our_own_page_writes_with_the_sessions_token(web: Web, operator: str) -> None:
    reply = web.signed_in(operator).post("/api/v1/shipments", json={**NEW, "reference": "OWN-1"})
    assert reply.status_code == 201


def test_a_form_brings_the_token_as_a_field(web: Web, operator: str) -> None:
    client = web.signed_in(operator)
    bare = {security.CSRF_HEADER: None}
    assert client.post("/sign-out", data={"x": "1"}, headers=bare).status_code == 403
    cookie = web.cookie(operator)
    own = {"Cookie": f"coldchain={cookie}", "Origin": HOST}
    assert web.client(**own).post("/sign-out", data={"csrf": web.csrf(cookie)}).status_code == 303
    assert web.client(**own).get("/api/v1/people/me").status_code == 401


def test_a_role_change_and_switching_off_end_every_session(web: Web) -> None:
    someone = web.person("quality", email="moved@example.org")
    for change in ({"role": "viewer"}, {"disabled_ms": NOON}):
        browser = web.signed_in(someone)
        assert browser.get("/api/v1/people/me").status_code == 200
        with web.registry.write() as connection:
            people.change(connection, someone, who="test", now_ms=NOON, **change)
        assert browser.get("/api/v1/people/me").status_code == 401


# --- headers -------------------------------------------------------------------------------------------------------


def test_every_answer_carries_the_protecting_headers(web: Web) -> None:
    for reply in (
        web.client().get("/healthz"), web.client().get("/api/v1/shipments"), web.client().get("/sign-in"),
        web.as_role("viewer").get("/api/v1/shipments"), web.as_role("viewer").get("/nowhere"),
        web.as_role("admin").post("/api/v1/shipments", content=b"{"),
    ):  # fmt: skip
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert web.as_role("viewer").get("/api/v1/shipments").headers["cache-control"] == "no-store"
    assert "default-src 'none'" in web.as_role("viewer").get("/api/v1/shipments").headers["content-security-policy"]


def test_every_page_has_a_nonce_of_its_own_and_no_inline_script_without_it(web: Web) -> None:
    policies = [web.client().get("/sign-in").headers["content-security-policy"] for _ in range(2)]
    assert policies[0] != policies[1]
    assert all("'unsafe-eval'" not in p and re.search(r"script-src 'self' 'nonce-[\w-]{20,}'", p) for p in policies)


def test_an_unforeseen_failure_still_carries_the_headers_and_names_a_reference(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        broken = Endpoint("GET", "/broken", lambda: 1 // 0, PUBLIC)
        web.app.state.gate._table._patterns.append((re.compile("^/broken$"), broken))
        web.app.add_api_route("/broken", broken.call)
        reply = web.client().get("/broken")
        assert reply.status_code == 500
        assert reply.json()["reference"]
        assert "ZeroDivision" not in reply.text
        assert reply.headers["x-content-type-options"] == "nosniff"


def test_a_body_larger_than_its_limit_is_refused_whatever_it_says_of_its_length(web: Web) -> None:
    client = web.as_role("operator")
    large = b'{"reference": "' + b"x" * 300_000 + b'"}'
    assert client.post("/api/v1/shipments", content=large).status_code == 413

    async def chunks():
        for _ in range(30):
            yield b"x" * 10_000

    assert client.post("/api/v1/shipments", content=chunks()).status_code == 413


# --- cookies and sessions ------------------------------------------------------------------------------------------


def test_on_https_the_cookie_is_bound_to_the_host_and_secure(tmp_path: Path) -> None:
    settings = WebSettings(public_url="https://cold.example.org", secure_cookies=True)
    with installed(tmp_path, settings) as web:
        someone = web.person("viewer")
        with web.registry.write() as connection:
            link = sessions.make_link(connection, someone, who="test", now_ms=NOON)
        set_cookie = web.client().post(f"/sign-in/link/{link}").headers["set-cookie"]
    assert set_cookie.startswith("__Host-coldchain=")
    assert {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"} <= set(set_cookie.split("; "))


@pytest.mark.parametrize(
    ("role", "minutes", "lives"),
    [("quality", 14, True), ("quality", 15, False), ("admin", 15, False), ("viewer", 700, True),
     ("operator", 700, True), ("viewer", 720, False)],
)  # fmt: skip
def test_an_idle_session_ends_by_its_role(tmp_path: Path, role: str, minutes: int, lives: bool) -> None:
    with installed(tmp_path) as web:
        browser = web.signed_in(web.person(role))
        web.clock.advance(minutes * MINUTE)
        assert (browser.get("/api/v1/people/me").status_code == 200) == lives


def test_what_happens_without_the_person_keeps_no_session_alive(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        browser = web.signed_in(web.person("quality"))
        for _ in range(3):
            web.clock.advance(6 * MINUTE)
            last = browser.get("/api/v1/live")
        assert last.status_code == 401
        browser = web.signed_in(web.person("admin"))
        for _ in range(3):
            web.clock.advance(6 * MINUTE)
            last = browser.get("/api/v1/people/me", headers={security.BACKGROUND_HEADER: "1"})
        assert last.status_code == 401


def test_activity_keeps_a_session_alive_but_never_beyond_twelve_hours(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        browser = web.signed_in(web.person("quality"))
        statuses = []
        for _ in range(73):
            web.clock.advance(10 * MINUTE)
            statuses.append(browser.get("/api/v1/people/me").status_code)
    assert statuses == [200] * 71 + [401, 401]


def test_an_auditors_access_ends_when_it_was_said_to_end(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        browser = web.signed_in(web.person("auditor", expires_ms=NOON + 60 * MINUTE))
        web.clock.advance(59 * MINUTE)
        assert browser.get("/api/v1/audit").status_code == 200
        web.clock.advance(MINUTE)
        assert browser.get("/api/v1/audit").status_code == 401


# --- scope ---------------------------------------------------------------------------------------------------------


def test_a_customers_people_see_nothing_of_another_customer_by_any_road(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        theirs, mine = web.shipment("SOUTH-77", SOUTH), web.shipment("NORTH-1", NORTH)
        for shipment in (theirs, mine):
            web.depart(shipment)
            web.judged(shipment, status="excursion", document={"schema": "coldchain.compliance/1"})
        web.bind(theirs, "SECRET-LOGGER")
        web.send("SECRET-LOGGER", (NOON - MINUTE, 7.123))
        excursion = web.excursion(theirs, logger="SECRET-LOGGER")
        alarm = web.alarm(theirs, logger="SECRET-LOGGER")
        key = web.key("admin", scope_customer=NORTH)
        mine_only = web.client(Authorization=f"Bearer {key}")
        ids = {"shipment": theirs, "logger": "SECRET-LOGGER", "excursion": excursion, "alarm": alarm, "message": "1"}
        for endpoint in GUARDED:
            if endpoint.path == "/api/v1/events" or endpoint.method == "DELETE":
                continue
            path = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "x"), endpoint.path)
            body = {"json": {"comment": "x", "version": 1}} if endpoint.method in ("POST", "PATCH") else {}
            for query in ("", "?format=csv", f"?shipment={theirs}", "?logger=SECRET-LOGGER", "?q=SOUTH"):
                text = mine_only(endpoint.method, path + query, **body).text
                hidden = [s for s in ("SOUTH-77", SOUTH, "7.123") if s in text]
                assert not hidden, f"{endpoint.method} {path}{query} shows {hidden}"
                if "{logger}" not in endpoint.path:
                    assert "SECRET-LOGGER" not in text or '"title"' in text, f"{path}{query}: {text[:300]}"
        assert "NORTH-1" in mine_only.get("/api/v1/shipments").text
        assert mine_only.get(f"/api/v1/shipments/{theirs}").status_code == 404
        assert mine_only.get("/api/v1/loggers/SECRET-LOGGER").status_code == 404


def test_a_shared_logger_shows_only_what_it_measured_for_the_viewers_own_shipment(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        first, second = web.shipment("S-1", SOUTH), web.shipment("N-1", NORTH)
        web.bind(first, "L1", NOON - 60 * MINUTE, NOON - 30 * MINUTE)
        web.bind(second, "L1", NOON - 30 * MINUTE, channels=["internal"])
        web.send("L1", (NOON - 40 * MINUTE, 3.0), (NOON - 30 * MINUTE, 4.0), (NOON - 10 * MINUTE, 5.0))
        web.send("L1", (NOON - 10 * MINUTE, 6.0), channel="probe-1", seq=1)
        client = web.client(Authorization=f"Bearer {web.key('viewer', scope_customer=NORTH)}")
        for path in ("/api/v1/readings", "/api/v1/readings?logger=L1", "/api/v1/loggers/L1/readings",
                     f"/api/v1/readings?shipment={second}", f"/api/v1/shipments/{second}/readings"):  # fmt: skip
            assert [r["temperature_c"] for r in client.get(path).json()["items"]] == [4.0, 5.0], path
        assert client.get(f"/api/v1/readings?shipment={first}").status_code == 404
        assert client.get("/api/v1/messages/1").status_code == 403


def test_a_customers_people_make_shipments_for_that_customer_only(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        client = web.client(Authorization=f"Bearer {web.key('operator', scope_customer=NORTH)}")
        body = {"reference": "X-1", "product_profile": "refrigerated-2-8"}
        assert client.post("/api/v1/shipments", json={**body, "customer": SOUTH}).status_code == 422
        made = client.post("/api/v1/shipments", json={**body, "customer": NORTH})
        assert made.status_code == 201
        moved = client.patch(f"/api/v1/shipments/{made.json()['id']}", json={"version": 1, "customer": SOUTH})
        assert moved.status_code == 422


def test_every_permission_is_demanded_somewhere() -> None:
    assert {e.policy.permission for e in GUARDED} >= set(Permission) - {Permission.EXPORT}
