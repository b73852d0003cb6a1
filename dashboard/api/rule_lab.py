"""The rule lab: a product profile replayed over past shipments, before anybody is judged by it."""

from typing import Annotated, Any

import msgspec
from fastapi import Query
from fastapi.responses import Response
from pydantic import Field

from coldchain.domain.profile import ProductProfile
from coldchain.domain.profile_format import profile_from
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry import lab_runs, shipments
from coldchain.registry.lab_choice import MOST, USUAL, Choice
from coldchain.registry.lab_runs import Run
from coldchain.registry.viewer import Permission
from dashboard import lab_start
from dashboard.api.request import Body, Caller, Web, instant, reply, shown_as, takes
from dashboard.policy import API, Endpoint, may

Offset = Annotated[int, Query(ge=0, le=MOST)]


class Wanted(Body):
    """What is replayed: a saved version, or a draft as TOML text or as the same in JSON; and over which shipments."""

    product_profile: str | None = None
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    toml: Annotated[str, Field(max_length=100_000)] | None = None
    draft: dict[str, Any] | None = None
    judged_by: str | None = None  # only shipments that this product profile judges now
    departed_from: str | None = None
    departed_to: str | None = None
    shipments: Annotated[list[str], Field(max_length=MOST)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = USUAL


def begin(web: Web, viewer: Caller, body: Wanted) -> Response:
    """Start a run; follow it under `Location`. Nothing but the run itself is written, for the caller only."""
    draft = _draft(web, body)
    choice = Choice(
        body.judged_by, instant("departed_from", body.departed_from), instant("departed_to", body.departed_to),
        tuple(dict.fromkeys(body.shipments or ())), max(body.limit, len(body.shipments or ())),
    )  # fmt: skip
    run = lab_start.begin(web, viewer, draft, choice)
    with web.registry.read() as connection:
        made = lab_runs.get(connection, viewer, run, web.clock.now_ms())
    return reply(_run(made), 202, {"Location": f"{API}/rule-lab/{run}"})


def _draft(web: Web, body: Wanted) -> dict[str, Any]:
    ways = [name for name in ("product_profile", "toml", "draft") if getattr(body, name) is not None]
    if len(ways) != 1:
        raise InvalidValue(
            f"{' and '.join(ways) or 'nothing'} given: send one of product_profile (with version), toml or draft"
        )
    if body.toml is not None:
        return lab_start.draft_of(body.toml)
    if body.draft is not None:
        return lab_start.checked(body.draft)
    return lab_start.saved(web, body.product_profile or "", body.version)


def listed(web: Web, viewer: Caller) -> Response:
    """The runs of the caller, the newest first."""
    with web.registry.read() as connection:
        found = lab_runs.listed(connection, viewer, web.clock.now_ms())
    return reply({"items": [_run(one) for one in found], "next_cursor": None})


def shown(web: Web, viewer: Caller, run: str, offset: Offset = 0) -> Response:
    """How far a run is, its sums once it is over, and what it said of each shipment, the changed ones first."""
    with web.registry.read() as connection:
        found = lab_runs.get(connection, viewer, run, web.clock.now_ms())
        items = lab_runs.said(connection, run, offset=offset)
    return reply({**_run(found), "summary": found.summary, "items": items})


def of_shipment(web: Web, viewer: Caller, run: str, shipment: str) -> Response:
    """Both judgements of one shipment: excursions, breaches, alarms, the changes, and both compliance documents."""
    with web.registry.read() as connection:
        lab_runs.get(connection, viewer, run, web.clock.now_ms())
        shipments.exists(connection, viewer, shipment)
        return reply(lab_runs.detail(connection, run, shipment))


def cancel(web: Web, viewer: Caller, run: str) -> Response:
    """End a run; what it has found so far stays."""
    with web.registry.write() as connection:
        return reply(_run(lab_runs.cancel(connection, viewer, run, web.clock.now_ms())))


def _run(one: Run) -> dict[str, Any]:
    profile: ProductProfile = profile_from(one.profile)
    return {
        "id": one.id, "state": one.state, "started": iso(one.created_ms), "done": one.done, "total": one.total,
        "profile": {"id": profile.id, "version": profile.version, "config_hash": profile.config_hash},
        "chosen": msgspec.to_builtins(one.chosen), "failure": one.failure,
    }  # fmt: skip


_RUN = {
    "id": "0a9e3f0c-5a7e-4e8f-9f43-0d3c1f6b2a11", "state": "running", "started": "2026-11-22T12:00:00.000Z", "done": 40,
    "total": 100, "profile": {"id": "cct-2-8", "version": 2, "config_hash": "5f0c…"}, "chosen": {"limit": 100},
    "failure": None,
}  # fmt: skip
_LINE = {"shipment": "9f…", "reference": "SHP-0007", "changed": True, "changes": [{"kind": "alarm", "change": "fires"}]}
_JUDGED = may(Permission.ASSESS)
ENDPOINTS = (
    Endpoint("POST", f"{API}/rule-lab", begin, _JUDGED,
             {**shown_as("The run, under way", _RUN, status=202),
              **takes({"product_profile": "cct-2-8", "version": 1, "judged_by": "cct-2-8",
                       "departed_from": "2026-10-01T00:00:00Z"})}),
    Endpoint("GET", f"{API}/rule-lab", listed, _JUDGED, shown_as("Runs", _RUN, many=True)),
    Endpoint("GET", f"{API}/rule-lab/{{run}}", shown, _JUDGED,
             shown_as("One run", {**_RUN, "summary": None, "items": [_LINE]})),
    Endpoint("GET", f"{API}/rule-lab/{{run}}/shipments/{{shipment}}", of_shipment, _JUDGED,
             shown_as("Both judgements", {**_LINE, "before": {}, "after": {}})),
    Endpoint("POST", f"{API}/rule-lab/{{run}}/cancel", cancel, _JUDGED,
             shown_as("The run, ended", {**_RUN, "state": "cancelled"})),
)  # fmt: skip
