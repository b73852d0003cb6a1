"""Findings: what the engine says of a subject. Excursions, breaches, gaps, and the conditions that alarms follow."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple


class SubjectKind(StrEnum):
    """What is judged: goods on their way, a fixed store, or a batch over all its shipments; or the product itself."""

    SHIPMENT = "shipment"
    STORE = "store"
    BATCH = "batch"
    SYSTEM = "system"  # alarms about the product; their rows carry no subject


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """One thing that is judged."""

    kind: SubjectKind
    id: str


class Severity(IntEnum):
    """How bad; ordered, so that the worst is the maximum. `INFO` is recorded only."""

    INFO = 0
    MINOR = 1
    MAJOR = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The name as written in JSON, mails and pages."""
        return self.name.lower()


class Condition(StrEnum):
    """The condition axis of an alarm, from readings in event time; computed in `compliance` and nowhere else."""

    PENDING = "pending"
    ACTIVE = "active"
    RETURNING = "returning"
    RETURNED = "returned"


class SeverityBasis(NamedTuple):
    """What an excursion's severity is the worst of; None where nothing of the kind spoke."""

    rules: Severity | None = None  # the worst rule that fired on it
    matrix: Severity | None = None  # by its peak and `cumulative_ms`
    freeze: Severity | None = None  # freeze-sensitive goods were frozen
    cumulative_ms: int = 0  # time outside on this side, earlier excursions of the channel included


@dataclass(frozen=True, slots=True)
class Excursion:
    """An interval outside the label range, recorded whatever alarms did.

    `onset` and `end` are interpolated crossings of the limit, `onset_sample` the first sample outside. Durations leave
    gaps out (`duration_ms`) or count them in (`duration_upper_ms`). `area` is milli-degrees × milliseconds beyond the
    limit. `end_ms` is None while it is open; an excursion of goods that nobody watches any more is not open.
    """

    id: str
    logger: str
    channel: str
    direction: str  # high | low
    onset_ms: int
    onset_sample_ms: int
    end_ms: int | None
    duration_ms: int
    duration_upper_ms: int
    peak_mc: int
    peak_ms: int
    area_mc_ms: int
    limit_mc: int
    severity: Severity
    late: bool = False
    amends: str | None = None
    latitude_e7: int | None = None  # where it began
    longitude_e7: int | None = None
    peak_latitude_e7: int | None = None
    peak_longitude_e7: int | None = None
    monitoring_ended: bool = False  # `end_ms` is the last reading, still outside: nobody saw the goods come back
    evident_ms: int = field(default=0, compare=False)  # when the first reading outside was recorded; not kept
    custodian: str | None = None  # who held the goods at the onset, as far as it is on record
    leg: str | None = None  # on which leg they were
    # These two follow from the same readings as the figures above, so they never make a version of their own.
    mean_c: float | None = field(default=None, compare=False)  # over the known time outside, nearest float64
    coverage_pct: float | None = field(default=None, compare=False)  # how much of it is backed by readings
    basis: SeverityBasis = field(default=SeverityBasis(), compare=False)  # not kept: the document tells it


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule's condition was met at `fired_ms` (event time)."""

    rule: str
    severity: Severity
    fired_ms: int
    logger: str
    channel: str
    cause: str  # high | low | silence | sensor_fault
    excursion: str | None = None


@dataclass(frozen=True, slots=True)
class AlarmCondition:
    """What is true of one (subject, channel, cause) now: the input of the alert lifecycle, which never sees a reading.

    `onset_ms` is the first sample outside (or the last reading before a silence); `value_mc` the newest judged value.
    `channel` is empty for a logger that sends nothing at all.
    """

    subject: Subject
    logger: str
    channel: str
    cause: str
    condition: Condition
    severity: Severity
    onset_ms: int
    changed_ms: int  # event time at which this condition began
    end_ms: int | None = None
    peak_mc: int | None = None
    value_mc: int | None = None
    limit_mc: int | None = None
    rules: tuple[str, ...] = ()  # of the rules that fired, worst first
    excursions: tuple[str, ...] = ()
    late: bool = False  # what shows it came late (history, a backfill, another profile), or the engine had stood still
    digest: bool = False  # announced in one mail per import instead of at once (arrived or closed subjects, imports)
    monitoring_ended: bool = False  # it is over because nobody watches any more, not because the goods came back
    evident_ms: int = field(default=0, compare=False)  # when all that made it fire was recorded; not kept


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One alarm before and after a step of the engine, handed to the planner inside the engine's transaction."""

    alarm: str
    before: AlarmCondition | None
    after: AlarmCondition


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the engine says of one subject at one moment; equal inputs give equal findings, ids excepted."""

    subject: Subject
    as_of_ms: int
    excursions: tuple[Excursion, ...] = ()
    breaches: tuple[Breach, ...] = ()
    conditions: tuple[AlarmCondition, ...] = ()
    next_due_ms: int | None = None  # when time alone may change the findings: silence, an expiring hold
    document: dict[str, object] = field(default_factory=dict)  # schema coldchain.compliance/1
