"""Numbers of the document that are no sums: a gap's length, how often a channel reports, and what the profile says."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

from coldchain.domain.profile import Direction
from compliance import derivation_times as times
from compliance.channel import ChannelFindings
from compliance.derived import Derived, Json, Number, Rows, degrees, moment, seconds
from compliance.document import METHODS
from compliance.figures import band_side

STATED = "stated/1"
_FIRST = 12  # differences from which an interval is estimated


def gap(said: ChannelFindings, rest: str) -> Derived | None:
    """The length of one gap; None for another name."""
    place, _, name = rest.partition(".")
    gaps = said.trace.gaps()
    if name != "duration_s" or not place.isdecimal() or int(place) >= len(gaps):
        return None
    start, end = gaps[int(place)]
    steps = (("from", moment(start)), ("to", moment(end)),
             ("a gap is more than two intervals without a reading", f"2 × {seconds(said.interval_ms)}"))  # fmt: skip
    return Derived("Gap", "s", METHODS["temperature"], "to − from", Fraction(end - start, 1000),
                   f"{moment(end)} − {moment(start)}", steps)  # fmt: skip


def interval(said: ChannelFindings) -> Derived:
    """How often the channel reports: as it was declared, or as the first readings tell."""
    value, source = Fraction(said.interval_ms, 1000), said.interval_source
    if source != "estimated" or said.bound.interval_ms is not None:
        words = f"{source}, and kept as a fact" if said.bound.interval_ms is not None else source
        return Derived("Interval", "s", STATED, "as recorded", value, steps=((words, seconds(said.interval_ms)),))
    moments = sorted(set(said.bound.track.time_ms.tolist()))[: _FIRST + 1]
    rows = Rows(("from", "to", "difference"), [(moment(a), moment(b), seconds(b - a)) for a, b in pairwise(moments)])
    return Derived("Interval", "s", "interval.median/1", f"median of the first {_FIRST} differences", value, table=rows)


def cumulative(said: ChannelFindings, place: int) -> Derived:
    """Time outside up to the end of an excursion, on its side, by which the severity matrix goes."""
    chosen, _ = said.excursions()[place]
    same = [stretch for direction, stretch in said.excursions()[: place + 1] if direction == chosen]
    counted = same if said.lasting else same[-1:]
    total = sum(times.outside_ms(said.trace, stretch) for stretch in counted)
    side = "above" if chosen is Direction.HIGH else "below"
    words = f"Σ of {len(counted)} excursions {side} the range, this one the last" if said.lasting else (
        "this excursion alone: the time of a store has no end over which it could add up")  # fmt: skip
    return Derived("Time outside so far", "s", METHODS["severity"], f"Σ time {side}, up to this excursion",
                   Fraction(total, 1000), f"Σ = {seconds(total)}", ((words, seconds(total)),),
                   times.stretch_rows(said.trace, counted))  # fmt: skip


def by_profile(said: ChannelFindings, stated: Json, figure: str) -> Derived | None:
    """A number that the product profile states; None for what it does not state."""
    group, *steps = figure.split(".")
    found = _profile_value(said, stated, group, steps)
    if found is None:
        return None
    title, unit, value = found
    profile = said.profile
    return Derived(title, unit, STATED, f"as product profile {profile.id} v{profile.version} says", value)


def _profile_value(said: ChannelFindings, stated: Json, group: str, steps: list[str]) -> tuple[str, str, Any] | None:
    profile, name = said.profile, steps[-1] if steps else ""
    if group == "mkt" and name in ("delta_h_kj_mol", "gas_constant"):
        unit = "kJ/mol" if name == "delta_h_kj_mol" else "kJ/(mol·K)"
        return name, unit, Fraction(getattr(profile, name))
    if group == "mkt" and name in ("length_s", "limit_c"):
        window = said.mkt.windows[int(steps[1])].window
        return ("Window", "s", Fraction(window.length_ms, 1000)) if name == "length_s" else (
            "Limit of the window", "°C", _degrees(window.limit_mc))  # fmt: skip
    if group == "excursions" and name == "limit_c":
        direction = next(one["direction"] for place, one in enumerate(stated["excursions"])
                         if steps[0] in (str(place), one["id"]))  # fmt: skip
        return "Limit of the label range", "°C", _degrees(profile.label.limit(Direction(direction)))
    if group == "stability_budget" and name in ("low_c", "high_c", "allowed_s"):
        band = said.budget[int(steps[1])].band
        if name == "allowed_s":
            return "Allowed", "s", None if band.allowed_ms is None else Fraction(band.allowed_ms, 1000)
        side = f"charged beyond {degrees(band_side(profile, band)[1])}"
        return f"End of the band, {side}", "°C", _degrees(getattr(band.range, name.replace("_c", "_mc")))
    return None


def _degrees(milli: int | None) -> Number | None:
    return None if milli is None else Fraction(milli, 1000)
