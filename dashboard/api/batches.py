"""Batches: which there are, and the ledger of the stability budget of one over all its shipments."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from coldchain.registry import batches
from coldchain.registry.batches import BatchKey
from coldchain.registry.viewer import Permission
from compliance.batches import load
from dashboard.api.request import Caller, Cursor, Limit, Web, list_reply, reply, shown_as
from dashboard.policy import API, Endpoint, may

Sort = Annotated[str, Query(description="one of newest, batch, shipments; - before it turns it round")]


def listed(
    web: Web, viewer: Caller, q: Annotated[str | None, Query(description="text in batch number or GTIN")] = None,
    sort: Sort = "-newest", limit: Limit = 100, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """The batches of the shipments that you may see."""
    with web.registry.read() as connection:
        return list_reply(batches.listed(connection, viewer, text=q, sort=sort, limit=limit, cursor=cursor))


def shown(web: Web, viewer: Caller, batch: str) -> Response:
    """One batch: its shipments, the ledger of its stability budget, what is left per band, and for how long."""
    with web.registry.read() as connection:
        return reply(load(connection, viewer, batch, web.clock.now_ms()).as_json())


_BATCH = {
    "id": BatchKey("A4711", "04012345678901", None).id, "batch": "A4711", "gtin": "04012345678901", "customer": None,
    "shipments": 2, "live": 1, "newest": "2026-01-05T06:00:00.000Z",
}  # fmt: skip
_RANGE = {"low_c": 8.0, "high_c": 15.0}
_LEDGER = {
    "schema": "coldchain.batch/1", **{name: _BATCH[name] for name in ("id", "batch", "gtin", "customer")},
    "method_id": "stability_budget.ledger/1",
    "bands": [{"range": _RANGE, "allowed_s": 86400.0, "used_s": 2400.0, "used_upper_s": 4200.0, "remaining_s": 84000.0,
               "remaining_lower_s": 82200.0, "charging": False, "time_left": None}],
    "time_left": None,
    "ledger": [{"kind": "shipment", "name": "SHP-2026-0117", "leg": "Departed Puurs", "custodian": "Polar Express",
                "from": "2026-01-05T08:00:00.000Z", "to": "2026-01-05T08:40:00.000Z", "range": _RANGE,
                "used_s": 2400.0, "unknown_s": 0.0, "running": False, "logger": "LOG-0042", "channel": "internal",
                "profile": {"id": "cct-2-8", "version": 1}}],
    "notes": [],
}  # fmt: skip
ENDPOINTS = (
    Endpoint("GET", f"{API}/batches", listed, may(Permission.VIEW), shown_as("A page", _BATCH, many=True)),
    Endpoint("GET", f"{API}/batches/{{batch}}", shown, may(Permission.VIEW),
             shown_as("The batch with its ledger", _LEDGER)),
)  # fmt: skip
