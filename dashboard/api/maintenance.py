"""Out of service: what is being worked on, by which order and until when. Its alarms are recorded, not announced."""

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection, Row

from alerts import maintenance as work
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.identity import logger_id
from coldchain.registry import maintenance, people
from coldchain.registry.viewer import Permission
from dashboard.api.request import Body, Caller, Web, Words, instant, reply, required_instant, shown_as, takes
from dashboard.policy import API, Endpoint, may

Now = Annotated[bool, Query(description="only what is out of service now")]


class Work(Body):
    """One shipment, store or logger (or one channel of it), from a moment (now) until another one."""

    shipment: str | None = None
    store: str | None = None
    logger: str | None = None
    channel: str | None = None
    work_order: Annotated[str, Field(max_length=200)]
    reason: Words
    from_: str | None = Field(default=None, alias="from")
    until: str


class Remark(Body):
    """Why it goes back into service early."""

    reason: Words = ""


def listed(web: Web, now: Now = False) -> Response:
    """Every stretch of work, the newest first, or those that hold now."""
    with web.registry.read() as connection:
        found = maintenance.listed(connection, at_ms=web.clock.now_ms() if now else None)
        items = [_shown(connection, one) for one in found]
    return reply({"items": items, "next_cursor": None})


def begin(web: Web, viewer: Caller, body: Work) -> Response:
    """Take something out of service; it ends by itself at `until`, and what is still active then is announced."""
    kind = SubjectKind.SHIPMENT if body.shipment else SubjectKind.STORE
    named = body.shipment or body.store
    with web.registry.write() as connection:
        row = work.take_out(
            connection, subject=Subject(kind, named) if named else None,
            logger=None if body.logger is None else logger_id(body.logger), channel=body.channel,
            work_order=body.work_order, reason=body.reason, from_ms=instant("from", body.from_),
            until_ms=required_instant("until", body.until), who=viewer.id, now_ms=web.clock.now_ms(),
        )  # fmt: skip
        return reply(_shown(connection, row), 201)


def end(web: Web, viewer: Caller, maintenance: str, body: Remark) -> Response:
    """Put it back into service now: what is active is announced."""
    with web.registry.write() as connection:
        row = work.put_back(
            connection, maintenance, who=viewer.id, reason=body.reason or None, now_ms=web.clock.now_ms()
        )
        return reply(_shown(connection, row))


def _shown(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    named = people.names(connection, {row.who})
    return {**work.badge(row), "who_name": named.get(row.who, row.who)}


_NEW = {
    "store": "5c1d2b7e-0000-4000-8000-000000000001", "work_order": "WO-4711", "reason": "compressor is replaced",
    "until": "2026-11-23T16:00:00Z",
}  # fmt: skip
_WORK = {
    "id": "5c1d2b7e-0000-4000-8000-000000000009", "subject": {"kind": "store", "id": _NEW["store"]}, "logger": None,
    "channel": None, "work_order": "WO-4711", "reason": "compressor is replaced", "from": "2026-11-22T12:00:00.000Z",
    "until": "2026-11-23T16:00:00.000Z", "who_name": "Mara Olsen", "ended": None,
}  # fmt: skip
_SEE, _QUALITY = may(Permission.VIEW, unscoped=True), may(Permission.ASSESS, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", f"{API}/maintenance", listed, _SEE, shown_as("What is worked on", _WORK, many=True)),
    Endpoint("POST", f"{API}/maintenance", begin, _QUALITY,
             shown_as("What is out of service", _WORK, status=201) | takes(_NEW)),
    Endpoint("POST", f"{API}/maintenance/{{maintenance}}/end", end, _QUALITY,
             shown_as("What was out of service", _WORK) | takes({"reason": "done early"})),
)  # fmt: skip
