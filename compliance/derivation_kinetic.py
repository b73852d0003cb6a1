"""How mean kinetic temperatures come about: the trapezoid over exp(−ΔH/(R·T)), in decimals, over the judged spans.

Its own arithmetic, from the formula: it shares with the engine the trace and what the profile says, not the sums.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from compliance import mkt
from compliance.arrhenius import DIGITS
from compliance.channel import ChannelFindings
from compliance.derivation_times import length, spans
from compliance.derived import Derived, Rows, degrees, digits, moment, seconds
from compliance.figures import WindowFigure
from compliance.trace import GAP, KNOWN, Trace

_D = Context(prec=50, rounding=ROUND_HALF_EVEN)
_ZERO_K = Decimal("273.15")
FORMULA = "T = (ΔH/R) / −ln( Σ (fᵢ + fᵢ₊₁)/2 · Δtᵢ / Σ Δtᵢ ) − 273.15,  f = exp(−(ΔH/R) / (t + 273.15))"
_HELD = "Gaps are left out: not known, neither cold nor warm."
_ALONE = "It never releases goods by itself, and never excuses a time below the range."


class _Part(NamedTuple):
    start_ms: int
    span_ms: int
    first: Decimal  # f at both ends
    second: Decimal

    @property
    def area(self) -> Decimal:
        return (self.first + self.second) / 2 * self.span_ms


class Rates:
    """exp(−ΔH/(R·T)) by thousandths of a degree, each computed once."""

    def __init__(self, ratio: Decimal) -> None:
        self.ratio = ratio
        self._known: dict[int, Decimal] = {}

    def of(self, milli: int) -> Decimal:
        """The rate at a temperature."""
        if milli not in self._known:
            self._known[milli] = (-self.ratio / (Decimal(milli) / 1000 + _ZERO_K)).exp()
        return self._known[milli]

    def celsius(self, mean: Decimal) -> Decimal:
        """The temperature at which this is the rate."""
        return self.ratio / -mean.ln() - _ZERO_K


def derive(said: ChannelFindings, name: str) -> Derived | None:
    """`value_c`, `lower_c` or `upper_c` of the mean kinetic temperature; None for another name."""
    titles = {"value_c": "Mean kinetic temperature", "lower_c": "Mean kinetic temperature, lower bound",
              "upper_c": "Mean kinetic temperature, upper bound"}  # fmt: skip
    if name not in titles:
        return None
    if said.mkt.value_c is None:
        return Derived(titles[name], "°C", mkt.METHOD_ID, FORMULA, None, why=said.mkt.reason)
    with localcontext(_D):
        rates = Rates(said.profile.ratio)
        parts = [_part(said.trace, i, rates) for i in spans(said.trace, KNOWN)]
        if name == "value_c" or not said.trace.gaps():
            return _mean(titles[name], said, rates, parts, (_HELD, _ALONE))
        return _bound(titles[name], said, rates, parts, upper=name == "upper_c")


def window(said: ChannelFindings, figure: WindowFigure, name: str) -> Derived | None:
    """The mean kinetic temperature of the trailing or the worst window around an excursion; None for another name."""
    if name not in ("trailing", "worst"):
        return None
    chosen = figure.trailing if name == "trailing" else figure.worst
    title = f"Mean kinetic temperature, {name} window {figure.window.id}"
    which = ("of all windows of that length that cover the excursion, the hottest" if name == "worst"
             else "the window that ends with the excursion")  # fmt: skip
    more = (f"{which}: {moment(chosen.start_ms)} to {moment(chosen.end_ms)}",
            f"judged against {degrees(figure.window.limit_mc)}", _HELD, _ALONE)  # fmt: skip
    with localcontext(_D):
        rates = Rates(said.profile.ratio)
        known = [_part(said.trace, i, rates) for i in spans(said.trace, KNOWN)]
        inside = [cut for part in known for cut in [_cut(part, chosen.start_ms, chosen.end_ms)] if cut.span_ms > 0]
        return _mean(title, said, rates, inside, more)


def _part(trace: Trace, i: int, rates: Rates) -> _Part:
    a, b = int(trace.value[i]), int(trace.value[i + 1])
    return _Part(int(trace.time_ms[i]), length(trace, i), rates.of(a), rates.of(b))


def _cut(part: _Part, start_ms: int, end_ms: int) -> _Part:
    """The part of a span within a window; at the window's edge f lies on the straight line between its ends."""
    first, last = max(part.start_ms, start_ms), min(part.start_ms + part.span_ms, end_ms)
    if last <= first or (first, last) == (part.start_ms, part.start_ms + part.span_ms):
        return part._replace(start_ms=first, span_ms=max(last - first, 0))
    rise = (part.second - part.first) / part.span_ms
    ends = (part.first + rise * (at - part.start_ms) for at in (first, last))
    return _Part(first, last - first, *ends)


def _mean(title: str, said: ChannelFindings, rates: Rates, parts: list[_Part], more: tuple[str, ...]) -> Derived:
    area, time = sum((part.area for part in parts), Decimal(0)), sum(part.span_ms for part in parts)
    if not time:
        return Derived(title, "°C", mkt.METHOD_ID, FORMULA, None, why="nothing is known of this time")
    steps = (
        _ratio(said),
        (f"Σ (fᵢ + fᵢ₊₁)/2 · Δtᵢ of {len(parts)} spans", f"{digits(area / 1000)} s"),
        ("Σ Δtᵢ", seconds(time)),
    )
    columns = ("from", "Δt, s", "tᵢ, °C", "tᵢ₊₁, °C", "fᵢ", "fᵢ₊₁", "part, s")
    return _closed(title, rates, area / time, steps, Rows(columns, parts, lambda part: _cells(part, rates)), more)


def _closed(
    title: str, rates: Rates, mean: Decimal, steps: tuple[tuple[str, str], ...], table: Rows,
    more: tuple[str, ...],
) -> Derived:  # fmt: skip
    """From the mean rate to the temperature."""
    negative = -mean.ln()
    steps = (*steps, ("mean rate", digits(mean)), ("−ln(mean rate)", digits(negative)))
    words = f"{digits(rates.ratio)} / {digits(negative)} − 273.15"
    return Derived(title, "°C", mkt.METHOD_ID, FORMULA, rates.celsius(mean), words, steps, table, more=more)


def _ratio(said: ChannelFindings) -> tuple[str, str]:
    profile = said.profile
    what = (
        f"ΔH/R of {profile.id} v{profile.version}: {profile.delta_h_kj_mol} kJ/mol / {profile.gas_constant} kJ/(mol·K)"
    )
    return what, f"{digits(profile.ratio)} K"


def _cells(part: _Part, rates: Rates) -> tuple[str, ...]:
    with localcontext(_D):
        ends = (f"{rates.celsius(rate):.3f}" for rate in (part.first, part.second))
        sizes = (f"{value:.9E}" for value in (part.first, part.second, part.area / 1000))
        return (moment(part.start_ms), digits(Fraction(part.span_ms, 1000)), *ends, *sizes)


# --- bounds ---------------------------------------------------------------------------------------------------------


def _bound(title: str, said: ChannelFindings, rates: Rates, parts: list[_Part], *, upper: bool) -> Derived:
    """Every gap held at its colder end, or under a tent that rises from both ends."""
    trace, warming = said.trace, said.profile.gap_warming_mc_per_min
    gaps = [_gap(said, part, upper=upper) for part in _missing(trace)]
    area = sum((part.area for part in parts), Decimal(0)) + sum((gap[1] for gap in gaps), Decimal(0))
    time = sum(part.span_ms for part in parts) + sum(gap[0][1] - gap[0][0] for gap in gaps)
    rows = [(moment(span[0]), moment(span[1]), f"{rates.celsius(part / (span[1] - span[0])):.6f} °C",
             f"{part / 1000:.9E}") for span, part in gaps]  # fmt: skip
    steps = (
        _ratio(said),
        (f"Σ of {len(parts)} known spans", f"{digits(sum((part.area for part in parts), Decimal(0)) / 1000)} s"),
        (f"Σ of {len(gaps)} gaps", f"{digits(sum((gap[1] for gap in gaps), Decimal(0)) / 1000)} s"),
        ("Σ Δtᵢ, gaps included", seconds(time)),
    )
    how = (f"In a gap the goods are taken to warm by {degrees(warming)} a minute from both ends, and to cool back in "
           "time: the tent is integrated by trapezoid between whole tenths of a degree."
           if upper else "In a gap the goods are taken to have stayed at its colder end: as cold as the coldest "
           "reading within one length of the gap on either side.")  # fmt: skip
    table = Rows(("gap from", "to", "counted as", "part, s"), rows)
    return _closed(title, rates, area / time, steps, table, (how, _ALONE))


def _missing(trace: Trace) -> list[Trace]:
    """Each unknown stretch as a trace of its own: two samples with a gap, or one sample and an edge."""
    found = [_only(trace, i, i + 2, ()) for i in spans(trace, GAP)]
    for start, end in trace.edges:
        near = min(int(np.searchsorted(trace.time_ms, start, side="left")), len(trace) - 1)
        found.append(_only(trace, near, near + 1, ((start, end),)))
    return sorted(found, key=lambda one: one.gaps()[0])


def _only(trace: Trace, first: int, after: int, edges: tuple[tuple[int, int], ...]) -> Trace:
    kind = trace.kind[first : after - 1]
    return Trace(trace.time_ms[first:after], trace.value[first:after], kind, edges, trace.clock_ms, running=False)


def _gap(said: ChannelFindings, missing: Trace, *, upper: bool) -> tuple[tuple[int, int], Decimal]:
    """The gap, and its integral of f in milliseconds."""
    profile, span = said.profile, missing.gaps()[0]
    nothing = mkt.Weighted(0, 0)
    pair = mkt.bounds(profile.ratio, missing, nothing, profile.gap_warming_mc_per_min, beside=said.trace)
    chosen = pair[1] if upper else pair[0]
    # The engine's rates are relative to 273.15 K and scaled; its weights are twice milliseconds, times a multiple.
    relative = Decimal(chosen.total).scaleb(-DIGITS) / chosen.weight
    return span, relative * (-profile.ratio / _ZERO_K).exp() * (span[1] - span[0])
