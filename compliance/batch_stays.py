"""A batch's stays in stores as parts of its way: what the store's loggers measured, judged by the goods' profile."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.profile import ProductProfile
from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.registry import recorded
from coldchain.registry.recorded import SubjectState
from coldchain.registry.stays import Stay
from coldchain.telemetry.port import History
from compliance.engine import findings
from compliance.inputs import Inputs, Span
from compliance.ledger import Part
from compliance.spans import trimmed, without
from compliance.subjects import Case, cases_of, inputs_of

Json = dict[str, Any]


def part_of(
    connection: Connection, history: History, stay: Stay, profile: ProductProfile | None, now_ms: int
) -> Part:  # fmt: skip
    """The stay as a part of the batch's way, as of the store's newest judgement; by the store's profile if no other.

    A store that no logger watched, or that was judged last before the stay began, makes the whole stay unknown.
    """
    found = stores_of(connection, [stay.store])[stay.store]
    measured = found.over(stay, history)
    if found.state is None or measured is None:
        return unheard(stay, profile, now_ms)
    return heard(stay, profile, *measured, dict(found.state.last), now_ms)


class StoreRecord(NamedTuple):
    """What is on record about a store: its newest judgement, and the facts as they stand now."""

    state: SubjectState | None
    case: Case | None

    def over(self, stay: Stay, history: History) -> tuple[Inputs, int] | None:
        """What its loggers measured during a stay, as of the newest judgement then; None where nobody can say."""
        state, case = self
        if state is None or case is None or state.as_of_ms < stay.from_ms:
            return None
        as_of_ms = state.as_of_ms if stay.to_ms is None else min(state.as_of_ms, stay.to_ms)
        return inputs_of(replace(case, since_ms=stay.from_ms), history, state.journal_offset, as_of_ms), as_of_ms


def stores_of(connection: Connection, stores: Iterable[str]) -> dict[str, StoreRecord]:
    """What is on record about each of some stores, in one look."""
    wanted = [Subject(SubjectKind.STORE, store) for store in stores]
    states = recorded.states(connection, wanted)
    # From when on a store is judged is the stay's own affair, so the moment here does not matter.
    cases = {case.subject: case for case in cases_of(connection, list(states), 0)}
    return {subject.id: StoreRecord(states.get(subject), cases.get(subject)) for subject in wanted}


def heard(
    stay: Stay, profile: ProductProfile | None, whole: Inputs, as_of_ms: int, last: Json, now_ms: int
) -> Part:  # fmt: skip
    """The stay as a part, by the store's inputs since it began; `last` are the store's newest values by channel."""
    inputs = _of_the_goods(whole, stay, profile)
    document: Json = dict(findings(inputs, as_of_ms).document)
    if document["governing_channel"] is None:
        document = _unheard(stay, inputs.profile, now_ms)
    else:
        document = _with_unwatched(document, inputs, stay, as_of_ms)
    return Part("store", stay.id, stay.name, document, _holders(stay), live=stay.to_ms is None, last=last,
                store=stay.store, inputs=inputs)  # fmt: skip


def unheard(stay: Stay, profile: ProductProfile | None, now_ms: int) -> Part:
    """The stay as a part of which nobody measured anything: all of it is unknown."""
    document = None if profile is None else _unheard(stay, profile, now_ms)
    return Part("store", stay.id, stay.name, document, _holders(stay), live=stay.to_ms is None, store=stay.store)


def _holders(stay: Stay) -> tuple[tuple[str, Span], ...]:
    return ((stay.site, Span(stay.from_ms, stay.to_ms)),) if stay.site else ()


def _with_unwatched(document: Json, inputs: Inputs, stay: Stay, as_of_ms: int) -> Json:
    """The document with the parts of the stay in which its channel was not judged: unknown, never harmless."""
    governing = (document["governing_logger"], document["governing_channel"])
    judged = next(bound.judged for bound in inputs.bounds if (bound.logger, bound.channel) == governing)
    whole = Span(stay.from_ms, as_of_ms if stay.to_ms is None else stay.to_ms)
    reached = [Span(as_of_ms, None)] if stay.to_ms is not None and as_of_ms < stay.to_ms else []
    watched = without(judged, reached)
    holes = [{"from": iso(span.start_ms), "to": iso(span.end_ms)} for span in without([whole], watched)
             if span.end_ms is not None]  # fmt: skip
    gaps = sorted([*document["gaps"], *holes], key=lambda gap: str(gap["from"]))
    seen = document["temperature"]
    known = round(1000 * (seen["time_in_range_s"] + seen["time_above_s"] + seen["time_below_s"]))
    unknown = sum(ms_from_iso(gap["to"]) - ms_from_iso(gap["from"]) for gap in gaps)
    return {**document, "gaps": gaps, "coverage_pct": 100 * known / (known + unknown) if known + unknown else None}


def _unheard(stay: Stay, profile: ProductProfile, now_ms: int) -> Json:
    """The blocks of a document that says: nobody measured, so all of the stay is unknown."""
    ends = {"from": iso(stay.from_ms), "to": iso(max(stay.from_ms, now_ms if stay.to_ms is None else stay.to_ms))}
    return {
        "profile": {"id": profile.id, "version": profile.version}, "period": ends, "gaps": [ends],
        "coverage_pct": 0.0, "governing_logger": None, "governing_channel": None,
        "stability_budget": {"bands": []}, "excursions": [],
    }  # fmt: skip


def _of_the_goods(store: Inputs, stay: Stay, profile: ProductProfile | None) -> Inputs:
    """The store's inputs for the time of the stay, by what the goods tolerate; rules watch the store, not the batch.

    Named after the stay: a batch may have been in one store twice.
    """
    bounds = tuple(replace(bound, judged=trimmed(bound.judged, stay.from_ms, stay.to_ms)) for bound in store.bounds)
    return replace(
        store, subject=Subject(SubjectKind.STORE, stay.id), bounds=bounds, silence=False,
        profile=replace(profile or store.profile, rules=(), windows=()),
    )  # fmt: skip
