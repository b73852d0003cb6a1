"""The HTTP API: one module per noun, each a table of routes with the permission that it demands."""

from dashboard.api import (
    alarms,
    batches,
    catalogue,
    device_profiles,
    events,
    findings,
    ingest,
    loggers,
    past_figures,
    people,
    product_profiles,
    readings,
    records,
    reference,
    shipments,
    stages,
    windows,
)
from dashboard.policy import Endpoint

_NOUNS = (
    ingest, shipments, stages, batches,
    past_figures, loggers, readings, findings, alarms, records, catalogue, product_profiles,
    device_profiles, people, events, reference,
    windows,
)  # fmt: skip


def endpoints() -> tuple[Endpoint, ...]:
    """Every route of the API."""
    return tuple(endpoint for noun in _NOUNS for endpoint in noun.ENDPOINTS)
