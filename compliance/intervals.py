"""A logger's interval as a fact: taken from the journal once it is known, unless a person declared one."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from coldchain.domain.reading import Reading
from coldchain.domain.shipment import FactKind
from coldchain.journal.port import Journal
from coldchain.registry import facts

_ENGINE = "engine"


class Intervals:
    """Remembers which loggers have their fact; what it forgets costs one query."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, int | None] = {}  # None: a person declared it

    def forget(self) -> None:
        """Remember nothing: the transaction that would have made it true did not commit."""
        self._known.clear()

    def note(self, connection: Connection, readings: Sequence[Reading], now_ms: int) -> None:
        """Record the interval of each logger of `readings` that has none yet, or that declares another one now."""
        loggers = {reading.logger for reading in readings}
        unseen = loggers - self._known.keys()
        if unseen:
            for item in facts.known(connection, loggers=unseen, kinds=[FactKind.INTERVAL]):
                if item.logger is not None:
                    self._known[item.logger] = int(item.body["interval_ms"]) if item.who == _ENGINE else None
        for logger in sorted(loggers):
            if logger not in self._known or self._known[logger] is not None:
                self._note(connection, logger, readings, now_ms)

    def _note(self, connection: Connection, logger: str, readings: Sequence[Reading], now_ms: int) -> None:
        state = self._journal.logger(logger)
        if state is None or state.interval_ms is None or state.interval_ms == self._known.get(logger):
            return
        held = facts.known(connection, loggers=[logger], kinds=[FactKind.INTERVAL])
        self._known[logger] = None if held and held[-1].who != _ENGINE else state.interval_ms
        source = "declared" if state.interval_declared else "estimated"
        body = {"interval_ms": state.interval_ms, "source": source}
        if not held:
            reason = "reported by the logger or estimated from its earliest readings"
            self._add(connection, logger, body, 0, reason, now_ms)
        elif held[-1].who == _ENGINE and not state.interval_declared:
            # An estimate goes by the earliest readings there are: some of them came late.
            reason = "earlier readings came late"
            facts.supersede(connection, held[-1].id, body=body, who=_ENGINE, reason=reason, now_ms=now_ms)
        elif held[-1].who == _ENGINE:
            # What was measured before another declaration is as it was.
            reason = "the logger reports otherwise"
            since_ms = _began(logger, readings)
            if since_ms > held[-1].valid_from_ms:
                self._add(connection, logger, body, since_ms, reason, now_ms)
            else:
                facts.supersede(connection, held[-1].id, body=body, who=_ENGINE, reason=reason, now_ms=now_ms)

    def _add(
        self, connection: Connection, logger: str, body: dict[str, Any], since_ms: int, reason: str, now_ms: int
    ) -> None:
        facts.add(
            connection, kind=FactKind.INTERVAL, body=body, valid_from_ms=since_ms, logger=logger, who=_ENGINE,
            reason=reason, now_ms=now_ms,
        )  # fmt: skip


def _began(logger: str, readings: Sequence[Reading]) -> int:
    """The first moment of the newest message of a logger: the one whose declaration holds now."""
    own = [reading for reading in readings if reading.logger == logger]
    newest = max(own, key=lambda reading: (reading.event_time_ms, reading.offset))
    return min(reading.event_time_ms for reading in own if reading.message == newest.message)
