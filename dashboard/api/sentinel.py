"""Where the sentinel comes by, so that the monitor knows that somebody watches it."""

import msgspec
from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from alerts.sentinel_visits import PATH
from coldchain.registry import sentinel_visits
from dashboard.api.request import Web
from dashboard.policy import PUBLIC, Endpoint
from dashboard.problems import Problem
from dashboard.services import Services

_MOST_BYTES = 1024


class _Said(msgspec.Struct):
    token: str
    ended: bool = False


async def visit(request: Request, web: Web) -> Response:
    """The sentinel was here; known by a word that only who can read the registry knows."""
    body = await request.body()
    try:
        said = msgspec.json.decode(body[:_MOST_BYTES], type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem(422, 'write {"token": "…", "ended": false}') from None
    if not await run_in_threadpool(_note, web, said):
        raise Problem(403, "this is not the sentinel of this installation")
    return Response(status_code=204)


def _note(web: Services, said: _Said) -> bool:
    with web.registry.read() as connection:
        known = sentinel_visits.known(connection, said.token)
    if known:
        with web.registry.write() as connection:
            sentinel_visits.note(connection, ended=said.ended, now_ms=web.clock.now_ms())
    return known


ENDPOINTS = (Endpoint("POST", PATH, visit, PUBLIC, {"status_code": 204, "responses": {204: {"description": "Seen"}}}),)
