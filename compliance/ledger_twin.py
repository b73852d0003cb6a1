"""The ledger's decimal twin: every printed figure again, from the input integers, walked reading by reading.

It shares no code with the engine and the ledger but the inputs. From the ledger it takes the moments of its lines, and
from there on asks only: how much known time of this stretch lies beyond the band's limit, and do the lines add up?
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

from coldchain.domain.profile import ProductProfile
from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.shipment import Role
from coldchain.domain.track import Track
from compliance.inputs import Bound, Inputs
from compliance.twin import printed

ABSENT = -(2**63)
D = Decimal
Piece = tuple[int, int]


def ledger_differences(parts: Sequence[Inputs], figures: dict[str, Any]) -> list[str]:
    """Every printed figure of a ledger in which the twin differs: what, the ledger's digits, the twin's.

    `parts` are the inputs of the shipments and stays that the ledger names, in any order.
    """
    with localcontext() as context:
        context.prec = 50
        pairs = list(_pairs({inputs.subject.id: inputs for inputs in parts}, figures))
    return [
        f"{name}: {printed(theirs)}, by the twin {printed(ours)}"
        for name, theirs, ours in pairs
        if printed(theirs) != printed(ours)
    ]


def _pairs(inputs: dict[str, Inputs], figures: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    summed: dict[str, Decimal] = {}
    for line in figures["ledger"]:
        channel = _Channel(inputs[line["part"]], line["logger"], line["channel"])
        span = (ms_from_iso(line["from"]), ms_from_iso(line["to"]))
        beyond, unknown = channel.beyond(_limit(channel.profile, line["range"]), span)
        name = f"{line['name']} {line['from']} {_words(line['range'])} "
        yield name + "band", str(line["range"] in channel.bands()), "True"
        yield name + "used_s", line["used_s"], beyond / 1000
        yield name + "unknown_s", line["unknown_s"], unknown / 1000
    for part in figures["parts"]:
        if part["channel"] is None:
            continue
        channel = _Channel(inputs[part["id"]], part["logger"], part["channel"])
        every = _counting(inputs[part["id"]])
        if len(every) == 1:  # else its own unknown time is not told apart here; the part's document has it
            known, unknown_ms = channel.known(), D(repr(part["unknown_s"])) * 1000
            yield f"{part['name']} coverage_pct", part["coverage_pct"], (
                100 * known / (known + unknown_ms) if known + unknown_ms else None
            )  # fmt: skip
        for band in part["bands"]:
            yield f"{part['name']} band", str(band["range"] in channel.bands()), "True"
            limit = _limit(channel.profile, band["range"])
            used = _measure([piece for one in every for piece in one.pieces(limit)])
            yield f"{part['name']} {_words(band['range'])} used_s", band["used_s"], used / 1000
            summed[_words(band["range"])] = summed.get(_words(band["range"]), D(0)) + used
    unknown_s = sum((D(repr(part["unknown_s"])) for part in figures["parts"]), D(0))
    for band in figures["bands"]:
        used = summed.get(_words(band["range"]), D(0)) / 1000
        name = f"{_words(band['range'])} "
        yield name + "used_s", band["used_s"], used
        yield name + "used_upper_s", band["used_upper_s"], used + unknown_s
        if band["remaining_s"] is not None:
            allowed = D(repr(band["allowed_s"]))
            yield name + "remaining_s", band["remaining_s"], allowed - used
            yield name + "remaining_lower_s", band["remaining_lower_s"], allowed - used - unknown_s
        if band["time_left"] is not None:
            yield from _left(name, figures, band, D(repr(band["allowed_s"])) - used, unknown_s)
    yield from _newest(inputs, figures)
    lasting = [band["time_left"] for band in figures["bands"] if band["time_left"] is not None]
    for end in ("lower_s", "upper_s") if lasting else ():
        yield f"time_left {end}", figures["time_left"][end], min(D(repr(left[end])) for left in lasting)


def _newest(inputs: dict[str, Inputs], figures: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The newest reading as its track has it, where its part's readings go so far."""
    newest = figures["newest"]
    for part in figures["parts"] if newest is not None else ():
        if part["name"] != newest["name"] or part["channel"] is None:
            continue
        track = _Channel(inputs[part["id"]], newest["logger"], newest["channel"]).track
        values = dict(zip(track.time_ms.tolist(), track.temperature_mc.tolist(), strict=True))
        value = values.get(ms_from_iso(newest["event_time"]))
        if value is not None and value != ABSENT:
            yield "newest temperature_c", newest["temperature_c"], D(value) / 1000


def _left(
    name: str, figures: dict[str, Any], band: dict[str, Any], remaining: Decimal, unknown_s: Decimal
) -> Iterator[tuple[str, Any, Any]]:  # fmt: skip
    """How long a charged band lasts: at the least all unknown time, and that since the newest reading, was charged."""
    since = D(ms_from_iso(figures["as_of"]) - ms_from_iso(figures["newest"]["counted_until"])) / 1000
    yield name + "time_left lower", band["time_left"]["lower_s"], max(remaining - unknown_s - max(since, D(0)), D(0))
    yield name + "time_left upper", band["time_left"]["upper_s"], max(remaining, D(0))


def _limit(profile: ProductProfile, range_: dict[str, Any]) -> tuple[int, int]:
    """(+1 or −1, the limit in milli-degrees) beyond which a band is charged."""
    high = profile.label.high_mc
    low_end = D(repr(range_["low_c"] or 0)) * 1000
    if high is not None and low_end >= high:
        return 1, int(low_end)
    return -1, int(D(repr(range_["high_c"] or 0)) * 1000)


def _words(range_: dict[str, Any]) -> str:
    return f"{range_['low_c']} … {range_['high_c']} °C"


class _Channel:
    """The judged samples of one channel, and what lies between them."""

    def __init__(self, inputs: Inputs, logger: str, channel: str) -> None:
        self.profile = inputs.profile
        found = [
            bound
            for bound in inputs.bounds
            if (bound.logger, bound.channel, bound.role) == (logger, channel, Role.PRODUCT)
        ]
        self._bound: Bound = found[0]
        self._samples = list(self._judged(inputs.ended_ms))
        self._steps = self._bound.cadence or ((0, self._interval()),)

    @property
    def track(self) -> Track:
        """Its readings."""
        return self._bound.track

    def bands(self) -> list[dict[str, Any]]:
        """The ranges of the profile's budget, as the document writes them."""
        ends = [(band.range.low_mc, band.range.high_mc) for band in self.profile.budget]
        return [{"low_c": None if low is None else low / 1000, "high_c": None if high is None else high / 1000}
                for low, high in ends]  # fmt: skip

    def known(self) -> Decimal:
        """Milliseconds backed by readings on both sides."""
        pieces = [(a[0], b[0]) for a, b in pairwise(self._samples)
                  if a[2] == b[2] and b[0] - a[0] <= 2 * max(self._every(a[0]), self._every(b[0]))]  # fmt: skip
        return D(sum(end - start for start, end in pieces))

    def _judged(self, ended: int | None) -> Iterator[tuple[int, int, int]]:
        track = self._bound.track
        newest = max(track.time_ms.tolist(), default=0)
        for time, value in zip(track.time_ms.tolist(), track.temperature_mc.tolist(), strict=True):
            for number, span in enumerate(self._bound.judged):
                last = max(ended, newest) + 1 if span.end_ms is None and ended is not None else span.end_ms
                if value != ABSENT and span.start_ms <= time and (last is None or time < last):
                    yield time, value, number

    def _interval(self) -> int:
        if self._bound.interval_ms is not None:
            return self._bound.interval_ms
        waits = sorted(b - a for a, b in pairwise(self._bound.track.time_ms.tolist()) if b > a)[:12]
        return (waits[(len(waits) - 1) // 2] + waits[len(waits) // 2]) // 2 if waits else 600_000

    def _every(self, time: int) -> int:
        return [every for start, every in self._steps if start <= time or start == self._steps[0][0]][-1]

    def beyond(self, limit: tuple[int, int], within: Piece) -> tuple[Decimal, Decimal]:
        """(known milliseconds beyond the limit, unknown ones) inside a stretch."""
        unknown = D(0)
        for (start, _, part), (end, _, following) in pairwise(self._samples):
            if part == following and end - start > 2 * max(self._every(start), self._every(end)):
                unknown += _shared((start, end), within)
        return sum((_shared(piece, within) for piece in self.pieces(limit)), D(0)), unknown

    def pieces(self, limit: tuple[int, int]) -> Iterator[Piece]:
        """The known stretches beyond a limit, from reading to reading."""
        side, bound = limit
        for (start, first, part), (end, second, following) in pairwise(self._samples):
            if part != following or end - start > 2 * max(self._every(start), self._every(end)):
                continue
            a, b = side * (first - bound), side * (second - bound)
            if a > 0 and b > 0:
                yield start, end
            elif a > 0 or b > 0:
                reach = D(end - start) * max(a, b) / (abs(a) + abs(b))
                crossing = int((start + reach if a > 0 else end - reach).to_integral_value())
                yield (start, crossing) if a > 0 else (crossing, end)


def _counting(inputs: Inputs) -> list[_Channel]:
    """Every channel that counts and measures temperature."""
    return [
        _Channel(inputs, bound.logger, bound.channel)
        for bound in inputs.bounds
        if bound.role is Role.PRODUCT and any(value != ABSENT for value in bound.track.temperature_mc.tolist())
    ]


def _measure(pieces: Sequence[Piece]) -> Decimal:
    """How much time stretches cover together, each moment once."""
    total, reached = 0, -(10**18)
    for start, end in sorted(pieces):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return D(total)


def _shared(piece: Piece, within: Piece) -> Decimal:
    return D(max(0, min(piece[1], within[1]) - max(piece[0], within[0])))
