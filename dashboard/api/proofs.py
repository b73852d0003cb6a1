"""Proof that somebody's address works: ask for it, enter the code, or press the button behind the link."""

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import Connection

from alerts import contact_link, drills, proofs
from alerts.contact_link import Asked
from coldchain.domain.quantity import iso
from coldchain.errors import Forbidden, InvalidValue, NotFound
from coldchain.registry import contact_checks, parties, people
from coldchain.registry.viewer import Permission
from dashboard.api.ack_links import HTML, LINK, link_refused
from dashboard.api.request import Body, Caller, Web, reply, shown_as, takes
from dashboard.plain_pages import escape, page
from dashboard.policy import API, Endpoint, may

_CHANNELS = {"email": "e-mail address", "sms": "phone number"}


class Wanted(Body):
    """Which address is to be proved, or the code that came to it."""

    channel: str | None = None
    code: str | None = None


def own(web: Web, viewer: Caller) -> Response:
    """Every proof that was asked of you, the newest first."""
    return listed(web, viewer.id)


def ask_own(web: Web, viewer: Caller, body: Wanted) -> Response:
    """Have a link and a code sent to an address of yours (`channel`), or enter the code that came (`code`)."""
    return ask(web, viewer, viewer.id, body)


def listed(web: Web, person: str) -> Response:
    """Every proof that was asked of a person, the newest first."""
    with web.registry.read() as connection:
        _known(connection, person)
        rows = contact_checks.proofs_of(connection, person)
    items = [
        {"id": row.id, "channel": row.channel, "address": row.address, "sent": iso(row.sent_ms),
         "expires": iso(row.expires_ms), "proved": None if row.proved_ms is None else iso(row.proved_ms)}
        for row in rows
    ]  # fmt: skip
    return reply({"items": items, "next_cursor": None})


def ask(web: Web, viewer: Caller, person: str, body: Wanted) -> Response:
    """Send a link and a code to an address (`channel`), or enter the code that came (`code`)."""
    now_ms = web.clock.now_ms()
    if (body.code is None) == (body.channel is None):
        raise InvalidValue("channel, code: give one of them: channel asks for a proof, code answers it")
    with web.registry.write() as connection:
        _known(connection, person)
        if body.channel is not None:
            asked = proofs.ask(connection, person, body.channel, who=viewer.id, now_ms=now_ms)
            return reply({"id": asked.id, "channel": asked.channel, "expires": iso(asked.expires_ms)}, 202)
        proved = proofs.by_code(connection, person, body.code or "", now_ms=now_ms)
    # Refused outside the transaction: that a wrong code was tried has to be kept.
    if not proved:
        raise InvalidValue("code: is wrong, too old, or was tried too often; ask for a new one")
    return reply({"proved": True})


def show(request: Request, web: Web, token: str) -> Response:
    """What the link shows; only the button acts, because mail scanners open every link."""
    try:
        asked = contact_link.read(web.settings.ack_key, token, web.clock.now_ms())
        with web.registry.read() as connection:
            name, way = _about(connection, asked)
    except Forbidden as error:
        return link_refused(request, str(error))
    if asked.kind == "proof":
        title, words, button = "Confirm this address", "Alarms will reach", "Confirm"
    else:
        title, words, button = "Answer the drill", "This test alarm reached", "I have received it"
    body = f"<p>{words} {escape(name)} at this {escape(way)}.</p>"
    body += f'<form method="post" action="{API}/proofs/{escape(token)}"><button>{button}</button></form>'
    return page(request, title, body)


def act(request: Request, web: Web, token: str) -> Response:
    """Confirm the address, or answer the drill."""
    now_ms = web.clock.now_ms()
    try:
        asked = contact_link.read(web.settings.ack_key, token, now_ms)
        with web.registry.write() as connection:
            _about(connection, asked)
            done = _take(connection, asked, now_ms)
    except Forbidden as error:
        return link_refused(request, str(error))
    words = "Thank you. Alarms reach you here." if done else "Thank you. This was answered before."
    return page(
        request, "Confirmed" if asked.kind == "proof" else "Answered", f'<p class="good" role="status">{words}</p>'
    )


def _take(connection: Connection, asked: Asked, now_ms: int) -> bool:
    if asked.kind == "drill":
        return drills.answer(connection, asked.id, via="link", now_ms=now_ms)
    row = contact_checks.proof(connection, asked.id)
    if row is None or row.expires_ms <= now_ms:
        raise Forbidden("a newer proof was asked for; use the newest mail")
    if row.proved_ms is not None:
        return False
    if not proofs.prove(connection, row, via="link", now_ms=now_ms):
        raise Forbidden("this is no longer the address on record")
    return True


def _about(connection: Connection, asked: Asked) -> tuple[str, str]:
    """(name of the person, what kind of address) behind a link."""
    find = contact_checks.proof if asked.kind == "proof" else contact_checks.drill_of
    row = find(connection, asked.id)
    party = row is not None and asked.kind == "proof" and row.recipient_kind == "party"
    find_one = parties.get if party else people.get
    someone = None if row is None else find_one(connection, row.recipient)
    if row is None or someone is None:
        raise Forbidden("what this link asked for is gone")
    return someone.name, _CHANNELS[row.channel]


def _known(connection: Connection, person: str) -> None:
    if people.get(connection, person) is None:
        raise NotFound(f"no person {person}")


_PROOF = {"id": "5a1c…", "channel": "sms", "expires": "2026-01-06T11:20:00.000Z"}
_AT, _OWN = f"{API}/people/{{person}}/proofs", f"{API}/people/me/proofs"
_ADMIN = may(Permission.ADMINISTER, unscoped=True)
_SENT = shown_as("Sent", _PROOF, status=202)
ENDPOINTS = (
    Endpoint("GET", _OWN, own, may(Permission.VIEW), shown_as("Your proofs", _PROOF, many=True)),
    Endpoint("POST", _OWN, ask_own, may(Permission.VIEW), _SENT | takes({"channel": "sms"})),
    Endpoint("GET", _AT, listed, _ADMIN, shown_as("The proofs", _PROOF, many=True)),
    Endpoint("POST", _AT, ask, _ADMIN, _SENT | takes({"channel": "sms"})),
    Endpoint("GET", f"{API}/proofs/{{token}}", show, LINK, HTML),
    Endpoint("POST", f"{API}/proofs/{{token}}", act, LINK, HTML),
)
