"""What a person who connects a logger looks at: messages that nobody read, and what became of a message."""

from collections.abc import Callable, Sequence

from coldchain.domain.message import Outcome
from coldchain.journal.database import Row, Session, listed
from coldchain.journal.port import Unread
from coldchain.journal.rows import OUTCOME_NUMBER
from coldchain.journal.segment import Segment
from coldchain.journal.tables import MESSAGE_COLUMNS, READING_COLUMNS
from coldchain.journal.words import context_from

WINDOW = 4_000  # of the newest refused messages that are looked at, so that a flood costs no more than this
_LONGEST = 25_000  # offsets behind a message in which its readings stand: one per reading, refusal and notice
_READING_LIST = ",".join(READING_COLUMNS)
_MESSAGE_LIST = ",".join(f"m.{name}" for name in MESSAGE_COLUMNS)
_MESSAGE, _POSITION = READING_COLUMNS.index("message"), READING_COLUMNS.index("position")
_UNREAD = listed(OUTCOME_NUMBER[outcome] for outcome in (Outcome.UNDECODED, Outcome.QUARANTINED))

# What was decoded again since has found its meaning.
_NEWEST = f"""
    (SELECT position FROM message n WHERE refusals IS NOT NULL AND outcome IN {_UNREAD}
     AND NOT EXISTS (SELECT 1 FROM reinterpreted r WHERE r.message = n.position)
     ORDER BY position DESC LIMIT {WINDOW}) newest JOIN message m ON m.position = newest.position
"""  # noqa: S608  only our own names and numbers

Texts = Callable[[Session, Sequence[int]], dict[int, str]]


def unread(session: Session, texts: Texts) -> list[Unread]:
    """Every source of such messages, the one that spoke last first."""
    found: dict[tuple[str, str, str | None], Unread] = {}
    for one, _, _ in _groups(session, texts):
        key = one[:3]
        known = found.get(key)
        found[key] = one if known is None else _sum(known, one)
    return sorted(found.values(), key=lambda one: -one.newest)


def alike(session: Session, texts: Texts, transport: str, source: str, logger: str | None, limit: int) -> list[Row]:
    """Rows of the table `message`: the newest unread ones of a source and, where it is known, of a logger."""
    same = [(context, number) for one, context, number in _groups(session, texts)
            if one[:3] == (transport, source, logger)]  # fmt: skip
    if not same:
        return []
    whose = "m.logger IS NULL" if logger is None else f"m.logger = {int(same[0][1] or 0)}"
    contexts = listed(context for context, _ in same)
    sql = (
        f"SELECT {_MESSAGE_LIST} FROM {_NEWEST} WHERE m.context IN {contexts} AND {whose} "  # noqa: S608  integers
        "ORDER BY m.position DESC LIMIT ?"
    )
    return session.rows(sql, (limit,))


def _groups(session: Session, texts: Texts) -> list[tuple[Unread, int, int | None]]:
    sql = (
        "SELECT m.context, m.logger, l.name, m.outcome, count(*), sum(coalesce(m.length, length(m.payload))), "  # noqa: S608
        f"max(m.received), max(m.position) FROM {_NEWEST} LEFT JOIN logger l ON l.id = m.logger "
        "GROUP BY m.context, m.logger, l.name, m.outcome"
    )
    rows = session.rows(sql)
    known = texts(session, sorted({row[0] for row in rows}))
    made = []
    for context, number, name, outcome, count, size, received, newest in rows:
        transport, source = context_from(known[context])[:2]
        undecoded = count if outcome == OUTCOME_NUMBER[Outcome.UNDECODED] else 0
        made.append((Unread(transport, source, name, count, int(size), received, newest, undecoded), context, number))
    return made


def _sum(one: Unread, other: Unread) -> Unread:
    return one._replace(
        messages=one.messages + other.messages, size=one.size + other.size, last_ms=max(one.last_ms, other.last_ms),
        newest=max(one.newest, other.newest), undecoded=one.undecoded + other.undecoded,
    )  # fmt: skip


def became(session: Session, message: int, logger: str) -> list[Row]:
    """Rows of the table `reading` that stand for a logger's message, of every interpretation, by offset."""
    found = _between(session, message, logger, message, message + _LONGEST)
    again = session.rows(
        "SELECT r.position, (SELECT max(o.position) FROM reinterpreted o WHERE o.position < r.position) "
        "FROM reinterpreted r WHERE r.message = ?",
        (message,),
    )
    for applied, before in again:
        # The rows of a decision stand between the decision before it and the offset at which it was applied.
        found += _between(session, message, logger, max(message, before or 0), applied)
    return list({row[_POSITION]: row for row in sorted(found)}.values())


def _between(session: Session, message: int, logger: str, after: int, until: int) -> list[Row]:
    """The message's rows with `after` < offset ≤ `until`, hot or compacted."""
    sql = f"SELECT {_READING_LIST} FROM reading WHERE position > ? AND position <= ? AND message = ?"  # noqa: S608
    rows = session.rows(sql, (after, until, message))
    whose = "logger = (SELECT id FROM logger WHERE name = ?)"
    segments = f"SELECT body FROM segment WHERE last > ? AND first <= ? AND {whose}"  # noqa: S608  our own text
    for (body,) in session.rows(segments, (after, until, logger)):
        rows += [row for row in Segment(bytes(body)).rows() if row[_MESSAGE] == message and after < row[0] <= until]
    return rows
