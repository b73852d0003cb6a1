"""Contacts of consignors, consignees, customers and carriers: informed where routing says so, without access."""

from typing import Any

from fastapi.responses import Response

from alerts import proofs
from coldchain.domain.quantity import iso
from coldchain.registry import parties
from coldchain.registry.viewer import Permission
from dashboard.api.request import Body, Caller, Web, reply, shown_as, takes
from dashboard.policy import API, Endpoint, may


class NewContact(Body):
    """Somebody at a party; `party` as shipments name it."""

    party: str
    name: str
    email: str
    phone: str | None = None
    zone: str = "UTC"
    language: str = "en"


def listed(web: Web, party: str | None = None) -> Response:
    """Everybody who is informed, by party."""
    with web.registry.read() as connection:
        return reply({"items": [_json(row) for row in parties.listed(connection, party)], "next_cursor": None})


def create(web: Web, viewer: Caller, body: NewContact) -> Response:
    """Inform somebody at a party from now on."""
    with web.registry.write() as connection:
        id_ = parties.create(connection, who=viewer.id, now_ms=web.clock.now_ms(), **body.model_dump())
        made = next(row for row in parties.listed(connection) if row.id == id_)
    return reply(_json(made), 201)


def end(web: Web, viewer: Caller, contact: str) -> Response:
    """Inform this contact no more."""
    with web.registry.write() as connection:
        parties.end(connection, contact, who=viewer.id, now_ms=web.clock.now_ms())
    return reply({"id": contact, "ended": True})


def prove(web: Web, viewer: Caller, contact: str) -> Response:
    """Send a link to this contact's e-mail address; who opens it and presses the button has proved it."""
    with web.registry.write() as connection:
        asked = proofs.ask_party(connection, contact, who=viewer.id, now_ms=web.clock.now_ms())
    return reply({"id": asked.id, "channel": asked.channel, "expires": iso(asked.expires_ms)}, 202)


def _json(row: Any) -> dict[str, object]:
    return {
        "id": row.id, "party": row.party, "name": row.name, "email": row.email, "phone": row.phone, "zone": row.zone,
        "language": row.language, "email_verified": row.email_verified_ms is not None,
        "phone_verified": row.phone_verified_ms is not None, "created": iso(row.created_ms),
    }  # fmt: skip


_NEW = {"party": "Helvetia Pharma", "name": "Quality desk", "email": "quality@helvetia.example", "language": "en"}
_CONTACT = {**_NEW, "id": "c2a7b1de-0d5e-4d0a-8a0a-7f4f7a1f0e12"}
_SENT = {"id": "5a1c…", "channel": "email", "expires": "2026-01-06T11:20:00.000Z"}
_ADMIN = may(Permission.ADMINISTER, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", f"{API}/parties", listed, _ADMIN, shown_as("The contacts", _CONTACT, many=True)),
    Endpoint("POST", f"{API}/parties", create, _ADMIN, shown_as("The contact", _CONTACT, status=201) | takes(_NEW)),
    Endpoint("POST", f"{API}/parties/{{contact}}/proofs", prove, _ADMIN, shown_as("Sent", _SENT, status=202)),
    Endpoint("DELETE", f"{API}/parties/{{contact}}", end, _ADMIN, shown_as("Ended", {"ended": True})),
)
