"""The records behind everything: original messages, what was refused, the audit trail, and what was exported."""

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response

from coldchain import audit
from coldchain.domain.message import Outcome
from coldchain.domain.quantity import iso
from coldchain.errors import NotFound
from coldchain.journal.port import StoredMessage
from coldchain.registry import exports, people
from coldchain.registry.paging import Page, cursor_of, position_of
from coldchain.registry.viewer import Permission
from dashboard.api.request import Caller, Cursor, Limit, Web, list_reply, reply, shown_as
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services

_SHOWN_BYTES = 2000  # of a refused message in the list; `GET /messages/{id}` has all of it


def message(web: Web, message: int) -> Response:
    """A message exactly as it arrived: its own bytes, never a rendering of them."""
    found = web.journal.message(message) if 0 <= message < 2**63 else None
    if found is None:
        raise NotFound(f"no message {message}")
    headers = {
        "Content-Disposition": f'attachment; filename="message-{message}.bin"',
        "X-Message-Source": found.envelope.source.encode("ascii", "backslashreplace").decode()[:500],
        "X-Message-Received": iso(found.envelope.received_at_ms),
        "X-Message-Outcome": found.outcome.value,
    }
    return Response(found.envelope.payload, headers=headers, media_type="application/octet-stream")


def quarantine(web: Web, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """What was refused, whole or in part, newest first: with the reason and the beginning of its bytes."""
    return _refused(web, Outcome.QUARANTINED, limit, cursor)


def undecoded(web: Web, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """What nobody here could read, newest first."""
    return _refused(web, Outcome.UNDECODED, limit, cursor)


def trail(
    web: Web, kind: Annotated[str | None, Query(description="kind of object, such as shipment")] = None,
    id: Annotated[str | None, Query(description="the object's id")] = None,  # noqa: A002
    who: str | None = None, limit: Limit = 100, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """The audit trail, newest first: who did what to which object, when and why, with old and new value."""
    before = None if cursor is None else position_of(cursor, int)[0]
    with web.registry.read() as connection:
        found = audit.newest(connection, kind=kind, object_id=id, who=who, before=before, limit=limit + 1)
        names = people.names(connection, {entry.who for entry in found})
    items = [_entry(entry, names) for entry in found[:limit]]
    return list_reply(Page(items, cursor_of(found[limit - 1].number) if len(found) > limit else None))


def check(web: Web) -> Response:
    """Walk the whole chain of the audit trail and say whether every entry fits."""
    with web.registry.read() as connection:
        broken = audit.verify(connection)
        newest = audit.newest(connection, limit=1)
    head = {"entries": newest[0].number, "hash": newest[0].hash} if newest else {"entries": 0}
    return reply({"intact": broken is None, **head, "broken": None if broken is None else broken._asdict()})


def exported(web: Web, viewer: Caller, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """What was exported, newest first, with rows and hash: your own, or everybody's for who reads the trail."""
    with web.registry.read() as connection:
        page = exports.listed(connection, viewer, limit=limit, cursor=cursor)
        names = people.names(connection, {item["who"] for item in page.items})
    return list_reply(Page([{**one, "who_name": names.get(one["who"])} for one in page.items], page.next_cursor))


def _refused(web: Services, outcome: Outcome, limit: int, cursor: str | None) -> Response:
    before = None if cursor is None else position_of(cursor, int)[0]
    found = web.journal.refused(outcome, before, limit + 1)
    more = len(found) > limit
    return list_reply(
        Page([_message(one) for one in found[:limit]], cursor_of(found[limit - 1].offset) if more else None)
    )


def _message(one: StoredMessage) -> dict[str, Any]:
    envelope = one.envelope
    refusals = [
        {"reason": r.reason, "field": r.field, "value": r.value, "channel": r.channel,
         "event_time": None if r.event_time_ms is None else iso(r.event_time_ms)}
        for r in one.refusals
    ]  # fmt: skip
    values = {
        "message": one.offset, "logger": one.logger, "received_at": iso(envelope.received_at_ms),
        "transport": envelope.transport, "source": envelope.source, "outcome": one.outcome.value,
        "adapter": one.adapter, "length": envelope.length or len(envelope.payload), "sha256": envelope.sha256,
        "begins": envelope.payload[:_SHOWN_BYTES].decode("utf-8", "backslashreplace"),
        "refused": [{k: v for k, v in refusal.items() if v is not None} for refusal in refusals],
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def _entry(entry: audit.Entry, names: dict[str, str]) -> dict[str, Any]:
    return {
        "number": entry.number, "at": iso(entry.at_ms), "who": entry.who, "who_name": names.get(entry.who),
        "action": entry.action, "kind": entry.object_kind, "id": entry.object_id, "old": entry.old, "new": entry.new,
        "reason": entry.reason, "previous": entry.previous, "hash": entry.hash,
    }  # fmt: skip


_REFUSED = {"message": 41, "logger": "LOG-0042", "outcome": "quarantined", "source": "cc/LOG-0042/up",
            "refused": [{"field": "temperature_c", "value": "NaN", "reason": "…"}]}  # fmt: skip
_ENTRY = {"number": 7, "at": "2026-01-05T11:54:10.000Z", "who": "…", "action": "shipment created", "kind": "shipment"}
_EXPORT = {"id": "6e1e", "kind": "readings.csv", "rows": 4320, "sha256": "…"}
_BYTES: dict[str, Any] = {
    "responses": {
        200: {"description": "The bytes", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    }
}
_AUDIT = may(Permission.AUDIT, unscoped=True)
_WHOLE = may(Permission.VIEW, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", f"{API}/messages/{{message}}", message, _WHOLE, _BYTES),
    Endpoint("GET", f"{API}/quarantine", quarantine, _WHOLE, shown_as("A page", _REFUSED, many=True)),
    Endpoint("GET", f"{API}/undecoded", undecoded, _WHOLE, shown_as("A page", _REFUSED, many=True)),
    Endpoint("GET", f"{API}/audit", trail, _AUDIT, shown_as("A page", _ENTRY, many=True)),
    Endpoint("GET", f"{API}/audit/check", check, _AUDIT, shown_as("The check", {"intact": True, "entries": 7})),
    Endpoint("GET", f"{API}/exports", exported, may(Permission.VIEW), shown_as("A page", _EXPORT, many=True)),
)
