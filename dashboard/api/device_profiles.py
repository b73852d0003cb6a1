"""How models speak: the device profiles, which one a logger has, and kept messages decoded again with them."""

import json
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from coldchain.domain.device_profile import Assignment
from coldchain.domain.identity import logger_id
from coldchain.domain.quantity import iso
from coldchain.domain.reading import reading_json
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import device_profiles
from coldchain.registry.device_profiles import Saved
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.request import Body, Caller, Web, Words, instant, reply, shown_as, takes
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services
from ingest.again import Again, Difference, decode_again, look
from ingest.open_decisions import Request as Period
from sensors.device_profiles.catalogue import Entry
from sensors.device_profiles.format import LARGEST, parse
from sensors.device_profiles.profile import Profile
from sensors.device_profiles.read import channels_of

AGAIN_SCHEMA = "coldchain.decode_again/1"

Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Reason = Annotated[str | None, Query(max_length=500, description="why; for a body in TOML")]
Text = Annotated[bool, Query(description="true: with the text as it was written")]


class Assigned(Body):
    """What a person says of one logger; by this an untested profile is confirmed for it."""

    device_profile: str | None
    zone: str | None = None
    reason: Words


class DecodeAgain(Body):
    """Which messages of a logger, by when they arrived, and why."""

    reason: Words = ""
    from_: str | None = Field(None, alias="from")
    to: str | None = None
    dry_run: bool = False


def listed(web: Web, all_versions: bool = False) -> Response:
    """The newest version of every device profile, or every version; and the files that cannot be used, with why."""
    library = web.library
    entries = library.now().entries
    if not all_versions:
        entries = tuple({entry.profile.id: entry for entry in entries}.values())
    items = [_shown(entry) for entry in entries]
    return reply({"items": items, "next_cursor": None, "problems": list(library.problems)})


def shown(web: Web, profile: str, version: Version = None, text: Text = True) -> Response:
    """One device profile, the newest version by default, with its versions."""
    entry = web.library.now().get(profile if version is None else f"{profile}@{version}")
    if entry is None:
        wanted = profile if version is None else f"{profile}@{version}"
        raise NotFound(f"there is no device profile {wanted}")
    return reply(_whole(web, entry, text=text))


async def add(request: Request, web: Web, viewer: Caller, reason: Reason = None) -> Response:
    """Save a device profile or its next version: TOML, or the same as JSON with `reason` beside it."""
    body = await request.body()
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidValue(f"body: is not UTF-8 at byte {error.start}") from error
    return await run_in_threadpool(_add, web, viewer, text, reason)


def _add(web: Services, viewer: Viewer, text: str, reason: str | None) -> Response:
    text, reason = _without_reason(text, reason)
    profile = parse(text)
    entries = web.library.refresh().entries
    of_files = (one.profile.version for one in entries if one.profile.id == profile.id and one.origin != "saved")
    with web.registry.write() as connection:
        device_profiles.add(
            connection, profile.id, profile.version, profile.text, who=viewer.id, now_ms=web.clock.now_ms(),
            reason=reason or "", elsewhere=max(of_files, default=0),
        )  # fmt: skip
    web.library.refresh()
    return reply(_whole(web, Entry(profile, "saved"), text=True), 201, {"Location": _address(profile)})


def _without_reason(text: str, reason: str | None) -> tuple[str, str | None]:
    """A body in JSON carries its reason beside the profile's own fields; TOML has it in the query."""
    if not text.lstrip().startswith("{") or len(text) > LARGEST:
        return text, reason
    try:
        body = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text, reason  # whoever reads the profile says what is wrong
    said = body.pop("reason", reason)
    if said is not None and not isinstance(said, str):
        raise InvalidValue(f"reason: {said!r} is not a text")
    return json.dumps(body, ensure_ascii=False), said


def assign(web: Web, viewer: Caller, logger: str, body: Assigned) -> Response:
    """Say which device profile a logger has, and in which zone it writes local times; null takes the choice back."""
    plain = logger_id(logger)
    if body.device_profile is not None and web.library.refresh().get(body.device_profile) is None:
        raise InvalidValue(f"device_profile: there is none named {body.device_profile[:80]!r}")
    said = Assignment(body.device_profile, body.zone)
    with web.registry.write() as connection:
        device_profiles.assign(
            connection, plain, said, who=viewer.id, now_ms=web.clock.now_ms(), reason=body.reason
        )  # fmt: skip
    web.library.refresh()
    return reply({"logger": plain, **said._asdict()}, 201)


def again(web: Web, viewer: Caller, logger: str, body: DecodeAgain) -> Response:
    """Decode the kept messages of a logger with the device profiles of today; with `dry_run` only say what changes."""
    from_ms, to_ms = instant("from", body.from_), instant("to", body.to)
    period = Period(logger_id(logger))
    period = period._replace(from_ms=from_ms or 0, to_ms=period.to_ms if to_ms is None else to_ms)
    web.library.refresh()
    if body.dry_run:
        return reply(_told(look(web.pipeline, period)))
    made = decode_again(
        web.pipeline, web.registry, period, who=viewer.id, reason=body.reason, now_ms=web.clock.now_ms()
    )
    return reply(_told(made))


# --- how they are shown ----------------------------------------------------------------------------------------------


def _shown(entry: Entry) -> dict[str, Any]:
    profile = entry.profile
    return {
        "id": profile.id, "version": profile.version, "label": profile.label, "name": profile.name,
        "maker": profile.maker or None, "status": profile.status, "proof": profile.proof or None,
        "origin": entry.origin, "channels": list(channels_of(profile)),
        "interval_s": None if profile.interval_ms is None else profile.interval_ms / 1000,
        "source": None if profile.source is None else {
            "topics": list(profile.source.topics), "webhook": profile.source.webhook,
        },
    }  # fmt: skip


def _whole(web: Services, entry: Entry, *, text: bool) -> dict[str, Any]:
    profile = entry.profile
    with web.registry.read() as connection:
        saved = device_profiles.versions(connection, profile.id)
    files = [
        {"version": one.profile.version, "origin": one.origin}
        for one in web.library.now().entries if one.profile.id == profile.id and one.origin != "saved"
    ]  # fmt: skip
    whole = _shown(entry) | {"note": profile.note or None, "versions": files + [_version(one) for one in saved]}
    whole["range"] = {
        name: [limits.low / 1000, limits.high / 1000] for name, limits in profile.limits.items()
    }  # fmt: skip
    whole["accuracy"] = {name: float(value) for name, value in profile.accuracy.items()}
    return whole | {"text": profile.text} if text else whole


def _version(one: Saved) -> dict[str, Any]:
    retired = None if one.retired_ms is None else iso(one.retired_ms)
    return {
        "version": one.version, "origin": "saved", "recorded": iso(one.recorded_ms), "who": one.who,
        "reason": one.reason, "retired": retired,
    }  # fmt: skip


def _address(profile: Profile) -> str:
    return f"{API}/device-profiles/{profile.id}"


def _told(made: Again) -> dict[str, Any]:
    return {
        "schema": AGAIN_SCHEMA, "logger": made.logger, "decision": made.decision, "examined": made.examined,
        "changed": made.changed, "strays": made.strays, "not_understood": made.not_understood,
        "readings_before": made.readings_before, "readings_after": made.readings_after, "refused": made.refused,
        "complete": made.complete, "differences": [_difference(one) for one in made.differences],
    }  # fmt: skip


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "message": one.message.offset, "received": iso(one.message.envelope.received_at_ms),
        "source": one.message.envelope.source, "device_profile": one.decoded.device_profile,
        "before": [reading_json(reading) for reading in one.before],
        "after": [_bare(reading_json(reading)) for reading in one.after],
        "refused": [refusal.reason for refusal in one.refusals],
    }  # fmt: skip


def _bare(row: dict[str, Any]) -> dict[str, Any]:
    """A reading without what only the journal gives it."""
    return {name: value for name, value in row.items() if name not in ("offset", "message", "interpretation")}


_PROFILE = {
    "id": "acme-duo", "version": 3, "label": "acme-duo@3", "name": "Acme Duo", "maker": "Acme", "status": "supported",
    "proof": "messages of a customer's site", "origin": "saved", "channels": ["internal", "probe-1"],
    "interval_s": 600.0, "source": None,
}  # fmt: skip
_BODY = {
    "id": "acme-duo", "version": 1, "name": "Acme Duo", "channels": {"internal": {"temperature_c": {"path": "t"}}},
    "reason": "a make that is new to us",
}  # fmt: skip
_AGAIN = {
    "schema": AGAIN_SCHEMA, "logger": "LOG-0042", "decision": "c0ffee00-0000-4000-8000-000000000000", "examined": 480,
    "changed": 480, "strays": 0, "not_understood": 0, "readings_before": 480, "readings_after": 960, "refused": 0,
    "complete": True, "differences": [],
}  # fmt: skip
_ASSIGNED = {"logger": "LOG-0042", "device_profile": "dragino-lht65n", "zone": "Europe/Berlin"}
_ADMIN = may(Permission.ADMINISTER, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", f"{API}/device-profiles", listed, may(Permission.VIEW), shown_as("Every one", _PROFILE, many=True)),
    Endpoint("POST", f"{API}/device-profiles", add, _ADMIN, shown_as("The device profile", _PROFILE, status=201)
             | {"openapi_extra": {"requestBody": {"content": {
                 "application/json": {"schema": {"type": "object"}, "example": _BODY},
                 "application/toml": {"schema": {"type": "string"}},
             }}}}),
    Endpoint("GET", f"{API}/device-profiles/{{profile}}", shown, may(Permission.VIEW),
             shown_as("The device profile", _PROFILE | {"versions": [], "text": "id = …"})),
    Endpoint("POST", f"{API}/loggers/{{logger}}/device-profile", assign, _ADMIN,
             shown_as("What was said", _ASSIGNED, status=201)
             | takes({"device_profile": "dragino-lht65n", "zone": "Europe/Berlin", "reason": "as its label says"})),
    Endpoint("POST", f"{API}/loggers/{{logger}}/decode-again", again, may(Permission.ASSESS, unscoped=True),
             shown_as("What changed, or would", _AGAIN)
             | takes({"reason": "it sends Fahrenheit", "from": "2026-01-05T00:00:00Z", "dry_run": True})),
)  # fmt: skip
