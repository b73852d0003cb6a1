"""What every API route starts from: the services, who calls, and how its parameters are read."""

import re
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry.paging import LARGEST, Page
from coldchain.registry.viewer import Permission, Viewer
from dashboard.services import Services


class Body(BaseModel):
    """A JSON body: unknown fields are refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        """PostgreSQL has no text with NUL in it, and no person writes one."""
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and "\x00" in text for text in texts):
            raise ValueError("NUL is a control character and no text; send it without")
        return value


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _viewer(request: Request) -> Viewer:
    viewer: Viewer = request.scope["coldchain.viewer"]
    return viewer


Words = Annotated[str, StringConstraints(max_length=2000)]  # what a person writes down: a reason, a remark
Web = Annotated[Services, Depends(_services)]
Caller = Annotated[Viewer, Depends(_viewer)]
Limit = Annotated[int, Query(ge=1, le=LARGEST, description="rows per page")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before")]
From = Annotated[str | None, Query(alias="from", description="ISO 8601 with Z or an offset, inclusive")]
To = Annotated[str | None, Query(description="ISO 8601 with Z or an offset, exclusive")]

KnownAsOf = Annotated[
    str | None, Query(description="ISO 8601 with Z or an offset: the figures as they were known at that moment")
]


def instant(field: str, text: str | None) -> int | None:
    """Milliseconds of an ISO 8601 time, None for none.

    Raises:
        InvalidValue: names the field and the value.
    """
    if text is None:
        return None
    try:
        # In a query a plus sign that was not written as %2B arrives as a space.
        found = ms_from_iso(_SPACED_OFFSET.sub(r"\1+\2", text))
    except InvalidValue as error:
        raise InvalidValue(f"{field}: {error}") from error
    if found < 0:  # periods reach back from it, and calendars end somewhere
        raise InvalidValue(f"{field}: {text[:40]!r} lies before 1970: choose a later moment")
    return found


def required_instant(field: str, text: str) -> int:
    """As `instant`, for a field that must be there."""
    value = instant(field, text)
    return 0 if value is None else value


def past_instant(field: str, text: str | None, now_ms: int) -> int | None:
    """As `instant`, for a moment that has been.

    Raises:
        InvalidValue: also where it is still to come.
    """
    moment = instant(field, text)
    if moment is not None and moment > now_ms:
        raise InvalidValue(f"{field}: {text} lies in the future; choose a moment that has been")
    return moment


def period(web: Services, from_: str | None, to: str | None) -> tuple[int, int]:
    """[from, to) of a question about a stretch of time: the last 31 days unless told otherwise.

    Raises:
        InvalidValue: names the field and the value.
    """
    end_ms, start_ms = instant("to", to), instant("from", from_)
    if end_ms is None:
        end_ms = web.clock.now_ms()
    return (end_ms - _USUAL_PERIOD_MS if start_ms is None else start_ms), end_ms


_USUAL_PERIOD_MS = 31 * 86_400_000
_SPACED_OFFSET = re.compile(r"(T[\d:.]+) (\d\d:\d\d)$")
_FORMATS = {"application/json": "json", "text/csv": "csv", "application/x-ndjson": "ndjson"}


def wanted_format(request: Request, named: str | None) -> str:
    """json, csv or ndjson: as named, else what `Accept` prefers of these, else json.

    Raises:
        InvalidValue: another name.
    """
    if named is not None:
        if named not in _FORMATS.values():
            raise InvalidValue(f"format: {named[:20]!r} is none of {', '.join(_FORMATS.values())}")
        return named
    accepted = sorted(map(_preference, request.headers.get("accept", "").split(",")), key=lambda one: -one[1])
    return next((_FORMATS[kind] for kind, weight in accepted if kind in _FORMATS and weight > 0), "json")


def _preference(part: str) -> tuple[str, float]:
    """One entry of `Accept`: the media type and how much it is wanted."""
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    named = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    return kind, float(named) if re.fullmatch(r"[01](\.\d{0,3})?", named) else 0.0


def demand_export(viewer: Viewer) -> None:
    """Nothing, if the viewer may take data out.

    Raises:
        Forbidden: it may not.
    """
    if not viewer.may(Permission.EXPORT):
        raise Forbidden(f"the role {viewer.role} has no permission to export; ask an administrator for it")


def reply(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(data), status, headers, "application/json")


def list_reply(page: Page) -> Response:
    """One page of a list."""
    return reply({"items": page.items, "next_cursor": page.next_cursor})


def shown_as(description: str, example: Any, *, status: int = 200, many: bool = False) -> dict[str, Any]:
    """The OpenAPI entry of a JSON answer, with an example whose shape it has."""
    shape: dict[str, Any] = {"type": "object"}
    if many:
        example = {"items": [example], "next_cursor": None}
        shape = {
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {
                "items": {"type": "array", "items": {"type": "object"}},
                "next_cursor": {"type": ["string", "null"]},
            },
        }
    content = {"application/json": {"schema": shape, "example": example}}
    return {"responses": {status: {"description": description, "content": content}}, "status_code": status}


def takes(example: Any) -> dict[str, Any]:
    """The OpenAPI entry of a JSON body's example."""
    return {"openapi_extra": {"requestBody": {"content": {"application/json": {"example": example}}}}}
