"""Rotas: who is on duty when, who stands in for whom, and where nobody is."""

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection, Row
from starlette.concurrency import run_in_threadpool

from alerts import configuration, rota, rulebook_changes
from alerts.rulebook import Rulebook
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry import people, rotas
from coldchain.registry.rotas import ROTAS
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.request import (
    Body,
    Caller,
    From,
    To,
    Web,
    Words,
    instant,
    reply,
    required_instant,
    shown_as,
    takes,
)
from dashboard.api.rules import body_of, kept, record, taken
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services

Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
DAY_MS = 86_400_000
_LONGEST_MS = 366 * DAY_MS


class Retirement(Body):
    """Why the rota goes out of use."""

    reason: Words


class StandIn(Body):
    """`person` is on duty instead of `replaces`, or of whoever's turn it is, in one layer or in all."""

    person: str
    replaces: str | None = None
    layer: str | None = None
    from_: str = Field(alias="from")
    to: str
    reason: Words = ""


class Stretch(Body):
    """Somebody's turn from one moment to another."""

    person: str
    from_: str = Field(alias="from")
    to: str


class Swap(Body):
    """Two people take each other's turns."""

    mine: Stretch
    theirs: Stretch
    layer: str | None = None
    reason: Words = ""


class Remark(Body):
    """Why it is taken back."""

    reason: Words = ""


def listed(web: Web, retired: bool = False) -> Response:
    """The newest version of every rota in use, or of every rota."""
    with web.registry.read() as connection:
        items = [record(connection, one) for one in ROTAS.listed(connection, retired=retired)]
    return reply({"items": items, "next_cursor": None})


def shown(web: Web, rota: str, version: Version = None) -> Response:
    """One rota, the newest version by default, with who stands in now and later."""
    with web.registry.read() as connection:
        said = record(connection, ROTAS.get(connection, rota, version))
        standing = rotas.overrides(connection, rota, from_ms=web.clock.now_ms())
        return reply({**said, "overrides": _overrides(connection, standing)})


def versions(web: Web, rota: str) -> Response:
    """Every version of a rota, the newest first."""
    with web.registry.read() as connection:
        items = [record(connection, one) for one in ROTAS.history(connection, rota)]
    return reply({"items": items, "next_cursor": None})


def calendar(web: Web, rota: str, from_: From = None, to: To = None) -> Response:
    """Who is on duty when, layer by layer without gaps, and the `holes`; from now on for two weeks by default."""
    with web.registry.read() as connection:
        from_ms, to_ms = _stretch(web, from_, to)
        ROTAS.get(connection, rota)
        book = Rulebook(connection, web.clock.now_ms())
        return reply(_calendar(connection, book, rota, from_ms, to_ms))


def _calendar(connection: Connection, book: Rulebook, id_: str, from_ms: int, to_ms: int) -> dict[str, Any]:
    found = book.rota(id_)
    if found is None:
        raise InvalidValue(f"rota: {book.problems[0]}")
    spans = rota.calendar(found, book.overrides(id_), from_ms, to_ms, book.gone)
    named = people.names(connection, {span.duty.person for span in spans if span.duty.person is not None})
    items = [
        {
            "layer": span.layer, "from": iso(span.from_ms), "to": iso(span.to_ms), "person": span.duty.person,
            "name": named.get(span.duty.person or ""), "why": span.duty.why, "override": span.duty.override,
        }
        for span in spans
    ]  # fmt: skip
    return {"rota": id_, "zone": found.zone, "items": items, "holes": [one for one in items if one["person"] is None]}


async def put(request: Request, web: Web, viewer: Caller, rota: str) -> Response:
    """Add a rota or its next version, with `reason` beside its fields; it counts at once."""
    body = await body_of(request)
    return await run_in_threadpool(_put, web, viewer, rota, body)


def _put(web: Services, viewer: Viewer, id_: str, body: dict[str, Any]) -> Response:
    body.pop("overrides", None)
    reason, version = taken(body)
    told = kept(web, lambda connection, now_ms: rulebook_changes.put_rota(
        connection, id_, body, by=viewer, reason=reason, now_ms=now_ms, version=version
    ))  # fmt: skip
    return reply(told, 201, {"Location": f"{API}/rotas/{told['id']}"})


def retire(web: Web, viewer: Caller, rota: str, body: Retirement) -> Response:
    """Take a rota out of use; one that a policy in use names is refused."""
    return reply(kept(web, lambda connection, now_ms: rulebook_changes.retire_rota(
        connection, rota, by=viewer, reason=body.reason, now_ms=now_ms
    )))  # fmt: skip


def stand_in(web: Web, viewer: Caller, rota: str, body: StandIn) -> Response:
    """Let somebody stand in for a while; who is on call may give away turns of their own."""
    with web.registry.write() as connection:
        now_ms = web.clock.now_ms()
        made = rulebook_changes.stand_in(
            connection, rota, layer=body.layer, person=body.person, replaces=body.replaces,
            from_ms=required_instant("from", body.from_), to_ms=required_instant("to", body.to), by=viewer,
            reason=body.reason, now_ms=now_ms,
        )  # fmt: skip
        configuration.watch(connection, now_ms)
        return reply(_overrides(connection, [rotas.override(connection, made)])[0], 201)


def swap(web: Web, viewer: Caller, rota: str, body: Swap) -> Response:
    """Let two people take each other's turns; who is on call may swap turns of their own."""
    both = [
        (one.person, required_instant(f"{name}.from", one.from_), required_instant(f"{name}.to", one.to))
        for name, one in (("mine", body.mine), ("theirs", body.theirs))
    ]
    with web.registry.write() as connection:
        now_ms = web.clock.now_ms()
        made = rulebook_changes.swap(
            connection, rota, layer=body.layer, mine=both[0], theirs=both[1], by=viewer, reason=body.reason,
            now_ms=now_ms,
        )  # fmt: skip
        configuration.watch(connection, now_ms)
        items = _overrides(connection, [rotas.override(connection, one) for one in made])
    return reply({"items": items, "next_cursor": None}, 201)


def take_back(web: Web, viewer: Caller, rota: str, override: str, body: Remark) -> Response:
    """Take an override back, with the other half of its swap."""
    with web.registry.write() as connection:
        now_ms = web.clock.now_ms()
        ROTAS.get(connection, rota)
        rulebook_changes.take_back(connection, override, by=viewer, reason=body.reason, now_ms=now_ms)
        configuration.watch(connection, now_ms)
        return reply(_overrides(connection, [rotas.override(connection, override)])[0])


def _stretch(web: Services, from_: str | None, to: str | None) -> tuple[int, int]:
    from_ms = instant("from", from_)
    from_ms = web.clock.now_ms() if from_ms is None else from_ms
    to_ms = instant("to", to)
    to_ms = from_ms + 14 * DAY_MS if to_ms is None else to_ms
    if not from_ms < to_ms <= from_ms + _LONGEST_MS:
        raise InvalidValue(f"to: {to} must lie after `from`, by a year at most")
    return from_ms, to_ms


def _overrides(connection: Connection, rows: list[Row[Any]]) -> list[dict[str, Any]]:
    mentioned = {one for row in rows for one in (row.person, row.replaces, row.who) if one is not None}
    named = people.names(connection, mentioned)
    return [
        {
            "id": row.id, "rota": row.rota, "layer": row.layer, "person": row.person, "name": named.get(row.person),
            "replaces": row.replaces, "replaces_name": named.get(row.replaces or ""), "from": iso(row.from_ms),
            "to": iso(row.to_ms), "swap": row.swap, "who": row.who, "who_name": named.get(row.who, row.who),
            "recorded": iso(row.recorded_ms), "reason": row.reason,
            "ended": None if row.ended_ms is None else iso(row.ended_ms),
        }
        for row in rows
    ]  # fmt: skip


_PERSON = "00000000-0000-4000-8000-00000000000a"
_ROTA = {
    "id": "lab", "name": "Laboratory", "version": 1, "zone": "Europe/Zurich",
    "layers": [{"name": "primary", "people": [_PERSON], "turn": "weekly", "from": "2026-11-23T08:00",
                "handover": "08:00", "restrict": None}],
    "holidays": [{"date": "2026-12-25", "name": "Christmas", "people": [_PERSON]}], "reason": None,
}  # fmt: skip
_NEW = {name: _ROTA[name] for name in ("name", "zone", "layers", "holidays")}
_STAND_IN = {
    "person": _PERSON, "replaces": None, "layer": "primary", "from": "2026-11-24T08:00:00Z",
    "to": "2026-11-25T08:00:00Z", "reason": "dentist",
}  # fmt: skip
_OVERRIDE = {**_STAND_IN, "id": "0b9a6c0e-0000-4000-8000-000000000001", "rota": "lab", "name": "Alice", "swap": None}
_TURN = {"person": _PERSON, "from": "2026-11-24T08:00:00Z", "to": "2026-11-25T08:00:00Z"}
_SPAN = {"layer": "primary", "from": "2026-11-23T07:00:00.000Z", "to": "2026-11-30T07:00:00.000Z", "person": _PERSON,
         "name": "Alice", "why": "turn", "override": None}  # fmt: skip
_CALENDAR = {"rota": "lab", "zone": "Europe/Zurich", "items": [_SPAN], "holes": []}
_ONE = f"{API}/rotas/{{rota}}"
_SEE, _QUALITY = may(Permission.VIEW, unscoped=True), may(Permission.ASSESS, unscoped=True)
_OWN = may(Permission.ACKNOWLEDGE, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", f"{API}/rotas", listed, _SEE, shown_as("Every rota", _ROTA, many=True)),
    Endpoint("GET", _ONE, shown, _SEE, shown_as("The rota", _ROTA)),
    Endpoint("POST", _ONE, put, _QUALITY, shown_as("The rota", _ROTA, status=201) | takes(_NEW)),
    Endpoint("GET", f"{_ONE}/versions", versions, _SEE, shown_as("Its versions", _ROTA, many=True)),
    Endpoint("GET", f"{_ONE}/calendar", calendar, _SEE, shown_as("Who is on duty when", _CALENDAR)),
    Endpoint("POST", f"{_ONE}/retire", retire, _QUALITY,
             shown_as("The rota", _ROTA) | takes({"reason": "one rota for both laboratories"})),
    Endpoint("POST", f"{_ONE}/overrides", stand_in, _OWN,
             shown_as("The override", _OVERRIDE, status=201) | takes(_STAND_IN)),
    Endpoint("POST", f"{_ONE}/swaps", swap, _OWN,
             shown_as("Both overrides", _OVERRIDE, status=201, many=True) | takes({"mine": _TURN, "theirs": _TURN})),
    Endpoint("POST", f"{_ONE}/overrides/{{override}}/end", take_back, _OWN,
             shown_as("The override", _OVERRIDE) | takes({"reason": "not ill after all"})),
)  # fmt: skip
