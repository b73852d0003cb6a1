"""The twin's mean kinetic temperature: T = (ΔH/R) / −ln(Σ w·exp(−ΔH/(R·T)) / Σ w), in decimals, unscaled."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from itertools import pairwise

from coldchain.domain.profile import ProductProfile

D = Decimal
Sample = tuple[int, int, int]
Span = tuple[Sample, Sample, str]
_DIGITS = Context(prec=50, rounding=ROUND_HALF_EVEN)
HOTTEST = 100_000  # milli-degrees: the end of the range in which the figure is defined


@lru_cache(maxsize=200_000)
def _speed(ratio: Decimal, mc: int) -> Decimal:
    """exp(−ΔH/(R·T)) of a temperature in milli-degrees."""
    d = _DIGITS
    kelvin = d.add(d.divide(D(mc), D(1000)), D("273.15"))
    return d.exp(d.divide(-ratio, kelvin))


class TwinMkt:
    """One channel's mean kinetic temperatures."""

    def __init__(
        self,
        profile: ProductProfile,
        samples: Sequence[Sample],
        spans: Sequence[Span],
        edges: Sequence[tuple[int, int]],
    ) -> None:
        self._ratio = profile.delta_h_kj_mol / profile.gas_constant
        self._rate = D(profile.gap_warming_mc_per_min) / 60_000  # milli-degrees per ms
        self._samples, self._spans, self._edges = samples, spans, edges
        self._sums: list[tuple[Decimal, Decimal]] = []
        self._ends: list[int] = []

    def _speed(self, mc: int) -> Decimal:
        return _speed(self._ratio, mc)

    def _celsius(self, area: Decimal, time: Decimal) -> Decimal:
        return self._ratio / -(area / time).ln() - D("273.15")

    def _straight(self, a: Sample, b: Sample) -> Decimal:
        return (self._speed(a[1]) + self._speed(b[1])) / 2 * (b[0] - a[0])

    def whole(self) -> Decimal:
        """Over all known time, by trapezoid."""
        known = [(a, b) for a, b, kind in self._spans if kind == "known"]
        return self._celsius(sum((self._straight(a, b) for a, b in known), D(0)), self._time())

    def _time(self) -> Decimal:
        return D(sum(b[0] - a[0] for a, b, kind in self._spans if kind == "known"))

    def bounds(self) -> tuple[Decimal, Decimal]:
        """With every gap held at its colder end, and with every gap under its tent."""
        lower = upper = sum((self._straight(a, b) for a, b, kind in self._spans if kind == "known"), D(0))
        time = self._time()
        for a, b, kind in self._spans:
            if kind == "gap":
                lower += self._speed(self._coldest(a[0], b[0])) * (b[0] - a[0])
                upper += self._tent(a[1], b[1], b[0] - a[0])
                time += b[0] - a[0]
        for start, end in self._edges:
            value = next((v for t, v, _ in self._samples if t >= start), self._samples[-1][1])
            lower += self._speed(min(value, self._coldest(start, end))) * (end - start)
            upper += self._tent(value, value, 2 * (end - start)) / 2
            time += end - start
        return self._celsius(lower, time), self._celsius(upper, time)

    def _coldest(self, start: int, end: int) -> int:
        """The coldest sample within one length of an unknown stretch on either side."""
        reach = end - start
        near = (value for time, value, _ in self._samples if start - reach <= time <= end + reach)
        return min(near, default=HOTTEST)

    def _tent(self, left: int, right: int, length: int) -> Decimal:
        if abs(right - left) >= self._rate * length:
            return self._ramp(min(left, right), max(left, right), D(length))
        meeting = ((left + right + self._rate * length) / 2).to_integral_value(ROUND_FLOOR)
        peak = min(int(meeting), max(HOTTEST, left, right))
        up, down = (peak - left) / self._rate, (peak - right) / self._rate
        flat = self._speed(peak) * (length - up - down)
        return self._ramp(left, peak, up) + self._ramp(right, peak, down) + flat

    def _ramp(self, low: int, high: int, time: Decimal) -> Decimal:
        """A straight rise, by trapezoid between whole tenths of a degree."""
        if high <= low:
            return self._speed(low) * time
        area, here = D(0), low
        while here < high:
            there = min(high, here - here % 100 + 100)
            area += (self._speed(here) + self._speed(there)) / 2 * (there - here)
            here = there
        return area * time / (high - low)

    # --- windows

    def windows(self, length: int, onset: int, end: int) -> tuple[Decimal | None, Decimal | None]:
        """The hottest window that covers (onset, end), and the one that ends with it."""
        times = [sample[0] for sample in self._samples]
        first, last = times[0], max(times[0], times[-1] - length)
        low, high = sorted((end - length, onset))
        low, high = min(max(low, first), last), max(min(high, last), first)
        starts = {low, high, *times[bisect_left(times, low) : bisect_right(times, high)]}
        starts |= {t - length for t in times[bisect_left(times, low + length) : bisect_right(times, high + length)]}
        starts |= set(self._summits(sorted(starts), length))
        trailing = self._window(end - length, end)
        means = [mean for mean in (trailing, *(self._window(s, s + length) for s in starts)) if mean is not None]
        hottest = max(means, default=None)
        return self._temperature(hottest), self._temperature(trailing)

    def _summits(self, starts: Sequence[int], length: int) -> Iterator[int]:
        """Where the mean of a window is level between two neighbours of `starts`, to the millisecond.

        Between them its sum is a parabola s + bx + ax² and its known time a line t + dx, both through three windows;
        their quotient is level where ad·x² + 2at·x + bt − sd = 0.
        """
        for one, two in pairwise(starts):
            half = D(two - one) / 2
            (s, t), (middle, _), (last, after) = (self._sum(x, x + length) for x in (D(one), one + half, D(two)))
            a, d = (s - 2 * middle + last) / (2 * half * half), (after - t) / (two - one)
            b = (last - s) / (two - one) - a * (two - one)
            for x in _level(a * d, 2 * a * t, b * t - s * d):
                if 0 < x < two - one:
                    yield one + int(x.to_integral_value(ROUND_HALF_EVEN))

    def _temperature(self, mean: Decimal | None) -> Decimal | None:
        return None if mean is None else self._ratio / -mean.ln() - D("273.15")

    def _window(self, start: int, end: int) -> Decimal | None:
        area, time = self._sum(D(start), D(end))
        return area / time if time else None

    def _sum(self, start: Decimal, end: Decimal) -> tuple[Decimal, Decimal]:
        """Area and known time between two moments."""
        (area_a, time_a), (area_b, time_b) = self._through(start), self._through(end)
        return area_b - area_a, time_b - time_a

    def _through(self, moment: Decimal) -> tuple[Decimal, Decimal]:
        """Area and known time from the first sample to `moment`; whole spans are summed once."""
        if not self._sums:
            area, time = D(0), D(0)
            for a, b, kind in self._spans:
                self._sums.append((area, time))
                if kind == "known":
                    area, time = area + self._straight(a, b), time + b[0] - a[0]
            self._ends = [b[0] for _, b, _ in self._spans]
            self._sums.append((area, time))
        number = bisect_left(self._ends, moment)
        area, time = self._sums[number]
        if number < len(self._spans):
            a, b, kind = self._spans[number]
            if kind == "known" and moment > a[0]:
                area += (self._speed(a[1]) + self._at(a, b, moment)) / 2 * (moment - a[0])
                time += moment - a[0]
        return area, time

    def _at(self, a: Sample, b: Sample, moment: Decimal) -> Decimal:
        low, high = self._speed(a[1]), self._speed(b[1])
        return low + (high - low) * (moment - a[0]) / (b[0] - a[0])


def _level(square: Decimal, linear: Decimal, constant: Decimal) -> list[Decimal]:
    """The roots of square·x² + linear·x + constant."""
    if not square:
        return [-constant / linear] if linear else []
    inner = linear * linear - 4 * square * constant
    return [] if inner < 0 else [(-linear + sign * inner.sqrt()) / (2 * square) for sign in (1, -1)]
