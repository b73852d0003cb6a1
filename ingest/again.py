"""Decoding kept messages again with the device profiles of today: what would change, and the audited act that does it.

The act is written down first (audit trail, fact, `dirty` for the engine), then applied to the journal, message by
message idempotently; a process that died in between is caught up by `finish`. Nothing is replaced by less than it was:
a message that is not understood today keeps its meaning.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from coldchain.domain.message import Arrival, Decoded, Envelope, Outcome, Refusal
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from coldchain.domain.shipment import FactKind
from coldchain.errors import InvalidValue
from coldchain.journal.port import Journal, StoredMessage
from coldchain.registry import facts
from coldchain.registry.changes import changed
from coldchain.registry.store import Registry, new_id
from ingest import open_decisions
from ingest.open_decisions import EVER_MS, Pending, Request
from ingest.pipeline import Pipeline

MOST = 100_000  # messages of one request
SHOWN = 100  # differences that a report lists

_PAGE = 1000
_ASTRAY_MS = 60_000  # by how much the clocks of two processes may differ
_CHUNK = 200  # messages in one commit: the journal's lock is not held for longer


class Difference(NamedTuple):
    """A kept message whose meaning changes."""

    message: StoredMessage
    before: tuple[Reading, ...]
    arrival: Arrival  # what the whole of it says today
    decoded: Decoded  # of that, what its logger says (of a stray: the first message)

    @property
    def after(self) -> tuple[Reading, ...]:
        """The readings that stand for it then; of a stray, of all that it speaks for."""
        if self.message.logger is not None:
            return self.decoded.readings
        return tuple(reading for message in self.arrival.messages for reading in message.readings)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What is not believed of it."""
        return self.decoded.refusals


class Again(NamedTuple):
    """What decoding again comes to."""

    logger: str
    examined: int  # messages that were looked at
    changed: int  # of them, those whose meaning changes
    strays: int  # of them, those whose sender was unknown until now
    not_understood: int  # messages that say nothing today either
    readings_before: int  # of the changed messages
    readings_after: int
    refused: int  # values that are not believed
    differences: tuple[Difference, ...]  # the first `SHOWN`
    complete: bool  # False: there are more than `MOST` messages; ask for a shorter period
    decision: str | None = None  # the id of the act; None: a look only


def look(pipeline: Pipeline, request: Request) -> Again:
    """What decoding the kept messages of a logger again would change; nothing is written."""
    return _report(request, *_differing(pipeline, request))


def decode_again(
    pipeline: Pipeline, registry: Registry, request: Request, *, who: str, reason: str, now_ms: int
) -> Again:
    """Decode the kept messages of a logger again; what they say now counts, what they said stays on record.

    Raises:
        InvalidValue: the reason is missing, or the period holds too many messages.
        TransientError: the journal or the registry is busy; asking again finishes what was begun.
    """
    if not reason.strip():
        raise InvalidValue("reason is missing: say why the messages are decoded again")
    seen = pipeline.journal.head()
    found, tally = _differing(pipeline, request)
    if not tally.complete:
        raise InvalidValue(f"from, to: the period holds more than {MOST} messages; ask for a shorter one")
    if not found:
        return _report(request, found, tally)
    pending = Pending(new_id(), request, now_ms, _first_ms(found), tuple(sorted(_profiles(found))))
    _decide(registry, pending, found, who, reason)
    _apply(pipeline.journal, pending.decision, found, seen)
    open_decisions.tell(registry, pending, now_ms)
    return _report(request, found, tally)._replace(decision=pending.decision)


def finish(pipeline: Pipeline, registry: Registry, now_ms: int) -> int:
    """Apply what is still open of decisions; of how many of them something was.

    That is what a process decided and died before it had done it, and what arrived in the seconds after a decision at
    a process that did not know of the newest profiles yet.

    Raises:
        TransientError: the journal or the registry is busy.
    """
    return sum(_finished(pipeline, registry, one, now_ms) for one in open_decisions.pending(registry))


def _finished(pipeline: Pipeline, registry: Registry, pending: Pending, now_ms: int) -> bool:
    seen = pipeline.journal.head()
    request = pending.request
    if pending.told:  # what was kept before was read then
        request = request._replace(from_ms=max(request.from_ms, pending.decided_ms - _ASTRAY_MS))
    found, _ = _differing(pipeline, request)
    # This process may not know of the newest profiles yet, and must not go back behind the decision.
    found = [one for one in found if not pending.profiles or one.decoded.device_profile in pending.profiles]
    if found:
        _apply(pipeline.journal, pending.decision, found, seen)
        pending = pending._replace(first_ms=min(pending.first_ms, _first_ms(found)), told=False)
    if not pending.told:
        open_decisions.tell(registry, pending, now_ms)
    else:
        open_decisions.end(registry, pending, now_ms)
    return not pending.told


# --- looking ----------------------------------------------------------------------------------------------------------


class _Tally:
    def __init__(self) -> None:
        self.examined = 0
        self.not_understood = 0
        self.complete = True


def _differing(pipeline: Pipeline, request: Request) -> tuple[list[Difference], _Tally]:
    tally = _Tally()
    return [*_of_the_logger(pipeline, request, tally), *_strays(pipeline, request, tally)], tally


def _of_the_logger(pipeline: Pipeline, request: Request, tally: _Tally) -> Iterator[Difference]:
    after = 0
    read = pipeline.rereading()
    while page := pipeline.journal.meanings(*request, after, _PAGE):
        for message, readings in page:
            tally.examined += 1
            arrival = _today(read, message)
            decoded = _said_by(arrival, request.logger)
            if decoded is None or decoded.undecoded:
                tally.not_understood += 1
            elif not _same_reader(message, readings, decoded) and _content(decoded.readings) != _content(readings):
                yield Difference(message, readings, arrival, decoded)
        after = page[-1].message.offset
        if tally.examined >= MOST:
            tally.complete = False
            return


def _strays(pipeline: Pipeline, request: Request, tally: _Tally) -> Iterator[Difference]:
    after, looked = 0, 0
    read = pipeline.rereading()
    while page := pipeline.journal.strays(request.from_ms, request.to_ms, after, _PAGE):
        for message in page:
            arrival = _today(read, message)
            decoded = _said_by(arrival, request.logger)
            if decoded is None or decoded.undecoded:
                continue
            tally.examined += 1
            yield Difference(message, (), arrival, decoded)
        looked += len(page)
        after = page[-1].offset
        if looked >= MOST:
            tally.complete = False
            return


def _today(read: Callable[[Envelope], Arrival], message: StoredMessage) -> Arrival:
    """What a kept message says by the carriers and device profiles of today, seen from its arrival."""
    if message.envelope.length is not None:  # only its beginning was kept
        return Arrival(message.envelope)
    return read(message.envelope)


def _same_reader(message: StoredMessage, readings: Sequence[Reading], decoded: Decoded) -> bool:
    """Whether the same carrier and version of a device profile have read it before: then it says what it said.

    What is not among its readings was a duplicate, or contradicted another message, and stays that.
    """
    if message.outcome is Outcome.UNDECODED and not readings:
        return False  # the profile was there already, and nobody had confirmed it yet
    before = readings[0].device_profile if readings else message.device_profile
    return (message.adapter, before) == (decoded.adapter, decoded.device_profile)


def _said_by(arrival: Arrival, logger: str) -> Decoded | None:
    return next((message for message in arrival.messages if message.logger == logger), None)


def _content(readings: Sequence[Reading]) -> list[tuple[Any, ...]]:
    """What readings say, in any order, with the device profile that read them: a better one is a change by itself."""
    return sorted(
        ((one.channel, one.event_time_ms, one.values, one.time_source, one.historical, one.device_profile)
         for one in readings),
        key=repr,
    )  # fmt: skip


def _report(request: Request, found: Sequence[Difference], tally: _Tally) -> Again:
    return Again(
        request.logger,
        tally.examined,
        len(found),
        sum(one.message.logger is None for one in found),
        tally.not_understood,
        sum(len(one.before) for one in found),
        sum(len(one.after) for one in found),
        sum(len(one.refusals) for one in found),
        tuple(found[:SHOWN]),
        tally.complete,
    )


# --- acting -----------------------------------------------------------------------------------------------------------


def _decide(registry: Registry, pending: Pending, found: Sequence[Difference], who: str, reason: str) -> None:
    """Write the decision down: the audit trail, a fact with `dirty` for what the logger serves, and what is pending."""
    request, now_ms = pending.request, pending.decided_ms
    body = {
        "decision": pending.decision, "device_profiles": list(pending.profiles), "messages": len(found),
        "readings_before": sum(len(one.before) for one in found),
        "readings_after": sum(len(one.after) for one in found),
    }  # fmt: skip
    with registry.write() as connection:
        facts.add(
            connection, kind=FactKind.INTERPRETATION, body=body, valid_from_ms=pending.first_ms, logger=request.logger,
            who=who, reason=reason, now_ms=now_ms,
        )  # fmt: skip
        period = {"from": iso(request.from_ms), "to": None if request.to_ms == EVER_MS else iso(request.to_ms)}
        changed(
            connection, who=who, now_ms=now_ms, action="messages decoded again", kind="logger", id=request.logger,
            new=body | period, reason=reason,
        )  # fmt: skip
        open_decisions.write(connection, pending)


def _apply(journal: Journal, decision: str, found: Sequence[Difference], seen: int) -> None:
    """Apply it; what others have decided since the journal ended at `seen` is left as they did."""
    known = [one for one in found if one.message.logger is not None]
    for chunk in _chunks(known):
        meant = {one.message.offset: one.decoded.readings for one in chunk}
        journal.reinterpret(f"{decision}/{chunk[0].message.offset}", meant, seen)
    for chunk in _chunks([one for one in found if one.message.logger is None]):
        read = {one.message.offset: one.arrival for one in chunk}
        journal.adopt(f"{decision}/{chunk[0].message.offset}", read, seen)


def _chunks(found: Sequence[Difference]) -> Iterator[Sequence[Difference]]:
    for start in range(0, len(found), _CHUNK):
        yield found[start : start + _CHUNK]


def _profiles(found: Sequence[Difference]) -> set[str]:
    return {one.decoded.device_profile for one in found}


def _first_ms(found: Sequence[Difference]) -> int:
    times = (reading.event_time_ms for one in found for reading in (*one.before, *one.after))
    return min(times, default=0)
