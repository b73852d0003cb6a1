"""Proof that an address reaches its owner: a link and a code go out, and one of them has to come back."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from alerts.announcement import Announcement, Reader
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import contact_checks, parties, people, signals
from coldchain.registry.changes import changed
from coldchain.registry.people import Person

CHANNELS = ("email", "sms")
UNVERIFIED = "contact_unverified"


class Asked(NamedTuple):
    """A proof that is under way."""

    id: str
    channel: str
    address: str
    expires_ms: int


def ask(connection: Connection, person_id: str, channel: str, *, who: str, now_ms: int) -> Asked:
    """Send a link and a code to a person's address, inside a writing transaction.

    Raises:
        NotFound: no such person.
        InvalidValue: no such channel, the person has no address there, or it was asked a moment ago.
    """
    if channel not in CHANNELS:
        raise InvalidValue(f"channel: {channel[:20]!r} is none of {', '.join(CHANNELS)}")
    someone = people.get(connection, person_id)
    if someone is None:
        raise NotFound(f"no person {person_id}")
    address = someone.phone if channel == "sms" else someone.email
    if not address:
        raise InvalidValue("channel: this person has no phone number; enter one first")
    id_, code = contact_checks.begin_proof(
        connection, recipient=someone.id, kind="person", channel=channel, address=address, now_ms=now_ms
    )
    ends_ms = now_ms + contact_checks.PROOF_MS
    values = {"id": id_, "ends_ms": str(ends_ms), "hours": str(contact_checks.PROOF_MS // 3600_000)}
    send(connection, someone, "proof", channel, address, values, code, now_ms)
    changed(connection, who=who, now_ms=now_ms, action="contact proof asked", kind="person", id=someone.id,
            new={"channel": channel})  # fmt: skip
    return Asked(id_, channel, address, ends_ms)


def ask_party(connection: Connection, contact_id: str, *, who: str, now_ms: int) -> Asked:
    """Send a link to the e-mail address of a party's contact, who has no page to enter a code on.

    Raises:
        NotFound: there is no such contact.
        InvalidValue: it was asked a moment ago.
    """
    contact = parties.get(connection, contact_id)
    if contact is None:
        raise NotFound(f"no contact {contact_id} of a party")
    id_, _ = contact_checks.begin_proof(
        connection, recipient=contact.id, kind="party", channel="email", address=contact.email, now_ms=now_ms
    )
    ends_ms = now_ms + contact_checks.PROOF_MS
    values = {"id": id_, "ends_ms": str(ends_ms), "hours": str(contact_checks.PROOF_MS // 3600_000)}
    verified = contact.email_verified_ms is not None
    reader = Reader(contact.id, contact.name, contact.zone, contact.language, verified, may_acknowledge=False)
    _queue(connection, reader, "party", "proof", "email", contact.email, values, None, now_ms)
    changed(connection, who=who, now_ms=now_ms, action="contact proof asked", kind="party_contact", id=contact.id,
            new={"channel": "email"})  # fmt: skip
    return Asked(id_, "email", contact.email, ends_ms)


def send(
    connection: Connection, someone: Person, form: str, channel: str, address: str, values: dict[str, str],
    code: str | None, now_ms: int,
) -> str:  # fmt: skip
    """Queue a message of a contact's own; the record that it hangs on."""
    verified = someone.phone_verified_ms if channel == "sms" else someone.email_verified_ms
    reader = Reader(
        someone.id, someone.name, someone.zone, someone.language, verified is not None, may_acknowledge=False
    )
    return _queue(connection, reader, "person", form, channel, address, values, code, now_ms)


def _queue(
    connection: Connection, reader: Reader, kind: str, form: str, channel: str, address: str, values: dict[str, str],
    code: str | None, now_ms: int,
) -> str:  # fmt: skip
    content = Announcement(form, now_ms, reader, (), form=form, values=values).as_json()
    record = contact_checks.record_of(connection, reader.id, now_ms)
    contact_checks.queue(
        connection, record, recipient=reader.id, recipient_kind=kind, channel=channel, address=address,
        content=content, code=code, now_ms=now_ms,
    )  # fmt: skip
    return str(record.id)


def by_code(connection: Connection, person_id: str, code: str, *, now_ms: int) -> bool:
    """Prove an address by the code that was sent to it; False for a wrong or old one."""
    digits = "".join(c for c in code if c.isdigit())
    row = contact_checks.proof_by_code(connection, person_id, digits, now_ms)
    return row is not None and prove(connection, row, via="code", now_ms=now_ms)


def prove(connection: Connection, row: Row[Any], *, via: str, now_ms: int) -> bool:
    """Write down that what was sent has come back; False if the address is no longer the contact's."""
    if not contact_checks.proved(connection, row, now_ms):
        return False
    if row.recipient_kind == "party":
        _party_confirmed(connection, row.recipient, via=via, now_ms=now_ms)
    else:
        confirmed(connection, row.recipient, row.channel, via=via, now_ms=now_ms)
    return True


def _party_confirmed(connection: Connection, contact_id: str, *, via: str, now_ms: int) -> None:
    changed(connection, who=contact_id, now_ms=now_ms, action="contact verified", kind="party_contact", id=contact_id,
            new={"channel": "email", "via": via})  # fmt: skip
    contact = parties.get(connection, contact_id)
    if contact is not None:
        detail = parties.unverified_detail(contact)
        signals.clear(connection, kind=UNVERIFIED, detail=detail, now_ms=now_ms)


def confirmed(connection: Connection, person_id: str, channel: str, *, via: str, now_ms: int) -> None:
    """An address works: say so in the trail, and end the trouble that it was not known."""
    changed(connection, who=person_id, now_ms=now_ms, action="contact verified", kind="person", id=person_id,
            new={"channel": channel, "via": via})  # fmt: skip
    someone = people.get(connection, person_id)
    if someone is not None:
        signals.clear(connection, kind=UNVERIFIED, detail=unverified_detail(someone, channel), now_ms=now_ms)


def unverified_detail(someone: Person, channel: str) -> str:
    """How an address that nobody has confirmed is named in a system alarm."""
    way = "phone number" if channel == "sms" else "e-mail address"
    return f"{someone.name} is on call and has not confirmed the {way}; send a proof and ask for its answer"
