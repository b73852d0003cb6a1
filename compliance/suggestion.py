"""A suggestion in three tiers with its reasons. It never releases anything: a person decides.

1: temperature and time stayed inside what the profile allows; 2: the temperature did, the time did not or is not known;
3: the temperature did not. A low excursion is never excused by a mean kinetic temperature.
"""

from collections.abc import Sequence
from typing import NamedTuple

from coldchain.domain.profile import ProductProfile
from coldchain.domain.quantity import milli_text
from compliance.excursions import Outside
from compliance.figures import BandUse, MktFigures, TimeInRange, band_side


class Suggestion(NamedTuple):
    """The tier (1 … 3) and why, the worst reason first."""

    tier: int
    reasons: tuple[str, ...]


def suggest(
    profile: ProductProfile,
    figures: TimeInRange,
    above: list[Outside],
    below: list[Outside],
    mkt: MktFigures,
    budget: tuple[BandUse, ...],
) -> Suggestion:
    """Weigh one channel's figures against its product profile."""
    found: list[tuple[int, str]] = []
    if figures.low is None:
        found.append((2, "there is no reading to judge"))
    if below:
        found += _low(profile, profile.label.low_mc or 0, below, budget)
    if above:
        found += _high(profile, profile.label.high_mc or 0, above, budget)
        found += _means(mkt)
    if figures.unknown_ms:
        found.append((2, f"{_minutes(figures.unknown_ms)} are unknown: readings are missing"))
    if not found:
        found.append((1, f"every reading lay inside {profile.label.text()}"))
    found.sort(key=lambda reason: -reason[0])
    return Suggestion(found[0][0], tuple(text for _, text in found))


def _low(profile: ProductProfile, low: int, below: list[Outside], budget: tuple[BandUse, ...]) -> list[tuple[int, str]]:
    peak = min(stretch.peak for stretch in below)
    reached = f"the coldest reading was {milli_text(peak)} °C"
    if profile.freeze_sensitive and peak <= 0:
        return [(3, f"{reached}: the product is freeze-sensitive")]
    bands = [use for use in budget if band_side(profile, use.band)[0] == "low"]
    reach = low
    for use in reversed(bands):  # from the label down; what lies in a hole between two of them is allowed by none
        if (use.band.range.high_mc or 0) >= reach:
            reach = use.band.range.low_mc or 0
    if peak < reach:
        return [(3, f"{reached}, outside {profile.label.text()}, and the profile allows no time there")]
    return _spent(bands, below, reached)


def _high(
    profile: ProductProfile, high: int, above: list[Outside], budget: tuple[BandUse, ...]
) -> list[tuple[int, str]]:
    peak = max(stretch.peak for stretch in above)
    reached = f"the hottest reading was {milli_text(peak)} °C"
    bands = [use for use in budget if band_side(profile, use.band)[0] == "high"]
    reach = high
    for use in bands:  # from the label up, likewise
        if (use.band.range.low_mc or 0) <= reach:
            reach = use.band.range.high_mc or 0
    if peak > reach:
        return [(3, f"{reached}, outside {profile.label.text()}, and the profile allows no time there")]
    return _spent(bands, above, reached)


def _spent(bands: Sequence[BandUse], outside: list[Outside], reached: str) -> list[tuple[int, str]]:
    """What was charged to the bands of one side; time of which no reading tells the length is not known."""
    found = [_within(use, reached) for use in bands if use.charges]
    if any(stretch.duration_ms == 0 and stretch.mean == stretch.peak for stretch in outside):
        found.append((2, "one reading outside stands alone: how long the goods were so is not known"))
    return found


def _within(use: BandUse, reached: str) -> tuple[int, str]:
    spent = f"{reached}; {_minutes(use.used_ms)} were charged to {use.band.range.text()}"
    if use.band.allowed_ms is None:
        return 1, f"{spent}, which has no time limit of its own"
    if use.used_ms <= use.band.allowed_ms:
        return 1, f"{spent}, of {_minutes(use.band.allowed_ms)} allowed"
    return 2, f"{spent}, more than the {_minutes(use.band.allowed_ms)} allowed"


def _means(mkt: MktFigures) -> list[tuple[int, str]]:
    found = []
    for figure in mkt.windows:
        limit = milli_text(figure.window.limit_mc)
        if figure.worst_c > figure.window.limit_mc / 1000:
            worst = f"the worst {figure.window.id} mean kinetic temperature was {figure.worst_c:.2f} °C"
            found.append((2, f"{worst}, above {limit} °C"))
    return found[:1]


def _minutes(duration_ms: int) -> str:
    return f"{duration_ms / 60_000:.1f} min"
