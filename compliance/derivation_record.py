"""A derivation from what is on record: the readings and facts behind a subject's figures, read once more."""

from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sqlalchemy import Connection

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.profile import DAY_MS
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import recorded, shipment_views, shipments, stores
from coldchain.registry.viewer import Viewer
from coldchain.telemetry.port import History
from compliance.calendar import Window
from compliance.derivation import derive
from compliance.derived import Json
from compliance.inputs import Inputs, Span
from compliance.subjects import Case, cases_of, inputs_of
from compliance.windows_of import figures_over, legs_of


class Asked(NamedTuple):
    """A figure by its name; of the governing channel unless one is named, of the whole time unless a part is.

    A part is a leg of a shipment by its place (0 is the first), or any stretch, such as a calendar window.
    """

    figure: str
    logger: str | None = None
    channel: str | None = None
    leg: int | None = None
    within: Span | None = None


class _Record(NamedTuple):
    """A subject's facts as of its newest judgement."""

    case: Case
    as_of_ms: int
    offset: int


def of_shipment(connection: Connection, history: History, viewer: Viewer, shipment: str, asked: Asked) -> Json:
    """How a figure of a shipment, of one of its legs or of a stretch of its time was computed.

    Raises:
        NotFound: no such shipment for this viewer, or no such leg, channel or figure of it.
    """
    document = shipment_views.compliance(connection, viewer, shipment)
    found = _derived(connection, history, shipments.subject(shipment), document, asked)
    return {"shipment": shipment, **found, "readings": _readings(found, shipment=shipment)}


def of_store(connection: Connection, history: History, viewer: Viewer, store: str, asked: Asked) -> Json:
    """How a figure of a store was computed: of the days that its findings cover, or of a stretch however far back.

    Raises:
        NotFound: no such store for this viewer, or no such channel or figure of it.
    """
    document = stores.shown(connection, viewer, store)["document"]
    if not document:
        raise NotFound(f"store {store} has not been judged yet")
    found = _derived(connection, history, Subject(SubjectKind.STORE, store), document, asked)
    return {"store": store, **found, "readings": _readings(found)}


def _derived(connection: Connection, history: History, subject: Subject, document: Json, asked: Asked) -> Json:
    case, as_of_ms, offset = _record(connection, subject)
    if asked.leg is None and asked.within is None:
        of = _channel(document["channels"], document, asked)
        return derive(inputs_of(case, history, offset, as_of_ms), as_of_ms, of, asked.figure)
    within = asked.within
    if subject.kind is SubjectKind.STORE and within is not None:
        # As its windows are read: a day more on both sides, so that what goes on across an edge is known as such.
        case = replace(case, since_ms=within.start_ms - DAY_MS)
        as_of_ms = min(as_of_ms, (as_of_ms if within.end_ms is None else within.end_ms) + DAY_MS)
    inputs = inputs_of(case, history, offset, as_of_ms)
    window = _window(inputs, asked, as_of_ms)
    part = figures_over(inputs, [window], as_of_ms)["windows"][0]
    of = _channel(part["channels"], part, asked)
    found = derive(inputs, as_of_ms, of, asked.figure, Span(window.start_ms, window.end_ms))
    return {**found, "part": window.name}


def _record(connection: Connection, subject: Subject) -> _Record:
    state = recorded.on_record(connection, [subject])[subject].state
    cases = [] if state is None else cases_of(connection, [subject], state.as_of_ms)
    if state is None or not cases:
        raise NotFound(f"{subject.kind.value} {subject.id} has no judgement on record")
    return _Record(cases[0], state.as_of_ms, state.journal_offset)


def _window(inputs: Inputs, asked: Asked, as_of_ms: int) -> Window:
    if asked.leg is not None:
        legs = legs_of(inputs, as_of_ms)
        if not 0 <= asked.leg < len(legs):
            raise NotFound(f"leg: {asked.leg} is none of the {len(legs)} legs on record; the first is 0")
        return legs[asked.leg]
    start, end = asked.within or Span(0, None)
    end = as_of_ms if end is None else end
    if end <= start:
        raise InvalidValue("to: does not lie after from; leave both out for the whole time")
    return Window("a stretch", start, end)


def _readings(found: Json, **query: str) -> str:
    """Where the readings are that the figure rests on."""
    about = {**query, "logger": found["logger"], "channel": found["channel"], "format": "csv"}
    inputs = found["inputs"]
    part = inputs.get("within") or (inputs["judged"][0] if inputs["judged"] and not query else {})
    about |= {name: part[name] for name in ("from", "to") if part.get(name)}
    return f"/api/v1/readings?{urlencode(about)}"


def _channel(channels: list[Any], governing: Json, asked: Asked) -> Json:
    logger, channel = asked.logger, asked.channel
    wanted = logger or governing.get("governing_logger"), channel or governing.get("governing_channel")
    if logger is not None and channel is None:
        wanted = (logger, next((one["channel"] for one in channels if one["logger"] == logger), None))
    for one in channels or ():
        if (one["logger"], one["channel"]) == wanted:
            return dict(one)
    raise NotFound(f"the document has no judged channel {wanted[0]}/{wanted[1]}")
