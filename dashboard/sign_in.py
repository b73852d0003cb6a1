"""Signing in and out: by password, by a single-use link, with a brake on guessing."""

import math
from typing import Any
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from coldchain.registry import passwords, people, sessions, throttle
from coldchain.registry.changes import changed
from coldchain.registry.viewer import Permission
from dashboard import security
from dashboard.gate import session_limits
from dashboard.plain_pages import Field, escape, form, page
from dashboard.policy import PUBLIC, Endpoint, may
from dashboard.services import Services

# Hashing waits in a queue of its own: a burst of sign-ins must not hold the threads that answer everybody else.
_HASHING = CapacityLimiter(2)
_WRONG = "This address and password do not belong together, or the account is switched off."


def sign_in_page(request: Request, next: str | None = None) -> Response:  # noqa: A002  the query's name
    """The form; whoever is signed in already goes on."""
    if _live(request) is not None:
        return RedirectResponse(security.local_path(next), 303)
    return _form(request, next)


async def sign_in(request: Request) -> Response:
    """Check address and password and open a fresh session."""
    sent = await _fields(request)
    email, password = sent.get("email", ""), sent.get("password", "")
    services = _services(request)
    attempt = await run_in_threadpool(_begin, services, email, _address(request))
    if attempt.id is None:
        seconds = math.ceil(attempt.wait_ms / 1000)
        words = f"Too many wrong passwords. Please try again in {seconds} s."
        return _form(request, sent.get("next"), words, email, 429, {"Retry-After": str(seconds)})
    someone, known_hash = await run_in_threadpool(_find, services, email)
    right = await to_thread.run_sync(passwords.matches, password, known_hash, limiter=_HASHING)
    if someone is None or not right or not people.active(someone, services.clock.now_ms()):
        await run_in_threadpool(_note_refusal, services, someone, _address(request))
        return _form(request, sent.get("next"), _WRONG, email, 401)
    renewed = None
    if known_hash is not None and passwords.outdated(known_hash):
        renewed = await to_thread.run_sync(passwords.rehashed, password, limiter=_HASHING)
    cookie = await run_in_threadpool(_open, request, someone.id, "password", attempt.id, renewed)
    return _signed_in(services, cookie, sent.get("next"))


def link_page(request: Request, token: str) -> Response:
    """Show whom a link signs in; only the button (or the script that presses it) spends the link."""
    services = _services(request)
    with services.registry.read() as connection:
        owner = sessions.link_owner(connection, token, services.clock.now_ms())
    if owner is None:
        return _spent(request)
    body = f"<p>This link signs you in as <strong>{escape(owner.name)}</strong> ({escape(owner.role)}), once.</p>"
    body += form(f"/sign-in/link/{token}", [], "Sign in")
    return page(request, "Sign in", body, script="document.forms[0].requestSubmit();")


async def use_link(request: Request, token: str) -> Response:
    """Spend a link and open a fresh session."""
    services = _services(request)
    cookie = await run_in_threadpool(_spend, request, token)
    return _spent(request) if cookie is None else _signed_in(services, cookie, "/")


def sign_out(request: Request) -> Response:
    """End the session at once, here and on every tab."""
    services = _services(request)
    live: sessions.Session | None = request.scope.get("coldchain.session")
    if live is not None:
        with services.registry.write() as connection:
            sessions.revoke(connection, live.token_hash, who=live.viewer.id, now_ms=services.clock.now_ms())
    response = RedirectResponse("/sign-in", 303)
    for cookie in security.drop_cookies(services.settings):
        response.headers.append("set-cookie", cookie)
    return response


_HIDDEN: dict[str, Any] = {"include_in_schema": False}
ENDPOINTS = (
    Endpoint("GET", "/sign-in", sign_in_page, PUBLIC, _HIDDEN),
    Endpoint("POST", "/sign-in", sign_in, PUBLIC, _HIDDEN),
    Endpoint("GET", "/sign-in/link/{token}", link_page, PUBLIC, _HIDDEN),
    Endpoint("POST", "/sign-in/link/{token}", use_link, PUBLIC, _HIDDEN),
    Endpoint("POST", "/sign-out", sign_out, may(Permission.VIEW), _HIDDEN),
)


def _form(
    request: Request, target: str | None, words: str = "", email: str = "", status: int = 200,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:  # fmt: skip
    fields = [
        Field("email", "E-mail address", "email", "username", email),
        Field("password", "Password", "password", "current-password"),
    ]
    body = f'<p class="bad" role="alert">{escape(words)}</p>' if words else ""
    body += form("/sign-in", fields, "Sign in", {"next": security.local_path(target)})
    with _services(request).registry.read() as connection:
        if not people.anybody(connection):
            body = (
                "<p>Nobody can sign in yet. Make the first person on the server, then come back:</p>"
                "<p><code>coldchain user create --email you@example.org --role admin</code></p>" + body
            )
    return page(request, "Sign in", body, status=status, headers=headers)


def _spent(request: Request) -> Response:
    if _live(request) is not None:
        return RedirectResponse("/", 303)
    words = '<p role="alert">This link was used already, has expired, or was never valid. Ask for a new one.</p>'
    return page(request, "Link not valid", words + '<a class="button" href="/sign-in">Sign in</a>', status=410)


def _begin(services: Services, email: str, address: str | None) -> throttle.Attempt:
    with services.registry.write() as connection:
        return throttle.begin(connection, email=email, address=address, now_ms=services.clock.now_ms())


def _find(services: Services, email: str) -> tuple[people.Person | None, str | None]:
    with services.registry.read() as connection:
        someone = people.by_email(connection, email)
        return someone, None if someone is None else people.password_hash(connection, someone.id)


def _note_refusal(services: Services, someone: people.Person | None, address: str | None) -> None:
    with services.registry.write() as connection:
        changed(
            connection, who="anonymous", now_ms=services.clock.now_ms(), action="sign-in refused", kind="person",
            id="unknown" if someone is None else someone.id, new={"address": address},
        )  # fmt: skip


def _open(request: Request, someone: str, via: str, attempt: int | None, renewed: str | None) -> str:
    services = _services(request)
    now_ms = services.clock.now_ms()
    with services.registry.write() as connection:
        if attempt is not None:
            throttle.succeeded(connection, attempt)
        if renewed is not None:
            people.keep_hash(connection, someone, renewed)
        _end_old(request, connection, now_ms)
        sessions.sweep(connection, now_ms)
        return _begin_session(request, connection, someone, via, now_ms)


def _spend(request: Request, token: str) -> str | None:
    services = _services(request)
    now_ms = services.clock.now_ms()
    with services.registry.write() as connection:
        owner = sessions.use_link(connection, token, now_ms)
        if owner is None:
            return None
        _end_old(request, connection, now_ms)
        return _begin_session(request, connection, owner.id, "link", now_ms)


def _begin_session(request: Request, connection: Any, someone: str, via: str, now_ms: int) -> str:
    limits = session_limits(_services(request))
    agent = request.headers.get("user-agent")
    return sessions.begin(
        connection, someone, now_ms=now_ms, limits=limits, address=_address(request), agent=agent, via=via
    )


def _end_old(request: Request, connection: Any, now_ms: int) -> None:
    """A browser that signs in anew gives up its old session, so that no known cookie outlives a sign-in."""
    cookie = request.cookies.get(security.session_cookie(_services(request).settings))
    old = (
        sessions.look_up(connection, cookie, now_ms=now_ms, limits=session_limits(_services(request)))
        if cookie
        else None
    )
    if old is not None:
        sessions.revoke(connection, old.token_hash, who=old.viewer.id, now_ms=now_ms)


def _signed_in(services: Services, cookie: str, target: str | None) -> Response:
    response = RedirectResponse(security.local_path(target), 303)
    response.headers.append("set-cookie", security.set_session(services.settings, cookie))
    return response


def _live(request: Request) -> sessions.Session | None:
    services = _services(request)
    cookie = request.cookies.get(security.session_cookie(services.settings))
    if not cookie:
        return None
    with services.registry.read() as connection:
        now_ms = services.clock.now_ms()
        return sessions.look_up(connection, cookie, now_ms=now_ms, limits=session_limits(services))


async def _fields(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}


def _address(request: Request) -> str | None:
    peer = request.client.host if request.client else None
    return security.client_address(_services(request).settings, request.headers, peer)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
