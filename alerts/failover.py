"""Who moves a message to its recipient's next channel: what the dispatcher and the receipts ask for."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection


class Failover(Protocol):
    """Channel fail-over, separate from escalation: another way to the same person, not another person."""

    def failed(self, connection: Connection, rows: Sequence[str], now_ms: int) -> None:
        """These outbox rows will never be taken by their channel; inside a writing transaction."""
        ...

    def due(self, connection: Connection, now_ms: int) -> int:
        """Move on what was not accepted or confirmed in time, inside a writing transaction; how many rows."""
        ...
