"""What is wrong with the rules before an alarm finds out: empty turns to come, people with one channel only."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, select

from alerts.policy import Policy, TargetKind, layers_named
from alerts.rota import Hole, holes
from alerts.rulebook import Rulebook
from coldchain.domain.finding import Severity
from coldchain.domain.quantity import iso
from coldchain.registry import contacts, signals
from coldchain.registry.schema import signal

SIGNAL = "alert_rules"  # the kind of system alarm that says so
AHEAD_MS = 7 * 86_400_000  # how far holes are looked for
_FEWEST_CHANNELS = 2
_WHY = {
    "not_begun": "the layer begins later", "out_of_hours": "its hours leave that out",
    "gone": "the access of whose turn it is has ended",
}  # fmt: skip


class Problem(NamedTuple):
    """One thing to put right: where it stands, and what it is in words with the remedy."""

    field: str
    words: str


def problems(connection: Connection, now_ms: int) -> list[Problem]:
    """Everything that is wrong with the rules in use now and within the next week."""
    book = Rulebook(connection, now_ms)
    found = [*_one_channel(connection, book, now_ms), *_holes(book, now_ms), *_mute(connection, book, now_ms)]
    return [Problem("rules", words) for words in book.problems] + found


def upcoming(book: Rulebook, from_ms: int, to_ms: int) -> list[Hole]:
    """The stretches in which a layer that a policy in use names has nobody."""
    named = sorted(
        {
            (target.id, target.layer)
            for policy in book.in_use().values()
            for step in policy.steps
            for target in step.targets
            if target.kind is TargetKind.ROTA
        }
    )
    found: list[Hole] = []
    for id_ in sorted({rota for rota, _ in named}):
        rota = book.rota(id_)
        if rota is not None:
            empty = holes(rota, book.overrides(id_), from_ms, to_ms, book.gone)
            found += [hole for hole in empty if (id_, hole.layer) in named]
    return sorted(found, key=lambda hole: (hole.from_ms, hole.rota, hole.layer))


def watch(connection: Connection, now_ms: int) -> int:
    """Report what is wrong as a system alarm, and clear what no longer is; how many problems there are.

    Call it inside a writing transaction, hourly and after every change of the rules.
    """
    found = {f"{one.field}: {one.words}"[:300] for one in problems(connection, now_ms)}
    open_ = select(signal.c.detail).where(signal.c.kind == SIGNAL, signal.c.cleared_ms.is_(None))
    standing = set(connection.execute(open_).scalars())
    for detail in sorted(found - standing):
        signals.report(connection, role="rules", kind=SIGNAL, detail=detail, now_ms=now_ms)
    for detail in standing - found:
        signals.clear(connection, kind=SIGNAL, detail=detail, now_ms=now_ms)
    return len(found)


def _holes(book: Rulebook, now_ms: int) -> Iterator[Problem]:
    """Of each layer the next hole; hours by design count only where nobody else is in the step."""
    seen: set[tuple[str, str]] = set()
    alone = _alone(book)
    for hole in upcoming(book, now_ms, now_ms + AHEAD_MS):
        by_design = hole.why == "out_of_hours" and (hole.rota, hole.layer) not in alone
        if by_design or (hole.rota, hole.layer) in seen:
            continue
        seen.add((hole.rota, hole.layer))
        until = f" until {iso(hole.to_ms)}" if hole.to_ms < now_ms + AHEAD_MS else ""
        # The beginning of a hole that is there already would move with every look.
        since = f"from {iso(hole.from_ms)}" if hole.from_ms > now_ms else "now"
        words = f"nobody is on duty {since}{until}: {_WHY.get(hole.why, hole.why)}; let somebody stand in"
        yield Problem(f"rota {hole.rota}, layer {hole.layer}", words)


def _alone(book: Rulebook) -> set[tuple[str, str]]:
    """(rota, layer) of targets that are the only one of their step."""
    return {
        (step.targets[0].id, step.targets[0].layer)
        for policy in book.in_use().values()
        for step in policy.steps
        if len(step.targets) == 1 and step.targets[0].kind is TargetKind.ROTA
    }


def _one_channel(connection: Connection, book: Rulebook, now_ms: int) -> Iterator[Problem]:
    """People whom critical alarms reach by one channel only: when that fails, nothing does."""
    for policy in _critical(book):
        for person in contacts.contacts(connection, _people(connection, book, policy, now_ms), now_ms):
            used = {channel for step in policy.steps for channel in step.channels}
            ways = {way.channel for way in contacts.recipient(person).ways} & used
            if len(ways) < _FEWEST_CHANNELS:
                has = " and ".join(sorted(ways)) or "no channel"
                words = f"{person.name} gets critical alarms by {has} only: add a phone number, or sms to the channels"
                yield Problem(f"policy {policy.id}", words)


def _mute(connection: Connection, book: Rulebook, now_ms: int) -> Iterator[Problem]:
    """People who take turns and may not acknowledge any more: their role was changed since the rota was written."""
    for id_, layer in layers_named(book.in_use()):
        rota = book.rota(id_)
        people = {one for each in rota.layers if each.name == layer for one in each.people} if rota else set()
        for person in contacts.contacts(connection, people, now_ms):
            if not contacts.recipient(person).may_acknowledge:
                words = f"{person.name} takes turns and, being {person.role}, may not acknowledge alarms"
                yield Problem(f"rota {id_}, layer {layer}", f"{words}: change the role, or take them out")


def _critical(book: Rulebook) -> list[Policy]:
    named = [r.policy for r in book.routing.routes if not r.match.severities or Severity.CRITICAL in r.match.severities]
    ids = dict.fromkeys([*named, book.routing.otherwise])
    return [one for one in (book.policy(id_) for id_ in ids if id_ is not None) if one is not None]


def _people(connection: Connection, book: Rulebook, policy: Policy, now_ms: int) -> set[str]:
    found: set[str] = set()
    for target in (target for step in policy.steps for target in step.targets):
        if target.kind is TargetKind.PERSON:
            found.add(target.id)
        elif target.kind is TargetKind.ON_CALL:
            found |= {one.id for one in contacts.on_call(connection, now_ms)}
        elif target.kind is TargetKind.ROTA and (rota := book.rota(target.id)) is not None:
            found |= {person for layer in rota.layers if layer.name == target.layer for person in layer.people}
    return found
