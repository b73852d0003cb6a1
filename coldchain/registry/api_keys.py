"""Keys of programs: shown once, stored by SHA-256, with a role and a scope like a person's."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from coldchain.domain.identity import logger_id
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import passwords
from coldchain.registry.changes import changed
from coldchain.registry.people import checked_scope, checked_text
from coldchain.registry.schema import api_key
from coldchain.registry.store import new_id
from coldchain.registry.viewer import ROLES, Viewer

PREFIX = "cck_"
_NOTED_EVERY_MS = 60_000
_MOST_LOGGERS = 1000


class ApiKey(NamedTuple):
    """What is shown of a key after it was made; the key itself is not kept."""

    id: str
    name: str
    role: str
    scope_customer: str | None
    scope_carrier: str | None
    created_ms: int
    last_used_ms: int | None
    revoked_ms: int | None
    loggers: list[str] | None = None  # for whom alone it may speak; None: for any


def create(
    connection: Connection,
    *,
    name: str,
    role: str,
    who: str,
    now_ms: int,
    scope_customer: str | None = None,
    scope_carrier: str | None = None,
    loggers: Sequence[str] | None = None,
) -> tuple[str, str]:
    """Make a key; return its id and the key, which is never shown again.

    With `loggers`, a device's key sends messages of these alone; without, of any: a vendor's cloud speaks for all of
    its loggers.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    if role not in ROLES:
        raise InvalidValue(f"role: {role[:40]!r} is none of {', '.join(ROLES)}")
    id_, key = new_id(), PREFIX + passwords.token()
    public = {
        "name": checked_text("name", name, 200), "role": role,
        "scope_customer": checked_scope("customer", scope_customer),
        "scope_carrier": checked_scope("carrier", scope_carrier),
        "loggers": _checked_loggers(role, loggers),
    }  # fmt: skip
    connection.execute(api_key.insert().values(id=id_, key_hash=passwords.digest(key), created_ms=now_ms, **public))
    changed(connection, who=who, now_ms=now_ms, action="api key created", kind="api_key", id=id_, new=public)
    return id_, key


def look_up(connection: Connection, key: str) -> tuple[ApiKey, Viewer] | None:
    """The key's row and the viewer that it stands for; None when unknown or revoked."""
    row = connection.execute(
        select(api_key).where(api_key.c.key_hash == passwords.digest(key), api_key.c.revoked_ms.is_(None))
    ).one_or_none()
    if row is None:
        return None
    found = ApiKey(*(getattr(row, name) for name in ApiKey._fields))
    only = None if row.loggers is None else frozenset(row.loggers)
    return found, Viewer(f"key:{row.id}", row.name, row.role, row.scope_customer, row.scope_carrier, only)


def _checked_loggers(role: str, loggers: Sequence[str] | None) -> list[str] | None:
    if loggers is None:
        return None
    if role != "device":
        raise InvalidValue(f"loggers: are for keys of the role device, and this one is {role}")
    if not 0 < len(loggers) <= _MOST_LOGGERS:
        raise InvalidValue(f"loggers: name 1 to {_MOST_LOGGERS}, or leave them out for a key that speaks for any")
    return sorted({logger_id(one) for one in loggers})


def due_for_note(found: ApiKey, now_ms: int) -> bool:
    """Whether `note_use` would still tell something; a busy key writes once a minute."""
    return found.last_used_ms is None or now_ms - found.last_used_ms >= _NOTED_EVERY_MS


def note_use(connection: Connection, id: str, now_ms: int) -> None:  # noqa: A002
    """Remember when the key was last used."""
    connection.execute(update(api_key).where(api_key.c.id == id).values(last_used_ms=now_ms))


def revoke(connection: Connection, id: str, *, who: str, now_ms: int, reason: str | None = None) -> None:  # noqa: A002
    """End a key for good.

    Raises:
        NotFound: no such key that is still good.
    """
    found = update(api_key).where(api_key.c.id == id, api_key.c.revoked_ms.is_(None)).values(revoked_ms=now_ms)
    if connection.execute(found).rowcount == 0:
        raise NotFound(f"no API key {id} that could be revoked")
    changed(connection, who=who, now_ms=now_ms, action="api key revoked", kind="api_key", id=id, reason=reason)


def listed(connection: Connection) -> list[ApiKey]:
    """Every key ever made, newest first."""
    rows = connection.execute(select(api_key).order_by(api_key.c.created_ms.desc(), api_key.c.id))
    return [ApiKey(*(getattr(row, name) for name in ApiKey._fields)) for row in rows]
