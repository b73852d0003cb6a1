"""How long the goods could stay as warm as they are before a window's mean kinetic temperature passes its limit."""

import numpy as np

from coldchain.domain.profile import HOUR_MS, MktWindow, ProductProfile, Rule
from compliance.arrhenius import factor
from compliance.mkt_sums import Cumulated
from compliance.rules import GOOD, OUT
from compliance.trace import Kinds, Trace


def headroom_codes(rule: Rule, profile: ProductProfile, trace: Trace, sums: Cumulated) -> Kinds | None:
    """Samples at which less than `rule.below` hours are left in any of the profile's windows; None where none can be.

    Little is left when the window that ends `below` hours later, with the present temperature held until then, lies
    above its limit. Before half a window is known, nothing is said.
    """
    limit = min(window.limit_mc for window in profile.windows)
    warm = np.flatnonzero(trace.value > limit)
    if len(warm) == 0:
        return None
    codes = np.full(len(trace), GOOD, dtype=np.int8)
    ahead = int(rule.below * HOUR_MS)
    for window in profile.windows:
        codes[_short(profile, window, trace, warm, ahead, sums)] = OUT
    return codes if codes.any() else None


def _short(
    profile: ProductProfile, window: MktWindow, trace: Trace, warm: np.ndarray, ahead: int, sums: Cumulated
) -> list[int]:
    """Which of the samples `warm` leave less than `ahead` ms: by floats, exactly where these cannot tell."""
    at_limit = factor(profile.ratio, window.limit_mc)
    now, begin = trace.time_ms[warm], trace.time_ms[warm] + (ahead - window.length_ms)
    (total_a, weight_a), (total_b, weight_b) = sums.until(begin), sums.until(now)
    weight = weight_b - weight_a + 2 * ahead
    held, allowed = 2 * ahead * sums.factors_at(warm), weight * float(at_limit)
    beyond = total_b - total_a + held - allowed
    unsure = 4 * sums.slack * (total_b + held + allowed)
    enough = weight >= window.length_ms
    found: list[int] = warm[enough & (beyond > unsure)].tolist()
    for place in warm[enough & (np.abs(beyond) <= unsure)].tolist():
        moment, value = int(trace.time_ms[place]), int(trace.value[place])
        past = sums.between(moment + ahead - window.length_ms, moment)
        total = past.total + 2 * ahead * factor(profile.ratio, value)
        if total > (past.weight + 2 * ahead) * at_limit:
            found.append(place)
    return found
