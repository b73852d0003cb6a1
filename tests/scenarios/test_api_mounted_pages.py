"""The mounted pages pass through the same gate: who is let in, what stays public, and what they learn of who looks."""

import re
from collections.abc import Iterator

import flask
import pytest
from web_cast import MINUTE, Web, installed

from coldchain.registry.viewer import Viewer
from dashboard import security


class Mounted:
    """What `build_app` mounts: an object with a WSGI `server`, here one that tells what it was told."""

    def __init__(self) -> None:
        self.server = flask.Flask("pages")
        self.server.add_url_rule("/", view_func=self.told, methods=["GET", "POST"])
        self.server.add_url_rule("/<path:anything>", view_func=self.told, methods=["GET", "POST"])

    def told(self, anything: str = "") -> flask.Response:
        """Who the environment says is looking."""
        viewer = flask.request.environ.get("coldchain.viewer")
        name = viewer.name if isinstance(viewer, Viewer) else "nobody"
        body = f"<p>{name} {flask.request.environ.get('coldchain.nonce')} {len(flask.request.get_data())}</p>"
        return flask.Response(body, mimetype="text/html")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with installed(tmp_path_factory.mktemp("pages"), dash=Mounted()) as web:
        web.person("viewer")
        yield web


@pytest.fixture
def browser(web: Web):
    with web.registry.read() as connection:
        from coldchain.registry import people

        someone = people.by_email(connection, "viewer@example.org")
    assert someone is not None
    return web.signed_in(someone.id)


@pytest.mark.parametrize("path", ["/", "/shipments", "/_dash-layout", "/_dash-dependencies", "/map/style-dark.json"])
def test_pages_are_for_who_is_signed_in(web: Web, browser, path: str) -> None:
    assert web.client().get(path).status_code == 401
    sent_on = web.client(Accept="text/html").get(f"{path}?a=1")
    assert (sent_on.status_code, sent_on.headers["location"]) == (
        303,
        f"/sign-in?next={path.replace('/', '%2F')}%3Fa%3D1",
    )
    assert browser.get(path).status_code == 200
    assert web.as_role("device").get(path).status_code == 403


@pytest.mark.parametrize(
    "path", ["/assets/coldchain.css", "/_dash-component-suites/dash/deps/react.js", "/favicon.ico"]
)
def test_program_text_is_public_for_reading_only(web: Web, path: str) -> None:
    assert web.client().get(path).status_code == 200
    assert web.client().post(path).status_code == 401


@pytest.mark.parametrize(
    "path", ["/assets/../shipments", "/assets/%2e%2e/shipments", "/assetsX", "/_dash-component-suitesX"]
)
def test_nothing_else_passes_for_program_text(web: Web, path: str) -> None:
    assert web.client().get(path).status_code in (401, 404)


def test_a_callback_needs_the_sessions_token(web: Web, browser) -> None:
    path, body = "/_dash-update-component", {"output": "x"}
    assert web.client().post(path, json=body).status_code == 401
    assert browser.post(path, json=body, headers={security.CSRF_HEADER: None}).status_code == 403
    assert browser.post(path, json=body, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert browser.post(path, json=body).status_code == 200


def test_the_pages_learn_who_looks_from_the_gate_and_from_nothing_that_a_client_sends(web: Web, browser) -> None:
    forged = {"coldchain.viewer": "admin", "Coldchain-Viewer": "admin"}
    reply = browser.get("/", headers=forged)
    assert "<p>Viewer " in reply.text
    assert "<p>nobody " in web.client().get("/assets/x").text
    nonce = re.search(r"'nonce-([\w-]+)'", reply.headers["content-security-policy"])
    assert nonce is not None
    assert nonce[1] in reply.text


def test_a_page_brings_the_readable_token_that_its_requests_have_to_carry(web: Web, browser) -> None:
    cookie = browser.get("/").headers["set-cookie"]
    assert cookie.startswith("coldchain-csrf=")
    assert "SameSite=Strict" in cookie
    assert "HttpOnly" not in cookie


def test_the_api_is_not_shadowed_by_the_pages(web: Web, browser) -> None:
    assert browser.get("/api/v1/shipments").json()["items"] == []
    assert browser.get("/api/v1/none").status_code == 404
    assert web.client().get("/healthz").json() == {"status": "ok"}


def test_a_body_reaches_the_mounted_application_whole_and_too_large_a_one_does_not(web: Web, browser) -> None:
    assert browser.post("/x", content=b"x" * 200_000).text.split()[-1] == "200000</p>"
    assert browser.post("/x", content=b"x" * 300_000).status_code == 413


@pytest.mark.parametrize(
    ("changed", "lives"),
    [
        (["inbox-tick.n_intervals"], False),
        (["live.data"], False),
        (["inbox-tick.n_intervals", "live.data"], False),
        (["acknowledge.n_clicks"], True),
        (["inbox-tick.n_intervals", "filter.value"], True),
        ([], True),
        ("nonsense", True),
    ],
)
def test_a_clock_in_an_open_page_keeps_no_session_alive(tmp_path, changed: object, lives: bool) -> None:
    with installed(tmp_path, dash=Mounted()) as web:
        browser = web.signed_in(web.person("quality"))
        body = {"output": "list.children", "changedPropIds": changed}
        for _ in range(3):
            web.clock.advance(6 * MINUTE)
            last = browser.post("/_dash-update-component", json=body)
        assert (last.status_code == 200) == lives
        if lives:
            assert f" {len(last.request.content)}<" in last.text, "the body did not reach the page whole"


def test_a_forged_request_keeps_no_session_alive(tmp_path) -> None:
    with installed(tmp_path, dash=Mounted()) as web:
        browser = web.signed_in(web.person("quality"))
        for _ in range(2):
            web.clock.advance(8 * MINUTE)
            forged = browser.post("/_dash-update-component", json={}, headers={"Origin": "https://evil.example"})
        assert forged.status_code == 401
