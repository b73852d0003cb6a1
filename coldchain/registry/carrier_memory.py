"""What carriers have to remember between messages, such as the aliases of a Sparkplug session."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select

from coldchain.registry.schema import carrier_memory
from coldchain.registry.store import upsert


def load(connection: Connection) -> dict[str, dict[str, Any]]:
    """Everything that is remembered, by carrier and key."""
    found: dict[str, dict[str, Any]] = {}
    for row in connection.execute(select(carrier_memory.c.carrier, carrier_memory.c.key, carrier_memory.c.body)):
        found.setdefault(row.carrier, {})[row.key] = row.body
    return found


def save(connection: Connection, carrier: str, changes: Mapping[str, Any], now_ms: int) -> None:
    """Remember `changes` of a carrier; None forgets a key.

    It is no decision of a person and changes nothing that a page shows, so neither audit trail nor revision moves.
    """
    gone = [key for key, body in changes.items() if body is None]
    if gone:
        of_these = (carrier_memory.c.carrier == carrier, carrier_memory.c.key.in_(gone))
        connection.execute(delete(carrier_memory).where(*of_these))
    for key, body in changes.items():
        if body is not None:
            values = {"body": body, "changed_ms": now_ms}
            upsert(connection, carrier_memory, {"carrier": carrier, "key": key}, values)
