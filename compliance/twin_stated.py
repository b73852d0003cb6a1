"""The twin's look at what is no sum: constants, limits, intervals and gaps, the suggested tier, and the blocks on top.

Own code as all of the twin; of the document it takes only figures that the twin checks elsewhere.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

from coldchain.domain.profile import ProductProfile
from compliance.inputs import Bound
from compliance.twin_moment import moment_ms

D = Decimal
Json = dict[str, Any]
Pair = tuple[str, Any, Any]
_ON_TOP = ("interval_s", "coverage_pct", "gaps", "temperature", "mkt", "excursions", "stability_budget", "suggestion",
           "humidity")  # fmt: skip


def stated_pairs(profile: ProductProfile, bound: Bound, channel: Json) -> Iterator[Pair]:
    """(name, the document's number, the twin's) for what one channel's block states."""
    yield "interval_s", channel["interval_s"], D(_interval(bound)) / 1000
    for gap in channel["gaps"]:
        yield f"gap {gap['from']}", gap["duration_s"], D(moment_ms(gap["to"]) - moment_ms(gap["from"])) / 1000
    mkt = channel["mkt"]
    yield "delta_h_kj_mol", _text(mkt["delta_h_kj_mol"]), _text(profile.delta_h_kj_mol)
    yield "gas_constant", _text(mkt["gas_constant"]), _text(profile.gas_constant)
    lengths = {window.id: (window.length_ms, window.limit_mc) for window in profile.windows}
    for window in mkt["windows"]:
        length, limit = lengths[window["window"]]
        yield f"{window['window']} length_s", window["length_s"], D(length) / 1000
        yield f"{window['window']} limit_c", window["limit_c"], D(limit) / 1000
        yield f"{window['window']} value_c", window["value_c"], window[window["chosen"]]["value_c"]
    for item in channel["excursions"]:
        limit_mc = profile.label.high_mc if item["direction"] == "high" else profile.label.low_mc
        yield f"excursion {item['onset_sample']} limit_c", item["limit_c"], D(limit_mc or 0) / 1000
    for band, theirs in zip(profile.budget, channel["stability_budget"]["bands"], strict=True):
        yield "band low_c", theirs["range"]["low_c"], _degrees(band.range.low_mc)
        yield "band high_c", theirs["range"]["high_c"], _degrees(band.range.high_mc)
        yield "band allowed_s", theirs["allowed_s"], _degrees(band.allowed_ms)
    yield "suggestion.tier", channel["suggestion"]["tier"], _tier(profile, channel)


def top_differences(profile: ProductProfile, document: Json) -> list[str]:
    """What is printed on top of a document and is not the governing channel's own."""
    found = [] if document["profile"]["version"] == profile.version else ["profile: another version"]
    if not document["channels"]:
        return found
    ranks = [(channel["suggestion"]["tier"], _strayed(profile, channel)) for channel in document["channels"]]
    governing = document["channels"][ranks.index(max(ranks))]
    named = (document["governing_logger"], document["governing_channel"])
    if named != (governing["logger"], governing["channel"]):
        found.append(f"governing channel: {named}, by the twin {governing['logger']}/{governing['channel']}")
    return found + [f"{name}: on top it is not the governing channel's" for name in _ON_TOP
                    if document[name] != governing[name]]  # fmt: skip


def _strayed(profile: ProductProfile, channel: Json) -> Decimal:
    """By how much a channel left the label range, or stayed inside (negative)."""
    low, high = channel["temperature"]["min_c"], channel["temperature"]["max_c"]
    if low is None:
        return D("-Infinity")
    sides = [D(-(10**9))]
    if profile.label.high_mc is not None:
        sides.append(D(repr(high)) * 1000 - profile.label.high_mc)
    if profile.label.low_mc is not None:
        sides.append(profile.label.low_mc - D(repr(low)) * 1000)
    return max(sides)


def _tier(profile: ProductProfile, channel: Json) -> int:
    seen, tiers = channel["temperature"], [1]
    if seen["min_c"] is None or seen["time_unknown_s"] > 0:
        tiers.append(2)
    peaks = {side: [item for item in channel["excursions"] if item["direction"] == side] for side in ("high", "low")}
    bands = list(zip(profile.budget, channel["stability_budget"]["bands"], strict=True))
    top = profile.label.high_mc
    warm = [pair for pair in bands if top is not None and (pair[0].range.low_mc or 0) >= top]
    cold = [pair for pair in bands if pair not in warm]
    if peaks["low"]:
        coldest = min(_milli(item["peak_c"]) for item in peaks["low"])
        steps = [(-(band.range.high_mc or 0), -(band.range.low_mc or 0)) for band, _ in cold]
        allowed = -coldest <= _allowed(-(profile.label.low_mc or 0), steps)
        tiers.append(3 if not allowed or (profile.freeze_sensitive and coldest <= 0) else _used(cold, peaks["low"]))
    if peaks["high"]:
        hottest = max(_milli(item["peak_c"]) for item in peaks["high"])
        steps = [(band.range.low_mc or 0, band.range.high_mc or 0) for band, _ in warm]
        tiers.append(3 if hottest > _allowed(top or 0, steps) else _used(warm, peaks["high"]))
        over = [one for one in channel["mkt"]["windows"] if one["worst"]["value_c"] > one["limit_c"]]
        tiers += [2] if over else []
    return max(tiers)


def _allowed(limit: int, steps: list[tuple[int, int]]) -> int:
    """How far from the label limit bands allow time without a hole between them."""
    reach, again = limit, True
    while again:
        further = [end for start, end in steps if start <= reach < end]
        again = bool(further)
        reach = max(further, default=reach)
    return reach


def _milli(celsius: float) -> Decimal:
    return D(repr(celsius)) * 1000


def _used(bands: list[tuple[Any, Json]], outside: list[Json]) -> int:
    """2 where a band is overdrawn, or where nothing tells how long a reading outside lasted."""
    alone = any(item["duration_s"] == 0 and item["mean_c"] == item["peak_c"] for item in outside)
    return max([2 if alone else 1, *(_spent(theirs) for _, theirs in bands)])


def _spent(band: Json) -> int:
    return 2 if band["allowed_s"] is not None and band["used_s"] > band["allowed_s"] else 1


def _interval(bound: Bound) -> int:
    if bound.interval_ms is not None:
        return bound.interval_ms
    waits = sorted([b - a for a, b in pairwise(bound.track.time_ms.tolist()) if b > a][:12])
    return (waits[(len(waits) - 1) // 2] + waits[len(waits) // 2]) // 2 if waits else 600_000


def _degrees(milli: int | None) -> Decimal | None:
    return None if milli is None else D(milli) / 1000


def _text(value: Any) -> str:
    """All digits: a constant is not compared as it is printed."""
    return str(D(repr(value)).normalize() if isinstance(value, float) else D(value).normalize())
