"""Rotas on record, and who stands in for whom for a while."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.changes import changed
from coldchain.registry.schema_people import rota, rota_override
from coldchain.registry.store import new_id
from coldchain.registry.versioned import Versioned

ROTAS = Versioned(rota, "rota")
LONGEST_MS = 366 * 86_400_000  # of one override


def overrides(connection: Connection, rota_id: str, *, from_ms: int = 0, ended: bool = False) -> list[Row[Any]]:
    """The overrides of a rota that reach beyond `from_ms`, in the order in which they were recorded."""
    mine = (rota_override.c.rota == rota_id, rota_override.c.to_ms > from_ms)
    query = select(rota_override).where(*mine).order_by(rota_override.c.recorded_ms, rota_override.c.id)
    if not ended:
        query = query.where(rota_override.c.ended_ms.is_(None))
    return list(connection.execute(query))


def override(connection: Connection, id_: str) -> Row[Any]:
    """One override.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(select(rota_override).where(rota_override.c.id == id_)).one_or_none()
    if row is None:
        raise NotFound(f"there is no override {id_}")
    return row


def add_override(
    connection: Connection, rota_id: str, *, layer: str | None, person: str, replaces: str | None, from_ms: int,
    to_ms: int, who: str, reason: str | None, now_ms: int, swap: str | None = None, id_: str | None = None,
) -> str:  # fmt: skip
    """Let `person` stand in for a while; returns the override's id. The caller has checked that all of it exists.

    Raises:
        InvalidValue: the times are the wrong way round, lie in the past, or are too far apart.
    """
    if to_ms <= max(from_ms, now_ms):
        raise InvalidValue("to: lies before `from` or in the past; choose a later end")
    if to_ms - from_ms > LONGEST_MS:
        raise InvalidValue("to: is more than a year after `from`; change the rota instead")
    values = {
        "rota": rota_id, "layer": layer, "person": person, "replaces": replaces, "from_ms": from_ms, "to_ms": to_ms,
        "swap": swap,
    }  # fmt: skip
    made = id_ or new_id()
    kept = {"id": made, "recorded_ms": now_ms, "who": who, "reason": reason}
    connection.execute(rota_override.insert().values(**values, **kept))
    changed(
        connection, who=who, now_ms=now_ms, action="rota override added", kind="rota", id=rota_id,
        new={"override": made, **values}, reason=reason,
    )  # fmt: skip
    return made


def end_override(connection: Connection, id_: str, *, who: str, reason: str | None, now_ms: int) -> None:
    """Take an override back, with the other half of its swap; turns are again as the rota says.

    Raises:
        NotFound: there is none.
        InvalidValue: it has been taken back already.
    """
    row = override(connection, id_)
    if row.ended_ms is not None:
        raise InvalidValue("override: has been taken back already")
    both = [one for one in (row.id, row.swap) if one is not None]
    connection.execute(update(rota_override).where(rota_override.c.id.in_(both)).values(ended_ms=now_ms))
    changed(
        connection, who=who, now_ms=now_ms, action="rota override ended", kind="rota", id=row.rota,
        old={"overrides": both}, new={"ended_ms": now_ms}, reason=reason,
    )  # fmt: skip
