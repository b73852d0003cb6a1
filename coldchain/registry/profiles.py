"""Product profiles as versioned rows: a change is a new version with who and why; nothing is overwritten.

A version is a proposal until somebody of the quality unit approves it. Shipments begin with the newest approved
version, or with the newest proposal while none is approved, and keep it. A retired profile judges nothing new.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, update

from coldchain.domain.profile import ProductProfile
from coldchain.domain.profile_format import as_json, config_hash, profile_from
from coldchain.errors import InvalidValue, NotFound, Stale
from coldchain.registry.changes import changed
from coldchain.registry.profile_approvers import demand_another
from coldchain.registry.schema import product_profile

PROGRAM = "system"  # who wrote the versions that ship with the program
_SHIPPED = "shipped with the product, a proposal"
_OFFERED = (
    "the program ships a newer text of this profile than the one on record, a proposal: compare it with the version in "
    "use and approve it, or leave it"
)


class StoredProfile(NamedTuple):
    """One version with its history; `body` is the profile format as JSON."""

    profile: ProductProfile
    body: dict[str, Any]
    recorded_ms: int
    who: str
    reason: str | None
    approved_ms: int | None
    approved_by: str | None
    retired_ms: int | None = None
    retired_by: str | None = None
    retired_reason: str | None = None

    @property
    def state(self) -> str:
        """What the quality unit says of it: proposal, approved or retired."""
        if self.retired_ms is not None:
            return "retired"
        return "proposal" if self.approved_ms is None else "approved"

    @property
    def offered(self) -> bool:
        """Whether a later program brought it and nobody has approved it: nothing begins with it of itself."""
        return self.who == PROGRAM and self.profile.version > 1 and self.approved_ms is None


def seed_profiles(connection: Connection, bodies: Iterable[Mapping[str, Any]], now_ms: int) -> int:
    """Add the shipped profiles that are not there yet, in a writing transaction; return how many versions were added.

    Of one that is there with another text, the shipped text becomes its next version, an offer that changes nothing by
    itself: once, whatever became of it, and not of a retired profile, which a further version would bring back.
    """
    added = 0
    for body in bodies:
        profile = profile_from(body)
        known = history(connection, profile.id)
        if not known:
            _insert(connection, profile, as_json(body), PROGRAM, _SHIPPED, now_ms)
        elif _is_news(body, known):
            offer = {**body, "version": known[0].profile.version + 1, "proposal": True}
            _insert(connection, profile_from(offer), as_json(offer), PROGRAM, _OFFERED, now_ms)
        else:
            continue
        added += 1
    return added


def _is_news(body: Mapping[str, Any], known: list[StoredProfile]) -> bool:
    """Whether no version that came from the program says the same, and there is one to be followed.

    An older program that is started again has said its text before, and says it no second time.
    """
    from_program = {_text_hash(one.body) for one in known if one.who == PROGRAM}
    return known[0].retired_ms is None and bool(from_program) and _text_hash(body) not in from_program


def _text_hash(body: Mapping[str, Any]) -> str:
    return config_hash({name: value for name, value in body.items() if name not in ("version", "proposal")})


def add(connection: Connection, body: Mapping[str, Any], *, who: str, reason: str | None, now_ms: int) -> StoredProfile:
    """Store a new profile, or the next version of an existing one; the body's own `version` must say which.

    The next version of a retired profile brings it back into use.

    Raises:
        InvalidValue: the body breaks the format, or a further version has no reason.
        Stale: the version is not the next one.
    """
    profile = profile_from(body, new=True)
    expected = (latest_version(connection, profile.id) or 0) + 1
    if profile.version != expected:
        raise Stale(f"version = {profile.version} of {profile.id} is not the next one: send version = {expected}")
    if expected > 1 and not (reason or "").strip():
        raise InvalidValue("reason is missing: say why the profile changes")
    _insert(connection, profile, as_json(body), who, reason, now_ms)
    connection.execute(
        update(product_profile)
        .where(product_profile.c.id == profile.id)
        .values(retired_ms=None, retired_by=None, retired_reason=None)
    )
    return get(connection, profile.id, profile.version)


def copy(
    connection: Connection,
    profile_id: str,
    version: int | None,
    *,
    as_id: str,
    name: str | None = None,
    who: str,
    now_ms: int,
) -> StoredProfile:
    """Store version 1 of a new profile, `as_id`, with everything that another one says (its newest version by default).

    Raises:
        NotFound: no such profile or version.
        InvalidValue: the new id breaks the format, or there is a profile of that id.
    """
    source = get(connection, profile_id, version)
    if latest_version(connection, as_id) is not None:
        raise InvalidValue(f"id = {as_id!r} is taken by another product profile: choose another")
    named = {"name": name} if name else {}
    body = {**source.body, **named, "id": as_id, "version": 1, "proposal": True}
    reason = f"copied from {profile_id}@{source.profile.version}"
    return add(connection, body, who=who, reason=reason, now_ms=now_ms)


def approve(
    connection: Connection, profile_id: str, version: int, *, who: str, now_ms: int, reason: str
) -> StoredProfile:
    """Record that a quality unit stands behind this version; the caller has checked role and password.

    Raises:
        NotFound: no such version.
        InvalidValue: there is no reason, it is approved already, or the profile is retired.
        Forbidden: `who` wrote this version.
    """
    found = get(connection, profile_id, version)
    if found.retired_ms is not None:
        raise InvalidValue(f"id = {profile_id!r} is retired: its next version brings it back, approve that one")
    if found.approved_ms is not None:
        raise InvalidValue(f"version = {version} of {profile_id} is approved already: approve a newer one, or none")
    if not reason.strip():
        raise InvalidValue("reason is missing: say on what the approval rests, such as a change control's number")
    demand_another(connection, f"version {version} of {profile_id}", found.who, who, now_ms)
    where = (product_profile.c.id == profile_id, product_profile.c.version == version)
    connection.execute(update(product_profile).where(*where).values(approved_ms=now_ms, approved_by=who))
    changed(
        connection, who=who, now_ms=now_ms, action="product_profile.approved", kind="product_profile",
        id=f"{profile_id}@{version}", new={"approved_ms": now_ms, "meaning": "approved"}, reason=reason.strip(),
    )  # fmt: skip
    return get(connection, profile_id, version)


def retire(connection: Connection, profile_id: str, *, who: str, reason: str, now_ms: int) -> StoredProfile:
    """Take a profile out of use: nothing new is judged by it, and what has it keeps it.

    Raises:
        NotFound: no such profile.
        InvalidValue: there is no reason, or it is retired already.
    """
    found = get(connection, profile_id)
    if not reason.strip():
        raise InvalidValue("reason is missing: say why the profile goes out of use")
    if found.retired_ms is not None:
        raise InvalidValue(f"id = {profile_id!r} is retired already: its next version brings it back")
    connection.execute(
        update(product_profile)
        .where(product_profile.c.id == profile_id)
        .values(retired_ms=now_ms, retired_by=who, retired_reason=reason)
    )
    changed(
        connection, who=who, now_ms=now_ms, action="product_profile.retired", kind="product_profile", id=profile_id,
        new={"retired_ms": now_ms}, reason=reason,
    )  # fmt: skip
    return get(connection, profile_id)


def version_for(connection: Connection, profile_id: str, version: int | None = None) -> int:
    """The version that a shipment or store gets: the one asked for, else the newest approved one, else the newest.

    An offer of the program that nobody approved is given only to whoever asks for it.

    Raises:
        InvalidValue: there is no such profile or version, or it is retired; names those that there are.
    """
    versions = history(connection, profile_id)
    if not versions:
        known = ", ".join(one.profile.id for one in listed(connection) if one.retired_ms is None)
        raise InvalidValue(
            f"product_profile: {profile_id[:60]!r} is none of {known or 'those on record (there are none)'}"
        )
    if versions[0].retired_ms is not None:
        raise InvalidValue(f"product_profile: {profile_id!r} is retired; choose another, or bring it back by a version")
    numbers = [one.profile.version for one in versions]
    if version is not None and version not in numbers:
        raise InvalidValue(f"product_profile_version: {version} is none of {', '.join(map(str, numbers))}")
    approved = [one.profile.version for one in versions if one.approved_ms is not None]
    began = [one.profile.version for one in versions if not one.offered]
    return version or max(approved or began)


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


def history(connection: Connection, profile_id: str) -> list[StoredProfile]:
    """Every version of a profile, newest first; none of one that does not exist."""
    query = select(product_profile).where(product_profile.c.id == profile_id)
    return [_stored(row) for row in connection.execute(query.order_by(product_profile.c.version.desc()))]


def listed(connection: Connection, *, all_versions: bool = False) -> list[StoredProfile]:
    """The newest version of every profile by id, or every version; retired ones are among them."""
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
        profile_from(row.body), row.body, row.recorded_ms, row.who, row.reason, row.approved_ms, row.approved_by,
        row.retired_ms, row.retired_by, row.retired_reason,
    )  # fmt: skip
