"""What goods tolerate and which rules watch over them: a product profile with its alarm profile, as values.

Limits are milli-degrees (or 0.001 % RH for humidity rules), durations milliseconds. `profile_format` reads them.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from coldchain.domain.finding import Severity
from coldchain.domain.quantity import milli_text

FROZEN_CLASSES = frozenset({"freezer", "ultra_low", "cryogenic"})
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
SITE = "site"  # the zone of a calendar window that is the subject's own


class RuleKind(StrEnum):
    """How a rule decides."""

    INSTANT = "instant"
    CONSECUTIVE = "consecutive"
    CUMULATIVE = "cumulative"
    RATE = "rate"
    NO_DATA = "no_data"
    BUDGET_BELOW = "budget_below"
    MKT_HEADROOM_BELOW = "mkt_headroom_below"


class Direction(StrEnum):
    """Which side of a limit is outside."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Range:
    """A closed range of milli-degrees that may lack either limit."""

    low_mc: int | None = None
    high_mc: int | None = None

    def limit(self, direction: Direction) -> int | None:
        """The limit of one side, None where there is none."""
        return self.high_mc if direction is Direction.HIGH else self.low_mc

    def text(self) -> str:
        """The range as people write it: "2 … 8 °C", "up to 25 °C"."""
        low = None if self.low_mc is None else milli_text(self.low_mc)
        high = None if self.high_mc is None else milli_text(self.high_mc)
        if low is None:
            return f"up to {high} °C"
        return f"from {low} °C" if high is None else f"{low} … {high} °C"


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time over which a cumulative rule sums: rolling, or calendar days of a zone.

    The zone `site` stands for that of the store, or of the place that a shipment leaves from.
    """

    length_ms: int
    calendar: bool = False
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Rule:
    """One versioned condition; `limit` is None for kinds that compare no measured value."""

    id: str
    kind: RuleKind
    severity: Severity
    quantity: str = "temperature"  # temperature | humidity
    direction: Direction | None = None
    limit: int | None = None  # rate: milli-degrees per hour
    inclusive: bool = False
    hold_ms: int = 0
    confirm_readings: int = 1
    window: Window | None = None
    reset: str = "never"  # never | on_return | window
    hysteresis: int = 500
    clear_hold_ms: int = 10 * MINUTE_MS
    stages: tuple[str, ...] = ()  # empty: in every stage that is judged
    factor: Decimal = Decimal(3)  # no_data: multiples of the interval
    below: Decimal = Decimal(0)  # budget_below: percent left; mkt_headroom_below: hours left
    counts: str = "time"  # what a hold is measured in: time, or readings outside × the interval
    ignore_start_ms: int = 0  # after the first judged reading: recorded, but this rule does not look yet
    ignore_end_ms: int = 0  # likewise before the end of the judged time, once that has come


@dataclass(frozen=True, slots=True)
class Band:
    """Time that the goods may spend between two temperatures outside the label; None = no limit of its own."""

    range: Range
    allowed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SeverityBand:
    """One row of a severity matrix: how bad an excursion is whose peak reached `peak_mc`, by the time outside so far.

    `after_ms` pairs times with severities, shortest first; before the shortest one the row says nothing.
    """

    direction: Direction
    peak_mc: int
    after_ms: tuple[tuple[int, Severity], ...]


@dataclass(frozen=True, slots=True)
class FreezeEvent:
    """When goods that must not freeze count as frozen: readings at or below a limit, confirmed by more or by time."""

    limit_mc: int = -500
    confirm_readings: int = 2
    hold_ms: int = HOUR_MS
    severity: Severity = Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class MktWindow:
    """A length over which the mean kinetic temperature must not pass a limit."""

    id: str
    length_ms: int
    limit_mc: int


@dataclass(frozen=True, slots=True)
class BesideTheGoods:
    """From when on light and shock are told beside the goods, in thousandths of a lux and of g.

    Nothing is judged by it. The usual limits are proposals: lit like a corridor, a drop from knee height.
    """

    light_mlux: int = 10_000
    shock_mg: int = 5_000


@dataclass(frozen=True, slots=True)
class ProductProfile:
    """What a product tolerates; versioned data that a customer's quality unit approves."""

    id: str
    version: int
    name: str
    storage_class: str
    label: Range
    transport: Range | None = None
    freeze_sensitive: bool = False
    delta_h_kj_mol: Decimal = Decimal("83.144")
    gas_constant: Decimal = Decimal("0.0083144")  # kJ/(mol·K)
    gap_warming_mc_per_min: int = 500
    budget: tuple[Band, ...] = ()
    windows: tuple[MktWindow, ...] = ()
    severity_matrix: tuple[SeverityBand, ...] = ()
    freeze: FreezeEvent | None = None  # of freeze-sensitive goods
    alarm_profile: str = ""
    rules: tuple[Rule, ...] = ()
    beside: BesideTheGoods = BesideTheGoods()
    proposal: bool = False  # not yet approved by anybody's quality unit
    config_hash: str = field(default="", compare=False)

    @property
    def frozen(self) -> bool:
        """Whether the goods are kept frozen, where a mean kinetic temperature means nothing.

        By their storage class, or by a label range that ends below freezing, whatever its class is called.
        """
        high = self.label.high_mc
        return self.storage_class in FROZEN_CLASSES or (high is not None and high < 0)

    @property
    def mkt_relief(self) -> bool:
        """Whether the storage class lets a mean kinetic temperature excuse a short high excursion."""
        return bool(self.windows)

    @property
    def ratio(self) -> Decimal:
        """ΔH/R in kelvin."""
        return self.delta_h_kj_mol / self.gas_constant
