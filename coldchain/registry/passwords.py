"""People's passwords: argon2id, at most two hashes at a time, and the rules that a new one must meet."""

import hashlib
import secrets
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from coldchain.errors import InvalidValue

SHORTEST = 12
LONGEST = 256
# 46 MiB and two passes: stronger than the least that OWASP recommends (one pass); about 0.1 s on a small server.
_HASHER = PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1)
# Each hash takes 46 MiB: without a bound, a burst of sign-ins would take all memory.
_AT_ONCE = BoundedSemaphore(2)
_COMMON = frozenset({
    "123456789012", "1234567890123", "passwordpassword", "password1234", "qwertyuiopas", "iloveyouiloveyou",
    "adminadminadmin", "administrator", "coldchaincoldchain", "coldchain123", "letmeinletmein", "changeme1234",
    "welcome12345", "pharmapharma", "111111111111", "abcdefghijkl",
})  # fmt: skip


def hashed(password: str, *, email: str = "") -> str:
    """The argon2id hash of a new password, to be made outside any transaction.

    Raises:
        InvalidValue: too short, too long, or one that is tried first by whoever guesses.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidValue(f"password: {len(password)} characters, it takes {SHORTEST} to {LONGEST}; 15 are better")
    plain = password.casefold()
    if plain in _COMMON or len(set(plain)) < 4 or (email and plain in (email.casefold(), email.casefold() * 2)):
        raise InvalidValue("password: this one is among the first that are guessed; choose another")
    with _AT_ONCE:
        return _HASHER.hash(password)


def rehashed(password: str) -> str:
    """The hash of a password that was just found right, by today's parameters."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password is the one hashed; takes as long when there is no hash at all."""
    with _AT_ONCE:
        try:
            _HASHER.verify(password_hash or _nobody(), password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


@cache
def _nobody() -> str:
    """Verified when there is no such person, so that both answers take the same time."""
    return _HASHER.hash(secrets.token_urlsafe())


def outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def token() -> str:
    """A fresh secret of 256 random bits, safe in URLs and cookies."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 of a 256-bit secret, as it is stored; such secrets cannot be guessed, so one pass is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
