"""When the sentinel last came by, and the word by which it is known: only who can read the registry knows it."""

import hmac
import secrets
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from coldchain.registry.schema import setting
from coldchain.registry.store import upsert

_TOKEN, _VISIT = "sentinel.token", "sentinel.visit"


class Visit(NamedTuple):
    """When the sentinel was last here, and whether it said then that it was being ended."""

    at_ms: int
    ended: bool


def ensure_token(connection: Connection) -> None:
    """Make the word, inside a writing transaction, where there is none yet."""
    if token(connection) is None:
        upsert(connection, setting, {"name": _TOKEN}, {"value": secrets.token_hex(32)})


def token(connection: Connection) -> str | None:
    """The word; None where no monitor has made it yet."""
    said = connection.execute(select(setting.c.value).where(setting.c.name == _TOKEN)).scalar_one_or_none()
    return None if said is None else str(said)


def known(connection: Connection, given: str) -> bool:
    """Whether this is the word."""
    word = token(connection)
    return word is not None and hmac.compare_digest(word.encode(), given.encode())


def note(connection: Connection, *, ended: bool, now_ms: int) -> None:
    """Write a visit down, inside a writing transaction; `ended` says that it was the last one."""
    upsert(connection, setting, {"name": _VISIT}, {"value": {"at_ms": now_ms, "ended": ended}})


def last(connection: Connection) -> Visit | None:
    """The newest visit; None where there never was any, or there is no sentinel any more."""
    said = connection.execute(select(setting.c.value).where(setting.c.name == _VISIT)).scalar_one_or_none()
    return None if said is None else Visit(int(said["at_ms"]), bool(said["ended"]))


def forget(connection: Connection) -> None:
    """Miss the sentinel no more, until it comes by again; inside a writing transaction."""
    connection.execute(delete(setting).where(setting.c.name == _VISIT))
