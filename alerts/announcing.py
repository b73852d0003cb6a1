"""One announcement of one alarm: whom it goes to now, the rows of the outbox, the timeline, and when to look again."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from alerts import configuration, escalation, refused
from alerts.announcement import AlarmFacts, Announcement, Reader, facts_of
from alerts.climb import Climb, Plan, Reached
from alerts.decisions import Held, Reason, Told, reopens
from alerts.fallback import NOT_ACCEPTED_MS
from alerts.policy import Policy, Step, Target, TargetKind
from alerts.reach import EVERYBODY, Heard, Reach, Seeker, Unheard
from alerts.routing import Picked
from alerts.rulebook import Rulebook
from alerts.subjects import card_of, routed, visible_to
from alerts.suppression import SentBy, spoken_for, unknown
from alerts.timers import next_timer_ms
from coldchain.domain.finding import AlarmCondition, Condition
from coldchain.registry import alarm_rows, contacts, outbox, signals
from coldchain.registry.contacts import Recipient

NOBODY = "nobody_on_call"
_INFORMS = frozenset({Reason.RAISED, Reason.WORSENED})
_BEFORE = {"kind": "told_before"}  # the target of who was told of the alarm before


@dataclass(frozen=True, slots=True)
class Announcer:
    """Announces inside one transaction."""

    connection: Connection
    book: Rulebook
    channels: Collection[str]
    now_ms: int
    sent_by: SentBy = unknown

    def announce(self, row: Row[Any], now: AlarmCondition, held: Held, reason: Reason) -> None:
        """Queue the messages of one alarm for `reason`, write the timeline and set the next timer."""
        reopened = held.acknowledged and reopens(reason, now, held.told)
        seeker = self._seeker(now)
        plan = self._plan(row, now, held, reason, seeker, reopened=reopened)
        repeats = reason is Reason.REPEAT
        left_out = outbox.waiting(self.connection, row.id) if repeats else set()
        facts = self._facts(row, now)
        told = [
            entry
            for step, reach in plan.reached
            for heard in reach.heard
            for entry in self._queue(row, plan, step, heard, facts, left_out)
        ]
        held = replace(held, told=_told(now, self.now_ms), acknowledged=held.acknowledged and not reopened)
        values: dict[str, Any] = {"occasion": plan.occasion, "occasion_reason": plan.reason.value}
        values |= plan.climb.as_row()
        if reopened:
            # What is asked about again is on the board again, also if somebody had taken it off.
            values |= {"acknowledged_ms": None, "acknowledged_by": None, "acknowledged_via": None, "reset_ms": None}
        timer = self._timer(row, now, held, plan.climb)
        alarm_rows.change(self.connection, row, next_timer_ms=timer, **values)
        self._note(row, now, plan, told, left_out, reopened=reopened)
        self._trouble(plan, nobody=not told and not left_out)

    # --- whom

    def _seeker(self, now: AlarmCondition) -> Seeker:
        alarm = routed(self.connection, now.subject, now.severity, now.cause, self.now_ms)
        return Seeker(self.connection, self.book, alarm, now.subject, self.now_ms, self.channels)

    def _plan(
        self, row: Row[Any], now: AlarmCondition, held: Held, reason: Reason, seeker: Seeker, *, reopened: bool
    ) -> Plan:
        occasion: int = row.occasion + 1
        climb = self._climbing(row)
        over = now.condition is Condition.RETURNED
        if reason is Reason.RETURNED or (reason is Reason.AMENDED and over):
            return Plan([(row.step or 0, self._all_told(row))], climb, occasion, reason)
        if escalation.begins(reason, now, held.told, reopened=reopened):
            return self._begin(row, seeker, occasion, reason)
        if reason is Reason.REPEAT:
            return self._further(row, now, seeker, climb, occasion)
        if climb.policy is None:
            return Plan([(0, seeker.reach(EVERYBODY))], climb, occasion, reason)
        return Plan([(row.step or 0, self._all_told(row))], climb, occasion, reason)

    def _begin(self, row: Row[Any], seeker: Seeker, occasion: int, reason: Reason) -> Plan:
        """Look through the routes, take the first step, and inform who only has to know."""
        picked = self.book.routing.pick(seeker.alarm)
        policy = None if picked.policy is None else self.book.policy(picked.policy)
        if policy is None:
            reached, climb = [(0, seeker.reach(EVERYBODY))], Climb(None)
        else:
            reached = list(seeker.climb(policy, 0))
            climb = Climb(policy, self.now_ms, reached[-1][0])
        first = reached[-1][0]
        if reason in _INFORMS:
            reached = [*reached, *self._informed(picked, seeker)]
        # Who was told that it is over must hear that it is not, however far the climb had come and whoever is on call.
        if reason is Reason.AMENDED or (reason is Reason.WORSENED and policy is not None):
            reached = [*reached, (first, self._all_told(row))]
        return Plan(reached, climb, occasion, reason, picked)

    def _further(self, row: Row[Any], now: AlarmCondition, seeker: Seeker, climb: Climb, occasion: int) -> Plan:
        """Nobody has answered: the next step, or the last one again."""
        if climb.policy is None:
            return Plan([(0, seeker.reach(EVERYBODY))], climb, occasion, Reason.REPEAT)
        before = row.step if refused.stands(self.connection, row) else None
        if before is not None and before >= climb.policy.last:
            reached = [(before, seeker.reach(EVERYBODY))]  # there is no next step
            return Plan(reached, climb, row.occasion, Reason(row.occasion_reason), escalated=True, refused=before)
        following = escalation.next_step(climb.policy, climb.step, over=now.condition is Condition.RETURNED)
        reached = list(seeker.climb(climb.policy, following.step))
        climb = climb._replace(step=reached[-1][0])
        if following.again:
            return Plan(reached, climb, occasion, Reason.REPEAT, refused=before)
        return Plan(reached, climb, row.occasion, Reason(row.occasion_reason), escalated=True, refused=before)

    def _climbing(self, row: Row[Any]) -> Climb:
        if row.policy is None:
            return Climb(None)
        # The version that the climb began with, also where a newer one is on record by now.
        policy = self.book.policy(row.policy, row.policy_version)
        if policy is None:
            return Climb(None)
        step = None if row.step is None else min(row.step, policy.last)
        return Climb(policy, min(row.climb_ms or self.now_ms, self.now_ms), step)

    def _informed(self, picked: Picked, seeker: Seeker) -> Reached:
        targets = tuple(Target(TargetKind.PARTY, role=role) for role in picked.inform)
        return [(0, seeker.reach(Step(0, targets, ("email",))))] if targets else []

    def _all_told(self, row: Row[Any]) -> Reach:
        """Everybody who was told of the alarm before and may still know of it, by the channels by which they were."""
        told = outbox.told(self.connection, row.id)
        ids = {recipient for recipient, _ in told}
        subject = alarm_rows.condition_of(row).subject
        known = contacts.contacts(self.connection, ids, self.now_ms)
        people = [contacts.recipient(one) for one in known if visible_to(self.connection, subject, one)]
        lost = {one.id: "scoped_away" for one in known} | dict.fromkeys(ids & self.book.gone, "access_ended")
        others = [*contacts.endpoints(self.connection, ids), *contacts.parties(self.connection, ids)]
        heard = []
        for one in (*people, *others):
            ways = tuple(way for way in one.ways if (one.id, way.channel) in told and way.channel in self.channels)
            heard.append(Heard(one, ways, (), {"target": dict(_BEFORE)}))
        unheard = [Unheard(id_, why, dict(_BEFORE)) for id_, why in lost.items() if id_ not in {p.id for p in people}]
        return Reach(tuple(heard), tuple(unheard))

    # --- what is written

    def _facts(self, row: Row[Any], now: AlarmCondition) -> tuple[AlarmFacts, ...]:
        """The alarm's own, and for a silent gateway those of the loggers that are not heard because of it."""
        own = facts_of(row.id, now, card_of(self.connection, now.subject))
        others = [] if now.condition is Condition.RETURNED else spoken_for(self.connection, now, self.sent_by)
        conditions = [(one.id, alarm_rows.condition_of(one)) for one in others]
        return own, *(facts_of(id_, one, card_of(self.connection, one.subject)) for id_, one in conditions)

    def _queue(
        self,
        row: Row[Any],
        plan: Plan,
        step: int,
        heard: Heard,
        facts: tuple[AlarmFacts, ...],
        left_out: set[tuple[str, str]],
    ) -> Iterable[dict[str, Any]]:
        recipient = heard.recipient
        for way in heard.first:
            if (recipient.id, way.channel) in left_out:
                continue
            reader = reader_of(recipient, verified=way.verified)
            said = Announcement(plan.reason.value, self.now_ms, reader, facts, number=plan.occasion)
            if len(facts) > 1:
                said = replace(said, group=True, reasons=(plan.reason.value,) * len(facts))
            key = {"alarm": row.id, "occasion": plan.occasion, "step": step, "recipient": recipient.id}
            message = {"reason": plan.reason.value, "address": way.address, "content": said.as_json()}
            times = {"created_ms": self.now_ms, "next_due_ms": self.now_ms}
            more = {"channel": way.channel, "recipient_kind": recipient.kind, **fallback(heard, self.now_ms)}
            id_ = outbox.queue(self.connection, {**key, **message, **times, **more})
            if id_ is None:
                continue  # an earlier target of this announcement was the same person
            yield {
                "person": recipient.id, "kind": recipient.kind, "channel": way.channel, "outbox": id_, "step": step,
                "verified": way.verified, "why": heard.why,
            }  # fmt: skip

    def _timer(self, row: Row[Any], now: AlarmCondition, held: Held, climb: Climb) -> int | None:
        timer = next_timer_ms(row, now, held, self.now_ms, asked_ms=None)
        if timer is None or held.acknowledged or climb.policy is None or climb.step is None:
            return timer
        return escalation.due_ms(climb.policy, climb.step, climb.begun_ms or self.now_ms, now, self.now_ms)

    def _note(
        self, row: Row[Any], now: AlarmCondition, plan: Plan, told: list[dict[str, Any]],
        left_out: Collection[tuple[str, str]], *, reopened: bool,
    ) -> None:  # fmt: skip
        unheard = [one._asdict() for _, reach in plan.reached for one in (*reach.unheard, *_waiting(reach, left_out))]
        body = {"occasion": plan.occasion, "told": told, "waiting": len(left_out), "reopened": reopened, **said_of(now)}
        if plan.climb.policy is not None:
            body |= {"policy": plan.climb.policy.id, "policy_version": plan.climb.policy.version}
            body["step"] = plan.climb.step
        if plan.picked is not None:
            body |= {"routing_version": plan.picked.version, "route": plan.picked.route}
        if unheard:
            body["silent"] = unheard
        if plan.refused is not None:
            body["instead_of_step"] = plan.refused
        kind = "escalated" if plan.escalated else plan.reason.value
        alarm_rows.note(self.connection, row.id, at_ms=self.now_ms, kind=kind, who=None, body=body)

    def _trouble(self, plan: Plan, *, nobody: bool) -> None:
        """An alarm that nobody could be told of, and a step that reached nobody, are trouble of their own."""
        if nobody:
            report_nobody(self.connection, self.now_ms)
        elif any(reach.heard for _, reach in plan.reached):
            signals.clear(self.connection, kind=NOBODY, now_ms=self.now_ms)
        if plan.climb.policy is None:
            details = []
        else:
            aims = [(step, reach) for step, reach in plan.reached if any(o.target != _BEFORE for o in reach.unheard)]
            empty = [(step, reach) for step, reach in aims if not _aimed(reach)]
            details = [_nobody_in(plan.climb.policy, step, reach) for step, reach in empty]
        self.report_problems(*details)

    def report_problems(self, *details: str) -> None:
        """Tell of `details`, and of rules that could not be read, as trouble of the rules."""
        for detail in (*details, *(f"rules: {one}" for one in self.book.problems)):
            signals.report(
                self.connection, role="rules", kind=configuration.SIGNAL, detail=detail[:300], now_ms=self.now_ms
            )


def _waiting(reach: Reach, left_out: Collection[tuple[str, str]]) -> list[Unheard]:
    """Who hears nothing now, because an earlier message has not left yet over any channel of theirs."""
    held = [one for one in reach.heard if all((one.recipient.id, way.channel) in left_out for way in one.first)]
    return [Unheard(one.recipient.id, "waiting", one.why["target"]) for one in held if one.first]


def _aimed(reach: Reach) -> bool:
    """Whether a target of the step itself was reached, not only everybody on call in its stead."""
    instead = {"kind": TargetKind.ON_CALL.value}
    named = [one.target for one in reach.unheard]
    return any(heard.why["target"] != instead or instead in named for heard in reach.heard)


def _nobody_in(policy: Policy, step: int, reach: Reach) -> str:
    why = ", ".join(f"{one.who}: {one.why}" for one in reach.unheard)
    return f"policy {policy.id}: step {step + 1} reached nobody ({why}); the next step was told at once"


def fallback(heard: Heard, now_ms: int) -> dict[str, Any]:
    """The columns that name the channels to try next, where the recipient hears by the first that works."""
    if not heard.then:
        return {}
    return {"fallback": [way.channel for way in heard.then], "fallback_ms": now_ms + NOT_ACCEPTED_MS}


def reader_of(recipient: Recipient, *, verified: bool) -> Reader:
    """For whom a message is written."""
    said = (recipient.id, recipient.name, recipient.zone, recipient.language)
    return Reader(*said, verified, recipient.may_acknowledge)


def report_nobody(connection: Connection, now_ms: int) -> None:
    """Say that there is nobody to tell."""
    detail = "an alarm was raised and nobody who may know of it is on call"
    signals.report(connection, role="notifier", kind=NOBODY, detail=detail, now_ms=now_ms)


def _told(now: AlarmCondition, at_ms: int) -> Told:
    said = (now.severity, now.condition, now.onset_ms, now.end_ms, now.peak_mc)
    return Told(*said, refuted=not now.rules, at_ms=at_ms)


def said_of(now: AlarmCondition) -> dict[str, Any]:
    """What an announcement says of the condition, as the timeline keeps it."""
    return {
        "severity": int(now.severity), "condition": now.condition.value, "onset_ms": now.onset_ms,
        "end_ms": now.end_ms, "peak_mc": now.peak_mc, "value_mc": now.value_mc, "limit_mc": now.limit_mc,
        "late": now.late, "refuted": not now.rules, "monitoring_ended": now.monitoring_ended,
    }  # fmt: skip
