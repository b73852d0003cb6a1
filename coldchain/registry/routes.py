"""The routes on record: which alarm goes by which policy. There is one list, and its newest version counts."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from coldchain.errors import InvalidValue, NotFound, Stale
from coldchain.registry.changes import changed
from coldchain.registry.schema_people import routing


class StoredRouting(NamedTuple):
    """One version of all routes."""

    version: int
    body: dict[str, Any]
    recorded_ms: int
    who: str
    reason: str | None


def newest(connection: Connection) -> StoredRouting | None:
    """The routes that count, None where nobody has written any."""
    row = connection.execute(select(routing).order_by(routing.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else StoredRouting(*row)


def version(connection: Connection, number: int) -> StoredRouting:
    """One version.

    Raises:
        NotFound: there is none of that number.
    """
    row = connection.execute(select(routing).where(routing.c.version == number)).one_or_none()
    if row is None:
        raise NotFound(f"there is no version {number} of the routes")
    return StoredRouting(*row)


def history(connection: Connection) -> list[StoredRouting]:
    """Every version, the newest first."""
    return [StoredRouting(*row) for row in connection.execute(select(routing).order_by(routing.c.version.desc()))]


def replace(
    connection: Connection, body: dict[str, Any], *, who: str, reason: str | None, now_ms: int,
    expected: int | None = None,
) -> StoredRouting:  # fmt: skip
    """Store the next version; `expected`, if given, must be its number.

    Raises:
        InvalidValue: a further version has no reason.
        Stale: somebody else has stored a version meanwhile.
    """
    before = newest(connection)
    number = 1 if before is None else before.version + 1
    if expected is not None and expected != number:
        raise Stale(f"version = {expected} of the routes is not the next one: look at them again, send {number}")
    if before is not None and not (reason or "").strip():
        raise InvalidValue("reason is missing: say why the routes change")
    made = {"version": number, "body": body, "recorded_ms": now_ms, "who": who, "reason": reason}
    connection.execute(routing.insert().values(**made))
    changed(
        connection, who=who, now_ms=now_ms, action="routing changed", kind="routing", id=str(number),
        old=None if before is None else before.body, new=body, reason=reason,
    )  # fmt: skip
    return version(connection, number)
