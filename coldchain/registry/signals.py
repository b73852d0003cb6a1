"""Trouble that a role reports: one open row per kind and detail, however often it is seen."""

from sqlalchemy import Connection, select, update

from coldchain.registry.schema import setting, signal
from coldchain.registry.store import upsert

_HOUR_MS = 3600_000


def report(connection: Connection, *, role: str, kind: str, detail: str, now_ms: int) -> bool:
    """Report trouble inside a writing transaction; False if the same is open already."""
    same = (signal.c.kind == kind, signal.c.detail == detail, signal.c.cleared_ms.is_(None))
    if connection.execute(select(signal.c.id).where(*same).limit(1)).first() is not None:
        return False
    connection.execute(signal.insert().values(role=role, kind=kind, detail=detail, raised_ms=now_ms))
    return True


def report_event(connection: Connection, *, role: str, kind: str, detail: str, now_ms: int) -> bool:
    """Report something that is over as soon as it happened; False if the same was reported within the hour."""
    # What lies in the future was reported under a clock that has been put back since: it keeps nothing quiet.
    within = signal.c.raised_ms.between(now_ms - _HOUR_MS + 1, now_ms)
    same = (signal.c.kind == kind, signal.c.detail == detail, within)
    if connection.execute(select(signal.c.id).where(*same).limit(1)).first() is not None:
        return False
    times = {"raised_ms": now_ms, "cleared_ms": now_ms}
    connection.execute(signal.insert().values(role=role, kind=kind, detail=detail, **times))
    return True


def hold(connection: Connection, *, role: str, kind: str, detail: str | None, now_ms: int) -> bool:
    """Say how it stands with one kind of trouble that `role` watches: `detail` while there is some, None when not.

    The first words stand for as long as it lasts, because their figures change with every look.

    Returns:
        Whether anything was written.
    """
    mine = (signal.c.role == role, signal.c.kind == kind, signal.c.cleared_ms.is_(None))
    held = connection.execute(select(signal.c.id).where(*mine).limit(1)).first() is not None
    if detail is None:
        if held:
            connection.execute(update(signal).where(*mine).values(cleared_ms=now_ms))
        return held
    if not held:
        connection.execute(signal.insert().values(role=role, kind=kind, detail=detail[:900], raised_ms=now_ms))
    return not held


def held(connection: Connection, role: str) -> set[str]:
    """The kinds of trouble that this role has open."""
    query = select(signal.c.kind).where(signal.c.role == role, signal.c.cleared_ms.is_(None))
    return set(connection.execute(query.distinct()).scalars())


def remember(connection: Connection, name: str, count: int) -> None:
    """Keep a number that a watcher compares with next time, also after a restart."""
    upsert(connection, setting, {"name": f"watch.{name}"}, {"value": count})


def remembered(connection: Connection, name: str) -> int:
    """The number of that name, 0 if none was kept."""
    query = select(setting.c.value).where(setting.c.name == f"watch.{name}")
    return int(connection.execute(query).scalar_one_or_none() or 0)


def clear(connection: Connection, *, kind: str, now_ms: int, detail: str | None = None) -> int:
    """Say that trouble of this kind (and detail) is over; return how many rows that closes."""
    over = update(signal).where(signal.c.kind == kind, signal.c.cleared_ms.is_(None))
    if detail is not None:
        over = over.where(signal.c.detail == detail)
    return connection.execute(over.values(cleared_ms=now_ms)).rowcount
