"""MQTT topics that a person asked to listen to at the broker, beside those of the carriers."""

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from coldchain.domain.topics import checked_filter
from coldchain.errors import NotFound
from coldchain.registry.changes import changed
from coldchain.registry.people import checked_text
from coldchain.registry.schema import topic_filter
from coldchain.registry.store import upsert


class TopicFilter(NamedTuple):
    """A topic filter that is, or was, listened to."""

    filter: str
    note: str | None
    recorded_ms: int
    who: str
    ended_ms: int | None


def add(connection: Connection, filter: str, *, who: str, now_ms: int, note: str | None = None) -> None:  # noqa: A002
    """Listen to `filter` from now on; the subscriber takes it up within seconds.

    Raises:
        InvalidValue: it is no MQTT topic filter.
    """
    plain = checked_filter(filter)
    about = None if note is None else checked_text("note", note, 500)
    values = {"note": about, "recorded_ms": now_ms, "who": who, "ended_ms": None}
    upsert(connection, topic_filter, {"filter": plain}, values)
    changed(connection, who=who, now_ms=now_ms, action="topic added", kind="topic", id=plain, new={"note": about})


def end(connection: Connection, filter: str, *, who: str, now_ms: int) -> None:  # noqa: A002
    """Listen to `filter` no longer.

    Raises:
        NotFound: nobody asked to listen to it.
    """
    here = (topic_filter.c.filter == filter, topic_filter.c.ended_ms.is_(None))
    if connection.execute(update(topic_filter).where(*here).values(ended_ms=now_ms)).rowcount == 0:
        raise NotFound(f"nobody listens to topic {filter[:80]!r}")
    changed(connection, who=who, now_ms=now_ms, action="topic ended", kind="topic", id=filter)


def wanted(connection: Connection) -> list[str]:
    """The filters to listen to now."""
    here = topic_filter.c.ended_ms.is_(None)
    return list(connection.execute(select(topic_filter.c.filter).where(here).order_by(topic_filter.c.filter)).scalars())


def listed(connection: Connection) -> list[TopicFilter]:
    """Every filter, ended ones included, newest first."""
    query = select(topic_filter).order_by(topic_filter.c.recorded_ms.desc(), topic_filter.c.filter)
    return [TopicFilter(*row) for row in connection.execute(query)]
