"""The JSON Schemas of the documents that figures are published in."""

from fastapi.responses import Response

from coldchain.registry.viewer import Permission
from compliance.schemas_published import SCHEMAS, schema_of
from dashboard.api.request import reply, shown_as
from dashboard.policy import API, Endpoint, may


def listed() -> Response:
    """The documents with a published schema."""
    items = [{"schema": name, "address": f"{API}/schemas/{name.replace('/', '-')}"} for name in SCHEMAS]
    return reply({"items": items, "next_cursor": None})


def shown(schema: str) -> Response:
    """One JSON Schema (draft 2020-12), such as coldchain.batch-1."""
    return reply(schema_of(schema))


_ONE = {"schema": "coldchain.batch/1", "address": f"{API}/schemas/coldchain.batch-1"}
_SHOWN = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:coldchain:batch:1", "type": "object"}
ENDPOINTS = (
    Endpoint("GET", f"{API}/schemas", listed, may(Permission.VIEW), shown_as("Which there are", _ONE, many=True)),
    Endpoint("GET", f"{API}/schemas/{{schema}}", shown, may(Permission.VIEW), shown_as("The schema", _SHOWN)),
)  # fmt: skip
