"""Whom a step of a policy reaches now, by which channels, and who is left out and why. Nothing is queued here."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection

from alerts.policy import CHANNELS, Mode, Policy, Step, Target, TargetKind
from alerts.routing import AlarmFor
from alerts.rulebook import Rulebook
from alerts.subjects import visible_to
from coldchain.domain.finding import Subject
from coldchain.registry import contacts
from coldchain.registry.contacts import Recipient, Way

# Without any policy: everybody on call, at once, by everything they have.
EVERYBODY = Step(0, (Target(TargetKind.ON_CALL),))


class Heard(NamedTuple):
    """A recipient with the channels to use, in order, and why it is this one.

    `first` are used at once, `then` one after the other while the one before fails. `why` has the target as the policy
    names it, and for a rota `duty` (turn, holiday, override, swap) and `override`.
    """

    recipient: Recipient
    first: tuple[Way, ...]
    then: tuple[Way, ...]
    why: dict[str, Any]


class Unheard(NamedTuple):
    """Who or what is not told, and why.

    `why`: scoped_away, no_channel, access_ended, switched_off, no_party, no_contact, nobody_on_call, or a word of
    `alerts.rota.Duty` for a layer without anybody.
    """

    who: str
    why: str
    target: dict[str, str]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a step comes to at one moment."""

    heard: tuple[Heard, ...] = ()
    unheard: tuple[Unheard, ...] = ()


@dataclass(frozen=True, slots=True)
class Seeker:
    """Finds people inside one transaction, for one alarm at one moment."""

    connection: Connection
    book: Rulebook
    alarm: AlarmFor
    subject: Subject
    at_ms: int
    channels: Collection[str] = field(default=CHANNELS)

    def reach(self, step: Step) -> Reach:
        """Everybody whom the step reaches, each once, and everybody whom it does not."""
        heard: dict[str, Heard] = {}
        unheard: list[Unheard] = []
        for target in step.targets:
            for found in self._found(target):
                if isinstance(found, Unheard):
                    unheard.append(found)
                    continue
                recipient, why = found
                told = self._heard(step, recipient, target, why)
                if isinstance(told, Unheard):
                    unheard.append(told)
                else:
                    heard.setdefault(recipient.id, told)
        return Reach(tuple(heard.values()), tuple(unheard))

    def climb(self, policy: Policy, number: int) -> Iterator[tuple[int, Reach]]:
        """Step `number`, and while a step reaches nobody the next one at once: (number, whom it reaches) of each.

        Where even the last step reaches nobody everybody on call does instead.
        """
        for taken in range(number, policy.last + 1):
            found = self.reach(policy.steps[taken])
            if not found.heard and taken == policy.last:
                found = Reach(self.reach(EVERYBODY).heard, found.unheard)
            yield taken, found
            if found.heard:
                return

    def _heard(self, step: Step, recipient: Recipient, target: Target, why: dict[str, Any]) -> Heard | Unheard:
        named = target.as_json()
        if recipient.contact is not None and not visible_to(self.connection, self.subject, recipient.contact):
            return Unheard(recipient.id, "scoped_away", named)
        by_name = {way.channel: way for way in recipient.ways if way.channel in self.channels}
        ways = tuple(by_name[channel] for channel in step.channels if channel in by_name)
        if not ways:
            return Unheard(recipient.id, "no_channel", named)
        first, then = (ways[:1], ways[1:]) if step.mode is Mode.FIRST else (ways, ())
        return Heard(recipient, first, then, {"target": named, **why})

    def _found(self, target: Target) -> Iterator[tuple[Recipient, dict[str, Any]] | Unheard]:
        if target.kind is TargetKind.ROTA:
            yield self._on_duty(target)
        elif target.kind is TargetKind.PERSON:
            yield self._person(target, target.id, {})
        elif target.kind is TargetKind.ON_CALL:
            yield from self._on_call(target)
        elif target.kind is TargetKind.ENDPOINT:
            there = contacts.endpoints(self.connection, [target.id])
            yield (there[0], {}) if there else Unheard(target.id, "switched_off", target.as_json())
        else:
            yield from self.party(target)

    def _on_duty(self, target: Target) -> tuple[Recipient, dict[str, Any]] | Unheard:
        duty = self.book.duty(target.id, target.layer, self.at_ms)
        if duty.person is None:
            return Unheard(f"{target.id}/{target.layer}", duty.why, target.as_json())
        why = {"duty": duty.why} | ({} if duty.override is None else {"override": duty.override})
        return self._person(target, duty.person, why)

    def _person(self, target: Target, id_: str, why: dict[str, Any]) -> tuple[Recipient, dict[str, Any]] | Unheard:
        found = contacts.contacts(self.connection, {id_}, self.at_ms)
        return (contacts.recipient(found[0]), why) if found else Unheard(id_, "access_ended", target.as_json())

    def _on_call(self, target: Target) -> Iterator[tuple[Recipient, dict[str, Any]] | Unheard]:
        found = contacts.on_call(self.connection, self.at_ms)
        if not found:
            yield Unheard("on_call", "nobody_on_call", target.as_json())
        yield from ((contacts.recipient(one), {}) for one in found)

    def party(self, target: Target) -> Iterator[tuple[Recipient, dict[str, Any]] | Unheard]:
        """The contacts of the subject's consignor, consignee, customer or carrier."""
        party = self.alarm.party(target.role)
        if not party:
            yield Unheard(target.role, "no_party", target.as_json())
            return
        found = contacts.party_contacts(self.connection, party)
        if not found:
            yield Unheard(party, "no_contact", target.as_json())
        yield from ((one, {"party": party}) for one in found)
