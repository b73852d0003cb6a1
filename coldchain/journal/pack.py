"""A pack: the original messages of one logger's day, together and compressed, each still found by offset or key."""

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coldchain.journal import columns
from coldchain.journal.database import Row, Session, listed, tabled
from coldchain.journal.tables import MESSAGE_COLUMNS

_SLOT = MESSAGE_COLUMNS.index("slot")
_PAYLOAD = MESSAGE_COLUMNS.index("payload")
_HEAD = struct.Struct("<I")
_BLOCK = 6  # bits: 64 numbers in a row share an entry of the index


def pack_messages(rows: Iterable[Row]) -> tuple[bytes, bytes]:
    """Rows of the table `message`, as the bytes of their slots and of everything."""
    ordered = sorted(rows)
    entry, data = columns.encode([row[_SLOT] for row in ordered])
    slots = zlib.compress(_HEAD.pack(len(ordered)) + entry + data, 6)
    stripes = [list(stripe) for stripe in zip(*[row[:_PAYLOAD] for row in ordered], strict=True)]
    text = json.dumps([*stripes, [len(row[_PAYLOAD]) for row in ordered]]).encode()
    payloads = b"".join(bytes(row[_PAYLOAD]) for row in ordered)
    return slots, zlib.compress(_HEAD.pack(len(text)) + text + payloads, 6)


def messages_in(body: bytes) -> list[Row]:
    """The rows of the table `message` in a pack, by offset."""
    data = zlib.decompress(body)
    (length,) = _HEAD.unpack_from(data)
    start = _HEAD.size + length
    *stripes, lengths = json.loads(data[_HEAD.size : start])
    payloads: list[bytes] = []
    for size in lengths:
        payloads.append(data[start : start + size])
        start += size
    return list(zip(*stripes, payloads, strict=True))


def slots_in(slots: bytes) -> set[int]:
    """The slots of the messages in a pack."""
    data = memoryview(zlib.decompress(slots))
    (count,) = _HEAD.unpack_from(data)
    entry = columns.ENTRY.unpack_from(data, _HEAD.size)
    column = columns.decode(entry, data[_HEAD.size + columns.ENTRY.size :], count)
    return set() if column is None else set(column.tolist())


def index_packs(session: Session, packs: Iterable[tuple[int, int, bytes]]) -> None:
    """Note which days hold which slots, so that a look-up opens one day's packs and not those of every day.

    Args:
        session: a writing transaction.
        packs: logger, day and the bytes of the slots of each new pack.
    """
    rows = {(logger, slot >> _BLOCK, day) for logger, day, slots in packs for slot in slots_in(bytes(slots))}
    session.many("INSERT INTO packed (logger, block, day) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", sorted(rows))


def index_all_packs(session: Session) -> None:
    """Note the slots of all packs: of a journal that was written before they were noted."""
    after = 0
    while packs := session.rows("SELECT id, logger, day, slots FROM pack WHERE id > ? ORDER BY id LIMIT 500", (after,)):
        index_packs(session, [(logger, day, slots) for _, logger, day, slots in packs])
        after = packs[-1][0]


def packed_messages(session: Session, sought: Mapping[int, set[int]]) -> list[Row]:
    """The packed messages in these slots, by logger."""
    wanted = {(logger, slot >> _BLOCK) for logger, slots in sought.items() for slot in slots}
    if not wanted:
        return []
    query = (
        f"WITH wanted (l, b) AS (VALUES {tabled(wanted)}), days (l, d) AS (SELECT DISTINCT k.logger, k.day "  # noqa: S608
        "FROM wanted JOIN packed k ON k.logger = wanted.l AND k.block = wanted.b) "
        "SELECT p.id, p.logger, p.slots FROM days JOIN pack p ON p.logger = days.l AND p.day = days.d"
    )
    hits = [number for number, logger, slots in session.rows(query) if slots_in(bytes(slots)) & sought[logger]]
    if not hits:
        return []
    slots = set().union(*sought.values())
    query = f"SELECT body FROM pack WHERE id IN {listed(hits)} ORDER BY first"  # noqa: S608  only integers
    return [row for (body,) in session.rows(query) for row in messages_in(bytes(body)) if row[_SLOT] in slots]


def packed_message(session: Session, position: int) -> Row | None:
    """The packed message with this offset."""
    around = session.rows("SELECT id FROM pack WHERE last >= ? AND first <= ?", (position, position))
    for (number,) in around:
        (body,) = session.rows("SELECT body FROM pack WHERE id = ?", (number,))[0]
        found: Sequence[Any] = [row for row in messages_in(bytes(body)) if row[0] == position]
        if found:
            return tuple(found[0])
    return None
