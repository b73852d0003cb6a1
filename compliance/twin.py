"""The decimal twin: every printed figure again, from the formulas in plain decimals, sharing only the input integers.

Slow on purpose and without numpy. Where it differs from the engine in a printed digit, one of them is wrong.
"""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import pairwise
from typing import Any

from coldchain.domain.profile import ProductProfile
from coldchain.domain.shipment import Role
from compliance.inputs import Bound, Inputs
from compliance.twin_mkt import TwinMkt
from compliance.twin_moment import moment_ms
from compliance.twin_stated import stated_pairs, top_differences

ABSENT = -(2**63)
D = Decimal
Sample = tuple[int, int, int]  # time in ms, value in thousandths, number of the judged stretch


def differences(inputs: Inputs, document: dict[str, Any]) -> list[str]:
    """Every printed figure of `document` in which the twin differs: what, the document's digits, the twin's."""
    found: list[str] = []
    with localcontext() as context:
        context.prec = 50
        for channel in document["channels"]:
            bound = next(
                item
                for item in inputs.bounds
                if (item.logger, item.channel, item.role) == (channel["logger"], channel["channel"], Role.PRODUCT)
            )
            twin = TwinChannel(inputs.profile, bound, channel, inputs.ended_ms, lasting=inputs.subject.kind != "store")
            for name, theirs, ours in twin.pairs():
                if printed(theirs) != printed(ours):
                    found.append(f"{channel['channel']} {name}: {printed(theirs)}, by the twin {printed(ours)}")
        return found + top_differences(inputs.profile, document)


def printed(figure: Any) -> str:
    """A figure as it is printed: 2 decimals, half-even; text as it is."""
    if figure is None or isinstance(figure, str):
        return str(figure)
    number = D(repr(figure)) if isinstance(figure, float) else D(figure)
    return str(number.quantize(D("0.01"), ROUND_HALF_EVEN) + 0)


class TwinChannel:
    """One channel's figures. The document lends only its moments: the ends of its unknown stretches at the edges."""

    _over = False  # whether the time that is judged has an end that has come
    _whole = True  # whether it is all of a subject's time: else time outside before it counts for severities

    def __init__(
        self, profile: ProductProfile, bound: Bound, channel: dict[str, Any], ended: int | None, *, lasting: bool = True
    ) -> None:
        self._lasting = lasting  # whether time outside adds up from one excursion to the next
        self._profile, self._bound, self._channel = profile, bound, channel
        self._steps = bound.cadence or ((0, round(channel["interval_s"] * 1000)),)
        self._samples = self._judged(bound.track.time_ms.tolist(), bound.track.temperature_mc.tolist(), ended)
        self._humidity = self._judged(bound.track.time_ms.tolist(), bound.track.humidity_mpct.tolist(), ended)
        self._edges = self._edge_gaps()

    def _judged(self, times: list[int], values: list[int], ended: int | None) -> list[Sample]:
        newest = max(times, default=0)
        found = []
        for time, value in zip(times, values, strict=True):
            for number, span in enumerate(self._bound.judged):
                end = span.end_ms
                if end is None and ended is not None:
                    end = max(ended, newest) + 1
                if value != ABSENT and span.start_ms <= time and (end is None or time < end):
                    found.append((time, value, number))
        return found

    def _edge_gaps(self) -> list[tuple[int, int]]:
        inside = {(a[0], b[0]) for a, b in self._spans(self._samples) if self._kind(a, b) == "gap"}
        listed = [(moment_ms(gap["from"]), moment_ms(gap["to"])) for gap in self._channel["gaps"]]
        return [gap for gap in listed if gap not in inside]

    @staticmethod
    def _spans(samples: Sequence[Sample]) -> Iterator[tuple[Sample, Sample]]:
        return pairwise(samples)

    def _kind(self, a: Sample, b: Sample) -> str:
        if a[2] != b[2]:
            return "cut"
        return "gap" if b[0] - a[0] > 2 * max(self._every(a[0]), self._every(b[0])) else "known"

    def _every(self, time_ms: int) -> int:
        held = [every for start, every in self._steps if start <= time_ms]
        return held[-1] if held else self._steps[0][1]

    # --- figures

    def pairs(self) -> Iterator[tuple[str, Any, Any]]:
        """(name, the document's figure, the twin's) for every printed figure."""
        theirs = self._channel
        known = sum(b[0] - a[0] for a, b in self._spans(self._samples) if self._kind(a, b) == "known")
        unknown = sum(b[0] - a[0] for a, b in self._spans(self._samples) if self._kind(a, b) == "gap")
        unknown += sum(end - start for start, end in self._edges)
        whole = known + unknown
        yield "coverage_pct", theirs["coverage_pct"], D(100) * known / whole if whole else None
        label = self._profile.label
        high = self._excursions("high", label.high_mc)
        low = self._excursions("low", label.low_mc)
        above, below = (sum(item["duration_ms"] for item in side) for side in (high, low))
        yield from self._temperature(known, unknown, above, below)
        yield from self._compare_excursions([*high, *low])
        yield from self._budget(unknown)
        yield from self._moisture()
        yield from stated_pairs(self._profile, self._bound, theirs)
        if theirs["mkt"]["value_c"] is not None:
            yield from self._kinetic(high)

    def _temperature(self, known: int, unknown: int, above: int, below: int) -> Iterator[tuple[str, Any, Any]]:
        theirs = self._channel["temperature"]
        values = [value for _, value, _ in self._samples]
        yield "min_c", theirs["min_c"], D(min(values)) / 1000 if values else None
        yield "max_c", theirs["max_c"], D(max(values)) / 1000 if values else None
        yield "mean_c", theirs["mean_c"], self._mean(self._samples)
        inside = known - above - below
        for name, value in (("in_range", inside), ("above", above), ("below", below)):
            yield f"time_{name}_s", theirs[f"time_{name}_s"], D(value) / 1000
            yield f"time_{name}_upper_s", theirs[f"time_{name}_upper_s"], D(value + unknown) / 1000
        yield "time_unknown_s", theirs["time_unknown_s"], D(unknown) / 1000

    def _mean(self, samples: Sequence[Sample]) -> Decimal | None:
        area, time = D(0), 0
        for a, b in self._spans(samples):
            if self._kind(a, b) == "known":
                area += D(a[1] + b[1]) / 2 * (b[0] - a[0])
                time += b[0] - a[0]
        return area / time / 1000 if time else None

    def _moisture(self) -> Iterator[tuple[str, Any, Any]]:
        theirs = self._channel["humidity"]
        if theirs is not None:
            values = [value for _, value, _ in self._humidity]
            yield "min_pct", theirs["min_pct"], D(min(values)) / 1000
            yield "max_pct", theirs["max_pct"], D(max(values)) / 1000
            yield "mean_pct", theirs["mean_pct"], self._mean(self._humidity)

    def _excursions(self, direction: str, limit: int | None) -> list[dict[str, Any]]:
        """Stretches beyond a limit, walked sample by sample."""
        if limit is None:
            return []
        sign = 1 if direction == "high" else -1
        found: list[dict[str, Any]] = []
        before: Sample | None = None
        for sample in self._samples:
            depth = sign * (sample[1] - limit)
            joined = before is not None and self._kind(before, sample) != "cut"
            was_out = before is not None and sign * (before[1] - limit) > 0
            if was_out and not joined and before is not None:
                found[-1]["end"] = before[0]
            if depth > 0 and not (joined and was_out):
                found.append(self._opened(direction, limit, sign, before if joined else None, sample))
            elif depth > 0 and before is not None:
                self._continued(found[-1], sign, limit, before, sample)
            elif was_out and joined and before is not None:
                self._ended(found[-1], sign, limit, before, sample)
            before = sample
        cumulative = 0
        for item in found:
            finish = item["last"] if item["end"] is None else item["end"]
            item["duration_ms"] = finish - item["onset"] - item["gap"]
            item["upper_ms"] = item["duration_ms"] + item["gap"] + item["adjoining"] + self._edge(item)
            item["mean"] = limit + sign * item["area"] / item["time"] if item["time"] else D(item["peak"])
            cumulative = item["duration_ms"] + (cumulative if self._lasting else 0)
            item["cumulative"] = cumulative
        return found

    def _opened(self, direction: str, limit: int, sign: int, before: Sample | None, sample: Sample) -> dict[str, Any]:
        item: dict[str, Any] = {
            "direction": direction, "sample": sample[0], "onset": sample[0], "last": sample[0],
            "end": None, "gap": 0, "adjoining": 0, "peak": sample[1], "area": D(0), "time": D(0),
        }  # fmt: skip
        if before is not None and self._kind(before, sample) == "gap":
            item["adjoining"] += sample[0] - before[0]
        elif before is not None:
            depth, short = D(sign * (sample[1] - limit)), D(sign * (limit - before[1]))
            reach = (sample[0] - before[0]) * depth / (depth + short)
            item["onset"] = int((sample[0] - reach).to_integral_value(ROUND_HALF_EVEN))
            item["area"] += reach * depth / 2
            item["time"] += reach
        return item

    def _continued(self, item: dict[str, Any], sign: int, limit: int, before: Sample, sample: Sample) -> None:
        span = sample[0] - before[0]
        if self._kind(before, sample) == "gap":
            item["gap"] += span
        else:
            item["area"] += D(sign * (before[1] + sample[1] - 2 * limit)) / 2 * span
            item["time"] += span
        item["last"] = sample[0]
        item["peak"] = max(item["peak"], sample[1]) if sign > 0 else min(item["peak"], sample[1])

    def _ended(self, item: dict[str, Any], sign: int, limit: int, before: Sample, sample: Sample) -> None:
        span = sample[0] - before[0]
        if self._kind(before, sample) == "gap":
            item["end"] = before[0]
            item["adjoining"] += span
            return
        depth, short = D(sign * (before[1] - limit)), D(sign * (limit - sample[1]))
        reach = span * depth / (depth + short)
        item["end"] = int((before[0] + reach).to_integral_value(ROUND_HALF_EVEN))
        item["area"] += reach * depth / 2
        item["time"] += reach

    def _edge(self, item: dict[str, Any]) -> int:
        """Unknown time at the edges that adjoins an excursion."""
        return sum(end - start for start, end in self._edges if end == item["sample"] or start == item["last"])

    def _compare_excursions(self, ours: list[dict[str, Any]]) -> Iterator[tuple[str, Any, Any]]:
        theirs = {(item["direction"], moment_ms(item["onset_sample"])): item for item in self._channel["excursions"]}
        yield "excursions", str(len(theirs)), str(len(ours))
        for item in ours:
            other = theirs.get((item["direction"], item["sample"]), {})
            name = f"excursion {item['sample']} "
            yield name + "onset", _moment(other.get("onset")), str(item["onset"])
            # Where nobody watches any more, the last reading outside is the end that is told.
            over = item["end"] is None and (self._over or other.get("monitoring_ended"))
            yield name + "end", _moment(other.get("end")), str(item["last"] if over else item["end"])
            yield name + "duration_s", other.get("duration_s"), D(item["duration_ms"]) / 1000
            yield name + "duration_upper_s", other.get("duration_upper_s"), D(item["upper_ms"]) / 1000
            yield name + "peak_c", other.get("peak_c"), D(item["peak"]) / 1000
            area = item["area"].to_integral_value(ROUND_HALF_EVEN)  # on record in whole milli-degrees × ms
            yield name + "area_c_min", other.get("area_c_min"), area / 60_000_000
            yield name + "mean_c", other.get("mean_c"), item["mean"] / 1000
            known, within = item["duration_ms"], item["duration_ms"] + item["gap"]
            yield name + "coverage_pct", other.get("coverage_pct"), D(100) * known / within if within else D(100)
            if self._whole:
                basis = other.get("severity_basis", {})
                yield name + "cumulative_s", basis.get("cumulative_s"), D(item["cumulative"]) / 1000
                yield name + "matrix", str(basis.get("matrix")), self._by_matrix(item)

    def _by_matrix(self, item: dict[str, Any]) -> str:
        """The worst word that any row of the severity matrix has for an excursion."""
        sign = 1 if item["direction"] == "high" else -1
        words = [
            (int(severity), severity.word)
            for row in self._profile.severity_matrix
            if row.direction == item["direction"] and sign * item["peak"] >= sign * row.peak_mc
            for after, severity in row.after_ms
            if item["cumulative"] >= after
        ]
        return max(words)[1] if words else "None"

    def _budget(self, unknown: int) -> Iterator[tuple[str, Any, Any]]:
        high = self._profile.label.high_mc
        for band, theirs in zip(self._profile.budget, self._channel["stability_budget"]["bands"], strict=True):
            warm = high is not None and (band.range.low_mc or 0) >= high
            limit = band.range.low_mc if warm else band.range.high_mc
            stretches = self._excursions("high" if warm else "low", limit)
            used = sum(item["duration_ms"] for item in stretches)
            yield "used_s", theirs["used_s"], D(used) / 1000
            yield "used_upper_s", theirs["used_upper_s"], D(used + unknown) / 1000
            if band.allowed_ms is not None:
                yield "remaining_s", theirs["remaining_s"], D(band.allowed_ms - used) / 1000
                yield "remaining_lower_s", theirs["remaining_lower_s"], D(band.allowed_ms - used - unknown) / 1000
            yield "charges", str(len(theirs["charges"])), str(len(stretches))
            for item, charge in zip(stretches, theirs["charges"], strict=False):
                end = item["last"] if item["end"] is None else item["end"]
                yield "charge from", _moment(charge["from"]), str(item["onset"])
                yield "charge to", _moment(charge["to"]), str(end)
                yield "charge used_s", charge["used_s"], D(item["duration_ms"]) / 1000
                yield "charge used_upper_s", charge["used_upper_s"], D(item["upper_ms"]) / 1000

    def _kinetic(self, high: list[dict[str, Any]]) -> Iterator[tuple[str, Any, Any]]:
        theirs = self._channel["mkt"]
        spans = [(a, b, self._kind(a, b)) for a, b in self._spans(self._samples)]
        twin = TwinMkt(self._profile, self._samples, spans, self._edges)
        yield "mkt", theirs["value_c"], twin.whole()
        lower, upper = twin.bounds()
        yield "mkt lower", theirs["lower_c"], lower
        yield "mkt upper", theirs["upper_c"], upper
        yield from self._windows(twin, high)

    def _windows(self, twin: TwinMkt, high: list[dict[str, Any]]) -> Iterator[tuple[str, Any, Any]]:
        """Of each window around each high excursion; where nothing is known of the time around, there is none."""
        onsets = {item["id"]: moment_ms(item["onset_sample"]) for item in self._channel["excursions"]}
        theirs = {(one["window"], onsets.get(one["excursion"])): one for one in self._channel["mkt"]["windows"]}
        limits = [window.limit_mc for window in self._profile.windows]
        warm = self._whole and limits and max(value for _, value, _ in self._samples) > min(limits)
        for window, item in ((window, item) for window in self._profile.windows for item in high) if warm else ():
            end = item["last"] if item["end"] is None else item["end"]
            worst, trailing = twin.windows(window.length_ms, item["onset"], end)
            other = theirs.get((window.id, item["sample"]))
            if other is not None or worst is not None:
                name = f"mkt {window.id} around {item['sample']} "
                yield name + "worst", other and other["worst"]["value_c"], worst
                yield name + "trailing", other and other["trailing"]["value_c"], trailing


def _moment(text: str | None) -> str:
    return "None" if text is None else str(moment_ms(text))
