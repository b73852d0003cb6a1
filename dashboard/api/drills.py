"""Drills: who was asked over which channel, who answered, and one more now."""

from typing import Any

from fastapi.responses import Response

from alerts import drills
from coldchain.domain.quantity import iso
from coldchain.registry import contact_checks
from coldchain.registry.viewer import Permission
from dashboard.api.request import Body, Caller, Limit, Web, reply, shown_as, takes
from dashboard.policy import API, Endpoint, may


class Wanted(Body):
    """Whom to send a drill, and how."""

    person: str
    channel: str


def listed(web: Web, limit: Limit = 100) -> Response:
    """Drills, the newest first, with what came of them."""
    with web.registry.read() as connection:
        rows = contact_checks.drills(connection, limit)
    return reply({"items": [_json(row, web.clock.now_ms()) for row in rows], "next_cursor": None})


def send(web: Web, viewer: Caller, body: Wanted) -> Response:
    """Send a drill now; its answer is due after a day, within working hours."""
    now_ms = web.clock.now_ms()
    with web.registry.write() as connection:
        id_ = drills.send_to(connection, body.person, body.channel, who=viewer.id, now_ms=now_ms)
        row = contact_checks.drill_of(connection, id_)
    return reply(_json(row, now_ms), 202)


def _json(row: Any, now_ms: int) -> dict[str, object]:
    open_ = "missed" if row.due_ms <= now_ms else "open"
    times = {"sent": row.sent_ms, "due": row.due_ms, "answered": row.answered_ms, "missed": row.missed_ms}
    return {
        "id": row.id, "person": row.recipient, "name": getattr(row, "recipient_name", None), "channel": row.channel,
        "state": open_ if row.answered_ms is None else "answered", "answered_via": row.answered_via,
        **{name: None if value is None else iso(value) for name, value in times.items()},
    }  # fmt: skip


_DRILL = {
    "id": "7b0e…", "person": "0b8e2f0a-94be-4a02-8b8b-6ad4c0a3fd3e", "channel": "sms", "state": "answered",
    "sent": "2026-01-05T09:00:00.000Z", "due": "2026-01-06T09:00:00.000Z", "answered": "2026-01-05T09:02:10.000Z",
}  # fmt: skip
ENDPOINTS = (
    Endpoint("GET", f"{API}/drills", listed, may(Permission.VIEW, unscoped=True),
             shown_as("The drills", _DRILL, many=True)),
    Endpoint("POST", f"{API}/drills", send, may(Permission.ADMINISTER, unscoped=True),
             shown_as("Sent", _DRILL, status=202)
             | takes({"person": "0b8e2f0a-94be-4a02-8b8b-6ad4c0a3fd3e", "channel": "sms"})),
)  # fmt: skip
