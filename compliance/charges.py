"""What one part of a batch's way charged to each band of the stability budget, over all channels that count.

The goods have one past, however many channels measured it: a moment is charged once, if any of them was beyond the
band's limit then. So parallel channels count as the worst of them, and a logger that was replaced as well as the one
that took its place. What any of them did not know is unknown.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from coldchain.domain.profile import Range
from coldchain.domain.quantity import milli_from_float, ms_from_iso
from compliance.inputs import Span
from compliance.spans import without

Json = dict[str, Any]


class Charge(NamedTuple):
    """A stretch that one channel charged to a band; those of one band share no known time."""

    range: Range
    from_ms: int
    to_ms: int
    gaps: tuple[tuple[int, int], ...]  # of its channel
    running: bool
    logger: str
    channel: str

    def gap_ms(self, from_ms: int, to_ms: int) -> int:
        """How much of a part of it is unknown."""
        return sum(max(0, min(high, to_ms) - max(low, from_ms)) for low, high in self.gaps)


def governing_first(document: Json) -> list[Json]:
    """The channels of a compliance document, the governing one in front."""
    first = (document.get("governing_logger"), document.get("governing_channel"))
    return sorted(document.get("channels") or (), key=lambda one: (one["logger"], one["channel"]) != first)


def charges(document: Json) -> Iterator[Charge]:
    """Every charge of a part; what channels before have charged is left out of those after them."""
    charged: dict[Range, list[Span]] = {}
    for channel in governing_first(document):
        gaps = gaps_in(channel)
        for band in channel["stability_budget"]["bands"]:
            range_ = range_of(band)
            before = list(charged.get(range_, ()))
            for one in band.get("charges", ()):
                whole = Span(ms_from_iso(one["from"]), ms_from_iso(one["to"]))
                for start, end in without([whole], before):
                    last = end or whole.start_ms
                    running = bool(one["running"]) and last == whole.end_ms
                    yield Charge(range_, start, last, gaps, running, channel["logger"], channel["channel"])
                charged.setdefault(range_, []).extend(without([whole], [Span(*gap) for gap in gaps]))


def used_ms(document: Json) -> dict[Range, int]:
    """What a part charged to each band in all, in the order of its bands."""
    stated = (document.get("stability_budget") or {}).get("bands") or ()
    # A document of before there were lines says only how much it was.
    total = {range_of(band): 0 if "charges" in band else round(1000 * band["used_s"]) for band in stated}
    for one in charges(document):
        total[one.range] = total.get(one.range, 0) + one.to_ms - one.from_ms - one.gap_ms(one.from_ms, one.to_ms)
    return total


def gaps_in(block: Json) -> tuple[tuple[int, int], ...]:
    """The unknown stretches that a document or a channel's block lists."""
    return tuple((ms_from_iso(gap["from"]), ms_from_iso(gap["to"])) for gap in block.get("gaps", ()))


def unknown(document: Json) -> list[tuple[int, int]]:
    """The stretches of which any channel knows nothing, each moment once."""
    listed: Iterable[Json] = (document, *(document.get("channels") or ()))
    spans = without([Span(*gap) for block in listed for gap in gaps_in(block)], [])
    return [(span.start_ms, span.end_ms or span.start_ms) for span in spans]


def range_of(band: Json) -> Range:
    """The range of a band, in milli-degrees."""
    low, high = band["range"]["low_c"], band["range"]["high_c"]
    return Range(None if low is None else milli_from_float(low), None if high is None else milli_from_float(high))
