"""Which waiting messages to one person leave together, and when: the first at once, a storm in few and complete ones.

Grouping shapes messages, never rows: every row of a message keeps its own state. All pure; the limits hold for all
messages to one recipient over one channel together, so a second fault cannot double what a phone has to bear.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alerts.announcement import AlarmFacts, Announcement
from coldchain.domain.finding import Severity

JOIN_MS = 60_000  # what follows a message of its kind within this time waits and shares the next one
WINDOW_MS = 300_000
MOST = 3  # messages within the window ...
RESERVED = 1  # ... of which so many are kept for a critical alarm of a site that nobody has heard of yet

_CLASSES = {
    "high": "temperature", "low": "temperature", "rate": "temperature", "humidity_high": "humidity",
    "humidity_low": "humidity", "silence": "silence", "sensor_fault": "sensor",
}  # fmt: skip


class Key(NamedTuple):
    """What belongs into one message: one site, one kind of cause, one priority; what is over is less urgent."""

    site: str
    cause: str
    priority: int  # of the severity; -1 for what is over


@dataclass(frozen=True, slots=True)
class Pending:
    """A row that could leave now, or waits already for others to join it."""

    id: str
    alarm: str
    occasion: int
    key: Key | None  # None: says something of its own and is never put together with others
    created_ms: int
    due: bool
    attempts: int = 0
    doubtful: bool = False  # an earlier attempt may have arrived
    lead: str | None = None  # the row whose message carried it at that attempt
    due_ms: int = 0
    in_order: bool = False  # its alarm's earlier words have to leave before it: a program must not reopen what is over


@dataclass(frozen=True, slots=True)
class Earlier:
    """A message that has reached the recipient lately, or may have."""

    at_ms: int
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """One message now: these rows, the first of which is the one that it is named after."""

    rows: tuple[str, ...]
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing before this time; the rows stay where they are."""

    until_ms: int


def key_of(facts: AlarmFacts) -> Key:
    """The group that an alarm's message belongs to."""
    card = facts.subject
    site = f"{card.kind}:{card.detail or card.id}" if card.kind == "store" else f"{card.kind}:{card.id}"
    cause = _CLASSES.get(facts.cause, facts.cause)
    over = facts.returned or facts.refuted
    return Key(site, cause, -1 if over else facts.severity)


def key_of_message(announcement: Announcement) -> Key:
    """The group of a row's content; a digest of late findings is a kind of its own, and never urgent."""
    if announcement.digest:
        return Key("digest", "late", -1)
    return key_of(announcement.alarms[0])


def choose(pending: Sequence[Pending], earlier: Sequence[Earlier], now_ms: int) -> Send | Wait:
    """What leaves now to one recipient over one channel. At least one of `pending` is due.

    An attempt in doubt is made again with exactly the rows that it had, so that the repeat is one. After a failure
    everything that waits leaves as one message: who was out of reach reads one digest, not a backlog.
    """
    alone = [row for row in pending if row.key is None and row.due]
    if alone:
        return _alone(alone, pending)
    rows = [row for row in pending if row.key is not None]
    doubtful = _in_doubt(rows)
    if any(row.due for row in doubtful):
        return Send(tuple(row.id for row in doubtful), tuple({row.key for row in doubtful if row.key is not None}))
    rows = [row for row in rows if row not in doubtful]
    keys = _keys(rows)
    if any(row.attempts for row in rows):
        return _send(rows, keys) if len(earlier) < MOST else _wait(earlier, MOST - 1, now_ms)
    return _fresh(rows, keys, earlier, now_ms)


def _alone(due: list[Pending], pending: Sequence[Pending]) -> Send | Wait:
    blocked = []
    for row in due:
        before = [r for r in pending if r.in_order and r.alarm == row.alarm and r.occasion < row.occasion]
        waiting = [r for r in before if not r.due]
        if not row.in_order or not before:
            return Send((row.id,), ())
        blocked += [r.due_ms for r in waiting]
    return Wait(min(blocked))


def _fresh(rows: list[Pending], keys: dict[str, Key], earlier: Sequence[Earlier], now_ms: int) -> Send | Wait:
    said = {key: message.at_ms for message in sorted(earlier, key=lambda one: one.at_ms) for key in message.keys}
    known = {key.site for key in said}
    joins = {key: said[key] + JOIN_MS for key in keys.values() if said.get(key, now_ms - JOIN_MS) > now_ms - JOIN_MS}
    ready = [key for key in set(keys.values()) if key not in joins]
    if not ready:
        return Wait(min(joins.values()))
    sizes = Counter(keys.values())
    first = min(ready, key=lambda key: (not _new(key, known), -key.priority, -sizes[key], key))
    most = MOST if _new(first, known) else MOST - RESERVED
    if len(earlier) >= most:
        return _wait(earlier, most - 1, now_ms)
    # The last message before a silence takes everything along; the one before leaves room for what is most urgent.
    whole = len(earlier) >= MOST - RESERVED - 1
    return _send(rows if whole else [row for row in rows if keys[row.alarm] == first], keys)


def _new(key: Key, known: set[str]) -> bool:
    return key.priority >= Severity.CRITICAL and key.site not in known


def _keys(rows: list[Pending]) -> dict[str, Key]:
    """The group of each alarm: that of its newest word, so that one that is over by now is told as over."""
    newest: dict[str, Pending] = {}
    for row in rows:
        if row.alarm not in newest or row.occasion > newest[row.alarm].occasion:
            newest[row.alarm] = row
    return {alarm: row.key for alarm, row in newest.items() if row.key is not None}


def _in_doubt(rows: list[Pending]) -> list[Pending]:
    """The rows of the one attempt that is in doubt, its lead first; none if so much failed that all goes as one."""
    tried = [row for row in rows if row.attempts]
    leads = {row.lead or row.id for row in tried}
    if len(leads) != 1 or not all(row.doubtful for row in tried):
        return []
    lead = leads.pop()
    return sorted(tried, key=lambda row: (row.id != lead, row.id))


def _send(rows: list[Pending], keys: dict[str, Key]) -> Send:
    worst_first = sorted(rows, key=lambda row: (-keys[row.alarm].priority, row.created_ms, row.alarm, -row.occasion))
    return Send(tuple(row.id for row in worst_first), tuple(sorted({keys[row.alarm] for row in rows})))


def _wait(earlier: Sequence[Earlier], allowed: int, now_ms: int) -> Wait:
    """Until no more than `allowed` messages lie within the window."""
    times = sorted(message.at_ms for message in earlier)
    return Wait(max(now_ms + 1, times[len(times) - allowed - 1] + WINDOW_MS))
