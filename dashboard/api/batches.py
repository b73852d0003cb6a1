"""Batches: which there are, the ledger of the stability budget of one, and its stays in stores."""

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from coldchain.registry import batches, stays
from coldchain.registry.batches import BatchKey
from coldchain.registry.viewer import Permission, Viewer
from compliance import derivation_batch
from compliance.batch_as_known import load_as_known
from compliance.batches import BatchLedger, load
from dashboard.api.derivations import Figure
from dashboard.api.request import (
    Body,
    Caller,
    Cursor,
    KnownAsOf,
    Limit,
    Web,
    Words,
    instant,
    list_reply,
    past_instant,
    reply,
    required_instant,
    shown_as,
    takes,
)
from dashboard.policy import API, Endpoint, may


class NewStay(Body):
    """A batch in a store from a moment on; without `to` it is there still."""

    store: str
    from_: str = Field(alias="from")
    to: str | None = None
    reason: Words


class EndOfStay(Body):
    """When a batch left a store, and why that is known now."""

    to: str
    reason: Words


class Withdrawal(Body):
    """Why a stay is taken back."""

    reason: Words


Sort = Annotated[str, Query(description="one of newest, batch, shipments; - before it turns it round")]


def listed(
    web: Web, viewer: Caller, q: Annotated[str | None, Query(description="text in batch number or GTIN")] = None,
    sort: Sort = "-newest", limit: Limit = 100, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """The batches of the shipments that you may see."""
    with web.registry.read() as connection:
        return list_reply(batches.listed(connection, viewer, text=q, sort=sort, limit=limit, cursor=cursor))


def shown(web: Web, viewer: Caller, batch: str, known_as_of: KnownAsOf = None) -> Response:
    """One batch: its shipments, the ledger of its stability budget, what is left per band, and for how long.

    With `known_as_of` only what was known at that moment counts, in every shipment and stay of it.
    """
    return reply(_ledger(web, viewer, batch, known_as_of).as_json())


def derivation(web: Web, viewer: Caller, batch: str, figure: Figure, known_as_of: KnownAsOf = None) -> Response:
    """How one figure of the batch was computed (schema `coldchain.derivation/1`), such as bands.0.remaining_s."""
    return reply(derivation_batch.derive(_ledger(web, viewer, batch, known_as_of), figure))


def _ledger(web: Web, viewer: Viewer, batch: str, known_as_of: str | None) -> BatchLedger:
    moment = past_instant("known_as_of", known_as_of, web.clock.now_ms())
    with web.registry.read() as connection:
        if moment is None:
            return load(connection, web.history, viewer, batch, web.clock.now_ms())
        return load_as_known(connection, web.journal, web.history, viewer, batch, moment)


def stored(web: Web, viewer: Caller, batch: str) -> Response:
    """The stays of a batch in stores as they are known now, with who said so and why."""
    with web.registry.read() as connection:
        found = stays.stay_json(connection, stays.visible(connection, viewer, batch))
    return reply({"items": found, "next_cursor": None})


def put(web: Web, viewer: Caller, batch: str, body: NewStay) -> Response:
    """Record that a batch was or is in a store: what the store's loggers measure then counts against its budget."""
    with web.registry.write() as connection:
        id_ = stays.put(
            connection, batch, body.store, required_instant("from", body.from_), instant("to", body.to),
            reason=body.reason, by=viewer, now_ms=web.clock.now_ms(),
        )  # fmt: skip
        return reply(_stay(connection, viewer, batch, id_), 201)


def end(web: Web, viewer: Caller, batch: str, stay: int, body: EndOfStay) -> Response:
    """Record when the batch left the store."""
    with web.registry.write() as connection:
        id_ = stays.end(
            connection, batch, stay, required_instant("to", body.to), reason=body.reason, by=viewer,
            now_ms=web.clock.now_ms(),
        )  # fmt: skip
        return reply(_stay(connection, viewer, batch, id_))


def withdraw(web: Web, viewer: Caller, batch: str, stay: int, body: Withdrawal) -> Response:
    """Take a stay back that was wrong: its time no longer counts."""
    with web.registry.write() as connection:
        stays.withdraw(connection, batch, stay, reason=body.reason, by=viewer, now_ms=web.clock.now_ms())
        found = stays.stay_json(connection, stays.visible(connection, viewer, batch))
    return reply({"items": found, "next_cursor": None})


def _stay(connection: Connection, viewer: Viewer, batch: str, id_: int) -> dict[str, Any]:
    found = stays.stay_json(connection, stays.visible(connection, viewer, batch))
    return next(one for one in found if one["id"] == id_)


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
_OF = f"{API}/batches/{{batch}}"
_NEW = {"store": "0f1d6a8e-1b0c-4f6f-8c58-0a1e8d6f7a11", "from": "2026-01-05T10:00:00Z", "to": None,
        "reason": "put away after arrival, cold room 2"}  # fmt: skip
_STAY = {**_NEW, "id": 914, "name": "Cold room 2", "from": "2026-01-05T10:00:00.000Z", "who": "Mara Olsen",
         "recorded": "2026-01-05T10:02:00.000Z"}  # fmt: skip
_LEFT = {"to": "2026-01-08T06:00:00Z", "reason": "picked for SHP-2026-0131"}
_DERIVED = {
    "schema": "coldchain.derivation/1", "figure": "bands.0.remaining_s", "method_id": "stability_budget.ledger/1",
    "formula": "allowed − Σ charged", "numbers": "86400 s − 2400 s", "exact": "84000", "printed": "84000.00",
    "unit": "s", "agrees": True,
}  # fmt: skip
ENDPOINTS = (
    Endpoint("GET", f"{API}/batches", listed, may(Permission.VIEW), shown_as("A page", _BATCH, many=True)),
    Endpoint("GET", f"{API}/batches/{{batch}}", shown, may(Permission.VIEW),
             shown_as("The batch with its ledger", _LEDGER)),
    Endpoint("GET", f"{_OF}/derivation", derivation, may(Permission.VIEW), shown_as("How it was computed", _DERIVED)),
    Endpoint("GET", f"{_OF}/stays", stored, may(Permission.VIEW), shown_as("Its stays", _STAY, many=True)),
    Endpoint("POST", f"{_OF}/stays", put, may(Permission.OPERATE, unscoped=True),
             shown_as("The stay", _STAY, status=201) | takes(_NEW)),
    Endpoint("POST", f"{_OF}/stays/{{stay}}/end", end, may(Permission.OPERATE, unscoped=True),
             shown_as("The stay", {**_STAY, "to": "2026-01-08T06:00:00.000Z"}) | takes(_LEFT)),
    Endpoint("POST", f"{_OF}/stays/{{stay}}/withdraw", withdraw, may(Permission.ASSESS, unscoped=True),
             shown_as("The stays that are left", _STAY, many=True) | takes({"reason": "wrong batch"})),
)  # fmt: skip
