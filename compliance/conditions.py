"""From firings to alarm conditions: one per (subject, channel, cause) from the first fired rule to the last return."""

from itertools import groupby
from typing import TypedDict

import numpy as np

from coldchain.domain.finding import AlarmCondition, Condition, Severity, Subject
from coldchain.domain.profile import ProductProfile, RuleKind
from compliance.channel import ChannelFindings
from compliance.rules import Firing
from compliance.severity import overlaps

_FOREVER = 1 << 62
_LATE_MS = 10 * 60_000


class _Evidence(TypedDict):
    late: bool
    evident_ms: int


def late_after_ms(interval_ms: int) -> int:
    """How long after its moment a reading may be recorded and still be on time."""
    return max(2 * interval_ms, _LATE_MS)


def conditions(
    subject: Subject, profile: ProductProfile, said: ChannelFindings, ids: dict[tuple[str, int], str]
) -> list[AlarmCondition]:
    """Every alarm condition of one channel, past ones included; `ids` names its excursions by (direction, onset)."""
    found: list[AlarmCondition] = []
    for cause, fired in groupby(sorted(said.firings(), key=_order), key=lambda item: item[0]):
        for episode, beside in _told([firing for _, firing in fired]):
            found.append(_condition(subject, profile, said, cause, episode, beside, ids))
    causes = {condition.cause for condition in found if condition.condition is not Condition.RETURNED}
    for cause, rule, watch in said.watches:
        if watch.pending_ms is not None and cause not in causes:
            causes.add(cause)
            found.append(
                AlarmCondition(
                    subject, said.bound.logger, said.bound.channel, cause, Condition.PENDING, rule.severity,
                    watch.pending_ms, watch.pending_ms, limit_mc=rule.limit, rules=(rule.id,),
                )
            )  # fmt: skip
    return found


def _order(item: tuple[str, Firing]) -> tuple[str, int, int, str]:
    cause, firing = item
    return cause, firing.fired_ms, firing.onset_ms, firing.rule.id


def _told(firings: list[Firing]) -> list[tuple[list[Firing], list[Firing]]]:
    """Alarms with the rules that were met beside them: what is only recorded moves no alarm's beginning or end."""
    loud = [firing for firing in firings if firing.rule.severity > Severity.INFO]
    told: list[tuple[list[Firing], list[Firing]]] = [(episode, []) for episode in _episodes(loud)]
    alone: list[Firing] = []
    for firing in (item for item in firings if item.rule.severity is Severity.INFO):
        beside = next((quiet for episode, quiet in told if _within(firing, episode)), None)
        (alone if beside is None else beside).append(firing)
    return [*told, *((episode, []) for episode in _episodes(alone))]


def _within(firing: Firing, episode: list[Firing]) -> bool:
    still = firing.condition is not Condition.RETURNED
    if still and _worst(episode) is Condition.RETURNED:
        return False
    ended = _FOREVER if firing.cleared_ms is None else firing.cleared_ms
    return any(
        firing.fired_ms <= (_FOREVER if item.cleared_ms is None else item.cleared_ms) and item.fired_ms <= ended
        for item in episode
    )


def _episodes(firings: list[Firing]) -> list[list[Firing]]:
    """Firings of one cause that overlap belong to one alarm."""
    episodes: list[list[Firing]] = []
    until = -_FOREVER
    for firing in firings:
        if not episodes or firing.fired_ms > until:
            episodes.append([])
            until = -_FOREVER
        episodes[-1].append(firing)
        until = max(until, _FOREVER if firing.cleared_ms is None else firing.cleared_ms)
    return episodes


def _condition(
    subject: Subject,
    profile: ProductProfile,
    said: ChannelFindings,
    cause: str,
    episode: list[Firing],
    beside: list[Firing],
    ids: dict[tuple[str, int], str],
) -> AlarmCondition:
    state = _worst(episode)
    concerned = [firing for firing in episode if firing.condition is state]
    changed = (
        min(f.changed_ms for f in concerned) if state is Condition.ACTIVE else max(f.changed_ms for f in concerned)
    )
    onset = min(firing.onset_ms for firing in episode)
    ends = [firing.end_ms for firing in episode if firing.end_ms is not None]
    end = None if state is Condition.ACTIVE else max(ends)
    ranked = sorted([*episode, *beside], key=lambda firing: (-firing.rule.severity, firing.fired_ms, firing.rule.id))
    linked = tuple(
        ids[(direction, stretch.onset_sample_ms)]
        for direction, stretch in said.excursions()
        if direction == cause and any(overlaps(firing, stretch) for firing in episode)
    )
    low_side = cause in ("low", "humidity_low")
    return AlarmCondition(
        subject,
        said.bound.logger,
        said.bound.channel,
        cause,
        state,
        ranked[0].rule.severity,
        onset,
        changed,
        end,
        *_values(said, cause, onset, end, low_side=low_side),
        limit_mc=_limit(profile, cause, ranked, linked),
        rules=tuple(dict.fromkeys(firing.rule.id for firing in ranked)),
        excursions=linked,
        monitoring_ended=any(firing.unseen for firing in episode),
        **_evidence(said, cause, episode),
    )


def _evidence(said: ChannelFindings, cause: str, episode: list[Firing]) -> _Evidence:
    """When the readings that made the first rule fire were all recorded, and whether they came late."""
    first = min(episode, key=lambda firing: (firing.fired_ms, firing.onset_ms))
    if cause == "silence":
        return {"late": False, "evident_ms": first.fired_ms}
    track = said.bound.track
    low, high = np.searchsorted(track.time_ms, first.onset_ms), np.searchsorted(track.time_ms, first.fired_ms, "right")
    recorded = track.record_time_ms[low:high]
    evident = max(first.fired_ms, int(recorded.max())) if len(recorded) else first.fired_ms
    return {"late": evident - first.fired_ms > late_after_ms(said.interval_ms), "evident_ms": evident}


def _worst(episode: list[Firing]) -> Condition:
    held = {firing.condition for firing in episode}
    return next(state for state in (Condition.ACTIVE, Condition.RETURNING, Condition.RETURNED) if state in held)


def _values(
    said: ChannelFindings, cause: str, onset: int, end: int | None, *, low_side: bool
) -> tuple[int | None, int | None]:
    """The peak between onset and end, and the newest value."""
    if cause in ("silence", "sensor_fault"):
        return None, None
    trace = said.humidity if cause.startswith("humidity") else said.trace
    first = int(np.searchsorted(trace.time_ms, onset))
    last = len(trace) if end is None else int(np.searchsorted(trace.time_ms, end, side="right"))
    stretch = trace.value[first:last]
    if len(stretch) == 0:
        return None, None
    return int(stretch.min() if low_side else stretch.max()), int(trace.value[-1])


def _limit(profile: ProductProfile, cause: str, ranked: list[Firing], linked: tuple[str, ...]) -> int | None:
    if linked:
        return profile.label.high_mc if cause == "high" else profile.label.low_mc
    measured = [f.rule.limit for f in ranked if f.rule.limit is not None and f.rule.kind is not RuleKind.RATE]
    return measured[0] if measured else None
