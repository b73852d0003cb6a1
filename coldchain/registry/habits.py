"""When somebody reads what may wait: a daily time, working hours, quiet hours. Nothing major or critical waits."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, null, select, update

from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.changes import changed
from coldchain.registry.contacts import Habits
from coldchain.registry.schema import person

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", re.ASCII)
_PAIR = 2


def checked(
    digest_at: str | None, working_hours: Mapping[str, Any] | None, quiet_hours: Sequence[Any] | None
) -> Habits:
    """Habits that can be kept.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    if digest_at is not None and not _CLOCK.match(digest_at):
        raise InvalidValue(f"digest_at: {digest_at[:20]!r} is no time of day: write 07:30, or null for no digest")
    works: dict[str, list[str]] = {}
    for day, span in (working_hours or {}).items():
        if day not in DAYS:
            raise InvalidValue(f"working_hours: {day[:20]!r} is no day: use {', '.join(DAYS)}")
        works[day] = _span(f"working_hours.{day}", span)
        if works[day][0] >= works[day][1]:
            raise InvalidValue(f"working_hours.{day}: ends at {works[day][1]} and begins at {works[day][0]}: end later")
    quiet = None if quiet_hours is None else _span("quiet_hours", quiet_hours)
    return Habits(digest_at, works or None, quiet)


def keep(connection: Connection, id_: str, habits: Habits, *, who: str, now_ms: int) -> None:
    """Put somebody's habits on record; they count for the next digest.

    Raises:
        NotFound: no such person.
    """
    columns = (person.c.digest_at, person.c.working_hours, person.c.quiet_hours)
    before = connection.execute(select(*columns).where(person.c.id == id_)).mappings().one_or_none()
    if before is None:
        raise NotFound(f"no person {id_}")
    values = {name: null() if value is None else value for name, value in habits._asdict().items()}
    connection.execute(update(person).where(person.c.id == id_).values(**values))
    changed(
        connection, who=who, now_ms=now_ms, action="person's hours changed", kind="person", id=id_, old=dict(before),
        new=habits._asdict(),
    )  # fmt: skip


def _span(name: str, given: Any) -> list[str]:
    span = list(given) if isinstance(given, list | tuple) else []
    if len(span) != _PAIR or not all(isinstance(one, str) and _CLOCK.match(one) for one in span):
        raise InvalidValue(f'{name}: {given!r} is no pair of times: write ["08:00", "17:00"]')
    return span
