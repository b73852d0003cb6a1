"""A shipment's row as it was known at an earlier moment: what was changed since is taken back, by the audit trail."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from coldchain.registry.schema import audit


def as_known(connection: Connection, row: Mapping[str, Any], known_ms: int) -> dict[str, Any] | None:
    """The columns of a shipment's row as they stood at `known_ms`; None if it was not on record yet.

    The trail keeps the old value of each changed column, so the newest change is taken back first.
    """
    if row["created_ms"] > known_ms:
        return None
    values = dict(row)
    changes = select(audit.c.old).where(
        audit.c.object_kind == "shipment", audit.c.object_id == row["id"], audit.c.at_ms > known_ms
    )
    for old in connection.execute(changes.order_by(audit.c.number.desc())).scalars():
        values.update({name: value for name, value in (old or {}).items() if name in values})
    return values
