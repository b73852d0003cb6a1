"""Sessions of signed-in people, sign-in links, and the brake on guessing: all in the database, so all revocable."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select, update

from coldchain.registry import passwords, people
from coldchain.registry.changes import changed
from coldchain.registry.schema import person, session, sign_in_link
from coldchain.registry.viewer import Viewer

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
STRICT_ROLES = ("quality", "admin")
_WITH_PERSON = select(
    session,
    person.c.name,
    person.c.role,
    person.c.scope_customer,
    person.c.scope_carrier,
    person.c.disabled_ms,
    person.c.expires_ms.label("person_expires_ms"),
).join(person, person.c.id == session.c.person)


class Limits(NamedTuple):
    """How long a session lives: idle, idle for the roles that sign and administer, and in all."""

    idle_ms: int = 720 * MINUTE_MS
    strict_idle_ms: int = 15 * MINUTE_MS
    absolute_ms: int = 720 * MINUTE_MS

    def idle_of(self, role: str) -> int:
        """The idle time-out of a role."""
        return self.strict_idle_ms if role in STRICT_ROLES else self.idle_ms


class Session(NamedTuple):
    """A live session and whose it is."""

    token_hash: str
    viewer: Viewer
    csrf: str
    created_ms: int
    last_seen_ms: int
    expires_ms: int
    address: str | None
    agent: str | None


def begin(
    connection: Connection,
    someone: str,
    *,
    now_ms: int,
    limits: Limits,
    address: str | None,
    agent: str | None,
    via: str,
) -> str:
    """Open a fresh session for a person and return the cookie's value; it is stored by its hash only."""
    cookie = passwords.token()
    token_hash = passwords.digest(cookie)
    connection.execute(
        session.insert().values(
            token_hash=token_hash,
            person=someone,
            csrf=passwords.token(),
            created_ms=now_ms,
            last_seen_ms=now_ms,
            expires_ms=now_ms + limits.absolute_ms,
            address=address,
            agent=(agent or "")[:200] or None,
        )
    )
    changed(
        connection, who=someone, now_ms=now_ms, action="signed in", kind="session", id=token_hash[:12],
        new={"via": via, "address": address},
    )  # fmt: skip
    return cookie


def look_up(connection: Connection, cookie: str, *, now_ms: int, limits: Limits) -> Session | None:
    """The live session of a cookie; None when unknown, revoked, idle too long, too old, or its person switched off."""
    row = connection.execute(
        _WITH_PERSON.where(session.c.token_hash == passwords.digest(cookie), session.c.revoked_ms.is_(None))
    ).one_or_none()
    if row is None or not _alive(row, now_ms, limits):
        return None
    return _session(row)


def due_for_touch(live: Session, now_ms: int) -> bool:
    """Whether `touch` would still tell something; a busy session writes twice a minute at most."""
    return now_ms - live.last_seen_ms >= MINUTE_MS // 2


def touch(connection: Connection, token_hash: str, now_ms: int) -> None:
    """Remember that the person did something."""
    connection.execute(update(session).where(session.c.token_hash == token_hash).values(last_seen_ms=now_ms))


def revoke(connection: Connection, token_hash: str, *, who: str, now_ms: int, action: str = "signed out") -> bool:
    """End one session at once; False when it was over already."""
    live = update(session).where(session.c.token_hash == token_hash, session.c.revoked_ms.is_(None))
    if connection.execute(live.values(revoked_ms=now_ms)).rowcount == 0:
        return False
    changed(connection, who=who, now_ms=now_ms, action=action, kind="session", id=token_hash[:12])
    return True


def revoke_all(connection: Connection, someone: str, *, who: str, now_ms: int) -> int:
    """End every session of a person; return how many were open."""
    live = update(session).where(session.c.person == someone, session.c.revoked_ms.is_(None))
    ended = connection.execute(live.values(revoked_ms=now_ms)).rowcount
    changed(
        connection, who=who, now_ms=now_ms, action="sessions revoked", kind="person", id=someone, new={"ended": ended}
    )
    return ended


def listed(connection: Connection, someone: str, *, now_ms: int, limits: Limits) -> list[Session]:
    """A person's live sessions, newest first."""
    query = _WITH_PERSON.where(session.c.person == someone, session.c.revoked_ms.is_(None))
    query = query.order_by(session.c.created_ms.desc())
    return [_session(row) for row in connection.execute(query) if _alive(row, now_ms, limits)]


def sweep(connection: Connection, now_ms: int) -> None:
    """Drop sessions and links that ended more than a day ago; the trail remembers them."""
    connection.execute(delete(session).where(session.c.expires_ms < now_ms - DAY_MS))
    connection.execute(delete(sign_in_link).where(sign_in_link.c.expires_ms < now_ms - DAY_MS))


def make_link(connection: Connection, someone: str, *, who: str, now_ms: int, for_ms: int = DAY_MS) -> str:
    """A token that signs this person in once, within `for_ms`; it goes into `/sign-in/link/{token}`."""
    link = passwords.token()
    row = {"token_hash": passwords.digest(link), "person": someone, "expires_ms": now_ms + for_ms}
    connection.execute(sign_in_link.insert().values(**row))
    changed(connection, who=who, now_ms=now_ms, action="sign-in link made", kind="person", id=someone)
    return link


def link_owner(connection: Connection, link: str, now_ms: int) -> people.Person | None:
    """Whom an unused link would sign in."""
    query = select(sign_in_link.c.person).where(
        sign_in_link.c.token_hash == passwords.digest(link),
        sign_in_link.c.used_ms.is_(None),
        sign_in_link.c.expires_ms > now_ms,
    )
    someone = connection.execute(query).scalar_one_or_none()
    found = None if someone is None else people.get(connection, someone)
    return found if found is not None and people.active(found, now_ms) else None


def use_link(connection: Connection, link: str, now_ms: int) -> people.Person | None:
    """Spend a link inside a writing transaction; None when it is unknown, spent or expired."""
    owner = link_owner(connection, link, now_ms)
    if owner is not None:
        spent = update(sign_in_link).where(sign_in_link.c.token_hash == passwords.digest(link))
        connection.execute(spent.values(used_ms=now_ms))
    return owner


def _alive(row: Any, now_ms: int, limits: Limits) -> bool:
    if row.disabled_ms is not None or now_ms >= row.expires_ms:
        return False
    if row.person_expires_ms is not None and now_ms >= row.person_expires_ms:
        return False
    return bool(now_ms - row.last_seen_ms < limits.idle_of(row.role))


def _session(row: Any) -> Session:
    viewer = Viewer(row.person, row.name, row.role, row.scope_customer, row.scope_carrier)
    return Session(
        row.token_hash, viewer, row.csrf, row.created_ms, row.last_seen_ms, row.expires_ms, row.address, row.agent
    )
