"""The rule lab: what a product profile would have said of goods whose way is on record, beside what judges them now.

Both judgements go through `compliance.engine.findings`, on the inputs that the engine's loop would be given: the facts
on record, and the readings that the loop had taken in when it judged last, as of that moment. Nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection

from coldchain.domain.finding import AlarmCondition, Breach, Condition, Excursion, Findings, Severity, Subject
from coldchain.domain.profile import ProductProfile
from coldchain.domain.quantity import iso
from coldchain.registry import recorded
from coldchain.registry.recorded import OnRecord
from coldchain.telemetry.port import History
from compliance.document import Json, renamed
from compliance.engine import findings
from compliance.identity import Stretch, alarm_stretch, match, stretch
from compliance.inputs import Inputs
from compliance.status import status_of, watched
from compliance.subjects import cases_of, inputs_of


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One subject ready to be judged twice. It holds no connection, so another process can do it."""

    inputs: Inputs  # with the product profile that judges the subject now
    draft: ProductProfile
    as_of_ms: int
    settled: bool
    standing: OnRecord


class Judged(NamedTuple):
    """What one product profile says of a subject."""

    findings: Findings
    status: str


def trial_of(connection: Connection, history: History, subject: Subject, draft: ProductProfile) -> Trial | None:
    """What a trial of `draft` on `subject` needs; None for a subject that was never judged."""
    standing = recorded.on_record(connection, [subject])[subject]
    if standing.state is None:
        return None
    as_of_ms = standing.state.as_of_ms
    cases = cases_of(connection, [subject], as_of_ms)
    if not cases:
        return None
    inputs = inputs_of(cases[0], history, standing.state.journal_offset, as_of_ms)
    return Trial(inputs, draft, as_of_ms, cases[0].settled, standing)


def before(trial: Trial) -> Judged:
    """The judgement by the product profile that the subject has."""
    return _judged(trial, trial.inputs)


def after(trial: Trial) -> Judged:
    """The judgement by the draft."""
    return _judged(trial, replace(trial.inputs, profile=trial.draft))


def _judged(trial: Trial, inputs: Inputs) -> Judged:
    found = findings(inputs, trial.as_of_ms)
    return Judged(found, status_of(found, settled=trial.settled, watched=watched(inputs, trial.as_of_ms)))


def as_recorded(found: Findings, standing: OnRecord) -> Json:
    """The document of `found` as it stands on record where `standing` is what was recorded of it.

    Ids, and the marks of how an excursion came onto the record, are not in the readings; everything else must be equal.
    """
    stored = {item.excursion.id: item.excursion for item in standing.excursions}
    kept = match([stretch(item) for item in stored.values()], [stretch(item) for item in found.excursions]).kept
    flags: dict[str, Json] = {
        id_: {"late": stored[id_].late, "amends": stored[id_].amends} for id_ in kept.values() if id_ in stored
    }
    return renamed(found.document, kept, flags)


def replay(trial: Trial) -> Json:
    """What would have fired, cleared or changed on one subject, with both judgements and both documents."""
    old, new = before(trial), after(trial)
    document = as_recorded(old.findings, trial.standing)
    recorded_document = trial.standing.state.document if trial.standing.state else None
    changes = [*_excursions(old, new), *_breaches(old, new), *_alarms(old, new), *_conclusions(old, new)]
    return {
        "as_of": iso(trial.as_of_ms),
        "same_as_recorded": document == recorded_document,
        "changed": bool(changes),
        "changes": changes,
        "before": _side(old, document),
        "after": _side(new, as_recorded(new.findings, trial.standing)),
    }


def _side(judged: Judged, document: Json) -> Json:
    return {
        "profile": document["profile"],
        "status": judged.status,
        "suggestion": document["suggestion"],
        "excursions": [_excursion_json(item) for item in judged.findings.excursions],
        "breaches": [_breach_json(item) for item in judged.findings.breaches],
        "alarms": [_alarm_json(item) for item in _raised(judged)],
        "document": document,
    }


def _change(kind: str, what: str, old: Json | None, new: Json | None) -> Json:
    return {"kind": kind, "change": what, "before": old, "after": new}


def _excursions(old: Judged, new: Judged) -> list[Json]:
    pairs = _paired(
        [(stretch(item), _excursion_json(item)) for item in old.findings.excursions],
        [(stretch(item), _excursion_json(item)) for item in new.findings.excursions],
    )
    return [_compared("excursion", one, other) for one, other in pairs if one != other]


def _alarms(old: Judged, new: Judged) -> list[Json]:
    sides = [[(alarm_stretch(str(n), item), _alarm_json(item)) for n, item in enumerate(_raised(side))]
             for side in (old, new)]  # fmt: skip
    return [_compared("alarm", one, other) for one, other in _paired(*sides) if one != other]


def _breaches(old: Judged, new: Judged) -> list[Json]:
    sides = [{_breach_key(item): _breach_json(item) for item in side.findings.breaches} for side in (old, new)]
    keys = sorted({*sides[0], *sides[1]})
    pairs = [(sides[0].get(key), sides[1].get(key)) for key in keys]
    return [_compared("breach", one, other) for one, other in pairs if one != other]


def _conclusions(old: Judged, new: Judged) -> list[Json]:
    """The suggestion and the status, where they differ."""
    found = []
    for name, one, other in (
        ("suggestion", old.findings.document["suggestion"], new.findings.document["suggestion"]),
        ("status", {"status": old.status}, {"status": new.status}),
    ):
        if one != other:
            found.append(_change(name, "changed", one, other))  # type: ignore[arg-type]
    return found


def _compared(kind: str, one: Json | None, other: Json | None) -> Json:
    what = "fires" if one is None else "cleared" if other is None else "changed"
    return _change(kind, what, one, other)


def _paired(
    old: Sequence[tuple[Stretch, Json]], new: Sequence[tuple[Stretch, Json]]
) -> list[tuple[Json | None, Json | None]]:
    """Those that share a moment, in order; each at most once."""
    was, comes = ({stretch.id: said for stretch, said in side} for side in (old, new))
    kept = match([stretch for stretch, _ in old], [stretch for stretch, _ in new]).kept
    both = [(was[kept[name]] if name in kept else None, said) for name, said in comes.items()]
    gone = [(said, None) for name, said in was.items() if name not in kept.values()]
    return [*both, *gone]


def _raised(judged: Judged) -> list[AlarmCondition]:
    """The conditions that make an alarm: what waits for its hold has not fired, `INFO` is only recorded."""
    alarms = [
        item
        for item in judged.findings.conditions
        if item.condition is not Condition.PENDING and item.severity > Severity.INFO
    ]
    return sorted(alarms, key=lambda item: (item.onset_ms, item.logger, item.channel, item.cause))


def _excursion_json(item: Excursion) -> Json:
    return {
        "logger": item.logger, "channel": item.channel, "direction": item.direction, "onset": iso(item.onset_ms),
        "end": None if item.end_ms is None else iso(item.end_ms), "duration_s": item.duration_ms / 1000,
        "peak_c": item.peak_mc / 1000, "peak_at": iso(item.peak_ms), "limit_c": item.limit_mc / 1000,
        "severity": item.severity.word,
    }  # fmt: skip


def _breach_key(item: Breach) -> tuple[int, str, str, str, str]:
    return item.fired_ms, item.logger, item.channel, item.cause, item.rule


def _breach_json(item: Breach) -> Json:
    return {
        "rule": item.rule, "severity": item.severity.word, "fired_at": iso(item.fired_ms), "logger": item.logger,
        "channel": item.channel, "cause": item.cause,
    }  # fmt: skip


def _alarm_json(item: AlarmCondition) -> Json:
    """`raised` is when the readings that made it fire had all been recorded; `returned` when its return was clear."""
    over = item.condition is Condition.RETURNED
    return {
        "logger": item.logger, "channel": item.channel, "cause": item.cause, "severity": item.severity.word,
        "condition": item.condition.value, "onset": iso(item.onset_ms), "raised": iso(item.evident_ms),
        "returned": iso(item.changed_ms) if over else None, "rules": list(item.rules),
    }  # fmt: skip
