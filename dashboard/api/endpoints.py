"""Programs that are told by signed webhook or by apprise: add one, change its secret, try it, switch it off."""

from fastapi.responses import Response

from alerts.endpoint_entry import enter
from alerts.endpoint_trial import try_out
from coldchain.domain.quantity import iso
from coldchain.registry import endpoints
from coldchain.registry.viewer import Permission
from dashboard.api.request import Body, Caller, Web, reply, shown_as, takes
from dashboard.policy import API, Endpoint, may


class NewEndpoint(Body):
    """Where news goes. `private`: it may be inside our own network; `kind`: webhook, or apprise with its address."""

    name: str
    url: str
    private: bool = False
    kind: str = "webhook"


class Change(Body):
    """Switch off, or on again."""

    disabled: bool


def listed(web: Web) -> Response:
    """Every endpoint, by name; secrets are never shown again."""
    with web.registry.read() as connection:
        return reply({"items": [_json(one) for one in endpoints.listed(connection)], "next_cursor": None})


def create(web: Web, viewer: Caller, body: NewEndpoint) -> Response:
    """Add an endpoint; the secret that a webhook's events are signed with is in this answer only."""
    id_, secret = enter(
        web.registry, kind=body.kind, name=body.name, url=body.url, private=body.private, who=viewer.id,
        now_ms=web.clock.now_ms(),
    )  # fmt: skip
    with web.registry.read() as connection:
        made = endpoints.get(connection, id_)
    return reply({**_json(made), **({} if secret is None else {"secret": secret})}, 201)


def rotate(web: Web, viewer: Caller, endpoint: str) -> Response:
    """A new secret, in this answer only; events are signed with both until the old one is retired."""
    with web.registry.write() as connection:
        secret = endpoints.rotate(connection, endpoint, who=viewer.id, now_ms=web.clock.now_ms())
    return reply({"id": endpoint, "secret": secret})


def retire(web: Web, viewer: Caller, endpoint: str) -> Response:
    """Sign with the newest secret only."""
    with web.registry.write() as connection:
        endpoints.retire(connection, endpoint, who=viewer.id, now_ms=web.clock.now_ms())
    return reply({"id": endpoint, "secrets": 1})


def change(web: Web, viewer: Caller, endpoint: str, body: Change) -> Response:
    """Switch an endpoint off, or on again."""
    with web.registry.write() as connection:
        endpoints.switch(connection, endpoint, on=not body.disabled, who=viewer.id, now_ms=web.clock.now_ms())
        return reply(_json(endpoints.get(connection, endpoint)))


def test(web: Web, endpoint: str) -> Response:
    """Send a test event now and say what the endpoint answered."""
    tried = try_out(web.registry, web.clock, endpoint, web.settings.public_url)
    return reply({"id": endpoint, "taken": tried.taken, "code": tried.code, "detail": tried.detail})


def _json(one: endpoints.Endpoint) -> dict[str, object]:
    times = {"verified": one.verified_ms, "created": one.created_ms, "disabled": one.disabled_ms}
    return {
        "id": one.id, "name": one.name, "kind": one.channel, "url": one.url, "private": one.private,
        "secrets": len(one.secrets) if one.channel == "webhook" else 0,
        **{name: None if value is None else iso(value) for name, value in times.items()},
    }  # fmt: skip


_NEW = {"name": "Pager", "url": "https://events.example.org/coldchain", "private": False, "kind": "webhook"}
_ENDPOINT = {**_NEW, "id": "e1c0b1de-1d5e-4d0a-8a0a-7f4f7a1f0e13", "secrets": 1}
_ADMIN = may(Permission.ADMINISTER, unscoped=True)
_AT = f"{API}/endpoints/{{endpoint}}"
ENDPOINTS = (
    Endpoint("GET", f"{API}/endpoints", listed, _ADMIN, shown_as("Every endpoint", _ENDPOINT, many=True)),
    Endpoint("POST", f"{API}/endpoints", create, _ADMIN,
             shown_as("The endpoint with its secret", {**_ENDPOINT, "secret": "whsec_…"}, status=201) | takes(_NEW)),
    Endpoint("PATCH", _AT, change, _ADMIN, shown_as("The endpoint", _ENDPOINT) | takes({"disabled": True})),
    Endpoint("POST", f"{_AT}/rotate", rotate, _ADMIN, shown_as("The new secret", {"secret": "whsec_…"})),
    Endpoint("POST", f"{_AT}/retire", retire, _ADMIN, shown_as("One secret is left", {"secrets": 1})),
    Endpoint("POST", f"{_AT}/test", test, _ADMIN, shown_as("What it answered", {"taken": True, "code": "204"})),
)  # fmt: skip
