"""What happened to a shipment's goods when: its stages, set and corrected by hand, and the figures of its legs."""

from fastapi.responses import Response
from pydantic import Field

from coldchain.registry import shipments, stages
from coldchain.registry.viewer import Permission
from compliance.legs import legs_of_shipment
from dashboard.api.request import Body, Caller, Web, Words, instant, reply, required_instant, shown_as, takes
from dashboard.policy import API, Endpoint, may


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
_OF = f"{API}/shipments/{{shipment}}"
ENDPOINTS = (
    Endpoint("GET", f"{_OF}/stages", listed, may(Permission.VIEW), shown_as("Its stages", _STAGE, many=True)),
    Endpoint("POST", f"{_OF}/stages", put, may(Permission.OPERATE),
             shown_as("The stage", _STAGE, status=201) | takes(_NEW)),
    Endpoint("POST", f"{_OF}/stages/{{stage}}/withdraw", withdraw, may(Permission.OPERATE),
             shown_as("The stages that are left", _STAGE, many=True) | takes({"reason": "wrong shipment"})),
    Endpoint("GET", f"{_OF}/legs", legs, may(Permission.VIEW), shown_as("Its legs", _LEG, many=True)),
)  # fmt: skip
