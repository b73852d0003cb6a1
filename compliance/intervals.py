"""A logger's interval as a fact: taken from the journal once it is known, unless a person declared one."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from coldchain.domain.reading import Reading
from coldchain.domain.shipment import FactKind
from coldchain.journal.port import Journal, LoggerState
from coldchain.registry import facts
from coldchain.registry.facts import NewFact

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
        without = loggers - self._known.keys()
        if without:
            for held in facts.known(connection, loggers=without, kinds=[FactKind.INTERVAL]):
                if held.logger is not None:
                    self._known[held.logger] = int(held.body["interval_ms"]) if held.who == _ENGINE else None
            without -= self._known.keys()
        # All at once: a fleet that is heard for the first time must not hold up the alarms behind it.
        first = [item for logger in sorted(without) if (item := self._first(logger)) is not None]
        facts.add_all(connection, first, who=_ENGINE, now_ms=now_ms)
        for logger in sorted(loggers - without):
            if self._known[logger] is not None:
                self._note(connection, logger, readings, now_ms)

    def _first(self, logger: str) -> NewFact | None:
        """The fact of a logger that has none, None while its interval is not known."""
        state = self._journal.logger(logger)
        if state is None or state.interval_ms is None:
            return None
        self._known[logger] = state.interval_ms
        return _new(logger, state)

    def _note(self, connection: Connection, logger: str, readings: Sequence[Reading], now_ms: int) -> None:
        state = self._journal.logger(logger)
        if state is None or state.interval_ms is None or state.interval_ms == self._known.get(logger):
            return
        held = facts.known(connection, loggers=[logger], kinds=[FactKind.INTERVAL])
        self._known[logger] = None if held and held[-1].who != _ENGINE else state.interval_ms
        body = _body(state)
        if not held:  # somebody withdrew it
            facts.add_all(connection, [_new(logger, state)], who=_ENGINE, now_ms=now_ms)
        elif held[-1].who == _ENGINE and not state.interval_declared:
            # An estimate goes by the earliest readings there are: some of them came late.
            reason = "earlier readings came late"
            facts.supersede(connection, held[-1].id, body=body, who=_ENGINE, reason=reason, now_ms=now_ms)
        elif held[-1].who == _ENGINE:
            # What was measured before another declaration is as it was.
            reason = "the logger reports otherwise"
            since_ms = _began(logger, readings)
            if since_ms > held[-1].valid_from_ms:
                facts.add(
                    connection, kind=FactKind.INTERVAL, body=body, valid_from_ms=since_ms, logger=logger, who=_ENGINE,
                    reason=reason, now_ms=now_ms,
                )  # fmt: skip
            else:
                facts.supersede(connection, held[-1].id, body=body, who=_ENGINE, reason=reason, now_ms=now_ms)


def _new(logger: str, state: LoggerState) -> NewFact:
    reason = "reported by the logger or estimated from its earliest readings"
    return NewFact(FactKind.INTERVAL, _body(state), 0, logger=logger, reason=reason)


def _body(state: LoggerState) -> dict[str, Any]:
    source = "declared" if state.interval_declared else "estimated"
    return {"interval_ms": state.interval_ms, "source": source}


def _began(logger: str, readings: Sequence[Reading]) -> int:
    """The first moment of the newest message of a logger: the one whose declaration holds now."""
    own = [reading for reading in readings if reading.logger == logger]
    newest = max(own, key=lambda reading: (reading.event_time_ms, reading.offset))
    return min(reading.event_time_ms for reading in own if reading.message == newest.message)
