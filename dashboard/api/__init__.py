"""The HTTP API: one module per noun, each a table of routes with the permission that it demands."""

from dashboard.api import events, shipments
from dashboard.policy import Endpoint

_NOUNS = (shipments, events)


def endpoints() -> tuple[Endpoint, ...]:
    """Every route of the API."""
    return tuple(endpoint for noun in _NOUNS for endpoint in noun.ENDPOINTS)
