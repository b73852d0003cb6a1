"""Which readings exist for a viewer: of which loggers and channels, from when until when. Every road asks here."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import Connection

from coldchain.domain.finding import SubjectKind
from coldchain.domain.shipment import FactKind
from coldchain.registry import facts, maintenance, stages
from coldchain.registry.maintenance import Stretch
from coldchain.registry.shipments import exists, subject
from coldchain.registry.viewer import Viewer

FOREVER_MS = 2**53


class Span(NamedTuple):
    """One logger's readings with start ≤ event time < end, of these channels (None: all of them)."""

    logger: str
    start_ms: int
    end_ms: int
    channels: frozenset[str] | None = None
    excluded: tuple[tuple[int, int | None], ...] = ()  # of the shipment that was asked for: shown, but not judged
    worked_on: tuple[Stretch, ...] = ()  # while it was out of service: judged, but nobody was told

    def judged(self, time_ms: int) -> bool:
        """Whether a reading of that moment counts."""
        return not any(start <= time_ms and (end is None or time_ms < end) for start, end in self.excluded)

    def in_service(self, channel: str, time_ms: int) -> bool:
        """Whether nothing that concerns this reading was out of service at its moment."""
        return not any(one.covers(channel, time_ms) for one in self.worked_on)


def of_shipment(
    connection: Connection, viewer: Viewer, shipment: str, start_ms: int = 0, end_ms: int = FOREVER_MS
) -> list[Span]:
    """What was measured for one shipment, by logger and time; no reading stands in two spans.

    Raises:
        NotFound: no such shipment for this viewer.
    """
    exists(connection, viewer, shipment)
    found = _merged(facts.known(connection, subject=subject(shipment), kinds=[FactKind.BINDING]), start_ms, end_ms)
    excluded = tuple((one.from_ms, one.to_ms) for one in stages.unjudged(connection, shipment))
    worked_on = maintenance.stretches(connection, subject=subject(shipment))
    return [span._replace(excluded=excluded, worked_on=_on(worked_on, span.logger)) for span in found]


def of_loggers(
    connection: Connection, viewer: Viewer, loggers: Sequence[str], start_ms: int = 0, end_ms: int = FOREVER_MS
) -> list[Span]:
    """What these loggers measured; for a scoped viewer only while they served a shipment that it may see."""
    if not viewer.scoped:
        worked_on = maintenance.stretches(connection)
        named = sorted(set(loggers)) if start_ms < end_ms else []
        return [Span(one, start_ms, end_ms, worked_on=_on(worked_on, one)) for one in named]
    known = facts.known(connection, loggers=loggers, kinds=[FactKind.BINDING], viewer=viewer)
    mine = (fact for fact in known if fact.subject is not None and fact.subject.kind is SubjectKind.SHIPMENT)
    worked_on = maintenance.stretches(connection)
    return [span._replace(worked_on=_on(worked_on, span.logger)) for span in _merged(mine, start_ms, end_ms)]


def _on(worked_on: Iterable[Stretch], logger: str) -> tuple[Stretch, ...]:
    return tuple(one for one in worked_on if one.logger in (None, logger))


def _merged(bindings: Iterable[facts.Fact], start_ms: int, end_ms: int) -> list[Span]:
    by_logger: dict[str, list[Span]] = {}
    for fact in bindings:
        channels = fact.body.get("channels")
        ends = end_ms if fact.valid_to_ms is None else min(end_ms, fact.valid_to_ms)
        begins = max(start_ms, fact.valid_from_ms)
        if fact.logger is not None and begins < ends:
            named = None if channels is None else frozenset(channels)
            by_logger.setdefault(fact.logger, []).append(Span(fact.logger, begins, ends, named))
    return [span for logger in sorted(by_logger) for span in _without_overlap(by_logger[logger])]


def _without_overlap(spans: list[Span]) -> list[Span]:
    """The same readings, each in one span only, in order of time."""
    edges = sorted({edge for span in spans for edge in (span.start_ms, span.end_ms)})
    result: list[Span] = []
    for start_ms, end_ms in pairwise(edges):
        here = [span.channels for span in spans if span.start_ms <= start_ms and span.end_ms >= end_ms]
        if not here:
            continue
        named = [channels for channels in here if channels is not None]
        channels = None if len(named) < len(here) else frozenset().union(*named)
        last = result[-1] if result else None
        if last is not None and last.end_ms == start_ms and last.channels == channels:
            result[-1] = last._replace(end_ms=end_ms)
        else:
            result.append(Span(spans[0].logger, start_ms, end_ms, channels))
    return result
