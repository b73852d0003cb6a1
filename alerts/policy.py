"""Escalation policies: who hears of an alarm next while nobody answers. Read and checked as a whole; all pure.

A policy climbs step by step, `after_min` counted from the beginning of the climb; its last step repeats every
`repeat_last_min` until somebody answers. Inside a step every target hears at once.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

from coldchain.domain.tables import TableReader

MINUTE_MS = 60_000
LONGEST_GAP_MIN = 240  # between two steps, and between two repeats: a clock put back is noticed within that
MOST_STEPS = 20
PERSON_CHANNELS = ("email", "sms")
PROGRAM_CHANNELS = ("webhook", "apprise")
CHANNELS = (*PERSON_CHANNELS, *PROGRAM_CHANNELS)
ROLES = ("consignor", "consignee", "customer", "carrier")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")


class TargetKind(StrEnum):
    """What a step can be aimed at."""

    ROTA = "rota"  # whoever is on duty in a layer
    PERSON = "person"
    ON_CALL = "on_call"  # everybody who is marked as on call
    ENDPOINT = "endpoint"  # a program, told by signed webhook or by apprise
    PARTY = "party"  # the contacts of the shipment's consignor, consignee, customer or carrier


class Mode(StrEnum):
    """Whether a person hears by all channels at once, or by the first that works."""

    ALL = "all"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Target:
    """One addressee of a step; `id` of a rota, person or endpoint, `layer` of a rota, `role` of a party."""

    kind: TargetKind
    id: str = ""
    layer: str = ""
    role: str = ""

    def as_json(self) -> dict[str, str]:
        """The form in which policies are written."""
        given = {"kind": self.kind.value, "id": self.id, "layer": self.layer, "role": self.role}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Step:
    """Who hears, by what, and when after the climb began."""

    after_ms: int
    targets: tuple[Target, ...]
    channels: tuple[str, ...] = PERSON_CHANNELS
    mode: Mode = Mode.ALL


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of an escalation policy."""

    id: str
    version: int
    name: str
    steps: tuple[Step, ...]
    repeat_last_ms: int

    @property
    def last(self) -> int:
        """The number of the last step; steps count from 0."""
        return len(self.steps) - 1


@dataclass(frozen=True, slots=True)
class Known:
    """What policies, rotas and routes may name."""

    people: frozenset[str] = frozenset()
    rotas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the layers of each
    endpoints: Mapping[str, str] = field(default_factory=dict)  # the channel of each
    policies: frozenset[str] = frozenset()


def checked_id(reader: TableReader, given: str, what: str) -> str:
    """The id of a policy or rota: lower-case letters, digits and hyphens."""
    if not _ID.match(given):
        reader.fail("id", f"= {given[:60]!r} is no id of a {what}: use up to 63 of a-z, 0-9 and hyphens")
    return given


def policy_from(id_: str, version: int, body: Mapping[str, Any], known: Known | None = None) -> Policy:
    """Read a policy; with `known` every id that it names must exist.

    Raises:
        InvalidTable: names every mistake with its key, value and remedy.
    """
    reader = TableReader(body)
    checked_id(reader, id_, "policy")
    name = reader.text("name")
    steps = tuple(_step(table, number, known) for number, table in enumerate(reader.tables("steps")))
    if not steps:
        reader.fail("steps", "is empty: say in at least one step who is told")
    if len(steps) > MOST_STEPS:
        reader.fail("steps", f"has {len(steps)} entries: at most {MOST_STEPS} are climbed")
    _in_order(reader, steps)
    repeat = 0
    if reader.has("repeat_last_min"):
        repeat = reader.whole("repeat_last_min", 0, 1, LONGEST_GAP_MIN)
    else:
        reader.fail("repeat_last_min", "is missing: the last step must repeat until somebody answers; say how often")
    reader.finish()
    reader.raise_problems(f"policy {id_}")
    return Policy(id_, version, name, steps, repeat * MINUTE_MS)


def _in_order(reader: TableReader, steps: tuple[Step, ...]) -> None:
    if steps and steps[0].after_ms != 0:
        reader.fail("steps[0].after_min", f"= {steps[0].after_ms // MINUTE_MS} holds an alarm back: begin with 0")
    for number, (before, step) in enumerate(pairwise(steps), start=1):
        minutes, last = step.after_ms // MINUTE_MS, before.after_ms // MINUTE_MS
        if minutes <= last:
            reader.fail(f"steps[{number}].after_min", f"= {minutes} is not after the step before: more than {last}")
        elif minutes - last > LONGEST_GAP_MIN:
            latest = last + LONGEST_GAP_MIN
            reader.fail(f"steps[{number}].after_min", f"= {minutes} lets an alarm wait too long: at most {latest}")


def _step(reader: TableReader, number: int, known: Known | None) -> Step:
    most = MOST_STEPS * LONGEST_GAP_MIN
    if not reader.has("after_min"):
        reader.fail("after_min", "is missing: say how many minutes after the beginning of the climb")
    after = reader.whole("after_min", 0, 0, most) if reader.has("after_min") else number
    targets = tuple(_target(table, known) for table in reader.tables("targets"))
    if not targets:
        reader.fail("targets", "is empty: a step without anybody reaches nobody; name a rota, person or endpoint")
    channels = _channels(reader)
    mode = Mode(reader.choice("channel_mode", tuple(Mode), Mode.ALL.value))
    if targets and channels:
        _fitting(reader, targets, channels, {} if known is None else known.endpoints)
    reader.finish()
    return Step(after * MINUTE_MS, targets, channels, mode)


def _channels(reader: TableReader) -> tuple[str, ...]:
    if not reader.has("channels"):
        return PERSON_CHANNELS
    given = reader.raw("channels")
    if not isinstance(given, list) or not given:
        reader.fail("channels", f'= {given!r} is no list: write for example ["email", "sms"]')
        return ()
    known = ", ".join(CHANNELS)
    wrong = [item for item in given if item not in CHANNELS]
    for item in wrong:
        reader.fail("channels", f"has {item!r}, which is no channel: choose of {known}")
    if len(set(map(str, given))) != len(given):
        reader.fail("channels", f"= {given!r} names a channel twice: name each once, the preferred one first")
    return () if wrong else tuple(dict.fromkeys(given))


def _fitting(
    reader: TableReader, targets: tuple[Target, ...], channels: tuple[str, ...], endpoints: Mapping[str, str]
) -> None:
    """A program is told by its own channel and by nothing else, a person by anything but those."""
    for position, target in enumerate(targets):
        if target.kind is TargetKind.ENDPOINT:
            own = endpoints.get(target.id)
            if not set(channels) & ({own} if own else set(PROGRAM_CHANNELS)):
                missing = f'is an endpoint, and {", ".join(channels)} reach none: add "{own or "webhook"}" to channels'
                reader.fail(f"targets[{position}]", missing)
        elif not set(channels) & set(PERSON_CHANNELS):
            reader.fail(
                f"targets[{position}]",
                f'is a {target.kind.value}, which no {channels[0]} reaches: add "email" or "sms" to channels',
            )
    people = [target for target in targets if target.kind is not TargetKind.ENDPOINT]
    if not people and set(channels) & set(PERSON_CHANNELS):
        reader.fail("channels", f'= {list(channels)!r}: an endpoint has no e-mail or phone; write ["webhook"]')
    for channel in channels if len(people) == len(targets) else ():
        if channel in PROGRAM_CHANNELS:
            reader.fail("channels", f"has {channel!r}, and no target is an endpoint: take it out or name an endpoint")


def _target(reader: TableReader, known: Known | None) -> Target:
    kind = TargetKind(reader.choice("kind", tuple(TargetKind)))
    id_ = layer = role = ""
    if kind in (TargetKind.ROTA, TargetKind.PERSON, TargetKind.ENDPOINT):
        id_ = reader.text("id")
    if kind is TargetKind.ROTA:
        layer = reader.text("layer")
    if kind is TargetKind.PARTY:
        role = reader.choice("role", ROLES)
    reader.finish()
    target = Target(kind, id_, layer, role)
    if known is not None and id_:
        _exists(reader, target, known)
    return target


def _exists(reader: TableReader, target: Target, known: Known) -> None:
    if target.kind is TargetKind.ROTA:
        layers = known.rotas.get(target.id)
        if layers is None:
            there = ", ".join(sorted(known.rotas)) or "there are none yet"
            reader.fail("id", f"= {target.id!r} is no rota on record: {there}")
        elif target.layer and target.layer not in layers:
            reader.fail("layer", f"= {target.layer!r} is no layer of {target.id}: choose of {', '.join(layers)}")
        return
    there_are = known.people if target.kind is TargetKind.PERSON else known.endpoints
    if target.id not in there_are:
        reader.fail("id", f"= {target.id!r} is no {target.kind.value} on record: look the id up, or add it first")


def layers_named(policies: Mapping[str, Policy]) -> Iterator[tuple[str, str]]:
    """(rota, layer) of every target of these policies."""
    named = {
        (target.id, target.layer)
        for policy in policies.values()
        for step in policy.steps
        for target in step.targets
        if target.kind is TargetKind.ROTA
    }
    yield from sorted(named)
