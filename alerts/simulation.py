"""If this alarm rose now, who would hear of it when? By the planner's own routes, policies and rotas; no row is made.

`simulate` answers with what the HTTP API gives as JSON:

    {"at", "alarm": {…what routes look at}, "route": {"version", "number"|null, "inform": [...]},
     "policy": {"id", "version", "name"} | null,
     "messages": [{"after_s", "step", "round", "recipient", "recipient_kind", "name", "channel", "address",
                   "verified", "only_if"|null, "target": {…as the policy names it, or {"kind": "inform", "role"}},
                   "duty"|null, "override"|null}],      in order of time
     "silences": [{"after_s", "step", "who", "why", "target"}],
     "problems": ["…"]}

`step` counts from 0 and is null for what is only informed; `round` counts the repeats of the last step from 0.
`only_if` is null for what is sent at once, else the words for when this channel takes over from the one before.
"""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection

from alerts.configuration import problems
from alerts.decisions import ANNOUNCED_FROM, MINUTE_MS, REPEAT_MS
from alerts.policy import CHANNELS, Mode, Policy, Step, Target, TargetKind
from alerts.reach import EVERYBODY, Heard, Reach, Seeker, Unheard
from alerts.routing import AlarmFor, Picked
from alerts.rulebook import Rulebook
from coldchain.domain.finding import Severity, Subject
from coldchain.domain.quantity import iso
from coldchain.registry.contacts import Way

WITHIN_MS = 60 * MINUTE_MS
NOT_ACCEPTED_MS = 60_000
_INFORMED = ("email",)
_TAKES_OVER = "the channel before is refused, not accepted within 60 s, or not confirmed within 180 s"


@dataclass(frozen=True, slots=True)
class Asked:
    """The alarm that is imagined."""

    alarm: AlarmFor
    subject: Subject
    at_ms: int
    channels: Collection[str] = field(default=CHANNELS)


def simulate(connection: Connection, asked: Asked) -> dict[str, Any]:
    """Who hears of it within an hour, by what, and what is wrong with the rules; see the module for the shape."""
    book = Rulebook(connection, asked.at_ms)
    picked = book.routing.pick(asked.alarm)
    policy = None if picked.policy is None else book.policy(picked.policy)
    messages: list[dict[str, Any]] = []
    silences: list[dict[str, Any]] = []
    if asked.alarm.severity >= ANNOUNCED_FROM:
        for after_ms, step, round_, reach in _climb(connection, book, asked, policy):
            messages += [line for heard in reach.heard for line in _lines(heard, after_ms, step, round_)]
            silences += [_silence(one, after_ms, step) for one in reach.unheard]
        informed = _informed(connection, book, asked, picked)
        messages += [line for heard in informed.heard for line in _lines(heard, 0, None, 0)]
        silences += [_silence(one, 0, None) for one in informed.unheard]
    else:
        said = "who takes a daily digest reads of it there" if asked.alarm.severity is Severity.MINOR else "recorded"
        silences.append({"after_s": 0, "step": None, "who": "everybody", "why": said, "target": {}})
    return {
        "at": iso(asked.at_ms),
        "alarm": asdict(asked.alarm) | {"severity": asked.alarm.severity.word},
        "route": {"version": picked.version, "number": picked.route, "inform": list(picked.inform)},
        "policy": None if policy is None else {"id": policy.id, "version": policy.version, "name": policy.name},
        "messages": sorted(messages, key=lambda line: line["after_s"]),
        "silences": silences,
        "problems": [f"{one.field}: {one.words}" for one in problems(connection, asked.at_ms)] + _unread(book),
    }


def _unread(book: Rulebook) -> list[str]:
    return [f"rules: {words}" for words in book.problems]


def _climb(
    connection: Connection, book: Rulebook, asked: Asked, policy: Policy | None
) -> Iterator[tuple[int, int, int, Reach]]:
    """(after, step, round, whom it reaches) of the first hour in which nobody answers."""
    if policy is None:
        every = REPEAT_MS[asked.alarm.severity]
        for round_, after in enumerate(range(0, WITHIN_MS + 1, every)):
            yield after, 0, round_, _seeker(connection, book, asked, after).reach(EVERYBODY)
        return
    number = after = 0
    while number <= policy.last and (after := policy.steps[number].after_ms) <= WITHIN_MS:
        for taken, reach in _seeker(connection, book, asked, after).climb(policy, number):
            yield after, taken, 0, reach
            number = taken + 1
    round_ = 1
    while number > policy.last and (after := after + policy.repeat_last_ms) <= WITHIN_MS:
        for _, reach in _seeker(connection, book, asked, after).climb(policy, policy.last):
            yield after, policy.last, round_, reach
        round_ += 1


def _seeker(connection: Connection, book: Rulebook, asked: Asked, after_ms: int) -> Seeker:
    return Seeker(connection, book, asked.alarm, asked.subject, asked.at_ms + after_ms, asked.channels)


def _informed(connection: Connection, book: Rulebook, asked: Asked, picked: Picked) -> Reach:
    seeker = _seeker(connection, book, asked, 0)
    targets = tuple(Target(TargetKind.PARTY, role=role) for role in picked.inform)
    return seeker.reach(Step(0, targets, _INFORMED, Mode.ALL)) if targets else Reach()


def _lines(heard: Heard, after_ms: int, step: int | None, round_: int) -> Iterator[dict[str, Any]]:
    def line(way: Way, later_ms: int, only_if: str | None) -> dict[str, Any]:
        target = heard.why["target"]
        if step is None:
            target = {"kind": "inform", "role": target["role"]}
        return {
            "after_s": (after_ms + later_ms) // 1000, "step": step, "round": round_,
            "recipient": heard.recipient.id, "recipient_kind": heard.recipient.kind, "name": heard.recipient.name,
            "channel": way.channel, "address": way.address, "verified": way.verified, "only_if": only_if,
            "target": target, "duty": heard.why.get("duty"), "override": heard.why.get("override"),
        }  # fmt: skip

    for way in heard.first:
        yield line(way, 0, None)
    for place, way in enumerate(heard.then, start=1):
        yield line(way, place * NOT_ACCEPTED_MS, _TAKES_OVER)


def _silence(one: Unheard, after_ms: int, step: int | None) -> dict[str, Any]:
    return {"after_s": after_ms // 1000, "step": step, "who": one.who, "why": one.why, "target": one.target}
