"""The figures of each leg of a shipment: the engine's own, over the readings of that leg alone.

What lies between the last reading of one leg and the first of the next belongs to neither, as with every stretch that
is judged by itself; so the known time of the legs is up to one interval per change shorter than the shipment's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from coldchain.domain.quantity import iso
from coldchain.registry import recorded
from coldchain.registry.shipments import subject
from coldchain.telemetry.port import History
from compliance.engine import findings
from compliance.inputs import Inputs, Span
from compliance.spans import trimmed
from compliance.subjects import cases_of, inputs_of

Json = dict[str, Any]
_BLOCKS = ("coverage_pct", "temperature", "mkt", "stability_budget", "excursions")


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg with its figures; `inputs` are what they were computed from, for the twin."""

    name: str
    span: Span
    custodians: tuple[str, ...]
    inputs: Inputs
    document: Json

    def as_json(self) -> Json:
        """The leg as JSON: the blocks of the compliance document, of the leg's governing channel."""
        return {
            "leg": self.name,
            "from": iso(self.span.start_ms),
            "to": None if self.span.end_ms is None else iso(self.span.end_ms),
            "custodians": list(self.custodians),
            "logger": self.document["governing_logger"],
            "channel": self.document["governing_channel"],
            **{name: self.document[name] for name in _BLOCKS},
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
    """Each leg judged by itself, rules left aside: they watch the shipment as a whole."""
    profile = replace(inputs.profile, rules=(), windows=())
    found = []
    for name, span in inputs.legs:
        bounds = tuple(
            replace(bound, judged=trimmed(bound.judged, span.start_ms, span.end_ms)) for bound in inputs.bounds
        )
        own = replace(inputs, profile=profile, bounds=bounds, silence=False)
        document = findings(own, as_of_ms).document
        found.append(Leg(name, span, _custodians(inputs.holders, span), own, dict(document)))
    return found


def _custodians(holders: Sequence[tuple[str, Span]], leg: Span) -> tuple[str, ...]:
    """Who had the goods during a leg, in order."""
    return tuple(
        name
        for name, span in holders
        if (leg.end_ms is None or span.start_ms < leg.end_ms) and (span.end_ms is None or leg.start_ms < span.end_ms)
    )
