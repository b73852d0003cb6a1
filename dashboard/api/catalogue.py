"""What things are judged by and where they stand: product profiles, stores."""

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry import profiles, stores
from coldchain.registry.profiles import StoredProfile
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.request import Body, Caller, Web, reply, shown_as, takes
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services

Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
# What the record says of a profile, and the profile does not say of itself: sent back, it is no mistake.
_OF_THE_RECORD = ("who", "recorded", "approved", "approved_by")


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if value and not -30 <= value.adjusted() <= 30:
        # Written out in full, its digits would fill the memory.
        raise InvalidValue(f"body: {text[:40]} is no number that a profile can hold")
    return value


_EXACT = msgspec.json.Decoder(float_hook=_decimal)


class NewStore(Body):
    """A fridge, freezer, cold_room or warehouse_zone."""

    name: str
    kind: str
    zone: str
    site: str | None = None
    latitude: float | None = None
    longitude: float | None = None


def product_profiles(web: Web, all_versions: bool = False) -> Response:
    """The newest version of every product profile, or every version."""
    with web.registry.read() as connection:
        found = profiles.listed(connection, all_versions=all_versions)
    return reply({"items": [_profile(one) for one in found], "next_cursor": None})


def product_profile(web: Web, profile: str, version: Version = None) -> Response:
    """One product profile, the newest version by default."""
    with web.registry.read() as connection:
        return reply(_profile(profiles.get(connection, profile, version)))


async def add_product_profile(request: Request, web: Web, viewer: Caller) -> Response:
    """Add a product profile or its next version: the TOML format as JSON, with `reason` beside it from version 2 on."""
    try:
        # Numbers keep their decimal text: limits are judged in milli-degrees, never in binary fractions.
        body = _EXACT.decode(await request.body())
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidValue(f"body: is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidValue("body: is not a JSON object; send the profile's fields")
    return await run_in_threadpool(_add, web, viewer, body)


def _add(web: Services, viewer: Viewer, body: dict[str, Any]) -> Response:
    reason = body.pop("reason", None)
    for name in _OF_THE_RECORD:
        body.pop(name, None)
    with web.registry.write() as connection:
        made = profiles.add(connection, body, who=viewer.id, reason=reason, now_ms=web.clock.now_ms())
    return reply(_profile(made), 201, {"Location": f"{API}/product-profiles/{made.profile.id}"})


def listed_stores(web: Web, viewer: Caller) -> Response:
    """The stores that you may see, with their status."""
    with web.registry.read() as connection:
        return reply({"items": stores.listed(connection, viewer), "next_cursor": None})


def add_store(web: Web, viewer: Caller, body: NewStore) -> Response:
    """Add a store."""
    with web.registry.write() as connection:
        id_ = stores.create(connection, **body.model_dump(), who=viewer.id, now_ms=web.clock.now_ms())
        made = next(one for one in stores.listed(connection, viewer) if one["id"] == id_)
    return reply(made, 201, {"Location": f"{API}/stores"})


def _profile(one: StoredProfile) -> dict[str, Any]:
    times = {"recorded": one.recorded_ms, "approved": one.approved_ms}
    return {
        **one.body, "id": one.profile.id, "version": one.profile.version, "who": one.who, "reason": one.reason,
        "approved_by": one.approved_by,
        **{name: None if value is None else iso(value) for name, value in times.items()},
    }  # fmt: skip


_PROFILE = {"id": "refrigerated-2-8", "version": 1, "name": "Refrigerated 2 … 8 °C"}
_STORE = {"name": "Cold room 2", "kind": "cold_room", "zone": "Europe/Berlin", "site": "Hamburg"}
ENDPOINTS = (
    Endpoint("GET", f"{API}/product-profiles", product_profiles, may(Permission.VIEW),
             shown_as("Every profile", _PROFILE, many=True)),
    Endpoint("POST", f"{API}/product-profiles", add_product_profile, may(Permission.ADMINISTER, unscoped=True),
             shown_as("The profile", _PROFILE, status=201)
             | {"openapi_extra": {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}}),
    Endpoint("GET", f"{API}/product-profiles/{{profile}}", product_profile, may(Permission.VIEW),
             shown_as("The profile", _PROFILE)),
    Endpoint("GET", f"{API}/stores", listed_stores, may(Permission.VIEW), shown_as("Every store", _STORE, many=True)),
    Endpoint("POST", f"{API}/stores", add_store, may(Permission.ADMINISTER, unscoped=True),
             shown_as("The store", _STORE, status=201) | takes(_STORE)),
)  # fmt: skip
