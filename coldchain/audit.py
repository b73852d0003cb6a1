"""The audit trail: append-only rows chained by SHA-256, each written in the transaction of its change."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from coldchain.registry.schema import audit

GENESIS = "0" * 64


class Entry(NamedTuple):
    """Who did what to which object, when and why, with the old and the new value."""

    number: int
    at_ms: int
    who: str
    action: str
    object_kind: str
    object_id: str
    old: Any
    new: Any
    reason: str | None
    previous: str
    hash: str


class New(NamedTuple):
    """An entry that is to be appended; `kind` and `id` of the object that was changed."""

    who: str
    action: str
    kind: str
    id: str
    old: Any = None
    new: Any = None
    reason: str | None = None


class Broken(NamedTuple):
    """The first entry that does not fit the chain, and how."""

    number: int
    why: str


def record(
    connection: Connection,
    *,
    at_ms: int,
    who: str,
    action: str,
    kind: str,
    id: str,  # noqa: A002  the object's id, as in every other signature
    old: Any = None,
    new: Any = None,
    reason: str | None = None,
) -> int:
    """Append one entry inside the caller's writing transaction; return its number.

    The transaction must hold the registry's write lock (`Registry.write`): the head is read under it.
    """
    return record_all(connection, [New(who, action, kind, id, old, new, reason)], at_ms=at_ms)


def record_all(connection: Connection, new: Sequence[New], *, at_ms: int) -> int:
    """Append entries in their order, as `record` would one after the other; the number of the last one there is.

    The head is read once and the rows are written by one statement: thousands of loggers that are heard for the first
    time must not hold the write lock for long.
    """
    head = connection.execute(_HEAD).one_or_none()
    number, previous = (head.number, head.hash) if head else (0, GENESIS)
    rows = []
    for item in new:
        number += 1
        row = {
            "number": number, "at_ms": at_ms, "who": item.who, "action": item.action, "object_kind": item.kind,
            "object_id": item.id, "old": item.old, "new": item.new, "reason": item.reason, "previous": previous,
        }  # fmt: skip
        previous = entry_hash(row)
        rows.append({**row, "hash": previous})
    if rows:
        connection.execute(_APPEND, rows)
    return number


_HEAD = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
_APPEND = audit.insert()


def entry_hash(row: dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of everything in an entry but its own hash."""
    content = {name: value for name, value in row.items() if name != "hash"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def entries(connection: Connection, after: int = 0, limit: int | None = None) -> Iterator[Entry]:
    """Entries with number > `after`, oldest first."""
    query = select(audit).where(audit.c.number > after).order_by(audit.c.number)
    if limit is not None:
        query = query.limit(limit)
    for row in connection.execute(query):
        yield Entry(*row)


def newest(
    connection: Connection,
    *,
    kind: str | None = None,
    object_id: str | None = None,
    who: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Entries with number < `before`, newest first, of one kind of object, one object, or one person."""
    query = select(audit).order_by(audit.c.number.desc()).limit(limit)
    for column, wanted in ((audit.c.object_kind, kind), (audit.c.object_id, object_id), (audit.c.who, who)):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        query = query.where(audit.c.number < before)
    return [Entry(*row) for row in connection.execute(query)]


def follow(connection: Connection, number: int, known: str, limit: int) -> tuple[int, str] | Broken:
    """Check the next `limit` entries behind entry `number`, whose hash is `known` (0 and `GENESIS` at the start).

    Entry `number` itself is looked at again: where the trail was cut off or rewritten before it, it is not what it was.

    Returns:
        Number and hash of the last entry that fits, or the first one that does not.
    """
    last = select(audit.c.hash).where(audit.c.number == number)
    if number and connection.execute(last).scalar_one_or_none() != known:
        return Broken(number, "it is not what it was at the last check")
    for entry in entries(connection, number, limit):
        wrong = _misfit(entry, number + 1, known)
        if wrong is not None:
            return wrong
        number, known = entry.number, entry.hash
    return number, known


def _misfit(entry: Entry, expected: int, previous: str) -> Broken | None:
    if entry.number != expected:
        return Broken(expected, f"entry {expected} is missing")
    if entry.previous != previous:
        return Broken(entry.number, "it does not follow the entry before it")
    if entry_hash(entry._asdict()) != entry.hash:
        return Broken(entry.number, "its content was changed")
    return None


def verify(connection: Connection) -> Broken | None:
    """Walk the whole chain; None when every entry fits.

    A chain alone cannot show that its tail was cut off or that all of it was rewritten: that takes checkpoints kept
    elsewhere.
    """
    expected, previous = 1, GENESIS
    for entry in entries(connection):
        wrong = _misfit(entry, expected, previous)
        if wrong is not None:
            return wrong
        expected, previous = entry.number + 1, entry.hash
    return None
