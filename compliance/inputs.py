"""What the engine is given: a subject, its product profile, and its bound channels with the readings known so far."""

from dataclasses import dataclass
from typing import NamedTuple

from coldchain.domain.finding import Subject
from coldchain.domain.profile import ProductProfile
from coldchain.domain.shipment import Role
from coldchain.domain.track import Track

DEFAULT_INTERVAL_MS = 10 * 60_000  # until a logger's interval is declared or can be estimated


class Span(NamedTuple):
    """A half-open stretch of event time; `end_ms` None means that it has not ended."""

    start_ms: int
    end_ms: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """One channel that stands for the subject, with every reading inside its binding intervals.

    `judged` are the stretches that count, disjoint and in order: the binding intervals without excluded stages. The
    engine estimates the interval from the readings when it is None; `cadence` holds (from, interval) where it was set
    anew, the last of them being `interval_ms`.
    """

    track: Track
    judged: tuple[Span, ...]
    role: Role = Role.PRODUCT
    interval_ms: int | None = None
    interval_source: str = "declared"
    cadence: tuple[tuple[int, int], ...] = ()
    positions: Track | None = None  # of the same logger, where its positions ride on another channel

    @property
    def logger(self) -> str:
        """The logger's id."""
        return self.track.logger

    @property
    def channel(self) -> str:
        """The channel's name."""
        return self.track.channel


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything that findings depend on beside `as_of`; equal inputs give equal findings.

    `silence` says whether a logger that says nothing is trouble: not for a file, nor for goods that have arrived.
    After `ended_ms` (arrival) missing readings are no longer unknown time, though those that come still count.
    """

    subject: Subject
    profile: ProductProfile
    bounds: tuple[Bound, ...]
    silence: bool = True
    ended_ms: int | None = None
    stages: tuple[tuple[str, Span], ...] = ()  # where the goods were when, as far as it is on record
    quiet: tuple[Span, ...] = ()  # planned stretches without radio: silence is judged two hours after their ends
    zone: str = "UTC"  # of the site: a store's, or of the place that a shipment leaves from
    since_ms: int = 0  # of a store: what lies before is left out here, so it is not where anything began
    holders: tuple[tuple[str, Span], ...] = ()  # who had the goods in their custody when, as far as it is on record
    legs: tuple[tuple[str, Span], ...] = ()  # on which leg they were when, likewise
