"""Trouble that a role reports: one open row per kind and detail, however often it is seen."""

from sqlalchemy import Connection, select, update

from coldchain.registry.schema import signal

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
    same = (signal.c.kind == kind, signal.c.detail == detail, signal.c.raised_ms > now_ms - _HOUR_MS)
    if connection.execute(select(signal.c.id).where(*same).limit(1)).first() is not None:
        return False
    times = {"raised_ms": now_ms, "cleared_ms": now_ms}
    connection.execute(signal.insert().values(role=role, kind=kind, detail=detail, **times))
    return True


def clear(connection: Connection, *, kind: str, now_ms: int, detail: str | None = None) -> int:
    """Say that trouble of this kind (and detail) is over; return how many rows that closes."""
    over = update(signal).where(signal.c.kind == kind, signal.c.cleared_ms.is_(None))
    if detail is not None:
        over = over.where(signal.c.detail == detail)
    return connection.execute(over.values(cleared_ms=now_ms)).rowcount
