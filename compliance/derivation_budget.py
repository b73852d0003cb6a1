"""How the stability budget of one channel comes about: what a band was charged with, and each single charge."""

from collections.abc import Sequence
from fractions import Fraction

from coldchain.domain.profile import Direction
from compliance import derivation_times as times
from compliance.channel import ChannelFindings
from compliance.derivation_excursion import duration
from compliance.derived import Derived, Rows, degrees, seconds
from compliance.excursions import Outside, outside
from compliance.figures import BandUse, band_side

METHOD = "stability_budget.charged/1"
_TITLES = {"used_s": "Budget used", "used_upper_s": "Budget used, upper bound", "remaining_s": "Budget left",
           "remaining_lower_s": "Budget left, lower bound"}  # fmt: skip


def budget(said: ChannelFindings, rest: str) -> Derived | None:
    """A figure of the budget by its name, such as `bands.0.used_s` or `bands.0.charges.2.used_s`; None for another."""
    place, _, name = rest.removeprefix("bands.").partition(".")
    if not place.isdecimal() or int(place) >= len(said.budget):
        return None
    use = said.budget[int(place)]
    side, limit = band_side(said.profile, use.band)
    some = outside(said.trace, limit, high=side is Direction.HIGH)
    if not name.startswith("charges."):
        return _band(said, use, name, some)
    number, _, field = name.removeprefix("charges.").partition(".")
    if not number.isdecimal() or int(number) >= len(some) or field not in ("used_s", "used_upper_s"):
        return None
    found = duration(said.trace, some[int(number)], upper=field == "used_upper_s")
    words = "Charge" if field == "used_s" else "Charge, upper bound"
    more = (f"The stretch is charged while the goods are {_beyond(side, limit)}.", *found.more)
    return found.called(f"{words} to {use.band.range.text()}", METHOD, more)


def share_used(said: ChannelFindings) -> Derived:
    """The share of its allowance that the band which is used up first has used, as lists of shipments show it."""
    rows = []
    for use in said.budget:
        if use.band.allowed_ms:
            side, limit = band_side(said.profile, use.band)
            some = outside(said.trace, limit, high=side is Direction.HIGH)
            used = sum(times.outside_ms(said.trace, stretch) for stretch in some)
            rows.append((use.band.range.text(), used, use.band.allowed_ms))
    rows.sort(key=lambda row: -Fraction(row[1], row[2]))
    table = Rows(("band", "used", "allowed"), [(name, seconds(used), seconds(allowed)) for name, used, allowed in rows])
    title, method, formula = "Budget used", "stability_budget.worst/1", "max of 100 · used / allowed over the bands"
    if not rows:
        return Derived(title, "%", method, formula, None, why="the product profile limits the time in no band")
    _, used, allowed = rows[0]
    return Derived(title, "%", method, formula, Fraction(100 * used, allowed),
                   f"100 · {seconds(used)} / {seconds(allowed)}", table=table)  # fmt: skip


def _beyond(side: Direction, limit: int) -> str:
    return f"{'above' if side is Direction.HIGH else 'below'} {degrees(limit)}"


def _band(said: ChannelFindings, use: BandUse, name: str, some: Sequence[Outside]) -> Derived | None:
    """What a band was charged with, or what is left of it; None for another name."""
    if name not in _TITLES:
        return None
    used, gaps = sum(times.outside_ms(said.trace, stretch) for stretch in some), times.unknown_ms(said.trace)
    steps = [(f"time {_beyond(*band_side(said.profile, use.band))}: Σ of {len(some)} stretches", seconds(used))]
    formula, total, words = "Σ time in the band or beyond it", used, f"Σ = {seconds(used)}"
    if name in ("used_upper_s", "remaining_lower_s"):
        formula, total, words = f"{formula} + unknown", used + gaps, f"{seconds(used)} + {seconds(gaps)}"
        steps.append(("unknown time, all of which may have been there", seconds(gaps)))
    rows = times.stretch_rows(said.trace, some)
    if name.startswith("used"):
        return Derived(_TITLES[name], "s", METHOD, formula, Fraction(total, 1000), words, tuple(steps), rows)
    allowed = use.band.allowed_ms
    if allowed is None:
        return Derived(_TITLES[name], "s", METHOD, f"allowed − ({formula})", None,
                       why="the profile sets no time limit for this band")  # fmt: skip
    steps.append((f"allowed by {said.profile.id} v{said.profile.version}", seconds(allowed)))
    return Derived(_TITLES[name], "s", METHOD, f"allowed − ({formula})", Fraction(allowed - total, 1000),
                   f"{seconds(allowed)} − ({words})", tuple(steps), rows)  # fmt: skip
