"""Escalation policies: who hears of an alarm next while nobody answers; and what would happen if one rose now."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from alerts import rulebook_changes
from alerts.routing import AlarmFor
from alerts.simulation import Asked, simulate
from alerts.subjects import routed
from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.registry.policies import POLICIES
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.request import Body, Caller, Web, Words, instant, reply, shown_as, takes
from dashboard.api.rules import body_of, kept, record, taken
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services

Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


class Retirement(Body):
    """Why the policy goes out of use."""

    reason: Words


class Imagined(Body):
    """An alarm that might rise; what is left out of a known shipment or store is filled in from the record."""

    severity: Literal["info", "minor", "major", "critical"] = "critical"
    cause: str = "high"
    shipment: str | None = None
    store: str | None = None
    product: str | None = None
    lane: str | None = None
    customer: str | None = None
    carrier: str | None = None
    consignor: str | None = None
    consignee: str | None = None
    site: str | None = None
    stage: str | None = None
    at: str | None = None


def listed(web: Web, retired: bool = False) -> Response:
    """The newest version of every policy in use, or of every policy."""
    with web.registry.read() as connection:
        items = [record(connection, one) for one in POLICIES.listed(connection, retired=retired)]
    return reply({"items": items, "next_cursor": None})


def shown(web: Web, policy: str, version: Version = None) -> Response:
    """One policy, the newest version by default."""
    with web.registry.read() as connection:
        return reply(record(connection, POLICIES.get(connection, policy, version)))


def versions(web: Web, policy: str) -> Response:
    """Every version of a policy, the newest first."""
    with web.registry.read() as connection:
        items = [record(connection, one) for one in POLICIES.history(connection, policy)]
    return reply({"items": items, "next_cursor": None})


async def put(request: Request, web: Web, viewer: Caller, policy: str) -> Response:
    """Add a policy or its next version, with `reason` beside its fields; climbs under way keep the one they have."""
    body = await body_of(request)
    return await run_in_threadpool(_put, web, viewer, policy, body)


def _put(web: Services, viewer: Viewer, policy: str, body: dict[str, Any]) -> Response:
    reason, version = taken(body)
    told = kept(web, lambda connection, now_ms: rulebook_changes.put_policy(
        connection, policy, body, by=viewer, reason=reason, now_ms=now_ms, version=version
    ))  # fmt: skip
    return reply(told, 201, {"Location": f"{API}/policies/{told['id']}"})


def retire(web: Web, viewer: Caller, policy: str, body: Retirement) -> Response:
    """Take a policy out of use; one that a route names is refused."""
    return reply(kept(web, lambda connection, now_ms: rulebook_changes.retire_policy(
        connection, policy, by=viewer, reason=body.reason, now_ms=now_ms
    )))  # fmt: skip


def imagined(web: Web, viewer: Caller, body: Imagined) -> Response:
    """If this alarm rose now, or `at` a time: who hears of it within an hour, by what, why, and what is wrong.

    `address` is there for your own messages, and for who administers.
    """
    at_ms = instant("at", body.at)
    given = body.model_dump(exclude_none=True, exclude={"severity", "cause", "shipment", "store", "at"})
    kind = SubjectKind.SHIPMENT if body.shipment else SubjectKind.STORE if body.store else SubjectKind.SYSTEM
    subject, severity = Subject(kind, body.shipment or body.store or ""), Severity[body.severity.upper()]
    with web.registry.read() as connection:
        now_ms = web.clock.now_ms() if at_ms is None else at_ms
        known = routed(connection, subject, severity, body.cause, now_ms)
        alarm = AlarmFor(**({name: getattr(known, name) for name in AlarmFor.__slots__} | given))
        found = simulate(connection, Asked(alarm, subject, now_ms))
    for line in found["messages"]:
        if line["recipient"] != viewer.id and not viewer.may(Permission.ADMINISTER):
            line["address"] = None
    return reply(found)


_POLICY = {
    "id": "critical", "name": "Critical alarms", "version": 2, "reason": "a deputy from now on", "retired": None,
    "steps": [
        {"after_min": 0, "targets": [{"kind": "rota", "id": "lab", "layer": "primary"}], "channel_mode": "first"},
        {"after_min": 10, "targets": [{"kind": "on_call"}], "channels": ["email", "sms"], "channel_mode": "all"},
    ],
    "repeat_last_min": 10, "recorded": "2026-11-22T12:00:00.000Z", "who_name": "Mara Olsen",
}  # fmt: skip
_NEW = {name: _POLICY[name] for name in ("name", "steps", "repeat_last_min", "reason")}
_MESSAGE = {
    "after_s": 0, "step": 0, "round": 0, "recipient": "00000000-0000-4000-8000-00000000000a",
    "recipient_kind": "person", "name": "Alice", "channel": "email", "address": "alice@example.org", "verified": True,
    "only_if": None, "target": {"kind": "rota", "id": "lab", "layer": "primary"}, "duty": "turn", "override": None,
}  # fmt: skip
_SIMULATED = {
    "at": "2026-11-22T12:00:00.000Z", "alarm": {"severity": "critical", "cause": "high", "customer": "Helvetia"},
    "route": {"version": 1, "number": 0, "inform": []},
    "policy": {"id": "critical", "version": 2, "name": "Critical alarms"}, "messages": [_MESSAGE],
    "silences": [{"after_s": 600, "step": 1, "who": "lab/deputy", "why": "out_of_hours", "target": {}}],
    "problems": ["rota lab, layer deputy: nobody is on duty from 2026-11-24T07:00:00.000Z …"],
}  # fmt: skip
_ONE = f"{API}/policies/{{policy}}"
_SEE, _QUALITY = may(Permission.VIEW, unscoped=True), may(Permission.ASSESS, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", f"{API}/policies", listed, _SEE, shown_as("Every policy", _POLICY, many=True)),
    Endpoint("POST", f"{API}/policies/simulate", imagined, _SEE,
             shown_as("Who would hear of it when", _SIMULATED)
             | takes({"severity": "critical", "cause": "high", "customer": "Helvetia"})),
    Endpoint("GET", _ONE, shown, _SEE, shown_as("The policy", _POLICY)),
    Endpoint("POST", _ONE, put, _QUALITY, shown_as("The policy", _POLICY, status=201) | takes(_NEW)),
    Endpoint("GET", f"{_ONE}/versions", versions, _SEE, shown_as("Its versions", _POLICY, many=True)),
    Endpoint("POST", f"{_ONE}/retire", retire, _QUALITY,
             shown_as("The policy", _POLICY) | takes({"reason": "replaced by critical-2"})),
)  # fmt: skip
