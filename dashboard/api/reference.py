"""The API's own description: OpenAPI, and a page that shows it without a script or a request elsewhere."""

import json
from typing import Any

from fastapi import Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response

from coldchain.registry.viewer import Permission
from dashboard.api.request import reply
from dashboard.plain_pages import escape
from dashboard.policy import API, Endpoint, PolicyTable, may

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "detail": {"type": "string"}, "errors": {"type": "array", "items": {"type": "object"}},
    },
}  # fmt: skip
_STYLE = """
:root { color-scheme: light dark; --ink: #1b242c; --quiet: #55606b; --ground: #f4f6f8; --card: #fff; --act: #0b5394; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf1; --quiet: #b3bcc5; --ground: #141b21; --card: #1f2a33;
  --act: #8cc8ff; } }
body { margin: 0 auto; max-width: 60rem; padding: 16px; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, Arial, sans-serif; overflow-wrap: anywhere; }
details { background: var(--card); border-radius: 8px; margin: 8px 0; padding: 8px 14px; }
summary { cursor: pointer; } summary b { color: var(--act); } .quiet { color: var(--quiet); }
pre { overflow-x: auto; white-space: pre-wrap; } a { color: var(--act); }
table { border-collapse: collapse; } td, th { text-align: left; padding: 2px 14px 2px 0; vertical-align: top; }
"""


def openapi(request: Request) -> Response:
    """This API as OpenAPI 3.1."""
    return reply(document(request))


def page(request: Request) -> Response:
    """The same for people."""
    described = document(request)
    sections = "".join(
        _operation(method.upper(), path, operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Coldchain HTTP API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><main><h1>Coldchain HTTP API</h1>"
        f"<p>Version {escape(described['info']['version'])}. Send <code>Authorization: Bearer KEY</code>. Times are "
        "ISO 8601 in UTC; lists have <code>items</code> and <code>next_cursor</code>; errors are RFC 9457 problem "
        f'details. <a href="{API}/openapi.json">OpenAPI document</a></p>{sections}</main></body></html>'
    )
    return HTMLResponse(text)


def document(request: Request) -> dict[str, Any]:
    """The OpenAPI document of the application, made once."""
    app = request.app
    if app.openapi_schema is None:
        described = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        described["components"].setdefault("schemas", {})["Problem"] = _PROBLEM
        described["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": "coldchain"},
        }
        _complete(described, app.state.table)
        app.openapi_schema = described
    result: dict[str, Any] = app.openapi_schema
    return result


def _complete(described: dict[str, Any], table: PolicyTable) -> None:
    """Each operation's permission and how it refuses, from the policy table."""
    refused = {
        "description": "Refused; says why",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for endpoint in table.endpoints:
        operation = described["paths"].get(endpoint.path, {}).get(endpoint.method.lower())
        if operation is None:
            continue
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = refused
        permission = endpoint.policy.permission
        operation["security"] = [] if permission is None else [{"key": []}, {"session": []}]
        operation["x-permission"] = "none" if permission is None else permission.value
    described["components"].get("schemas", {}).pop("HTTPValidationError", None)
    described["components"].get("schemas", {}).pop("ValidationError", None)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    words = escape(operation.get("description", "")).replace("\n", "<br>")
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", [])
    )
    examples = ""
    for title, content in _contents(operation):
        if "example" in content:
            shown = json.dumps(content["example"], indent=2, ensure_ascii=False)
            examples += f"<p>{title}</p><pre>{escape(shown)}</pre>"
    return (
        f"<details><summary><b>{method}</b> <code>{escape(path)}</code></summary><p>{words}</p>"
        f'<p class="quiet">Permission: {escape(operation["x-permission"])}</p><table>{rows}</table>{examples}</details>'
    )


def _contents(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    body = operation.get("requestBody", {}).get("content", {})
    found = [("Send", content) for content in body.values()]
    for status, response in operation["responses"].items():
        found += [(f"Get {status}", content) for content in response.get("content", {}).values()]
    return found


_HIDDEN = {"include_in_schema": False}
ENDPOINTS = (
    Endpoint("GET", f"{API}/openapi.json", openapi, may(Permission.VIEW), _HIDDEN),
    Endpoint("GET", f"{API}/docs", page, may(Permission.VIEW), _HIDDEN),
)
