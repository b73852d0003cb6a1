"""The decimal twin of figures over parts of a subject's time: the same samples, cut again by plain decimals."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from coldchain.domain.shipment import Role
from compliance.inputs import Bound, Inputs
from compliance.twin import Sample, TwinChannel, moment_ms, printed

D = Decimal


def window_differences(inputs: Inputs, document: dict[str, Any]) -> list[str]:
    """Every printed figure of a `coldchain.windows/1` document in which the twin differs."""
    bounds = {(one.logger, one.channel): one for one in inputs.bounds if one.role is Role.PRODUCT}
    found: list[str] = []
    with localcontext() as context:
        context.prec = 50
        for window in document["windows"]:
            span = (moment_ms(window["from"]), moment_ms(window["to"]))
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
        super().__init__(inputs.profile, bound, channel, inputs.ended_ms)
        self._samples = self._cut(self._samples, span)
        self._humidity = self._cut(self._humidity, span)
        self._edges = self._edge_gaps()

    def _cut(self, samples: Sequence[Sample], span: tuple[int, int]) -> list[Sample]:
        start, end = span
        found = [sample for sample in samples if start <= sample[0] <= end]
        for a, b in self._spans(samples):
            for moment in (start, end):
                if a[0] < moment < b[0] and self._kind(a, b) == "known":
                    value = D(a[1]) + D(b[1] - a[1]) * (moment - a[0]) / (b[0] - a[0])
                    found.append((moment, int(value.to_integral_value(ROUND_HALF_EVEN)), a[2]))
        return sorted(found, key=lambda sample: sample[0])
