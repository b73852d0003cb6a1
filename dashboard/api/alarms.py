"""Alarms: list, show, acknowledge, remark, set aside, reset; by people and by programs."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from alerts import lifecycle, shelving
from alerts.lifecycle import Done
from coldchain.domain.finding import Severity
from coldchain.registry import alarm_unrest, alarms
from coldchain.registry.alarms import AlarmFilter
from coldchain.registry.viewer import Permission, Viewer
from dashboard import security
from dashboard.api.request import (
    Body,
    Caller,
    Cursor,
    From,
    Limit,
    To,
    Web,
    Words,
    instant,
    list_reply,
    reply,
    required_instant,
    shown_as,
    takes,
)
from dashboard.confirm import confirmed
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services

Word = Literal["info", "minor", "major", "critical"]


class Acknowledgement(Body):
    """Who has it in hand is who calls; `version` is that of the alarm as it was shown."""

    comment: Words = ""
    version: int | None = None


class Remark(Body):
    """Something to remember about an alarm."""

    comment: Words


class Shelf(Body):
    """Say nothing of the alarm until a moment; evaluation and record go on."""

    until: str
    reason: Words
    version: int | None = None


class Agreement(Body):
    """Agree, as a second person, to the shelf that a first one asked for."""

    version: int | None = None


class Unshelf(Body):
    """Watch a shelved alarm again at once."""

    reason: Words = ""


class Assignment(Body):
    """Who sees to the alarm; it stays unacknowledged until somebody acknowledges it."""

    person: str


class Reset(Body):
    """Take a returned and acknowledged alarm off the board: reason, and one's own password once more."""

    reason: Words
    password: str
    version: int | None = None


def listed(
    web: Web, viewer: Caller, shipment: str | None = None, store: str | None = None, logger: str | None = None,
    cause: str | None = None, open: bool | None = None, acknowledged: bool | None = None,  # noqa: A002
    shelved: bool | None = None, stale: bool = False, chattering: bool = False, assigned: str | None = None,
    severity: Annotated[Word | None, Query(description="at least this bad")] = None, from_: From = None, to: To = None,
    limit: Limit = 100, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """Alarms that you may see, newest first; times bound the moment of raising."""
    kind = "shipment" if shipment is not None else "store" if store is not None else None
    which = AlarmFilter(
        kind, shipment or store, logger, cause, open, acknowledged,
        None if severity is None else Severity[severity.upper()], instant("from", from_), instant("to", to),
        shelved, web.clock.now_ms() if stale else None, assigned,
    )  # fmt: skip
    with web.registry.read() as connection:
        if chattering:
            which = replace(which, among=frozenset(alarm_unrest.chattering(connection, web.clock.now_ms())))
        return list_reply(alarms.alarms(connection, viewer, which, cursor, limit))


def shown(web: Web, viewer: Caller, alarm: str) -> Response:
    """One alarm with its timeline and who was told."""
    with web.registry.read() as connection:
        return reply(alarms.alarm(connection, viewer, alarm))


def acknowledge(web: Web, viewer: Caller, alarm: str, body: Acknowledgement | None = None) -> Response:
    """Take an alarm in hand: its repeats stop, its record does not. 409 if it changed since `version`."""
    sent = body or Acknowledgement()

    def act(connection: Connection, now_ms: int) -> Done:
        return lifecycle.acknowledge(
            connection, alarm, who=viewer.id, via="api", comment=sent.comment, now_ms=now_ms, version=sent.version
        )

    return _acted(web, viewer, alarm, act)


def comment(web: Web, viewer: Caller, alarm: str, body: Remark) -> Response:
    """Add a remark to an alarm's timeline."""
    return _acted(
        web, viewer, alarm,
        lambda connection, now_ms: lifecycle.comment(
            connection, alarm, who=viewer.id, text=body.comment, now_ms=now_ms
        ),
    )  # fmt: skip


def shelve(web: Web, viewer: Caller, alarm: str, body: Shelf) -> Response:
    """Set an alarm aside until a moment within 24 h; a critical one within 1 h, and only if a second person agrees."""
    until_ms = required_instant("until", body.until)

    def act(connection: Connection, now_ms: int) -> Done:
        return shelving.shelve(
            connection, alarm, who=viewer.id, until_ms=until_ms, reason=body.reason, now_ms=now_ms,
            version=body.version,
        )  # fmt: skip

    return _acted(web, viewer, alarm, act)


def agree(web: Web, viewer: Caller, alarm: str, body: Agreement | None = None) -> Response:
    """Agree to the shelf of a critical alarm that somebody else asked for within the last quarter of an hour."""
    version = body.version if body else None
    return _acted(
        web, viewer, alarm,
        lambda connection, now_ms: shelving.confirm(connection, alarm, who=viewer.id, now_ms=now_ms, version=version),
    )  # fmt: skip


def unshelve(web: Web, viewer: Caller, alarm: str, body: Unshelf | None = None) -> Response:
    """End a shelf now; people are told of what is still active."""
    reason = body.reason if body else ""
    return _acted(
        web, viewer, alarm,
        lambda connection, now_ms: shelving.unshelve(connection, alarm, who=viewer.id, now_ms=now_ms, reason=reason),
    )  # fmt: skip


def assign(web: Web, viewer: Caller, alarm: str, body: Assignment) -> Response:
    """Give an alarm to somebody who may see and acknowledge it."""
    return _acted(
        web, viewer, alarm,
        lambda connection, now_ms: lifecycle.assign(connection, alarm, who=viewer.id, to=body.person, now_ms=now_ms),
    )  # fmt: skip


def reset(request: Request, web: Web, viewer: Caller, alarm: str, body: Reset) -> Response:
    """Take a returned and acknowledged alarm off the board."""
    peer = request.client.host if request.client else None
    confirmed(web, viewer, body.password, security.client_address(web.settings, request.headers, peer))

    def act(connection: Connection, now_ms: int) -> Done:
        return lifecycle.reset(
            connection, alarm, who=viewer.id, reason=body.reason, now_ms=now_ms, version=body.version
        )

    return _acted(web, viewer, alarm, act)


def _acted(web: Services, viewer: Viewer, alarm: str, act: Any) -> Response:
    with web.registry.write() as connection:
        alarms.alarm(connection, viewer, alarm)
        done: Done = act(connection, web.clock.now_ms())
        return reply({"act": done.act.value, **alarms.alarm(connection, viewer, done.alarm)})


_ALARM = {
    "id": "f2b6c1de-1d5e-4d0a-8a0a-7f4f7a1f0e11", "version": 3, "subject_kind": "shipment",
    "reference": "SHP-2026-0117", "logger": "LOG-0042", "channel": "internal", "cause": "high",
    "condition": "active", "severity": "major", "onset": "2026-01-05T11:20:00.000Z",
    "raised": "2026-01-05T11:50:02.113Z", "value_c": 9.1, "limit_c": 8.0,
}  # fmt: skip
_DONE = {**_ALARM, "act": "acknowledged", "acknowledged": "2026-01-05T11:54:10.000Z"}

_AT = f"{API}/alarms/{{alarm}}"
ENDPOINTS = (
    Endpoint("GET", f"{API}/alarms", listed, may(Permission.VIEW), shown_as("A page", _ALARM, many=True)),
    Endpoint("GET", _AT, shown, may(Permission.VIEW), shown_as("The alarm", _ALARM)),
    Endpoint("POST", f"{_AT}/acknowledge", acknowledge, may(Permission.ACKNOWLEDGE),
             shown_as("Acknowledged", _DONE) | takes({"comment": "driver called, door was open"})),
    Endpoint("POST", f"{_AT}/comment", comment, may(Permission.ACKNOWLEDGE),
             shown_as("Noted", {**_DONE, "act": "commented"}) | takes({"comment": "ice packs added"})),
    Endpoint("POST", f"{_AT}/shelve", shelve, may(Permission.ACKNOWLEDGE),
             shown_as("Set aside", {**_DONE, "act": "shelved"})
             | takes({"until": "2026-01-05T12:30:00Z", "reason": "unloading"})),
    Endpoint("POST", f"{_AT}/shelve/agree", agree, may(Permission.ACKNOWLEDGE),
             shown_as("Set aside", {**_DONE, "act": "shelved"}) | takes({"version": 4})),
    Endpoint("POST", f"{_AT}/unshelve", unshelve, may(Permission.ACKNOWLEDGE),
             shown_as("Watched again", {**_DONE, "act": "unshelved"}) | takes({"reason": "unloading is over"})),
    Endpoint("POST", f"{_AT}/assign", assign, may(Permission.ACKNOWLEDGE),
             shown_as("Given to somebody", {**_DONE, "act": "assigned"})
             | takes({"person": "0b5f5c1e-6a8b-4a53-9a55-3f1e0f2f6b10"})),
    Endpoint("POST", f"{_AT}/reset", reset, may(Permission.ASSESS),
             shown_as("Off the board", {**_DONE, "act": "reset"})
             | takes({"reason": "assessed, see deviation 12", "password": "…"})),
)  # fmt: skip
