"""A subject's figures by day, week or month, read from the registry and the journal; a store's however far back."""

from dataclasses import replace

from sqlalchemy import Connection

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.profile import DAY_MS
from coldchain.errors import NotFound
from coldchain.registry import recorded
from coldchain.telemetry.port import History
from compliance.calendar import Unit, calendar_windows
from compliance.document import Json
from compliance.subjects import cases_of, inputs_of
from compliance.windows_of import figures_over


def windows_of_subject(
    connection: Connection, history: History, subject: Subject, unit: Unit, from_ms: int, to_ms: int
) -> Json:
    """The figures of a subject over the calendar windows of its zone that touch [from_ms, to_ms).

    A store is judged over any time, not only over the last days that its findings cover. The newest moment that the
    engine has judged is where they end. The caller has asked whether its viewer may see the subject.

    Raises:
        NotFound: the subject has not been judged yet.
        InvalidValue: too many windows, or none.
    """
    state = recorded.on_record(connection, [subject])[subject].state
    cases = [] if state is None else cases_of(connection, [subject], state.as_of_ms)
    if state is None or not cases:
        raise NotFound(
            f"{subject.kind.value} {subject.id} has not been judged yet: bind a logger, or wait for its first reading"
        )
    case, as_of_ms = cases[0], state.as_of_ms
    windows = calendar_windows(case.zone, unit, from_ms, min(to_ms, max(as_of_ms, from_ms + 1)))
    if subject.kind is SubjectKind.STORE:
        # A day more on both sides: what goes on across an edge is known as such.
        case = replace(case, since_ms=windows[0].start_ms - DAY_MS)
        as_of_ms = min(as_of_ms, windows[-1].end_ms + DAY_MS)
    return figures_over(inputs_of(case, history, state.journal_offset, as_of_ms), windows, as_of_ms)
