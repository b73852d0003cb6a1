"""What a run of the rule lab comes to: how much fires, clears and changes, and the alarms that people would get."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from coldchain.domain.finding import Severity, Subject
from coldchain.domain.quantity import ms_from_iso
from compliance.document import Json

BASIS = (
    "Alarms that are announced × the people who are on call now and may know of the shipment, in the week (of the"
    " person's zone) in which the alarm is raised. Repeats, acknowledgement and shelving are not in it."
)
KINDS = ("excursion", "breach", "alarm", "suggestion", "status")
_SEVERITIES = {severity.word: severity for severity in Severity}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Person(Protocol):
    """Somebody who is told of alarms."""

    @property
    def person(self) -> str:
        """The person's id."""
        ...

    @property
    def name(self) -> str:
        """What the person is called."""
        ...

    @property
    def zone(self) -> str:
        """Where the person's weeks begin, IANA."""
        ...


Audience = Callable[[Connection, Subject, Severity], Sequence[Person]]


class _Week(NamedTuple):
    person: str
    name: str
    week: str  # its Monday


class Tally:
    """Takes what was said of each shipment, in any order; the sum does not depend on it."""

    def __init__(self) -> None:
        self._changes: Counter[tuple[str, str]] = Counter()
        self._load: dict[str, Counter[_Week]] = {"before": Counter(), "after": Counter()}
        self._alarms = Counter[str]()
        self._shipments = self._changed = self._otherwise = 0

    def add(self, connection: Connection, subject: Subject, said: Json, audience: Audience) -> None:
        """Count one shipment in."""
        self._shipments += 1
        self._changed += said["changed"]
        self._otherwise += not said["same_as_recorded"]
        self._changes.update((change["kind"], change["change"]) for change in said["changes"])
        for side, load in self._load.items():
            for alarm in said[side]["alarms"]:
                self._alarms[side] += 1
                told = audience(connection, subject, _SEVERITIES[alarm["severity"]])
                load.update(_Week(one.person, one.name, _monday(alarm["raised"], one.zone)) for one in told)

    def summary(self) -> Json:
        """The sums as JSON."""
        weeks = sorted({*self._load["before"], *self._load["after"]}, key=lambda one: (one.name, one.person, one.week))
        return {
            "shipments": self._shipments,
            "changed": self._changed,
            "not_as_recorded": self._otherwise,
            "changes": {
                kind: {what: self._changes[(kind, what)] for what in ("fires", "cleared", "changed")} for kind in KINDS
            },
            "alarms": {side: self._alarms[side] for side in ("before", "after")},
            "alarm_load": [
                {**one._asdict(), "before": self._load["before"][one], "after": self._load["after"][one]}
                for one in weeks
            ],
            "alarm_load_basis": BASIS,
        }


def _monday(moment: str, zone: str) -> str:
    """The date of the Monday of a moment's week in a zone."""
    at = (_EPOCH + timedelta(milliseconds=ms_from_iso(moment))).astimezone(ZoneInfo(zone))
    return (at.date() - timedelta(days=at.weekday())).isoformat()
