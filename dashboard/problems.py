"""Every error of the HTTP API in one form (RFC 9457), made in one place."""

import http
import json
import traceback
import uuid
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from coldchain.errors import ColdchainError, Forbidden, InvalidValue, NotFound, PermanentError, Stale, TransientError
from dashboard.plain_pages import error_page

_STATUS: tuple[tuple[type[ColdchainError], int], ...] = (
    (InvalidValue, 422),
    (NotFound, 404),
    (Forbidden, 403),
    (Stale, 409),
    (TransientError, 503),
    (PermanentError, 422),
)
_log = structlog.get_logger()


class Problem(ColdchainError):
    """A refusal with a status of its own and, where useful, more members and headers."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.members = members


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **members: Any) -> Response:
    """A response of type application/problem+json."""
    body = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status, "detail": detail}
    text = json.dumps({**body, **members}, ensure_ascii=False)
    return Response(text, status, headers, "application/problem+json")


def answer(request: Request, error: Problem) -> Response:
    """The problem as JSON, or as a small page for a person who navigates."""
    if wants_page(request):
        return error_page(request, error.status, error.detail, error.headers)
    return problem(error.status, error.detail, error.headers, **error.members)


def wants_page(request: Request) -> bool:
    """Whether a browser asks for something to look at, and not a program for data."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def install(app: FastAPI) -> None:
    """Have every error of the application answered here."""
    app.add_exception_handler(ColdchainError, _deliberate)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, unforeseen)


def as_problem(error: ColdchainError) -> Problem:
    """The problem that a deliberate error of any room means."""
    if isinstance(error, Problem):
        return error
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return Problem(status, str(error), {"Retry-After": "1"} if status == 503 else None)


def _deliberate(request: Request, error: Exception) -> Response:
    return answer(request, as_problem(error) if isinstance(error, ColdchainError) else Problem(500, str(error)))


def _malformed(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    mistakes = [_mistake(one) for one in found]
    return answer(request, Problem(422, "; ".join(m["detail"] for m in mistakes[:5]), errors=mistakes))


def _mistake(one: Any) -> dict[str, str]:
    place = ".".join(str(part) for part in one["loc"] if part not in ("body", "query", "path", "header"))
    secret = "password" in place
    shown = "missing" if one["type"] == "missing" else "(hidden)" if secret else repr(one.get("input"))[:80]
    detail = f"{place or 'body'}: {shown}; {one['msg'][:1].lower()}{one['msg'][1:]}"
    return {"field": place, "value": shown, "detail": detail}


def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return answer(request, Problem(500, str(error)))
    return answer(request, Problem(error.status_code, str(error.detail), dict(error.headers or {})))


def unforeseen(request: Request, error: Exception) -> Response:
    """What a caller is told of a mistake of ours: a reference to the log, and nothing else."""
    reference = str(uuid.uuid4())
    # As text: a renderer that shows local variables would write cookies and keys into the log.
    trace = "".join(traceback.format_exception(error))
    _log.error("request failed", path=request.url.path, reference=reference, trace=trace)
    detail = "something failed here that we did not foresee; the log has it under this reference"
    return answer(request, Problem(500, detail, reference=reference))
