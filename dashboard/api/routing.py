"""The routes: which alarm goes by which policy, and whom beside it informs. One list; a change is a new version."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from alerts import configuration, rulebook_changes
from coldchain.domain.quantity import iso
from coldchain.registry import people, routes
from coldchain.registry.routes import StoredRouting
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.request import Caller, Web, reply, shown_as, takes
from dashboard.api.rules import body_of, taken
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services


def shown(web: Web) -> Response:
    """The routes that count, and what is wrong with the rules; version 0 where nobody has written any."""
    with web.registry.read() as connection:
        stored = routes.newest(connection)
        said = _FRESH if stored is None else _record(connection, stored)
        wrong = [one._asdict() for one in configuration.problems(connection, web.clock.now_ms())]
        return reply({**said, "problems": wrong})


def versions(web: Web) -> Response:
    """Every version of the routes, the newest first."""
    with web.registry.read() as connection:
        items = [_record(connection, one) for one in routes.history(connection)]
    return reply({"items": items, "next_cursor": None})


async def put(request: Request, web: Web, viewer: Caller) -> Response:
    """Replace the routes, with `reason` beside them from version 2 on."""
    body = await body_of(request)
    return await run_in_threadpool(_put, web, viewer, body)


def _put(web: Services, viewer: Viewer, body: dict[str, Any]) -> Response:
    reason, version = taken(body)
    with web.registry.write() as connection:
        now_ms = web.clock.now_ms()
        made = rulebook_changes.put_routing(connection, body, by=viewer, reason=reason, now_ms=now_ms, version=version)
        configuration.watch(connection, now_ms)
        wrong = [one._asdict() for one in configuration.problems(connection, now_ms)]
        told = {**_record(connection, made), "problems": wrong}
    return reply(told, 201, {"Location": f"{API}/routing"})


def _record(connection: Connection, one: StoredRouting) -> dict[str, Any]:
    named = {"system": "Coldchain", **people.names(connection, {one.who})}
    return {
        "routes": [], "otherwise": None, **one.body, "version": one.version, "recorded": iso(one.recorded_ms),
        "who": one.who, "who_name": named.get(one.who, one.who), "reason": one.reason,
    }  # fmt: skip


_FRESH: dict[str, Any] = {"version": 0, "routes": [], "otherwise": None}
_NEW = {
    "routes": [{"match": {"customer": "Helvetia Pharma", "severity": ["critical"]}, "policy": "critical",
                "inform": ["consignor", "consignee"]}],
    "otherwise": None, "reason": "Helvetia has a policy of its own",
}  # fmt: skip
_ROUTING = {
    **_NEW, "version": 2, "who_name": "Mara Olsen", "recorded": "2026-11-22T12:00:00.000Z",
    "problems": [{"field": "policy critical", "words": "Bob gets critical alarms by email only: …"}],
}  # fmt: skip
_SEE, _QUALITY = may(Permission.VIEW, unscoped=True), may(Permission.ASSESS, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", f"{API}/routing", shown, _SEE, shown_as("The routes", _ROUTING)),
    Endpoint("POST", f"{API}/routing", put, _QUALITY, shown_as("The routes", _ROUTING, status=201) | takes(_NEW)),
    Endpoint("GET", f"{API}/routing/versions", versions, _SEE, shown_as("Every version", _ROUTING, many=True)),
)  # fmt: skip
