"""Device profiles that people saved, as versioned texts, and which one each logger has; nothing is overwritten."""

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from coldchain.domain.device_profile import Assignment, Kept
from coldchain.domain.identity import logger_id
from coldchain.errors import InvalidValue, NotFound, Stale, TransientError
from coldchain.registry.changes import changed
from coldchain.registry.people import checked_text
from coldchain.registry.schema import device_profile, logger, setting
from coldchain.registry.store import Registry, upsert

_REVISION = "device_profiles"


class Saved(NamedTuple):
    """One version with its history; `text` is the profile as it was written."""

    id: str
    version: int
    text: str
    recorded_ms: int
    who: str
    reason: str | None
    retired_ms: int | None


def add(
    connection: Connection,
    id: str,  # noqa: A002
    version: int,
    text: str,
    *,
    who: str,
    now_ms: int,
    reason: str,
    elsewhere: int = 0,
) -> Saved:
    """Store a version, in a writing transaction; it counts within a second.

    Args:
        connection: of the writing transaction.
        id: of the profile.
        version: has to be the next one.
        text: as it was written; read and checked by the caller.
        who: the person.
        now_ms: now.
        reason: why it is made or changed.
        elsewhere: the newest version of this id among the files, 0 if there is none.

    Raises:
        InvalidValue: the reason is missing.
        Stale: the version is not the next one.
    """
    reason = checked_text("reason", reason, 500)
    expected = max(newest(connection, id) or 0, elsewhere) + 1
    if version != expected:
        raise Stale(f"version = {version} of {id} is not the next one: send version = {expected}")
    row = {"id": id, "version": version, "text": text, "recorded_ms": now_ms, "who": who, "reason": reason}
    connection.execute(device_profile.insert().values(row))
    touch(connection)
    changed(
        connection, who=who, now_ms=now_ms, action="device profile saved", kind="device_profile", id=f"{id}@{version}",
        new={"text": text}, reason=reason,
    )  # fmt: skip
    return Saved(id, version, text, now_ms, who, reason, None)


def retire(connection: Connection, id: str, version: int, *, who: str, now_ms: int, reason: str) -> None:  # noqa: A002
    """Take a version out of use; readings that name it stay as they are.

    Raises:
        NotFound: no such version in use.
    """
    where = (device_profile.c.id == id, device_profile.c.version == version, device_profile.c.retired_ms.is_(None))
    if connection.execute(update(device_profile).where(*where).values(retired_ms=now_ms)).rowcount == 0:
        raise NotFound(f"no saved device profile {id}@{version} is in use")
    touch(connection)
    changed(
        connection, who=who, now_ms=now_ms, action="device profile retired", kind="device_profile",
        id=f"{id}@{version}", new={"retired_ms": now_ms}, reason=checked_text("reason", reason, 500),
    )  # fmt: skip


def touch(connection: Connection) -> None:
    """Let every process notice, in a writing transaction, that profiles or assignments changed."""
    upsert(connection, setting, {"name": _REVISION}, {"value": revision(connection) + 1})


def revision(connection: Connection) -> int:
    """A number that grows with every change of profiles or assignments."""
    query = select(setting.c.value).where(setting.c.name == _REVISION)
    return int(connection.execute(query).scalar_one_or_none() or 0)


def newest(connection: Connection, id: str) -> int | None:  # noqa: A002
    """The newest saved version, retired ones included; None if there is none."""
    query = select(func.max(device_profile.c.version)).where(device_profile.c.id == id)
    found: int | None = connection.execute(query).scalar_one()
    return found


def versions(connection: Connection, id: str | None = None) -> list[Saved]:  # noqa: A002
    """Every saved version of one profile or of all, by id and version."""
    query = select(device_profile).order_by(device_profile.c.id, device_profile.c.version)
    if id is not None:
        query = query.where(device_profile.c.id == id)
    return [_saved(row) for row in connection.execute(query)]


def assign(
    connection: Connection,
    id: str,  # noqa: A002
    assignment: Assignment,
    *,
    who: str,
    now_ms: int,
    reason: str,
) -> None:
    """Say which device profile a logger has and in which zone it writes local times; by this a person confirms both.

    A logger that nobody registered is registered by its id. The caller has looked whether there is such a profile.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    plain = logger_id(id)
    reason = checked_text("reason", reason, 500)
    if assignment.zone is not None:
        _check_zone(assignment.zone)
    row = connection.execute(select(logger).where(logger.c.id == plain)).one_or_none()
    old = None if row is None else {"device_profile": row.device_profile, "zone": row.zone}
    new = assignment._asdict()
    if row is None:
        connection.execute(logger.insert().values(id=plain, created_ms=now_ms, **new))
    else:
        connection.execute(update(logger).where(logger.c.id == plain).values(**new))
    touch(connection)
    changed(
        connection, who=who, now_ms=now_ms, action="device profile assigned", kind="logger", id=plain, old=old,
        new=new, reason=reason,
    )  # fmt: skip


def assignments(connection: Connection) -> dict[str, Assignment]:
    """What people said of loggers, by logger."""
    said = or_(logger.c.device_profile.is_not(None), logger.c.zone.is_not(None))
    query = select(logger.c.id, logger.c.device_profile, logger.c.zone).where(said)
    return {row.id: Assignment(row.device_profile, row.zone) for row in connection.execute(query)}


class SavedProfiles:
    """What people saved, as the library of device profiles asks for it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def revision(self) -> int:
        """A number that changes with every change of profiles or assignments.

        Raises:
            TransientError: it cannot be asked now.
        """
        try:
            with self._registry.read() as connection:
                return revision(connection)
        except SQLAlchemyError as error:
            raise TransientError(f"the registry is unreachable: {error}") from error

    def kept(self) -> Kept:
        """Every version in use, and every assignment.

        Raises:
            TransientError: as `revision`.
        """
        try:
            with self._registry.read() as connection:
                texts = tuple(one.text for one in versions(connection) if one.retired_ms is None)
                return Kept(texts, assignments(connection))
        except SQLAlchemyError as error:
            raise TransientError(f"the registry is unreachable: {error}") from error


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue(f"zone: {name[:60]!r} is no zone such as Europe/Berlin or UTC") from None


def _saved(row: Any) -> Saved:
    return Saved(row.id, row.version, row.text, row.recorded_ms, row.who, row.reason, row.retired_ms)
