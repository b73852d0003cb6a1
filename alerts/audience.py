"""Who would be told of an alarm, by the routing that there is: for planning ahead, nothing is queued here."""

from typing import NamedTuple

from sqlalchemy import Connection

from alerts.decisions import ANNOUNCED_FROM
from alerts.reach import EVERYBODY, Seeker
from alerts.rulebook import Rulebook
from alerts.subjects import routed
from coldchain.domain.finding import Severity, Subject


class Told(NamedTuple):
    """Somebody who is told, and the zone in which that person's weeks begin."""

    person: str
    name: str
    zone: str


def audience(connection: Connection, subject: Subject, severity: Severity, now_ms: int) -> list[Told]:
    """The people whom an alarm of this severity reaches first, by the routes and policies that there are now."""
    if severity < ANNOUNCED_FROM:
        return []
    book = Rulebook(connection, now_ms)
    seeker = Seeker(connection, book, routed(connection, subject, severity, "", now_ms), subject, now_ms)
    picked = book.routing.pick(seeker.alarm)
    policy = None if picked.policy is None else book.policy(picked.policy)
    reached = [seeker.reach(EVERYBODY)] if policy is None else [reach for _, reach in seeker.climb(policy, 0)]
    people = [heard.recipient for reach in reached for heard in reach.heard if heard.recipient.kind == "person"]
    return [Told(one.id, one.name, one.zone) for one in people]
