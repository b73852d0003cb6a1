"""Stages from EPCIS events: what a partner's system saw happen to the goods, as stages with the source `event`.

All events of one body are taken in or none. A person's word comes first: an event inside a stretch that somebody set
from and to is told and left out. The same event again changes nothing; one with an error declaration is taken back.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.domain.shipment import Stage
from coldchain.errors import InvalidValue
from coldchain.registry import stages
from coldchain.registry.stages import HAND, Held
from coldchain.registry.viewer import Viewer

EVENT = "event"
MOST = 500
_STEPS = {
    "staging_outbound": Stage.LOADING, "loading": Stage.LOADING, "departing": Stage.IN_TRANSIT,
    "shipping": Stage.IN_TRANSIT, "transporting": Stage.IN_TRANSIT, "accepting": Stage.HANDOVER,
    "arriving": Stage.ARRIVED, "unloading": Stage.ARRIVED, "receiving": Stage.ARRIVED, "storing": Stage.ARRIVED,
    "unpacking": Stage.POST_REMOVAL,
}  # fmt: skip
_LAST_WORD = re.compile(r"([A-Za-z_]+)\Z")
Json = dict[str, Any]


class Seen(NamedTuple):
    """One event as far as stages go; `stage` None where its business step says nothing of them."""

    id: str | None
    step: str
    stage: Stage | None
    time_ms: int
    wrong: bool  # declared erroneous since


def events_of(body: object) -> list[Seen]:
    """The events of an EPCIS 2.0 document, a list of events or a single one, in order of time.

    Raises:
        InvalidValue: names the event, the field, the value and the remedy.
    """
    found = _events(body)
    if not found:
        raise InvalidValue("events: there is none; send an EPCISDocument, a list of events, or one event")
    if len(found) > MOST:
        raise InvalidValue(f"events: {len(found)} at once; send at most {MOST}")
    return sorted((_seen(event, f"events[{place}]") for place, event in enumerate(found)), key=lambda one: one.time_ms)


def take(connection: Connection, shipment: str, seen: Sequence[Seen], *, by: Viewer, now_ms: int) -> list[Json]:
    """Record the stages that events tell, in one transaction; what became of each event.

    Raises:
        NotFound: no such shipment for this viewer.
        Forbidden: an event would take readings out of judgement, and `by` may not assess.
    """
    told = []
    for one in seen:
        outcome, why = _taken(connection, shipment, one, by=by, now_ms=now_ms)
        told.append({
            "event": one.id, "step": one.step, "at": iso(one.time_ms), "outcome": outcome,
            "stage": one.stage.value if one.stage else None, "reason": why,
        })  # fmt: skip
    return told


def _taken(connection: Connection, shipment: str, one: Seen, *, by: Viewer, now_ms: int) -> tuple[str, str]:
    on_record = stages.of_shipment(connection, by, shipment)
    if one.stage is None:
        return "ignored", f"the business step {one.step or '(none)'} says nothing of a stage"
    same = [held for held in on_record if held.stage is one.stage and held.from_ms == one.time_ms]
    reason = f"EPCIS event {one.id or one.step}"
    if one.wrong:
        return _withdrawn(connection, shipment, [held for held in same if held.source == EVENT], reason, by, now_ms)
    if same:
        return "known", "it is on record already"
    if spoken := next((held for held in on_record if _spoken_for(held, one.time_ms)), None):
        return "ignored", f"somebody set {spoken.stage.value} for that time"
    stages.put(connection, shipment, one.stage.value, one.time_ms, None, reason=reason, by=by, now_ms=now_ms,
               source=EVENT)  # fmt: skip
    return "stage", reason


def _withdrawn(
    connection: Connection, shipment: str, same: list[Held], reason: str, by: Viewer, now_ms: int
) -> tuple[str, str]:  # fmt: skip
    if not same:
        return "ignored", "it was declared erroneous, and nothing of it is on record"
    stages.withdraw(connection, shipment, same[0].fact.id, reason=f"{reason} was declared erroneous", by=by,
                    now_ms=now_ms)  # fmt: skip
    return "withdrawn", "it was declared erroneous"


def _spoken_for(held: Held, time_ms: int) -> bool:
    until = held.fact.valid_to_ms
    return held.source == HAND and until is not None and held.from_ms <= time_ms < until


def _events(body: object) -> list[Any]:
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        return []
    inner = body.get("epcisBody")
    if isinstance(inner, dict):
        results = inner.get("queryResults")
        held = results.get("resultsBody") if isinstance(results, dict) else inner
        listed = held.get("eventList") if isinstance(held, dict) else None
        return listed if isinstance(listed, list) else []
    return [body]


def _seen(event: object, place: str) -> Seen:
    if not isinstance(event, dict):
        raise InvalidValue(f"{place}: is no event; send objects with eventTime and bizStep")
    said = event.get("eventTime")
    if not isinstance(said, str):
        raise InvalidValue(f"{place}.eventTime: missing; write when it happened, such as 2026-01-05T06:10:00Z")
    try:
        time_ms = ms_from_iso(said)
    except InvalidValue as error:
        raise InvalidValue(f"{place}.eventTime: {error}") from error
    if time_ms < 0:  # a clock that was never set would take everything since then into this stage
        raise InvalidValue(f"{place}.eventTime: {said} lies before 1970: correct it")
    step, id_ = event.get("bizStep"), event.get("eventID")
    last = _LAST_WORD.search(step) if isinstance(step, str) else None
    word = last[1].lower() if last else ""
    return Seen(id_[:200] if isinstance(id_, str) else None, word, _STEPS.get(word), time_ms,
                event.get("errorDeclaration") is not None)  # fmt: skip
