"""After the clock was put back: deadlines that were set before come as much earlier.

They are kept as times of day, so that they outlive the process; without this an alarm's next step would wait for as
long as the clock was wrong.
"""

from sqlalchemy import Connection, select, update

from coldchain.registry.recorded import AHEAD_MS
from coldchain.registry.schema import alarm, lease, outbox


def put_back_ms(connection: Connection, name: str, lasts_ms: int, now_ms: int) -> int:
    """By how much, at least, the clock was put back since the lease `name` was last taken for `lasts_ms`; 0 if not.

    To be asked before the lease is taken anew.
    """
    until_ms = connection.execute(select(lease.c.until_ms).where(lease.c.name == name)).scalar_one_or_none()
    back_ms = 0 if until_ms is None else int(until_ms) - lasts_ms - now_ms
    return back_ms if back_ms > AHEAD_MS else 0


def put_forward(connection: Connection, by_ms: int, now_ms: int) -> None:
    """Let everything that waits for a later time wait `by_ms` less, inside a writing transaction.

    What was set before the clock went wrong comes too early by that: better than too late. An alarm's version stays,
    because nothing that anybody decides by has changed.
    """
    for table, column in (
        (alarm, alarm.c.next_timer_ms),
        (alarm, alarm.c.suppressed_until_ms),
        (alarm, alarm.c.climb_ms),
        (outbox, outbox.c.next_due_ms),
        (outbox, outbox.c.fallback_ms),
    ):
        connection.execute(update(table).where(column > now_ms).values({column.name: column - by_ms}))
