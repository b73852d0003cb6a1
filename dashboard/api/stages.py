"""What happened to a shipment's goods when: its stages, set and corrected by hand, and the figures of its legs."""

import msgspec
from fastapi import Request
from fastapi.responses import Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from coldchain.errors import InvalidValue
from coldchain.registry import shipments, stage_events, stages
from coldchain.registry.viewer import Permission, Viewer
from compliance.legs import legs_of_shipment
from dashboard.api.request import Body, Caller, Web, Words, instant, reply, required_instant, shown_as, takes
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services


class NewStage(Body):
    """A stage from a moment on, until `to` or until the next one begins; it replaces what was on record there."""

    stage: str
    from_: str = Field(alias="from")
    to: str | None = None
    reason: Words


class Withdrawal(Body):
    """Why a stage is taken back."""

    reason: Words


def listed(web: Web, viewer: Caller, shipment: str) -> Response:
    """The stages of a shipment as they are known now, with who said so and why."""
    with web.registry.read() as connection:
        found = stages.of_shipment(connection, viewer, shipment)
        return reply({"items": stages.stage_json(connection, found), "next_cursor": None})


def put(web: Web, viewer: Caller, shipment: str, body: NewStage) -> Response:
    """Set or correct a stage. Readings of conditioning and post-removal are shown, but not judged."""
    with web.registry.write() as connection:
        id_ = stages.put(
            connection, shipment, body.stage, required_instant("from", body.from_), instant("to", body.to),
            reason=body.reason, by=viewer, now_ms=web.clock.now_ms(),
        )  # fmt: skip
        found = stages.stage_json(connection, stages.of_shipment(connection, viewer, shipment))
    return reply(next(one for one in found if one["id"] == id_), 201)


def withdraw(web: Web, viewer: Caller, shipment: str, stage: int, body: Withdrawal) -> Response:
    """Take a stage back that was wrong."""
    with web.registry.write() as connection:
        stages.withdraw(connection, shipment, stage, reason=body.reason, by=viewer, now_ms=web.clock.now_ms())
        found = stages.stage_json(connection, stages.of_shipment(connection, viewer, shipment))
    return reply({"items": found, "next_cursor": None})


async def events(request: Request, web: Web, viewer: Caller, shipment: str) -> Response:
    """Stages from EPCIS 2.0 events (a document, a list, or one): all are taken in, or none."""
    try:
        body = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidValue(f"body: is not JSON: {error}") from error
    return await run_in_threadpool(_events, web, viewer, shipment, body)


def _events(web: Services, viewer: Viewer, shipment: str, body: object) -> Response:
    seen = stage_events.events_of(body)
    with web.registry.write() as connection:
        told = stage_events.take(connection, shipment, seen, by=viewer, now_ms=web.clock.now_ms())
    return reply({"items": told, "next_cursor": None})


def legs(web: Web, viewer: Caller, shipment: str) -> Response:
    """The figures of each leg: times, extremes, mean, MKT with its bounds, excursions, and who had the goods."""
    with web.registry.read() as connection:
        shipments.exists(connection, viewer, shipment)
        found = legs_of_shipment(connection, web.history, shipment)
    return reply({"items": [leg.as_json() for leg in found], "next_cursor": None})


_NEW = {"stage": "conditioning", "from": "2026-01-05T04:00:00Z", "to": "2026-01-05T06:00:00Z",
        "reason": "box was pre-cooled without goods"}  # fmt: skip
_STAGE = {
    **_NEW, "id": 812, "judged": False, "source": "hand", "place": None, "who": "Mara Olsen",
    "recorded": "2026-01-05T09:12:00.000Z",
}  # fmt: skip
_LEG = {
    "leg": "Departed Puurs", "from": "2026-01-05T06:10:00.000Z", "to": None, "custodians": ["Polar Express"],
    "logger": "LOG-0042", "channel": "internal", "coverage_pct": 100.0,
    "temperature": {"min_c": 4.1, "max_c": 6.2, "mean_c": 5.1}, "mkt": {"value_c": 5.2}, "excursions": [],
}  # fmt: skip
_TOLD = {"event": "ni:///sha-256;5c…?ver=CBV2.0", "step": "departing", "at": "2026-01-05T06:10:00.000Z",
         "outcome": "stage", "stage": "in_transit", "reason": "EPCIS event ni:///sha-256;5c…?ver=CBV2.0"}  # fmt: skip
_JSON = {"openapi_extra": {"requestBody": {"content": {"application/json": {"schema": {"type": ["object", "array"]}}}}}}
_OF = f"{API}/shipments/{{shipment}}"
ENDPOINTS = (
    Endpoint("GET", f"{_OF}/stages", listed, may(Permission.VIEW), shown_as("Its stages", _STAGE, many=True)),
    Endpoint("POST", f"{_OF}/stages", put, may(Permission.OPERATE),
             shown_as("The stage", _STAGE, status=201) | takes(_NEW)),
    Endpoint("POST", f"{_OF}/stages/{{stage}}/withdraw", withdraw, may(Permission.OPERATE),
             shown_as("The stages that are left", _STAGE, many=True) | takes({"reason": "wrong shipment"})),
    Endpoint("POST", f"{_OF}/events", events, may(Permission.OPERATE),
             shown_as("What became of each", _TOLD, many=True) | _JSON),
    Endpoint("GET", f"{_OF}/legs", legs, may(Permission.VIEW), shown_as("Its legs", _LEG, many=True)),
)  # fmt: skip
