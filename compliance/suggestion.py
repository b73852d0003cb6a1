"""A suggestion in three tiers with its reasons. It never releases anything: a person decides.

1: temperature and time stayed inside what the profile allows; 2: the temperature did, the time did not or is not known;
3: the temperature did not. A low excursion is never excused by a mean kinetic temperature.
"""

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
        found.append(_low(profile, min(stretch.peak for stretch in below), budget))
    if above:
        found += _high(profile, max(stretch.peak for stretch in above), budget)
        found += _means(mkt)
    if figures.unknown_ms:
        found.append((2, f"{_minutes(figures.unknown_ms)} are unknown: readings are missing"))
    if not found:
        found.append((1, f"every reading lay inside {profile.label.text()}"))
    found.sort(key=lambda reason: -reason[0])
    return Suggestion(found[0][0], tuple(text for _, text in found))


def _low(profile: ProductProfile, peak: int, budget: tuple[BandUse, ...]) -> tuple[int, str]:
    reached = f"the coldest reading was {milli_text(peak)} °C"
    if profile.freeze_sensitive and peak <= 0:
        return 3, f"{reached}: the product is freeze-sensitive"
    for use in budget:
        side, _ = band_side(profile, use.band)
        if side == "low" and (use.band.range.low_mc or 0) <= peak:
            return _within(use, reached)
    return 3, f"{reached}, below {profile.label.text()}, and the profile allows no time there"


def _high(profile: ProductProfile, peak: int, budget: tuple[BandUse, ...]) -> list[tuple[int, str]]:
    reached = f"the hottest reading was {milli_text(peak)} °C"
    bands = [use for use in budget if band_side(profile, use.band)[0] == "high"]
    if not bands or peak > max(use.band.range.high_mc or 0 for use in bands):
        return [(3, f"{reached}, above {profile.label.text()}, and the profile allows no time there")]
    return [_within(use, reached) for use in bands if use.used_ms]


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
