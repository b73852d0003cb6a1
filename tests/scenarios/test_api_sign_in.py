"""Signing in and out by password and by link, and what guessing costs."""

from pathlib import Path

import pytest
from web_cast import HOUR, MINUTE, NOON, PASSWORD, Client, Web, installed

from coldchain import audit
from coldchain.registry import passwords, people, sessions, throttle
from coldchain.registry.schema import metadata, person
from coldchain.registry.store import Registry, sqlite_url


@pytest.fixture(scope="module")
def hashed() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture
def web(tmp_path: Path, hashed: str):
    with installed(tmp_path) as web:
        web.person("quality", email="ada@example.org", hashed=hashed)
        yield web


def sign_in(web: Web, email: str = "ada@example.org", password: str = PASSWORD, client: Client | None = None, **more):
    return (client or web.client()).post("/sign-in", data={"email": email, "password": password, **more})


def cookie_of(reply) -> str:
    return reply.headers["set-cookie"].split(";")[0]


def test_the_right_password_opens_a_session_and_leads_where_the_person_wanted_to_go(web: Web) -> None:
    reply = sign_in(web, "Ada@Example.org", next="/shipments?state=in_transit")
    assert (reply.status_code, reply.headers["location"]) == (303, "/shipments?state=in_transit")
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(reply.headers["set-cookie"].split("; "))
    me = web.client(Cookie=cookie_of(reply)).get("/api/v1/people/me").json()
    assert (me["name"], me["role"]) == ("Quality", "quality")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\r\nX: y"])
def test_signing_in_never_leads_to_another_site(web: Web, target: str) -> None:
    assert sign_in(web, next=target).headers["location"] == "/"


@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.org", "wrong"), ("nobody@example.org", PASSWORD), ("", "")]
)
def test_a_refusal_does_not_tell_whether_the_account_exists(web: Web, email: str, password: str) -> None:
    reply = sign_in(web, email, password)
    assert reply.status_code == 401
    assert "do not belong together" in reply.text
    assert "set-cookie" not in reply.headers


def test_somebody_switched_off_cannot_sign_in(web: Web) -> None:
    with web.registry.write() as connection:
        ada = people.by_email(connection, "ada@example.org")
        assert ada is not None
        people.change(connection, ada.id, who="test", now_ms=NOON, disabled_ms=NOON)
    assert sign_in(web).status_code == 401


def test_signing_in_anew_ends_the_browsers_old_session(web: Web) -> None:
    old = cookie_of(sign_in(web))
    new = cookie_of(sign_in(web, client=web.client(Cookie=old)))
    assert old != new
    assert web.client(Cookie=old).get("/api/v1/people/me").status_code == 401
    assert web.client(Cookie=new).get("/api/v1/people/me").status_code == 200


def test_a_session_is_stored_by_its_hash_only(web: Web) -> None:
    value = cookie_of(sign_in(web)).partition("=")[2]
    database = (Path(web.registry.engine.url.database or "")).read_bytes()
    assert value.encode() not in database


def test_signing_out_ends_the_session_at_once_and_drops_the_cookies(web: Web) -> None:
    with web.registry.read() as connection:
        ada = people.by_email(connection, "ada@example.org")
    assert ada is not None
    browser = web.signed_in(ada.id)
    reply = browser.post("/sign-out")
    assert all("Max-Age=0" in value for value in reply.headers.get_list("set-cookie"))
    assert browser.get("/api/v1/people/me").status_code == 401


def test_a_person_sees_and_ends_own_sessions(web: Web) -> None:
    with web.registry.read() as connection:
        ada = people.by_email(connection, "ada@example.org")
    assert ada is not None
    here, elsewhere = web.signed_in(ada.id), web.signed_in(ada.id)
    [other] = [s for s in here.get("/api/v1/people/me/sessions").json()["items"] if not s["current"]]
    assert here("DELETE", f"/api/v1/people/me/sessions/{other['id']}").status_code == 200
    assert elsewhere.get("/api/v1/people/me").status_code == 401
    assert here.get("/api/v1/people/me").status_code == 200


# --- links ---------------------------------------------------------------------------------------------------------


def link(web: Web, for_ms: int = HOUR) -> str:
    with web.registry.write() as connection:
        ada = people.by_email(connection, "ada@example.org")
        assert ada is not None
        return "/sign-in/link/" + sessions.make_link(connection, ada.id, who="test", now_ms=NOON, for_ms=for_ms)


def test_a_link_signs_in_once_and_looking_at_it_spends_nothing(web: Web) -> None:
    address = link(web)
    for _ in range(3):
        assert "Quality" in web.client().get(address).text
    first = web.client().post(address)
    assert web.client(Cookie=cookie_of(first)).get("/api/v1/people/me").status_code == 200
    assert web.client().post(address).status_code == 410
    assert web.client().get(address).status_code == 410


def test_a_link_ends_by_itself(web: Web) -> None:
    address = link(web, for_ms=MINUTE)
    web.clock.advance(MINUTE)
    assert web.client().post(address).status_code == 410


def test_a_new_installation_says_how_to_make_the_first_person(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        assert "coldchain user create" in web.client().get("/sign-in").text


def test_every_sign_in_and_refusal_is_in_the_trail_and_no_secret_is(web: Web) -> None:
    sign_in(web)
    sign_in(web, password="not this one")
    with web.registry.read() as connection:
        trail = list(audit.entries(connection))
        assert audit.verify(connection) is None
    assert {"signed in", "sign-in refused"} <= {entry.action for entry in trail}
    assert not any(secret in str(trail) for secret in (PASSWORD, "not this one"))


# --- guessing ------------------------------------------------------------------------------------------------------


@pytest.fixture
def registry(tmp_path: Path):
    registry = Registry(sqlite_url(tmp_path / "brake.db"))
    metadata.create_all(registry.engine)
    yield registry
    registry.close()


def looked_at(registry: Registry, guesses, *, every_ms: int) -> int:
    """How many of the guesses (email, address), one each `every_ms`, are compared with a password."""
    with registry.write() as connection:
        attempts = [
            throttle.begin(connection, email=email, address=address, now_ms=NOON + number * every_ms)
            for number, (email, address) in enumerate(guesses)
        ]
    return sum(attempt.id is not None for attempt in attempts)


@pytest.mark.parametrize(
    "guesses",
    [
        [("ada@example.org", "10.0.0.1")] * 2000,
        [(f"person{n}@example.org", "10.0.0.1") for n in range(2000)],
        [("ada@example.org", f"10.0.{n // 250}.{n % 250}") for n in range(2000)],
        [(f"person{n}@example.org", f"10.0.{n // 250}.{n % 250}") for n in range(2000)],
    ],
    ids=["one account", "one address, many accounts", "one account, many addresses", "many accounts and addresses"],
)
def test_less_than_a_hundred_guesses_an_hour_are_looked_at(registry: Registry, guesses) -> None:
    assert 0 < looked_at(registry, guesses, every_ms=HOUR // 2000) <= 100


def test_strangers_who_guess_cannot_keep_the_owner_out(registry: Registry) -> None:
    with registry.write() as connection:
        home = throttle.begin(connection, email="ada@example.org", address="192.0.2.7", now_ms=NOON - HOUR)
        assert home.id is not None
        throttle.succeeded(connection, home.id)
    looked_at(registry, [("ada@example.org", f"10.0.{n // 250}.{n % 250}") for n in range(2000)], every_ms=500)
    with registry.write() as connection:
        again = throttle.begin(connection, email="ada@example.org", address="192.0.2.7", now_ms=NOON + 1_000_000)
    assert again.id is not None


def test_the_wait_grows_and_is_never_a_lock(registry: Registry) -> None:
    waits, now_ms = [], NOON
    with registry.write() as connection:
        for _ in range(14):
            attempt = throttle.begin(connection, email="ada@example.org", address="10.0.0.1", now_ms=now_ms)
            if attempt.id is None:
                waits.append(attempt.wait_ms)
                now_ms += attempt.wait_ms
                assert throttle.begin(connection, email="ada@example.org", address="10.0.0.1", now_ms=now_ms).id
    assert waits == sorted(waits)
    assert waits[0] == 1000
    assert max(waits) <= 60_000


def test_the_page_says_how_long_to_wait(web: Web) -> None:
    for _ in range(5):
        sign_in(web, password="wrong")
    reply = sign_in(web)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")
    web.clock.advance(1000)
    assert sign_in(web).status_code == 303


# --- passwords -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weak", ["short", "password1234", "aaaaaaaaaaaaaaa", "ada@example.org", "x" * 300])
def test_a_weak_password_is_refused_with_the_reason(web: Web, weak: str) -> None:
    body = {"name": "Ada", "email": "ada@example.org", "role": "viewer", "password": weak}
    reply = web.as_role("admin").post("/api/v1/people", json=body)
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith("password:")
    assert len(weak) < 12 or weak not in reply.text


def test_a_password_is_kept_as_argon2id_of_at_least_46_mib(web: Web) -> None:
    with web.registry.read() as connection:
        stored = connection.execute(person.select()).one().password_hash
    parts = dict(part.split("=") for part in stored.split("$")[3].split(","))
    assert stored.startswith("$argon2id$")
    assert int(parts["m"]) >= 46 * 1024
