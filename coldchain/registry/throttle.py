"""The brake on guessing passwords: a growing wait per account, per address and over all, and never a hard lock.

Whoever signed in from an address within the last day is braked there by own mistakes only: strangers who guess at an
account cannot keep its owner out.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, true, update

from coldchain.registry.schema import sign_in_attempt

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


class Brake(NamedTuple):
    """Up to `free` failures in an hour cost nothing; then the wait doubles from one second up to `longest_ms`."""

    free: int
    longest_ms: int

    def wait_ms(self, failures: int) -> int:
        """How long after the last failure the next attempt is looked at."""
        beyond = failures - self.free
        return 0 if beyond < 0 else int(min(self.longest_ms, 1000 * 2 ** min(beyond, 20)))


# Each lets less than 100 guesses through in an hour.
PAIR = Brake(free=5, longest_ms=60_000)
ADDRESS = Brake(free=20, longest_ms=60_000)
ACCOUNT = Brake(free=30, longest_ms=75_000)
EVERYBODY = Brake(free=60, longest_ms=120_000)


class Attempt(NamedTuple):
    """A sign-in that may be tried now (`id`), or the wait until it may."""

    id: int | None
    wait_ms: int


def begin(connection: Connection, *, email: str, address: str | None, now_ms: int) -> Attempt:
    """Ask before a password is looked at, inside a writing transaction; counted as failed until `succeeded` says so."""
    email, place = email.strip().lower()[:254], address or ""
    wait_ms = _wait_ms(connection, email, place, now_ms)
    if wait_ms > 0:
        return Attempt(None, wait_ms)
    connection.execute(delete(sign_in_attempt).where(sign_in_attempt.c.at_ms < now_ms - _DAY_MS))
    row = sign_in_attempt.insert().values(email=email, address=place, at_ms=now_ms, succeeded=False)
    inserted = connection.execute(row).inserted_primary_key
    return Attempt(int(inserted[0]) if inserted else 0, 0)


def succeeded(connection: Connection, attempt: int) -> None:
    """The password was right: the attempt counts as a sign-in from its address."""
    connection.execute(update(sign_in_attempt).where(sign_in_attempt.c.id == attempt).values(succeeded=True))


def _wait_ms(connection: Connection, email: str, place: str, now_ms: int) -> int:
    account, address = sign_in_attempt.c.email == email, sign_in_attempt.c.address == place
    brakes: list[tuple[Brake, Any]] = [(PAIR, and_(account, address))]
    if not _signed_in_here(connection, and_(account, address), now_ms):
        brakes += [(ADDRESS, address), (ACCOUNT, account), (EVERYBODY, true())]
    return max(_braked(connection, brake, which, now_ms) for brake, which in brakes)


def _signed_in_here(connection: Connection, which: ColumnElement[bool], now_ms: int) -> bool:
    query = select(func.count()).where(
        which, sign_in_attempt.c.succeeded.is_(True), sign_in_attempt.c.at_ms > now_ms - _DAY_MS
    )
    return bool(connection.execute(query).scalar_one())


def _braked(connection: Connection, brake: Brake, which: ColumnElement[bool], now_ms: int) -> int:
    recent = and_(which, sign_in_attempt.c.succeeded.is_(False), sign_in_attempt.c.at_ms > now_ms - _HOUR_MS)
    failures, last_ms = connection.execute(select(func.count(), func.max(sign_in_attempt.c.at_ms)).where(recent)).one()
    return 0 if not failures else max(0, int(last_ms) + brake.wait_ms(failures) - now_ms)
