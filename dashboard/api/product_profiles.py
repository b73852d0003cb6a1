"""What goods are judged by: product profiles with their versions, approval, comparison and uses."""

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from coldchain.domain.finding import SubjectKind
from coldchain.domain.profile_advice import USUAL_INTERVAL_MS, advice
from coldchain.domain.profile_compare import differences
from coldchain.domain.profile_format import profile_from
from coldchain.domain.quantity import iso
from coldchain.domain.tables import InvalidTable
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import people, profile_uses, profiles
from coldchain.registry.profiles import StoredProfile
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.request import Body, Caller, Web, Words, reply, shown_as, takes
from dashboard.confirm import confirmed
from dashboard.policy import API, Endpoint, may
from dashboard.security import client_address
from dashboard.services import Services

Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
From = Annotated[int, Query(alias="from", ge=1, le=2**31 - 1, description="the older version")]
To = Annotated[int, Query(ge=1, le=2**31 - 1, description="the newer version")]
Other = Annotated[str | None, Query(alias="with", description="compare with this profile's version `to` instead")]
Interval = Annotated[float, Query(ge=1, le=86_400, description="the loggers' reporting interval, for the warnings")]
# What the record says of a profile, and the profile does not say of itself: sent back, it is no mistake.
_OF_THE_RECORD = (
    "who", "who_name", "recorded", "approved", "approved_by", "approved_by_name", "state", "retired", "retired_by",
    "retired_by_name", "retired_reason", "versions",
)  # fmt: skip


class Copy(Body):
    """The id of the new profile; without a version the newest is copied."""

    id: str
    name: str | None = None
    version: int | None = Field(None, ge=1, le=2**31 - 1)


class Approval(Body):
    """Which version is approved, on what that rests, and one's own password once more."""

    version: int = Field(ge=1, le=2**31 - 1)
    reason: Words
    password: str


class Retirement(Body):
    """Why the profile goes out of use."""

    reason: Words


def listed(web: Web, all_versions: bool = False) -> Response:
    """The newest version of every product profile, or every version; `state` is proposal, approved or retired."""
    with web.registry.read() as connection:
        found = profiles.listed(connection, all_versions=all_versions)
        items = [_profile(one, _names(connection, found)) for one in found]
    return reply({"items": items, "next_cursor": None})


def shown(web: Web, profile: str, version: Version = None) -> Response:
    """One product profile, the newest version by default, with who made and approved each of its `versions`."""
    with web.registry.read() as connection:
        return reply(_whole(connection, profiles.get(connection, profile, version)))


async def add(request: Request, web: Web, viewer: Caller) -> Response:
    """Add a product profile or its next version: the TOML format as JSON, with `reason` beside it from version 2 on."""
    body = await _body(request)
    return await run_in_threadpool(_add, web, viewer, body)


def _add(web: Services, viewer: Viewer, body: dict[str, Any]) -> Response:
    reason = _own(body)
    with web.registry.write() as connection:
        made = profiles.add(connection, body, who=viewer.id, reason=reason, now_ms=web.clock.now_ms())
        told = _whole(connection, made)
    return reply(told, 201, {"Location": f"{API}/product-profiles/{made.profile.id}"})


async def check(request: Request, web: Web, interval_s: Interval = USUAL_INTERVAL_MS / 1000) -> Response:
    """What adding this body would say, without storing it: every mistake, the warnings, and what would change."""
    body = await _body(request)
    return await run_in_threadpool(_check, web, body, round(interval_s * 1000))


def _check(web: Services, body: dict[str, Any], interval_ms: int) -> Response:
    _own(body)
    problems: tuple[str, ...] = ()
    warnings: list[dict[str, str]] = []
    try:
        warnings = [
            {"field": one.field, "words": one.words} for one in advice(profile_from(body, new=True), interval_ms)
        ]
    except InvalidTable as error:
        problems = error.problems
    with web.registry.read() as connection:
        try:
            before: StoredProfile | None = profiles.get(connection, str(body.get("id")))
        except NotFound:
            before = None
    changed = [] if before is None else [one._asdict() for one in differences(before.body, body)]
    against = None if before is None else before.profile.version
    return reply({"problems": list(problems), "warnings": warnings, "against_version": against, "differences": changed})


def copy(web: Web, viewer: Caller, profile: str, body: Copy) -> Response:
    """Version 1 of a new product profile with everything that this one says."""
    with web.registry.write() as connection:
        made = profiles.copy(
            connection, profile, body.version, as_id=body.id, name=body.name, who=viewer.id, now_ms=web.clock.now_ms()
        )
        told = _whole(connection, made)
    return reply(told, 201, {"Location": f"{API}/product-profiles/{made.profile.id}"})


def approve(request: Request, web: Web, viewer: Caller, profile: str, body: Approval) -> Response:
    """Record that the quality unit stands behind a version: new shipments begin with the newest approved one.

    A person does this, with the password once more, and not the one who wrote the version.
    """
    peer = request.client.host if request.client else None
    confirmed(web, viewer, body.password, client_address(web.settings, request.headers, peer))
    with web.registry.write() as connection:
        made = profiles.approve(
            connection, profile, body.version, who=viewer.id, now_ms=web.clock.now_ms(), reason=body.reason
        )
        return reply(_whole(connection, made))


def retire(web: Web, viewer: Caller, profile: str, body: Retirement) -> Response:
    """Take a product profile out of use: nothing new is judged by it, what has it keeps it."""
    with web.registry.write() as connection:
        made = profiles.retire(connection, profile, who=viewer.id, reason=body.reason, now_ms=web.clock.now_ms())
        return reply(_whole(connection, made))


def compare(web: Web, profile: str, from_: From, to: To, other: Other = None) -> Response:
    """What differs between two versions, field by field; with `with` the newer one is another profile's."""
    with web.registry.read() as connection:
        old, new = profiles.get(connection, profile, from_), profiles.get(connection, other or profile, to)
    return reply(
        {
            "from": {"id": old.profile.id, "version": old.profile.version},
            "to": {"id": new.profile.id, "version": new.profile.version},
            "differences": [one._asdict() for one in differences(old.body, new.body)],
        }
    )


def used(web: Web, viewer: Caller, profile: str, version: Version = None) -> Response:
    """The shipments and stores that you may see and that a version of this profile judges, the newest first."""
    with web.registry.read() as connection:
        profiles.get(connection, profile, version)
        found = profile_uses.uses(connection, viewer, profile, version)
    parts: dict[str, list[dict[str, Any]]] = {"shipments": [], "stores": []}
    for one in found:
        named = "reference" if one.kind is SubjectKind.SHIPMENT else "name"
        told = {"id": one.id, named: one.name, "version": one.version, "since": iso(one.since_ms), "reason": one.reason}
        parts[f"{one.kind.value}s"].append(told | ({"state": one.state} if one.state else {}))
    return reply(parts)


# --- how they are read and shown -------------------------------------------------------------------------------------


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if value and not -30 <= value.adjusted() <= 30:
        # Written out in full, its digits would fill the memory.
        raise InvalidValue(f"body: {text[:40]} is no number that a profile can hold")
    return value


_EXACT = msgspec.json.Decoder(float_hook=_decimal)


async def _body(request: Request) -> dict[str, Any]:
    try:
        # Numbers keep their decimal text: limits are judged in milli-degrees, never in binary fractions.
        body = _EXACT.decode(await request.body())
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidValue(f"body: is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidValue("body: is not a JSON object; send the profile's fields")
    return body


def _own(body: dict[str, Any]) -> str | None:
    """The reason that stands beside the profile's fields; what the record says of it is taken out as well."""
    for name in _OF_THE_RECORD:
        body.pop(name, None)
    reason = body.pop("reason", None)
    if reason is not None and not (isinstance(reason, str) and len(reason) <= 2000):
        raise InvalidValue("reason: is not a text of at most 2000 characters")
    return reason


def _names(connection: Any, found: list[StoredProfile]) -> dict[str, str]:
    said = {who for one in found for who in (one.who, one.approved_by, one.retired_by) if who is not None}
    return {"system": "Coldchain", **people.names(connection, said)}


def _whole(connection: Any, one: StoredProfile) -> dict[str, Any]:
    versions = profiles.history(connection, one.profile.id)
    names = _names(connection, versions)
    return {**_profile(one, names), "versions": [_record(each, names) for each in versions]}


def _profile(one: StoredProfile, names: dict[str, str]) -> dict[str, Any]:
    return {**one.body, "id": one.profile.id, "proposal": one.approved_ms is None, **_record(one, names)}


def _record(one: StoredProfile, names: dict[str, str]) -> dict[str, Any]:
    times = {"recorded": one.recorded_ms, "approved": one.approved_ms, "retired": one.retired_ms}
    said = {"who": one.who, "approved_by": one.approved_by, "retired_by": one.retired_by}
    return {
        "version": one.profile.version, "state": one.state, "reason": one.reason, **said,
        **{f"{field}_name": None if who is None else names.get(who, who) for field, who in said.items()},
        "retired_reason": one.retired_reason,
        **{name: None if value is None else iso(value) for name, value in times.items()},
    }  # fmt: skip


_PROFILE = {"id": "refrigerated-2-8", "version": 1, "name": "Refrigerated 2 … 8 °C", "state": "proposal"}
_DIFFERENCE = {"field": "alarm_profile.rules[warm].hold", "old": "30 min", "new": "20 min"}
_COMPARED = {"from": {"id": "cct-2-8", "version": 1}, "to": {"id": "cct-2-8", "version": 2},
             "differences": [_DIFFERENCE]}  # fmt: skip
_CHECKED = {
    "problems": ["label_range is crossed: low_c must lie below high_c, but the range reads 8 … 2 °C"],
    "warnings": [{"field": "alarm_profile.rules[4].hold", "words": "10 min is shorter than 3 reporting intervals …"}],
    "against_version": 1, "differences": [_DIFFERENCE],
}  # fmt: skip
_USED = {"shipments": [{"id": "7e0b8f5e-6f5e-4b1c-9a55-0d1d2a1f6c10", "reference": "SHP-2026-0117", "version": 1}],
         "stores": []}  # fmt: skip
_COPY = {"id": "cct-2-8-mabs", "name": "Antibodies 2 … 8 °C"}
_APPROVAL = {"version": 1, "reason": "change control 26-114", "password": "…"}
_RETIREMENT = {"reason": "replaced by cct-2-8-mabs"}
_JSON = {"openapi_extra": {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}}
_ONE, _QUALITY = f"{API}/product-profiles/{{profile}}", may(Permission.ASSESS, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", f"{API}/product-profiles", listed, may(Permission.VIEW),
             shown_as("Every profile", _PROFILE, many=True)),
    Endpoint("POST", f"{API}/product-profiles", add, _QUALITY, shown_as("The profile", _PROFILE, status=201) | _JSON),
    Endpoint("POST", f"{API}/product-profiles/check", check, _QUALITY,
             shown_as("What adding it would say", _CHECKED) | _JSON),
    Endpoint("GET", _ONE, shown, may(Permission.VIEW), shown_as("The profile", _PROFILE)),
    Endpoint("POST", f"{_ONE}/copy", copy, _QUALITY, shown_as("The copy", _PROFILE, status=201) | takes(_COPY)),
    Endpoint("POST", f"{_ONE}/approve", approve, _QUALITY, shown_as("The profile", _PROFILE) | takes(_APPROVAL)),
    Endpoint("POST", f"{_ONE}/retire", retire, _QUALITY, shown_as("The profile", _PROFILE) | takes(_RETIREMENT)),
    Endpoint("GET", f"{_ONE}/compare", compare, may(Permission.VIEW), shown_as("What differs", _COMPARED)),
    Endpoint("GET", f"{_ONE}/uses", used, may(Permission.VIEW), shown_as("Who is judged by it", _USED)),
)  # fmt: skip
