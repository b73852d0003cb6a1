"""The one gate in front of everything: who calls, what the policy table says, and which headers every answer carries.

It stands outside the whole application, so API, event stream, metrics and the mounted pages pass through it alike, and
what is not in the table is refused.
"""

import asyncio
import secrets
from typing import NamedTuple
from urllib.parse import parse_qs, quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coldchain.errors import TransientError
from coldchain.registry import api_keys, sessions
from coldchain.registry.viewer import Viewer
from dashboard import security
from dashboard.policy import Policy, PolicyTable
from dashboard.problems import Problem, answer, as_problem, unforeseen, wants_page
from dashboard.services import Services

_FORM = "application/x-www-form-urlencoded"
_BODY_PAUSE_S = 30.0
_CALLBACKS = "/_dash-update-component"


class Identity(NamedTuple):
    """Who calls: a person's session, or a program's key (no session)."""

    viewer: Viewer
    session: sessions.Session | None = None


class Gate:
    """See the module. What it found about a request stands in the scope under `coldchain.*`."""

    def __init__(self, application: FastAPI, services: Services, table: PolicyTable) -> None:
        """`application` is the one that it guards, whose state error pages read."""
        self._application, self._services, self._table = application, services, table
        self.limits = session_limits(services)

    def around(self, inner: ASGIApp) -> ASGIApp:
        """`inner` behind the gate."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await inner(scope, receive, send)
            elif scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self._http(inner, scope, receive, send)

        return guarded

    async def _http(self, inner: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        scope["coldchain.nonce"] = secrets.token_urlsafe(16)
        scope["app"] = self._application
        request = Request(scope)
        guarded = _WithHeaders(send, self._services, scope)
        try:
            policy = self._policy(scope)
            if policy.permission is not None:
                await self._admit(scope, request, policy)
            receive = await self._checked_body(scope, request, policy, receive)
            receive = await self._noted(scope, request, policy, receive)
        except HTTPException as error:
            await self._refuse(request, Problem(error.status_code, error.detail))(scope, receive, guarded)
            return
        except Problem as error:
            await self._refuse(request, error)(scope, receive, guarded)
            return
        except Exception as error:  # noqa: BLE001  a mistake of the gate's own is answered like any other
            await unforeseen(request, error)(scope, receive, guarded)
            return
        try:
            await inner(scope, receive, guarded)
        except Exception:
            # Starlette hands on what it has answered with 500 already: the server would cut the connection, and with
            # it the client's next request. An answer that broke off in the middle has to be cut.
            if not guarded.complete:
                raise

    def _policy(self, scope: Scope) -> Policy:
        path = scope["path"]
        if ".." in path.split("/") or "\\" in path or "\x00" in path:
            # What comes behind the gate might read such a path as another one than the table did.
            raise Problem(404, "there is nothing at such a path")
        if b"%00" in scope["query_string"]:
            raise Problem(422, "a NUL character is no text; send the query without")
        found = self._table.find(scope["method"], path)
        if found.policy is not None:
            return found.policy
        if found.allowed:
            raise Problem(405, f"{scope['method']} is not possible here", {"Allow": ", ".join(found.allowed)})
        raise Problem(404, f"there is nothing at {path[:200]}")

    async def _admit(self, scope: Scope, request: Request, policy: Policy) -> None:
        try:
            identity = await run_in_threadpool(self.identify, request.headers)
        except TransientError as error:
            raise as_problem(error) from error
        if identity is None:
            raise Problem(401, "sign in, or send an API key", {"WWW-Authenticate": "Bearer"})
        scope["coldchain.viewer"], scope["coldchain.session"] = identity.viewer, identity.session
        if (reason := policy.refusal(identity.viewer)) is not None:
            raise Problem(403, reason)

    def identify(self, headers: Headers) -> Identity | None:
        """Who a request's headers say it is."""
        now_ms = self._services.clock.now_ms()
        authorization = headers.get("authorization")
        if authorization is not None:
            return self._by_key(authorization, now_ms)
        cookie = _cookies(headers).get(security.session_cookie(self._services.settings))
        if not cookie:
            return None
        with self._services.registry.read() as connection:
            live = sessions.look_up(connection, cookie, now_ms=now_ms, limits=self.limits)
        return None if live is None else Identity(live.viewer, live)

    async def _noted(self, scope: Scope, request: Request, policy: Policy, receive: Receive) -> Receive:
        """Start the session's idle time anew if a person did this: not the stream, a poll, or a clock in the page."""
        session: sessions.Session | None = scope.get("coldchain.session")
        now_ms = self._services.clock.now_ms()
        if session is None or not policy.keeps_alive or not sessions.due_for_touch(session, now_ms):
            return receive
        if security.BACKGROUND_HEADER in request.headers:
            return receive
        if scope["path"] == _CALLBACKS and scope["method"] == "POST":
            body = await _whole(receive)
            receive = _replay(body, receive)
            if security.by_clock(body):
                return receive
        await run_in_threadpool(self._touch, session, now_ms)
        return receive

    def _touch(self, session: sessions.Session, now_ms: int) -> None:
        with self._services.registry.write() as connection:
            sessions.touch(connection, session.token_hash, now_ms)

    def _by_key(self, authorization: str, now_ms: int) -> Identity | None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        with self._services.registry.read() as connection:
            found = api_keys.look_up(connection, key.strip())
        if found is None:
            return None
        if api_keys.due_for_note(found[0], now_ms):
            with self._services.registry.write() as connection:
                api_keys.note_use(connection, found[0].id, now_ms)
        return Identity(found[1])

    async def _checked_body(self, scope: Scope, request: Request, policy: Policy, receive: Receive) -> Receive:
        """The request's body within its limit; a writing request by cookie must prove that our own page sent it."""
        length = request.headers.get("content-length")
        if length is not None and "transfer-encoding" in request.headers:
            # Two lengths of one body: whoever stands in front may have believed the other one.
            raise Problem(400, "send Content-Length or Transfer-Encoding, not both", {"Connection": "close"})
        if length is not None and (not length.isdigit() or int(length) > policy.body_limit):
            raise Problem(413, f"the body is larger than {policy.body_limit} bytes; send less at a time")
        bounded = _Bounded(receive, policy.body_limit)
        if scope["method"] in security.SAFE_METHODS:
            return bounded
        if security.foreign(request.headers, self._services.settings):
            raise Problem(403, "another site made this request; open the page here and try again")
        session: sessions.Session | None = scope.get("coldchain.session")
        if session is None:
            return bounded
        token = request.headers.get(security.CSRF_HEADER)
        if token is None and request.headers.get("content-type", "").split(";")[0] == _FORM:
            body = await _whole(bounded)
            token = parse_qs(body.decode("latin-1")).get(security.CSRF_FIELD, [""])[0]
            receive = _replay(body, bounded)
        else:
            receive = bounded
        if not security.same_token(token, session.csrf):
            raise Problem(403, f"the header {security.CSRF_HEADER} is missing or old; reload the page and try again")
        return receive

    def _refuse(self, request: Request, error: Problem) -> Response:
        if error.status == 401 and request.method == "GET" and wants_page(request):
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/sign-in?next={quote(wanted, safe='')}", 303)
        return answer(request, error)


def session_limits(services: Services) -> sessions.Limits:
    """How long sessions live here."""
    settings = services.settings
    return sessions.Limits(settings.idle_ms, settings.strict_idle_ms, settings.absolute_ms)


class _WithHeaders:
    """Sends on, with the headers that every answer carries."""

    def __init__(self, send: Send, services: Services, scope: Scope) -> None:
        self._send, self._settings, self._scope = send, services.settings, scope
        self.complete = False  # the whole answer was sent

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in security.COMMON_HEADERS:
                headers.setdefault(name, value)
            self._content_policy(headers)
            self._csrf_cookie(headers)
        await self._send(message)
        self.complete = message["type"] == "http.response.body" and not message.get("more_body", False)

    def _content_policy(self, headers: MutableHeaders) -> None:
        path = self._scope["path"]
        kind = headers.get("content-type", "").split(";")[0]
        data = path.startswith("/api/") and kind != "text/html"
        policy = security.DATA_POLICY if data else security.page_policy(self._settings, self._scope["coldchain.nonce"])
        headers.setdefault("content-security-policy", policy)  # pages with a nonce of their own bring their own
        if path.startswith("/api/") or kind in ("text/html", "application/problem+json"):
            headers["cache-control"] = headers.get("cache-control") or "no-store"

    def _csrf_cookie(self, headers: MutableHeaders) -> None:
        session: sessions.Session | None = self._scope.get("coldchain.session")
        if session is None or not headers.get("content-type", "").startswith("text/html"):
            return
        sent = _cookies(Headers(scope=self._scope)).get(security.csrf_cookie(self._settings))
        if sent != session.csrf and "set-cookie" not in headers:
            headers.append("set-cookie", security.set_csrf(self._settings, session.csrf))


class _Bounded:
    """Receives a body up to its limit; what is longer than it said it would be ends the request."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._left, self._limit, self._more = receive, limit, limit, True

    async def __call__(self) -> Message:
        message = await self._next() if self._more else await self._receive()
        self._more = message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            # Whoever reads the body lets this kind of exception through and turns every other into a 400.
            raise HTTPException(413, f"the body is larger than {self._limit} bytes; send less at a time")
        return message

    async def _next(self) -> Message:
        try:
            return await asyncio.wait_for(self._receive(), _BODY_PAUSE_S)
        except TimeoutError as error:
            raise HTTPException(408, f"no more of the body came for {_BODY_PAUSE_S:g} s; send it again") from error


async def _whole(receive: Receive) -> bytes:
    """The whole body."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, rest: Receive) -> Receive:
    """The body once more, then what `rest` has to say."""
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return await rest()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _cookies(headers: Headers) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return {name: value for name, separator, value in pairs if separator}
