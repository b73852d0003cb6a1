"""Writing findings down: what changed becomes a version, an audit row and an alarm change, in the caller's transaction.

Whatever is already on record is left alone, so recording the same findings twice writes nothing the second time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from coldchain import audit
from coldchain.domain.finding import (
    AlarmChange,
    AlarmCondition,
    Breach,
    Condition,
    Excursion,
    Findings,
    Severity,
    Subject,
    SubjectKind,
)
from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.registry import recorded
from coldchain.registry.recorded import OnRecord, StoredAlarm, StoredExcursion
from coldchain.registry.store import new_id
from compliance.conditions import late_after_ms
from compliance.document import Json, renamed
from compliance.identity import Matching, alarm_stretch, match, stretch

ENGINE = "engine"
FromFile = Callable[[str, str, int], bool]  # (logger, channel, event time): was that reading imported from a file?


@dataclass(frozen=True, slots=True)
class Recording:
    """One subject's findings on their way into the registry."""

    connection: Connection
    found: Findings
    standing: OnRecord
    now_ms: int
    settled: bool = False
    since_ms: int = 0  # what began before is settled and left alone
    awake_ms: int = 0  # since when the engine has looked without standing still
    stated_ms: Mapping[str, int] = field(default_factory=dict)  # by logger: when what binds and judges it was recorded
    from_file: FromFile = lambda _logger, _channel, _time: False
    again: FromFile = lambda _logger, _channel, _time: False  # the same, of kept messages that were decoded again
    changes: list[AlarmChange] = field(default_factory=list)

    def write(self) -> Json:
        """Record excursions, alarms and breaches; return the document with lasting ids."""
        ids, kept = self._excursions(self.standing.excursions)
        alarms = self._alarms(ids)
        self._breaches(ids, alarms)
        flags = {item.id: {"late": item.late, "amends": item.amends} for item in kept}
        return renamed(self.found.document, ids, flags) if self.found.document else {}

    # --- excursions

    def _excursions(self, stored: list[StoredExcursion]) -> tuple[dict[str, str], list[Excursion]]:
        before = {item.excursion.id: item for item in stored}
        matching = match(
            [stretch(item.excursion) for item in stored], [stretch(item) for item in self.found.excursions]
        )
        ids = {item.id: matching.kept.get(item.id) or new_id() for item in self.found.excursions}
        kept = [self._keep(item, ids[item.id], before.get(ids[item.id])) for item in self.found.excursions]
        self._merge_or_withdraw(matching, ids, before)
        return ids, kept

    def _keep(self, computed: Excursion, id_: str, old: StoredExcursion | None) -> Excursion:
        if old is None:
            new = replace(computed, id=id_, late=computed.late or self._missed(computed))
            recorded.write_excursion(self.connection, self.found.subject, new, 1, self.now_ms)
            self._audit("excursion.recorded", "excursion", id_, None, _said_of(new))
            return new
        new = replace(computed, id=id_, late=old.excursion.late or computed.late, amends=old.excursion.amends)
        if new == old.excursion or (old.excursion.onset_ms < self.since_ms):
            return old.excursion
        amended = _amended(old.excursion, new)
        closed = old.excursion.end_ms is None and new.end_ms is not None
        if not (amended or closed or new.severity > old.excursion.severity):
            return new  # an open one that goes on: the subject's document has its running figures
        if amended:
            new = replace(new, amends=f"{id_}@{old.version}")
        recorded.write_excursion(self.connection, self.found.subject, new, old.version + 1, self.now_ms)
        action = "excursion.amended" if amended else "excursion.ended" if closed else "excursion.worsened"
        self._audit(action, "excursion", id_, _said_of(old.excursion), _said_of(new))
        return new

    def _missed(self, about: Excursion | AlarmCondition) -> bool:
        """Whether it could have been found long before: a fact came after the readings, or the engine stood still."""
        patience = late_after_ms(self._interval_ms(about))
        known = max(about.evident_ms, self.stated_ms.get(about.logger, 0))
        stood_still = known < self.awake_ms and self.now_ms - known > patience
        return stood_still or known - about.evident_ms > patience

    def _interval_ms(self, about: Excursion | AlarmCondition) -> int:
        channels: Any = self.found.document.get("channels", [])
        of = [c for c in channels if c["logger"] == about.logger and about.channel in ("", c["channel"])]
        return max((int(1000 * channel["interval_s"]) for channel in of), default=0)

    def _merge_or_withdraw(self, matching: Matching, ids: dict[str, str], before: dict[str, StoredExcursion]) -> None:
        for old_id in (*matching.merged, *matching.vanished):
            old = before[old_id]
            if old.excursion.onset_ms < self.since_ms:
                continue
            host = matching.merged.get(old_id)
            recorded.write_excursion(
                self.connection, self.found.subject, replace(old.excursion, amends=f"{old_id}@{old.version}"),
                old.version + 1, self.now_ms, merged_into=None if host is None else ids[host], withdrawn=host is None,
            )  # fmt: skip
            action, new = ("excursion.withdrawn", None) if host is None else ("excursion.merged", {"into": ids[host]})
            self._audit(action, "excursion", old_id, _said_of(old.excursion), new)

    # --- alarms

    def _alarms(self, ids: dict[str, str]) -> list[tuple[str, AlarmCondition]]:
        wanted = [_lasting(item, ids) for item in self.found.conditions if _announced(item)]
        named = {str(position): item for position, item in enumerate(wanted)}
        stored = {item.id: item for item in self.standing.alarms}
        matching = match(
            [alarm_stretch(item.id, item.condition) for item in stored.values()],
            [alarm_stretch(name, item) for name, item in named.items()],
        )
        kept = [self._raise_or_update(item, stored.get(matching.kept.get(n, ""))) for n, item in named.items()]
        lasting = {name: id_ for name, (id_, _) in zip(named, kept, strict=True)}
        for old_id, host in matching.merged.items():
            self._return(stored[old_id], merged_into=lasting[host])
        for old_id in matching.vanished:
            self._return(stored[old_id], merged_into=None)
        return kept

    def _raise_or_update(self, said: AlarmCondition, old: StoredAlarm | None) -> tuple[str, AlarmCondition]:
        if old is None:
            again = self.again(said.logger, said.channel, said.onset_ms)
            late = said.late or again or self._missed(said)
            imported = again or (late and self.from_file(said.logger, said.channel, said.onset_ms))
            said = replace(said, late=late, digest=self.settled or imported)
            id_ = new_id()
            recorded.insert_alarm(self.connection, id_, said, self.now_ms)
            self._changed("alarm.raised", id_, None, said)
            return id_, said
        before = old.condition
        said = replace(said, late=before.late, digest=before.digest)
        if said != before and before.onset_ms >= self.since_ms:
            counts = (said.condition, said.severity, said.rules) != (before.condition, before.severity, before.rules)
            recorded.update_alarm(self.connection, old.id, said, counts=counts)
            self._changed(_alarm_action(before, said) if counts else None, old.id, before, said)
        return old.id, said

    def _return(self, old: StoredAlarm, merged_into: str | None) -> None:
        """An alarm that the readings no longer bear out ends; it stays on record with no rule to its name."""
        before = old.condition
        refuted = before.condition is Condition.RETURNED and not before.rules
        if (refuted and merged_into is None) or before.onset_ms < self.since_ms:
            return
        silent_no_more = merged_into is None and (
            before.cause == "silence" or before.subject.kind is SubjectKind.SYSTEM
        )
        if silent_no_more and before.condition is Condition.RETURNED:
            return
        # A new silence begins at the newest reading, so this one must have ended before it.
        newest: Any = (self.found.document.get("period") or {}).get("to")  # type: ignore[attr-defined]
        last = self.now_ms if newest is None or not silent_no_more else ms_from_iso(newest) - 1
        end = max(last, before.onset_ms) if before.end_ms is None else before.end_ms
        after = replace(
            before, condition=Condition.RETURNED, changed_ms=end, end_ms=end,
            monitoring_ended=before.monitoring_ended or (silent_no_more and self.settled),
            rules=before.rules if silent_no_more or merged_into else (), excursions=(),
        )  # fmt: skip
        recorded.update_alarm(self.connection, old.id, after, counts=True, merged_into=merged_into)
        action = "alarm.merged" if merged_into else "alarm.returned" if silent_no_more else "alarm.amended"
        self._changed(action, old.id, before, after)

    def _changed(self, action: str | None, id_: str, before: AlarmCondition | None, after: AlarmCondition) -> None:
        self.changes.append(AlarmChange(id_, before, after))
        if action is not None:
            old = None if before is None else _alarm_said(before)
            self._audit(action, "alarm", id_, old, _alarm_said(after))

    # --- breaches

    def _breaches(self, ids: dict[str, str], alarms: Sequence[tuple[str, AlarmCondition]]) -> None:
        wanted: dict[Breach, str | None] = {}
        for item in self.found.breaches:
            lasting = replace(item, excursion=None if item.excursion is None else ids[item.excursion])
            wanted[lasting] = next((id_ for id_, said in alarms if _belongs(lasting, said)), None)
        stored = self.standing.breaches
        gone = [
            number
            for number, (item, alarm) in stored.items()
            if item.fired_ms >= self.since_ms and (item not in wanted or wanted[item] != alarm)
        ]
        if gone:
            recorded.supersede_breaches(self.connection, gone)
        there = {item for number, (item, _) in stored.items() if number not in set(gone)}
        for item, alarm in wanted.items():
            if item not in there:
                recorded.write_breach(self.connection, self.found.subject, item, alarm, self.now_ms)

    def _audit(self, action: str, kind: str, id_: str, old: Json | None, new: Json | None) -> None:
        subject = _subject_said(self.found.subject)
        audit.record(
            self.connection, at_ms=self.now_ms, who=ENGINE, action=action, kind=kind, id=id_, old=old,
            new=None if new is None else {**subject, **new},
        )  # fmt: skip


def _announced(said: AlarmCondition) -> bool:
    """`INFO` is recorded as a breach only, and what still waits for its hold has not fired."""
    return said.condition is not Condition.PENDING and said.severity > Severity.INFO


def _lasting(said: AlarmCondition, ids: dict[str, str]) -> AlarmCondition:
    return replace(said, excursions=tuple(ids[item] for item in said.excursions))


def _belongs(item: Breach, said: AlarmCondition) -> bool:
    same = (item.logger, item.channel, item.cause) == (said.logger, said.channel, said.cause)
    return same and said.onset_ms <= item.fired_ms and (said.end_ms is None or item.fired_ms <= said.end_ms)


_FIXED = ("onset_ms", "onset_sample_ms", "limit_mc", "custodian", "leg")  # of an open excursion, once they are known


def _amended(old: Excursion, new: Excursion) -> bool:
    """Whether a version corrects what was said, rather than telling how an open excursion went on."""
    corrected = any(getattr(old, name) != getattr(new, name) for name in _FIXED)
    milder = abs(new.peak_mc - new.limit_mc) < abs(old.peak_mc - old.limit_mc) or new.severity < old.severity
    return old.end_ms is not None or corrected or milder


def _alarm_action(before: AlarmCondition, after: AlarmCondition) -> str | None:
    if after.severity > before.severity:
        return "alarm.worsened"
    if after.condition is not before.condition:
        return f"alarm.{after.condition.value}"
    return "alarm.amended" if after.severity < before.severity else None


def _said_of(item: Excursion) -> Json:
    return {
        "logger": item.logger, "channel": item.channel, "direction": item.direction, "onset": iso(item.onset_ms),
        "end": None if item.end_ms is None else iso(item.end_ms), "duration_ms": item.duration_ms,
        "peak_mc": item.peak_mc, "severity": item.severity.word, "monitoring_ended": item.monitoring_ended,
        "custodian": item.custodian, "leg": item.leg,
    }  # fmt: skip


def _alarm_said(said: AlarmCondition) -> Json:
    return {
        "logger": said.logger, "channel": said.channel, "cause": said.cause, "condition": said.condition.value,
        "severity": said.severity.word, "onset": iso(said.onset_ms), "rules": list(said.rules),
        "monitoring_ended": said.monitoring_ended,
    }  # fmt: skip


def _subject_said(subject: Subject) -> Json:
    return {"subject": f"{subject.kind.value}/{subject.id}"}
