"""From a figure of the alarm quality page to the alarms behind it."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from coldchain.registry import alarm_quality, people
from coldchain.registry.alarm_quality_facts import Facts, Period, load
from coldchain.registry.viewer import Permission, Viewer

PERIODS = {"7": "7 days", "28": "4 weeks", "91": "13 weeks", "364": "52 weeks"}
DEFAULT = "28"
_DAY_MS = 24 * 3_600_000
TITLES = {
    "raised": "Raised", "announced": "Announced", "person": "Told to {}", "flood": "In a flood on {}",
    "priority": "Priority {}", "nuisance": "Nuisance", "stale": "Stale", "chattering": "Chattering",
    "cause": "Cause: {}", "logger": "Logger {}", "acknowledged": "Acknowledged", "waiting": "Not acknowledged",
    "channel": "Told by {}", "failed": "Failed by {}", "repeats": "Told again", "twice": "Possibly told twice",
    "drills": "Drills",
}  # fmt: skip


class Behind(NamedTuple):
    """A figure whose alarms are asked for."""

    figure: str
    key: str
    days: str


def period_days(days: object) -> str:
    """A period that is offered; anything else is the usual one."""
    return days if isinstance(days, str) and days in PERIODS else DEFAULT


def facts_of(connection: Connection, days: str, now_ms: int) -> Facts:
    """What happened within the last days."""
    return load(connection, Period(now_ms - int(days) * _DAY_MS, now_ms), now_ms)


def asked(query: Mapping[str, object]) -> Behind | None:
    """The figure whose alarms an address asks for, None if it asks for none."""
    figure, key = query.get("figure"), query.get("key")
    if not isinstance(figure, str) or figure not in TITLES:
        return None
    return Behind(figure, key[:300] if isinstance(key, str) else "", period_days(query.get("days")))


def behind(connection: Connection, viewer: Viewer, wanted: Behind, now_ms: int) -> frozenset[str]:
    """The alarms behind a figure; none for who may not see the figures."""
    if viewer.scoped or not viewer.may(Permission.ASSESS):
        return frozenset()
    return alarm_quality.alarms_behind(facts_of(connection, wanted.days, now_ms), wanted.figure, wanted.key)


def title(connection: Connection, wanted: Behind) -> str:
    """What the list of a figure's alarms is called."""
    key = people.names(connection, {wanted.key}).get(wanted.key, wanted.key)
    return f"{TITLES[wanted.figure].format(key)}, {PERIODS[wanted.days]}"
