"""What a message says: the facts of one alarm at one moment, kept with the outbox row that it is written from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from coldchain.domain.finding import AlarmCondition, Condition, Severity


@dataclass(frozen=True, slots=True)
class SubjectCard:
    """What a person calls the thing that is judged, and where it is."""

    kind: str  # shipment | store | batch | system
    id: str
    label: str  # reference or name
    detail: str = ""  # lane or site
    product: str = ""
    zone: str = "UTC"
    latitude_e7: int | None = None
    longitude_e7: int | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a message is written."""

    id: str
    name: str
    zone: str = "UTC"
    language: str = "en"
    verified: bool = True  # the address that this message goes to
    may_acknowledge: bool = True


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """One alarm as it stood when somebody had to be told. Times are ms UTC, temperatures milli-degrees."""

    alarm: str
    subject: SubjectCard
    cause: str
    condition: str
    severity: int
    onset_ms: int
    logger: str = ""
    channel: str = ""
    end_ms: int | None = None
    value_mc: int | None = None
    peak_mc: int | None = None
    limit_mc: int | None = None
    rules: tuple[str, ...] = ()
    late: bool = False
    monitoring_ended: bool = False

    @property
    def returned(self) -> bool:
        """Whether the condition is over."""
        return self.condition == Condition.RETURNED.value

    @property
    def refuted(self) -> bool:
        """Whether later data took back every rule that had fired."""
        return not self.rules


@dataclass(frozen=True, slots=True)
class Announcement:
    """The content of one outbox row: why, as of when, to whom, about which alarms (several only in a digest)."""

    reason: str
    as_of_ms: int
    reader: Reader
    alarms: tuple[AlarmFacts, ...]
    digest: bool = False
    number: int = 1  # of the announcements of this alarm: 2 and higher are repeats or news

    def as_json(self) -> dict[str, Any]:
        """The form that the outbox keeps."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document


def read_announcement(document: Mapping[str, Any]) -> Announcement:
    """Read back what `Announcement.as_json` wrote."""
    return msgspec.convert(document, Announcement)


def facts_of(alarm: str, condition: AlarmCondition, subject: SubjectCard) -> AlarmFacts:
    """The facts of an alarm's present condition."""
    return AlarmFacts(
        alarm=alarm,
        subject=subject,
        cause=condition.cause,
        condition=condition.condition.value,
        severity=int(condition.severity),
        onset_ms=condition.onset_ms,
        logger=condition.logger,
        channel=condition.channel,
        end_ms=condition.end_ms,
        value_mc=condition.value_mc,
        peak_mc=condition.peak_mc,
        limit_mc=condition.limit_mc,
        rules=condition.rules,
        late=condition.late,
        monitoring_ended=condition.monitoring_ended,
    )


def severity_of(facts: AlarmFacts) -> Severity:
    """The severity as the domain's own kind."""
    return Severity(facts.severity)
