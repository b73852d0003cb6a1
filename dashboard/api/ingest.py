"""The ways in over HTTP: messages of webhooks and programs, and the files of USB loggers."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from coldchain.domain.message import Receipt, Refusal
from coldchain.domain.quantity import iso
from coldchain.registry.viewer import Permission
from dashboard.api import files as uploads
from dashboard.api.request import Caller, Web, reply
from dashboard.policy import API, KIB, Endpoint, may
from ingest import webhook

_LARGEST_MESSAGE = 4 * 1024 * KIB + 1  # one byte more than is read, so that the refusal can name the limit


async def message(request: Request, web: Web, viewer: Caller, source: str) -> Response:
    """Send one message, or an array of them, as a logger, gateway or vendor cloud would: 202 after the commit.

    Senders that repeat until they get 201 get it (`efento`). A key of the role device speaks for any logger that its
    messages name, as a vendor's cloud does, unless it was made for some loggers only.

    What cannot be believed is kept in quarantine and named in the receipts; sending the same again changes nothing.
    """
    body, arrived_ms = await request.body(), web.clock.now_ms()
    kind = request.headers.get("content-type")
    receipts = await run_in_threadpool(
        webhook.accept, web.pipeline, source, body, kind, None, arrived_ms, viewer.loggers
    )
    return reply({"receipts": [_receipt(one) for one in receipts]}, webhook.status_of(source))


def _receipt(one: Receipt) -> dict[str, Any]:
    values = {
        "outcome": one.outcome.value, "logger": one.logger, "message": one.message, "stored": len(one.stored),
        "duplicates": one.duplicates, "refused": [_refusal(refusal) for refusal in one.refusals],
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def _refusal(one: Refusal) -> dict[str, Any]:
    time = None if one.event_time_ms is None else iso(one.event_time_ms)
    values = {"reason": one.reason, "field": one.field, "value": one.value, "channel": one.channel, "event_time": time}
    return {name: value for name, value in values.items() if value is not None}


_MESSAGE = {
    "v": 1, "device": "LOG-0042", "boot": 7, "seq": 1893,
    "readings": [{"ts": "2026-01-05T12:00:00Z", "values": {"temperature_c": 4.62, "humidity_pct": 41.2}}],
}  # fmt: skip
_RECEIPT = {
    "receipts": [
        {"outcome": "readings", "logger": "LOG-0042", "message": 1, "stored": 1, "duplicates": 0, "refused": []}
    ]
}


def _takes(kind: str, **what: Any) -> dict[str, Any]:
    return {"openapi_extra": {"requestBody": {"required": True, "content": {kind: what}}}}


def _gives(status: int, description: str, example: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"status_code": status, "responses": {status: {"description": description, "content": content}}}


ENDPOINTS = (
    Endpoint("POST", f"{API}/ingest/{{source}}", message, may(Permission.INGEST, body_limit=_LARGEST_MESSAGE),
             _gives(202, "Committed (201 for efento)", _RECEIPT) | _takes("application/json", example=_MESSAGE)),
    *uploads.ENDPOINTS,
)  # fmt: skip
