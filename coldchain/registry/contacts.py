"""Where people are reached, for who writes to them: on call now, or told before."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, or_, select

from coldchain.registry.schema import person


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
