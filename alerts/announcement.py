"""What a message says: the facts of one alarm at one moment, kept with the outbox row that it is written from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    form: str = ""  # proof | drill | notice: not news of an alarm, never put together with others
    group: bool = False  # one message for the news of several alarms
    reasons: tuple[str, ...] = ()  # in a group, of each of `alarms`
    values: Mapping[str, str] = field(default_factory=dict)  # what the wording of a form names
    folded: int = 0  # how many earlier messages that had not left this one stands for as well

    def as_json(self) -> dict[str, Any]:
        """The form that the outbox keeps."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document


def read_announcement(document: Mapping[str, Any]) -> Announcement:
    """Read back what `Announcement.as_json` wrote."""
    return msgspec.convert(document, Announcement)


def together(parts: Sequence[tuple[int, Announcement]]) -> Announcement:
    """One announcement for several (occasion, announcement): of each alarm the newest word, in order of appearance."""
    newest: dict[str, tuple[int, str, AlarmFacts]] = {}
    for occasion, part in parts:
        for facts in part.alarms:
            if facts.alarm not in newest or occasion > newest[facts.alarm][0]:
                newest[facts.alarm] = (occasion, part.reason, facts)
    first, found = parts[0][1], list(newest.values())
    single = len(found) == 1
    return replace(
        first,
        reason=found[0][1] if single else "group",
        as_of_ms=max(part.as_of_ms for _, part in parts),
        alarms=tuple(facts for _, _, facts in found),
        digest=all(part.digest for _, part in parts),
        group=not single,
        reasons=tuple(reason for _, reason, _ in found),
        folded=len(parts) - 1 if single else 0,
        values=next((part.values for _, part in parts if part.values), {}),
    )


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
