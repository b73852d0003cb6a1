"""What every write of the registry leaves behind: a row of the audit trail and a new revision."""

from typing import Any

from sqlalchemy import Connection

from coldchain import audit
from coldchain.registry.store import bump_revision


def changed(
    connection: Connection,
    *,
    who: str,
    now_ms: int,
    action: str,
    kind: str,
    id: str,  # noqa: A002  the object's id, as in every other signature
    old: Any = None,
    new: Any = None,
    reason: str | None = None,
) -> int:
    """Audit one change inside its own writing transaction and let live pages notice it; return the entry's number."""
    number = audit.record(
        connection, at_ms=now_ms, who=who, action=action, kind=kind, id=id, old=old, new=new, reason=reason
    )
    bump_revision(connection)
    return number
