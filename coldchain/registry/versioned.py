"""Rules that people write and change, kept version by version with who and why: escalation policies and rotas.

What a body must say is checked by who calls (`alerts.rulebook_changes`); here it is kept, counted and audited.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, select, update

from coldchain.errors import InvalidValue, NotFound, Stale
from coldchain.registry.changes import changed


class Stored(NamedTuple):
    """One version with its history; `body` is as it was written."""

    id: str
    version: int
    name: str
    body: dict[str, Any]
    recorded_ms: int
    who: str
    reason: str | None
    retired_ms: int | None


class Versioned:
    """The versions of one kind of rules."""

    def __init__(self, table: Table, what: str) -> None:
        """`what` is the kind's name, for the audit trail and for messages."""
        self._table = table
        self._what = what

    def add(
        self, connection: Connection, id_: str, body: dict[str, Any], *, who: str, reason: str | None, now_ms: int,
        version: int | None = None,
    ) -> Stored:  # fmt: skip
        """Store the next version, which brings a retired one back; `version`, if given, must be the next one.

        Raises:
            InvalidValue: a further version has no reason.
            Stale: somebody else has stored a version meanwhile.
        """
        newest = self.newest_version(connection, id_)
        expected = (newest or 0) + 1
        if version is not None and version != expected:
            raise Stale(f"version = {version} of {id_} is not the next one: look at it again, send {expected}")
        if newest is not None and not (reason or "").strip():
            raise InvalidValue(f"reason is missing: say why the {self._what} changes")
        before = None if newest is None else self.get(connection, id_).body
        named = {"id": id_, "version": expected, "name": str(body.get("name", id_))}
        times = {"recorded_ms": now_ms, "who": who, "reason": reason}
        connection.execute(self._table.insert().values(**named, **times, body=body))
        connection.execute(update(self._table).where(self._table.c.id == id_).values(retired_ms=None))
        changed(
            connection, who=who, now_ms=now_ms, action=f"{self._what} changed" if newest else f"{self._what} added",
            kind=self._what, id=f"{id_}@{expected}", old=before, new=body, reason=reason,
        )  # fmt: skip
        return self.get(connection, id_)

    def retire(self, connection: Connection, id_: str, *, who: str, reason: str, now_ms: int) -> Stored:
        """Take it out of use; its versions stay on record.

        Raises:
            NotFound: there is none.
            InvalidValue: no reason, or it is retired already.
        """
        found = self.get(connection, id_)
        if not reason.strip():
            raise InvalidValue(f"reason is missing: say why the {self._what} goes out of use")
        if found.retired_ms is not None:
            raise InvalidValue(f"id = {id_!r} is retired already: its next version brings it back")
        connection.execute(update(self._table).where(self._table.c.id == id_).values(retired_ms=now_ms))
        changed(
            connection, who=who, now_ms=now_ms, action=f"{self._what} retired", kind=self._what, id=id_,
            new={"retired_ms": now_ms}, reason=reason,
        )  # fmt: skip
        return self.get(connection, id_)

    def newest_version(self, connection: Connection, id_: str) -> int | None:
        """The number of the newest version, None if there is none."""
        query = select(func.max(self._table.c.version)).where(self._table.c.id == id_)
        newest: int | None = connection.execute(query).scalar_one()
        return newest

    def get(self, connection: Connection, id_: str, version: int | None = None) -> Stored:
        """One version, the newest by default.

        Raises:
            NotFound: there is no such one.
        """
        query = select(self._table).where(self._table.c.id == id_)
        if version is not None:
            query = query.where(self._table.c.version == version)
        row = connection.execute(query.order_by(self._table.c.version.desc()).limit(1)).one_or_none()
        if row is None:
            raise NotFound(f"there is no {self._what} {id_}" + ("" if version is None else f" version {version}"))
        return Stored(*row)

    def history(self, connection: Connection, id_: str) -> list[Stored]:
        """Every version, the newest first.

        Raises:
            NotFound: there is none.
        """
        query = select(self._table).where(self._table.c.id == id_).order_by(self._table.c.version.desc())
        if not (found := [Stored(*row) for row in connection.execute(query)]):
            raise NotFound(f"there is no {self._what} {id_}")
        return found

    def listed(self, connection: Connection, *, retired: bool = False) -> list[Stored]:
        """The newest version of each by id; those that are retired only if asked for."""
        rows = connection.execute(select(self._table).order_by(self._table.c.id, self._table.c.version))
        newest = {row.id: Stored(*row) for row in rows}
        return [one for one in newest.values() if retired or one.retired_ms is None]
