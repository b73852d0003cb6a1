"""Files of USB loggers over HTTP: look at what one would become, import it, and keep how its columns are read."""

from email.parser import BytesParser
from email.policy import HTTP
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import file_imports
from coldchain.registry.viewer import Permission
from dashboard.api.request import Body, Caller, Web, Words, reply, shown_as, takes
from dashboard.policy import API, KIB, Endpoint, may
from ingest import file_mappings, files, files_again
from ingest.csv_files import Options
from sensors.carriers.files.mapping import as_json, shipped

Name = Annotated[str, Query(description="what the file was called")]
Zone = Annotated[str | None, Query(description="IANA zone of the logger's wall clock, for files without one")]
Mapping = Annotated[str | None, Query(description="a mapping's id or id@version; as a form's field also its JSON")]
Logger = Annotated[str | None, Query(description="the logger's id, for files that do not name it")]
Order = Annotated[
    str | None, Query(description="of the date, where it reads both ways: dmy, mdy, ymd, epoch_s, epoch_ms")
]
Confirm = Annotated[bool, Query(description="the preview of an untested mapping was looked at")]
_FIELDS = ("zone", "mapping", "logger", "order", "confirm")


class _Sent(NamedTuple):
    """A file with what was said about it."""

    content: bytes
    name: str
    options: Options


async def _sent(request: Request, name: str, stated: dict[str, Any]) -> _Sent:
    """The file of a request, sent as its body or, as browsers and `curl -F` do, as a form's file."""
    content, kind = await request.body(), request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        content, named, fields = await run_in_threadpool(_form, kind, content)
        name, stated = named or name, {**fields, **{key: value for key, value in stated.items() if value}}
    if not content:
        raise InvalidValue("body: is empty; send the file's bytes as the request's body, or as a form's file")
    plain = name.replace("\\", "/").rsplit("/", 1)[-1][:200] or "upload"
    return _Sent(content, plain, _options(stated))


def _form(kind: str, body: bytes) -> tuple[bytes, str | None, dict[str, str]]:
    """The first part with a file name, as it was sent, and the fields beside it."""
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    content, name, fields = b"", None, {}
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
        value = part.get_payload(decode=True)
        field = part.get_param("name", header="content-disposition")
        if not isinstance(value, bytes):
            continue
        if part.get_filename() is not None and name is None:
            content, name = value, part.get_filename()
        elif field in _FIELDS:
            fields[str(field)] = value.decode("utf-8", "replace").strip()
    return content, name, fields


def _options(stated: dict[str, Any]) -> Options:
    mapping = stated.get("mapping") or None
    if isinstance(mapping, str) and mapping.startswith("{"):
        try:
            mapping = msgspec.json.decode(mapping)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidValue(f"mapping: is not JSON: {error}") from error
    texts = {name: (stated.get(name) or None) for name in ("zone", "logger", "order")}
    return Options(mapping=mapping, confirm=stated.get("confirm") in (True, "true", "1", "on"), **texts)


async def file(
    request: Request, web: Web, viewer: Caller, name: Name = "upload", zone: Zone = None, mapping: Mapping = None,
    logger: Logger = None, order: Order = None, confirm: Confirm = False,
) -> Response:  # fmt: skip
    """Import a logger's file, sent as the body or in a form. Sending the same file again gives the first report."""
    if viewer.loggers is not None:
        raise Forbidden("this key may send messages of some loggers only; files are brought by keys that speak for any")
    stated = {"zone": zone, "mapping": mapping, "logger": logger, "order": order, "confirm": confirm}
    sent = await _sent(request, name, stated)
    done = await run_in_threadpool(
        files.import_file, web.pipeline, web.registry, sent.content, sent.name, who=viewer.id, options=sent.options
    )
    return reply({**done.report, "again": done.again}, 200 if done.again else 201)


async def preview(
    request: Request, web: Web, name: Name = "upload", zone: Zone = None, mapping: Mapping = None,
    logger: Logger = None, order: Order = None, confirm: Confirm = False,
) -> Response:  # fmt: skip
    """What an import of this file would do and what it still needs to be told. Nothing is stored."""
    stated = {"zone": zone, "mapping": mapping, "logger": logger, "order": order, "confirm": confirm}
    sent = await _sent(request, name, stated)
    found = await run_in_threadpool(
        files.preview_file, web.registry, sent.content, sent.name, sent.options, web.clock.now_ms()
    )
    return reply(found)


def original(web: Web, sha256: str) -> Response:
    """The file as it was brought, byte for byte."""
    with web.registry.read() as connection:
        found, content = file_imports.get(connection, sha256), file_imports.content(connection, sha256)
    name = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in found.name)
    held = {"Content-Disposition": f'attachment; filename="{name}"', "ETag": f'"{sha256}"'}
    return Response(content, 200, held, "application/octet-stream")


class ReadAgain(Body):
    """How a file is to be read instead, and why; `dry_run` only shows what would change."""

    zone: Words | None = None
    mapping: Words | dict[str, Any] | None = None
    logger: Words | None = None
    order: Words | None = None
    confirm: bool = False
    reason: Words | None = None
    dry_run: bool = False


def again(web: Web, viewer: Caller, sha256: str, body: ReadAgain) -> Response:
    """Read an imported file again in another way. What it said before stays on record as superseded."""
    options = Options(body.zone or None, body.logger or None, body.mapping or None, body.order or None, body.confirm)
    if body.dry_run:
        return reply(files_again.look_again(web.pipeline, web.registry, web.history, sha256, options).as_json())
    made = files_again.read_again(
        web.pipeline, web.registry, web.history, sha256, options, who=viewer.id, reason=body.reason or ""
    )
    return reply(made.as_json())


def mappings(web: Web) -> Response:
    """The newest version of every file mapping: those that people saved, then those that come with the program."""
    own = {one.id for one in shipped()}
    items = [{**as_json(one), "shipped": one.id in own} for one in file_mappings.known(web.registry)]
    return reply({"items": items, "next_cursor": None})


async def add_mapping(request: Request, web: Web, viewer: Caller) -> Response:
    """Keep a file mapping or its next version, with `reason` beside it from version 2 on."""
    try:
        body = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidValue(f"body: is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidValue("body: is not a JSON object; send the mapping's fields")
    made = await run_in_threadpool(file_mappings.save, web.registry, body, who=viewer.id, now_ms=web.clock.now_ms())
    return reply(made, 201, {"Location": f"{API}/file-mappings"})


_IMPORT = {"name": "fridge.txt", "state": "imported", "rows": 4320, "stored": 4320, "duplicates": 0, "again": False}
_PREVIEW = {
    "schema": files.PREVIEW_SCHEMA, "name": "run.csv", "mapping": "generic@1", "rows": 288, "readings": 288,
    "problem_count": 0, "problems": [],
    "needs": [{"field": "zone", "reason": "the file holds local times without a zone"}],
    "columns": [{"position": 2, "title": "Temp (°C)", "examples": ["4.6"],
                 "becomes": {"what": "temperature", "channel": "internal", "field": "temperature_c", "unit": "C"}}],
}  # fmt: skip
_MAPPING = {
    "id": "our-logger", "version": 1, "title": "Our logger's CSV", "match": {"columns": ["Zeit", "Temp*"]},
    "time": {"columns": ["Zeit"], "order": "dmy"}, "logger": {"preamble": "Serial"},
    "channels": [{"column": "Temp*", "channel": "internal", "quantity": "temperature", "unit": "C"}],
}  # fmt: skip
_AGAIN = {
    "schema": files_again.AGAIN_SCHEMA, "sha256": "9f2c…", "messages": 1, "readings_before": 288, "readings_after": 288,
    "known": 0, "refused": [], "done": True,
    "report": {"name": "run.csv", "mapping": "our-logger@2", "zone": "Europe/Berlin", "stored": 288,
               "read": {"number": 2, "at": "2026-11-22T12:00:00.000Z", "who": "ada", "reason": "its unit is °F"}},
}  # fmt: skip
_READ_AGAIN = {"zone": "Europe/Berlin", "mapping": "our-logger@2", "reason": "its unit is °F", "dry_run": False}
_FILE = {"openapi_extra": {"requestBody": {"required": True, "content": {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}}}}  # fmt: skip

ENDPOINTS = (
    Endpoint("POST", f"{API}/files", file, may(Permission.INGEST, body_limit=files.LARGEST + 64 * KIB),
             shown_as("Imported", _IMPORT, status=201) | _FILE),
    Endpoint("POST", f"{API}/files/preview", preview, may(Permission.OPERATE, body_limit=files.LARGEST + 64 * KIB),
             shown_as("What it would become", _PREVIEW) | _FILE),
    Endpoint("GET", f"{API}/files/{{sha256}}", original, may(Permission.OPERATE, unscoped=True)),
    Endpoint("POST", f"{API}/files/{{sha256}}/again", again, may(Permission.ASSESS, unscoped=True),
             shown_as("What it came to", _AGAIN) | takes(_READ_AGAIN)),
    Endpoint("GET", f"{API}/file-mappings", mappings, may(Permission.OPERATE),
             shown_as("The mappings", _MAPPING, many=True)),
    Endpoint("POST", f"{API}/file-mappings", add_mapping, may(Permission.OPERATE, unscoped=True),
             shown_as("Kept", _MAPPING, status=201) | takes(_MAPPING)),
)  # fmt: skip
