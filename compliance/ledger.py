"""The stability budget of a batch as a ledger: which stretch of which journey charged which band, by how much.

Nothing is measured again here. Each part of the batch's way, a shipment or a stay in a store, has its own compliance
document; the charges of all its channels, each moment once, become the ledger's lines, cut where the custodian or the
leg changes. Late data that changes a document has changed the ledger with it.
Times are milliseconds and temperatures milli-degrees, whole numbers throughout.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from coldchain.domain.profile import Band, Direction, ProductProfile, Range
from coldchain.domain.quantity import milli_from_float, milli_text, ms_from_iso
from compliance.charges import charges, gaps_in, governing_first, unknown
from compliance.figures import band_side
from compliance.inputs import Inputs, Span
from compliance.spans import during

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A shipment that carries the batch, or a stay in a store, with what the engine found last."""

    kind: str  # shipment | store
    id: str
    name: str
    document: Json | None  # coldchain.compliance/1; None before it was judged
    holders: tuple[tuple[str, Span], ...] = ()
    legs: tuple[tuple[str, Span], ...] = ()
    live: bool = False  # the goods are under way or stored now
    last: Json | None = None  # newest reading by "<logger>/<channel>"
    store: str | None = None  # of a stay: where
    inputs: Inputs | None = None  # what its figures were computed from; None of a shipment whose figures are on record

    @property
    def period(self) -> tuple[int, ...]:
        """The first and the last judged moment; empty before there is any."""
        said = (self.document or {}).get("period") or {}
        return tuple(ms_from_iso(said[end]) for end in ("from", "to") if said.get(end))


class Line(NamedTuple):
    """One stretch that charged one band; `gap_ms` of it are unknown and charged nothing."""

    part: Part
    range: Range
    from_ms: int
    to_ms: int
    used_ms: int
    gap_ms: int
    running: bool
    custodian: str | None
    leg: str | None
    logger: str
    channel: str


class TimeLeft(NamedTuple):
    """How long the goods may stay as they are before a band is used up; unknown time makes it an interval."""

    lower_ms: int
    upper_ms: int


class BandTotal(NamedTuple):
    """A band over all parts. What is known is used; what is unknown may have used as much again."""

    range: Range
    allowed_ms: int | None
    used_ms: int
    unknown_ms: int
    charging: bool = False  # the newest reading lies beyond the band's limit
    left: TimeLeft | None = None  # only while it is charged

    @property
    def upper_ms(self) -> int:
        """The most that may be used."""
        return self.used_ms + self.unknown_ms

    @property
    def remaining_ms(self) -> int | None:
        """What is left if unknown time was harmless; negative once the band is overdrawn."""
        return None if self.allowed_ms is None else self.allowed_ms - self.used_ms


class Newest(NamedTuple):
    """The newest judged reading of a part that is under way, and until when its time is accounted for."""

    part: Part
    logger: str
    channel: str
    time_ms: int
    temperature_mc: int
    counted_ms: int  # by readings, or by a gap on record


@dataclass(frozen=True, slots=True)
class Ledger:
    """A batch's budget at one moment; `profile` is the one whose allowances count, None where no part has any."""

    as_of_ms: int
    profile: ProductProfile | None
    parts: tuple[Part, ...]
    lines: tuple[Line, ...]
    bands: tuple[BandTotal, ...]
    newest: Newest | None
    notes: tuple[str, ...]

    @property
    def left(self) -> TimeLeft | None:
        """The time left at the newest temperature: that of the charged band which is used up first."""
        charged = [band.left for band in self.bands if band.left is not None]
        if not charged:
            return None
        return TimeLeft(min(left.lower_ms for left in charged), min(left.upper_ms for left in charged))


def ledger(parts: Sequence[Part], profile: ProductProfile | None, as_of_ms: int) -> Ledger:
    """The ledger of a batch over `parts`, in order of time whatever order they come in."""
    ordered = tuple(sorted(parts, key=lambda part: (_began(part), part.id)))
    lines = sorted(
        (line for part in ordered for line in _lines(part)),
        key=lambda line: (line.from_ms, line.to_ms, _order(line.range), line.part.id),
    )
    unknown = sum(unknown_ms(part) for part in ordered)
    plain = _bands(lines, profile, unknown)
    seen = [(one, tuple(_with_left(total, profile, one, _since(one, as_of_ms)) for total in plain))
            for one in newest_of(ordered)]  # fmt: skip
    newest, bands = min(seen, key=_how_bad, default=(None, tuple(plain)))
    return Ledger(as_of_ms, profile, ordered, tuple(lines), bands, newest, _notes(ordered, profile, newest))


def newest_of(parts: Iterable[Part]) -> list[Newest]:
    """The newest reading of each channel that still reports, of each part that is under way.

    A logger that was replaced says nothing of the goods any more: what is older than two intervals beside the newest
    reading of the part is left out.
    """
    found = []
    for part in (one for one in parts if one.live):
        heard = [seen for block in governing_first(part.document or {}) for seen in _last(part, block)]
        newest = max((seen.time_ms for seen, _ in heard), default=0)
        found += [seen for seen, reach_ms in heard if seen.time_ms + reach_ms >= newest]
    return found


def _last(part: Part, block: Json) -> Iterator[tuple[Newest, int]]:
    """The newest reading of one channel, and how much older than others it may be; nothing without a temperature."""
    logger, channel = str(block["logger"]), str(block["channel"])
    seen = (part.last or {}).get(f"{logger}/{channel}", {})
    if "temperature_c" in seen:
        value, time_ms = milli_from_float(seen["temperature_c"]), ms_from_iso(seen["event_time"])
        counted = max([time_ms, *(end for start, end in gaps_in(block) if start <= time_ms)])
        yield Newest(part, logger, channel, time_ms, value, counted), round(2000 * block["interval_s"])


def _how_bad(seen: tuple[Newest, tuple[BandTotal, ...]]) -> tuple[int, int, int, str]:
    """Of all that is under way the channel counts by which the budget is used up first; else the newest reading."""
    newest, bands = seen
    left = min((band.left.lower_ms for band in bands if band.left is not None), default=1 << 62)
    return left, -sum(band.charging for band in bands), -newest.time_ms, newest.part.id


def unknown_ms(part: Part) -> int:
    """Judged time of a part of which nothing is known."""
    return sum(end - start for start, end in gaps_of(part))


def _bands(lines: Sequence[Line], profile: ProductProfile | None, unknown: int) -> list[BandTotal]:
    allowed = {band.range: band.allowed_ms for band in (profile.budget if profile else ())}
    used = dict.fromkeys(allowed, 0)
    for line in lines:
        used[line.range] = used.get(line.range, 0) + line.used_ms
    return [BandTotal(band, allowed.get(band), total, unknown) for band, total in used.items()]


def _with_left(total: BandTotal, profile: ProductProfile | None, newest: Newest | None, stale_ms: int) -> BandTotal:
    if newest is None or profile is None or total.range not in {band.range for band in profile.budget}:
        return total
    side, limit = band_side(profile, Band(total.range))
    beyond = newest.temperature_mc > limit if side is Direction.HIGH else newest.temperature_mc < limit
    if not beyond:
        return total
    remaining = total.remaining_ms
    if remaining is None:
        return total._replace(charging=True)
    left = TimeLeft(max(remaining - total.unknown_ms - stale_ms, 0), max(remaining, 0))
    return total._replace(charging=True, left=left)


def beyond_all(newest: Newest, profile: ProductProfile) -> bool:
    """Whether the newest temperature is worse than any band of the budget: no allowance speaks of it."""
    value, label = newest.temperature_mc, profile.label
    if label.high_mc is not None and value > label.high_mc:
        tops = [band.range.high_mc for band in profile.budget if band_side(profile, band)[0] is Direction.HIGH]
        return all(top is not None and value > top for top in tops)
    if label.low_mc is not None and value < label.low_mc:
        ends = [band.range.low_mc for band in profile.budget if band_side(profile, band)[0] is Direction.LOW]
        return all(end is not None and value < end for end in ends)
    return False


def _since(newest: Newest, as_of_ms: int) -> int:
    """Time since the newest reading that no gap on record counts yet."""
    return max(as_of_ms - newest.counted_ms, 0)


# --- lines -----------------------------------------------------------------------------------------------------------


def _lines(part: Part) -> list[Line]:
    """The part's charges, cut where the goods change hands or begin another leg."""
    edges = sorted({edge for _, span in (*part.holders, *part.legs) for edge in span if edge is not None})
    found = []
    for one in charges(part.document or {}):
        cuts = [one.from_ms, *(edge for edge in edges if one.from_ms < edge < one.to_ms), one.to_ms]
        for left, right in pairwise(cuts):
            gap = one.gap_ms(left, right)
            found.append(
                Line(
                    part, one.range, left, right, right - left - gap, gap, one.running and right == one.to_ms,
                    during(part.holders, left), during(part.legs, left) or None, one.logger, one.channel,
                )
            )  # fmt: skip
    return found


def gaps_of(part: Part) -> list[tuple[int, int]]:
    """The stretches of a part of which nothing is known, each moment once."""
    return unknown(part.document or {})


def _began(part: Part) -> int:
    return min(part.period, default=1 << 62)


def _order(range_: Range) -> tuple[int, int]:
    return (range_.low_mc or 0, range_.high_mc or 0)


# --- notes -----------------------------------------------------------------------------------------------------------


def _notes(parts: Sequence[Part], profile: ProductProfile | None, newest: Newest | None) -> tuple[str, ...]:
    judged = [part for part in parts if part.document]
    notes = [f"{part.name} was not judged yet: its use is not known" for part in parts if part.document is None]
    if parallel := _parallel(judged):
        notes.append(
            f"{' and '.join(parallel)} carried the batch at the same time: no unit was in both, so for any one unit "
            "less is used than the sum"
        )
    own = profile and (profile.id, profile.version)
    others = sorted({_profile_words(part) for part in judged if own and _profile_of(part) != own})
    if others and profile is not None:
        notes.append(f"allowances are those of {profile.id} v{profile.version}; also judged by {', '.join(others)}")
    if newest is not None and profile is not None and profile.budget and beyond_all(newest, profile):
        notes.append(f"no band of the budget allows {milli_text(newest.temperature_mc)} °C")
    return tuple(notes)


def _profile_of(part: Part) -> tuple[str, int]:
    said = (part.document or {})["profile"]
    return said["id"], said["version"]


def _profile_words(part: Part) -> str:
    id_, version = _profile_of(part)
    return f"{id_} v{version} ({part.name})"


def _parallel(parts: Sequence[Part]) -> list[str]:
    """The names of two parts whose judged periods overlap; empty where none do."""
    spans = sorted((*part.period, part.name) for part in parts if len(part.period) == 2)
    for before, after in pairwise(spans):
        if after[0] < before[1]:
            return [str(before[2]), str(after[2])]
    return []
