"""What happened while committing, as entries of the audit trail."""

from collections.abc import Sequence

from sqlalchemy import Connection

from coldchain import audit
from coldchain.domain.quantity import iso
from coldchain.journal.port import Notice


def note(connection: Connection, notices: Sequence[Notice], now_ms: int) -> None:
    """One entry per notice of the journal, in the engine's transaction."""
    audit.record_all(connection, [_entry(item) for item in notices], at_ms=now_ms)


def _entry(item: Notice) -> audit.New:
    what = {"offset": item.offset, "at": iso(item.at_ms), "detail": item.detail}
    return audit.New("ingest", f"journal.{item.kind}", "logger", item.logger or "unknown", new=what)
