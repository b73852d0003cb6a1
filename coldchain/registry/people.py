"""People: who may do what, who is on call, and where they are reached."""

import re
import zoneinfo
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select, update

from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import outbox_addresses
from coldchain.registry.changes import changed
from coldchain.registry.schema import api_key, person, session
from coldchain.registry.store import new_id
from coldchain.registry.viewer import ROLES, Permission, Viewer

PERSON_ROLES = tuple(role for role in ROLES if role != "device")
LANGUAGES = ("en", "de")
# Plain ASCII: what a mail server without extensions carries. Other letters would be refused when it matters.
_EMAIL = re.compile(r"(?:(?![\",;<>@])[!-~]){1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,188}\Z")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}\Z", re.ASCII)


class Person(NamedTuple):
    """Somebody who signs in, is told, or both."""

    id: str
    email: str
    name: str
    phone: str | None
    role: str
    zone: str
    language: str
    on_call: bool
    scope_customer: str | None
    scope_carrier: str | None
    has_password: bool
    email_verified_ms: int | None
    phone_verified_ms: int | None
    expires_ms: int | None
    disabled_ms: int | None
    created_ms: int

    def viewer(self) -> Viewer:
        """This person as somebody who looks."""
        return Viewer(self.id, self.name, self.role, self.scope_customer, self.scope_carrier)


def create(
    connection: Connection,
    *,
    email: str,
    name: str,
    role: str,
    who: str,
    now_ms: int,
    phone: str | None = None,
    zone: str = "UTC",
    language: str = "en",
    on_call: bool = False,
    password_hash: str | None = None,
    scope_customer: str | None = None,
    scope_carrier: str | None = None,
    expires_ms: int | None = None,
) -> str:
    """Add a person and return the id; `password_hash` comes from `passwords.hashed`, None means links only.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    values: dict[str, Any] = {
        "email": checked_email(email), "name": checked_text("name", name, 200), "phone": checked_phone(phone),
        "role": _one_of("role", role, PERSON_ROLES), "zone": checked_zone(zone),
        "language": _one_of("language", language, LANGUAGES), "on_call": on_call,
        "scope_customer": checked_scope("customer", scope_customer),
        "scope_carrier": checked_scope("carrier", scope_carrier), "expires_ms": expires_ms,
    }  # fmt: skip
    if role == "auditor" and expires_ms is None:
        raise InvalidValue("expires: missing; an auditor's access ends at a time that is given here")
    if by_email(connection, values["email"]) is not None:
        raise InvalidValue(f"email: {values['email']} is taken; change that person instead")
    id_ = new_id()
    connection.execute(person.insert().values(id=id_, created_ms=now_ms, password_hash=password_hash, **values))
    # The trail names people by id: names and numbers can be erased later without breaking its chain.
    public = {k: v for k, v in values.items() if k not in ("email", "name", "phone")}
    changed(connection, who=who, now_ms=now_ms, action="person created", kind="person", id=id_, new=public)
    return id_


def change(connection: Connection, id: str, *, who: str, now_ms: int, reason: str | None = None, **values: Any) -> None:  # noqa: A002
    """Change fields of a person (name, phone, role, zone, language, on_call, expires_ms, disabled_ms, password_hash).

    A new role, password or switching off ends every session of the person.

    Raises:
        NotFound, InvalidValue: as `create`.
    """
    checks: dict[str, Callable[[Any], Any]] = {
        "name": lambda v: checked_text("name", v, 200), "phone": checked_phone, "zone": checked_zone,
        "role": lambda v: _one_of("role", v, PERSON_ROLES), "language": lambda v: _one_of("language", v, LANGUAGES),
    }  # fmt: skip
    allowed = {*checks, "on_call", "expires_ms", "disabled_ms", "password_hash"}
    if unknown := sorted(values.keys() - allowed):
        raise InvalidValue(f"{unknown[0]}: is not a field of a person that can be changed")
    before = connection.execute(select(person).where(person.c.id == id)).mappings().one_or_none()
    if before is None:
        raise NotFound(f"no person {id}")
    for name in ("name", "role", "zone", "language", "on_call"):
        if name in values and values[name] is None:
            raise InvalidValue(f"{name}: null takes away what every person has; leave it out to keep it")
    values = {name: checks[name](value) if name in checks else value for name, value in values.items()}
    if {**before, **values}["role"] == "auditor" and {**before, **values}["expires_ms"] is None:
        raise InvalidValue("expires: missing; an auditor's access ends at a time that is given here")
    # Another address has proved nothing yet.
    lost = {"phone_verified_ms": None} if "phone" in values and values["phone"] != before["phone"] else {}
    connection.execute(update(person).where(person.c.id == id).values(**values, **lost))
    if lost:
        outbox_addresses.readdress(connection, id, "sms", values["phone"], now_ms)
    if values.keys() & {"role", "password_hash", "disabled_ms"}:
        ended = update(session).where(session.c.person == id, session.c.revoked_ms.is_(None))
        connection.execute(ended.values(revoked_ms=now_ms))
    shown = [name for name in values if name not in ("password_hash", "name", "phone")]
    changed(
        connection, who=who, now_ms=now_ms, action="person changed", kind="person", id=id, reason=reason,
        old={name: before[name] for name in shown}, new={"fields": sorted(values), **{n: values[n] for n in shown}},
    )  # fmt: skip


def listed(connection: Connection, viewer: Viewer) -> list[Person]:
    """Everybody, by name; contact data only for who administers, and a scoped viewer sees only itself."""
    query = select(person).order_by(func.lower(person.c.name), person.c.id)
    if viewer.scoped:
        query = query.where(person.c.id == viewer.id)
    people = [_person(row) for row in connection.execute(query)]
    if viewer.may(Permission.ADMINISTER):
        return people
    return [p if p.id == viewer.id else p._replace(email="", phone=None) for p in people]


def get(connection: Connection, id: str) -> Person | None:  # noqa: A002
    """One person by id."""
    row = connection.execute(select(person).where(person.c.id == id)).one_or_none()
    return None if row is None else _person(row)


def by_email(connection: Connection, email: str) -> Person | None:
    """One person by e-mail address, whatever its case."""
    row = connection.execute(select(person).where(person.c.email == email.strip().lower())).one_or_none()
    return None if row is None else _person(row)


def names(connection: Connection, ids: set[str]) -> dict[str, str]:
    """The names of these people, and of API keys (`key:…`); any other id is left out."""
    rows = connection.execute(select(person.c.id, person.c.name).where(person.c.id.in_(ids)))
    found = {row.id: row.name for row in rows}
    keys = {id_.removeprefix("key:") for id_ in ids if id_.startswith("key:")}
    if keys:
        rows = connection.execute(select(api_key.c.id, api_key.c.name).where(api_key.c.id.in_(keys)))
        found |= {f"key:{row.id}": f"{row.name} (API key)" for row in rows}
    return found


def password_hash(connection: Connection, id: str) -> str | None:  # noqa: A002
    """The stored hash, None for a person who signs in by links only."""
    return connection.execute(select(person.c.password_hash).where(person.c.id == id)).scalar_one_or_none()


def keep_hash(connection: Connection, id: str, renewed: str) -> None:  # noqa: A002
    """Replace a hash of the same password by a stronger one; nothing that anybody decided, so nothing is audited."""
    connection.execute(update(person).where(person.c.id == id).values(password_hash=renewed))


def anybody(connection: Connection) -> bool:
    """Whether there is any person at all."""
    return connection.execute(select(person.c.id).limit(1)).one_or_none() is not None


def active(someone: Person, now_ms: int) -> bool:
    """Whether this person may sign in at all now."""
    return someone.disabled_ms is None and (someone.expires_ms is None or now_ms < someone.expires_ms)


def checked_email(email: str) -> str:
    """The address in lower case.

    Raises:
        InvalidValue: it is no address.
    """
    plain = email.strip().lower()
    if _EMAIL.match(plain) is None:
        raise InvalidValue(f"email: {email[:80]!r} is not an address such as name@example.org")
    return plain


def checked_zone(zone: str) -> str:
    """An IANA zone name.

    Raises:
        InvalidValue: no such zone is known.
    """
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidValue(f"zone: {zone[:60]!r} is not an IANA zone such as Europe/Berlin") from error
    return zone


def checked_scope(field: str, name: str | None) -> str | None:
    """The one customer or carrier whose shipments exist for somebody; None for all.

    Raises:
        InvalidValue: an empty name, which would open everything to whom it was to close it.
    """
    return None if name is None else checked_text(field, name, 200)


def checked_text(field: str, text: str, most: int) -> str:
    """`text` without spaces around it.

    Raises:
        InvalidValue: empty, too long, or with control characters.
    """
    plain = text.strip()
    if not plain or len(plain) > most:
        raise InvalidValue(f"{field}: {plain[:40]!r} has {len(plain)} characters; 1 to {most} are allowed")
    if any(ord(character) < 32 or ord(character) == 127 for character in plain):
        raise InvalidValue(f"{field}: {plain[:40]!r} has control characters; send it without them")
    return plain


def checked_phone(phone: str | None) -> str | None:
    """An international number without spaces; None for none.

    Raises:
        InvalidValue: it is no such number.
    """
    if phone is None or not phone.strip():
        return None
    plain = re.sub(r"[\s()./-]", "", phone)
    if _PHONE.match(plain) is None:
        raise InvalidValue(f"phone: {phone[:40]!r} is not an international number such as +4915112345678")
    return plain


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidValue(f"{field}: {value[:40]!r} is none of {', '.join(allowed)}")
    return value


def _person(row: Row[Any]) -> Person:
    fields = {name: getattr(row, name) for name in Person._fields if name != "has_password"}
    return Person(**fields, has_password=row.password_hash is not None)
