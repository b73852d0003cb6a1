"""The newest reading of each series: found by position, so that nobody searches for it.

A reading whose time has still to come is not the latest one. It waits in the table `ahead`, and takes its place with
the first commit after its time: a logger whose clock runs two seconds fast is as live as any other.
"""

from collections.abc import Iterable, Mapping

from coldchain.journal.database import Session, listed

Newest = tuple[int, int, int, int, int]  # event time, boot, seq and value, by which readings are ordered; position

_UPDATE = (
    "UPDATE series SET latest_time=?, latest_boot=?, latest_seq=?, latest_value=?, latest_position=? WHERE id=? AND "
    "(latest_time IS NULL OR (latest_time, latest_boot, latest_seq, latest_value) < (?, ?, ?, ?))"
)


def advance(session: Session, newest: Mapping[int, Newest]) -> None:
    """Take over the newest readings, by series, where they are newer than what stands there."""
    session.many(_UPDATE, [(*one, series, *one[:4]) for series, one in newest.items()])


def promote(session: Session, now_ms: int) -> None:
    """Let every waiting reading whose time has come be the latest of its series, if it is."""
    sql = "SELECT series, event_time, boot, seq, value, position FROM ahead WHERE event_time <= ?"
    due: dict[int, Newest] = {}
    for series, *order in session.rows(sql, (now_ms,)):
        due[series] = max(due.get(series, tuple(order)), tuple(order))
    if due:
        session.run("DELETE FROM ahead WHERE event_time <= ?", (now_ms,))
        advance(session, due)


def withdraw(session: Session, loggers: Iterable[int]) -> set[int]:
    """Take superseded readings of these loggers out of those that wait; the positions of the others."""
    some = listed(loggers)
    session.run(
        "DELETE FROM ahead WHERE position IN (SELECT r.position FROM reading r JOIN reinterpreted x "  # noqa: S608
        f"ON x.message = r.message WHERE x.logger IN {some} AND r.interpretation < x.interpretation)"
    )
    sql = f"SELECT position FROM ahead WHERE series IN (SELECT id FROM series WHERE logger IN {some})"  # noqa: S608
    return {position for (position,) in session.rows(sql)}


def last_events(session: Session, loggers: Iterable[int] | None = None) -> dict[int, int]:
    """The newest event time that is not in the future, by logger; of all of them if none are named."""
    where = "" if loggers is None else f" AND logger IN {listed(loggers)}"
    sql = f"SELECT logger, max(latest_time) FROM series WHERE latest_time IS NOT NULL{where} GROUP BY logger"  # noqa: S608
    return dict(session.rows(sql))
