"""How a figure of a shipment was computed: inputs, formula with the numbers put in, steps, rounding, result."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from coldchain.registry.viewer import Permission
from compliance import derivation_record
from dashboard.api.request import Caller, Web, reply, shown_as
from dashboard.policy import API, Endpoint, may

Figure = Annotated[
    str, Query(max_length=200, description="its name in the document, such as mkt.value_c or excursions.0.duration_s")
]
Which = Annotated[str | None, Query(max_length=100, description="the governing one by default")]


def derivation(
    web: Web, viewer: Caller, shipment: str, figure: Figure, channel: Which = None, logger: Which = None
) -> Response:
    """How one figure of the newest compliance document was computed (schema `coldchain.derivation/1`).

    Computed once more from the same readings, facts and moment; `agrees` says whether it gives the printed figure.
    """
    with web.registry.read() as connection:
        found = derivation_record.of_shipment(connection, web.history, viewer, shipment, figure, logger, channel)
    return reply(found)


_DERIVED = {
    "schema": "coldchain.derivation/1", "figure": "temperature.time_above_s",
    "method_id": "time_in_range.interpolated/1",
    "formula": "Σ time above", "numbers": "Σ = 200 s", "exact": "200", "printed": "200.00", "unit": "s", "agrees": True,
}  # fmt: skip
ENDPOINTS = (
    Endpoint("GET", f"{API}/shipments/{{shipment}}/derivation", derivation, may(Permission.VIEW),
             shown_as("How it was computed", _DERIVED)),
)  # fmt: skip
