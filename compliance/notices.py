"""What happened while committing, as entries of the audit trail."""

from collections.abc import Sequence

from sqlalchemy import Connection

from coldchain import audit
from coldchain.domain.quantity import iso
from coldchain.journal.port import Notice


def note(connection: Connection, notices: Sequence[Notice], now_ms: int) -> None:
    """One entry per notice of the journal, in the engine's transaction."""
    for item in notices:
        audit.record(
            connection, at_ms=now_ms, who="ingest", action=f"journal.{item.kind}", kind="logger",
            id=item.logger or "unknown", new={"offset": item.offset, "at": iso(item.at_ms), "detail": item.detail},
        )  # fmt: skip
