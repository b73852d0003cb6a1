"""People, their sessions, and the keys of programs."""

from fastapi import Request
from fastapi.responses import Response

from coldchain.domain.quantity import iso
from coldchain.errors import NotFound
from coldchain.registry import api_keys, passwords, people, sessions
from coldchain.registry.api_keys import ApiKey
from coldchain.registry.people import Person
from coldchain.registry.viewer import Permission
from dashboard.api.request import Body, Caller, Web, Words, instant, reply, shown_as, takes
from dashboard.gate import session_limits
from dashboard.policy import API, Endpoint, may


class NewPerson(Body):
    """Somebody who signs in, is told, or both. Without a password the person signs in by links only."""

    name: str
    email: str
    role: str
    phone: str | None = None
    zone: str = "UTC"
    language: str = "en"
    on_call: bool = False
    password: str | None = None
    customer: str | None = None
    carrier: str | None = None
    expires: str | None = None


class PersonChange(Body):
    """Fields to change; what is not sent stays. A new role or password ends the person's sessions."""

    name: str | None = None
    phone: str | None = None
    role: str | None = None
    zone: str | None = None
    language: str | None = None
    on_call: bool | None = None
    password: str | None = None
    disabled: bool | None = None
    expires: str | None = None
    reason: Words | None = None


class NewKey(Body):
    """A key for a program; the role `device` may only send readings and files.

    With `loggers`, it may send messages of these alone; without, of any that the messages name.
    """

    name: str
    role: str
    customer: str | None = None
    carrier: str | None = None
    loggers: list[str] | None = None


def listed(web: Web, viewer: Caller) -> Response:
    """Everybody, by name. Addresses are shown to who administers; a scoped viewer sees itself."""
    with web.registry.read() as connection:
        return reply({"items": [_json(one) for one in people.listed(connection, viewer)], "next_cursor": None})


def me(request: Request, viewer: Caller) -> Response:
    """Who you are here and what you may do."""
    session: sessions.Session | None = request.scope.get("coldchain.session")
    about: dict[str, object] = {
        "id": viewer.id, "name": viewer.name, "role": viewer.role, "customer": viewer.customer,
        "carrier": viewer.carrier, "permissions": sorted(p.value for p in Permission if viewer.may(p)),
    }  # fmt: skip
    if session is not None:
        about["session"] = {"started": iso(session.created_ms), "ends": iso(session.expires_ms)}
    return reply(about)


def create(web: Web, viewer: Caller, body: NewPerson) -> Response:
    """Add a person."""
    known = None if body.password is None else passwords.hashed(body.password, email=body.email)
    with web.registry.write() as connection:
        id_ = people.create(
            connection, email=body.email, name=body.name, role=body.role, who=viewer.id, now_ms=web.clock.now_ms(),
            phone=body.phone, zone=body.zone, language=body.language, on_call=body.on_call, password_hash=known,
            scope_customer=body.customer, scope_carrier=body.carrier, expires_ms=instant("expires", body.expires),
        )  # fmt: skip
        made = people.get(connection, id_)
    return reply(_json(made) if made else {"id": id_}, 201)


def change(web: Web, viewer: Caller, person: str, body: PersonChange) -> Response:
    """Change a person."""
    values = body.model_dump(exclude_unset=True, exclude={"password", "disabled", "expires", "reason"})
    now_ms = web.clock.now_ms()
    with web.registry.read() as connection:
        known = people.get(connection, person)
    if known is None:
        raise NotFound(f"no person {person}")
    if body.password is not None:
        values["password_hash"] = passwords.hashed(body.password, email=known.email)
    if body.disabled is not None:
        values["disabled_ms"] = now_ms if body.disabled else None
    if "expires" in body.model_fields_set:
        values["expires_ms"] = instant("expires", body.expires)
    with web.registry.write() as connection:
        people.change(connection, person, who=viewer.id, now_ms=now_ms, reason=body.reason, **values)
        changed = people.get(connection, person)
    return reply(_json(changed) if changed else {"id": person})


def own_sessions(request: Request, web: Web, viewer: Caller) -> Response:
    """Where you are signed in."""
    with web.registry.read() as connection:
        live = sessions.listed(connection, viewer.id, now_ms=web.clock.now_ms(), limits=session_limits(web))
    here: sessions.Session | None = request.scope.get("coldchain.session")
    items = [{**_session(one), "current": here is not None and one.token_hash == here.token_hash} for one in live]
    return reply({"items": items, "next_cursor": None})


def end_sessions(web: Web, viewer: Caller, person: str) -> Response:
    """End every session of a person at once."""
    with web.registry.write() as connection:
        if people.get(connection, person) is None:
            raise NotFound(f"no person {person}")
        ended = sessions.revoke_all(connection, person, who=viewer.id, now_ms=web.clock.now_ms())
    return reply({"person": person, "ended": ended})


def end_session(web: Web, viewer: Caller, session: str) -> Response:
    """End one of your own sessions."""
    now_ms = web.clock.now_ms()
    with web.registry.write() as connection:
        live = sessions.listed(connection, viewer.id, now_ms=now_ms, limits=session_limits(web))
        found = next((one for one in live if one.token_hash[:16] == session), None)
        if found is None:
            raise NotFound(f"no session {session} of yours")
        sessions.revoke(connection, found.token_hash, who=viewer.id, now_ms=now_ms, action="session revoked")
    return reply({"session": session, "ended": 1})


def keys(web: Web) -> Response:
    """Every key of a program that was ever made."""
    with web.registry.read() as connection:
        return reply({"items": [_key(one) for one in api_keys.listed(connection)], "next_cursor": None})


def create_key(web: Web, viewer: Caller, body: NewKey) -> Response:
    """Make a key; it is in this answer and never shown again."""
    with web.registry.write() as connection:
        id_, key = api_keys.create(
            connection, name=body.name, role=body.role, who=viewer.id, now_ms=web.clock.now_ms(),
            scope_customer=body.customer, scope_carrier=body.carrier, loggers=body.loggers,
        )  # fmt: skip
    return reply({"id": id_, "name": body.name, "role": body.role, "key": key}, 201)


def revoke_key(web: Web, viewer: Caller, key: str) -> Response:
    """End a key for good."""
    with web.registry.write() as connection:
        api_keys.revoke(connection, key, who=viewer.id, now_ms=web.clock.now_ms())
    return reply({"id": key, "revoked": True})


def _json(one: Person) -> dict[str, object]:
    times = {"expires": one.expires_ms, "disabled": one.disabled_ms, "created": one.created_ms}
    return {
        "id": one.id, "name": one.name, "email": one.email or None, "phone": one.phone, "role": one.role,
        "zone": one.zone, "language": one.language, "on_call": one.on_call, "customer": one.scope_customer,
        "carrier": one.scope_carrier, "email_verified": one.email_verified_ms is not None,
        "phone_verified": one.phone_verified_ms is not None, "has_password": one.has_password,
        **{name: None if value is None else iso(value) for name, value in times.items()},
    }  # fmt: skip


def _session(one: sessions.Session) -> dict[str, object]:
    return {
        "id": one.token_hash[:16], "started": iso(one.created_ms), "last_seen": iso(one.last_seen_ms),
        "ends": iso(one.expires_ms), "address": one.address, "agent": one.agent,
    }  # fmt: skip


def _key(one: ApiKey) -> dict[str, object]:
    times = {"created": one.created_ms, "last_used": one.last_used_ms, "revoked": one.revoked_ms}
    return {
        "id": one.id, "name": one.name, "role": one.role, "customer": one.scope_customer, "carrier": one.scope_carrier,
        "loggers": one.loggers, **{name: None if value is None else iso(value) for name, value in times.items()},
    }  # fmt: skip


_NEW = {"name": "Ada Novak", "email": "ada@example.org", "phone": "+4915112345678", "role": "quality",
        "zone": "Europe/Berlin", "language": "en", "on_call": True}  # fmt: skip
_PERSON = {**_NEW, "id": "0b8e2f0a-94be-4a02-8b8b-6ad4c0a3fd3e", "has_password": False}
_ADMIN = may(Permission.ADMINISTER, unscoped=True)
_NEW_KEY = {"name": "ERP", "role": "operator"}
_KEY = {**_NEW_KEY, "id": "9d1c0d5e-3f0b-4a0e-8a57-2a2f5f8a9c11"}
ENDPOINTS = (
    Endpoint("GET", f"{API}/people", listed, may(Permission.VIEW), shown_as("Everybody", _PERSON, many=True)),
    Endpoint("POST", f"{API}/people", create, _ADMIN, shown_as("The person", _PERSON, status=201) | takes(_NEW)),
    Endpoint("GET", f"{API}/people/me", me, may(Permission.VIEW), shown_as("You", {"name": "Ada", "role": "quality"})),
    Endpoint("GET", f"{API}/people/me/sessions", own_sessions, may(Permission.VIEW),
             shown_as("Your sessions", {"id": "1f3a", "address": "127.0.0.1"}, many=True)),
    Endpoint("DELETE", f"{API}/people/me/sessions/{{session}}", end_session, may(Permission.VIEW),
             shown_as("Ended", {"session": "1f3a", "ended": 1})),
    Endpoint("PATCH", f"{API}/people/{{person}}", change, _ADMIN,
             shown_as("The person, changed", _PERSON) | takes({"on_call": True})),
    Endpoint("DELETE", f"{API}/people/{{person}}/sessions", end_sessions, _ADMIN,
             shown_as("Ended", {"person": "0b8e2f0a", "ended": 2})),
    Endpoint("GET", f"{API}/api-keys", keys, _ADMIN, shown_as("Every key", _KEY, many=True)),
    Endpoint("POST", f"{API}/api-keys", create_key, _ADMIN,
             shown_as("The key", {**_KEY, "key": "cck_…"}, status=201) | takes(_NEW_KEY)),
    Endpoint("DELETE", f"{API}/api-keys/{{key}}", revoke_key, _ADMIN, shown_as("Ended", {"revoked": True})),
)  # fmt: skip
