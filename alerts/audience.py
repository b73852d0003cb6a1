"""Who would be told of an alarm, by the routing that there is: for planning ahead, nothing is queued here."""

from typing import NamedTuple

from sqlalchemy import Connection

from alerts.decisions import ANNOUNCED_FROM
from alerts.subjects import visible_to
from coldchain.domain.finding import Severity, Subject
from coldchain.registry import contacts


class Told(NamedTuple):
    """Somebody who is told, and the zone in which that person's weeks begin."""

    person: str
    name: str
    zone: str


def audience(connection: Connection, subject: Subject, severity: Severity, now_ms: int) -> list[Told]:
    """Everybody on call now who may know of the subject, if alarms of this severity are announced at all."""
    if severity < ANNOUNCED_FROM:
        return []
    on_call = contacts.on_call(connection, now_ms)
    return [Told(one.id, one.name, one.zone) for one in on_call if visible_to(connection, subject, one)]
