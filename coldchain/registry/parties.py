"""Whom to inform at a consignor, consignee, customer or carrier: messages only, no access."""

from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import signals
from coldchain.registry.changes import changed
from coldchain.registry.people import LANGUAGES, checked_email, checked_phone, checked_text, checked_zone
from coldchain.registry.schema_people import party_contact
from coldchain.registry.store import new_id


def create(
    connection: Connection,
    *,
    party: str,
    name: str,
    email: str,
    who: str,
    now_ms: int,
    phone: str | None = None,
    zone: str = "UTC",
    language: str = "en",
) -> str:
    """Add a contact of a party, named as shipments name it; its id.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    if language not in LANGUAGES:
        raise InvalidValue(f"language: {language[:20]!r} is none of {', '.join(LANGUAGES)}")
    values = {
        "party": checked_text("party", party, 200), "name": checked_text("name", name, 200),
        "email": checked_email(email), "phone": checked_phone(phone), "zone": checked_zone(zone), "language": language,
    }  # fmt: skip
    id_ = new_id()
    connection.execute(party_contact.insert().values(id=id_, created_ms=now_ms, **values))
    # As with people, the trail names nobody: it outlives what may be erased.
    new = {"party": values["party"], "zone": zone, "language": language}
    changed(connection, who=who, now_ms=now_ms, action="party contact created", kind="party_contact", id=id_, new=new)
    return id_


def get(connection: Connection, id: str) -> Row[Any] | None:  # noqa: A002
    """A contact that is informed now; None for one that has ended or never was."""
    query = select(party_contact).where(party_contact.c.id == id, party_contact.c.ended_ms.is_(None))
    return connection.execute(query).one_or_none()


def unverified_detail(row: Row[Any]) -> str:
    """How an address that nobody has confirmed is named in a system alarm."""
    return f"{row.name} of {row.party} has not confirmed the e-mail address; send a proof and ask for its answer"


def end(connection: Connection, id: str, *, who: str, now_ms: int) -> None:  # noqa: A002
    """Inform this contact no more.

    Raises:
        NotFound: there is none of this id.
    """
    known = get(connection, id)
    current = update(party_contact).where(party_contact.c.id == id, party_contact.c.ended_ms.is_(None))
    if connection.execute(current.values(ended_ms=now_ms)).rowcount != 1:
        raise NotFound(f"no contact {id} of a party")
    if known is not None:
        signals.clear(connection, kind="contact_unverified", detail=unverified_detail(known), now_ms=now_ms)
    changed(connection, who=who, now_ms=now_ms, action="party contact ended", kind="party_contact", id=id, new={})


def listed(connection: Connection, party: str | None = None) -> list[Row[Any]]:
    """Everybody who is informed now, by party and name."""
    query = select(party_contact).where(party_contact.c.ended_ms.is_(None))
    if party is not None:
        query = query.where(party_contact.c.party == party)
    return list(connection.execute(query.order_by(func.lower(party_contact.c.party), party_contact.c.name)))
