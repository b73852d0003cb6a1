"""How a figure of a shipment or a store was computed: inputs, formula with its numbers, steps, rounding, result."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from fastapi.responses import Response

from coldchain.registry import shipment_views, stores
from coldchain.registry.viewer import Permission
from compliance import derivation_record, shipment_budget
from compliance.derivation import figures_of, value_at
from compliance.derivation_record import Asked
from compliance.derived import Json
from compliance.inputs import Span
from dashboard.api.request import Caller, From, To, Web, instant, reply, shown_as
from dashboard.policy import API, Endpoint, may

Figure = Annotated[
    str, Query(max_length=200, description="its name in the document, such as mkt.value_c or excursions.0.duration_s")
]
Which = Annotated[str | None, Query(max_length=100, description="the governing one by default")]


Leg = Annotated[int | None, Query(ge=0, le=10_000, description="of this leg alone, by its place; the first is 0")]


def of_shipment(
    web: Web, viewer: Caller, shipment: str, figure: Figure, channel: Which = None, logger: Which = None,
    leg: Leg = None, from_: From = None, to: To = None,
) -> Response:  # fmt: skip
    """How one figure of the newest compliance document was computed (schema `coldchain.derivation/1`).

    With `leg`, or with `from` and `to`, the same figure of that part of the time. Computed once more from the same
    readings, facts and moment; `agrees` says whether it gives the printed figure. Names that begin with `budget.` are
    those of the shipment's own stability ledger as of now, such as budget.time_left.upper_s.
    """
    asked = Asked(figure, logger, channel, leg, _within(from_, to))
    with web.registry.read() as connection:
        if figure.startswith(shipment_budget.PREFIX):
            return reply(shipment_budget.derive(connection, viewer, shipment, figure, web.clock.now_ms()))
        return reply(derivation_record.of_shipment(connection, web.history, viewer, shipment, asked))


def of_store(
    web: Web, viewer: Caller, store: str, figure: Figure, channel: Which = None, logger: Which = None,
    from_: From = None, to: To = None,
) -> Response:  # fmt: skip
    """How one figure of a store was computed (schema `coldchain.derivation/1`): over the days that its findings cover.

    With `from` and `to` over that stretch, such as a day of its windows, however far back.
    """
    asked = Asked(figure, logger, channel, None, _within(from_, to))
    with web.registry.read() as connection:
        return reply(derivation_record.of_store(connection, web.history, viewer, store, asked))


def figures_of_shipment(web: Web, viewer: Caller, shipment: str) -> Response:
    """Every number of the newest compliance document with the address of its derivation."""
    with web.registry.read() as connection:
        document = shipment_views.compliance(connection, viewer, shipment)
        lasting = list(shipment_budget.figures(connection, viewer, shipment, web.clock.now_ms()))
    address = f"{API}/shipments/{shipment}/derivation"
    of = {"logger": document["governing_logger"], "channel": document["governing_channel"]}
    more = [{**of, "figure": figure, "value": value, "derivation": f"{address}?{urlencode({'figure': figure})}"}
            for figure, value in lasting]  # fmt: skip
    return reply({"items": [*_listed(address, document), *more], "next_cursor": None})


def figures_of_store(web: Web, viewer: Caller, store: str) -> Response:
    """Every number of the store's newest document with the address of its derivation."""
    with web.registry.read() as connection:
        document = stores.shown(connection, viewer, store)["document"]
    found = _listed(f"{API}/stores/{store}/derivation", document or {"channels": []})
    return reply({"items": found, "next_cursor": None})


def _within(from_: str | None, to: str | None) -> Span | None:
    start, end = instant("from", from_), instant("to", to)
    return None if start is None and end is None else Span(start or 0, end)


def _listed(address: str, document: Json) -> list[Json]:
    items = []
    for channel in document["channels"]:
        of = {"logger": channel["logger"], "channel": channel["channel"]}
        for figure in figures_of(channel):
            where = f"{address}?{urlencode({'figure': figure, **of})}"
            items.append({**of, "figure": figure, "value": value_at(channel, figure), "derivation": where})
    return items


_DERIVED = {
    "schema": "coldchain.derivation/1", "figure": "temperature.time_above_s",
    "method_id": "time_in_range.interpolated/1",
    "formula": "Σ time above", "numbers": "Σ = 200 s", "exact": "200", "printed": "200.00", "unit": "s", "agrees": True,
}  # fmt: skip
_FIGURE = {
    "logger": "LOG-0042", "channel": "internal", "figure": "mkt.value_c", "value": 5.42,
    "derivation": f"{API}/shipments/7e0b8f5e-6f5e-4b1c-9a55-0d1d2a1f6c10/derivation?figure=mkt.value_c&logger=LOG-0042",
}  # fmt: skip
ENDPOINTS = (
    Endpoint("GET", f"{API}/shipments/{{shipment}}/derivation", of_shipment, may(Permission.VIEW),
             shown_as("How it was computed", _DERIVED)),
    Endpoint("GET", f"{API}/shipments/{{shipment}}/figures", figures_of_shipment, may(Permission.VIEW),
             shown_as("Its figures", _FIGURE, many=True)),
    Endpoint("GET", f"{API}/stores/{{store}}/derivation", of_store, may(Permission.VIEW),
             shown_as("How it was computed", _DERIVED)),
    Endpoint("GET", f"{API}/stores/{{store}}/figures", figures_of_store, may(Permission.VIEW),
             shown_as("Its figures", _FIGURE, many=True)),
)  # fmt: skip
