"""Findings as they were known at an earlier moment: by the facts, the readings and the interpretation of that moment.

The same pure function judges them; only its inputs are taken from the past. A shipment's own row is taken back by the
audit trail, facts and milestones by the time at which they were recorded, readings by the journal's offsets.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from coldchain.domain.finding import Findings, Subject
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from coldchain.domain.shipment import FactKind
from coldchain.domain.track import Track
from coldchain.errors import NotFound
from coldchain.journal.port import Journal
from coldchain.registry import facts, recorded
from coldchain.telemetry.port import History
from compliance.document import Json, renamed
from compliance.engine import findings
from compliance.identity import Stretch, match
from compliance.inputs import Bound, Inputs, Span
from compliance.subjects import Case, cases_of, inputs_of

_PAGE = 256  # readings looked at around one offset: several writers commit a little out of the order of arrival


class Known(NamedTuple):
    """A subject as it was known at a moment: what was on record, with the readings up to `as_of_ms`."""

    case: Case
    inputs: Inputs
    as_of_ms: int


def inputs_as_known(
    connection: Connection, journal: Journal, history: History, subject: Subject, moment_ms: int
) -> Inputs:
    """What findings on `subject` depended on at `moment_ms`.

    Raises:
        NotFound: at that moment nothing was on record by which the subject could have been judged.
    """
    return as_known(connection, journal, history, subject, moment_ms).inputs


def as_known(
    connection: Connection,
    journal: Journal,
    history: History,
    subject: Subject,
    moment_ms: int,
    within: Span | None = None,
) -> Known:
    """`subject` as it was known at `moment_ms`; with `within` over that stretch of time alone.

    Raises:
        NotFound: at that moment nothing was on record by which the subject could have been judged.
    """
    cases = cases_of(connection, [subject], moment_ms, moment_ms)
    if not cases:
        raise NotFound(f"{subject.kind.value} {subject.id} was not judged yet at {iso(moment_ms)}: choose a later time")
    loggers = {item.logger for item in cases[0].facts if item.logger is not None}
    decisions = facts.known(connection, loggers=loggers, kinds=[FactKind.INTERPRETATION])
    later = any(item.recorded_ms > moment_ms for item in decisions)
    case, as_of_ms = cases[0], moment_ms
    if within is not None:
        case = replace(case, since_ms=within.start_ms)
        as_of_ms = moment_ms if within.end_ms is None else min(moment_ms, within.end_ms)
    inputs = inputs_of(case, history, offset_at(journal, moment_ms, decoded_again_since=later), as_of_ms)
    bounds = tuple(_received(bound, moment_ms) for bound in inputs.bounds)
    return Known(case, replace(inputs, bounds=bounds), as_of_ms)


def findings_as_known(
    connection: Connection, journal: Journal, history: History, subject: Subject, moment_ms: int
) -> Findings:
    """The findings on `subject` as they were known at `moment_ms`; excursions have ids made of their content.

    Raises:
        NotFound: at that moment nothing was on record by which the subject could have been judged.
    """
    return findings(inputs_as_known(connection, journal, history, subject, moment_ms), moment_ms)


def document_as_known(
    connection: Connection, journal: Journal, history: History, subject: Subject, moment_ms: int
) -> Json:
    """The compliance document of that moment, with `known_as_of`, and the lasting ids of what is still on record.

    Raises:
        NotFound: at that moment nothing was on record by which the subject could have been judged.
    """
    found = findings_as_known(connection, journal, history, subject, moment_ms)
    standing = recorded.on_record(connection, [subject])[subject].excursions
    stretches = [
        [Stretch(item.id, (item.logger, item.channel, item.direction), item.onset_ms, item.end_ms) for item in side]
        for side in ([stored.excursion for stored in standing], found.excursions)
    ]
    return {**renamed(found.document, match(*stretches).kept, {}), "known_as_of": iso(moment_ms)}


def offset_at(journal: Journal, moment_ms: int, *, decoded_again_since: bool = False) -> int:
    """The highest offset of what was known at a moment, found by halving: readings are committed as they arrive.

    Readings of messages that were decoded again keep the time of their message, so they say nothing here. With
    `decoded_again_since` those behind the newest arrival of that moment are taken to be of later; else of before.
    """
    low, high = 0, journal.head()
    while low < high:
        middle = (low + high) // 2
        first = next(_arrivals(journal, middle, high), None)
        if first is None or first.record_time_ms > moment_ms:
            high = middle
        else:
            low = first.offset
    last = low
    for reading in _page(journal, low):
        if reading.record_time_ms <= moment_ms:
            last = reading.offset
    if decoded_again_since:
        return last
    following = next(_arrivals(journal, last, journal.head()), None)
    return journal.head() if following is None else following.offset - 1


def _page(journal: Journal, after: int) -> list[Reading]:
    return [item for item in journal.read(after, _PAGE) if item.interpretation == 1]


def _arrivals(journal: Journal, after: int, through: int) -> Iterator[Reading]:
    while after < through:
        page = journal.read(after, _PAGE)
        yield from (item for item in page if item.interpretation == 1 and item.offset <= through)
        if len(page) < _PAGE:
            return
        after = page[-1].offset


def _received(bound: Bound, moment_ms: int) -> Bound:
    positions = None if bound.positions is None else _until(bound.positions, moment_ms)
    return replace(bound, track=_until(bound.track, moment_ms), positions=positions)


def _until(track: Track, moment_ms: int) -> Track:
    """Without what came later: several writers commit a little out of the order of arrival."""
    known = track.record_time_ms <= moment_ms
    if bool(np.all(known)):
        return track
    columns = ("time_ms", "temperature_mc", "humidity_mpct", "latitude_e7", "longitude_e7", "offset", "record_time_ms")
    return Track(track.logger, track.channel, *(getattr(track, name)[known] for name in columns))
