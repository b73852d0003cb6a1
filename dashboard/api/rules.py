"""What the API of policies, rotas and routes has in common: how a body with its reason is read, and who wrote it."""

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import Request
from sqlalchemy import Connection

from alerts import configuration
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry import people
from coldchain.registry.versioned import Stored
from dashboard.services import Services

# What the record says of a version, and its body does not: sent back, it is no mistake.
_OF_THE_RECORD = ("id", "who", "who_name", "recorded", "retired", "problems")


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that was sent.

    Raises:
        InvalidValue: it is none.
    """
    try:
        body = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidValue(f"body: is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidValue("body: is not a JSON object; send the fields of the rule")
    return body


def taken(body: dict[str, Any], *own: str) -> tuple[str | None, int | None]:
    """Take (reason, version) out of a body, and what only the record says; the rest is the rule itself.

    `own` are keys of the record's that this rule has for itself.

    Raises:
        InvalidValue: a reason that is no text, or a version that is no number.
    """
    for name in _OF_THE_RECORD:
        if name not in own:
            body.pop(name, None)
    reason, version = body.pop("reason", None), body.pop("version", None)
    if reason is not None and not (isinstance(reason, str) and len(reason) <= 2000 and "\x00" not in reason):
        raise InvalidValue("reason: is not a text of at most 2000 characters")
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise InvalidValue(f"version: {version!r} is not a number; leave it out, or send that of the next version")
    return reason, version


def kept(web: Services, change: Callable[[Connection, int], Stored]) -> dict[str, Any]:
    """Do `change(connection, now_ms)` and look at once for what is wrong with the rules now; the version as shown."""
    with web.registry.write() as connection:
        now_ms = web.clock.now_ms()
        made = change(connection, now_ms)
        configuration.watch(connection, now_ms)
        return record(connection, made)


def record(connection: Connection, one: Stored) -> dict[str, Any]:
    """A stored version as the API shows it: its body, and who wrote it when and why."""
    named = {"system": "Coldchain", **people.names(connection, {one.who})}
    return {
        **one.body, "id": one.id, "version": one.version, "recorded": iso(one.recorded_ms), "who": one.who,
        "who_name": named.get(one.who, one.who), "reason": one.reason,
        "retired": None if one.retired_ms is None else iso(one.retired_ms),
    }  # fmt: skip
