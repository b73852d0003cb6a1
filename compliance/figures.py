"""The figures of one channel: extremes, mean, time in range, mean kinetic temperature, budget; exact until printed."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from coldchain.domain.profile import Band, Direction, MktWindow, ProductProfile
from compliance import mkt
from compliance.excursions import Outside, outside
from compliance.mkt_sums import Cumulated
from compliance.mkt_windows import WindowMean, Windows
from compliance.trace import Trace, exact


class TimeInRange(NamedTuple):
    """Extremes and mean in thousandths of the unit, times in milliseconds; unknown time is in none of the others."""

    low: int | None
    high: int | None
    mean: Fraction | None
    in_range_ms: int
    above_ms: int
    below_ms: int
    unknown_ms: int


class WindowFigure(NamedTuple):
    """The mean kinetic temperature around one excursion: the hottest window and the trailing one."""

    window: MktWindow
    excursion: int  # position among the high excursions of the channel
    worst: WindowMean
    worst_c: float
    trailing: WindowMean
    trailing_c: float | None


@dataclass(frozen=True, slots=True)
class MktFigures:
    """The mean kinetic temperature with its bounds, or the reason why there is none."""

    value_c: float | None
    reason: str | None
    lower_c: float | None = None
    upper_c: float | None = None
    windows: tuple[WindowFigure, ...] = ()


class Charge(NamedTuple):
    """A stretch of time that a band was charged with; `used_ms` leaves its gaps out, `upper_ms` counts them in."""

    from_ms: int
    to_ms: int
    used_ms: int
    upper_ms: int
    running: bool  # no reading has shown its end so far


class BandUse(NamedTuple):
    """How much of one band of the stability budget is used; time in hotter bands charges the milder ones too."""

    band: Band
    charges: tuple[Charge, ...] = ()

    @property
    def used_ms(self) -> int:
        """What is known to be used; unknown time may have used more."""
        return sum(charge.used_ms for charge in self.charges)


def time_in_range(trace: Trace, above: list[Outside], below: list[Outside]) -> TimeInRange:
    """Extremes and time-weighted mean, and how long the channel was inside, above and below its label range."""
    above_ms = sum(stretch.duration_ms for stretch in above)
    below_ms = sum(stretch.duration_ms for stretch in below)
    unknown_ms = sum(end - start for start, end in trace.gaps())
    if len(trace) == 0:
        return TimeInRange(None, None, None, 0, 0, 0, unknown_ms)
    return TimeInRange(
        trace.lowest,
        trace.highest,
        mean(trace),
        trace.known_ms - above_ms - below_ms,
        above_ms,
        below_ms,
        unknown_ms,
    )


def mean(trace: Trace) -> Fraction | None:
    """The mean over known time by trapezoid; None without known time."""
    known_ms = trace.known_ms
    if known_ms == 0:
        return None
    # A trapezoid weighs each sample by the known time on both its sides.
    twice = np.dot(exact(trace.value, trace.time_ms), trace.weights)
    return Fraction(int(twice), 2 * known_ms)


def nearest(milli: Fraction) -> float:
    """The nearest float64 of an exact figure in thousandths, in whole units."""
    return milli.numerator / (milli.denominator * 1000)


def window_sums(profile: ProductProfile, trace: Trace) -> Cumulated | None:
    """What windows are summed from; None where no window is watched, or nothing was warm enough to need one."""
    if not profile.windows or profile.frozen or not mkt.in_domain(trace):
        return None
    if trace.highest <= min(window.limit_mc for window in profile.windows):
        return None
    return Cumulated(profile.ratio, trace)


def mkt_figures(profile: ProductProfile, trace: Trace, above: list[Outside], sums: Cumulated | None) -> MktFigures:
    """The mean kinetic temperature over all judged time and over the windows around high excursions."""
    reason = _not_applicable(profile, trace)
    if reason is not None:
        return MktFigures(None, reason)
    ratio = profile.ratio
    inside = mkt.known(ratio, trace)
    value_c = lower_c = upper_c = mkt.celsius(ratio, inside)
    if trace.gaps():
        lower, upper = mkt.bounds(ratio, trace, inside, profile.gap_warming_mc_per_min)
        lower_c, upper_c = mkt.celsius(ratio, lower), mkt.celsius(ratio, upper)
    return MktFigures(value_c, None, lower_c, upper_c, _windows(profile, trace, above, sums))


def _not_applicable(profile: ProductProfile, trace: Trace) -> str | None:
    if profile.frozen:
        return "not applicable: frozen goods have no mean kinetic temperature"
    if len(trace) == 0 or trace.known_ms == 0:
        return "not applicable: no two readings without a gap between them"
    if not mkt.in_domain(trace):
        return "not applicable: a reading lies outside -50 … 100 °C"
    return None


def _windows(
    profile: ProductProfile, trace: Trace, above: list[Outside], sums: Cumulated | None
) -> tuple[WindowFigure, ...]:
    if sums is None:
        return ()
    found = []
    for window in profile.windows:
        windows = Windows(sums, window.length_ms)
        for position, stretch in enumerate(above):
            end = int(trace.time_ms[stretch.last]) if stretch.end_ms is None else stretch.end_ms
            worst, trailing = windows.worst_and_trailing(stretch.onset_ms, end)
            if worst.mean.weight:
                trailing_c = mkt.celsius(profile.ratio, trailing.mean) if trailing.mean.weight else None
                worst_c = mkt.celsius(profile.ratio, worst.mean)
                found.append(WindowFigure(window, position, worst, worst_c, trailing, trailing_c))
    return tuple(found)


def budget_use(profile: ProductProfile, trace: Trace) -> tuple[BandUse, ...]:
    """The time that each band of the stability budget was charged with."""
    return tuple(BandUse(band, _charges(profile, trace, band)) for band in profile.budget)


def band_side(profile: ProductProfile, band: Band) -> tuple[Direction, int]:
    """On which side of the label a band lies, and from which temperature on it is charged."""
    low, high = band.range.low_mc or 0, band.range.high_mc or 0
    if profile.label.high_mc is not None and low >= profile.label.high_mc:
        return Direction.HIGH, low
    return Direction.LOW, high


def _charges(profile: ProductProfile, trace: Trace, band: Band) -> tuple[Charge, ...]:
    side, limit = band_side(profile, band)
    return tuple(
        Charge(
            one.onset_ms,
            int(trace.time_ms[one.last]) if one.end_ms is None else one.end_ms,
            one.duration_ms,
            one.duration_upper_ms,
            one.end_ms is None,
        )
        for one in outside(trace, limit, high=side is Direction.HIGH)
    )
