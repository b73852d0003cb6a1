"""Where goods stand between journeys: stores."""

from fastapi.responses import Response

from coldchain.registry import stores
from coldchain.registry.viewer import Permission
from dashboard.api.request import Body, Caller, Web, reply, shown_as, takes
from dashboard.policy import API, Endpoint, may


class NewStore(Body):
    """A fridge, freezer, cold_room or warehouse_zone."""

    name: str
    kind: str
    zone: str
    site: str | None = None
    latitude: float | None = None
    longitude: float | None = None


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


_STORE = {"name": "Cold room 2", "kind": "cold_room", "zone": "Europe/Berlin", "site": "Hamburg"}
ENDPOINTS = (
    Endpoint("GET", f"{API}/stores", listed_stores, may(Permission.VIEW), shown_as("Every store", _STORE, many=True)),
    Endpoint("POST", f"{API}/stores", add_store, may(Permission.ADMINISTER, unscoped=True),
             shown_as("The store", _STORE, status=201) | takes(_STORE)),
)  # fmt: skip
