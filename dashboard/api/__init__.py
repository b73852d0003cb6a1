"""The HTTP API: one module per noun, each a table of routes with the permission that it demands."""

from dashboard.api import (
    ack_links,
    alarm_quality,
    alarms,
    batches,
    callbacks,
    catalogue,
    derivations,
    device_profiles,
    drills,
    events,
    explanations,
    findings,
    habits,
    ingest,
    loggers,
    maintenance,
    openings,
    parties,
    past_figures,
    people,
    policies,
    product_profiles,
    proofs,
    readings,
    records,
    reference,
    rotas,
    routing,
    rule_lab,
    schemas,
    sentinel,
    shipments,
    stages,
    summaries,
    windows,
)
from dashboard.api import (
    endpoints as program_endpoints,
)
from dashboard.policy import Endpoint

_NOUNS = (
    ingest, shipments, stages, batches, derivations, past_figures, loggers, readings, findings, summaries, alarms,
    ack_links, callbacks, sentinel, proofs, drills, program_endpoints, parties,
    alarm_quality, records, catalogue, product_profiles, device_profiles, rule_lab, people, events, reference,
    windows, schemas, openings, policies, rotas, routing, maintenance, explanations, habits,
)  # fmt: skip


def endpoints() -> tuple[Endpoint, ...]:
    """Every route of the API."""
    return tuple(endpoint for noun in _NOUNS for endpoint in noun.ENDPOINTS)
