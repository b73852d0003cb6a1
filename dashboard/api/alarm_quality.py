"""Alarm quality: how well the alarms serve the people who get them, and the alarms behind each figure."""

from typing import Annotated, Any, Literal

from fastapi import Query
from fastapi.responses import Response

from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry import alarm_quality, alarms
from coldchain.registry.alarm_quality_facts import Facts, Period, load
from coldchain.registry.alarms import AlarmFilter
from coldchain.registry.viewer import Permission
from dashboard.api.request import Caller, Cursor, From, Limit, To, Web, instant, list_reply, reply, shown_as
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services

_DAY_MS = 24 * 3_600_000
_LONGEST_MS = 366 * _DAY_MS
Within = Annotated[int, Query(ge=1, le=60, description="an alarm that is over sooner, before any act, is a nuisance")]
Figure = Literal[
    "raised", "announced", "person", "flood", "priority", "nuisance", "stale", "chattering", "cause", "logger",
    "acknowledged", "waiting", "channel", "failed", "repeats", "twice", "drills",
]  # fmt: skip


def quality(web: Web, from_: From = None, to: To = None, nuisance_min: Within = 5) -> Response:
    """Load per person, priorities, nuisance, answers, deliveries and drills; 28 days up to now by default."""
    facts = _facts(web, from_, to)
    found = alarm_quality.document(facts, nuisance_min * alarm_quality.MINUTE_MS)
    for person in found["people"]:
        fullest = person.pop("fullest_ms")
        person["fullest"] = None if fullest is None else iso(fullest)
    period = {"from": iso(facts.period.from_ms), "to": iso(facts.period.to_ms)}
    return reply({"schema": "coldchain.alarm_quality/1", "period": period, "as_of": iso(facts.now_ms), **found})


def behind(
    web: Web, viewer: Caller, figure: Figure, key: Annotated[str, Query(max_length=300)] = "", from_: From = None,
    to: To = None, nuisance_min: Within = 5, limit: Limit = 100, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """The alarms behind one figure, newest first; `key` is the person, band, cause, logger or channel."""
    facts = _facts(web, from_, to)
    ids = alarm_quality.alarms_behind(facts, figure, key, nuisance_min * alarm_quality.MINUTE_MS)
    with web.registry.read() as connection:
        return list_reply(alarms.alarms(connection, viewer, AlarmFilter(among=ids), cursor, limit))


def _facts(web: Services, from_: str | None, to: str | None) -> Facts:
    """What happened within the period.

    Raises:
        InvalidValue: a time that is none, or a period that is empty or longer than a year.
    """
    start, end = instant("from", from_), instant("to", to)
    now_ms = web.clock.now_ms()
    to_ms = now_ms if end is None else end
    period = Period(to_ms - 28 * _DAY_MS if start is None else start, to_ms)
    if not 0 < period.to_ms - period.from_ms <= _LONGEST_MS:
        raise InvalidValue("from: must lie before `to`, by a year at most")
    with web.registry.read() as connection:
        return load(connection, period, now_ms)


_EXAMPLE: dict[str, Any] = {
    "schema": "coldchain.alarm_quality/1", "raised": 41, "announced": 18, "messages": 96,
    "people": [{"name": "Ada Novak", "alarms": 18, "announcements": 22, "per_week": 5.5, "per_10_min": 0.005,
                "most_in_10_min": 3, "fullest": "2026-01-05T11:20:00.000Z", "floods": 0}],
    "nuisance": {"alarms": 2, "share_pct": 11.1, "within_min": 5},
    "answers": {"alarms": 15, "waiting": 1, "to_acknowledge_median_s": 190.0, "to_acknowledge_p90_s": 840.0},
}  # fmt: skip
_MAY = may(Permission.ASSESS, unscoped=True)
_ALARM = {"id": "f2b6c1de-1d5e-4d0a-8a0a-7f4f7a1f0e11", "cause": "high", "severity": "major"}
ENDPOINTS = (
    Endpoint("GET", f"{API}/alarm-quality", quality, _MAY, shown_as("The figures", _EXAMPLE)),
    Endpoint("GET", f"{API}/alarm-quality/alarms", behind, _MAY, shown_as("A page", _ALARM, many=True)),
)
