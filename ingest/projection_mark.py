"""How far a projection has come, and what stood in its way: kept in the registry, so that it survives a restart."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, insert, select, update

from coldchain.clock import Clock
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from coldchain.registry import signals
from coldchain.registry.schema import cursor, signal
from coldchain.registry.store import Registry

ROLE = "projector"
UNREACHABLE, REFUSED = "influx_unreachable", "influx_refused"
_NAMED = 20  # refused points named one by one for each batch; the rest is counted


class RefusedPoint(NamedTuple):
    """A reading that InfluxDB will never take, with its own words for why."""

    reading: Reading
    why: str

    @property
    def sentence(self) -> str:
        """Which reading, and why."""
        reading = self.reading
        where = f"{reading.logger}/{reading.channel} at {iso(reading.event_time_ms)} (offset {reading.offset})"
        return f"{where} is in the journal but not in InfluxDB: {self.why}"[:900]


class RegistryMark:
    """The row of this projection in `cursor`, and its signals to people."""

    def __init__(self, registry: Registry, clock: Clock, name: str = ROLE) -> None:
        self._registry, self._clock, self._name = registry, clock, name

    def offset(self) -> int:
        """The journal offset up to which every reading is in InfluxDB or was refused by it; 0 at first."""
        with self._registry.read() as connection:
            found = connection.execute(select(cursor.c.journal_offset).where(cursor.c.name == self._name))
            return int(found.scalar_one_or_none() or 0)

    def move(self, before: int, after: int, refused: Sequence[RefusedPoint] = ()) -> bool:
        """Move from `before` to `after` and record refused points with it; False if somebody else moved it first."""
        with self._registry.write() as connection:
            moved = {"journal_offset": after, "moved_ms": self._clock.now_ms()}
            here = cursor.c.name == self._name
            if connection.execute(select(cursor.c.name).where(here)).first() is None:
                connection.execute(
                    insert(cursor).values(name=self._name, notice_offset=0, **moved | {"journal_offset": 0})
                )
            found = connection.execute(update(cursor).where(here, cursor.c.journal_offset == before).values(moved))
            if found.rowcount != 1:
                return False
            for detail in _details(refused):
                signals.report_event(
                    connection, role=self._name, kind=REFUSED, detail=detail, now_ms=self._clock.now_ms()
                )
        return True

    def trouble(self, detail: str) -> None:
        """Say that InfluxDB cannot be written to; said once until `recovered`."""
        with self._registry.write() as connection:
            # Its words differ from one attempt to the next: the first ones stand for all.
            if connection.execute(select(signal.c.id).where(*self._open())).first() is None:
                now_ms = self._clock.now_ms()
                signals.report(connection, role=self._name, kind=UNREACHABLE, detail=detail, now_ms=now_ms)

    def recovered(self) -> None:
        """Take back what `trouble` said."""
        with self._registry.write() as connection:
            connection.execute(update(signal).where(*self._open()).values(cleared_ms=self._clock.now_ms()))

    def _open(self) -> tuple[ColumnElement[bool], ...]:
        return (signal.c.role == self._name, signal.c.kind == UNREACHABLE, signal.c.cleared_ms.is_(None))


def _details(refused: Sequence[RefusedPoint]) -> list[str]:
    named = [point.sentence for point in refused[:_NAMED]]
    if len(refused) > _NAMED:
        first, last = refused[_NAMED].reading.offset, refused[-1].reading.offset
        named.append(f"and {len(refused) - _NAMED} more readings, offsets {first} to {last}: {refused[-1].why}"[:900])
    return named
