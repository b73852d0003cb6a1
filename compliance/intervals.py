"""A logger's interval as a fact: taken from the journal once it is known, unless a person declared one."""

from sqlalchemy import Connection

from coldchain.domain.shipment import FactKind
from coldchain.journal.port import Journal
from coldchain.registry import facts

_DIFFERENCES = 12  # from which the journal estimates; before that many readings an interval can only be declared
_ENGINE = "engine"


class Intervals:
    """Remembers which loggers have their fact; what it forgets costs one query."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, int | None] = {}  # None: a person declared it

    def forget(self) -> None:
        """Remember nothing: the transaction that would have made it true did not commit."""
        self._known.clear()

    def note(self, connection: Connection, loggers: set[str], now_ms: int) -> None:
        """Record the interval of each of `loggers` that has none yet, or that declares another one now."""
        unseen = loggers - self._known.keys()
        if unseen:
            for item in facts.known(connection, loggers=unseen, kinds=[FactKind.INTERVAL]):
                if item.logger is not None:
                    self._known[item.logger] = int(item.body["interval_ms"]) if item.who == _ENGINE else None
        for logger in sorted(loggers):
            if logger not in self._known or self._known[logger] is not None:
                self._note(connection, logger, now_ms)

    def _note(self, connection: Connection, logger: str, now_ms: int) -> None:
        state = self._journal.logger(logger)
        if state is None or state.interval_ms is None or state.interval_ms == self._known.get(logger):
            return
        source = "estimated" if state.readings > _DIFFERENCES else "declared"
        body = {"interval_ms": state.interval_ms, "source": source}
        held = facts.known(connection, loggers=[logger], kinds=[FactKind.INTERVAL])
        if held and held[-1].who != _ENGINE:
            self._known[logger] = None
            return
        if held:
            facts.supersede(
                connection, held[-1].id, body=body, who=_ENGINE, reason="the logger reports otherwise", now_ms=now_ms
            )
        else:
            facts.add(
                connection, kind=FactKind.INTERVAL, body=body, valid_from_ms=0, logger=logger, who=_ENGINE,
                reason="reported by the logger or estimated from its first readings", now_ms=now_ms,
            )  # fmt: skip
        self._known[logger] = state.interval_ms
