"""The figures of each leg of a shipment: the shipment's own, cut exactly where the leg begins and ends.

So the times of legs that join add up to those of the shipment, and a gap across a change of legs is divided there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from coldchain.domain.quantity import iso
from coldchain.registry import recorded
from coldchain.registry.shipments import subject
from coldchain.telemetry.port import History
from compliance.calendar import Window
from compliance.inputs import Inputs, Span
from compliance.subjects import cases_of, inputs_of
from compliance.windows_of import figures_over, legs_of

Json = dict[str, Any]
_BLOCKS = ("coverage_pct", "temperature", "mkt", "stability_budget", "excursions")


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg with its figures; `inputs` are what they were computed from, `windows` the document for the twin.

    `document` has the blocks of the leg's governing channel, and which one that is; None where nothing is judged.
    """

    name: str
    span: Span
    custodians: tuple[str, ...]
    inputs: Inputs
    windows: Json
    document: Json | None

    def as_json(self) -> Json:
        """The leg as JSON: the blocks of the compliance document, of the leg's governing channel."""
        said = self.document or {}
        return {
            "leg": self.name,
            "from": iso(self.span.start_ms),
            "to": None if self.span.end_ms is None else iso(self.span.end_ms),
            "custodians": list(self.custodians),
            "logger": said.get("logger"),
            "channel": said.get("channel"),
            **{name: said.get(name) for name in _BLOCKS},
        }


def legs_of_shipment(connection: Connection, history: History, shipment_id: str) -> list[Leg]:
    """The legs of a shipment as of its newest judgement; none before it was judged, or without legs on record.

    The caller has asked whether its viewer may see the shipment.
    """
    wanted = subject(shipment_id)
    state = recorded.on_record(connection, [wanted])[wanted].state
    cases = cases_of(connection, [wanted], state.as_of_ms) if state is not None else []
    if state is None or not cases:
        return []
    return leg_figures(inputs_of(cases[0], history, state.journal_offset, state.as_of_ms), state.as_of_ms)


def leg_figures(inputs: Inputs, as_of_ms: int) -> list[Leg]:
    """Each leg with its own figures, in order of time."""
    windows = legs_of(inputs, as_of_ms)
    if not windows:
        return []
    whole = figures_over(inputs, windows, as_of_ms)
    spans = {(name, span.start_ms): span for name, span in inputs.legs}
    return [
        _leg(inputs, spans[window.name, window.start_ms], window, {**whole, "windows": [said]})
        for window, said in zip(windows, whole["windows"], strict=True)
    ]


def _leg(inputs: Inputs, span: Span, window: Window, windows: Json) -> Leg:
    said = windows["windows"][0]
    governing = next(
        (one for one in said["channels"]
         if (one["logger"], one["channel"]) == (said["governing_logger"], said["governing_channel"])), None,
    )  # fmt: skip
    return Leg(window.name, span, _custodians(inputs.holders, span), inputs, windows, governing)


def _custodians(holders: Sequence[tuple[str, Span]], leg: Span) -> tuple[str, ...]:
    """Who had the goods during a leg, in order."""
    return tuple(
        name
        for name, span in holders
        if (leg.end_ms is None or span.start_ms < leg.end_ms) and (span.end_ms is None or leg.start_ms < span.end_ms)
    )
