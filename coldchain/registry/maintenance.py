"""What is out of service: a store, a shipment, a logger or one of its channels, by a work order, until a moment."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.changes import changed
from coldchain.registry.schema import logger as logger_table
from coldchain.registry.schema import shipment, store
from coldchain.registry.schema_people import out_of_service as table
from coldchain.registry.store import new_id

LONGEST_MS = 92 * 86_400_000  # further work is entered anew: nothing is out of service for ever
_SUBJECTS = {SubjectKind.SHIPMENT.value: shipment, SubjectKind.STORE.value: store}


class Stretch(NamedTuple):
    """Of which logger and channel (None: of any) the readings of start ≤ event time < end were out of service."""

    logger: str | None
    channel: str | None
    start_ms: int
    end_ms: int

    def covers(self, channel: str, time_ms: int) -> bool:
        """Whether a reading of that channel and moment fell into the work."""
        return self.channel in (None, channel) and self.start_ms <= time_ms < self.end_ms


def begin(
    connection: Connection, *, subject: Subject | None, logger: str | None, channel: str | None, work_order: str,
    reason: str, from_ms: int, until_ms: int, who: str, now_ms: int,
) -> str:  # fmt: skip
    """Enter a stretch of work; returns its id. Its alarms are the caller's to set aside.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    _known(connection, subject, logger, channel)
    for name, text in (("work_order", work_order), ("reason", reason)):
        if not text.strip():
            raise InvalidValue(f"{name}: is empty; say by which order and why it is out of service")
    if until_ms <= max(from_ms, now_ms):
        raise InvalidValue("until: lies before `from` or in the past; choose a later end")
    if until_ms - now_ms > LONGEST_MS:
        raise InvalidValue("until: is more than 92 days away; enter further work when it comes to that")
    id_ = new_id()
    values = {
        "subject_kind": None if subject is None else subject.kind.value, "logger": logger, "channel": channel,
        "subject_id": None if subject is None else subject.id, "work_order": work_order.strip(),
        "reason": reason.strip(), "from_ms": from_ms, "until_ms": until_ms,
    }  # fmt: skip
    connection.execute(table.insert().values(id=id_, who=who, recorded_ms=now_ms, reminded_ms=now_ms, **values))
    changed(
        connection, who=who, now_ms=now_ms, action="out of service", kind="maintenance", id=id_, new=values,
        reason=reason,
    )  # fmt: skip
    return id_


def end(connection: Connection, id_: str, *, who: str, reason: str | None, now_ms: int) -> Row[Any]:
    """Put it back into service before its time; returns the row as it is then.

    Raises:
        NotFound: there is none.
        InvalidValue: it has ended.
    """
    row = get(connection, id_)
    if row.ended_ms is not None or row.until_ms <= now_ms:
        raise InvalidValue("maintenance: has ended already")
    connection.execute(update(table).where(table.c.id == id_).values(ended_ms=now_ms, ended_by=who))
    changed(
        connection, who=who, now_ms=now_ms, action="back in service", kind="maintenance", id=id_,
        old={"until_ms": row.until_ms}, new={"ended_ms": now_ms}, reason=reason,
    )  # fmt: skip
    return get(connection, id_)


def get(connection: Connection, id_: str) -> Row[Any]:
    """One stretch of work.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(select(table).where(table.c.id == id_)).one_or_none()
    if row is None:
        raise NotFound(f"there is no maintenance {id_}")
    return row


def listed(connection: Connection, *, at_ms: int | None = None) -> list[Row[Any]]:
    """Every stretch of work, or those that hold at a moment, the newest first."""
    query = select(table) if at_ms is None else select(table).where(_holds(at_ms))
    return list(connection.execute(query.order_by(table.c.recorded_ms.desc(), table.c.id)))


def covering(
    connection: Connection, subject: Subject, logger: str | None, channel: str | None, at_ms: int
) -> Row[Any] | None:
    """What takes a channel of a subject out of service at a moment, the one that ends last; None if nothing does.

    For the badge of views and exports, and for who announces alarms.
    """
    whole = and_(table.c.subject_kind == subject.kind.value, table.c.subject_id == subject.id)
    conditions = [whole]
    if logger:
        every = table.c.channel.is_(None)
        conditions.append(and_(table.c.logger == logger, or_(every, table.c.channel == channel) if channel else every))
    query = select(table).where(_holds(at_ms), or_(*conditions))
    return connection.execute(query.order_by(table.c.until_ms.desc()).limit(1)).one_or_none()


def of_subject(
    rows: Iterable[Row[Any]], *, subject: Subject | None = None, logger: str | None = None
) -> Row[Any] | None:  # fmt: skip
    """Of stretches that were read once for a list: the one on a subject or a logger that ends last; None without any.

    Work on single channels counts for their logger.
    """
    mine = [
        row for row in rows
        if (logger is not None and row.logger == logger)
        or (subject is not None and (row.subject_kind, row.subject_id) == (subject.kind.value, subject.id))
    ]  # fmt: skip
    return max(mine, key=lambda row: int(row.until_ms), default=None)


def touched(
    rows: Iterable[Row[Any]], subject: Subject, logger: str, channel: str, start_ms: int, end_ms: int | None
) -> bool:  # fmt: skip
    """Of stretches that were read once for a list: whether one took this channel out of service at any moment of it."""
    return any(
        ((row.subject_kind, row.subject_id) == (subject.kind.value, subject.id)
         or (row.logger == logger and row.channel in (None, channel)))
        and (end_ms is None or row.from_ms < end_ms)
        and start_ms < (row.until_ms if row.ended_ms is None else row.ended_ms)
        and row.from_ms < (row.until_ms if row.ended_ms is None else row.ended_ms)
        for row in rows
    )  # fmt: skip


def stretches(connection: Connection, *, subject: Subject | None = None) -> list[Stretch]:
    """When loggers were out of service, and this subject with all of its loggers; for what is exported."""
    named: ColumnElement[bool] = table.c.logger.is_not(None)
    if subject is not None:
        whole = and_(table.c.subject_kind == subject.kind.value, table.c.subject_id == subject.id)
        named = or_(named, whole)
    rows = connection.execute(select(table).where(named).order_by(table.c.from_ms, table.c.id))
    found = (
        Stretch(row.logger, row.channel, row.from_ms, row.until_ms if row.ended_ms is None else row.ended_ms)
        for row in rows
    )
    return [one for one in found if one.start_ms < one.end_ms]


def to_remind(connection: Connection, now_ms: int, every_ms: int) -> list[Row[Any]]:
    """The stretches of which nobody has been reminded for so long; they are marked as told now."""
    overdue = or_(table.c.reminded_ms <= now_ms - every_ms, table.c.reminded_ms > now_ms)
    found = list(connection.execute(select(table).where(_holds(now_ms), overdue)))
    for row in found:
        connection.execute(update(table).where(table.c.id == row.id).values(reminded_ms=now_ms))
    return found


def _holds(at_ms: int) -> ColumnElement[bool]:
    # What was entered in the future was entered by a clock that has been put back: it may not hold any longer by that.
    entered = and_(table.c.recorded_ms <= at_ms, table.c.ended_ms.is_(None))
    return and_(entered, table.c.from_ms <= at_ms, table.c.until_ms > at_ms)


def _known(connection: Connection, subject: Subject | None, logger: str | None, channel: str | None) -> None:
    if (subject is None) == (logger is None):
        raise InvalidValue("subject: name either a shipment or store, or a logger")
    if channel is not None and logger is None:
        raise InvalidValue("channel: belongs to a logger; name that as well")
    if subject is not None:
        of = _SUBJECTS.get(subject.kind.value)
        if of is None or connection.execute(select(of.c.id).where(of.c.id == subject.id)).first() is None:
            raise InvalidValue(f"subject: there is no {subject.kind.value} {subject.id[:60]!r}")
    elif connection.execute(select(logger_table.c.id).where(logger_table.c.id == logger)).first() is None:
        raise InvalidValue(f"logger: {str(logger)[:60]!r} is not registered")
