"""The ways in over HTTP: messages of webhooks and programs, and the files of USB loggers."""

from email.parser import BytesParser
from email.policy import HTTP
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from coldchain.domain.message import Receipt, Refusal
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry.viewer import Permission
from dashboard.api.request import Caller, Web, reply
from dashboard.policy import API, KIB, Endpoint, may
from ingest import files, webhook

_LARGEST_MESSAGE = 4 * 1024 * KIB + 1  # one byte more than is read, so that the refusal can name the limit


Zone = Annotated[str | None, Query(description="IANA zone of the logger's wall clock, for files without one")]


class _Form(NamedTuple):
    """A file as browsers and `curl -F` send it, with the field `zone` beside it."""

    content: bytes
    name: str | None
    zone: str | None

    @classmethod
    def of(cls, kind: str, body: bytes) -> "_Form":
        """The first part with a file name, as it was sent."""
        head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
        content, name, zone = b"", None, None
        for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
            value = part.get_payload(decode=True)
            if not isinstance(value, bytes):
                continue
            if part.get_filename() is not None and name is None:
                content, name = value, part.get_filename()
            elif part.get_param("name", header="content-disposition") == "zone":
                zone = value.decode("utf-8", "replace").strip() or None
        return cls(content, name, zone)


async def message(request: Request, web: Web, source: str) -> Response:
    """Send one message, or an array of them, as a logger, gateway or vendor cloud would. 202 after the commit.

    What cannot be believed is kept in quarantine and named in the receipts; sending the same again changes nothing.
    """
    body, arrived_ms = await request.body(), web.clock.now_ms()
    kind = request.headers.get("content-type")
    receipts = await run_in_threadpool(webhook.accept, web.pipeline, source, body, kind, None, arrived_ms)
    return reply({"receipts": [_receipt(one) for one in receipts]}, 202)


async def file(
    request: Request, web: Web, viewer: Caller,
    name: Annotated[str, Query(description="what the file was called")] = "upload",
    zone: Zone = None,
) -> Response:  # fmt: skip
    """Import a logger's file, sent as the body or in a form. Sending the same file again gives the first report."""
    content, kind = await request.body(), request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        sent = _Form.of(kind, content)
        content, name, zone = sent.content, sent.name or name, zone or sent.zone
    if not content:
        raise InvalidValue("body: is empty; send the file's bytes as the request's body, or as a form's file")
    plain = name.replace("\\", "/").rsplit("/", 1)[-1][:200] or "upload"
    done = await run_in_threadpool(
        files.import_file, web.pipeline, web.registry, content, plain, zone=zone, who=viewer.id
    )
    return reply({**done.report, "again": done.again}, 200 if done.again else 201)


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
_IMPORT = {"name": "fridge.txt", "state": "imported", "rows": 4320, "stored": 4320, "duplicates": 0, "again": False}


def _takes(kind: str, **what: Any) -> dict[str, Any]:
    return {"openapi_extra": {"requestBody": {"required": True, "content": {kind: what}}}}


def _gives(status: int, description: str, example: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"status_code": status, "responses": {status: {"description": description, "content": content}}}


ENDPOINTS = (
    Endpoint("POST", f"{API}/ingest/{{source}}", message, may(Permission.INGEST, body_limit=_LARGEST_MESSAGE),
             _gives(202, "Committed", _RECEIPT) | _takes("application/json", example=_MESSAGE)),
    Endpoint("POST", f"{API}/files", file, may(Permission.INGEST, body_limit=files.LARGEST),
             _gives(201, "Imported", _IMPORT)
             | _takes("application/octet-stream", schema={"type": "string", "format": "binary"})),
)  # fmt: skip
