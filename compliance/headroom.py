"""How long the goods could stay as warm as they are before a window's mean kinetic temperature passes its limit."""

import numpy as np

from coldchain.domain.profile import HOUR_MS, ProductProfile, Rule
from compliance import mkt
from compliance.mkt_windows import Cumulated
from compliance.rules import GOOD, OUT
from compliance.trace import Trace


def headroom_codes(rule: Rule, profile: ProductProfile, trace: Trace, sums: Cumulated) -> np.ndarray | None:
    """Samples at which less than `rule.below` hours are left in any of the profile's windows; None where none can be.

    Little is left when the window that ends `below` hours later, with the present temperature held until then, lies
    above its limit. Before half a window is known, nothing is said.
    """
    limit = min(window.limit_mc for window in profile.windows)
    warm = np.flatnonzero(trace.value > limit)
    if len(warm) == 0:
        return None
    codes = np.full(len(trace), GOOD)
    ahead = int(rule.below * HOUR_MS)
    for window in profile.windows:
        at_limit = mkt.factor(profile.ratio, window.limit_mc)
        for position in warm.tolist():
            now, value = int(trace.time_ms[position]), int(trace.value[position])
            past = sums.between(now + ahead - window.length_ms, now)
            if past.weight + 2 * ahead < window.length_ms:
                continue
            total = past.total + 2 * ahead * mkt.factor(profile.ratio, value)
            if total > (past.weight + 2 * ahead) * at_limit:
                codes[position] = OUT
    return codes
