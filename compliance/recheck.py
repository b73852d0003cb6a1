"""Figures that are on record computed once more by the decimal twin: of shipments, stores, batches, and their parts."""

from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from coldchain.domain.finding import Subject
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue, NotFound
from coldchain.journal.port import Journal
from coldchain.registry import recorded
from coldchain.registry.viewer import Viewer
from coldchain.telemetry.port import History
from compliance.as_known import document_as_known, inputs_as_known
from compliance.batch_as_known import load_as_known
from compliance.batches import BatchLedger, inputs_of_parts, load
from compliance.calendar import Unit, Window, calendar_windows
from compliance.document import Json
from compliance.inputs import Inputs
from compliance.ledger_twin import ledger_differences
from compliance.on_record import record_differences
from compliance.subjects import cases_of, inputs_of
from compliance.twin import differences
from compliance.twin_windows import window_differences
from compliance.windows_of import figures_over, legs_of

PARTS = ("leg", *(unit.value for unit in Unit))
_DAY_MS = 86_400_000


class Checked(NamedTuple):
    """A document, and each printed figure in which the twin differs; none where it agrees or was not asked.

    `unlike` names what is on record otherwise than the readings and facts give it; then the twin was not asked.
    """

    document: Json
    differences: list[str]
    unlike: tuple[str, ...] = ()


def of_subject(connection: Connection, history: History, subject: Subject, by: str | None, *, check: bool) -> Checked:
    """The newest document of a shipment or a store; with `by` its figures over legs, or over days, weeks or months.

    Raises:
        NotFound: it was not judged yet.
    """
    standing = recorded.on_record(connection, [subject])[subject]
    state = standing.state
    cases = [] if state is None else cases_of(connection, [subject], state.as_of_ms)
    if state is None or not cases or not state.document:
        raise NotFound(f"{subject.kind.value} {subject.id} has not been judged yet")
    inputs = inputs_of(cases[0], history, state.journal_offset, state.as_of_ms)
    unlike = record_differences(connection, inputs, standing, state) if check else []
    if unlike:
        return Checked(state.document, [], tuple(unlike))
    if by is None:
        return Checked(state.document, differences(inputs, state.document) if check else [])
    return over_parts(inputs, state.as_of_ms, by, inputs.zone, check=check)


def over_parts(inputs: Inputs, as_of_ms: int, by: str, zone: str, *, check: bool) -> Checked:
    """The figures over legs, or over the calendar windows of a zone, from the first judged moment on.

    Raises:
        InvalidValue: no such part or zone, or there would be too many windows.
    """
    document = figures_over(inputs, _windows(inputs, as_of_ms, by, zone), as_of_ms)
    if by != "leg":
        document = {**document, "zone": zone}
    return Checked(document, window_differences(inputs, document) if check else [])


def _windows(inputs: Inputs, as_of_ms: int, by: str, zone: str) -> list[Window]:
    if by == "leg":
        return legs_of(inputs, as_of_ms)
    if by not in PARTS:
        raise InvalidValue(f"by: {by[:40]!r} is none of {', '.join(PARTS)}")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidValue(f"zone: {zone[:60]!r} is no IANA time zone; write one such as Europe/Brussels") from error
    begun = [span.start_ms for bound in inputs.bounds for span in bound.judged]
    seen = [int(bound.track.time_ms[0]) for bound in inputs.bounds if len(bound.track.time_ms)]
    start = max(min(begun, default=as_of_ms - _DAY_MS), min(seen, default=0))
    return calendar_windows(zone, Unit(by), min(start, as_of_ms), as_of_ms + 1)


def of_batch(
    connection: Connection, history: History, viewer: Viewer, batch: str, as_of_ms: int, *, check: bool
) -> Checked:  # fmt: skip
    """The ledger of a batch over its shipments and stays.

    Raises:
        NotFound: no such batch for this viewer.
    """
    return _ledger(connection, history, load(connection, history, viewer, batch, as_of_ms), check=check)


def subject_then(
    connection: Connection, journal: Journal, history: History, subject: Subject, by: str | None, known_ms: int, *,
    check: bool,
) -> Checked:  # fmt: skip
    """The same of a shipment or a store as it was known at `known_ms`.

    Raises:
        NotFound: at that moment nothing was on record by which it could have been judged.
    """
    inputs = inputs_as_known(connection, journal, history, subject, known_ms)
    if by is not None:
        found = over_parts(inputs, known_ms, by, inputs.zone, check=check)
        return found._replace(document={**found.document, "known_as_of": iso(known_ms)})
    document = document_as_known(connection, journal, history, subject, known_ms)
    return Checked(document, differences(inputs, document) if check else [])


def batch_then(
    connection: Connection, journal: Journal, history: History, viewer: Viewer, batch: str, known_ms: int, *,
    check: bool,
) -> Checked:  # fmt: skip
    """The ledger of a batch as it was known at `known_ms`.

    Raises:
        NotFound: no such batch for this viewer at that moment.
    """
    found = load_as_known(connection, journal, history, viewer, batch, known_ms)
    return _ledger(connection, history, found, check=check)


def _ledger(connection: Connection, history: History, found: BatchLedger, *, check: bool) -> Checked:
    document = found.as_json()
    if not check:
        return Checked(document, [])
    return Checked(document, ledger_differences(inputs_of_parts(connection, history, found), document))
