"""The decimal twin of figures over parts of a subject's time: the same samples, cut again by plain decimals."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from coldchain.domain.shipment import Role
from compliance.inputs import Bound, Inputs
from compliance.twin import Sample, TwinChannel, printed
from compliance.twin_moment import moment_ms

D = Decimal


def window_differences(inputs: Inputs, document: dict[str, Any]) -> list[str]:
    """Every printed figure of a `coldchain.windows/1` document in which the twin differs."""
    bounds = {(one.logger, one.channel): one for one in inputs.bounds if one.role is Role.PRODUCT}
    found: list[str] = []
    with localcontext() as context:
        context.prec = 50
        for window in document["windows"]:
            span = (moment_ms(window["from"]), moment_ms(window["to"]))
            hours = D(span[1] - span[0]) / 3_600_000
            if printed(window["hours"]) != printed(hours):
                found.append(f"{window['name']} hours: {window['hours']}, by the twin {printed(hours)}")
            for channel in window["channels"]:
                twin = TwinPart(inputs, bounds[channel["logger"], channel["channel"]], channel, span)
                for name, theirs, ours in twin.pairs():
                    if printed(theirs) != printed(ours):
                        where = f"{window['name']} {channel['channel']} {name}"
                        found.append(f"{where}: {printed(theirs)}, by the twin {printed(ours)}")
    return found


class TwinPart(TwinChannel):
    """One channel between two moments."""

    _over = True
    _whole = False

    def __init__(self, inputs: Inputs, bound: Bound, channel: dict[str, Any], span: tuple[int, int]) -> None:
        super().__init__(inputs.profile, bound, channel, inputs.ended_ms, lasting=inputs.subject.kind != "store")
        label = inputs.profile.label
        self._wholes = {"high": self._excursions("high", label.high_mc), "low": self._excursions("low", label.low_mc)}
        self._samples = self._cut(self._samples, span)
        self._humidity = self._cut(self._humidity, span)
        self._edges = self._edge_gaps()

    def pairs(self) -> Iterator[tuple[str, Any, Any]]:
        """As of the whole; an excursion's time so far is that of the whole one that a piece was cut from."""
        yield from super().pairs()
        for item in self._channel["excursions"]:
            onset = moment_ms(item["onset"])
            begun = [one for one in self._wholes[item["direction"]] if one["onset"] <= onset]
            ours = D(begun[-1]["cumulative"]) / 1000 if begun else None
            yield f"excursion {onset} cumulative_s", item["severity_basis"]["cumulative_s"], ours

    def _cut(self, samples: Sequence[Sample], span: tuple[int, int]) -> list[Sample]:
        start, end = span
        found = [sample for sample in samples if start <= sample[0] <= end]
        for a, b in self._spans(samples):
            for moment in (start, end):
                if a[0] < moment < b[0] and self._kind(a, b) == "known":
                    value = D(a[1]) + D(b[1] - a[1]) * (moment - a[0]) / (b[0] - a[0])
                    found.append((moment, int(value.to_integral_value(ROUND_HALF_EVEN)), a[2]))
        return sorted(found, key=lambda sample: sample[0])
