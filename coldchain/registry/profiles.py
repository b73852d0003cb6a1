"""Product profiles as versioned rows: a change is a new version with who and why; nothing is overwritten."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, update

from coldchain.domain.profile import ProductProfile
from coldchain.domain.profile_format import as_json, profile_from
from coldchain.errors import InvalidValue, NotFound, Stale
from coldchain.registry.changes import changed
from coldchain.registry.schema import product_profile


class StoredProfile(NamedTuple):
    """One version with its history; `body` is the profile format as JSON."""

    profile: ProductProfile
    body: dict[str, Any]
    recorded_ms: int
    who: str
    reason: str | None
    approved_ms: int | None
    approved_by: str | None


def seed_profiles(connection: Connection, bodies: Iterable[Mapping[str, Any]], now_ms: int) -> int:
    """Add the shipped profiles that are not there yet, in a writing transaction; return how many were added."""
    added = 0
    for body in bodies:
        profile = profile_from(body)
        if latest_version(connection, profile.id) is None:
            _insert(connection, profile, as_json(body), "system", "shipped with the product, a proposal", now_ms)
            added += 1
    return added


def add(connection: Connection, body: Mapping[str, Any], *, who: str, reason: str | None, now_ms: int) -> StoredProfile:
    """Store a new profile, or the next version of an existing one; the body's own `version` must say which.

    Raises:
        InvalidValue: the body breaks the format, or a further version has no reason.
        Stale: the version is not the next one.
    """
    profile = profile_from(body)
    expected = (latest_version(connection, profile.id) or 0) + 1
    if profile.version != expected:
        raise Stale(f"version = {profile.version} of {profile.id} is not the next one: send version = {expected}")
    if expected > 1 and not reason:
        raise InvalidValue("reason is missing: say why the profile changes")
    _insert(connection, profile, as_json(body), who, reason, now_ms)
    return get(connection, profile.id, profile.version)


def approve(connection: Connection, profile_id: str, version: int, *, who: str, now_ms: int) -> None:
    """Record that a quality unit stands behind this version.

    Raises:
        NotFound: no such version.
    """
    get(connection, profile_id, version)
    where = (product_profile.c.id == profile_id, product_profile.c.version == version)
    connection.execute(update(product_profile).where(*where).values(approved_ms=now_ms, approved_by=who))
    changed(
        connection, who=who, now_ms=now_ms, action="product_profile.approved", kind="product_profile",
        id=f"{profile_id}@{version}", new={"approved_ms": now_ms},
    )  # fmt: skip


def latest_version(connection: Connection, profile_id: str) -> int | None:
    """The newest version of a profile, None if there is none."""
    query = select(func.max(product_profile.c.version)).where(product_profile.c.id == profile_id)
    newest: int | None = connection.execute(query).scalar_one()
    return newest


def get(connection: Connection, profile_id: str, version: int | None = None) -> StoredProfile:
    """One version, the newest by default.

    Raises:
        NotFound: no such profile or version.
    """
    query = select(product_profile).where(product_profile.c.id == profile_id)
    if version is not None:
        query = query.where(product_profile.c.version == version)
    row = connection.execute(query.order_by(product_profile.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        wanted = profile_id if version is None else f"{profile_id} version {version}"
        raise NotFound(f"there is no product profile {wanted}")
    return _stored(row)


def judged_by(connection: Connection, profile_id: str, version: int) -> ProductProfile:
    """One version as a value; its reading is remembered, since most subjects share a few.

    Raises:
        NotFound: no such version.
    """
    body = connection.execute(
        select(product_profile.c.body).where(product_profile.c.id == profile_id, product_profile.c.version == version)
    ).scalar_one_or_none()
    if body is None:
        raise NotFound(f"there is no product profile {profile_id} version {version}")
    return _read(json.dumps(body, sort_keys=True))


@lru_cache(maxsize=256)
def _read(body: str) -> ProductProfile:
    return profile_from(json.loads(body))


def listed(connection: Connection, *, all_versions: bool = False) -> list[StoredProfile]:
    """The newest version of every profile by id, or every version."""
    rows = connection.execute(select(product_profile).order_by(product_profile.c.id, product_profile.c.version))
    stored = [_stored(row) for row in rows]
    if all_versions:
        return stored
    return list({item.profile.id: item for item in stored}.values())


def _insert(
    connection: Connection, profile: ProductProfile, body: dict[str, Any], who: str, reason: str | None, now_ms: int
) -> None:
    connection.execute(
        product_profile.insert().values(
            id=profile.id, version=profile.version, name=profile.name, body=body, recorded_ms=now_ms, who=who,
            reason=reason,
        )
    )  # fmt: skip
    changed(
        connection, who=who, now_ms=now_ms, action="product_profile.added", kind="product_profile",
        id=f"{profile.id}@{profile.version}", new=body, reason=reason,
    )  # fmt: skip


def _stored(row: Any) -> StoredProfile:
    return StoredProfile(
        profile_from(row.body), row.body, row.recorded_ms, row.who, row.reason, row.approved_ms, row.approved_by
    )
