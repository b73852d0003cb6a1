"""Where people are reached, for who writes to them: on call now, or told before."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, or_, select

from coldchain.registry.endpoints import channel_of
from coldchain.registry.people import names as names_of_people
from coldchain.registry.schema import person
from coldchain.registry.schema_people import endpoint, party_contact
from coldchain.registry.viewer import PERMISSIONS, Permission


class Contact(NamedTuple):
    """A person with the address of each channel, and whether that address was ever proved to work."""

    id: str
    name: str
    zone: str
    language: str
    email: str
    phone: str | None
    email_verified: bool
    phone_verified: bool
    role: str
    scope_customer: str | None
    scope_carrier: str | None


def on_call(connection: Connection, now_ms: int) -> list[Contact]:
    """Everybody on call whose access has not ended, by name."""
    return _contacts(connection, person.c.on_call.is_(True), now_ms)


def contacts(connection: Connection, ids: set[str], now_ms: int) -> list[Contact]:
    """These people, without those whose access has ended, by name."""
    return _contacts(connection, person.c.id.in_(ids), now_ms)


def _contacts(connection: Connection, condition: ColumnElement[bool], now_ms: int) -> list[Contact]:
    current = (person.c.disabled_ms.is_(None), or_(person.c.expires_ms.is_(None), person.c.expires_ms > now_ms))
    query = select(person).where(condition, *current).order_by(person.c.name, person.c.id)
    return [_contact(row) for row in connection.execute(query)]


def _contact(row: Any) -> Contact:
    return Contact(
        row.id, row.name, row.zone, row.language, row.email, row.phone, row.email_verified_ms is not None,
        row.phone_verified_ms is not None, row.role, row.scope_customer, row.scope_carrier,
    )  # fmt: skip


class Way(NamedTuple):
    """One channel of a recipient, and whether its address was ever proved to work."""

    channel: str
    address: str
    verified: bool


class Recipient(NamedTuple):
    """Somebody or something that can be told: a person, a party's contact, or an endpoint."""

    id: str
    kind: str  # person | party | endpoint
    name: str
    zone: str
    language: str
    ways: tuple[Way, ...]
    may_acknowledge: bool = False
    contact: Contact | None = None  # of a person


def recipient(contact: Contact) -> Recipient:
    """A person as a recipient."""
    ways = [Way("email", contact.email, contact.email_verified)]
    if contact.phone:
        ways.append(Way("sms", contact.phone, contact.phone_verified))
    may = Permission.ACKNOWLEDGE in PERMISSIONS.get(contact.role, frozenset())
    said = (contact.id, "person", contact.name, contact.zone, contact.language)
    return Recipient(*said, tuple(ways), may, contact)


def endpoints(connection: Connection, ids: Collection[str]) -> list[Recipient]:
    """These endpoints, without those that are switched off, by name."""
    query = select(endpoint).where(endpoint.c.id.in_(ids), endpoint.c.disabled_ms.is_(None))
    return [
        Recipient(
            row.id, "endpoint", row.name, "UTC", "en", (Way(channel_of(row.url), row.url, row.verified_ms is not None),)
        )
        for row in connection.execute(query.order_by(endpoint.c.name))
    ]


def party_contacts(connection: Connection, party: str) -> list[Recipient]:
    """Whom to write to at a party, as shipments name it, by name; they get messages and nothing else."""
    return _party(connection, party_contact.c.party == party)


def parties(connection: Connection, ids: Collection[str]) -> list[Recipient]:
    """These contacts of parties, without those that have ended."""
    return _party(connection, party_contact.c.id.in_(ids))


def _party(connection: Connection, condition: ColumnElement[bool]) -> list[Recipient]:
    query = select(party_contact).where(condition, party_contact.c.ended_ms.is_(None))
    found = []
    for row in connection.execute(query.order_by(party_contact.c.name, party_contact.c.id)):
        ways = [Way("email", row.email, row.email_verified_ms is not None)] if row.email else []
        if row.phone:
            ways.append(Way("sms", row.phone, row.phone_verified_ms is not None))
        found.append(Recipient(row.id, "party", row.name, row.zone, row.language, tuple(ways)))
    return found


def names(connection: Connection, ids: set[str]) -> dict[str, str]:
    """The names of recipients of every kind: people (and API keys), endpoints, contacts of parties."""
    found = names_of_people(connection, ids)
    for table in (endpoint, party_contact):
        rows = connection.execute(select(table.c.id, table.c.name).where(table.c.id.in_(ids)))
        found |= {row.id: row.name for row in rows}
    return found


def gone(connection: Connection, now_ms: int) -> frozenset[str]:
    """The people whose access has ended."""
    ended = or_(person.c.disabled_ms.is_not(None), person.c.expires_ms <= now_ms)
    return frozenset(connection.execute(select(person.c.id).where(ended)).scalars())


class Habits(NamedTuple):
    """When somebody reads what may wait."""

    digest_at: str | None
    working_hours: dict[str, list[str]] | None
    quiet_hours: list[str] | None


def habits(connection: Connection, id_: str) -> Habits:
    """When a person reads what may wait; `digest_at` None: takes no digest."""
    query = select(person.c.digest_at, person.c.working_hours, person.c.quiet_hours).where(person.c.id == id_)
    row = connection.execute(query).one_or_none()
    return Habits(None, None, None) if row is None else Habits(*row)
